"""What there is to say about a run, from the files of its folder and its store."""

import math
from pathlib import Path

from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches, manifest, ready, store as stores
from dcgan_jax.prepare import told
from dcgan_jax.runs import checkpoint_manifest, folder as run_dir, quality_log
from dcgan_jax.system import errors, json_values

# The name of a metric in the log → what it is called here.
_SHOWN = {
    "d_loss": "d_loss", "g_loss": "g_loss", "d_real": "D(x)", "d_fake": "D(G(z))",
}  # fmt: skip


def describe_run(workdir: Path) -> dict[str, str]:
    """Describe a run in a line for each of its sides.

    Args:
        workdir: the run's folder.

    Returns:
        What a line is about → the line.

    Raises:
        MissingInputError: if the folder holds no run.
        InputError: if its settings or its log cannot be read.
    """
    config = run_dir.read_config(workdir)
    saved = checkpoint_manifest.list_steps(workdir / run_dir.CHECKPOINTS)
    rows = run_dir.read_metrics(workdir)
    return {
        "run": str(workdir),
        "data": _describe_data(config),
        "networks": _describe_networks(workdir, config, saved),
        "steps": _describe_steps(config, rows, saved),
        "last losses": _describe_losses(rows),
        "checkpoints": _describe_checkpoints(workdir, saved),
        "best": "; ".join(quality_log.list_best(workdir)) or "nothing was measured",
        "pictures": _describe_pictures(workdir),
        "size": f"{_count_bytes(workdir) / 1e6:,.1f} MB in all",
    }


def name_form(config: TrainConfig) -> str:
    """Name the form of the images: "32×32, grey"."""
    side, colour = config.image_size, "grey" if config.channels == 1 else "colour"
    return f"{side}×{side}, {colour}"


def name_networks(config: TrainConfig, num_params: tuple[int, int] | None) -> str:
    """Name the networks, and what they are computed in.

    Args:
        config: of the run.
        num_params: of the generator and the discriminator; None: not known.
    """
    text = "conditional " * config.conditional + config.architecture
    if config.width_multiplier != 1:
        text += f" at width {config.width_multiplier:g}"
    if num_params is not None:
        gen, disc = num_params
        text += f": {gen:,} parameters in the generator, {disc:,} in the discriminator"
    return f"{text}; {config.precision}"


def _describe_data(config: TrainConfig) -> str:
    name = config.dataset
    if config.source is not None:
        name = f"{name} from {config.source}"
    text = f"{name}, {name_form(config)}"
    if not ready.is_there(config):
        return f"{text}; not prepared in {config.data_dir}"
    return f"{text}; {told.describe(stores.store_path(config))}"


def _describe_networks(workdir: Path, config: TrainConfig, saved: list[int]) -> str:
    if not saved:
        return name_networks(config, None)
    shapes = _read_shapes(workdir, saved[-1])
    gen, disc = (
        sum(math.prod(s) for n, s in shapes.items() if n.startswith(f"{net}/params/"))
        for net in ("gen", "disc")
    )
    return name_networks(config, (gen, disc))


def _describe_steps(
    config: TrainConfig, rows: list[dict[str, float]], saved: list[int]
) -> str:
    logged = int(rows[-1]["step"]) if rows else 0
    done = max([logged, *saved])
    length = _find_length(config)
    of = f"{config.num_epochs:g} epochs" if length is None else f"{length:,}"
    return f"{done:,} of {of}, {config.batch_size} images each"


def _find_length(config: TrainConfig) -> int | None:
    """Return the length of the run in steps, where it or the data tell."""
    if config.num_steps is not None or not ready.is_there(config):
        return config.num_steps
    if config.dedup:  # how many rows are kept, JAX's side knows
        return None
    num_images = manifest.read(stores.store_path(config)).num_images
    num_rows = batches.count_training_rows(num_images, config.held_out)
    return batches.count_run_steps(config, num_rows)


def _describe_losses(rows: list[dict[str, float]]) -> str:
    if not rows:
        return "none yet"
    last = rows[-1]
    figures = [
        f"{told} {last[name]:.3f}" for name, told in _SHOWN.items() if name in last
    ]
    return f"{', '.join(figures)} at step {last['step']:,.0f}"


def _describe_checkpoints(workdir: Path, saved: list[int]) -> str:
    if not saved:
        return "none yet"
    newest = workdir / run_dir.CHECKPOINTS / f"step_{saved[-1]:08d}"
    steps = ", ".join(f"{step:,}" for step in saved[-5:])
    more = "…, " if len(saved) > 5 else ""
    return (
        f"{len(saved)}, of steps {more}{steps}; {_count_bytes(newest) / 1e6:,.1f} MB"
        " each"
    )


def _describe_pictures(workdir: Path) -> str:
    grids = sorted((workdir / run_dir.SAMPLES).glob("step_*.png"))
    return f"grids: {len(grids)}, the last {grids[-1]}" if grids else "none yet"


def _read_shapes(workdir: Path, step: int) -> dict[str, list[int]]:
    """Return the shape of each array of a checkpoint by its name.

    Raises:
        InputError: if the checkpoint's manifest cannot be read.
    """
    path = workdir / run_dir.CHECKPOINTS / f"step_{step:08d}"
    about = json_values.read_json(path / checkpoint_manifest.FILE_NAME)
    try:
        return {name: array["shape"] for name, array in about["arrays"].items()}
    except (KeyError, TypeError, AttributeError):
        raise errors.InputError(f"{path} is damaged; move it away.") from None


def _count_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
