"""Which folders of a data set are splits, and which are classes."""

from collections.abc import Sequence
from typing import NamedTuple

from dcgan_jax.prepare.sources import names
from dcgan_jax.system import errors

_ALL_TRAIN = "train"


class Place(NamedTuple):
    """Where one image belongs."""

    split: str
    """Name of the split's folder; '' where all is one, or outside of the splits."""
    class_name: str | None
    """Name of the class's folder; None outside of any."""


class Layout(NamedTuple):
    """What the folders mean."""

    places: list[Place]
    """The place of every image, in the order given."""
    splits: tuple[str, ...]
    """Names of the splits' folders, sorted; none where all is one split."""


def find(folders: Sequence[tuple[str, ...]]) -> Layout:
    """Find splits and classes.

    Folders that wrap everything are skipped. The next ones are splits if their names
    say so (`names.parse_split`) and nothing else, all of them, or train and another;
    then any further ones are splits of their own names. Named trainA, trainB, testA,
    testB they are splits and classes in one. Where every one of them holds splits,
    train and another, it is a class. Without splits, what is then the top folder of an
    image is its class.

    Args:
        folders: of every image, the outermost first.
    """
    depth = _wrapping_depth(folders)
    tops = sorted({parts[depth] for parts in folders if len(parts) > depth})
    everything = all(len(parts) > depth for parts in folders)
    known = {name: names.parse_split(name) for name in tops}
    if _are_splits(known, everything=everything):
        return _by_split(folders, depth)
    if everything and _are_splits_and_classes(known):
        places = []
        for parts in folders:
            found = known[parts[depth]]
            assert found is not None
            places.append(Place(found.split, found.rest))
        return Layout(places, tuple(sorted({place.split for place in places})))
    below = sorted({parts[depth + 1] for parts in folders if len(parts) > depth + 1})
    known = {name: names.parse_split(name) for name in below}
    deep = all(len(parts) > depth + 1 for parts in folders)
    if deep and any(known.values()) and _are_splits(known, everything=False):
        places = [Place(parts[depth + 1], parts[depth]) for parts in folders]
        return Layout(places, tuple(below))
    return Layout(
        [Place("", parts[depth] if len(parts) > depth else None) for parts in folders],
        (),
    )


def are_splits(class_names: Sequence[str] | None) -> bool:
    """Tell whether what a store of old took as classes would be taken as splits."""
    known = {name: names.parse_split(name) for name in class_names or ()}
    return _are_splits(known, everything=True)


def choose(layout: Layout, split: str, *, where: object) -> frozenset[str]:
    """Return the names of the folders that make up a split.

    Raises:
        InputError: if there is none of this name or meaning.
    """
    if not layout.splits:
        require_train(split, where=where)
        return frozenset({""})
    if split in layout.splits:
        return frozenset({split})
    asked = names.parse_split(split)
    found = frozenset(
        name
        for name in layout.splits
        if asked is not None
        and (parsed := names.parse_split(name)) is not None
        and parsed.split == asked.split
    )
    if not found:
        known = ", ".join(layout.splits)
        raise errors.InputError(f"{where} has no split {split!r}; it has: {known}")
    return found


def require_train(split: str, *, where: object) -> None:
    """Raise an error unless the split asked for is the one that everything is.

    Raises:
        InputError: naming the split.
    """
    if split != _ALL_TRAIN:
        raise errors.InputError(
            f"{where} has no split {split!r}: it has no folders train, test or val,"
            " so that all of it is 'train'"
        )


def _wrapping_depth(folders: Sequence[tuple[str, ...]], depth: int = 0) -> int:
    """Count the folders that hold everything and are not a split themselves."""
    while True:
        tops = {parts[depth : depth + 1] for parts in folders}
        if len(tops) > 1 or tops == {()} or names.parse_split("".join(*tops)):
            return depth
        depth += 1


def _are_splits(known: dict[str, names.SplitName | None], *, everything: bool) -> bool:
    """Tell whether folders are splits: all of them, or train and another."""
    parsed = [split for split in known.values() if split is not None]
    if not parsed or len({split.rest.lower() for split in parsed}) > 1:
        return False
    kinds = {split.split for split in parsed}
    is_alone = everything and len(parsed) == len(known)
    return is_alone or ("train" in kinds and len(kinds) > 1)


def _are_splits_and_classes(known: dict[str, names.SplitName | None]) -> bool:
    """Tell whether folders are named by split and class, as trainA and testA."""
    classes: dict[str, set[str]] = {}
    for split in known.values():
        if split is None:
            return False
        classes.setdefault(split.split, set()).add(split.rest)
    of_train = classes.get("train", set())
    if len(of_train) < 2 or any(not found <= of_train for found in classes.values()):
        return False
    return len(classes) > 1 or all(len(rest) == 1 for rest in of_train)


def _by_split(folders: Sequence[tuple[str, ...]], depth: int) -> Layout:
    """Return the places below folders that are splits."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for parts in folders:
        if len(parts) > depth:
            groups.setdefault(parts[depth], []).append(parts[depth + 1 :])
    skipped = _common_wrapping(
        [group for name, group in groups.items() if names.parse_split(name)]
    )
    places = []
    for parts in folders:
        if len(parts) <= depth:
            places.append(Place("", None))
            continue
        # A further split is wrapped as it likes.
        inner = parts[depth + 1 + skipped :]
        places.append(Place(parts[depth], inner[0] if inner else None))
    return Layout(places, tuple(sorted(groups)))


def _common_wrapping(groups: Sequence[list[tuple[str, ...]]]) -> int:
    """Count the folders that wrap all of every split: the same, or splits' names."""
    depth = 0
    while True:
        tops = []
        for group in groups:
            found = {parts[depth : depth + 1] for parts in group}
            if len(found) > 1 or found == {()}:
                return depth
            tops.append("".join(*found))
        if len(set(tops)) > 1 and not all(map(names.parse_split, tops)):
            return depth
        depth += 1
