"""Every setting of a run, as frozen dataclasses; standard library only.

Operational settings (paths, intervals) have defaults here. Scientific ones have none
outside `presets`, where each value carries its source.
"""

import dataclasses
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from dcgan_jax.architectures import ARCHITECTURES, CONDITIONAL, PLAIN
from dcgan_jax.system import errors, json_values, marks
from dcgan_jax.system.marks import (
    COUNT,
    LOCAL,
    MOST,
    OPERATIONAL,
    Bounds,
    Formerly,
    OnlyOf,
    Role,
    find_marks,
)

if TYPE_CHECKING:
    ArchitectureName = str
else:  # a new one is added to the table alone
    ArchitectureName = Literal[tuple(ARCHITECTURES)]
ImageSize = Literal[28, 32, 48, 64, 96, 128]
Channels = Literal[1, 3]
Shuffle = Literal["auto", "rows", "blocks"]
Precision = Literal["auto", "float32", "float32_full", "bfloat16"]
DiffAugment = Literal[
    "none", "color", "translation", "cutout", "color,translation", "color,cutout",
    "translation,cutout", "color,translation,cutout",
]  # fmt: skip

# The dots that a pixel of a picture becomes on each side; None leaves it to the size.
Scale = Annotated[int | None, Bounds(at_least=1, at_most=64)]

# The settings that can follow from the number of pictures; `data.by_count` chooses.
BY_COUNT = ("batch_size", "num_epochs", "diffaugment")

# The most images that a discriminator judges at once.
MOST_PACKED = 8

