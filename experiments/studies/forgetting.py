"""Forgetting to draw objects, where it is known what is object and what background.

python experiments/studies/forgetting.py

Trains a small DCGAN on striped images, half of them with a disc (two_part_images.py);
finds the discs of 150 samples by their colour, gives 52 boxes to §6.3.1's method, and
looks at other samples: is the disc gone, is the background as it was? Cost: minutes on
two CPU cores, nearly all of it training. Stopped, the same command goes on.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import cli, models
from dcgan_jax.latent import forgetting, object_maps
from dcgan_jax.latent.boxes import Box
from dcgan_jax.pictures import grid, pairs
from dcgan_jax.pictures.pairs import Pairs
from dcgan_jax.runs import load as loading
from dcgan_jax.sample import draw as sampling, numbered
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import disk, errors
from experiments import results, trained
from experiments.studies import two_part_images
from experiments.studies.two_part_images import Found

NAME = "forgetting"
NUM_IMAGES = 20_000
NUM_BOXES, NUM_BOXED_SAMPLES = 52, 150  # §6.3.1
NUM_RANDOM = 10  # draws of as many random maps, to compare with
NUM_SHOWN = 16
MAX_SIDE = 18  # pixels; the largest disc has 15, more are two discs

PROTOCOL = (
    "discs found by colour; boxes on {boxes} of the first 150 samples; maps of positive"
    " weight dropped; measured on the {new} samples after these. object_removed: of the"
    " samples with a disc, the share in which none is found without the maps;"
    " object_pixels_removed: the same of warm pixels. background_changed: mean absolute"
    " change of the pixels outside the discs' boxes (one pixel wider than found), as a"
    " share of the range; object_changed: of those inside. background_replaced:"
    " background_changed over the mean absolute difference of two samples without a"
    " disc, 1 for another image's background. random_maps: the same numbers, the mean"
    " over {random} random choices of as many maps of the layer"
)


class Test(NamedTuple):
    """New samples as they are, and their discs.

    Attributes:
        samples: of the generator.
        images: theirs, uint8 (count, height, width, 3).
        found: warm pixels.
        inside: bool (count, height, width), the discs' boxes.
        unlike: mean absolute difference of two backgrounds, share of the range.
    """

    samples: Samples
    images: np.ndarray
    found: Found
    inside: np.ndarray
    unlike: float


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    workdir, about = train(flags)
    loaded = loading.load_generator(str(workdir), weights_dir=None, step=None)
    samples = numbered.choose(
        loaded, count=NUM_BOXED_SAMPLES + flags.num_new, seed=flags.seed
    )
    images = sampling.make_sampler(loaded.network)(loaded.variables, samples.latents)
    boxes = find_boxes(images[:NUM_BOXED_SAMPLES])[:NUM_BOXES]
    if not boxes:
        raise errors.InputError(
            f"none of the first {NUM_BOXED_SAMPLES} samples shows a disc; train longer,"
            f" with more than --num_steps={flags.num_steps}."
        )
    new = np.arange(NUM_BOXED_SAMPLES, len(images))
    test = make_test(samples.take(new), images[new])
    numbers: dict[str, Any] = {}
    layers = models.list_hidden_convolutions(loaded.network)
    paper = forgetting.settle_layer(loaded, None)
    for layer in layers:
        regression = forgetting.learn_maps(samples, boxes, layer=layer, seed=flags.seed)
        dropped = object_maps.choose_dropped(regression.weights, num_dropped=None)
        draw = forgetting.make_drawer(test.samples, layer=layer)
        after = draw(dropped)
        found = {
            "num_maps": len(dropped),
            "num_dropped": int(dropped.sum()),
            "training_accuracy": regression.accuracy,
            **measure(test, after),
            "random_maps": measure_random(test, draw, dropped, seed=flags.seed),
        }
        numbers[layer] = found
        print(layer, found, flush=True)
        if layer == paper:
            boxed = samples.take([box.sample for box in boxes[:NUM_SHOWN]])
            draw = forgetting.make_drawer(boxed, layer=layer)
            old = Pairs(draw(np.zeros_like(dropped)), draw(dropped))
            new = Pairs(test.images[:NUM_SHOWN], after[:NUM_SHOWN])
            picture = pairs.draw_pairs(
                old, new, [[box[1:]] for box in boxes[:NUM_SHOWN]]
            )
            grid.save_image(picture, results.FOLDER / f"{NAME}.png")
    results.save(
        NAME,
        what="Forgetting the discs of a generator of striped images with discs; the"
        " picture beside this file: 16 samples with boxes, 16 others, each above the"
        f" same latent without the maps of {paper}",
        seed=flags.seed,
        protocol=PROTOCOL.format(
            boxes=len(boxes), new=flags.num_new, random=NUM_RANDOM
        ),
        numbers={
            "layer": paper,
            **numbers[paper],
            "share_with_object": float(test.found.present.mean()),
            "other_layers": {name: numbers[name] for name in layers if name != paper},
            "run": about,
        },
    )
    return 0


def train(flags: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Make the images and train on them; return the run's folder, and about it."""
    source = flags.runs / "two_part_images.npz"
    if not source.exists():
        flags.runs.mkdir(parents=True, exist_ok=True)
        images, _ = two_part_images.make_images(NUM_IMAGES, seed=0)
        with disk.replacing(source) as partial:
            np.savez(partial, images=images)
    workdir = flags.runs / "two_part_images"
    about = trained.train(
        "digits",
        workdir,
        [
            "--dataset=arrays",
            f"--source={source}",
            f"--data_dir={flags.data_dir}",
            "--channels=3",
            "--no_upscale",
            f"--num_steps={flags.num_steps}",
        ],
    )
    return workdir, about


