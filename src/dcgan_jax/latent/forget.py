"""Draw with and without an object that boxes show, as in Fig. 6."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.latent import flags
from dcgan_jax.latent.flags import Findings, GeneratorFlags
from dcgan_jax.pictures import formats
from dcgan_jax.system import errors
from dcgan_jax.system.marks import COUNT, Bounds

if TYPE_CHECKING:
    from dcgan_jax.latent.boxes import BoxFile
    from dcgan_jax.latent.forgetting import Fitted, Forgotten
    from dcgan_jax.runs.load import LoadedGenerator


@dataclasses.dataclass(frozen=True)
class ForgetConfig(GeneratorFlags):
    """Drop the feature maps that draw an object, and draw with and without them.

    The object is shown by boxes around it on numbered samples (§6.3.1, Fig. 6).

    Examples:
        dcgan latent forget runs/bedroom --boxes=windows.json
        dcgan latent forget runs/bedroom --boxes=coco.json --category=window
        dcgan latent forget runs/bedroom --boxes=windows.json --num_dropped=10
    """

    _: dataclasses.KW_ONLY
    boxes: Path
    """The boxes around the object on numbered samples: a JSON file in the format of
    dcgan_jax.latent.boxes or COCO's."""
    category: str | None = None
    """The category to forget, where a COCO file has several."""
    num_samples: Annotated[int, Bounds(at_least=1, at_most=100_000)] = 150
    """The boxes lie on samples 0 to num_samples − 1; new ones begin after these."""
    seed: int | None = None
    """The seed of the samples. Without this flag it is what the file of boxes says, or
    0."""
    label: str | None = None
    """The class that a conditional generator draws, by its name or its number. Without
    this flag all classes take turns."""
    layer: str | None = None
    """The convolution whose maps are dropped: conv0 (the lowest), conv1, and so on.
    Without this flag it is the second highest, as in the paper."""
    num_dropped: Annotated[int | None, COUNT] = None
    """Only so many maps are dropped, those of largest weight. Without this flag it is
    all of positive weight, as in the paper."""
    num_shown: Annotated[int, Bounds(at_least=1, at_most=1000)] = 16
    """The number of new samples in the picture; of those with boxes it shows at most
    as many."""
    out: Path = Path("forget.png")
    """The picture: samples with their boxes, then new ones, each above what became of
    it."""
    scale: Scale = None
    """The dots that a pixel of an image becomes on each side. Without this flag they
    are so many that the shorter side of the picture has 512 at least."""


def parse(argv: Sequence[str]) -> ForgetConfig:
    """Read the command's flags."""
    return cli.parse(ForgetConfig, argv, command="latent forget")


def main(argv: Sequence[str]) -> int:
    """Forget what the flags describe; return the exit code."""
    config = parse(argv)
    _check(config)
    from dcgan_jax.latent import boxes

    drawn = boxes.read_boxes(config.boxes, category=config.category)
    seed = _settle_seed(config, drawn)

    from dcgan_jax.runs import load as loading

    cli.start()
    loaded = loading.load_generator(
        config.run,
        weights_dir=config.weights_dir,
        step=config.step,
        ema=config.ema,
    )
    boxes.check_step(drawn, loaded.step)
    found = run(config, loaded, drawn, seed=seed)
    flags.report(
        found,
        config.json,
        what=f"Feature maps of {config.run} dropped by {config.boxes}",
        argv=["forget", *argv],
        seed=seed,
    )
    return 0


