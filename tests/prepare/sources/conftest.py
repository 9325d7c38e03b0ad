import pytest

from dcgan_jax.prepare.sources import open_source


@pytest.fixture
def open_(make_config, tmp_path):
    """Open what a path holds, as `prepare` does."""

    def open_(path, split="train"):
        return open_source(make_config(source=path, split=split), tmp_path / "work")

    return open_
