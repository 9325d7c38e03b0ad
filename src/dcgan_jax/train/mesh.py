"""Devices and processes: where a run's arrays lie, and how its processes keep step.

The state lies on every device of every process; each minibatch is cut into as many
equal parts as there are devices. XLA turns every mean over a minibatch, those of batch
norm among them, into one over all devices, so that a run is the same on any number.

With one device in all, nothing here does anything.
"""

import collections
import contextlib
import inspect
import json
import logging
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dcgan_jax.config import ClusterConfig
from dcgan_jax.system import errors

Array = jax.Array
T = TypeVar("T")

_LOG = logging.getLogger(__name__)
LOST_PROCESS = 4
# For a process that failed alone: as long as it waits for the others at its end, who
# wait for it elsewhere.
SHUTDOWN_SECONDS = 30
_MESSAGE_BYTES = 1024


@contextlib.contextmanager
def connected(cluster: ClusterConfig) -> Iterator[None]:
    """Be one of several processes that train together, if the flags say so.

    What joins them is JAX's distributed runtime. A process that dies ends the others:
    at once where a connection to it breaks, else after `heartbeat_seconds`.

    Args:
        cluster: how the processes find each other.

    Raises:
        InputError: if they do not.
    """
    if not cluster.is_distributed:
        yield
        return
    _check_flags(cluster)
    if hasattr(jax.config, "jax_enable_preemption_service"):
        # It would swallow a SIGTERM that comes before `signals.heed` listens.
        jax.config.update("jax_enable_preemption_service", False)
    known = inspect.signature(jax.distributed.initialize).parameters
    timeouts: dict[str, Any] = {
        "heartbeat_timeout_seconds": cluster.heartbeat_seconds,
        "shutdown_timeout_seconds": SHUTDOWN_SECONDS,  # unknown to JAX 0.8
    }
    _LOG.info("waiting for the other processes, for 5 minutes at most")
    try:
        jax.distributed.initialize(
            cluster.coordinator_address,
            cluster.num_processes,
            cluster.process_id,
            **{name: value for name, value in timeouts.items() if name in known},
        )
    except (ValueError, TypeError, RuntimeError, LookupError) as error:
        raise errors.InputError(
            f"the processes do not find each other: {str(error).splitlines()[0]} Give "
            "each of them --coordinator_address, --num_processes and --process_id, or "
            "--distributed inside a job of SLURM, Open MPI or Kubernetes."
        ) from None
    _check_devices()
    try:
        yield
    except Exception as error:
        # The library of collectives on CPUs; on others JAX itself ends the process.
        if "Gloo" not in str(error):
            raise
        print(
            "error: another process of the run has ended; the same commands go on from "
            f"the newest checkpoint ({str(error).splitlines()[0]})",
            file=sys.stderr,
            flush=True,
        )
        sys.stdout.flush()
        # Without JAX's farewell, which waits for processes that are no more.
        os._exit(LOST_PROCESS)


def _check_devices() -> None:
    """Raise an error in every process unless all have the same number of devices.

    Each sees it for itself: to tell the others takes equal numbers.

    Raises:
        InputError: naming the numbers.
    """
    counts = collections.Counter(device.process_index for device in jax.devices())
    if len(set(counts.values())) > 1:
        told = ", ".join(str(counts[process]) for process in sorted(counts))
        raise errors.InputError(
            f"the processes of the run have {told} devices; all must have the same"
            " number, as with CUDA_VISIBLE_DEVICES."
        )


def is_first() -> bool:
    """Tell whether this process is the one that writes the run's folder."""
    return jax.process_index() == 0


def check_batch(batch_size: int) -> None:
    """Raise an error for minibatches that the devices cannot share equally.

    Raises:
        InputError: naming both numbers.
    """
    count = jax.device_count()
    if batch_size % count:
        below, above = batch_size // count * count, -(-batch_size // count) * count
        fitting = f"{below} or {above}" if below else str(above)
        raise errors.InputError(
            f"--batch_size={batch_size} does not divide by {count} devices; choose "
            f"{fitting}, or hide some devices (CUDA_VISIBLE_DEVICES=0)."
        )


def replicated() -> NamedSharding | None:
    """Return the sharding of what every device holds whole; None where there is one."""
    return None if jax.device_count() == 1 else _sharding()


def replicate(tree: T) -> T:
    """Put a tree on every device; all processes hold the same values.

    To donate the result may take the memory of `tree` with it.

    Args:
        tree: of arrays, on the host or on a device of this process.
    """
    sharding = replicated()
    if sharding is None:
        return jax.device_put(tree)

    def put(array: Any) -> Array:
        copies = [jax.device_put(array, device) for device in jax.local_devices()]
        shape = np.shape(array)
        return jax.make_array_from_single_device_arrays(shape, sharding, copies)

    return jax.tree.map(put, tree)


