"""The seeds that there are: those of 32 bits."""

from dcgan_jax.system import errors

MAX_SEED = 2**32 - 1


def check(seed: int | None, *, name: str = "seed") -> None:
    """Raise an error for a seed that would be another one's in 32 bits.

    Args:
        seed: the seed; None is none.
        name: of the flag or argument.

    Raises:
        InputError: naming the bounds.
    """
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise errors.InputError(f"{name}={seed}; it must be from 0 to {MAX_SEED}.")
