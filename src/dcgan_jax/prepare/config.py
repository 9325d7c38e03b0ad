"""The settings of preparing a data set, and of cutting out faces."""

import dataclasses
from pathlib import Path
from typing import Annotated

from dcgan_jax.config import WORKERS, DataConfig
from dcgan_jax.system.marks import Bounds

CASCADE_WINDOW = 20  # pixels; the cascade knows no smaller face


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareConfig(DataConfig):
    """Prepare a data set without training on it.

    `dcgan train` does so by itself where the prepared store is missing.

    Examples:
        dcgan prepare --dataset=lsun_bedroom
        dcgan prepare --dataset=folder --source=photos.zip --image_size=64 --dedup
        dcgan prepare --faces --source=photographs --out=faces
    """

    verify: bool = False
    """Every shard's sha256 is compared with the manifest, however large the store
    is."""
    labelled: bool = False
    """Images without labels are refused before anything is written."""
    faces: bool = False
    """The faces are cut out of photographs, for --dataset=folder, and nothing else is
    done; `dcgan prepare --faces --help` lists the flags that go with it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FacesConfig:
    """Find the faces in photographs and cut them out, for --dataset=folder (§4.2).

    Examples:
        dcgan prepare --faces --source=photographs
        dcgan prepare --faces --source=photographs.zip --out=faces --face_margin=0.4
        dcgan prepare --faces --source=photographs --min_face_size=96
    """

    source: Path
    """The photographs: a folder, zip or tar."""
    out: Path = Path("faces")
    """The folder of the faces, for --dataset=folder --source=OUT. It is made where it
    is missing."""
    split: str = "train"
    """The part of the photographs, where they are parted into train and test."""
    min_face_size: Annotated[int, Bounds(at_least=CASCADE_WINDOW, at_most=4096)] = 64
    """The least side of a face in its photograph, in pixels; smaller ones are passed
    over."""
    face_margin: Annotated[float, Bounds(at_least=0, at_most=2)] = 0.2
    """What is cut out around a face on each side, as a share of its side; 0 cuts along
    the detector's own box, from the brows to the chin."""
    min_neighbors: Annotated[int, Bounds(at_least=1, at_most=1000)] = 8
    """More windows of the detector's search than this must agree on a face. The higher
    it is, the fewer false faces there are, and the more real ones are missed."""
    num_workers: Annotated[int, WORKERS] = 0
    """The number of processes; 0 takes one per CPU core."""
