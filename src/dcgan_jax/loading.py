"""A generator from wherever one lies: a run, an exported file, the authors' release."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import (
    batch_statistics,
    checkpoints,
    errors,
    models,
    run_dir,
    sampling,
    streams,
)
from dcgan_jax.config import TrainConfig
from dcgan_jax.interop import safetensors, theano_weights

# Latents over which the statistics of released generators are taken (seed 0).
NUM_STATISTICS_LATENTS = 4096
_STATISTICS_BATCH = 128  # authors' batch size


class LoadedGenerator(NamedTuple):
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
    draw_latents: sampling.DrawLatents
    config: TrainConfig
    step: int | None


def load_generator(
    where: str, *, weights_dir: Path | None, step: int | None
) -> LoadedGenerator:
    """Load a generator.

    Args:
        where: a run's folder, an exported .safetensors file, `authors_svhn` or
            `authors_imagenet`.
        weights_dir: folder of the authors' files.
        step: of the checkpoint; None: the newest that verifies.

    Raises:
        MissingInputError: if there is nothing there.
        InputError: if what is there is damaged or no generator.
    """
    if where in theano_weights.RELEASES:
        return _load_released(where, weights_dir)
    path = Path(where)
    if path.suffix == ".safetensors":
        config, step_saved, variables = safetensors.load_generator(path)
        return _loaded(config, variables, step_saved)
    if not path.is_dir():
        raise errors.MissingInputError(
            f"{where} is neither a run's folder nor an exported .safetensors file nor "
            f"one of {', '.join(theano_weights.RELEASES)}."
        )
    config = run_dir.read_config(path)
    newest = checkpoints.find_newest(path / run_dir.CHECKPOINTS, step=step)
    if newest is None:
        raise errors.MissingInputError(f"{path} has no checkpoint yet; train first.")
    arrays = checkpoints.read_arrays(newest)
    return _loaded(config, generator_variables(arrays), newest.step)


def generator_variables(arrays: dict[str, Any]) -> dict[str, Any]:
    """Pick the generator's {params, batch_stats} out of a checkpoint's arrays."""
    from flax import traverse_util

    nested = traverse_util.unflatten_dict(arrays, sep="/")["gen"]
    return {name: nested.get(name, {}) for name in ("params", "batch_stats")}


def _load_released(name: str, weights_dir: Path | None) -> LoadedGenerator:
    release = theano_weights.RELEASES[name]
    if weights_dir is None:
        raise errors.InputError(
            f"{name} needs --weights_dir: a folder with the files of models/"
            f"{release.folder} of github.com/Newmu/dcgan_code."
        )
    config = theano_weights.release_config(release)
    network = models.make_generator(config)
    params = theano_weights.load_generator(release, weights_dir)
    draw = models.make_latents(config)
    key = streams.make_key(0, streams.Purpose.STATISTICS)
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
    _check_fit(expected, variables)
    return LoadedGenerator(network, variables, draw, config, step)


def _check_fit(expected: Any, variables: Any) -> None:
    wanted = _named_shapes(expected)
    found = _named_shapes(variables)
    for name in wanted.keys() | found.keys():
        if wanted.get(name) != found.get(name):
            raise errors.InputError(
                f"the generator does not fit its config: {name} is {found.get(name)}, "
                f"expected {wanted.get(name)}."
            )


def _named_shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
        for path, leaf in leaves
    }
