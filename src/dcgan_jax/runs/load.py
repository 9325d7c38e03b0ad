"""Networks, loaded from a run, an exported file or the authors' release."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import cli, models, presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import keys
from dcgan_jax.models import batch_statistics
from dcgan_jax.runs import authors, reading, safetensors_file
from dcgan_jax.runs.digest import hash_network, list_former
from dcgan_jax.system import errors

RANDOM = "random"
# The number of latents over which a released generator's statistics are taken (seed 0).
NUM_STATISTICS_LATENTS = 4096
_STATISTICS_BATCH = 128  # authors' batch size


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedGenerator:
    """A generator, with all that is needed to draw from it.

    Attributes:
        network: latents, and labels if config.num_classes is set, → images.
        variables: {params, batch_stats}.
        draw_latents: (key, count) → (count, latent_size).
        config: the run's config.
        step: the checkpoint's step; None for released parameters.
    """

    network: nn.Module
    variables: dict[str, Any]
    draw_latents: models.DrawLatents
    config: TrainConfig
    step: int | None

    @functools.cached_property
    def digest(self) -> str:
        """Its sha256: the same in a run, its export, a copy, on any machine."""
        # Statistics that are estimated here may differ in the last bit elsewhere.
        stats = None if self.step is None else self.variables["batch_stats"]
        return hash_network(self.variables["params"], stats)

    @functools.cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest, and those by which files of earlier versions name it."""
        return self.digest, *list_former(self.variables)


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedDiscriminator:
    """A discriminator, with all that is needed to read its activations.

    Attributes:
        network: images, and labels if config.num_classes is set, → (logits,
            activations).
        params: its parameters.
        batch_stats: its running statistics; None if it has none of its own.
        config: the config of the run or recipe whose network it is.
        name: what results call it.
        step: the checkpoint's step; None for released and random parameters.
    """

    network: nn.Module
    params: dict[str, Any]
    batch_stats: dict[str, Any] | None
    config: TrainConfig
    name: str
    step: int | None = None

    @functools.cached_property
    def digest(self) -> str:
        """Its sha256: the same in a run, its export, a copy, on any machine."""
        return hash_network(self.params, self.batch_stats)


def load_flagged_generator(flags: cli.RunFlags) -> LoadedGenerator:
    """Load the generator that a command's flags name; see `load_generator`."""
    return load_generator(
        flags.run, weights_dir=flags.weights_dir, step=flags.step, ema=flags.ema
    )


