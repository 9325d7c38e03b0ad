"""Find the near duplicates of a prepared store: pixels → hashes → list of kept rows."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import batches, kept_rows, store as stores
from dcgan_jax.data.kept_rows import KeptRows
from dcgan_jax.data.store import Store
from dcgan_jax.pictures import grid
from dcgan_jax.prepare.dedup import collisions, hashes
from dcgan_jax.prepare.dedup.hashes import Autoencoder, DedupConfig
from dcgan_jax.system import disk, errors, npy_file, progress

SHEET = "groups.png"
# With fewer the code is one of single images.
MIN_IMAGES = 500
_NOTES = "unfinished"
_HASH_ROWS = 256
_PART_ROWS = 16_384
_SHEET_GROUPS, _GROUPS_PER_LINE, _GROUP_COLUMNS = 48, 4, 3


def make_list(
    config: DataConfig,
    how: DedupConfig | None = None,
    *,
    show_progress: bool = True,
) -> KeptRows:
    """Make sure that the list of a config's store is there; cheap when it is.

    The list, its groups and a contact sheet lie in the folder `dedup` of the store. A
    call that was stopped goes on behind the last hashed part.

    Args:
        config: of the data, whose store is prepared.
        how: to hash; None: as an existing list was made, else by default.
        show_progress: report on stderr.

    Raises:
        InputError: if the store is damaged or too small, or the list is damaged.
    """
    store = stores.open_store(stores.store_path(config))
    folder = kept_rows.folder_of(config)
    with disk.exclusive(folder.with_name(folder.name + ".lock")):
        if kept_rows.is_complete(folder):
            kept = kept_rows.read(folder, fingerprint=store.fingerprint)
            if how is None or kept.settings.get("asked") == dataclasses.asdict(how):
                return kept
        how = how or DedupConfig()
        _check_size(store, how)
        notes = begin(folder, store, how)
        kept = find_duplicates(store, how, notes, show_progress=show_progress)
        save_sheet(
            lambda rows: store.rows(rows).images, kept, folder / SHEET, seed=how.seed
        )
        kept_rows.write(folder, kept, fingerprint=store.fingerprint)
        shutil.rmtree(notes, ignore_errors=True)
    return kept


def describe_kept(kept: KeptRows) -> str:
    """Say in a line what was found."""
    removed = sum(len(group) - 1 for group in kept.groups)
    count = len(kept.rows) + removed
    return (
        f"{removed:,} of {count:,} images are near duplicates of others"
        f" ({removed / count:.2%}, {kept.num_exact:,} of equal hash, the others up to"
        f" {kept.settings.get('max_distance')} bits apart), {len(kept.rows):,} are kept"
    )


def find_duplicates(
    store: Store, how: DedupConfig, notes: Path, *, show_progress: bool
) -> KeptRows:
    """Train the autoencoder, hash all images, and group those whose hashes collide.

    Args:
        store: the images.
        how: to do it.
        notes: an existing folder for what is finished.
        show_progress: report on stderr.
    """
    weights = learn_hashes(store, how, notes, show_progress=show_progress)
    codes = hash_store(store, weights, notes, show_progress=show_progress)
    distance = how.max_distance
    if distance is None:
        distance = collisions.choose_distance(codes, max_rate=how.max_rate)
    leaders, exact = collisions.find_groups(codes, max_distance=distance)
    num_exact = int((exact & (leaders != np.arange(len(leaders)))).sum())
    settings = {"asked": dataclasses.asdict(how), "max_distance": distance}
    return kept_rows.make(leaders, num_exact=num_exact, settings=settings)


def begin(folder: Path, store: Store, how: DedupConfig) -> Path:
    """Create the folder of notes, or clear it of what was made of anything else."""
    notes = folder / _NOTES
    plan = {"data_fingerprint": store.fingerprint, "how": dataclasses.asdict(how)}
    content = json.dumps(plan).encode()
    file = notes / "plan.json"
    if not (file.is_file() and file.read_bytes() == content):
        shutil.rmtree(notes, ignore_errors=True)
        notes.mkdir(parents=True)
        disk.write_whole(file, content)
    return notes


def learn_hashes(
    store: Store, how: DedupConfig, notes: Path, *, show_progress: bool
) -> Autoencoder:
    """Fit the autoencoder to a sample of the images, or read it from the notes."""
    file = notes / "autoencoder.npz"
    if file.is_file():
        with contextlib.suppress(ValueError, TypeError):  # damaged: learnt again
            return Autoencoder(**npy_file.read_npz(file))  # type: ignore[arg-type]
    order = batches.epoch_order(len(store), how.seed, epoch=0)
    rows = np.sort(order[: how.num_training_images])
    store.will_read(rows)
    images = store.rows(rows).images
    with progress.track(
        "learning hashes", how.num_steps, unit="steps", visible=show_progress
    ) as advance:
        weights = hashes.learn_autoencoder(how, images, advance=advance)
    with disk.replacing(file) as partial:
        np.savez(partial, **weights._asdict())
    return weights


def hash_store(
    store: Store, weights: Autoencoder, notes: Path, *, show_progress: bool
) -> np.ndarray:
    """Hash all images, (rows, 16) uint8; parts that are in the notes are read there."""
    parts = []
    with progress.track(
        "hashing", len(store), unit="images", visible=show_progress
    ) as advance:
        for start in range(0, len(store), _PART_ROWS):
            rows = np.arange(start, min(start + _PART_ROWS, len(store)))
            file = notes / f"codes-{start:09}.npy"
            codes = read_codes(file, len(rows))
            if codes is None:
                codes = hash_rows(store, weights, rows)
                with disk.replacing(file) as partial:
                    np.save(partial, codes)
            parts.append(codes)
            advance(len(rows))
    return np.concatenate(parts)


def hash_rows(store: Store, weights: Autoencoder, rows: np.ndarray) -> np.ndarray:
    """Hash rows of a store, (n, 16) uint8."""
    store.will_read(rows)
    codes = np.empty((len(rows), collisions.CODE_BYTES), np.uint8)
    for start in range(0, len(rows), _HASH_ROWS):
        part = rows[start : start + _HASH_ROWS]
        # Of one shape, so that one program hashes all.
        padded = np.resize(part, _HASH_ROWS)
        hashed = hashes.hash_images(weights, store.rows(padded).images)
        codes[start : start + len(part)] = hashed[: len(part)]
    return codes


def save_sheet(
    read: Callable[[np.ndarray], np.ndarray], kept: KeptRows, path: Path, *, seed: int
) -> None:
    """Draw some of the groups at random, four a line, the kept image first.

    Args:
        read: rows → their images, uint8 (n, height, width, channels).
        kept: whose groups are drawn.
        path: of the picture; without any group there is none.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    count = min(_SHEET_GROUPS, len(kept.groups))
    if count == 0:
        path.unlink(missing_ok=True)
        return
    picked = np.sort(rng.choice(len(kept.groups), count, replace=False))
    groups = [np.array(kept.groups[n][:_GROUP_COLUMNS]) for n in picked.tolist()]
    shape = read(groups[0][:1]).shape[1:]
    # A group takes as many places as the longest may, and a white one after it.
    sheet = np.full((count, _GROUP_COLUMNS + 1, *shape), 255, np.uint8)
    for line, rows in zip(sheet, groups, strict=True):
        line[: len(rows)] = read(rows)
    columns = _GROUPS_PER_LINE * (_GROUP_COLUMNS + 1)
    picture = grid.make_grid(sheet.reshape(-1, *shape), columns=columns)
    grid.save_picture(picture, path)


def _check_size(store: Store, how: DedupConfig) -> None:
    least = max(MIN_IMAGES, how.batch_size)
    if len(store) < least:
        raise errors.InputError(
            f"{store.path} holds {len(store):,} images, --dedup learns its hashes from"
            f" at least {least:,}; leave it out"
        )


def read_codes(file: Path, count: int) -> np.ndarray | None:
    """Read the codes of an earlier search; None if it left none of so many images."""
    if not file.is_file():
        return None
    with contextlib.suppress(ValueError):
        codes = npy_file.parse(file.read_bytes())
        if codes.shape == (count, collisions.CODE_BYTES) and codes.dtype == np.uint8:
            return codes
    return None
