"""Write a run's networks for others: python -m dcgan_jax.export RUN --format=torch."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dcgan_jax import cli
from dcgan_jax.system import errors

Format = Literal["safetensors", "torch", "onnx"]
SUFFIXES: dict[Format, str] = {
    "safetensors": ".safetensors", "torch": ".safetensors", "onnx": ".onnx",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Write generator and discriminator for use without the run, with a model card."""

    run: Annotated[str, tyro.conf.Positional]
    """A run's folder, an exported .safetensors file, authors_svhn, authors_imagenet;
    only a run has a discriminator to export."""
    out: Path | None = None
    """The generator's file; beside it come STEM_discriminator, the model card STEM.md
    and its grid STEM.png. None: generator.safetensors, generator_torch.safetensors or
    generator.onnx."""
    format: Format = "safetensors"
    """safetensors: for this project, `sample` reads it; torch: safetensors with
    PyTorch's names and layout; onnx: for ONNX runtimes."""
    step: int | None = None
    """The checkpoint's step; None: the newest."""
    ema: bool = False
    """Take the average of the generator that --ema_decay has kept."""
    weights_dir: Path | None = None
    """Folder of the authors' files; None: a cache, into which they are downloaded."""


def main(argv: Sequence[str]) -> int:
    """Export what the flags describe; return the exit code."""
    config = cli.parse(ExportConfig, argv)
    suffix = SUFFIXES[config.format]
    default = f"generator{'_torch' * (config.format == 'torch')}{suffix}"
    out = config.out or Path(default)
    if out.suffix != suffix:
        raise errors.InputError(
            f"--out={out} must end in {suffix}, as --format={config.format} does."
        )
    from dcgan_jax.export import write as exporting

    cli.configure_logging()
    subject = exporting.load(
        config.run, step=config.step, folder=config.weights_dir, ema=config.ema
    )
    for line in exporting.write(subject, out, form=config.format):
        print(line)
    return 0


if __name__ == "__main__":
    cli.run_main(main)
