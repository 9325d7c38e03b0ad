"""Figures of the samples of a run, which is trained first or is there already."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax import cli, presets
from dcgan_jax.config import data_config
from dcgan_jax.data import batches, kept_rows
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir, load as loading
from dcgan_jax.sample import draw as sampling
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import errors
from experiments import results, trained

SIDE = 8  # images a row and a column


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleFigure:
    """A figure of the paper that shows samples."""

    name: str
    """The name of the script and its results."""
    title: str
    """The paper's figure and its subject."""
    preset: str
    """The recipe, and the name of the run's folder."""
    epochs: tuple[int, ...] = ()
    """Moments of the run, of which the last is shown; without any, the run's end is."""


def draw(figure: SampleFigure, doc: str | None, argv: Sequence[str]) -> int:
    """Make a figure as its command line asks; return the exit code.

    Args:
        figure: the figure.
        doc: the script's docstring, for --help.
        argv: the script's flags; those that it does not know go to `dcgan_jax.train`.
    """
    flags, others = _parse(doc, argv)
    cli.configure_logging()
    workdir, step = _have_run(figure, flags, others)
    about = _describe(workdir, step=step)
    caption = _caption(figure, about)
    picture, numbers = _draw_picture(workdir, step=about["steps"], seed=flags.seed)
    out = results.FOLDER / f"{figure.name}.png"
    # Small images are shown larger, none smaller.
    size = run_dir.read_config(workdir).image_size
    grid.save_image(picture, out, scale=max(1, 64 // size))
    results.save(
        figure.name,
        what=caption,
        seed=flags.seed,
        protocol="the picture beside this file: real training images left, samples"
        " right, none of them chosen; stored batch statistics. Diversity: standard"
        " deviation over images, averaged over pixels, in grey levels",
        numbers={**numbers, "run": about},
    )
    print(f"{caption}\n{out}")
    return 0


def _have_run(
    figure: SampleFigure, flags: argparse.Namespace, others: list[str]
) -> tuple[Path, int | None]:
    """Return the folder of the run that is shown, and the step; None: the newest."""
    if flags.run is not None:
        if others:
            raise errors.InputError(
                f"--run shows a run as it is, so {others[0]} would change nothing;"
                " leave one of them out"
            )
        return flags.run, flags.step
    if flags.step is not None:
        raise errors.InputError(
            f"--step={flags.step} is a step of a --run=FOLDER; give that too"
        )
    workdir = flags.runs / figure.preset
    if not figure.epochs:
        trained.train(figure.preset, workdir, others)
        return workdir, None
    for epoch in figure.epochs:
        step = trained.train_to_epoch(figure.preset, workdir, others, epoch=epoch)
    return workdir, step


def _describe(workdir: Path, *, step: int | None) -> dict[str, Any]:
    config = run_dir.read_config(workdir)
    return {
        "dataset": config.dataset,
        "source": None if config.source is None else config.source.name,
        **trained.describe(workdir, step=step),
    }


def _draw_picture(
    workdir: Path, *, step: int, seed: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw real images and samples side by side; measure how much either differ."""
    loaded = loading.load_generator(str(workdir), step=step)
    samples = SampleStream(loaded, seed).images(SIDE**2)
    store = kept_rows.open_training_store(data_config(loaded.config))
    num_rows = batches.count_training_rows(len(store), loaded.config.held_out)
    chosen = np.random.default_rng(seed).choice(
        num_rows, SIDE**2, replace=num_rows < SIDE**2
    )
    real = store.rows(np.sort(chosen)).images
    shown = [grid.make_grid(images, columns=SIDE) for images in (real, samples)]
    return grid.place_beside(shown), {
        "diversity": sampling.measure_diversity(samples),
        "diversity_of_real_images": sampling.measure_diversity(real),
    }


def _caption(figure: SampleFigure, about: dict[str, Any]) -> str:
    data = about["source"] or about["dataset"]
    recipe = presets.find(None, figure.preset, image_size=None)
    # A recipe for one's own images has none of the paper's.
    stands_in = recipe.dataset == "folder" or about["dataset"] != recipe.dataset
    return (
        f"{figure.title}: real images and samples after {about['epochs']:.3g} epochs"
        f" ({about['steps']:,} steps) on {about['num_training_images']:,} images of"
        f" {data}{f', which stand in for {figure.preset}' if stands_in else ''}; width"
        f" {about['width_multiplier']:g}"
    )


def _parse(
    doc: str | None, argv: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    parser = results.make_parser(
        doc, epilog="Further flags go to dcgan_jax.train.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--run", type=Path, help="a run's folder, shown as it is")
    add("--step", type=int, help="of --run's checkpoint; the newest without it")
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--sample_seed", type=int, default=0, dest="seed", help="of what is shown")
    return parser.parse_known_args(argv)