def find_boxes(images: np.ndarray) -> list[Box]:
    """Return the box of each image with one disc, numbered by the images' order."""
    found = two_part_images.find_objects(images)
    boxes = []
    for number in np.flatnonzero(found.present):
        x, y, width, height = two_part_images.bound(found.warm[number], margin=0)
        if max(width, height) <= MAX_SIDE:
            boxes.append(Box(int(number), x, y, width, height))
    return boxes


def make_test(samples: Samples, images: np.ndarray) -> Test:
    """Find the discs of samples."""
    found = two_part_images.find_objects(images)
    inside = np.zeros(found.warm.shape, bool)
    for number in np.flatnonzero(found.warm.any((1, 2))):
        x, y, width, height = two_part_images.bound(found.warm[number], margin=1)
        inside[number, y : y + height, x : x + width] = True
    plain = images[~found.warm.any((1, 2))].astype(float)
    unlike = np.abs(plain - np.roll(plain, 1, axis=0)).mean() / 255
    return Test(samples, images, found, inside, float(unlike))


def measure(test: Test, after: np.ndarray) -> dict[str, float]:
    """Compare samples with a disc with the same latents without some maps."""
    left = two_part_images.find_objects(after)
    there = test.found.present
    inside, outside = object_maps.measure_change(
        test.images[there], after[there], test.inside[there]
    )
    pixels_left = left.warm[there].sum() / test.found.warm[there].sum()
    return {
        "object_removed": float((~left.present[there]).mean()),
        "object_pixels_removed": float(1 - pixels_left),
        "object_changed": inside,
        "background_changed": outside,
        "background_replaced": outside / test.unlike,
    }


def measure_random(
    test: Test,
    draw: Callable[[np.ndarray], np.ndarray],
    dropped: np.ndarray,
    *,
    seed: int,
) -> dict[str, float]:
    """Return the means of `measure` over random choices of as many maps."""
    rng = np.random.default_rng(seed)
    runs = [measure(test, draw(rng.permutation(dropped))) for _ in range(NUM_RANDOM)]
    return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--runs", type=Path, default=Path("runs"), help="folder of the run")
    add("--data_dir", type=Path, default=Path("data"))
    add("--num_steps", type=int, default=1500)
    add("--num_new", type=int, default=500)
    add("--seed", type=int, default=0, help="of the samples")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
