"""A file of one latent, which a picture was turned back into.

The file is a JSON object:

    {"format": "dcgan_jax latent 1",
     "generator": "…",      sha256 of the parameters, as `LoadedGenerator.digest`
     "run": "faces64",      a name for people
     "step": 4000,          of the checkpoint; null for released parameters
     "label": null,         the class, of a conditional generator
     "image": "me.png",     the picture's name
     "pixel_error": 0.08,   root mean square, as a share of the pixels’ range
     "latent": [0.1, …]}
"""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np

from dcgan_jax.system import disk, errors, json_values

FORMAT = "dcgan_jax latent 1"
_MOST_NUMBERS = 100_000


@dataclasses.dataclass(frozen=True, eq=False)
class LatentFile:
    """A latent and where it comes from; see the module for the fields.

    `latent` is (latent_size,) float32.
    """

    generator: str
    run: str
    step: int | None
    label: int | None
    image: str
    pixel_error: float
    latent: np.ndarray


def save_latent(found: LatentFile, path: Path) -> None:
    """Write a file, whole or not at all."""
    values = dataclasses.asdict(found)
    values["latent"] = [float(number) for number in found.latent]
    content = json.dumps({"format": FORMAT, **values}, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, content.encode())


def read_latent(path: Path) -> LatentFile:
    """Read a file of `save_latent`.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is no such file, or damaged.
    """
    if not path.is_file():
        raise errors.MissingInputError(f"there is no file {path}.")
    values = json_values.read_json(path)
    if values.pop("format", None) != FORMAT:
        raise errors.InputError(f"{path} is no file of dcgan latent invert.")
    try:
        numbers = values.pop("latent")
        is_latent = isinstance(numbers, list) and 0 < len(numbers) <= _MOST_NUMBERS
        if not is_latent or not all(
            type(x) in (int, float) and math.isfinite(x) for x in numbers
        ):
            raise ValueError("latent is no list of numbers")
        return LatentFile(**values, latent=np.asarray(numbers, np.float32))
    except (KeyError, TypeError, ValueError) as error:
        raise errors.InputError(f"{path} is damaged: {error}.") from None