# Further bounds of whole numbers, for the fields below and those of other commands.
STEP = Bounds(at_least=0, at_most=MOST)
DURATION = Bounds(at_least=0, at_most=MOST)
WORKERS = Bounds(at_least=0, at_most=4096)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Data: the images, and where their prepared copies lie."""

    dataset: str
    """The name of a data set that has a recipe, such as digits or lsun_bedroom; or
    `folder` or `arrays` for your own images; or tfds:NAME[/CONFIG]; or hub:OWNER/NAME,
    a data set in Parquet of the Hugging Face hub."""
    source: Annotated[Path | None, LOCAL] = None
    """Your own copy of the data: a folder, zip or tar of images, an .npz or .npy file,
    the files of MNIST, CIFAR, STL-10 or SVHN, .parquet, a .csv of pixels, an LSUN LMDB
    (its folder or zip), or a prepared tfds folder. Without this flag the data are
    loaded by their name."""
    split: str = "train"
    """The part of the data set that is taken."""
    image_size: ImageSize
    """The side of the square images, in pixels."""
    channels: Channels
    """The number of colour channels: 1 for grey, 3 for colour."""
    upscale: bool = False
    """Images that are smaller than --image_size are enlarged; otherwise they are an
    error."""
    value_range: str | None = None
    """The values in the files that become black and white, as 0,4095 for 12 bits in
    files of 16; values beyond them are cut off. Without this flag they are those of the
    files' type."""
    max_pixels: Annotated[int, COUNT] = 89_478_485
    """An image of more pixels counts as broken, since it might exhaust the memory; a
    JPEG of up to four times as many is read at a fraction of its size."""
    max_broken: Annotated[float, Bounds(at_least=0, below=1), OPERATIONAL] = 0.01
    """The share of the images that may be broken; they are left out and listed."""
    reprepare: Annotated[bool, OPERATIONAL] = False
    """The data are prepared again, although a prepared copy of them is there."""
    dedup: bool = False
    """Near duplicates are looked for while preparing, and training leaves them out
    (§4.1.1)."""
    data_dir: Annotated[Path, LOCAL] = Path("data")
    """The folder of the prepared stores and of downloads."""
    num_workers: Annotated[int, WORKERS, LOCAL] = 0
    """The number of processes that decode images while preparing; 0 takes one per CPU
    core."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """Adam (Kingma & Ba 2014), and what comes before and after it."""

    learning_rate: Annotated[float, Bounds(at_least=0)]
    """The step size α."""
    b1: Annotated[float, Bounds(at_least=0, below=1)]
    """The decay rate β₁ of the mean of the gradients."""
    b2: Annotated[float, Bounds(at_least=0, below=1)]
    """The decay rate β₂ of the mean of their squares."""
    epsilon: Annotated[float, Bounds(above=0)]
    """The small number ε that keeps the division finite."""
    l2: Annotated[float, Bounds(at_least=0)]
    """The factor λ of λ · weights, which is added to the gradient before Adam, as in
    the authors' code."""
    decay_fraction: Annotated[float, Bounds(at_least=0, at_most=1)]
    """The share of the run, at its end, over which the rate falls linearly to 0."""
    d_learning_rate: Annotated[float | None, Bounds(at_least=0)] = None
    """The discriminator's own step size (Heusel et al. 2017, not in the paper). Without
    this flag both networks use --adam.learning_rate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SgdConfig:
    """Gradient descent with momentum, as Goodfellow et al. 2014 use it."""

    learning_rate: Annotated[float, Bounds(at_least=0)]
    """The step size of the first update."""
    decay_factor: Annotated[float, Bounds(at_least=1)]
    """The rate is divided by this number after every update."""
    min_learning_rate: Annotated[float, Bounds(at_least=0)]
    """The rate stops falling at this value."""
    momentum: Annotated[float, Bounds(at_least=0, below=1)]
    """The momentum of the first epoch."""
    final_momentum: Annotated[float, Bounds(at_least=0, below=1)]
    """The momentum from epoch --sgd.momentum_epochs on. Before that epoch it follows a
    straight line from --sgd.momentum."""
    momentum_epochs: Annotated[int, COUNT]
    """The epoch, counted from 1, in which the momentum stops rising."""
    disc_gradient_scale: Annotated[float, Bounds(above=0)]
    """The discriminator's gradient is multiplied by this number."""
    max_column_norm: Annotated[float | None, Bounds(above=0)]
    """The incoming weights of a unit are cut to this length; None sets no limit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Network: the generator, the discriminator and the latents."""

    architecture: ArchitectureName
    """The pair of networks."""
    conditional: Annotated[bool, OnlyOf(PLAIN)] = False
    """Both networks are told the label of every image, at every layer as in §8.1, and
    draw the classes that are asked for. The data must have labels."""
    num_classes: Annotated[int | None, Bounds(at_least=1, at_most=10**6)] = None
    """The number of classes of a conditional network; None takes as many as the data
    have."""
    class_names: Annotated[str | None, OPERATIONAL] = None
    """The names of a conditional network's classes in the order of their numbers, as a
    JSON list. Without this flag they are those of the data."""
    width_multiplier: Annotated[float, Bounds(above=0, at_most=100)] = 1.0
    """The number of feature maps or units of every layer is multiplied by this."""
    input_bias: bool
    """The discriminator's first layer has a bias; without one it cannot see the
    contrast of a batch."""
    bn_affine: Annotated[bool, OnlyOf((*PLAIN, *CONDITIONAL))] = True
    """Batch norm has a gain and an offset that are learnt."""
    batch_norm: Annotated[
        Literal["paper", "all", "not_in_generator", "not_in_discriminator"],
        OnlyOf(PLAIN),
    ] = "paper"
    """The layers that have batch norm. `paper` means all but the generator's output and
    the discriminator's input (§3); `all` means these too; `not_in_generator` means
    those of `paper`, but in the discriminator alone; `not_in_discriminator` means those
    in the generator alone: the discriminator then has biases in their place, and its
    first kernels are as large as He et al. 2015 draw them."""
    disc_pooling: Annotated[Literal["none", "global_average"], OnlyOf(PLAIN)] = "none"
    """What becomes of the discriminator's last maps before they are weighed: `none`
    flattens them (§3), `global_average` averages each of them to one number."""
    latent_size: Annotated[int, Bounds(at_least=1, at_most=10**6)]
    """The length of the generator's input."""
    latent_distribution: Literal["uniform", "normal", "unit_uniform"]
    """The distribution of the latents: `uniform` on [-1, 1], standard `normal`, or
    `unit_uniform` on [-√3, √3], whose variance is 1 as well."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Training: the objective, the updates and the length of the run."""

    preset: Annotated[str | None, OPERATIONAL] = None
    """The name of a recipe to use in place of the data set's own."""
    by_count: Annotated[str, OPERATIONAL] = "none"
    """The settings that follow from the number of pictures, by commas, as
    docs/recipes.md says: some of batch_size, num_epochs and diffaugment. One that has
    been given by its own flag does not."""
    seed: int = 0
    """The seed of the initial weights, the latents and the order of the data."""
    init_from: Annotated[str | None, LOCAL] = None
    """A new run begins with the networks of this run's folder or exported file, in
    place of random ones: fine-tuning. Optimisers and steps begin anew. A run that goes
    on takes no notice of it."""
    init_digest: Annotated[str | None, LOCAL] = None
    """The sha256 of the generator of --init_from. It is recorded with the run; where it
    is given, another generator is refused."""
    loss: Literal["non_saturating", "minimax", "hinge", "relativistic"]
    """The objectives. The generator's is one of the two of Goodfellow et al. 2014, §3,
    against their discriminator's. Not in the paper are `hinge` (Miyato et al. 2018) and
    `relativistic`, which compares each real image with each generated one and needs
    --r1_gamma and --r2_gamma (Huang et al. 2024)."""
    num_d_steps: Annotated[int, COUNT]
    """The number k of discriminator updates, each on a new minibatch, to one generator
    update."""
    updates: Literal["alternating", "simultaneous"] = "alternating"
    """An `alternating` update of the generator sees the discriminator after its last
    update, a `simultaneous` one sees it as it was before."""
    batch_size: Annotated[int, Bounds(at_least=2, at_most=MOST)]
    """The number of images in a minibatch."""
    held_out: Annotated[int, STEP] = 0
    """The number of images that are kept from training, for validation. They are the
    last of the store, whose order is a fixed shuffle."""
    shuffle: Annotated[Shuffle, Formerly("rows")] = "auto"
    """The order of an epoch's images: row by row, or in blocks of rows, which a disk
    reads fast. `auto` takes blocks where the pixels take more than 8 GiB."""
    num_epochs: Annotated[float, Bounds(above=0), OPERATIONAL]
    """The length of the run in epochs; one epoch shows every image to the discriminator
    once."""
    num_steps: Annotated[int | None, COUNT, OPERATIONAL] = None
    """The length of the run in steps (k discriminator updates and one generator
    update); it overrides --num_epochs."""
    adam: AdamConfig | None
    """The optimiser; None where it is sgd."""
    sgd: SgdConfig | None = None
    """The optimiser in place of adam."""
    precision: Annotated[Precision, Formerly("float32")] = "auto"
    """The arithmetic of the convolutions. Parameters, statistics and losses stay
    float32. `auto` takes bfloat16 on a GPU that has units for it and float32 elsewhere;
    the run keeps what it took. On a GPU, `float32` multiplies in TF32, which has 10
    bits of mantissa in place of 23; `float32_full` keeps them all and is slower."""
    convolution: Literal["auto", "lax", "phase"] = "auto"
    """How convolutions are computed. `auto` chooses for each layer what is fast on the
    device. `lax` takes the operations of that name for all layers; `phase` computes
    them phase by phase, which is faster on CPUs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """Output and resuming: what a run writes, how often, and how it goes on."""

    workdir: Annotated[Path | None, LOCAL] = None
    """The run's folder. Without this flag it is runs/DATASET, or runs/PRESET."""
    log_every_steps: Annotated[int | None, COUNT, OPERATIONAL] = None
    """The interval between two rows of metrics.jsonl, in steps; it overrides
    --log_every_seconds."""
    log_every_seconds: Annotated[float, DURATION, OPERATIONAL] = 1.0
    """The least time between two rows of metrics.jsonl."""
    sample_every_steps: Annotated[int | None, COUNT, OPERATIONAL] = None
    """The interval between two sample grids, in steps. Without this flag grids are
    drawn at steps 1, 50, 100, 200 and 500, and then further and further apart."""
    sample_every_seconds: Annotated[float, DURATION, OPERATIONAL] = 15.0
    """After step 500, the least time between two sample grids where their steps are not
    given."""
    checkpoint_every_steps: Annotated[int | None, COUNT, OPERATIONAL] = None
    """The interval between two checkpoints, in steps; it overrides
    --checkpoint_every_seconds."""
    checkpoint_every_seconds: Annotated[float, DURATION, OPERATIONAL] = 600.0
    """The time between two checkpoints. The first ones come earlier: after a minute,
    two, four and eight."""
    scale: Annotated[Scale, OPERATIONAL] = None
    """The dots that a pixel of a sample grid becomes on each side. Without this flag
    they are so many that the shorter side of the grid has 512 at least."""
    keep_newest: Annotated[int, COUNT, OPERATIONAL] = 3
    """The number of checkpoints that are kept, counted from the newest."""
    keep_every_steps: Annotated[int | None, COUNT, OPERATIONAL] = None
    """Besides the newest, the checkpoints whose step is a multiple of this are kept.
    Without --checkpoint_every_steps, all of these are saved."""
    on_nan: Annotated[Literal["stop", "rollback"], OPERATIONAL] = "stop"
    """What follows when a value becomes NaN or infinite: `stop` ends with exit code 3,
    `rollback` goes on from the newest checkpoint with other random numbers, three times
    in all."""
    profile_first_step: Annotated[int | None, STEP, OPERATIONAL] = None
    """A JAX trace of the steps from this one on is written into the run's folder."""
    profile_num_steps: Annotated[
        int, Bounds(at_least=1, at_most=10_000), OPERATIONAL
    ] = 3
    """The number of steps in the trace."""
    dry_run: Annotated[bool, OPERATIONAL] = False
    """What the run would be is told; nothing is prepared, trained or written."""
    allow_changes: Annotated[bool, OPERATIONAL] = False
    """The run is resumed although settings differ from those that it was started
    with."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FollowConfig:
    """Following: how good the generator is on its way, and the best one."""

    follow_metric: Annotated[str | None, OPERATIONAL] = None
    """The generator is measured while it trains, on the same device, by a metric that
    `evaluate --every` can follow: fid, kid, is, prc, parzen or modes. The numbers go to
    quality.jsonl in the run's folder, and the best generator to best_NAME.safetensors.
    With --ema_decay it is the average that is measured."""
    follow_every: Annotated[int, COUNT, OPERATIONAL] = 1000
    """The interval between two measurements, in steps. The last step is one too."""
    follow_num_samples: Annotated[int, COUNT, OPERATIONAL] = 5000
    """The number of images that are generated for a measurement."""
    follow_extractor: Annotated[str, OPERATIONAL] = "inception"
    """The network that makes the features of fid, kid, is and prc; see `evaluate
    --extractor`."""
    follow_inception_weights: Annotated[Path | None, LOCAL] = None
    """The file of Inception's weights; see `evaluate --inception_weights`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeyondPaperConfig:
    """Beyond the paper: later findings, all of them off unless asked for."""

    spectral_norm: Annotated[bool, OnlyOf(PLAIN)] = False
    """The discriminator's kernels are divided by their largest singular values (Miyato
    et al. 2018). It then has biases in place of batch norm, which would take any factor
    of a kernel out again, and --batch_norm is of the generator alone."""
    r1_gamma: Annotated[float, Bounds(at_least=0), OnlyOf(PLAIN)] = 0.0
    """The factor γ of the penalty γ/2 E‖∇D(x)‖² on the discriminator at real images
    (Mescheder et al. 2018); 0 sets no penalty."""
    r2_gamma: Annotated[float, Bounds(at_least=0), OnlyOf(PLAIN)] = 0.0
    """The factor of the same penalty at generated images. A discriminator without batch
    norm suits both (--batch_norm=not_in_discriminator): batch norm couples the images
    of a minibatch, so that a gradient is not of one image alone."""
    penalty_every: Annotated[int, COUNT, OnlyOf(PLAIN)] = 1
    """Both penalties are computed once in so many steps, with so many times their
    factors, which saves time."""
    packing: Annotated[int, Bounds(at_least=1, at_most=MOST_PACKED), OnlyOf(PLAIN)] = 1
    """The discriminator judges so many images at once, all real or all generated, so
    that samples that are too much alike give themselves away (Lin et al. 2018). A
    minibatch must hold a multiple of it. Features need a discriminator of one image."""
    diffaugment: Annotated[DiffAugment, OnlyOf(PLAIN)] = "none"
    """All images that the discriminator sees are changed at random in these ways (Zhao
    et al. 2020), which helps with a few hundred pictures."""
    mirror: bool = False
    """Each real image is mirrored, left for right, in half of the minibatches that it
    is in. It suits pictures that are as likely the other way round, not letters."""
    ema_decay: Annotated[float | None, Bounds(at_least=0, below=1)] = None
    """An exponential moving average of the generator is kept, and sampled beside it.
    The average keeps this share of itself at a step, such as 0.999."""