def run(
    config: ForgetConfig, loaded: "LoadedGenerator", drawn: "BoxFile", *, seed: int
) -> Findings:
    """Learn the object's feature maps, drop them, and write the picture.

    Args:
        config: the settings.
        loaded: the generator.
        drawn: boxes on its samples.
        seed: of the samples and of the random places.

    Raises:
        InputError: if boxes, layer or label do not fit the generator.
    """
    from dcgan_jax.latent import boxes as box_files, forgetting
    from dcgan_jax.pictures import grid, pairs
    from dcgan_jax.pictures.pairs import Pairs
    from dcgan_jax.sample import labels, numbered

    boxes = box_files.fit_boxes(
        drawn, image_size=loaded.config.image_size, num_samples=config.num_samples
    )
    count = config.num_samples + config.num_shown
    label = labels.find(config.label, loaded.config)
    samples = numbered.choose(loaded, count=count, seed=seed, label=label)
    boxed = sorted({box.sample for box in boxes})
    shown = [*boxed, *range(config.num_samples, count)]
    fitted = forgetting.fit_maps(
        samples, boxes, layer=config.layer, seed=seed, shown=shown
    )
    forgotten = forgetting.forget(fitted, samples, num_dropped=config.num_dropped)
    drawn_pairs = Pairs(fitted.before, forgotten.after)
    few = slice(0, min(len(boxed), config.num_shown))
    rectangles = [[box[1:] for box in boxes if box.sample == n] for n in boxed]
    picture = pairs.draw_pairs(
        Pairs(*(part[few] for part in drawn_pairs)),
        Pairs(*(part[len(boxed) :] for part in drawn_pairs)),
        rectangles,
        scale=config.scale,
    )
    config.out.parent.mkdir(parents=True, exist_ok=True)
    grid.save_image(picture, config.out)
    numbers = _list_numbers(fitted, forgotten, num_boxed=len(boxed))
    told = _describe(fitted, forgotten, num_boxed=len(boxed))
    return Findings(f"{told}\npicture     {config.out}", numbers, _PROTOCOL)


_PROTOCOL = (
    "logistic regression on activations (after batch norm and ReLU) inside boxes"
    " against as many random places of the same images outside; maps of positive weight"
    " set to 0 everywhere; stored batch statistics; changes: mean absolute difference"
    " of pixels of the samples with boxes, as a share of their range"
)


def _list_numbers(
    fitted: "Fitted", forgotten: "Forgotten", *, num_boxed: int
) -> dict[str, Any]:
    """Return what a result file says."""
    return {
        "layer": fitted.layer,
        "num_maps": len(forgotten.dropped),
        "num_dropped": int(forgotten.dropped.sum()),
        "dropped_maps": forgotten.dropped.nonzero()[0].tolist(),
        "training_accuracy": fitted.regression.accuracy,
        "num_places_inside": fitted.regression.num_inside,
        "num_places_outside": fitted.regression.num_outside,
        "num_boxes": len(fitted.boxes),
        "num_samples_with_boxes": num_boxed,
        "change_inside_boxes": forgotten.change_inside,
        "change_outside_boxes": forgotten.change_outside,
    }


def _describe(fitted: "Fitted", forgotten: "Forgotten", *, num_boxed: int) -> str:
    """Tell it to a person, in lines."""
    regression, dropped = fitted.regression, forgotten.dropped
    return "\n".join(
        [
            f"boxes       {len(fitted.boxes)} on {num_boxed} samples",
            f"dropped     {dropped.sum()} of {len(dropped)} feature maps"
            f" of {fitted.layer}",
            f"regression  {100 * regression.accuracy:.1f} % right on the"
            f" {regression.num_inside:,} places inside and {regression.num_outside:,}"
            " outside that it was fitted to",
            f"change      {100 * forgotten.change_inside:.1f} % of the range in boxes,"
            f" {100 * forgotten.change_outside:.1f} % outside",
        ]
    )


def _check(config: ForgetConfig) -> None:
    cli.check_suffix(config.out, "out", *formats.SUFFIXES)
    cli.check_suffix(config.json, "json", ".json")


def _settle_seed(config: ForgetConfig, found: "BoxFile") -> int:
    if config.seed is None:
        return found.seed or 0
    if found.seed not in (None, config.seed):
        raise errors.InputError(
            f"{config.boxes} has boxes on samples of seed {found.seed}, not of"
            f" --seed={config.seed}; leave --seed out."
        )
    return config.seed
