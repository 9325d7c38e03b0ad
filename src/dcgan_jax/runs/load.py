"""Networks from wherever they lie: a run, an exported file, the authors' release."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import averaging, keys
from dcgan_jax.models import batch_statistics
from dcgan_jax.runs import (
    authors,
    checkpoints,
    folder as run_dir,
    safetensors_file,
)
from dcgan_jax.runs.digest import hash_network, list_former
from dcgan_jax.system import errors

# Latents over which the statistics of released generators are taken (seed 0).
NUM_STATISTICS_LATENTS = 4096
_STATISTICS_BATCH = 128  # authors' batch size


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedGenerator:
    """A generator and what it takes to draw from it.

    Attributes:
        network: latents, and labels where config.num_classes is set, → images.
        variables: {params, batch_stats}.
        draw_latents: (key, count) → (count, latent_size).
        config: of the run.
        step: of the checkpoint; None for released parameters.
    """

    network: nn.Module
    variables: dict[str, Any]
    draw_latents: models.DrawLatents
    config: TrainConfig
    step: int | None

    @functools.cached_property
    def digest(self) -> str:
        """Its sha256: the same in a run, its export, a copy, on any machine."""
        # Statistics that were estimated here may differ in the last bit elsewhere.
        stats = None if self.step is None else self.variables["batch_stats"]
        return hash_network(self.variables["params"], stats)

    @functools.cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest, and those by which files of earlier versions name it."""
        return self.digest, *list_former(self.variables)


def load_generator(
    where: str, *, weights_dir: Path | None, step: int | None, ema: bool = False
) -> LoadedGenerator:
    """Load a generator.

    Args:
        where: a run's folder, an exported .safetensors file, `authors_svhn` or
            `authors_imagenet`.
        weights_dir: folder of the authors' files; None: a cache, into which they are
            downloaded.
        step: of the checkpoint; None: the newest that verifies.
        ema: load the average of a run's generator instead.

    Raises:
        MissingInputError: if there is nothing there, or no average.
        InputError: if what is there is damaged or no generator.
    """
    path = Path(where)
    is_run = where not in authors.RELEASES and path.suffix != ".safetensors"
    if ema and not is_run:
        raise errors.MissingInputError(
            f"{where} holds one generator, which has no average beside it; leave out "
            "--ema, or give the folder of a run that was trained with --ema_decay."
        )
    if where in authors.RELEASES:
        return _load_released(where, weights_dir)
    if not is_run:
        config, step_saved, variables = safetensors_file.load_generator(path)
        return _loaded(config, variables, step_saved)
    config, arrays, step_saved = read_run(where, step=step)
    if ema:
        return _loaded(config, _pick_average(arrays, where, step_saved), step_saved)
    return _loaded(config, pick_variables(arrays, "gen"), step_saved)


def load_discriminator(
    where: str, *, step: int | None
) -> tuple[nn.Module, dict[str, Any], int]:
    """Load a run's discriminator, its {params, batch_stats} and its step.

    Raises:
        MissingInputError: if there is no run or no such checkpoint.
        InputError: if what is there is damaged.
    """
    config, arrays, step_saved = read_run(where, step=step)
    network = models.make_pair(config).discriminator
    variables = pick_variables(arrays, "disc")
    images = jnp.zeros((2, config.image_size, config.image_size, config.channels))
    labels = jnp.zeros(2, jnp.int32)
    expected = jax.eval_shape(
        lambda key: network.init(key, images, labels, train=True), jax.random.key(0)
    )
    check_fit("discriminator", expected, variables)
    return network, variables, step_saved


def read_run(
    where: str, *, step: int | None
) -> tuple[TrainConfig, dict[str, Any], int]:
    """Read a run's config and a checkpoint's arrays by name, and its step.

    Raises:
        MissingInputError: if there is no run or no such checkpoint.
        InputError: if what is there is damaged.
    """
    config = read_config(where)
    path = Path(where)
    newest = checkpoints.find_newest(path / run_dir.CHECKPOINTS, step=step)
    if newest is None:
        raise errors.MissingInputError(f"{path} has no checkpoint yet; train first.")
    return config, checkpoints.read_arrays(newest), newest.step


def read_config(where: str) -> TrainConfig:
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
        return safetensors_file.load_generator(Path(where))[0]
    return read_config(where)


def pick_variables(
    arrays: dict[str, Any], net: Literal["gen", "disc", "ema"]
) -> dict[str, Any]:
    """Pick a network's {params, batch_stats} out of a checkpoint's arrays."""
    from flax import traverse_util

    nested = traverse_util.unflatten_dict(arrays, sep="/")[net]
    return {name: nested.get(name, {}) for name in ("params", "batch_stats")}


def _pick_average(arrays: dict[str, Any], where: str, step: int) -> dict[str, Any]:
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


def _load_released(name: str, weights_dir: Path | None) -> LoadedGenerator:
    release = authors.RELEASES[name]
    config = authors.release_config(release)
    network = models.make_generator(config)
    params = authors.load_generator(release, weights_dir)
    draw = models.make_latents(config)
    key = keys.make_key(0, keys.Purpose.STATISTICS)
    latents = np.asarray(draw(key, NUM_STATISTICS_LATENTS))
    stats = batch_statistics.estimate(
        network, params, np.split(latents, NUM_STATISTICS_LATENTS // _STATISTICS_BATCH)
    )
    variables = {"params": params, "batch_stats": stats}
    return LoadedGenerator(network, variables, draw, config, None)


def _loaded(
    config: TrainConfig, variables: dict[str, Any], step: int
) -> LoadedGenerator:
    network = models.make_pair(config).generator
    draw = models.make_latents(config)
    labels = jnp.zeros(2, jnp.int32)
    expected = jax.eval_shape(
        lambda key: network.init(key, draw(key, 2), labels, train=True),
        jax.random.key(0),
    )
    check_fit("generator", expected, variables)
    return LoadedGenerator(network, variables, draw, config, step)


def check_fit(what: str, expected: Any, variables: Any) -> None:
    """Raise an error unless a network's variables have the shapes that it needs.

    Args:
        what: the network, for the message.
        expected: a tree of arrays or of their shapes.
        variables: the tree that was found.

    Raises:
        InputError: naming the first array that differs and both shapes.
    """
    wanted = _named_shapes(expected)
    found = _named_shapes(variables)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise errors.InputError(
                f"the {what} does not fit its config: {name} is"
                f" {found.get(name, 'missing')}, expected {wanted.get(name, 'none')}."
            )


def _named_shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
        for path, leaf in leaves
    }