# A dataclass takes the fields of its last base first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(
    BeyondPaperConfig,
    FollowConfig,
    OutputConfig,
    TrainingConfig,
    NetworkConfig,
    DataConfig,
):
    """A complete training run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """Several machines: how the processes of a run find each other."""

    distributed: bool = False
    """The run is trained together with other processes, one for each machine or GPU,
    which are found through SLURM, Open MPI, Kubernetes or a TPU pod."""
    coordinator_address: str | None = None
    """The address HOST:PORT at which process 0 listens to the others."""
    num_processes: Annotated[int | None, COUNT] = None
    """The number of processes of the run."""
    process_id: Annotated[int | None, STEP] = None
    """The number of this process, counted from 0."""
    heartbeat_seconds: Annotated[int, Bounds(at_least=1, at_most=10**6)] = 100
    """When nothing has been heard of a process for so many seconds, the others end."""

    @property
    def is_distributed(self) -> bool:
        """Whether any flag asks for other processes."""
        given = (self.coordinator_address, self.num_processes, self.process_id)
        return self.distributed or given != (None, None, None)


# Settings that a resumed run may change freely.
OPERATIONAL_FIELDS = frozenset(find_marks(TrainConfig, Role))
# Settings that may differ between the processes of one run.
LOCAL_FIELDS = frozenset(
    name for name, role in find_marks(TrainConfig, Role).items() if role.is_local
)
# The values of settings that a run's config lacks, since they are younger than it.
ABSENT_MEANS = {
    field.name: field.default
    for field in dataclasses.fields(TrainConfig)
    if field.default is not dataclasses.MISSING
} | {name: mark.value for name, mark in find_marks(TrainConfig, Formerly).items()}


def check(config: TrainConfig) -> None:
    """Raise an error for the first setting that no run can have.

    Raises:
        InputError: naming the setting, its value and the bound.
    """
    marks.check_bounds(config)
    if (config.adam is None) == (config.sgd is None):
        found = "neither" if config.adam is None else "both"
        raise errors.InputError(
            f"a run has one optimiser, adam or sgd; this config has {found}."
        )
    list_by_count(config)
    check_packing(config)
    for name, only in find_marks(TrainConfig, OnlyOf).items():
        _check_has_choice(config, name, only.architectures)
    side = ARCHITECTURES[config.architecture].image_size
    if side not in (None, config.image_size):
        raise errors.InputError(
            f"--image_size={config.image_size}; the networks of "
            f"--architecture={config.architecture} are for {side} pixels alone."
        )


def check_packing(config: TrainConfig) -> None:
    """Raise an error unless minibatches hold whole packs of images.

    Raises:
        InputError: if they do not, or each image has a label of its own.
    """
    if config.packing > 1 and config.conditional:
        raise errors.InputError(
            f"--packing={config.packing} with --conditional; images that are judged at"
            " once have no label in common. Leave one of them out."
        )
    if config.batch_size % config.packing:
        raise errors.InputError(
            f"--batch_size={config.batch_size} is no multiple of"
            f" --packing={config.packing}."
        )


def _check_has_choice(
    config: TrainConfig, name: str, architectures: tuple[str, ...]
) -> None:
    value = getattr(config, name)
    if config.architecture in architectures or value == ABSENT_MEANS[name]:
        return
    shown = {False: f"--no_{name}", True: f"--{name}"}.get(value, f"--{name}={value}")
    raise errors.InputError(
        f"{shown}; the networks of --architecture={config.architecture} have no such "
        f"choice. Leave it out, or take one of {', '.join(architectures)}."
    )


def to_json(config: DataConfig) -> dict[str, Any]:
    """Convert a config to values that JSON can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return str(value) if isinstance(value, Path) else value

    values = {key: plain(value) for key, value in dataclasses.asdict(config).items()}
    # What one command line asked for; who reads the run later did not ask for it.
    asked_once = {"reprepare", "dry_run"} & values.keys()
    return {**values, **dict.fromkeys(asked_once, False)}


