"""Add and subtract visual concepts, or turn samples along an axis.

Fig. 7 and 8 of the paper. The format of files of picks is described in
`dcgan_jax.latent.picks`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.latent import flags, picks as pick_files
from dcgan_jax.latent.flags import Findings, GeneratorFlags
from dcgan_jax.latent.picks import Groups, Picks
from dcgan_jax.pictures import formats
from dcgan_jax.system import errors
from dcgan_jax.system.marks import Bounds

if TYPE_CHECKING:
    import numpy as np

    from dcgan_jax.sample.numbered import NumberedGenerator

MAX_IMAGES = 5000  # of a turn; of 64 × 64 pixels, a minute on two CPU cores


@dataclasses.dataclass(frozen=True)
class ArithmeticConfig(GeneratorFlags):
    """Do arithmetic on the mean latents of exemplars (§6.3.2, Fig. 7 and 8).

    Exemplars are named by the numbers that `dcgan sample RUN --numbered --num=200`
    writes below its images.

    Examples:
        dcgan latent arithmetic runs/faces --positive=3,7 --negative=5,8 --add=1,2
        dcgan latent arithmetic runs/faces --turn_from=3,17,40,41 --turn_to=5,8,9,30
        dcgan latent arithmetic runs/faces --picks=picks.json --out=glasses.png
    """

    positive: str | None = None
    """The numbers of samples that show A in A − B + C, as 3,17,40. The paper takes
    three, since "single samples per concept were unstable"."""
    negative: str | None = None
    """The numbers of samples that show B."""
    add: str | None = None
    """The numbers of samples that show C."""
    turn_from: str | None = None
    """The numbers of samples that look one way; the paper takes four (Fig. 8)."""
    turn_to: str | None = None
    """The numbers of samples that look the other way."""
    picks: Path | None = None
    """The exemplars, the seed, the label and the step are taken from this file."""
    save_picks: Path | None = None
    """The exemplars, the seed, the label and the step are written into this file."""
    seed: int | None = None
    """The seed of the numbered samples. Without this flag it is that of --picks, or
    0."""
    noise: Annotated[float, Bounds(at_least=0, at_most=10)] = 0.25
    """The neighbours of the result differ from it by uniform noise in ± this
    (Fig. 7)."""
    rows: Annotated[int, Bounds(at_least=1, at_most=MAX_IMAGES)] = 8
    """The number of new samples to turn."""
    columns: Annotated[int, Bounds(at_least=2, at_most=MAX_IMAGES)] = 9
    """The number of positions on the axis, from −1 to 1; an odd number shows the
    samples too."""
    out: Path = Path("arithmetic.png")
    """The picture (.png, .jpg or .webp)."""
    scale: Scale = None
    """The dots that a pixel of an image becomes on each side. Without this flag they
    are so many that the shorter side of the picture has 512 at least."""


def parse(argv: Sequence[str]) -> ArithmeticConfig:
    """Read the command's flags."""
    return cli.parse(ArithmeticConfig, argv, command="latent arithmetic")


def main(argv: Sequence[str]) -> int:
    """Do the arithmetic that the flags describe; return the exit code."""
    config = parse(argv)
    check(config)

    cli.start()
    found = run(config)
    flags.report(
        found,
        config.json,
        what="arithmetic on the mean latents of exemplars",
        argv=["arithmetic", *argv],
        seed=found.numbers["seed"],
    )
    return 0


