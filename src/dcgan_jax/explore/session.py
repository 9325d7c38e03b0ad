"""The picks and boxes that one person has made on the page."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from dcgan_jax.latent.boxes import Box
from dcgan_jax.latent.picks import Groups


class Which(NamedTuple):
    """A generator by name.

    Attributes:
        run: a run's folder, an exported file or a release, as `--run` has it.
        step: the checkpoint's step; None: the newest one, or no checkpoint at all.
        ema: whether it is the average of the run's generator.
    """

    run: str
    step: int | None = None
    ema: bool = False


@dataclasses.dataclass(frozen=True)
class Session:
    """Picks and boxes on the numbered samples of a seed and a class.

    Attributes:
        seed: the samples' seed.
        label: their class; None for a generator without classes.
        groups: the name of a concept → numbers, in the order of the clicks.
        boxes: rectangles in pixels of the generator's images.
        which: the generator; None for the one that the command names.
        beside: the generator whose samples stand beside them, if any.
        clicks: the number of clicks that the groups are the outcome of.
        others: (seed, label) of other samples → their groups.
    """

    seed: int = 0
    label: int | None = None
    groups: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    which: Which | None = None
    beside: Which | None = None
    clicks: int = 0
    others: Mapping[tuple[int, int | None], Mapping[str, tuple[int, ...]]] = (
        dataclasses.field(default_factory=dict)
    )

    def has_samples_of(self, other: "Session") -> bool:
        """Tell whether the samples of both are the same pictures."""
        return (self.seed, self.label, self.which) == (
            other.seed, other.label, other.which
        )  # fmt: skip

    def turn_to(self, seed: int, label: int | None) -> "Session":
        """Go to other samples; the picks of these are kept, and found by coming back.

        The boxes are not kept, since a file holds those of one seed.
        """
        if (seed, label) == (self.seed, self.label):
            return self
        others = {**self.others, (self.seed, self.label): self.groups}
        groups = others.pop((seed, label), {})
        return dataclasses.replace(
            self, seed=seed, label=label, groups=groups, boxes=(), others=others
        )

    def group(self, name: str) -> tuple[int, ...]:
        """Return a concept's numbers, which are none if nothing is picked."""
        return self.groups.get(name, ())

    def replace_groups(self, groups: Mapping[str, tuple[int, ...]]) -> "Session":
        """Return the session with other numbers in some of the concepts."""
        return dataclasses.replace(self, groups={**self.groups, **groups})

    def complete(self, names: tuple[str, ...]) -> Groups | None:
        """Return the numbers of some concepts; None unless each has an exemplar."""
        found = {name: self.group(name) for name in names}
        return found if all(found.values()) else None
