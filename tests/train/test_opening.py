"""What a run says at once, and with --dry_run alone."""

import os

import pytest

from dcgan_jax.runs import checkpoints
from dcgan_jax.train import __main__ as train
from long_run import read_arrays


@pytest.fixture
def own_flags(data_dir, tmp_path):
    return [
        "--dataset=digits", f"--data_dir={data_dir}", "--width_multiplier=0.0625",
        "--batch_size=16", f"--workdir={tmp_path / 'run'}",
    ]  # fmt: skip


def list_files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_dry_run_tells_what_the_run_would_be_and_writes_nothing(
    own_flags, data_dir, tmp_path, run_command
):
    before = list_files(data_dir)
    ended = run_command(train.main, *own_flags, "--num_epochs=3", "--dry_run")
    assert ended.code == 0, ended.err
    told = dict(line.split(maxsplit=1) for line in ended.err.splitlines())
    assert "CPU cores" in told["device"]
    assert told["images"].startswith("1,797 images in 10 classes (0 178,")
    assert told["images"].endswith("; 32×32, grey")
    assert told["networks"].startswith("small at width 0.0625: ")
    assert told["networks"].endswith("float32")
    assert told["steps"] == "336, of 16 images each: 3 epochs"
    assert told["folder"] == str(tmp_path / "run")
    assert "nothing was prepared, trained or written" in told["--dry_run:"]
    assert not (tmp_path / "run").exists()
    assert list_files(data_dir) == before


def test_the_parameters_that_are_told_are_those_that_are_saved(
    own_flags, tmp_path, run_command
):
    ended = run_command(train.main, *own_flags, "--num_steps=1")
    assert ended.code == 0, ended.err
    arrays = read_arrays(tmp_path / "run")
    gen, disc = (
        sum(a.size for n, a in arrays.items() if n.startswith(f"{net}/params/"))
        for net in ("gen", "disc")
    )
    assert f"{gen:,} parameters in the generator, {disc:,} in the disc" in ended.err
    lines = ended.err.splitlines()
    compiling = next(n for n, line in enumerate(lines) if "compiling" in line)
    assert lines[compiling + 1].startswith("compiled after ")
    assert lines[compiling + 2].startswith("step 1/1  d_loss ")
    assert [line.split()[0] for line in lines[:5]] == [
        "device", "images", "networks", "steps", "folder",
    ]  # fmt: skip
    names = {path.name for path in (tmp_path / "run" / "samples").iterdir()}
    assert names == {"real.png", "step_00000001.png"}
    assert checkpoints.list_steps(tmp_path / "run" / "checkpoints") == [1]


def test_a_dry_run_of_images_that_are_not_prepared_tells_what_is_known(
    tmp_path, make_folder, run_command
):
    source = make_folder("a.png", "b.png")
    ended = run_command(
        train.main, "--dataset=folder", f"--source={source}", "--image_size=32",
        f"--data_dir={tmp_path / 'data'}", f"--workdir={tmp_path / 'run'}",
        "--width_multiplier=0.0625", "--num_epochs=7", "--dry_run",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert f"{source}, not prepared yet" in ended.err
    assert "7 epochs, of 128 images each" in ended.err
    assert "parameters in the generator" in ended.err
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_that_a_folder_holds_another_run(own_flags, tiny_run, one_error):
    workdir = f"--workdir={tiny_run.workdir}"
    message = one_error(train.main, *own_flags, workdir, "--seed=1", "--dry_run")
    assert "holds a run with seed=0" in message


def test_a_gpu_that_jax_overlooks_is_named(
    own_flags, tmp_path, monkeypatch, run_command
):
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    flags = [*own_flags, "--num_steps=9", "--dry_run"]
    (line,) = [
        line
        for line in run_command(train.main, *flags).err.splitlines()
        if line.startswith("warning: ")
    ]
    assert "NVIDIA H200" in line
    assert "pip install 'dcgan-jax[cuda]'" in line
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert "NVIDIA" not in run_command(train.main, *flags).err