def check(config: ArithmeticConfig) -> None:
    """Raise an error at once for flags and picks that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    find_picks(config)
    if config.rows * config.columns > MAX_IMAGES:
        raise errors.InputError(
            f"--rows={config.rows} --columns={config.columns} make more than "
            f"{MAX_IMAGES:,} images; choose fewer."
        )
    cli.check_suffix(config.out, "out", *formats.SUFFIXES)
    cli.check_suffix(config.json, "json", ".json")
    cli.check_suffix(config.save_picks, "save_picks", ".json")


def find_picks(config: ArithmeticConfig) -> Picks:
    """Return what is picked; the flags' picks name no generator and no class yet.

    Raises:
        MissingInputError: if there is no such file of picks.
        InputError: if it cannot be used, nothing is picked, or flags contradict it.
    """
    given = {
        name: pick_files.parse_numbers(text, flag=name)
        for name in pick_files.ARITHMETIC + pick_files.TURN
        if (text := getattr(config, name)) is not None
    }
    if config.picks is None:
        groups = pick_files.check_groups(given, what="the command line")
        return Picks("", config.run, config.step, config.seed or 0, None, groups)
    if given:
        raise errors.InputError(
            f"--picks={config.picks} and --{next(iter(given))} both name exemplars; "
            "give one of them."
        )
    picks = pick_files.read_picks(config.picks)
    for name in ("seed", "step"):
        _require_same(config, name, getattr(config, name), getattr(picks, name))
    return picks


def _require_same(
    config: ArithmeticConfig, name: str, asked: int | None, found: int | None
) -> None:
    if asked not in (None, found):
        raise errors.InputError(
            f"{config.picks} holds numbers of samples with {name}={found}, the "
            f"command line asks for {name}={asked}; leave --{name} out, or pick anew."
        )


def run(config: ArithmeticConfig) -> Findings:
    """Do the arithmetic and draw it.

    Raises:
        InputError: if there is no generator, or the picks are of another one's samples.
    """
    from dcgan_jax.pictures import grid
    from dcgan_jax.sample import labels, numbered as generators

    picks = find_picks(config)
    generator = generators.open_generator(
        config.run,
        weights_dir=config.weights_dir,
        step=picks.step,
        seed=picks.seed,
        label=config.label if config.picks is None else picks.label,
        ema=config.ema,
    )
    if config.picks is not None:
        asked = labels.find(config.label, generator.loaded.config)
        _require_same(config, "label", asked, picks.label)
        pick_files.check_generator(
            picks, config.picks, digests=generator.loaded.digests
        )
    work = _turn if set(picks.groups) == set(pick_files.TURN) else _add
    picture, found, lines = work(generator, picks.groups, config)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    grid.save_image(picture, config.out)
    saved = dataclasses.replace(
        picks,
        generator=generator.loaded.digest,
        run=flags.name_run(config.run),
        step=generator.loaded.step,
        label=generator.label,
    )
    if config.save_picks is not None:
        pick_files.save_picks(saved, config.save_picks)
    numbers = {
        **dataclasses.asdict(saved),
        "class_name": generator.class_name,
        "ema": config.ema,
        **found,
    }
    return Findings("\n".join([*lines, str(config.out)]), numbers, _PROTOCOL)


_PROTOCOL = (
    "the mean latent of each group's exemplars; lengths are multiples of the root mean "
    "square length of samples' latents; stored batch statistics"
)


def _add(
    generator: "NumberedGenerator", groups: Groups, config: ArithmeticConfig
) -> "tuple[np.ndarray, dict[str, Any], list[str]]":
    """Do Fig. 7: return its picture, numbers and lines for people."""
    from dcgan_jax.latent import exemplars

    found = exemplars.add_concepts(
        generator, groups, noise=config.noise, scale=config.scale
    )
    lines = [
        f"A − B + C is {found.length:.2f} times as long as samples' latents are "
        f"(independent exemplars: {found.expected_length:.2f})"
    ]
    if min(map(len, groups.values())) < 3:
        lines.append(
            "fewer than three exemplars of a concept: the paper found single ones "
            "unstable and means of three stable (§6.3.2)"
        )
    lengths = {"length": found.length, "expected_length": found.expected_length}
    return found.picture, lengths, lines


def _turn(
    generator: "NumberedGenerator", groups: Groups, config: ArithmeticConfig
) -> "tuple[np.ndarray, dict[str, Any], list[str]]":
    """Do Fig. 8: return its picture, numbers and lines for people."""
    from dcgan_jax.latent import exemplars, paths, pictures

    turned = exemplars.turn_samples(
        generator, groups, rows=config.rows, columns=config.columns
    )
    transitions = paths.measure_transitions(turned.images)
    found = {
        "new_samples": list(turned.numbers),
        "turn_length": turned.length,
        "median_step_grey_levels": transitions.median,
        "largest_step_by_median": flags.finite(transitions.overall),
    }
    line = f"the turn is {turned.length:.2f} times as long as samples' latents are"
    picture = pictures.draw_turn(
        turned.images, turned.numbers, turned.positions, scale=config.scale
    )
    return picture, found, [line]
