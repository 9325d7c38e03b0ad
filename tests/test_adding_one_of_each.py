"""A stranger adds a source, an architecture, a loss and a metric: docs/architecture.md.

The additions are made in a copy of the package, as files and lines, and then used by
the commands. How many files each touches is counted by comparing the copies.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.data import store as stores

PACKAGE = Path(__file__).parents[1] / "src" / "dcgan_jax"

SOURCE = '''
"""Grey squares: a line of the file has a grey level and a label."""

import numpy as np

from dcgan_jax.prepare.sources.base import (
    Kind,
    Record,
    fingerprint_file,
    has_suffix,
)


class SquaresSource:
    def __init__(self, path):
        lines = path.read_text().splitlines()
        self._rows = [tuple(map(int, line.split())) for line in lines]
        self.fingerprint = fingerprint_file(path)
        self.class_names = ("dark", "light")

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, index):
        grey, label = self._rows[index]
        return Record(f"line {index}", np.full((28, 28), grey, np.uint8), label)

    def close(self):
        pass


KIND = Kind(
    words=".squares",
    holds=lambda path: has_suffix(path, ".squares"),
    open=lambda path, config, work_dir: SquaresSource(path),
)
'''

ARCHITECTURE = '''
"""A pair of one dense layer each."""

import math

from flax import linen as nn

from dcgan_jax.models.pair import Pair, image_shape, scale


class Generator(nn.Module):
    units: int
    image_shape: tuple[int, int, int]
    pixel_range = "tanh"

    @nn.compact
    def __call__(self, latents, labels=None, *, train):
        hidden = nn.relu(nn.Dense(self.units)(latents))
        pixels = nn.Dense(math.prod(self.image_shape))(hidden)
        return nn.tanh(pixels).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, images, labels=None, *, train):
        flat = images.reshape(len(images), -1)
        return nn.Dense(1)(flat)[:, 0], {}


def make_pair(config):
    units = scale(16, config)
    return Pair(Generator(units, image_shape(config)), Discriminator())
'''

LOSS = '''
def discriminator_least_squares(real_logits: Array, fake_logits: Array) -> Array:
    """Return E[(D(x) - 1)²] + E[D(G(z))²]; Mao et al. 2017, Eq. 2."""
    return ((real_logits - 1) ** 2).mean() + (fake_logits**2).mean()


def generator_least_squares(*logits: Array) -> Array:
    """Return E[(D(G(z)) - 1)²]."""
    return ((logits[-1] - 1) ** 2).mean()


class Objectives('''

METRIC = '''
"""The mean grey level of samples and of the images trained on."""

import numpy as np

from dcgan_jax.evaluate.candidate import Measured, require_pixels
from dcgan_jax.evaluate.metrics import Metric, find_num_samples
from dcgan_jax.sample.numbered import SampleStream


def _run(config, candidate):
    samples = SampleStream(candidate.loaded, config.seed)
    drawn = samples.images(find_num_samples(config)).mean()
    real = candidate.train.rows(np.arange(candidate.num_rows)).images.mean()
    numbers = {"samples": float(drawn), "real": float(real)}
    return Measured("mean grey level", numbers, f"{drawn:.1f} against {real:.1f}")


METRIC = Metric(
    run=_run,
    check=require_pixels,
    list_splits=lambda config: (),
    num_samples=8,
    least_images=1,
    most_samples=100,
)
'''

# What is added → the files that a contributor makes (a text) or edits (old → new).
ADDITIONS = {
    "source": {
        "prepare/sources/squares.py": SOURCE,
        "prepare/sources/__init__.py": {
            "    tfds,\n": "    squares,\n    tfds,\n",
            "KINDS = (": "KINDS = (squares.KIND, ",
        },
    },
    "architecture": {
        "models/dense_pair.py": ARCHITECTURE,
        "architectures.py": {
            "ARCHITECTURES = {\n": "ARCHITECTURES = {\n"
            '    "dense_pair": Architecture("dense_pair"),\n',
        },
    },
    "loss": {
        "gan/losses.py": {
            "\nclass Objectives(": LOSS,
            "OBJECTIVES = {\n": 'OBJECTIVES = {\n    "least_squares": Objectives('
            "discriminator_least_squares, generator_least_squares),\n",
        },
        "config.py": {'"relativistic"]': '"relativistic", "least_squares"]'},
    },
    "metric": {
        "evaluate/metrics/brightness.py": METRIC,
        "evaluate/config.py": {
            "METRICS = {\n": 'METRICS = {\n    "brightness": "brightness",\n'
        },
    },
}


def read_files(package: Path) -> dict[str, bytes]:
    """Return the contents of a package's modules by path."""
    files = package.rglob("*.py")
    return {str(file.relative_to(package)): file.read_bytes() for file in files}


