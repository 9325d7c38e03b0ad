"""dcgan_jax.train and dcgan_jax.prepare, called from a script or a thread."""

import io
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import dcgan_jax
from dcgan_jax.data import ready
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors


def in_a_thread(function):
    """Call a function in a thread and return its result or raise its error."""
    results, problems = [], []

    def call():
        try:
            results.append(function())
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]


@pytest.mark.long
def test_a_thread_prepares_trains_and_samples(tmp_path, tiny_config):
    def train():
        return dcgan_jax.train(
            dataset="digits",
            data_dir=str(tmp_path / "data"),
            workdir=tmp_path / "run",
            width_multiplier=np.float64(0.0625),
            batch_size=np.int64(16),
            num_steps=2,
            num_workers=1,
            adam={"learning_rate": 1e-3},
        )

    outcome = in_a_thread(train)
    assert (outcome.step, outcome.signal) == (2, None)
    assert outcome.samples.is_file()
    assert outcome.checkpoint.is_dir()
    config = run_dir.read_config(tmp_path / "run")
    assert config.adam.learning_rate == 1e-3
    assert config.adam.b1 == tiny_config.adam.b1
    assert in_a_thread(lambda: dcgan_jax.load(tmp_path / "run").sample(2)).shape == (
        2, 32, 32, 1,
    )  # fmt: skip


def test_preparing_gives_the_store_that_training_finds(tmp_path, capfd):
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    settings = {
        "dataset": "arrays", "source": tmp_path / "images.npz", "image_size": 28,
        "channels": 1, "data_dir": tmp_path / "data", "num_workers": 1,
    }  # fmt: skip
    path = dcgan_jax.prepare(**settings, verify=True)
    assert (path / "manifest.json").is_file()
    assert "20 images, all checked" in capfd.readouterr().err
    outcome = dcgan_jax.train(
        **settings, width_multiplier=0.016, batch_size=8, num_steps=1,
        workdir=tmp_path / "run",
    )  # fmt: skip
    assert outcome.step == 1
    with pytest.raises(
        errors.InputError, match=r"cannot be prepared: .*label"
    ) as error:
        dcgan_jax.prepare(**settings, labelled=True)
    assert "\n" not in str(error.value)
    assert "error:" not in capfd.readouterr().err


@pytest.mark.parametrize("call", ["train", "prepare"])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dataset": "digts"}, "did you mean 'digits'"),
        ({"num_workrs": 1}, "unknown setting 'num_workrs'; did you mean 'num_workers'"),
        ({"image_size": 33}, "image_size is 33"),
        ({"data_dir": 5}, "data_dir is 5, expected a path"),
        ({"dataset": "folder", "source": "/nowhere"}, "no file or folder /nowhere"),
    ],
)
def test_settings_that_cannot_be_meant_are_one_line(call, settings, told):
    with pytest.raises(ValueError, match=told) as error:
        getattr(dcgan_jax, call)(**settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"batch_size": 0}, "batch_size=0; it must be at least 2"),
        ({"num_steps": "x"}, "num_steps is 'x', expected a whole number"),
        ({"adam": {"b3": 1}}, "unknown setting of adam 'b3'"),
        ({"adam": {"b1": 2.0}}, "adam.b1=2.0; it must be below 1"),
        ({"adam": 3}, "adam is 3"),
        ({"loss": "hing"}, "loss is 'hing', expected one of"),
        ({"heartbeat_seconds": "x"}, "heartbeat_seconds is 'x'"),
    ],
)
def test_settings_of_training_are_checked_as_flags_are(settings, told):
    with pytest.raises(ValueError, match=told):
        dcgan_jax.train(dataset="digits", **settings)


def test_a_missing_source_is_a_file_not_found_error():
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        dcgan_jax.prepare(dataset="folder", source="/nowhere")


def test_an_interrupt_ends_the_process_that_prepares(monkeypatch, tmp_path):
    started = []

    def start(flags, **streams):
        code = "import time; print('working', flush=True); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code], **streams)
        started.append(child)
        return child

    class Interrupting(io.StringIO):
        def write(self, text):
            raise KeyboardInterrupt

    monkeypatch.setattr(ready, "_start", start)
    monkeypatch.setattr(sys, "stderr", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        dcgan_jax.prepare(dataset="digits", data_dir=tmp_path)
    assert started[0].returncode == -signal.SIGTERM