def load_generator(
    where: str,
    *,
    weights_dir: Path | None = None,
    step: int | None = None,
    ema: bool = False,
) -> LoadedGenerator:
    """Load a generator.

    Args:
        where: a run's folder, an exported .safetensors file, `authors_svhn` or
            `authors_imagenet`.
        weights_dir: folder of the authors' files; None: a cache, into which they are
            downloaded.
        step: the checkpoint's step; None: the newest that verifies.
        ema: whether to load the average of a run's generator instead.

    Raises:
        MissingInputError: if there is no such run or file, or no average.
        InputError: if it is damaged or no generator.
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
        config, step_saved, variables = safetensors_file.read_network(path)
        return _loaded(config, variables, step_saved)
    config, arrays, step_saved = reading.read_run(where, step=step)
    if ema:
        return _loaded(
            config, reading.pick_average(arrays, where, step_saved), step_saved
        )
    return _loaded(config, reading.pick_variables(arrays, "gen"), step_saved)


def load_discriminator(
    where: str,
    *,
    weights_dir: Path | None = None,
    step: int | None = None,
    num_layers: int | None = None,
    seed: int = 0,
) -> LoadedDiscriminator:
    """Load a discriminator.

    Args:
        where: a run's folder; an exported generator, beside which its discriminator
            lies; `authors_svhn`, `authors_imagenet`; or `random:WHICH`, the untrained
            network of a preset or run.
        weights_dir: folder of the authors' files; None: a cache, into which they are
            downloaded.
        step: the step of a run's checkpoint; None: the newest that verifies.
        num_layers: the number of convolutions to keep; None keeps all.
        seed: the seed of random parameters.

    Raises:
        MissingInputError: if there is no such run or file.
        InputError: if it is damaged, does not fit its config, or has fewer layers.
    """
    name, found, config = where, None, find_config(where)
    network: nn.Module
    if num_layers is not None:
        _check_depth(config, num_layers, name)
    if where in authors.RELEASES:
        release = authors.RELEASES[where]
        params = authors.read_discriminator(release, weights_dir, num_layers=num_layers)
        network, stats = models.make_discriminator(config), None
    elif where.startswith(f"{RANDOM}:"):
        network = models.make_discriminator(config)
        variables = _init(network, config, keys.make_key(seed, keys.Purpose.INIT))
        params = variables["params"]
        # Vectors of the power iteration, which images tell nothing of.
        stats = variables["batch_stats"] if config.spectral_norm else None
        name = f"{where} (seed {seed})"
    else:
        config, variables, found = _read_discriminator(where, step=step)
        network = models.make_pair(config).discriminator
        expected = jax.eval_shape(
            lambda key: _init(network, config, key), jax.random.key(0)
        )
        reading.check_fit("discriminator", expected, variables)
        params, stats = variables["params"], variables["batch_stats"]
        name = f"{where} (step {found})"
    loaded = LoadedDiscriminator(network, params, stats, config, name, found)
    return loaded if num_layers is None else _cut(loaded, num_layers)


def find_config(where: str) -> TrainConfig:
    """Return the config of the run or recipe of a discriminator, without loading it.

    Args:
        where: as in `load_discriminator`.

    Raises:
        MissingInputError: if there is no such run or file.
        InputError: if there is no such preset.
    """
    if where in authors.RELEASES:
        return authors.release_config(authors.RELEASES[where])
    which = where.removeprefix(f"{RANDOM}:")
    if which == where or Path(which).is_dir():
        return reading.read_generator_config(which)
    presets.check_name("preset", which, list(presets.PRESETS))
    return dataclasses.replace(presets.PRESETS[which], precision="float32")


def _read_discriminator(
    where: str, *, step: int | None
) -> tuple[TrainConfig, dict[str, Any], int]:
    path = Path(where)
    if path.suffix == safetensors_file.SUFFIX:
        beside = safetensors_file.name_discriminator(path)
        config, found, variables = safetensors_file.read_network(
            beside, net="discriminator"
        )
        return config, variables, found
    config, arrays, found = reading.read_run(where, step=step)
    return config, reading.pick_variables(arrays, "disc"), found


def _cut(loaded: LoadedDiscriminator, num_layers: int) -> LoadedDiscriminator:
    """Keep the first layers; the network's logit then gets another map."""
    network = models.make_discriminator(loaded.config)
    if num_layers == len(network.convolutions):
        return loaded
    network = network.clone(convolutions=network.convolutions[:num_layers])
    shapes = jax.eval_shape(
        lambda key: _init(network, loaded.config, key), jax.random.key(0)
    )
    # Nobody reads the logit of a cut network.
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
    params = {name: loaded.params[name] for name in zeros["params"].keys() - {"logit"}}
    stats = loaded.batch_stats
    if stats is not None:
        stats = {name: stats[name] for name in zeros.get("batch_stats", {})}
    return dataclasses.replace(
        loaded,
        network=network,
        params=params | {"logit": zeros["params"]["logit"]},
        batch_stats=stats,
        name=f"{loaded.name}, first {num_layers} layers",
    )


def _init(network: nn.Module, config: TrainConfig, key: jax.Array) -> Mapping[str, Any]:
    images = jnp.zeros((2, *models.judged_shape(config)))
    variables: Mapping[str, Any] = network.init(
        key, images, jnp.zeros(2, jnp.int32), train=True
    )
    return variables


def _check_depth(config: TrainConfig, num_layers: int, name: str) -> None:
    depth = len(models.make_discriminator(config).convolutions)
    if not 1 <= num_layers <= depth:
        raise errors.InputError(
            f"--num_layers={num_layers}, but the discriminator of {name} has"
            f" {depth} convolutions; expected 1 to {depth}."
        )


def _load_released(name: str, weights_dir: Path | None) -> LoadedGenerator:
    release = authors.RELEASES[name]
    config = authors.release_config(release)
    network = models.make_generator(config)
    params = authors.read_generator(release, weights_dir)
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
    reading.check_fit("generator", expected, variables)
    return LoadedGenerator(network, variables, draw, config, step)
