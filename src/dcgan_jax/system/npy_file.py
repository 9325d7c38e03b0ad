"""Files of numpy.save and numpy.savez from anywhere: numbers alone, never objects.

A header says how many numbers follow. It is compared with the bytes that are there
before any memory is taken for them.
"""

import errno
import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_jax.system import errors

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def parse(content: bytes) -> np.ndarray:
    """Read an array from a file's bytes, without a copy.

    Raises:
        ValueError: if it is no array of numbers or cut short.
    """
    stream = io.BytesIO(content)
    shape, order, dtype = _read_header(stream, len(content))
    count = math.prod(shape)
    if count == 0:
        return np.empty(shape, dtype)
    flat = np.frombuffer(content, dtype, count, stream.tell())
    return flat.reshape(shape, order=order)


def map_file(path: Path, *, whole: bool = False) -> np.ndarray:
    """Map an array's file into memory.

    Args:
        path: the file's path.
        whole: whether bytes that follow the array are an error.

    Raises:
        ValueError: if it is no array of numbers or cut short.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        shape, order, dtype = _read_header(file, size)
        offset = file.tell()
    rest = size - offset - math.prod(shape) * dtype.itemsize
    if whole and rest:
        raise ValueError(f"{rest:,} more bytes follow the array {shape}")
    if math.prod(shape) == 0:
        return np.empty(shape, dtype)
    # As a plain array: each indexing of numpy's memmap class costs microseconds.
    try:
        mapped = np.memmap(path, dtype, "r", offset, shape, order)
    except OSError as error:
        if error.errno not in (errno.ENODEV, errno.ENOSYS, errno.EINVAL, errno.EACCES):
            raise
        # A disk whose files cannot be mapped: then they are read into memory.
        flat = np.fromfile(path, dtype, math.prod(shape), offset=offset)
        return flat.reshape(shape, order=order)
    return mapped.view(np.ndarray)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays that numpy.savez wrote, by their names.

    Raises:
        ValueError: if it is anything else, compressed, or damaged.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                # Then what is read is not larger than the file.
                if info.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{info.filename!r} is compressed")
                arrays[info.filename.removesuffix(".npy")] = parse(archive.read(info))
    except Exception as error:  # the readers of zips and of names have many
        raise ValueError(errors.first_line(error)) from error
    return arrays


def _read_header(stream: IO[bytes], num_bytes: int) -> tuple[Any, Any, np.dtype]:
    """Return shape, order and type of an array that is there in full."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"format version {version}, expected 1.0 or 2.0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser that takes the header
            shape, is_fortran, dtype = _HEADERS[version](stream)
    except Exception as error:  # tokens, syntax, recursion, memory: as Python's parser
        raise ValueError(errors.first_line(error)) from error
    if dtype.hasobject:
        raise ValueError("it holds pickled Python objects")
    if dtype.names is not None or dtype.itemsize == 0:
        raise ValueError(f"it holds {dtype}, expected numbers")
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError(f"its shape is {shape}")
    found = num_bytes - stream.tell()
    if (needed := math.prod(shape) * dtype.itemsize) > found:
        raise ValueError(f"{shape} {dtype} take {needed} bytes, there are {found}")
    return shape, "F" if is_fortran else "C", dtype