def shared_settings(config: TrainConfig) -> dict[str, Any]:
    """Return what must be the same in all processes of a run, as `to_json` does."""
    values = to_json(config).items()
    return {name: value for name, value in values if name not in LOCAL_FIELDS}


def train_config_from_json(values: dict[str, Any]) -> TrainConfig:
    """Rebuild a config from `to_json`'s output.

    Raises:
        ValueError: if a field is missing, unknown, or no value that it can have.
    """
    config: TrainConfig = json_values.build(TrainConfig, values, "the config")
    check(config)
    return config


def list_by_count(config: TrainConfig) -> list[str]:
    """Return the settings that a config leaves to the number of pictures.

    Raises:
        InputError: if it names one that does not follow from it.
    """
    names = [name.strip() for name in config.by_count.split(",")]
    if names == ["none"]:
        return []
    unknown = [name for name in names if name not in BY_COUNT]
    if unknown:
        raise errors.InputError(
            f"--by_count={config.by_count}; {unknown[0]!r} does not follow from the"
            f" number of pictures. Expected none, or some of {', '.join(BY_COUNT)}."
        )
    return names


def leave_given(config: TrainConfig, given: Collection[str]) -> TrainConfig:
    """Take the settings that are given out of those that follow from the pictures."""
    if "num_steps" in given:
        given = {*given, "num_epochs"}
    names = [name for name in list_by_count(config) if name not in given]
    return dataclasses.replace(config, by_count=",".join(names) or "none")


def is_conditional(config: TrainConfig) -> bool:
    """Tell whether a run's networks are told the labels of images."""
    return config.conditional or config.architecture in CONDITIONAL


def class_names_of(config: TrainConfig) -> tuple[str, ...] | None:
    """Return the names of a conditional network's classes; None: they have none.

    Raises:
        InputError: if the setting is no list of as many names as there are classes.
    """
    if config.class_names is None or config.num_classes is None:
        return None
    try:
        names = json.loads(config.class_names)
    except ValueError:
        names = None
    is_list = isinstance(names, list) and all(type(name) is str for name in names)
    if not is_list or len(names) != config.num_classes:
        raise errors.InputError(
            f"--class_names={config.class_names}; expected a JSON list of"
            f" {config.num_classes} texts, one for each class."
        )
    return tuple(names)


def data_config(config: DataConfig) -> DataConfig:
    """Return the part of a config that describes the prepared store."""
    names = [field.name for field in dataclasses.fields(DataConfig)]
    return DataConfig(**{name: getattr(config, name) for name in names})
