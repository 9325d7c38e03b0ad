"""Locks between processes; a disk that has none is warned of once."""

import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import IO, Any

# Disks over a network may have no locks: Lustre without -o flock, NFS without a daemon.
_NO_LOCKS = frozenset(
    {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY}
)
_warned: set[int] = set()


def hold(file: IO[Any], *, wait: bool = True) -> None:
    """Lock an open file until it is closed, if its disk has locks.

    Args:
        file: the open file.
        wait: whether to wait for another process that holds it.

    Raises:
        BlockingIOError: if another process holds it and `wait` is False.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        disk = os.fstat(file.fileno()).st_dev
        if disk not in _warned:
            _warned.add(disk)
            logging.getLogger(__name__).warning(
                "the disk of %s has no locks (%s): make sure that no two processes"
                " write there at once",
                Path(str(file.name)).parent,
                error.strerror,
            )


def is_at(path: Path, descriptor: int) -> bool:
    """Tell whether an open file still has a name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
