"""Result files name files, not where they lie on one machine."""

import json
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


def test_a_result_names_the_gpu_its_driver_and_cuda(tmp_path, monkeypatch):
    gpu = types.SimpleNamespace(
        device_kind="NVIDIA H100 80GB HBM3",
        client=types.SimpleNamespace(platform_version="PJRT C API\ncuda 12090"),
    )
    jax = types.SimpleNamespace(default_backend=lambda: "gpu", devices=lambda: [gpu])
    monkeypatch.setitem(sys.modules, "jax", jax)
    driver = tmp_path / "version"
    monkeypatch.setattr(result_file, "_DRIVER", driver)

    def save():
        path = result_file.save(
            tmp_path / "a.json", what="", command="", protocol="", seed=0, numbers={}
        )
        machine = json.loads(path.read_text())["machine"]
        return [machine.get(name) for name in ("gpu", "runtime", "driver")]

    assert save() == ["NVIDIA H100 80GB HBM3", "PJRT C API cuda 12090", None]
    driver.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar 5 2024\n"
        "GCC version:  gcc version 12.2.0\n"
    )
    assert save()[2] == "550.54.15"


def test_a_result_of_a_cpu_names_no_gpu(tmp_path):
    path = result_file.save(
        tmp_path / "a.json", what="", command="", protocol="", seed=0, numbers={}
    )
    assert "gpu" not in json.loads(path.read_text())["machine"]
