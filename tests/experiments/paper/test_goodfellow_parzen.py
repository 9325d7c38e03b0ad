import math

import pytest

from dcgan_jax.evaluate import parzen
from dcgan_jax.evaluate.metrics import parzen as metric
from experiments.paper import goodfellow_parzen


@pytest.fixture
def flags(ten_images, stores_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(parzen, "NUM_VALIDATION", 20)
    monkeypatch.setattr(metric, "METRIC", metric.METRIC._replace(num_samples=100))
    return [
        f"--source={ten_images}", f"--data_dir={stores_dir}", f"--runs={tmp_path}",
        "--num_epochs=1",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_result_has_a_log_likelihood_with_its_error_and_sigma(
    flags, in_process, run_command, read_numbers
):
    ended = run_command(goodfellow_parzen.main, *flags)
    assert ended.code == 0, ended.err
    numbers = read_numbers("goodfellow_parzen")
    assert math.isfinite(numbers["log_likelihood"])
    assert numbers["standard_error"] > 0
    assert numbers["sigma"] in parzen.SIGMAS
    assert numbers["run"]["num_training_images"] == 150
    assert numbers["run"]["held_out"] == 10_000
    assert (in_process / "goodfellow_parzen.png").is_file()
    assert list(numbers["by_step"]) == ["1"]
    best = numbers["by_step"][str(numbers["best_step"])]
    assert numbers["log_likelihood"] == best["log_likelihood"]
    # All images of a class are the same, so that the real ones lie on the tested ones.
    real = read_numbers("goodfellow_parzen_real")
    assert real["log_likelihood"] > numbers["log_likelihood"]
    assert real["sigma"] == parzen.SIGMAS[0]
