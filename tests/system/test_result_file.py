"""Result files name files, not where they lie on one machine."""

import json
import os
import sys
import types

import pytest

from dcgan_jax.system import result_file

SAME = (
    "python experiments/table.py --data_dir=data/sub",
    "images/s, 10,000 / 5 = and/or, ../up/x",
    "https://arxiv.org/abs/1511.06434",
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.py --source=/home/me/data/x.zip --k=3", "a.py --source=x.zip --k=3"),
        ("random:/tmp/runs/own (seed 0)", "random:own (seed 0)"),
        ("/tmp/x", "x"),
        *zip(SAME, SAME, strict=True),
    ],
)
def test_absolute_paths_lose_their_folders(text, shown):
    assert result_file.strip_folders({"a": [text, 1]}) == {"a": [shown, 1]}


def test_a_result_says_what_how_and_on_what(tmp_path):
    path = result_file.save(
        tmp_path / "new" / "r.json",
        what="a number",
        command="python x.py --out=/home/me/r.json",
        seed=3,
        protocol="counted",
        numbers={"n": 1.5, "of": "/home/me/run"},
    )
    result = json.loads(path.read_text())
    assert result["command"] == "python x.py --out=r.json"
    assert result["numbers"] == {"n": 1.5, "of": "run"}
    assert (result["seed"], result["protocol"]) == (3, "counted")
    assert {"commit", "machine", "date", "what"} <= result.keys()


@pytest.mark.parametrize(
    ("asked", "told"), [(None, "TF32 unless asked for full"), ("highest", "full")]
)
def test_a_result_names_the_gpu_that_it_was_measured_on(
    tmp_path, monkeypatch, asked, told
):
    client = types.SimpleNamespace(platform_version="PJRT C API\ncuda 13010")
    gpu = types.SimpleNamespace(device_kind="NVIDIA H100 80GB HBM3", client=client)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '81559 MiB, 580.65.06'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    jax = types.SimpleNamespace(
        default_backend=lambda: "gpu",
        devices=lambda: [gpu],
        config=types.SimpleNamespace(read=lambda name: asked),
    )
    monkeypatch.setitem(sys.modules, "jax", jax)
    path = result_file.save(
        tmp_path / "a.json", what="", command="", protocol="", seed=0, numbers={}
    )
    machine = json.loads(path.read_text())["machine"]
    assert machine["gpu"] == "NVIDIA H100 80GB HBM3"
    assert (machine["gpu_memory"], machine["driver"]) == ("81559 MiB", "580.65.06")
    assert machine["cuda"] == "13.1"
    assert machine["float32"] == told


def test_a_result_of_a_cpu_names_no_gpu(tmp_path):
    path = result_file.save(
        tmp_path / "a.json", what="", command="", protocol="", seed=0, numbers={}
    )
    assert "gpu" not in json.loads(path.read_text())["machine"]
