"""Arrays by name → orbax's files and back, in a folder of any name."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util

from dcgan_jax.system import errors

# Orbax finds its own files by patterns, and TensorStore spells names in UTF-8.
_PLAIN = re.compile(r"[\w./ +,=@-]+", re.ASCII)
# Orbax leaves this index in this part if it cannot find it, as in oddly named folders.
_PART = "ocdbt.process_0"
_INDEX = "manifest.ocdbt"


def save(path: Path, arrays: Mapping[str, jax.Array | np.ndarray]) -> None:
    """Write arrays, named as `gen/params/conv0/kernel`, into a new folder.

    Raises:
        OSError: if the disk is full.
    """
    nested = traverse_util.unflatten_dict(dict(arrays), sep="/")
    try:
        with plainly_named(path.parent) as parent, _open_checkpointer() as checkpointer:
            checkpointer.save(parent / path.name, nested)
            checkpointer.wait_until_finished()
    except ValueError as error:
        # TensorStore turns ENOSPC and EDQUOT into this.
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path.parents[1]))
        raise full from error


def read(path: Path, about: Mapping[str, Mapping[str, Any]]) -> dict[str, jax.Array]:
    """Read arrays onto the first device.

    Args:
        path: the folder.
        about: each array's shape and dtype, by its name.

    Raises:
        InputError: if orbax cannot read the arrays that `about` lists.
    """
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = {
        name: jax.ShapeDtypeStruct(tuple(one["shape"]), one["dtype"], sharding=device)
        for name, one in about.items()
    }
    return _restore(path, target)


def prove(path: Path, arrays: Mapping[str, jax.Array | np.ndarray]) -> None:
    """Read the arrays that `save` has written and compare them with these, to the bit.

    Raises:
        InputError: if one differs or cannot be read.
    """
    target = {name: np.empty(one.shape, one.dtype) for name, one in arrays.items()}
    back = _restore(path, target)
    for name, array in arrays.items():
        written, found = np.asarray(array), np.asarray(back[name])
        if written.dtype != found.dtype or written.tobytes() != found.tobytes():
            raise errors.InputError(f"{path} cannot be relied on: {name} has changed.")


def _restore(path: Path, target: Mapping[str, Any]) -> dict[str, Any]:
    try:
        with _readable(path) as folder, _open_checkpointer() as checkpointer:
            nested = checkpointer.restore(
                folder, traverse_util.unflatten_dict(dict(target), sep="/")
            )
    except Exception as error:  # orbax and TensorStore have no errors in common
        raise errors.InputError(
            f"{path.parent} cannot be read ({errors.first_line(error)}). Move it away "
            "to go on from an older checkpoint."
        ) from error
    return traverse_util.flatten_dict(nested, sep="/")


@contextlib.contextmanager
def plainly_named(folder: Path) -> Iterator[Path]:
    """Yield an absolute name of a folder that is plain ASCII and no pattern.

    If the folder's own name is not, a link in a temporary folder stands for it. Without
    any place for the link, the folder's own name is used.
    """
    folder = folder.absolute()
    if _PLAIN.fullmatch(str(folder)):
        yield folder
        return
    with _open_temporary() as temporary:
        if temporary is None:
            yield folder
            return
        link = temporary / "folder"
        link.symlink_to(folder, target_is_directory=True)
        yield link


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Yield a name under which orbax finds all parts of what it once saved.

    In a folder whose name is a pattern, older versions of this project let orbax leave
    its index in a part. Links put it where it belongs.
    """
    part = path / _PART
    if (path / _INDEX).exists() or not (part / _INDEX).exists():
        with plainly_named(path.parent) as parent:
            yield parent / path.name
        return
    with _open_temporary() as temporary:
        if temporary is None:
            raise OSError(errno.ENOTDIR, "there is no temporary folder")
        for child in [*path.iterdir(), *part.iterdir()]:
            (temporary / child.name).symlink_to(child.absolute())
        yield temporary


@contextlib.contextmanager
def _open_temporary() -> Iterator[Path | None]:
    """Make a plainly named folder for a while; None if there is no place for it."""
    made = None
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        with contextlib.suppress(OSError):
            if made is None and _PLAIN.fullmatch(place):
                made = Path(tempfile.mkdtemp(prefix="dcgan_jax_", dir=place))
    try:
        yield made
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)  # links are not followed


def _open_checkpointer() -> ocp.StandardCheckpointer:
    """Return a checkpointer of orbax that involves this process alone."""
    if jax.process_count() == 1:
        return ocp.StandardCheckpointer()
    own = jax.process_index()
    return ocp.StandardCheckpointer(
        multiprocessing_options=ocp.options.MultiprocessingOptions(
            primary_host=own, active_processes={own}
        )
    )
