"""A run in a process of its own, long enough to be interrupted; what it leaves."""

import contextlib
import hashlib
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import numpy as np

from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.runs import checkpoints, folder as run_dir

NUM_STEPS = 240
EVERY = 40


def start(*argv):
    return subprocess.Popen(
        [sys.executable, "-m", "dcgan_jax.train", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def wait(process):
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return Ended(process.returncode, out, err)


def wait_for_step(process, workdir, step):
    """Return once a running process has logged a step."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ValueError, IndexError):
            if run_dir.read_metrics(workdir)[-1]["step"] >= step:
                return
        time.sleep(0.02)
    assert process.poll() is None, wait(process)


def read_arrays(workdir, step=None):
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    arrays = checkpoints.read_arrays(newest)
    return {name: np.asarray(array) for name, array in arrays.items()}


def assert_same_arrays(a, b):
    """Compare every array of two checkpoints to the bit."""
    assert a.keys() == b.keys()
    unequal = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    assert not unequal


def learnt(row):
    """The part of a log row that does not depend on the clock."""
    return {name: row[name] for name in ("step", *steps.METRICS)}


def digest_of(folder):
    """Return the sha256 of each file, without those that every start writes anew."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "tensorboard" not in str(path) and path.name != "lock"
    }


def alter(workdir, change):
    """Save the newest checkpoint anew, the generator's last kernel changed."""
    newest = checkpoints.find_newest(workdir / "checkpoints")
    nets = make_nets(run_dir.read_config(workdir), num_steps=1)
    template = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=(32, 32, 1)),
        jax.random.key(0),
    )
    state = checkpoints.restore(newest, template)
    params = dict(state.gen.params)
    params["conv2"] = {"kernel": change(params["conv2"]["kernel"])}
    state = state.replace(gen=state.gen.replace(params=params))
    checkpoints.save(workdir / "checkpoints", state, about={})
