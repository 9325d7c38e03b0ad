"""What every test shares: strict JAX, a compilation cache, the folder of real data."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")

SHARED = Path(
    os.environ.get("DCGAN_JAX_SHARED", Path(__file__).resolve().parents[2] / "shared")
)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and released parameters; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"needs real data in {SHARED} (set DCGAN_JAX_SHARED)")
    return SHARED
