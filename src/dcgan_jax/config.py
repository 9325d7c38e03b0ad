"""Every setting of a run, as frozen dataclasses; standard library only.

Operational settings (paths, intervals) have defaults here. Scientific ones have none
outside `presets`, where each value carries its source.
"""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dcgan_jax.architectures import ARCHITECTURES, CONDITIONAL, PLAIN
from dcgan_jax.system import errors, json_values

if TYPE_CHECKING:
    ArchitectureName = str
else:  # a new one is added to the table alone
    ArchitectureName = Literal[tuple(ARCHITECTURES)]
ImageSize = Literal[28, 32, 48, 64, 96, 128]
Channels = Literal[1, 3]
Shuffle = Literal["auto", "rows", "blocks"]
DiffAugment = Literal[
    "none", "color", "translation", "cutout", "color,translation", "color,cutout",
    "translation,cutout", "color,translation,cutout",
]  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Data: the images, and where their prepared copies lie."""

    dataset: str
    """The name of a data set that has a recipe, such as digits or lsun_bedroom; or
    `folder` or `arrays` for your own images; or tfds:NAME[/CONFIG]."""
    source: Path | None = None
    """Your own copy of the data: a folder, zip or tar of images, an .npz or .npy file,
    an LSUN LMDB (its folder or zip), or a prepared tfds folder. Without this flag the
    data are loaded by their name."""
    split: str = "train"
    """The part of the data set that is taken."""
    image_size: ImageSize
    """The side of the square images, in pixels."""
    channels: Channels
    """The number of colour channels: 1 for grey, 3 for colour."""
    upscale: bool = False
    """Images that are smaller than --image_size are enlarged; without this flag they
    are an error."""
    dedup: bool = False
    """Near duplicates are looked for while preparing, and training leaves them out
    (§4.1.1)."""
    data_dir: Path = Path("data")
    """The folder of the prepared stores and of downloads."""
    num_workers: int = 0
    """The number of processes that decode images while preparing; 0 takes one per CPU
    core."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """Adam (Kingma & Ba 2014), and what comes before and after it."""

    learning_rate: float
    """The step size α."""
    b1: float
    """The decay rate β₁ of the mean of the gradients."""
    b2: float
    """The decay rate β₂ of the mean of their squares."""
    epsilon: float
    """The small number ε that keeps the division finite."""
    l2: float
    """The factor λ of λ · weights, which is added to the gradient before Adam, as in
    the authors' code."""
    decay_fraction: float
    """The share of the run, at its end, over which the rate falls linearly to 0."""
    d_learning_rate: float | None = None
    """The discriminator's own step size (Heusel et al. 2017, not in the paper). Without
    this flag both networks use --adam.learning_rate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SgdConfig:
    """Gradient descent with momentum, as Goodfellow et al. 2014 use it."""

    learning_rate: float
    """The step size of the first update."""
    decay_factor: float
    """The rate is divided by this number after every update."""
    min_learning_rate: float
    """The rate stops falling at this value."""
    momentum: float
    """The momentum of the first epoch."""
    final_momentum: float
    """The momentum from epoch --sgd.momentum_epochs on. Before that epoch it follows a
    straight line from --sgd.momentum."""
    momentum_epochs: int
    """The epoch, counted from 1, in which the momentum stops rising."""
    disc_gradient_scale: float
    """The discriminator's gradient is multiplied by this number."""
    max_column_norm: float | None
    """The incoming weights of a unit are cut to this length; None sets no limit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Network: the generator, the discriminator and the latents."""

    architecture: ArchitectureName
    """The pair of networks."""
    num_classes: int | None = None
    """The number of classes of a conditional network. Without this flag the data say
    it."""
    width_multiplier: float = 1.0
    """The number of feature maps or units of every layer is multiplied by this."""
    input_bias: bool
    """The discriminator's first layer has a bias; without one it cannot see the
    contrast of a batch."""
    bn_affine: bool = True
    """Batch norm has a gain and an offset that are learnt."""
    batch_norm: Literal["paper", "all", "not_in_generator"] = "paper"
    """The layers that have batch norm. `paper` means all but the generator's output and
    the discriminator's input (§3); `all` means these too; `not_in_generator` means
    those of `paper`, but in the discriminator alone."""
    disc_pooling: Literal["none", "global_average"] = "none"
    """What becomes of the discriminator's last maps before they are weighed: `none`
    flattens them (§3), `global_average` averages each of them to one number."""
    latent_size: int
    """The length of the generator's input."""
    latent_distribution: Literal["uniform", "normal", "unit_uniform"]
    """The distribution of the latents: `uniform` on [-1, 1], standard `normal`, or
    `unit_uniform` on [-√3, √3], whose variance is 1 as well."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Training: the objective, the updates and the length of the run."""

    preset: str | None = None
    """The name of a recipe to use in place of the data set's own."""
    seed: int = 0
    """The seed of the initial weights, the latents and the order of the data."""
    loss: Literal["non_saturating", "minimax", "hinge"]
    """The objectives. The generator's is one of the two of Goodfellow et al. 2014, §3,
    against their discriminator's; `hinge` is another pair (Miyato et al. 2018, not in
    the paper)."""
    num_d_steps: int
    """The number k of discriminator updates, each on a new minibatch, to one generator
    update."""
    updates: Literal["alternating", "simultaneous"] = "alternating"
    """An `alternating` update of the generator sees the discriminator after its last
    update, a `simultaneous` one sees it as it was before."""
    batch_size: int
    """The number of images in a minibatch."""
    held_out: int = 0
    """The number of images that are kept from training, for validation. They are the
    last of the store, whose order is a fixed shuffle."""
    shuffle: Shuffle = "auto"
    """The order of an epoch's images: row by row, or in blocks of rows, which a disk
    reads fast. `auto` takes blocks where the pixels take more than 8 GiB."""
    num_epochs: float
    """The length of the run in epochs; one epoch shows every image to the discriminator
    once."""
    num_steps: int | None = None
    """The length of the run in steps (k discriminator updates and one generator
    update); it overrides --num_epochs."""
    adam: AdamConfig | None
    """The optimiser; None where it is sgd."""
    sgd: SgdConfig | None = None
    """The optimiser in place of adam."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """The arithmetic of the convolutions. Parameters, statistics and losses stay
    float32."""
    convolution: Literal["auto", "lax", "phase"] = "auto"
    """How convolutions are computed: by the operations of `lax`, or `phase` by phase,
    which is faster on CPUs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """Output and resuming: what a run writes, how often, and how it goes on."""

    workdir: Path | None = None
    """The run's folder. Without this flag it is runs/DATASET, or runs/PRESET."""
    log_every_steps: int = 50
    """The interval between two rows of metrics.jsonl, in steps."""
    sample_every_steps: int = 500
    """The interval between two sample grids, in steps."""
    checkpoint_every_steps: int = 500
    """The interval between two checkpoints, in steps."""
    keep_newest: int = 3
    """The number of checkpoints that are kept, counted from the newest."""
    keep_every_steps: int | None = None
    """Besides the newest, the checkpoints whose step is a multiple of this are kept."""
    on_nan: Literal["stop", "rollback"] = "stop"
    """What follows when a value becomes NaN or infinite: `stop` ends with exit code 3,
    `rollback` goes on from the newest checkpoint with other random numbers, three times
    in all."""
    profile_first_step: int | None = None
    """A JAX trace of the steps from this one on is written into the run's folder."""
    profile_num_steps: int = 3
    """The number of steps in the trace."""
    allow_changes: bool = False
    """The run is resumed although settings differ from those that it was started
    with."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeyondPaperConfig:
    """Beyond the paper: later findings, all of them off unless asked for."""

    spectral_norm: bool = False
    """The discriminator's kernels are divided by their largest singular values (Miyato
    et al. 2018). It then has biases in place of batch norm, which would take any factor
    of a kernel out again, and --batch_norm is of the generator alone."""
    r1_gamma: float = 0.0
    """The factor γ of the penalty γ/2 E‖∇D(x)‖² on the discriminator at real images
    (Mescheder et al. 2018); 0 sets no penalty."""
    diffaugment: DiffAugment = "none"
    """All images that the discriminator sees are changed at random in these ways (Zhao
    et al. 2020), which helps with a few hundred pictures."""
    ema_decay: float | None = None
    """An exponential moving average of the generator is kept, and sampled beside it.
    The average keeps this share of itself at a step, such as 0.999."""


# A dataclass takes the fields of its last base first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(
    BeyondPaperConfig, OutputConfig, TrainingConfig, NetworkConfig, DataConfig
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
    num_processes: int | None = None
    """The number of processes of the run."""
    process_id: int | None = None
    """The number of this process, counted from 0."""
    heartbeat_seconds: int = 100
    """When nothing has been heard of a process for so many seconds, the others end."""

    @property
    def is_distributed(self) -> bool:
        """Whether any flag asks for other processes."""
        given = (self.coordinator_address, self.num_processes, self.process_id)
        return self.distributed or given != (None, None, None)


# Settings that a resumed run may change freely: none of them touches what is learnt.
OPERATIONAL_FIELDS = frozenset(
    {
        "source", "data_dir", "num_workers", "preset", "workdir", "num_epochs",
        "num_steps", "log_every_steps", "sample_every_steps", "checkpoint_every_steps",
        "keep_newest", "keep_every_steps", "allow_changes", "profile_first_step",
        "profile_num_steps", "on_nan",
    }
)  # fmt: skip
# Settings that may differ between the processes of one run.
LOCAL_FIELDS = frozenset({"source", "data_dir", "num_workers", "workdir"})
# The values of settings that a run's config lacks, since they are younger than it.
ABSENT_MEANS = {
    "shuffle": "rows", "bn_affine": True, "held_out": 0, "updates": "alternating",
    "dedup": False, "batch_norm": "paper", "disc_pooling": "none",
    "spectral_norm": False, "r1_gamma": 0.0, "diffaugment": "none",
}  # fmt: skip


# The least value of each number, and whether it itself is allowed.
_LEAST = {
    "width_multiplier": (0, False), "latent_size": (1, True), "num_d_steps": (1, True),
    "batch_size": (2, True), "num_epochs": (0, False), "num_steps": (1, True),
    "log_every_steps": (1, True), "sample_every_steps": (1, True),
    "checkpoint_every_steps": (1, True), "keep_newest": (1, True),
    "keep_every_steps": (1, True), "num_workers": (0, True),
    "profile_first_step": (0, True), "profile_num_steps": (1, True),
    "learning_rate": (0, True), "b1": (0, True), "b2": (0, True),
    "epsilon": (0, False), "l2": (0, True), "decay_fraction": (0, True),
    "num_classes": (1, True), "held_out": (0, True), "decay_factor": (1, True),
    "min_learning_rate": (0, True), "momentum": (0, True), "final_momentum": (0, True),
    "momentum_epochs": (1, True), "disc_gradient_scale": (0, False),
    "max_column_norm": (0, False), "d_learning_rate": (0, True), "r1_gamma": (0, True),
    "ema_decay": (0, True),
}  # fmt: skip
# Settings that other networks have no use for: there they stay at their defaults.
_ONLY_OF = {
    "batch_norm": PLAIN, "disc_pooling": PLAIN, "spectral_norm": PLAIN,
    "r1_gamma": PLAIN, "diffaugment": PLAIN,
    "bn_affine": (*PLAIN, *CONDITIONAL),
}  # fmt: skip
_MOST = {
    "b1": (1, False), "b2": (1, False), "decay_fraction": (1, True),
    "momentum": (1, False), "final_momentum": (1, False), "ema_decay": (1, False),
    # Beyond what any memory holds: a config may be another's.
    "width_multiplier": (100, True), "latent_size": (10**6, True),
    "num_classes": (10**6, True),
}  # fmt: skip


def check(config: TrainConfig) -> None:
    """Raise an error for the first setting that no run can have.

    Raises:
        InputError: naming the setting, its value and the bound.
    """
    parts: dict[str, Any] = {"": config, "adam.": config.adam, "sgd.": config.sgd}
    for prefix, part in parts.items():
        for field in () if part is None else dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.name in _LEAST and value is not None:
                _check_bounds(prefix + field.name, field.name, value)
    if (config.adam is None) == (config.sgd is None):
        found = "neither" if config.adam is None else "both"
        raise errors.InputError(
            f"a run has one optimiser, adam or sgd; this config has {found}."
        )
    for field in dataclasses.fields(config):
        if field.name in _ONLY_OF and getattr(config, field.name) != field.default:
            _check_has_choice(config, field.name)
    side = ARCHITECTURES[config.architecture].image_size
    if side not in (None, config.image_size):
        raise errors.InputError(
            f"--image_size={config.image_size}; the networks of "
            f"--architecture={config.architecture} are for {side} pixels alone."
        )


def _check_has_choice(config: TrainConfig, name: str) -> None:
    if config.architecture in _ONLY_OF[name]:
        return
    value = getattr(config, name)
    shown = {False: f"--no_{name}", True: f"--{name}"}.get(value, f"--{name}={value}")
    raise errors.InputError(
        f"{shown}; the networks of --architecture={config.architecture} have no such "
        f"choice. Leave it out, or take one of {', '.join(_ONLY_OF[name])}."
    )


def _check_bounds(shown: str, name: str, value: float) -> None:
    least, allowed = _LEAST[name]
    if not math.isfinite(value) or value < least or (value == least and not allowed):
        bound = "at least" if allowed else "above"
        raise errors.InputError(f"--{shown}={value}; it must be {bound} {least}.")
    most, allowed = _MOST.get(name, (math.inf, True))
    if value > most or (value == most and not allowed):
        bound = "at most" if allowed else "below"
        raise errors.InputError(f"--{shown}={value}; it must be {bound} {most}.")


def to_json(config: DataConfig) -> dict[str, Any]:
    """Convert a config to values that JSON can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return str(value) if isinstance(value, Path) else value

    return {key: plain(value) for key, value in dataclasses.asdict(config).items()}


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


def data_config(config: DataConfig) -> DataConfig:
    """Return the part of a config that describes the prepared store."""
    names = [field.name for field in dataclasses.fields(DataConfig)]
    return DataConfig(**{name: getattr(config, name) for name in names})
