"""Pictures and configs that the tests of the data share."""

import io
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.config import DataConfig


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., DataConfig]:
    """Build a config whose store lies in the test's folder; small RGB images."""

    def make(**changes: object) -> DataConfig:
        values = {
            "dataset": "folder",
            "image_size": 28,
            "channels": 3,
            "data_dir": tmp_path / "stores",
        }
        return DataConfig(**{**values, **changes})

    return make


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """Draw random pixels, another picture for every seed."""

    def draw(seed: int, height: int = 28, width: int = 28) -> np.ndarray:
        shape = (height, width, 3)
        return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)

    return draw


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encode pixels in a file format."""

    def to_bytes(
        pixels: np.ndarray, file_format: str = "PNG", **options: object
    ) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, file_format, **options)
        return buffer.getvalue()

    return to_bytes


@pytest.fixture
def make_folder(tmp_path: Path, noise: Callable, encode: Callable) -> Callable:
    """Write a folder of PNG files, each with pixels of its own."""

    def make(*names: str, folder: str = "pictures", size: int = 28) -> Path:
        for seed, name in enumerate(names):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(noise(seed, size, size)))
        return tmp_path / folder

    return make


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """A photograph of one face, 512×600, which comes with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "sample_data"
    with Image.open(folder / "grace_hopper.jpg") as image:
        return image.convert("RGB")


@pytest.fixture
def many(tmp_path, make_config):
    """A config over 3,000 pictures that need resizing, enough for worker processes."""
    pixels = np.random.default_rng(0).integers(0, 256, (3000, 40, 40), np.uint8)
    np.savez(tmp_path / "x.npz", images=pixels, labels=np.arange(3000) % 10)
    return make_config(dataset="arrays", source=tmp_path / "x.npz", channels=1)


PREPARE_SCRIPT = """
import resource, sys
from pathlib import Path
from dcgan_jax.config import DataConfig
from dcgan_jax.prepare import build

if __name__ == "__main__":
    most = int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    config = DataConfig(
        dataset="arrays", source=Path(sys.argv[1]), image_size=28, channels=1,
        data_dir=Path(sys.argv[2]), num_workers=int(sys.argv[3]),
    )
    build.prepare(config, rows_per_shard=100)
"""


@pytest.fixture
def start(many, tmp_path):
    """Start `prepare` on the many pictures in a process of its own."""
    script = tmp_path / "script.py"
    script.write_text(PREPARE_SCRIPT)

    def run(
        num_workers: int,
        *,
        max_file_bytes: int = resource.RLIM_INFINITY,
        **options: object,
    ) -> subprocess.Popen:
        arguments = map(str, (many.source, many.data_dir, num_workers, max_file_bytes))
        return subprocess.Popen([sys.executable, script, *arguments], **options)

    return run
