"""What is found of a run, of an exported file, and of a run that has just begun."""

import shutil

import numpy as np
import pytest

from dcgan_jax.explore import page, subject as subjects
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.tabs import walk, wall
from dcgan_jax.export import __main__ as export
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.system import errors


def test_a_run_lacks_nothing(subject, run):
    assert subject.run == subject.folder == run
    assert subject.scorer is not None
    assert subject.remarks == ()


def test_the_samples_are_those_of_the_sample_command(
    subject, run, run_command, tmp_path
):
    out = tmp_path / "samples.npz"
    assert (
        run_command(sample.main, run, "--num=20", "--seed=5", f"--out={out}").code == 0
    )
    generator = subject.number(5, None)
    drawn = generator.draw(generator.latents(20))
    assert np.array_equal(drawn, np.load(out)["images"])


def test_every_sample_has_a_score(subject):
    sprite, texts = wall.draw_wall(subject, Session(), 20, with_scores=True)
    assert sprite["count"] == len(texts) == 20
    assert all(0 <= float(text) <= 1 for text in texts)


def test_a_score_is_of_its_image_alone(subject):
    generator = subject.number(0, None)
    images = generator.draw(generator.latents(3))
    together = subject.scorer(images, None)
    alone = [subject.scorer(image[None], None)[0] for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert len(set(together)) == 3


def test_an_exported_generator_lacks_scores_and_a_log_and_says_so(
    run, run_command, tmp_path
):
    file = tmp_path / "digits.safetensors"
    assert run_command(export.main, run, f"--out={file}").code == 0
    subject = subjects.open_subject(ExploreConfig(str(file)))
    told = page.describe_subject(subject)
    assert "no log of a training run" in told
    assert "without a discriminator" in told
    assert subject.folder == tmp_path / "digits-explorer"
    assert not subject.folder.exists()
    assert wall.draw_wall(subject, Session(), 3, with_scores=True)[1] == []


def test_a_run_without_a_checkpoint_is_followed_all_the_same(run, tmp_path):
    young = tmp_path / "young"
    young.mkdir()
    shutil.copy(run / "config.json", young)
    subject = subjects.open_subject(ExploreConfig(str(young)))
    assert subject.loaded is None
    assert "no checkpoint yet" in page.describe_subject(subject)


def test_a_step_that_the_run_does_not_have_is_refused(run):
    with pytest.raises(errors.InputError):
        subjects.open_subject(ExploreConfig(str(run), step=7))


def test_an_average_that_the_run_does_not_have_is_refused(run):
    with pytest.raises(errors.InputError, match="no average of its generator"):
        subjects.open_subject(ExploreConfig(str(run), ema=True))


def test_a_walk_begins_and_ends_at_its_samples(subject):
    generator = subject.number(0, None)
    ends = generator.draw(generator.latents(6))[[2, 5]]
    frames = walk.draw_walk(subject, Session(), 2, 5, "linear")
    assert np.array_equal(frames[[0, -1]], ends)
    assert walk.show_frame(frames, 0.0) != walk.show_frame(frames, 1.0)
