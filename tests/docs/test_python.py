"""The Python of README and docs runs, on a tiny run in the place of runs/digits."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/sampling.md"]


@pytest.mark.parametrize("name", PAGES)
def test_the_python_of_a_page_runs(name, blocks, tiny_run, tmp_path, monkeypatch):
    found = blocks(ROOT / name, "python")
    assert found
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(tiny_run.workdir)
    monkeypatch.chdir(tmp_path)
    for block in found:
        exec(compile(block, name, "exec"), {})


def test_no_page_with_python_is_left_out(page, blocks):
    if blocks(page, "python"):
        assert str(page.relative_to(ROOT)) in PAGES


def test_the_readme_tells_the_shapes_and_types(tiny_run):
    import dcgan_jax

    gan = dcgan_jax.load(tiny_run.workdir)
    images = gan.sample(64, seed=0)
    vectors = gan.features(images)
    assert (images.shape, images.dtype.name) == ((64, 32, 32, 1), "uint8")
    assert (vectors.shape[0], vectors.ndim, vectors.dtype.name) == (64, 2, "float32")
