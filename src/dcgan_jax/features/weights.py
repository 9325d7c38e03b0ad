"""A discriminator to take features from: a run's, the authors', or a random one."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models, presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import keys, state as train_state
from dcgan_jax.models.dcgan import Discriminator
from dcgan_jax.runs import authors, load as loading
from dcgan_jax.system import errors

RANDOM = "random"


class LoadedDiscriminator(NamedTuple):
    """A discriminator and what it takes to read its activations.

    Attributes:
        network: images → (logits, activations).
        params: its parameters.
        batch_stats: its running statistics; None where there are none.
        config: of the run or recipe whose network it is.
        name: what it is, for results.
        fingerprint: a digest of parameters and statistics.
    """

    network: Discriminator
    params: dict[str, Any]
    batch_stats: dict[str, Any] | None
    config: TrainConfig
    name: str
    fingerprint: str


def find_config(weights: str) -> TrainConfig:
    """Return the run or recipe whose network some weights are, without loading them.

    Args:
        weights: as in `load_discriminator`.

    Raises:
        MissingInputError: if there is no such run.
        InputError: if there is no such preset.
    """
    if weights in authors.RELEASES:
        return authors.release_config(authors.RELEASES[weights])
    which = weights.removeprefix(f"{RANDOM}:")
    if which == weights or Path(which).is_dir():
        return loading.read_config(which)
    presets.check_name("preset", which, list(presets.PRESETS))
    return presets.PRESETS[which]


def load_discriminator(
    weights: str,
    *,
    weights_dir: Path | None,
    step: int | None,
    num_layers: int | None,
    seed: int,
) -> LoadedDiscriminator:
    """Load a discriminator.

    Args:
        weights: a run's folder, `authors_svhn`, `authors_imagenet`, or
            `random:WHICH`, the untrained network of a preset or run.
        weights_dir: folder of the authors' files; None: a cache, into which they are
            downloaded.
        step: of a run's checkpoint; None: the newest that verifies.
        num_layers: keep the first convolutions alone; None: all.
        seed: of random parameters.

    Raises:
        MissingInputError: if there is nothing there.
        InputError: if what is there is damaged, does not fit its config, or has fewer
            layers.
    """
    name = weights
    stats = None
    config = find_config(weights)
    _check_depth(config, num_layers, name)
    if weights in authors.RELEASES:
        release = authors.RELEASES[weights]
        params = authors.load_discriminator(release, weights_dir, num_layers=num_layers)
    elif weights.startswith(f"{RANDOM}:"):
        key = keys.make_key(seed, keys.Purpose.INIT)
        variables = _init(models.make_discriminator(config), config, key)
        params = variables["params"]
        # Vectors of the power iteration, which images tell nothing of.
        stats = variables["batch_stats"] if config.spectral_norm else None
        name = f"{weights} (seed {seed})"
    else:
        _, variables, found = loading.load_discriminator(weights, step=step)
        params, stats = variables["params"], variables["batch_stats"]
        name = f"{weights} (step {found})"
    return _cut(params, stats, config=config, num_layers=num_layers, name=name)


def _cut(
    params: dict[str, Any],
    stats: dict[str, Any] | None,
    *,
    config: TrainConfig,
    num_layers: int | None,
    name: str,
) -> LoadedDiscriminator:
    """Keep the first layers; the network's logit then sees another map."""
    network = models.make_discriminator(config)
    if num_layers is not None and num_layers < len(network.convolutions):
        name = f"{name}, first {num_layers} layers"
        network = network.clone(convolutions=network.convolutions[:num_layers])
        shapes = jax.eval_shape(
            lambda key: _init(network, config, key), jax.random.key(0)
        )
        # Nobody reads the logit of a cut network.
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
        kept = zeros["params"].keys() - {"logit"}
        params = {key: params[key] for key in kept} | {
            "logit": zeros["params"]["logit"]
        }
        if stats is not None:
            stats = {key: stats[key] for key in zeros.get("batch_stats", {})}
    return LoadedDiscriminator(
        network, params, stats, config, name, _digest({"p": params, "s": stats or {}})
    )


def _init(network: Discriminator, config: TrainConfig, key: jax.Array) -> Any:
    images = jnp.zeros((2, config.image_size, config.image_size, config.channels))
    return network.init(key, images, train=True)


def _check_depth(config: TrainConfig, num_layers: int | None, name: str) -> None:
    depth = len(models.make_discriminator(config).convolutions)
    if num_layers is not None and not 1 <= num_layers <= depth:
        raise errors.InputError(
            f"--num_layers={num_layers}, but the discriminator of {name} has"
            f" {depth} convolutions; expected 1 to {depth}."
        )


def _digest(tree: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for path, leaf in sorted(train_state.to_flat(tree).items()):
        array = np.asarray(leaf)
        digest.update(f"{path} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
