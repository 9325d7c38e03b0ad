"""The range of seeds: whole numbers of 32 bits."""

from dcgan_jax.system import errors

MAX_SEED = 2**32 - 1


def check(seed: int | None, *, name: str = "seed") -> None:
    """Raise an error for a seed that does not fit into 32 bits.

    Args:
        seed: the seed, or None where none is given.
        name: the flag's or argument's name.

    Raises:
        InputError: if it does not fit; the message names the bounds.
    """
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise errors.InputError(f"{name}={seed}; it must be from 0 to {MAX_SEED}.")
