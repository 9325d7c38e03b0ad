"""The modes of a run's filters at every checkpoint that it has kept.

What is measured stays in the run's folder, so that a stopped measurement goes on, and a
checkpoint that training has since deleted still counts. The folder may be deleted.
"""

import contextlib
import dataclasses
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.config import DataConfig, TrainConfig, data_config
from dcgan_jax.data import store as stores
from dcgan_jax.gan import keys, steps
from dcgan_jax.models import layers
from dcgan_jax.models.dcgan import Discriminator, Generator
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import backend, disk, errors, npy_file, progress
from dcgan_jax.visualize import filter_modes
from dcgan_jax.visualize.commands.collapse import CollapseConfig
from dcgan_jax.visualize.filter_modes import Modes, State

Array = jax.Array
# Latents, and images of the data: enough to tell one pattern from several.
NUM_INPUTS = 64
_FILE = re.compile(r"step_(\d{8})\.npz")


class Layer(NamedTuple):
    """What was measured of one layer.

    Attributes:
        name: of network and layer.
        modes: by step.
    """

    name: str
    modes: dict[int, Modes]

    @property
    def states(self) -> dict[int, list[State]]:
        """The filters' states by step."""
        return {step: filter_modes.classify(own) for step, own in self.modes.items()}


def find_data(config: CollapseConfig) -> DataConfig:
    """Return what to prepare: the images that the run was trained on.

    Raises:
        MissingInputError: if there is no run, or it has no checkpoint.
        InputError: if its networks are no plain DCGAN.
    """
    trained = run_dir.read_config(config.run)
    models.make_discriminator(trained)  # or it is none
    if not checkpoints.list_steps(config.run / run_dir.CHECKPOINTS):
        raise errors.MissingInputError(
            f"{config.run} has no checkpoint yet; train first."
        )
    return dataclasses.replace(
        data_config(trained),
        data_dir=config.data_dir or trained.data_dir,
        source=config.source or trained.source,
    )


def measure_run(config: CollapseConfig) -> tuple[Layer, Layer]:
    """Measure the generator's last hidden layer and the discriminator's last.

    The generator's maps are those of the run's fixed latents, after ReLU; the
    discriminator's those of the first images of its data, after LeakyReLU; both by
    stored batch statistics.

    Args:
        config: the flags; the store is prepared.

    Returns:
        Generator and discriminator.
    """
    trained = run_dir.read_config(config.run)
    store = stores.open_store(stores.store_path(find_data(config)))
    images = store.rows(np.arange(min(NUM_INPUTS, len(store)))).images
    measure = _make_measure(trained, images)
    folder = config.run / "evaluation" / "filter_modes"
    folder.mkdir(parents=True, exist_ok=True)
    kept = checkpoints.list_steps(config.run / run_dir.CHECKPOINTS)
    missing = sorted(set(kept) - set(_list_measured(folder)))
    with progress.track(
        "checkpoints", len(missing), unit="checkpoints", visible=bool(missing)
    ) as advance:
        for step in missing:
            # A run that goes on deletes old checkpoints meanwhile.
            with contextlib.suppress(errors.MissingInputError):
                _, arrays, _ = loading.read_run(str(config.run), step=step)
                _save(_file(folder, step), measure(arrays))
            advance(1)
    measured = [step for step in _list_measured(folder) if step <= kept[-1]]
    read = {step: _read(_file(folder, step)) for step in sorted(measured)}
    depths = (
        len(models.make_generator(trained).convolutions) - 2,
        len(models.make_discriminator(trained).convolutions) - 1,
    )
    names = (f"generator, conv{depths[0]}", f"discriminator, conv{depths[1]}")
    gen, disc = (
        Layer(name, {step: pair[index] for step, pair in read.items()})
        for index, name in enumerate(names)
    )
    return gen, disc


def _make_measure(trained: TrainConfig, images: np.ndarray) -> Any:
    """Return the function: a checkpoint's arrays → modes of both layers."""
    gen = models.for_inference(models.make_generator(trained))
    disc = models.for_inference(models.make_discriminator(trained))
    key = keys.make_key(trained.seed, keys.Purpose.FIXED_LATENTS)
    draw = models.make_latents(trained)
    latents = sampling.draw_latents(draw, key, NUM_INPUTS)

    @backend.jit
    def activate(variables: dict[str, Any]) -> tuple[Array, Array]:
        real = steps.scale_images(jnp.asarray(images))
        return (
            generator_maps(gen, variables["gen"], latents),
            discriminator_maps(disc, variables["disc"], real),
        )

    def measure(arrays: dict[str, Any]) -> tuple[Modes, Modes]:
        variables = {
            "gen": loading.pick_variables(arrays, "gen"),
            "disc": loading.pick_variables(arrays, "disc"),
        }
        ours, theirs = (np.asarray(maps) for maps in activate(variables))
        return filter_modes.measure(ours), filter_modes.measure(theirs)

    return measure


def generator_maps(
    network: Generator, variables: dict[str, Any], latents: Any
) -> Array:
    """Return the last hidden maps after ReLU, (n, side, side, filters)."""
    last = models.list_hidden_convolutions(network)[-1]
    _, found = network.apply(  # type: ignore[misc]
        variables, latents, train=False, mutable=[layers.MAPS]
    )
    maps: Array = found[layers.MAPS][f"{last}_maps"][0]
    return maps


def discriminator_maps(
    network: Discriminator, variables: dict[str, Any], images: Any
) -> Array:
    """Return the last maps after LeakyReLU, (n, side, side, filters)."""
    _, activations = network.apply(variables, images, train=False)  # type: ignore[misc]
    last: Array = list(activations.values())[-1]
    return last


def _list_measured(folder: Path) -> list[int]:
    matches = [_FILE.fullmatch(path.name) for path in folder.iterdir()]
    return [int(match.group(1)) for match in matches if match]


def _file(folder: Path, step: int) -> Path:
    return folder / f"step_{step:08d}.npz"


def _save(path: Path, pair: tuple[Modes, Modes]) -> None:
    with disk.replacing(path) as partial:
        np.savez(partial, gen=np.stack(pair[0]), disc=np.stack(pair[1]))


def _read(path: Path) -> tuple[Modes, Modes]:
    try:
        arrays = npy_file.read_npz(path)
        return Modes(*arrays["gen"]), Modes(*arrays["disc"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InputError(
            f"{path} is damaged ({error}); delete it and run the command again."
        ) from None
