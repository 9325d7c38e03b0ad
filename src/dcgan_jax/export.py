"""Write a run's generator as one file: python -m dcgan_jax.export RUN --out=FILE."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dcgan_jax import cli, errors


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Write a run's generator for use without the run."""

    run: Annotated[str, tyro.conf.Positional]
    """The run's folder."""
    out: Path = Path("generator.safetensors")
    """The file."""
    format: Literal["safetensors"] = "safetensors"
    """Of the file."""
    step: int | None = None
    """The checkpoint's step; None: the newest."""
    ema: bool = False
    """Take the average of the generator that --ema_decay has kept."""


def main(argv: Sequence[str]) -> int:
    """Export what the flags describe; return the exit code."""
    config = cli.parse(ExportConfig, argv)
    if config.out.suffix != ".safetensors":
        raise errors.InputError(
            f"--out={config.out} must end in .safetensors, so that `sample` knows it."
        )
    from dcgan_jax import loading, reporting
    from dcgan_jax.interop import safetensors

    reporting.configure_logging()
    loaded = loading.load_generator(
        config.run, weights_dir=None, step=config.step, ema=config.ema
    )
    step = 0 if loaded.step is None else loaded.step
    config.out.parent.mkdir(parents=True, exist_ok=True)
    safetensors.save_generator(config.out, loaded.variables, loaded.config, step=step)
    print(f"generator of step {step} in {config.out}")
    return 0


if __name__ == "__main__":
    cli.run_main(main)