def local(tree: T) -> T:
    """Return this process's own copy of a replicated tree, on its first device."""
    if jax.device_count() == 1:
        return tree
    return jax.tree.map(lambda array: array.addressable_data(0), tree)


def join_parts(tree: Any, *, axis: int) -> Any:
    """Make one tree of minibatches of what each process has read of them.

    Args:
        tree: of numpy arrays whose `axis` is this process's part of the minibatch.
        axis: along which the devices share.

    Returns:
        The tree of jax.Arrays, `axis` that of whole minibatches.
    """
    if jax.device_count() == 1:
        return jax.device_put(tree)
    sharding = _sharding(axis)
    return jax.tree.map(
        lambda array: jax.make_array_from_process_local_data(sharding, array), tree
    )


def split_draw(draw: Callable[[Array, int], Array]) -> Callable[[Array, int], Array]:
    """Have each device draw its part of the latents of a minibatch.

    All parts together are what one device would draw: JAX's generator of random numbers
    computes each number apart.
    """
    if jax.device_count() == 1:
        return draw
    return lambda key, count: jax.lax.with_sharding_constraint(
        draw(key, count), _sharding(0)
    )


def from_first(tree: T) -> T:
    """Return the first process's tree on every device; leaves must agree in shape."""
    if jax.process_count() > 1:
        tree = multihost_utils.broadcast_one_to_all(tree)
    return tree if jax.device_count() == 1 else replicate(tree)


def tell_first(message: str) -> str:
    """Return the first process's short text in all processes."""
    return _exchange(message)[0]


def largest(*values: int) -> list[int]:
    """Return of each value the largest that any process has."""
    if jax.process_count() == 1:
        return list(values)
    return multihost_utils.process_allgather(np.array(values)).max(axis=0).tolist()


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Leave a block once all processes have; an error in one is one in all.

    Raises:
        InputError: in the others, naming the process and its error.
    """
    try:
        yield
    except Exception as error:
        _exchange(str(error) or type(error).__name__)
        raise
    for process, message in enumerate(_exchange("")):
        if message:
            raise errors.InputError(f"process {process}: {message}")


def check_same(settings: dict[str, Any]) -> None:
    """Raise an error if the processes have not been given the same settings.

    Args:
        settings: name → value, as JSON can hold it.

    Raises:
        InputError: naming the settings that differ from the first process's.
    """
    if jax.process_count() == 1:
        return
    texts = (json.dumps(value, sort_keys=True) for value in settings.values())
    digests = np.array([zlib.crc32(text.encode()) for text in texts], np.uint32)
    same = (multihost_utils.process_allgather(digests) == digests).all(axis=0)
    different = [
        name for name, agrees in zip(settings, same, strict=True) if not agrees
    ]
    if different:
        raise errors.InputError(
            f"the processes of the run differ in {', '.join(different)}; give all of "
            "them the same flags and data."
        )


def _check_flags(cluster: ClusterConfig) -> None:
    given = {
        "--coordinator_address": cluster.coordinator_address,
        "--num_processes": cluster.num_processes,
        "--process_id": cluster.process_id,
    }
    address = cluster.coordinator_address
    if address is not None and not re.fullmatch(r".+:\d{1,5}", address):
        raise errors.InputError(
            f"--coordinator_address={address}, expected HOST:PORT, as in node1:1234."
        )
    missing = [name for name, value in given.items() if value is None]
    if missing and not cluster.distributed:
        raise errors.InputError(
            f"{', '.join(missing)} must be given too, or --distributed, which finds "
            "them in a job of SLURM, Open MPI or Kubernetes."
        )


def _exchange(message: str) -> list[str]:
    """Tell all processes a text and return those of all of them."""
    if jax.process_count() == 1:
        return [message]
    padded = np.zeros(_MESSAGE_BYTES, np.uint8)
    content = message.encode()[:_MESSAGE_BYTES]
    padded[: len(content)] = np.frombuffer(content, np.uint8)
    told = multihost_utils.process_allgather(padded)
    return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in told]


def _sharding(axis: int | None = None) -> NamedSharding:
    """Return the sharding over all devices along an axis; None: whole copies."""
    # Each process's devices together, so that it reads one part of each minibatch.
    devices = sorted(jax.devices(), key=lambda one: (one.process_index, one.id))
    mesh = Mesh(np.array(devices), ("batch",))
    spec = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, "batch")
    return NamedSharding(mesh, spec)
