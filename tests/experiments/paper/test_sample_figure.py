import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors
from experiments import results, trained
from experiments.paper import sample_figure

FIGURE = sample_figure.SampleFigure(name="fig", title="Fig. 0, digits", preset="digits")


@pytest.fixture
def results_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def test_a_figure_shows_real_images_beside_samples(tiny_run, results_dir):
    argv = [f"--run={tiny_run.workdir}", "--step=10"]
    assert sample_figure.draw(FIGURE, "", argv) == 0
    picture = np.asarray(Image.open(results_dir / "fig.png"))
    # 8 images of 32 pixels with gaps of 2, twice with 20 between, two dots a pixel.
    side = 8 * 34 - 2
    assert picture.shape == (2 * side, 2 * (2 * side + 20))
    real, samples = picture[:, : 2 * side], picture[:, -2 * side :]
    assert real.min() == 0  # ink on paper; ten steps give grey
    assert samples.min() > 0
    found = json.loads((results_dir / "fig.json").read_text())
    assert "1,797 images of digits" in found["what"]
    assert "stand in" not in found["what"]
    assert found["numbers"]["run"]["steps"] == 10
    # 1,797 images are 112 minibatches of 16.
    assert found["numbers"]["run"]["epochs"] == pytest.approx(10 / 112)
    diversity = found["numbers"]["diversity"]
    assert 0 < diversity < found["numbers"]["diversity_of_real_images"]


def test_the_caption_says_what_stands_in_for_the_papers_data():
    about = {
        "dataset": "folder",
        "source": "cifar10-part.zip",
        "epochs": 5.0,
        "steps": 1234,
        "num_training_images": 10_000,
        "width_multiplier": 0.25,
    }
    figure = sample_figure.SampleFigure(name="x", title="Fig. 11", preset="imagenet32")
    assert sample_figure._caption(figure, about) == (
        "Fig. 11: real images and samples after 5 epochs (1,234 steps) on 10,000 images"
        " of cifar10-part.zip, which stand in for imagenet32; width 0.25"
    )


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--run=x", "--width_multiplier=2"], "--width_multiplier=2 would change"),
        (["--step=4"], "--step=4 is a step of a --run"),
        (["--run=nowhere"], "nowhere holds no run"),
    ],
)
def test_flags_that_do_not_fit_are_refused(argv, reason, results_dir):
    with pytest.raises(errors.InputError, match=reason):
        sample_figure.draw(FIGURE, "", argv)


@pytest.fixture
def moments(tiny_run, tmp_path):
    """Flags of a run on the digits, whose epoch has 112 steps, and its folder."""
    flags = [f"--data_dir={tiny_run.data_dir}", "--batch_size=16"]
    return flags, tmp_path / "run"


def test_an_epoch_whose_checkpoint_is_there_is_not_trained_again(
    moments, tiny_run, monkeypatch
):
    flags, workdir = moments
    monkeypatch.setattr(trained, "train", None)
    kept = workdir / run_dir.CHECKPOINTS
    shutil.copytree(
        tiny_run.workdir / run_dir.CHECKPOINTS / "step_00000020",
        kept / "step_00000112",
    )
    step = trained.train_to_epoch("digits", workdir, flags, epoch=1)
    assert step == 112


def test_a_run_goes_on_to_an_epoch_and_keeps_the_one_before(moments, monkeypatch):
    flags, workdir = moments
    asked = []
    monkeypatch.setattr(trained, "train", lambda *call: asked.append(call))
    assert trained.train_to_epoch("digits", workdir, flags, epoch=5) == 560
    (call,) = asked
    assert call[2][-2:] == ["--num_epochs=5", "--keep_every_steps=112"]


def test_a_run_that_is_past_an_epoch_is_refused(moments, tiny_run):
    flags, workdir = moments
    kept = workdir / run_dir.CHECKPOINTS
    shutil.copytree(
        tiny_run.workdir / run_dir.CHECKPOINTS / "step_00000020",
        kept / "step_00000120",
    )
    with pytest.raises(errors.InputError, match=r"past epoch 1 .* of step 112"):
        trained.train_to_epoch("digits", workdir, flags, epoch=1)


def test_the_length_of_a_moment_is_its_own(moments):
    flags, workdir = moments
    with pytest.raises(errors.InputError, match="leave --num_epochs and --num_steps"):
        trained.train_to_epoch("digits", workdir, [*flags, "--num_steps=9"], epoch=1)
