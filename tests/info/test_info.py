"""What `dcgan info` tells of a run."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest

from dcgan_jax.info import __main__ as info
from dcgan_jax.runs import checkpoints, folder as run_dir


@pytest.fixture
def told(run_command):
    """Return what is told of a run, by what a line is about."""

    def tell(workdir):
        ended = run_command(info.main, workdir)
        assert ended.code == 0, ended.err
        lines = ended.out.splitlines()
        return {line[:12].strip(): line[13:] for line in lines}

    return tell


def test_a_run_is_told_in_a_line_for_each_side(tiny_run, told):
    lines = told(tiny_run.workdir)
    assert lines["data"].startswith("digits, 32×32, grey; 1,797 images in 10 classes")
    assert lines["networks"].startswith("small at width 0.0625: ")
    assert lines["steps"] == "20 of 20, 16 images each"
    assert lines["checkpoints"].startswith("2, of steps 10, 20; 0.")
    assert lines["pictures"].startswith("grids: 1, the last ")
    row = run_dir.read_metrics(tiny_run.workdir)[-1]
    assert f"d_loss {row['d_loss']:.3f}" in lines["last losses"]
    assert f"D(x) {row['d_real']:.3f}" in lines["last losses"]


def test_parameters_are_those_of_the_checkpoint(tiny_run, told):
    newest = checkpoints.find_newest(tiny_run.workdir / "checkpoints")
    arrays = checkpoints.read_arrays(newest)
    gen, disc = (
        sum(a.size for n, a in arrays.items() if n.startswith(f"{net}/params/"))
        for net in ("gen", "disc")
    )
    expected = f"{gen:,} parameters in the generator, {disc:,} in the discriminator"
    assert expected in told(tiny_run.workdir)["networks"]


def test_a_run_before_its_first_checkpoint_and_without_its_data_is_told_too(
    tiny_run, tmp_path, told
):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    shutil.rmtree(workdir / "checkpoints")
    shutil.rmtree(workdir / "samples")
    (workdir / "metrics.jsonl").unlink()
    values = json.loads((workdir / "config.json").read_text())
    values |= {"data_dir": str(tmp_path / "nowhere"), "num_steps": None}
    (workdir / "config.json").write_text(json.dumps(values))
    lines = told(workdir)
    assert lines["data"].endswith(f"; not prepared in {tmp_path / 'nowhere'}")
    assert lines["steps"] == "0 of 60 epochs, 16 images each"
    for name in ("checkpoints", "pictures", "last losses"):
        assert lines[name] == "none yet"


def test_the_length_follows_from_the_data_where_epochs_were_asked_for(
    tiny_run, tmp_path, told
):
    config = dataclasses.replace(tiny_run, num_steps=None, num_epochs=3)
    (tmp_path / "run").mkdir()
    run_dir.settle(tmp_path / "run", config, fingerprint="x")
    assert told(tmp_path / "run")["steps"] == "0 of 336, 16 images each"


def test_a_folder_without_a_run_is_refused(tmp_path, one_error):
    assert "holds no run" in one_error(info.main, tmp_path)


def test_a_damaged_checkpoint_is_one_line(tiny_run, tmp_path, one_error):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    manifest = workdir / "checkpoints" / "step_00000020" / "manifest.json"
    for damage in ("{}", "nonsense"):
        manifest.write_text(damage)
        assert str(manifest.parent) in one_error(info.main, workdir)


def test_it_needs_no_jax(tiny_run):
    code = (
        "import sys; from dcgan_jax.info import __main__ as info;"
        "info.main(sys.argv[1:]); sys.exit('jax' in sys.modules)"
    )
    command = [sys.executable, "-c", code, tiny_run.workdir]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
