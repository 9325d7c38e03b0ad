"""The config and the arrays of a run's networks, read and compared."""

from pathlib import Path
from typing import Any, Literal

import jax
from flax import traverse_util

from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import averaging
from dcgan_jax.runs import authors, checkpoints, folder as run_dir, safetensors_file
from dcgan_jax.system import errors


def read_run(
    where: str, *, step: int | None
) -> tuple[TrainConfig, dict[str, Any], int]:
    """Read a run's config, a checkpoint's arrays by name, and its step.

    Raises:
        MissingInputError: if there is no run or no such checkpoint.
        InputError: if one of them is damaged.
    """
    config = read_any_config(where)
    path = Path(where)
    newest = checkpoints.find_newest(path / run_dir.CHECKPOINTS, step=step)
    if newest is None:
        raise errors.MissingInputError(f"{path} has no checkpoint yet; train first.")
    return config, checkpoints.read_arrays(newest), newest.step


def read_any_config(where: str) -> TrainConfig:
    """Read a run's config.

    Raises:
        MissingInputError: if there is no run.
        InputError: if its config is damaged.
    """
    if not Path(where).is_dir():
        raise errors.MissingInputError(
            f"{where} is neither a run's folder nor an exported .safetensors file nor "
            f"one of {', '.join(authors.RELEASES)}."
        )
    return run_dir.read_config(Path(where))


def read_generator_config(where: str) -> TrainConfig:
    """Read the config of a run or of an exported generator.

    Raises:
        MissingInputError: if there is neither.
        InputError: if it is damaged.
    """
    if Path(where).suffix == ".safetensors":
        return safetensors_file.read_network(Path(where))[0]
    return read_any_config(where)


def pick_variables(
    arrays: dict[str, Any], net: Literal["gen", "disc", "ema"]
) -> dict[str, Any]:
    """Pick a network's {params, batch_stats} out of a checkpoint's arrays."""
    nested = traverse_util.unflatten_dict(arrays, sep="/")[net]
    return {name: nested.get(name, {}) for name in ("params", "batch_stats")}


def pick_average(arrays: dict[str, Any], where: str, step: int) -> dict[str, Any]:
    """Pick the average of a run's generator out of a checkpoint's arrays.

    Raises:
        MissingInputError: if there is none; the message names run and step.
    """
    prefix = f"optional/{averaging.EMA}/"
    found = {
        f"{averaging.EMA}/{name.removeprefix(prefix)}": array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    if not found:
        raise errors.MissingInputError(
            f"{where} has no average of its generator at step {step}; leave out --ema, "
            "or train with --ema_decay=0.999."
        )
    return pick_variables(found, averaging.EMA)


def check_fit(
    what: str, expected: Any, variables: Any, *, to: str = "its config"
) -> None:
    """Raise an error unless a network's variables have the shapes that it needs.

    Args:
        what: what the message calls the network.
        expected: a tree of arrays or of their shapes.
        variables: the tree that was found.
        to: what the message says that it must fit.

    Raises:
        InputError: if an array differs; the message names the first and both shapes.
    """
    wanted = _named_shapes(expected)
    found = _named_shapes(variables)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise errors.InputError(
                f"the {what} does not fit {to}: {name} is"
                f" {found.get(name, 'missing')}, expected {wanted.get(name, 'none')}."
            )


def _named_shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
        for path, leaf in leaves
    }
