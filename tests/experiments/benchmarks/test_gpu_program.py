"""What a training step compiles to for a GPU; `make program` runs these tests."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.benchmarks import nets

ROOT = Path(__file__).parents[3]
RECORDED = json.loads((ROOT / "experiments/results/gpu_program.json").read_text())
NETS = tuple(RECORDED["numbers"])
is_there = importlib.util.find_spec("jax_cuda13_plugin") is not None


def run_python(*argv):
    return subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The numbers of every net, as the script finds them now."""
    if not is_there:
        pytest.skip("needs JAX's plugin for CUDA 13, which make program installs")
    out = tmp_path_factory.mktemp("program") / "gpu_program.json"
    script = "experiments/benchmarks/gpu_program.py"
    run_python(script, f"--out={out}", "--batches")
    return json.loads(out.read_text())["numbers"]


def test_every_net_that_is_timed_is_recorded():
    assert set(NETS) >= set(nets.NETS) - {"pytorch_example"}


@pytest.mark.parametrize("net", NETS)
def test_a_step_multiplies_no_more_than_its_useful_work(net, measured):
    row = measured[net]
    assert row["gflop"] == pytest.approx(row["useful_gflop"], rel=0.03)
    assert row["useful_gflop"] == RECORDED["numbers"][net]["useful_gflop"]


@pytest.mark.parametrize("net", NETS)
def test_a_step_takes_no_more_kernels_and_bytes_than_recorded(net, measured):
    row, before = measured[net], RECORDED["numbers"][net]
    assert row["kernels"] <= before["kernels"]
    assert row["gbytes"] <= before["gbytes"]
    assert row["memory_gb"]["128"] <= before["memory_gb"]["128"]


def test_promised_products_keep_full_float32_in_the_optimised_program():
    if not is_there:
        pytest.skip("needs JAX's plugin for CUDA 13, which make program installs")
    told = run_python("-c", EXACT).splitlines()
    assert len(told) == 3
    for line in told:
        assert "highest" in line, line


# A fit's products and a hash's, as they are compiled.
EXACT = """
from experiments.benchmarks import gpu_program, hlo, kernels
import jax, numpy as np
from dcgan_jax.features import blocked_rows
from dcgan_jax.prepare.dedup import hashes
from unittest import mock

def show(jitted, *shapes, index=()):
    given = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    text = gpu_program.compile_for_gpu(jitted, *given, *index).as_text()
    found = [line for line in text.splitlines() if " dot(" in line or "gemm" in line]
    return [line for line in found if "custom-call(" in line or " dot(" in line]

with mock.patch.object(jax, "default_backend", return_value="gpu"):
    products = blocked_rows._compile_products()
    for lines in (
        show(products.times, (2048, 512), (512, 64)),
        show(
            products.transposed_times, (64, 512), (2048, 512), (2048, 64),
            index=[jax.ShapeDtypeStruct((), np.int32)],
        ),
        show(jax.jit(hashes._multiply), (2048, 512), (512, 64)),
    ):
        (line,) = lines
        print(line.lower())
"""
