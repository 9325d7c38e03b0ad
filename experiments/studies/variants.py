"""A small net on a folder of pictures, with one setting changed at a time."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from dcgan_jax import cli
from dcgan_jax.config import data_config
from dcgan_jax.data import ready, store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.pictures import grid
from dcgan_jax.system import errors
from experiments import results, trained

LABEL_WIDTH, GAP = 160, 20  # dots

T = TypeVar("T")


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags of such an experiment."""
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--source", type=Path, required=True, help="folder or zip of pictures")
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--data_dir", type=Path, default=Path("data"))
    add("--num_seeds", type=int, default=3)
    add("--num_steps", type=int, default=1000)
    add("--width_multiplier", type=float, default=0.25)
    add("--seen", help="what you saw in the picture, to be kept beside the numbers")
    return parser


def parse(
    parser: argparse.ArgumentParser, argv: Sequence[str], *, least_steps: int
) -> argparse.Namespace:
    """Read the flags; too few steps or seeds are an error."""
    flags = parser.parse_args(argv)
    if flags.num_steps < least_steps or flags.num_seeds < 1:
        parser.error(f"--num_steps must be at least {least_steps}, --num_seeds 1")
    return flags


def list_data_flags(flags: argparse.Namespace, image_size: int = 32) -> list[str]:
    """Return the flags of `dcgan_jax.train` that say what is trained on."""
    return [
        "--dataset=folder", f"--source={flags.source}", f"--image_size={image_size}",
        f"--data_dir={flags.data_dir}", "--by_count=none",
    ]  # fmt: skip


def open_store(
    flags: argparse.Namespace,
    *,
    num_training: int,
    num_unseen: int,
    image_size: int = 32,
) -> Store:
    """Prepare and open the store of a folder or zip of pictures.

    Args:
        flags: with `source` and `data_dir`.
        num_training: the pictures that a run is trained on.
        num_unseen: those that samples are compared with.
        image_size: the side that they are brought to.

    Raises:
        InputError: if it holds too few.
    """
    config = data_config(cli.parse_run(list_data_flags(flags, image_size)))
    trained.require(ready.make_ready(config))
    store = stores.open_store(stores.store_path(config))
    least = num_training + num_unseen
    if len(store) < least:
        raise errors.InputError(
            f"{flags.source} holds {len(store)} images, expected at least {least}:"
            f" {num_training} to train on and others to compare with; give a larger"
            " folder or zip."
        )
    return store


def find_workdir(
    flags: argparse.Namespace, study: str, variant: str, seed: int
) -> Path:
    """Return the folder of a run."""
    name = variant.replace(",", "").replace(" ", "_")
    return flags.runs / study / f"{name}-{seed}"


def train(
    flags: argparse.Namespace, workdir: Path, seed: int, chosen: Sequence[str]
) -> bool:
    """Train to the end; return False if the run became infinite or NaN instead.

    Args:
        flags: of `make_parser`.
        workdir: of the run.
        seed: of the run.
        chosen: further flags of `dcgan_jax.train`, the variant's last.
    """
    code = trained.run_train(
        [
            *list_data_flags(flags), f"--width_multiplier={flags.width_multiplier}",
            "--batch_size=64", f"--num_steps={flags.num_steps}", f"--seed={seed}",
            f"--workdir={workdir}", "--log_every_steps=100", *chosen,
        ]
    )  # fmt: skip
    if code != cli.NOT_FINITE:
        trained.require(code)
    return code == 0


def measure_all(
    flags: argparse.Namespace,
    names: Sequence[str],
    measure: Callable[[str, int], T | None],
    save: Callable[[dict[str, list[T | None]]], None],
) -> None:
    """Train and measure every variant with every seed, and save after each seed.

    Args:
        flags: of `make_parser`.
        names: of the variants.
        measure: (variant, seed) → what was found; None of a run that became NaN or
            infinite.
        save: takes variant → what was found with each seed.
    """
    found: dict[str, list[T | None]] = {name: [] for name in names}
    begin, done, total = time.perf_counter(), 0, flags.num_seeds * len(names)
    for seed in range(flags.num_seeds):
        for variant in names:
            found[variant].append(measure(variant, seed))
            done += 1
            left = (time.perf_counter() - begin) / done * (total - done)
            print(
                f"{done}/{total} runs  {variant}, seed {seed}  "
                f"left {tqdm.format_interval(left)}",
                flush=True,
            )
        save(found)


def draw(rows: Mapping[str, Sequence[np.ndarray]], *, columns: int) -> np.ndarray:
    """Draw a row for each name, which stands on its left.

    Args:
        rows: name → its groups of images, uint8 (count, height, width, 3) each, which
            stand beside each other.
        columns: places in a group.
    """
    parts = []
    for groups in rows.values():
        margins = [LABEL_WIDTH, *[GAP] * (len(groups) - 1)]
        blocks = [
            np.pad(
                grid.make_grid(images, columns=columns),
                ((2, 2), (margin, 0), (0, 0)),
                constant_values=255,
            )
            for images, margin in zip(groups, margins, strict=True)
        ]
        parts.append(np.concatenate(blocks, axis=1))
    image = Image.fromarray(np.concatenate(parts))
    pen, height = ImageDraw.Draw(image), image.height // len(parts)
    for index, name in enumerate(rows):
        pen.text((2, index * height + height // 3), name, fill=(0, 0, 0))
    return np.asarray(image)
