"""The picks and boxes that one person has made on the page."""

import dataclasses
from collections.abc import Mapping

from dcgan_jax.latent.boxes import Box
from dcgan_jax.latent.picks import Groups


@dataclasses.dataclass(frozen=True)
class Session:
    """Picks and boxes on the numbered samples of a seed and a class.

    Attributes:
        seed: the samples' seed.
        label: their class; None for a generator without classes.
        groups: the name of a concept → numbers, in the order of the clicks.
        boxes: rectangles in pixels of the generator's images.
    """

    seed: int = 0
    label: int | None = None
    groups: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    boxes: tuple[Box, ...] = ()

    def has_samples_of(self, other: "Session") -> bool:
        """Tell whether the samples of both are the same pictures."""
        return (self.seed, self.label) == (other.seed, other.label)

    def group(self, name: str) -> tuple[int, ...]:
        """Return a concept's numbers, which are none if nothing is picked."""
        return self.groups.get(name, ())

    def toggle(self, name: str, number: int) -> "Session":
        """Put a sample into a concept, or take it out."""
        before = self.group(name)
        after = (
            tuple(n for n in before if n != number)
            if number in before
            else (*before, number)
        )
        return self.replace_groups({name: after})

    def replace_groups(self, groups: Mapping[str, tuple[int, ...]]) -> "Session":
        """Return the session with other numbers in some of the concepts."""
        return dataclasses.replace(self, groups={**self.groups, **groups})

    def complete(self, names: tuple[str, ...]) -> Groups | None:
        """Return the numbers of some concepts; None unless each has an exemplar."""
        found = {name: self.group(name) for name in names}
        return found if all(found.values()) else None
