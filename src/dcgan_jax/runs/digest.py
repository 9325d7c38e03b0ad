"""Digests of networks, by which files name the network that they belong to."""

import hashlib
from typing import Any

import jax
import numpy as np

from dcgan_jax.gan import state as train_state


def hash_network(params: dict[str, Any], batch_stats: dict[str, Any] | None) -> str:
    """Return the sha256 of a network: the same in a run, its export and a copy.

    Args:
        params: its parameters.
        batch_stats: its running statistics; None if it has none of its own.
    """
    digest = hashlib.sha256()
    flat = train_state.to_flat({"p": params, "s": batch_stats or {}})
    for path, leaf in sorted(flat.items()):
        array = np.asarray(leaf)
        digest.update(f"{path} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def list_former(variables: dict[str, Any]) -> tuple[str, str]:
    """Return the digests by which files of version 0.1 and before name a generator.

    Args:
        variables: the generator's {params, batch_stats}.

    Returns:
        The digest in picks, and the digest in neighbour counts and quality rows.
    """
    of_params, of_all = hashlib.sha256(), hashlib.sha256()
    for name, leaf in sorted(train_state.to_flat(variables["params"]).items()):
        array = np.ascontiguousarray(leaf, np.float32)
        of_params.update(f"{name} {array.shape} ".encode() + array.tobytes())
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        of_all.update(jax.tree_util.keystr(path).encode())
        of_all.update(np.ascontiguousarray(leaf).data)
    return of_params.hexdigest(), of_all.hexdigest()
