import pytest

from dcgan_jax.system import errors
from experiments.paper import probe_moments


@pytest.fixture
def run(tmp_path):
    for step in (20, 5, 10):
        (tmp_path / "checkpoints" / f"step_{step:08}").mkdir(parents=True)
    return tmp_path


def test_all_kept_steps_are_measured_or_those_asked_for(run):
    assert probe_moments.find_steps(run, None) == [5, 10, 20]
    assert probe_moments.find_steps(run, [20, 5]) == [5, 20]


def test_a_step_that_was_not_kept_is_told_with_those_that_were(run, tmp_path):
    with pytest.raises(errors.MissingInputError, match="of step 7; there are: 5, 10"):
        probe_moments.find_steps(run, [5, 7])
    with pytest.raises(errors.MissingInputError, match="keep_every_steps"):
        probe_moments.find_steps(tmp_path / "none", None)
