"""The Python of README and docs runs, on a tiny run in the place of runs/digits."""

import textwrap

import pytest


def test_the_python_of_a_page_runs(page, blocks, tiny_run, tmp_path, monkeypatch):
    found = blocks(page, "python")
    if not found:
        pytest.skip("no Python on this page")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(tiny_run.workdir)
    monkeypatch.chdir(tmp_path)
    for block in found:
        exec(compile(textwrap.dedent(block), str(page), "exec"), {})


def test_the_readme_tells_the_shapes_and_types(tiny_run):
    import dcgan_jax

    gan = dcgan_jax.load(tiny_run.workdir)
    images = gan.sample(64, seed=0)
    vectors = gan.features(images)
    assert (images.shape, images.dtype.name) == ((64, 32, 32, 1), "uint8")
    assert (vectors.shape[0], vectors.ndim, vectors.dtype.name) == (64, 2, "float32")
