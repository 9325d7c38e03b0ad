import dataclasses
import json
import shutil

import numpy as np
import pytest

from dcgan_jax.export import __main__ as export
from dcgan_jax.gan import keys
from dcgan_jax.runs import load as loading
from dcgan_jax.sample import __main__ as sample, draw as sampling
from dcgan_jax.system import errors


def draw(loaded, count=4):
    key = keys.make_key(0, keys.Purpose.SAMPLES)
    latents = sampling.draw_first_latents(loaded.draw_latents, key, count)
    return sampling.make_sampler(loaded.network)(loaded.variables, latents)


def load(where, **changes):
    return loading.load_generator(
        str(where), **{"weights_dir": None, "step": None, **changes}
    )


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run.workdir, tmp_path / "run")


def test_a_run_gives_the_generator_of_its_newest_checkpoint(run, tiny_run):
    loaded = load(run)
    assert loaded.step == 20
    settled = {"shuffle": "rows", "precision": "float32"}
    assert loaded.config == dataclasses.replace(tiny_run, **settled)
    assert draw(loaded).shape == (4, 32, 32, 1)


def test_an_older_checkpoint_gives_another_generator(run):
    assert load(run, step=10).step == 10
    assert (draw(load(run, step=10)) != draw(load(run))).any()


def test_an_exported_file_draws_the_same_pictures_as_its_run(
    run, tmp_path, run_command
):
    path = tmp_path / "generator.safetensors"
    assert run_command(export.main, run, f"--out={path}").code == 0
    np.testing.assert_array_equal(draw(load(path)), draw(load(run)))


def test_an_export_of_another_kind_is_refused(run, tmp_path, one_error):
    message = one_error(export.main, run, f"--out={tmp_path / 'generator.onnx'}")
    assert ".safetensors" in message


def test_nothing_there_is_one_error_that_names_what_could_be(tmp_path):
    with pytest.raises(errors.MissingInputError, match="authors_svhn"):
        load(tmp_path / "none")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(errors.MissingInputError, match="holds no run"):
        load(tmp_path)


def test_a_run_without_a_checkpoint_is_refused(run):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(errors.MissingInputError, match="no checkpoint"):
        load(run)


def test_a_config_that_does_not_fit_the_arrays_is_refused_naming_one(run):
    path = run / "config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "latent_size": 7}))
    with pytest.raises(errors.InputError, match="project/dense/kernel"):
        load(run)


def test_released_parameters_need_their_folder():
    with pytest.raises(errors.InputError, match="--weights_dir"):
        load("authors_svhn")


@pytest.fixture(scope="module")
def authors(shared):
    return load("authors_svhn", weights_dir=shared / "authors_weights")


def test_the_authors_generator_draws_different_smooth_colour_pictures(authors):
    images = draw(authors, 64).astype(np.float64)
    assert images.shape == (64, 32, 32, 3)
    assert sampling.measure_diversity(images) > 25
    neighbours = np.square(np.diff(images, axis=2)).mean()
    assert neighbours < 0.12 * images.var()


def test_the_authors_latents_are_normal(authors):
    key = keys.make_key(0, keys.Purpose.SAMPLES)
    latents = sampling.draw_first_latents(authors.draw_latents, key, 256)
    assert np.abs(latents).max() > 3
    assert latents.std() == pytest.approx(1.0, abs=0.02)


def test_the_command_draws_from_the_authors_generator(
    shared, tmp_path, run_command, authors
):
    ended = run_command(
        sample.main, "authors_svhn", f"--weights_dir={shared / 'authors_weights'}",
        "--num=4", f"--out={tmp_path / 'x.npz'}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    with np.load(tmp_path / "x.npz") as file:
        assert np.abs(file["images"].astype(int) - draw(authors)).max() <= 1


def test_a_config_s_workdir_does_not_matter_after_the_folder_has_moved(run, tmp_path):
    moved = run.rename(tmp_path / "moved")
    assert draw(load(moved)).shape == (4, 32, 32, 1)


def test_loading_takes_the_older_checkpoint_when_the_newest_is_damaged(run):
    (run / "checkpoints" / "step_00000020" / "manifest.json").unlink()
    assert load(run).step == 10


def test_the_latents_follow_the_run_s_distribution(run, tiny_run):
    assert tiny_run.latent_distribution == "uniform"
    key = keys.make_key(0, keys.Purpose.SAMPLES)
    latents = sampling.draw_first_latents(load(run).draw_latents, key, 256)
    assert np.abs(latents).max() <= 1
    assert latents.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)
