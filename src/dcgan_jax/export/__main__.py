"""Write a run's networks for use without the run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dcgan_jax import cli
from dcgan_jax.system import disk, errors, hub

Format = Literal["safetensors", "torch", "onnx"]
SUFFIXES: dict[Format, str] = {
    "safetensors": ".safetensors", "torch": ".safetensors", "onnx": ".onnx",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ExportConfig(cli.RunFlags):
    """Write a run's networks for use without the run, with a model card.

    Generator and discriminator get a file each. The authors' networks and exported
    files have only a generator.

    Examples:
        dcgan export runs/digits
        dcgan export runs/digits --format=torch --out=digits_torch.safetensors
        dcgan export runs/digits --format=onnx --ema
    """

    out: Path | None = None
    """The generator's file; beside it come STEM_discriminator, the model card STEM.md
    and its grid STEM.png. Without this flag it is generator.safetensors,
    generator_torch.safetensors or generator.onnx."""
    format: Format = "safetensors"
    """The form of the files: `safetensors` for this project, which `dcgan sample`
    reads; `torch` for PyTorch, in safetensors with its names and layout; `onnx` for
    ONNX runtimes."""
    push: str | None = None
    """OWNER/NAME of a repository of the Hugging Face hub, which is made if it is not
    there. What is written goes there too, the model card as its README.md. It needs a
    token that may write, in HF_TOKEN or by `hf auth login`."""


def parse(argv: Sequence[str]) -> ExportConfig:
    """Read the command's flags."""
    return cli.parse(ExportConfig, argv, command="export")


def main(argv: Sequence[str]) -> int:
    """Export what the flags describe; return the exit code."""
    config = parse(argv)
    suffix = SUFFIXES[config.format]
    default = f"generator{'_torch' * (config.format == 'torch')}{suffix}"
    out = config.out or Path(default)
    if out.suffix != suffix:
        raise errors.InputError(
            f"--out={out} must end in {suffix}, as --format={config.format} does."
        )
    disk.require_writable(out, name="--out")
    if config.push is not None:
        hub.parse(config.push)
        hub.require_token()
    from dcgan_jax.export import write as exporting

    cli.start()
    subject = exporting.load(
        config.run, step=config.step, folder=config.weights_dir, ema=config.ema
    )
    for line in exporting.write(subject, out, form=config.format):
        print(line)
    if config.push is not None:
        files = exporting.name_files(subject, out)
        print(f"published in {hub.push(config.push, files)}")
    return 0


if __name__ == "__main__":
    cli.run_main(main)
