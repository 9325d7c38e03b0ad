"""Drop files from the kernel's page cache, and measure how much of them is in it."""

import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def drop(files: Iterable[Path]) -> None:
    """Ask the kernel to forget files; pages that a process has mapped in may stay."""
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)  # only clean pages are dropped
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def fill(files: Iterable[Path]) -> None:
    """Read files whole, so that they are in memory."""
    for file in files:
        with file.open("rb", buffering=0) as stream:
            while stream.read(1 << 24):
                pass


def measure_residency(files: Iterable[Path]) -> float:
    """Return the share of the files' pages that are in memory, by mincore."""
    libc = ctypes.CDLL(None, use_errno=True)
    present = total = 0
    for file in files:
        size = file.stat().st_size
        with file.open("r+b") as stream, mmap.mmap(stream.fileno(), size) as mapped:
            pages = -(-size // mmap.PAGESIZE)
            vector = (ctypes.c_ubyte * pages)()
            start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
            if libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), vector):
                raise OSError(ctypes.get_errno(), "mincore")
            present += int((np.frombuffer(vector, np.uint8) & 1).sum())
            total += pages
    return present / max(total, 1)
