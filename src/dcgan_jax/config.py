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
    """What goes into a prepared store, and where the store lies."""

    dataset: str
    """A preset's name, folder, arrays, or tfds:NAME[/CONFIG]."""
    source: Path | None = None
    """The user's own copy: a folder, zip or tar of images, an .npz or .npy file, an
    LSUN LMDB (folder or zip), or a prepared tfds folder. None: load it by its name."""
    split: str = "train"
    """The part of the data set."""
    image_size: ImageSize
    """Side of the square images, pixels."""
    channels: Channels
    """1 for grey, 3 for colour."""
    upscale: bool = False
    """Enlarge images that are smaller than image_size; without it they are an error."""
    dedup: bool = False
    """Train without near duplicates (§4.1.1), which are looked for while preparing."""
    data_dir: Path = Path("data")
    """Folder of the prepared stores and downloads."""
    num_workers: int = 0
    """Decoding processes while preparing; 0 takes one per CPU core."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """Adam (Kingma & Ba 2014) and what is chained before and after it."""

    learning_rate: float
    b1: float
    b2: float
    epsilon: float
    l2: float
    """Added to the gradient as l2 · weights, before Adam, as in the authors' code."""
    decay_fraction: float
    """Share of the run, at its end, over which the rate falls linearly to 0."""
    d_learning_rate: float | None = None
    """Of the discriminator, where it has one of its own (Heusel et al. 2017, not the
    paper's); None: learning_rate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SgdConfig:
    """Gradient descent with momentum, as Goodfellow et al. 2014 use it."""

    learning_rate: float
    """Of the first update."""
    decay_factor: float
    """What the rate is divided by after every update."""
    min_learning_rate: float
    """Where the rate stops falling."""
    momentum: float
    """In the first epoch."""
    final_momentum: float
    """From epoch momentum_epochs on; before it, on a straight line from the first."""
    momentum_epochs: int
    """Number of the epoch, counted from 1, in which the momentum ceases to rise."""
    disc_gradient_scale: float
    """Factor of the discriminator's gradient."""
    max_column_norm: float | None
    """Length to which the incoming weights of a unit are cut; None: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(DataConfig):
    """A complete training run."""

    preset: str | None = None
    """A recipe other than the data set's own."""
    workdir: Path | None = None
    """The run's folder; None: runs/DATASET, or runs/PRESET."""
    seed: int = 0
    """Seed of the initial weights, the latents and the order of the data."""

    architecture: ArchitectureName
    """The pair of networks."""
    num_classes: int | None = None
    """Classes of a conditional network; None: as many as the data have."""
    width_multiplier: float = 1.0
    """Scales the number of feature maps or units of every layer."""
    input_bias: bool
    """Give the discriminator's first layer a bias; without one it cannot see the
    contrast of a batch."""
    bn_affine: bool = True
    """Give batch norm a gain and an offset to learn."""
    batch_norm: Literal["paper", "all", "not_in_generator"] = "paper"
    """Layers with batch norm. paper: all but the generator's output and the
    discriminator's input (§3); all: these too; not_in_generator: those of paper, but in
    the discriminator alone."""
    disc_pooling: Literal["none", "global_average"] = "none"
    """What becomes of the discriminator's last maps before they are weighed. none: they
    are flattened (§3); global_average: each is averaged to one number."""
    latent_size: int
    """Length of the generator's input."""
    latent_distribution: Literal["uniform", "normal", "unit_uniform"]
    """uniform: on [-1, 1]; normal: standard normal; unit_uniform: on [-√3, √3], whose
    variance is 1 as well."""

    spectral_norm: bool = False
    """Divide the discriminator's kernels by their largest singular values (Miyato et
    al. 2018, not the paper's). It then has biases in place of batch norm, which would
    take any factor of a kernel out again; batch_norm is of the generator alone."""

    loss: Literal["non_saturating", "minimax", "hinge"]
    """The objectives: the generator's of Goodfellow et al. 2014, §3, against their
    discriminator; or hinge, of both (Miyato et al. 2018, not the paper's)."""
    r1_gamma: float = 0.0
    """γ of the penalty γ/2 E‖∇D(x)‖² on the discriminator at real images (Mescheder et
    al. 2018, not the paper's); 0: none."""
    diffaugment: DiffAugment = "none"
    """Random changes of all images that the discriminator sees (Zhao et al. 2020, not
    the paper's), for data sets of a few hundred pictures."""
    ema_decay: float | None = None
    """Share that an exponential moving average of the generator keeps at a step, such
    as 0.999 (not the paper's); it is sampled beside the generator. None: no average."""
    num_d_steps: int
    """k: discriminator updates, each on a new minibatch, to one generator update."""
    updates: Literal["alternating", "simultaneous"] = "alternating"
    """Whether the generator's update is taken against the discriminator after or before
    the latter's own (the last of k)."""
    batch_size: int
    """Images per minibatch."""
    held_out: int = 0
    """Images that are kept from training, for validation: the last of the store, whose
    order is a fixed shuffle."""
    shuffle: Shuffle = "auto"
    """Order of an epoch's images: row by row, or in blocks of rows, which a disk reads
    fast; auto: blocks where the pixels take more than 8 GiB."""
    num_epochs: float
    """Length of the run; one epoch shows every image to the discriminator once."""
    num_steps: int | None = None
    """Length of the run in steps (k discriminator updates and one generator update);
    overrides num_epochs."""
    adam: AdamConfig | None
    """The optimiser; None where it is sgd."""
    sgd: SgdConfig | None = None
    """The optimiser in place of adam."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the convolutions; parameters, statistics, losses stay float32."""
    convolution: Literal["auto", "lax", "phase"] = "auto"
    """Formulation of the convolutions: lax operations, or phase by phase for CPUs."""

    log_every_steps: int = 50
    """Interval of the rows of metrics.jsonl."""
    sample_every_steps: int = 500
    """Interval of the sample grids."""
    checkpoint_every_steps: int = 500
    """Interval of the checkpoints."""
    keep_newest: int = 3
    """Checkpoints kept, counted from the newest."""
    keep_every_steps: int | None = None
    """Besides the newest, keep the checkpoints whose step is a multiple of this."""
    on_nan: Literal["stop", "rollback"] = "stop"
    """What follows when a value becomes NaN or infinite: end with exit code 3, or go on
    from the newest checkpoint with other random numbers, three times in all."""
    profile_first_step: int | None = None
    """Write a JAX trace of the steps from this one on into the run's folder."""
    profile_num_steps: int = 3
    """Steps in the trace."""
    allow_changes: bool = False
    """Resume although settings differ from those that the run was started with."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """How the processes of a run find each other; no part of the run itself."""

    distributed: bool = False
    """Train together with other processes, one for each machine or GPU, which are found
    through SLURM, Open MPI, Kubernetes or a TPU pod."""
    coordinator_address: str | None = None
    """HOST:PORT at which process 0 listens to the others."""
    num_processes: int | None = None
    """Processes of the run."""
    process_id: int | None = None
    """Number of this process, from 0."""
    heartbeat_seconds: int = 100
    """Time without a sign of life from a process after which the others end."""

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
# Settings that the processes of a run may each have their own of.
LOCAL_FIELDS = frozenset({"source", "data_dir", "num_workers", "workdir"})
# What the config of a run means that was started before there was such a setting.
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
