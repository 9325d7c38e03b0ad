"""From the names in a folder or archive to the images of a split and their labels."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dcgan_jax.prepare.sources import advice, companions, names, splits, webdataset
from dcgan_jax.prepare.sources.base import Understood, sort_classes
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

_MAX_SHOWN = 3


class Member(NamedTuple):
    """One file of a folder or archive."""

    path: str
    """Relative to the folder or archive, with forward slashes."""
    size: int
    """Bytes."""
    place: int = 0
    """Its place in an archive, since several members may share a path; for a file in a
    folder, the time of its last change."""
    problem: str | None = None
    """Why it is not even looked at, where it is a pipe or a device."""
    archive: int = 0
    """Which of several archives it lies in."""


class Selection(NamedTuple):
    """The images of one split."""

    members: list[Member]
    labels: list[int] | None
    class_names: tuple[str, ...] | None
    understood: Understood


class _Sorted(NamedTuple):
    """The files of a source: images, and what else there is, each with its kind."""

    images: list[Member]
    others: list[tuple[Member, str]]


def select(
    members: Iterable[Member],
    split: str,
    *,
    where: object,
    read: Callable[[Member], bytes] | None = None,
    has_samples: bool = False,
    elsewhere: Iterable[Member] = (),
) -> Selection:
    """Choose the images of a split, and find their labels.

    Hidden files, those of systems, and masks beside images are left out. StyleGAN's
    dataset.json gives the labels where there is one; else folders do: `splits.find`
    tells which are splits and which are classes. Images outside any class folder make
    the whole split unlabelled, as does a single class. Labels count the classes of all
    splits, numbers in the order of numbers: train and test agree.

    Args:
        members: all files, in any order.
        split: the part asked for.
        where: the folder or archive, for messages.
        read: returns the content of a companion file; None: there are none.
        has_samples: whether an image's label may be in a file of its name, as in a
            WebDataset.
        elsewhere: the files of a WebDataset's other splits, whose labels have the same
            numbers.

    Returns:
        The split's images in sorted order, and how everything was understood.

    Raises:
        InputError: if there is no image, or no such split.
    """
    images, others = _sort_out(members)
    if not images:
        raise errors.InputError(_explain_no_images(where, others))
    notes = _describe_duplicates(images)
    found = None if read is None else _read_companion(images, others, read)
    if found is None and has_samples and read is not None:
        samples = _read_samples(images, others, read, _sort_out(elsewhere))
        if samples is not None:
            splits.require_train(split, where=where)
            return _take_samples(images, others, notes, samples)
    if found is None:
        return _select_by_folders(images, others, split, notes, where=where)
    companion, labels = found
    splits.require_train(split, where=where)
    if labels.note:
        notes = (*notes, labels.note)
    left_out = _list(others, without=companion)
    understood = Understood(left_out, (), notes, labels.unlabelled)
    return Selection(images, labels.numbers, labels.class_names, understood)


def _read_companion(
    images: list[Member],
    others: list[tuple[Member, str]],
    read: Callable[[Member], bytes],
) -> tuple[Member, companions.Labels] | None:
    """Return the file that holds the labels and what it says; None: there is none."""
    companion = companions.find([member for member, _ in others])
    if companion is None:
        return None
    try:
        labels = companions.read_labels(read(companion), companion, images)
    except BrokenImage:  # then it is listed among the files that were left out
        return None
    return None if labels is None else (companion, labels)


def _select_by_folders(
    images: list[Member],
    others: list[tuple[Member, str]],
    split: str,
    notes: tuple[str, ...],
    *,
    where: object,
) -> Selection:
    """Choose the images of a split, and their labels by the folders they lie in."""
    layout = splits.find([names.folders_of(image.path) for image in images])
    chosen = splits.choose(layout, split, where=where)
    kept = [i for i, place in enumerate(layout.places) if place.split in chosen]
    beside = [
        (image, "beside the splits")
        for image, place in zip(images, layout.places, strict=True)
        if layout.splits and place.split == ""
    ]
    members = [images[i] for i in kept]
    classes = [layout.places[i].class_name for i in kept]
    class_names = _name_classes(layout, chosen)
    numbers, unlabelled = None, None
    if class_names is not None and None in classes:
        first = members[classes.index(None)].path
        unlabelled = (
            f"{classes.count(None):,} of {len(kept):,} images lie outside of the"
            f" folders of classes ({first})"
        )
        class_names = None
    elif class_names is not None:
        by_name = {name: number for number, name in enumerate(class_names)}
        numbers = [by_name[str(name)] for name in classes]
    understood = Understood(_list(others + beside), layout.splits, notes, unlabelled)
    return Selection(members, numbers, class_names, understood)


def _read_samples(
    images: list[Member],
    others: list[tuple[Member, str]],
    read: Callable[[Member], bytes],
    elsewhere: _Sorted,
) -> webdataset.Found | None:
    """Return the labels of a WebDataset; None if it is none, or has splits."""
    if splits.find([names.folders_of(image.path) for image in images]).splits:
        return None
    files = [member for member, _ in others]
    rest = [member for member, _ in elsewhere.others]
    return webdataset.read_samples(images, files, read, (elsewhere.images, rest))


def _take_samples(
    images: list[Member],
    others: list[tuple[Member, str]],
    notes: tuple[str, ...],
    found: webdataset.Found,
) -> Selection:
    """Return the images of a WebDataset with their labels."""
    numbers, class_names, unlabelled = found.labels
    rest = [other for other in others if not other[0].path.endswith(found.suffix)]
    note = f"labels of the {found.suffix} files"
    understood = Understood(_list(rest), (), (*notes, note), unlabelled)
    labels = None if numbers is None else numbers.tolist()
    return Selection(images, labels, class_names, understood)


def list_as_before(members: Iterable[Member]) -> list[tuple[str, int]]:
    """Return names and sizes of what was taken when only few names were known."""
    return [(m.path, m.size) for m in members if names.was_image(m.path)]


def _sort_out(members: Iterable[Member]) -> _Sorted:
    """Separate the images from all that is beside them."""
    images, others = [], []
    for member in members:
        kind = names.find_other_kind(member.path) or member.problem
        if kind is None:
            images.append(member)
        else:
            others.append((member, kind))
    images.sort()
    masks = _find_masks(images)
    if len(masks) == len(images):  # then they are what is meant
        return _Sorted(images, others)
    others += [(image, "masks") for image in images if image in masks]
    return _Sorted([image for image in images if image not in masks], others)


def _find_masks(images: list[Member]) -> set[Member]:
    """Return the images that are masks of others: masks/7.png, 7_mask.png."""
    children: dict[tuple[str, ...], set[str]] = defaultdict(set)
    stems: dict[tuple[str, ...], set[str]] = defaultdict(set)
    suspects = []
    for image in images:
        *folders, name = names.split_path(image.path)
        stem = name.rpartition(".")[0]
        parents = tuple(folders)
        for depth, folder in enumerate(folders):
            children[parents[:depth]].add(folder)
        stems[parents].add(stem)
        if names.find_masked(name) or any(map(names.has_mask_word, folders)):
            suspects.append((image, parents, name))
    if not suspects:
        return set()
    found = set()
    folders_of_masks = {
        (*parent, name)
        for parent, siblings in children.items()
        for name in names.find_mask_folders(siblings)
    }
    for image, parents, name in suspects:
        in_folder = any(
            parents[: depth + 1] in folders_of_masks for depth in range(len(parents))
        )
        if in_folder or names.find_masked(name) in stems[parents]:
            found.add(image)
    return found


def _name_classes(
    layout: splits.Layout, chosen: frozenset[str]
) -> tuple[str, ...] | None:
    """Return the classes of all splits that are sorted into classes throughout."""
    by_split: dict[str, set[str | None]] = defaultdict(set)
    for place in layout.places:
        by_split[place.split].add(place.class_name)
    found = set()
    for split, classes in by_split.items():
        if split in chosen or (None not in classes and split != ""):
            found |= {name for name in classes if name is not None}
    return sort_classes(found) if len(found) > 1 else None


def _describe_duplicates(images: list[Member]) -> tuple[str, ...]:
    counts = Counter((image.archive, image.path) for image in images)
    repeated = {place: count for place, count in counts.items() if count > 1}
    if not repeated:
        return ()
    _, first = next(iter(repeated))
    return (
        f"{sum(repeated.values()):,} images share {len(repeated):,} names"
        f" (as {first}), all are taken",
    )


def _list(
    others: list[tuple[Member, str]], without: Any = None
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (member.path, kind) for member, kind in sorted(others) if member != without
    )


def summarise(left_out: Iterable[tuple[str, str]]) -> str:
    """Say what was left out: "40 .heic, 5 without suffix, notes.txt"."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for path, kind in left_out:
        by_kind[kind].append(path)
    parts = []
    for kind, paths in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        if len(paths) == 1 and kind.startswith("."):
            parts.append(names.split_path(paths[0])[-1])
        else:
            parts.append(f"{len(paths):,} {kind}")
    return ", ".join(parts)


def _explain_no_images(where: object, others: list[tuple[Member, str]]) -> str:
    archives = [
        member.path for member, kind in others if kind in names.ARCHIVE_SUFFIXES
    ]
    if archives:
        shown = ", ".join(sorted(archives)[:_MAX_SHOWN])
        more = ", …" if len(archives) > _MAX_SHOWN else ""
        return (
            f"{where} holds no images but archives: unpack {shown}{more} first, each"
            " into a folder of its own, and give the folder that holds them"
        )
    found = summarise(_list(others))
    return (
        f"{where} holds no images; expected files named"
        " *.jpg, *.png, *.webp, *.bmp, *.gif, *.tif, *.ppm or *.avif"
        + (f"; it holds {found}" if found else "")
        + _advise(others)
    )


def _advise(others: list[tuple[Member, str]]) -> str:
    for member, _ in sorted(others):
        if known := advice.find(member.path):
            return f". {names.split_path(member.path)[-1]} {known}"
    return ""
