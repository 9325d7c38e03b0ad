"""A run's log and film while it trains."""

import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.explore import training
from dcgan_jax.system import errors


@pytest.fixture
def young(run, tmp_path):
    """A run that has logged two rows and begun a third, and drawn three grids."""
    folder = tmp_path / "young"
    (folder / "samples").mkdir(parents=True)
    shutil.copy(run / "config.json", folder)
    first, second = (run / "metrics.jsonl").read_text().splitlines()[:2]
    (folder / "metrics.jsonl").write_text(f'{first}\n{second}\n{{"step": 3')
    for step in (0, 10, 20):
        grey = np.full((8, 8), step, np.uint8)
        Image.fromarray(grey).save(folder / "samples" / f"step_{step:08d}.png")
    return folder


def test_a_row_that_is_being_written_is_not_read_yet(young):
    assert training.read_progress(young) == training.Progress(20, 2, (0, 10, 20))
    assert training.draw_log(young).startswith("data:image/png;base64,")


def test_frames_are_the_grids_of_their_steps(young):
    frames = [training.read_frame(young, step) for step in (0, 10, 20)]
    assert len(set(frames)) == 3


@pytest.mark.parametrize("step", [5, "../../config", None])
def test_nothing_but_a_grid_is_given_out(step, young):
    with pytest.raises(errors.InputError, match="no grid of step"):
        training.read_frame(young, step)


def test_a_run_that_has_logged_nothing_is_no_error(young):
    (young / "metrics.jsonl").unlink()
    shutil.rmtree(young / "samples")
    assert training.read_progress(young) == training.Progress(0, 0, ())
    assert training.draw_log(young) is None
