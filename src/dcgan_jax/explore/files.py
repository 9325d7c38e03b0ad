"""Files of picks and boxes, which lie in the folder of the run and nowhere else."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dcgan_jax.explore import own
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import boxes as box_files, picks as pick_files
from dcgan_jax.latent.boxes import BoxFile
from dcgan_jax.latent.picks import Picks
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors

PICKS, TURN, BOXES = "picks.json", "turn.json", "boxes.json"
R = TypeVar("R")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,94}\.json")


def find_file(folder: Path, name: str) -> Path:
    """Return the path of a file that a person has named on the page.

    Args:
        folder: the folder that all of them lie in.
        name: the file's name without a folder, ending in .json.

    Raises:
        InputError: if it is anything else, leads out of the folder by a link, or is the
            file of the run's settings.
    """
    if not _NAME.fullmatch(name) or name == run_dir.CONFIG:
        raise errors.InputError(
            f"{name[:60]!r} is no name for picks or boxes; expected letters, digits, _ "
            "and - and .json at the end, without a folder."
        )
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise errors.InputError(f"{path} leads out of {folder}; choose another name.")
    return path


def keep_picks(
    subject: Subject, session: Session, names: tuple[str, ...], file: str
) -> Path:
    """Write exemplars for `python -m dcgan_jax.latent arithmetic --picks=…`.

    Args:
        subject: the generator.
        session: the picks, and the samples that they are of.
        names: the groups' names: `picks.ARITHMETIC` or `picks.TURN`.
        file: the file's name.

    Raises:
        InputError: if a group is empty, or an existing file holds no picks.
    """
    groups = session.complete(names)
    if groups is None:
        raise errors.InputError("each group needs a sample before they can be saved.")
    own.check_numbered(groups)
    path = find_file(subject.folder, file)
    if path.exists():
        pick_files.read_picks(path)  # other files are not replaced
    picks = Picks(
        generator=subject.require().digest,
        run=Path(subject.name).resolve().name,
        step=subject.require().step,
        seed=session.seed,
        label=session.label,
        groups=groups,
    )
    pick_files.save_picks(picks, path)
    return path


def load_picks(subject: Subject, names: tuple[str, ...], file: str) -> Picks:
    """Read picks of this generator's samples.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it holds other groups, or samples of another generator.
    """
    path = find_file(subject.folder, file)
    picks = pick_files.read_picks(path)
    pick_files.check_generator(picks, path, digests=subject.require().digests)
    if set(picks.groups) != set(names):
        raise errors.InputError(
            f"{path} has {', '.join(picks.groups)}; expected {', '.join(names)}."
        )
    return picks


def keep_boxes(subject: Subject, session: Session, file: str) -> Path:
    """Write boxes for `python -m dcgan_jax.latent forget --boxes=…`.

    Raises:
        InputError: if there are none, or an existing file holds no boxes.
    """
    if not session.boxes:
        raise errors.InputError("draw a box before they can be saved.")
    path = find_file(subject.folder, file)
    if path.exists():
        box_files.read_boxes(path)
    loaded = subject.require()
    path.parent.mkdir(parents=True, exist_ok=True)
    box_files.write_boxes(
        BoxFile(session.boxes, loaded.config.image_size, session.seed, loaded.step),
        path,
    )
    return path


def load_boxes(subject: Subject, file: str) -> BoxFile:
    """Read boxes on this generator's samples, in pixels of its images.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if they were drawn on samples of another step or size.
    """
    found = box_files.read_boxes(find_file(subject.folder, file))
    loaded = subject.require()
    box_files.check_step(found, loaded.step)
    boxes = box_files.fit_boxes(
        found, image_size=loaded.config.image_size, num_samples=pick_files.MAX_NUMBER
    )
    return found._replace(boxes=boxes, image_size=loaded.config.image_size)


def name_boxes(label: int | None) -> str:
    """Return the name of a class's file of boxes, which itself names no class."""
    return BOXES if label is None else f"boxes-class{label}.json"


def open_session(
    subject: Subject, seed: int | None, label: int | None
) -> tuple[Session, list[str]]:
    """Begin with the picks and boxes that were saved of these samples.

    Args:
        subject: the generator.
        seed: the samples' seed; None: that of the saved picks or boxes, or 0.
        label: their class; None: that of the saved picks, or the first one.

    Returns:
        The session, and a line for each file that does not fit.
    """
    remarks: list[str] = []
    kinds = ((pick_files.ARITHMETIC, PICKS), (pick_files.TURN, TURN))
    opened = [_open(remarks, load_picks, subject, *kind) for kind in kinds]
    found = [picks for picks in opened if picks is not None]
    if label is None and subject.require().config.num_classes is not None:
        label = next((picks.label for picks in found), 0)
    boxes = _open(remarks, load_boxes, subject, name_boxes(label))
    if seed is None:
        seeds = [picks.seed for picks in found]
        seeds += [boxes.seed or 0] if boxes else []
        seed = seeds[0] if seeds else 0
    session = Session(seed, label)
    for picks in found:
        if (picks.seed, picks.label) == (seed, label):
            session = session.replace_groups(picks.groups)
    if boxes and (boxes.seed or 0) == seed:
        session = dataclasses.replace(session, boxes=boxes.boxes)
    return session, remarks


def _open(remarks: list[str], load: Callable[..., R], *given: Any) -> R | None:
    """Load a file if it is there and fits; else add a remark on why it does not."""
    try:
        return load(*given)
    except errors.MissingInputError:
        return None
    except errors.InputError as error:
        remarks.append(str(error))
        return None
