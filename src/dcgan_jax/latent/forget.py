"""Draw with and without an object that boxes are given of, as in Fig. 6."""

import dataclasses
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_jax import cli
from dcgan_jax.latent.flags import GeneratorFlags
from dcgan_jax.system import errors

if TYPE_CHECKING:
    from dcgan_jax.latent.boxes import BoxFile

MAX_SAMPLES = 100_000
MAX_SHOWN = 1000


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
    num_samples: int = 150
    """The boxes lie on samples 0 to num_samples − 1; new ones begin after these."""
    seed: int | None = None
    """The seed of the samples. Without this flag it is what the file of boxes says, or
    0."""
    label: int | None = None
    """The class that a conditional generator draws. Without this flag all classes take
    turns."""
    layer: str | None = None
    """The convolution whose maps are dropped: conv0 (the lowest), conv1, and so on.
    Without this flag it is the second highest, as in the paper."""
    num_dropped: int | None = None
    """Only so many maps are dropped, those of largest weight. Without this flag it is
    all of positive weight, as in the paper."""
    num_shown: int = 16
    """The number of new samples in the picture; of those with boxes it shows at most
    as many."""
    out: Path = Path("forget.png")
    """The picture: samples with their boxes, then new ones, each above what became of
    it."""


def parse(argv: Sequence[str]) -> ForgetConfig:
    """Read the command's flags."""
    return cli.parse(ForgetConfig, argv, command="latent forget")


def main(argv: Sequence[str]) -> int:
    """Forget what the flags describe; return the exit code."""
    config = parse(argv)
    _check(config)
    from dcgan_jax.latent import boxes

    found = boxes.read_boxes(config.boxes, category=config.category)
    seed = _settle_seed(config, found)

    from dcgan_jax.latent import forgetting
    from dcgan_jax.runs import load as loading
    from dcgan_jax.system import result_file

    cli.start()
    loaded = loading.load_generator(
        config.run,
        weights_dir=config.weights_dir,
        step=config.step,
        ema=config.ema,
    )
    boxes.check_step(found, loaded.step)
    outcome = forgetting.run(
        loaded,
        found,
        seed=seed,
        choices=forgetting.Choices(
            num_samples=config.num_samples,
            label=config.label,
            layer=config.layer,
            num_dropped=config.num_dropped,
            num_shown=config.num_shown,
        ),
        out=config.out,
    )
    if config.json is not None:
        result_file.save(
            config.json,
            what=f"Feature maps of {config.run} dropped by {config.boxes}",
            command=shlex.join(["python", "-m", "dcgan_jax.latent", "forget", *argv]),
            seed=seed,
            protocol=forgetting.PROTOCOL,
            numbers=forgetting.to_numbers(outcome),
        )
    print(forgetting.describe(outcome))
    print(f"picture     {config.out}")
    return 0


def _check(config: ForgetConfig) -> None:
    most = {
        "num_samples": MAX_SAMPLES,
        "num_shown": MAX_SHOWN,
        "num_dropped": math.inf,
    }
    for name, bound in most.items():
        value = getattr(config, name)
        if value is not None and not 1 <= value <= bound:
            limit = "1 or more" if bound == math.inf else f"1 to {bound:,}"
            raise errors.InputError(f"--{name}={value}, expected {limit}.")
    for name, suffix in (("out", ".png"), ("json", ".json")):
        path = getattr(config, name)
        if path is not None and path.suffix != suffix:
            raise errors.InputError(f"--{name}={path} must end in {suffix}.")


def _settle_seed(config: ForgetConfig, found: "BoxFile") -> int:
    if config.seed is None:
        return found.seed or 0
    if found.seed not in (None, config.seed):
        raise errors.InputError(
            f"{config.boxes} has boxes on samples of seed {found.seed}, not of"
            f" --seed={config.seed}; leave --seed out."
        )
    return config.seed
