"""Amounts that no memory holds are refused before they are collected."""

import os

from dcgan_jax.system import disk, errors


def require_memory(num_bytes: int, *, what: str) -> None:
    """Raise an error unless this machine's memory can hold so many bytes.

    Args:
        num_bytes: that are about to be collected.
        what: takes them, as in "1,000 samples".

    Raises:
        InputError: naming both sizes.
    """
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if num_bytes > most > 0:
        raise errors.InputError(
            f"{what} take {disk.format_bytes(num_bytes)} of memory, this machine has"
            f" {disk.format_bytes(most)}; ask for fewer."
        )