def apply(addition: dict[str, str | dict[str, str]], package: Path) -> None:
    """Make the files of an addition and edit those that are there."""
    for name, change in addition.items():
        file = package / name
        if isinstance(change, str):
            assert not file.exists(), f"{name} is there already"
            file.write_text(change.lstrip())
            continue
        text = file.read_text()
        for old, new in change.items():
            assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        file.write_text(text)


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Return the folder of a package with all additions, and the files of each."""
    root = tmp_path_factory.mktemp("extended")
    package = root / "dcgan_jax"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    touched = {}
    for name, addition in ADDITIONS.items():
        before = read_files(package)
        apply(addition, package)
        after = read_files(package)
        touched[name] = {file for file in after if after[file] != before.get(file)}
    return root, touched


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_addition_touches_two_files_at_most(extended, name):
    _, touched = extended
    assert 1 <= len(touched[name]) <= 2


@pytest.fixture(scope="module")
def workdir(extended, tmp_path_factory):
    """Return a folder in which the extended commands have been run."""
    root, _ = extended
    folder = tmp_path_factory.mktemp("work")
    lines = [f"{200 * (row % 2)} {row % 2}" for row in range(32)]
    (folder / "grey.squares").write_text("\n".join(lines))
    train = [
        "--dataset=folder", "--source=grey.squares", "--image_size=28", "--channels=1",
        "--architecture=dense_pair", "--loss=least_squares", "--batch_size=8",
        "--num_steps=2", "--log_every_steps=1", "--workdir=run",
    ]  # fmt: skip
    evaluate = ["run", "--metric=brightness", "--num_samples=4", "--out=result.json"]
    for command, flags in (("train", train), ("evaluate", evaluate)):
        ended = subprocess.run(
            [sys.executable, "-m", f"dcgan_jax.{command}", *flags],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    return folder


def test_the_added_source_is_prepared(workdir):
    (manifest,) = (workdir / "data").rglob("manifest.json")
    rows = stores.open_store(manifest.parent).rows(np.arange(32))
    assert rows.images.shape == (32, 28, 28, 1)
    assert sorted(rows.labels) == [0] * 16 + [1] * 16
    assert (rows.images == 200 * rows.labels[:, None, None, None]).all()


def test_the_added_architecture_trains_two_steps_by_the_added_loss(workdir):
    config = json.loads((workdir / "run" / "config.json").read_text())
    assert "dense_pair" in json.dumps(config)
    assert "least_squares" in json.dumps(config)
    lines = (workdir / "run" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [1, 2]
    # The discriminator's weights begin near 0, where D is 0: (0 − 1)² + 0² = 1.
    assert rows[0]["d_loss"] == pytest.approx(1, abs=1)
    assert rows[0]["g_loss"] == pytest.approx(1, abs=1)


def test_the_added_metric_is_measured(workdir):
    result = json.loads((workdir / "result.json").read_text())
    numbers = result["numbers"]
    assert numbers["real"] == pytest.approx(100)
    assert 0 <= numbers["samples"] <= 255
    assert numbers["step"] == 2
