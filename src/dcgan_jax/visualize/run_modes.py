"""The modes of a run's filters at every checkpoint that it has kept.

What is measured stays in the run's folder, so that a stopped measurement goes on, and a
checkpoint that training has since deleted still counts. The folder may be deleted.
"""

import contextlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.gan import keys
from dcgan_jax.models import pixels
from dcgan_jax.runs import checkpoints, folder as run_dir, reading
from dcgan_jax.sample import draw as sampling, numbered
from dcgan_jax.system import backend, disk, errors, npy_file, progress
from dcgan_jax.visualize import filter_modes, guided_backprop
from dcgan_jax.visualize.filter_modes import Modes, State

# Latents, and images of the data: enough to tell one pattern from several.
NUM_INPUTS = 64
_FILE = re.compile(r"step_(\d{8})\.npz")


class LayerModes(NamedTuple):
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
        return {
            step: filter_modes.classify_filters(own) for step, own in self.modes.items()
        }


def measure_run(run: Path, store: Store) -> tuple[LayerModes, LayerModes]:
    """Measure the generator's last hidden layer and the discriminator's last.

    The generator's maps are those of the run's fixed latents, after ReLU; the
    discriminator's those of the first images of its data, after LeakyReLU; both by
    stored batch statistics.

    Args:
        run: the folder of a run that has a checkpoint.
        store: the images that it was trained on.

    Returns:
        Generator and discriminator.
    """
    trained = run_dir.read_config(run)
    folder = run / "evaluation" / "filter_modes"
    run_dir.require_folder_for(folder, what="visualize collapse")
    images = store.rows(np.arange(min(NUM_INPUTS, len(store)))).images
    measure = _make_measure(trained, images)
    folder.mkdir(parents=True, exist_ok=True)
    kept = checkpoints.list_steps(run / run_dir.CHECKPOINTS)
    missing = sorted(set(kept) - set(_list_measured(folder)))
    with progress.track(
        "checkpoints", len(missing), unit="checkpoints", visible=bool(missing)
    ) as advance:
        for step in missing:
            # A run that goes on deletes old checkpoints meanwhile.
            with contextlib.suppress(errors.MissingInputError):
                _, arrays, _ = reading.read_run(str(run), step=step)
                _save(_file(folder, step), measure(arrays))
            advance(1)
    measured = [step for step in _list_measured(folder) if step <= kept[-1]]
    read = {step: read_modes(_file(folder, step)) for step in sorted(measured)}
    depths = (
        len(models.make_generator(trained).convolutions) - 2,
        len(models.make_discriminator(trained).convolutions) - 1,
    )
    names = (f"generator, conv{depths[0]}", f"discriminator, conv{depths[1]}")
    gen, disc = (
        LayerModes(name, {step: pair[index] for step, pair in read.items()})
        for index, name in enumerate(names)
    )
    return gen, disc


def _make_measure(trained: TrainConfig, images: np.ndarray) -> Any:
    """Return the function: a checkpoint's arrays → modes of both layers."""
    gen = models.make_generator(trained)
    disc = models.for_inference(models.make_discriminator(trained))
    latents = numbered.draw_latents(
        models.make_latents(trained),
        trained.seed,
        count=NUM_INPUTS,
        purpose=keys.Purpose.FIXED_LATENTS,
    )
    read = sampling.make_map_reader(gen, models.list_hidden_convolutions(gen)[-1])

    @backend.jit
    def respond(variables: dict[str, Any], images: jax.Array) -> jax.Array:
        real = pixels.scale_images(images, "tanh")
        return guided_backprop.last_maps(disc, variables, real)

    def measure(arrays: dict[str, Any]) -> tuple[Modes, Modes]:
        ours = read(reading.pick_variables(arrays, "gen"), latents)
        theirs = respond(reading.pick_variables(arrays, "disc"), images)
        return filter_modes.measure_modes(ours), filter_modes.measure_modes(
            np.asarray(theirs)
        )

    return measure


def _list_measured(folder: Path) -> list[int]:
    matches = [_FILE.fullmatch(path.name) for path in folder.iterdir()]
    return [int(match.group(1)) for match in matches if match]


def _file(folder: Path, step: int) -> Path:
    return folder / f"step_{step:08d}.npz"


def _save(path: Path, pair: tuple[Modes, Modes]) -> None:
    with disk.replacing(path) as partial:
        np.savez(partial, gen=np.stack(pair[0]), disc=np.stack(pair[1]))


def read_modes(path: Path) -> tuple[Modes, Modes]:
    """Read the modes of both layers at one step.

    Raises:
        InputError: if the file is damaged.
    """
    try:
        arrays = npy_file.read_npz(path)
        return Modes(*arrays["gen"]), Modes(*arrays["disc"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InputError(
            f"{path} is damaged ({error}); delete it and run the command again."
        ) from None
