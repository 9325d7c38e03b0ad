"""A check that arrays fit into memory before they are collected."""

import os

from dcgan_jax.system import disk, errors


def require_memory(num_bytes: int, *, what: str) -> None:
    """Raise an error unless this machine's memory can hold so many bytes.

    Args:
        num_bytes: the bytes that are about to be collected.
        what: what takes them, a plural such as "1,000 samples".

    Raises:
        InputError: if it cannot; the message names both sizes.
    """
    most = find_size()
    if num_bytes > most > 0:
        raise errors.InputError(
            f"{what} take {disk.format_bytes(num_bytes)} of memory, but this machine"
            f" has {disk.format_bytes(most)}; ask for less."
        )


def find_size() -> int:
    """Return the bytes of this machine's memory; 0 or less where it does not tell."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
