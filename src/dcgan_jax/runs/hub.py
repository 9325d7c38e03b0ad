"""A pair of networks from the hub, as `dcgan export --push` has written it."""

from pathlib import Path

from dcgan_jax.runs import safetensors_file
from dcgan_jax.system import errors, hub


def fetch_pair(name: str) -> Path:
    """Fetch the exported networks of hub:OWNER/NAME.

    Returns:
        The generator's file; the discriminator's lies beside it if there is one.

    Raises:
        InputError: if they cannot be fetched, or there is not one generator.
    """
    repo = hub.parse(name)
    files = {
        file: size
        for file, size in hub.list_files(repo, "model").items()
        if Path(file).suffix == safetensors_file.SUFFIX and "/" not in file
    }
    discs = {safetensors_file.name_discriminator(Path(file)).name for file in files}
    gens = [file for file in files if file not in discs]
    if len(gens) != 1:
        raise errors.InputError(
            f"{repo} holds {len(gens)} generators in .safetensors files; expected one,"
            " as `dcgan export --push` writes it."
        )
    beside = safetensors_file.name_discriminator(Path(gens[0])).name
    wanted = {file: files[file] for file in (gens[0], beside) if file in files}
    return hub.fetch_files(repo, "model", wanted)[0]
