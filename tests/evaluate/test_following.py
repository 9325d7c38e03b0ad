"""`--every`: a run is measured while it trains; best and final are kept."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from dcgan_jax.evaluate import __main__ as evaluate, following, quality
from dcgan_jax.runs import folder as run_dir, load as loading, safetensors_file
from dcgan_jax.train import loop

VALUES = {10: 3.0, 20: 5.0, 30: 4.0}


@pytest.fixture(scope="module")
def finished(tiny_config, tmp_path_factory):
    """A run of 30 steps that keeps its checkpoints at 10, 20 and 30."""
    config = dataclasses.replace(
        tiny_config, num_steps=30, workdir=tmp_path_factory.mktemp("runs") / "thirty"
    )
    loop.run(config)
    return config.workdir


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def measured(monkeypatch, fidelity):
    """The steps that were measured; their numbers are those of VALUES."""
    steps = []

    def measure(yardstick, loaded):
        del yardstick
        steps.append(loaded.step)
        return {"fid": VALUES[loaded.step], "kid": -VALUES[loaded.step]}

    monkeypatch.setattr(quality, "measure_generator", measure)
    return steps


@pytest.fixture
def follow(run, data_dir, run_command, measured):
    def start(*argv):
        return run_command(
            evaluate.main, run, "--metric=fid,kid", "--extractor=random:digits",
            "--num_samples=100", f"--data_dir={data_dir}", "--every=10", *argv,
        )  # fmt: skip

    return start


def read_rows(run):
    lines = (run / "quality.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def checkpoint(run, step):
    return run / run_dir.CHECKPOINTS / f"step_{step:08d}"


def test_best_and_final_are_told_and_kept_each_with_its_step(
    run, follow, measured, tmp_path
):
    out = tmp_path / "result.json"
    ended = follow(f"--out={out}")
    assert ended.code == 0, ended.err
    assert measured == [10, 20, 30]
    assert "best  fid 3.0000 at step 10 (best_fid.safetensors)" in ended.out
    assert "best  kid -5.0000 at step 20 (best_kid.safetensors)" in ended.out
    assert "final fid 4.0000 at step 30" in ended.out
    assert [row["numbers"]["fid"] for row in read_rows(run)] == [3.0, 5.0, 4.0]
    numbers = json.loads(out.read_text())["numbers"]
    assert numbers["best"]["fid"] == {"value": 3.0, "step": 10}
    assert numbers["final"]["step"] == 30
    for name, step in (("best_fid", 10), ("best_kid", 20), ("final", 30)):
        found = safetensors_file.read_network(run / f"{name}.safetensors")
        assert found[1] == step
        expected = loading.load_generator(str(run), weights_dir=None, step=step)
        for part in ("params", "batch_stats"):
            for one, other in zip(
                leaves(found[2][part]), leaves(expected.variables[part]), strict=True
            ):
                np.testing.assert_array_equal(one, other)


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    return [np.asarray(tree)]


def test_steps_between_are_left_out_but_the_last_is_not(run, follow, measured):
    assert follow("--every=20").code == 0
    assert measured == [20, 30]


def test_rows_that_are_there_are_not_measured_again(run, follow, measured):
    first = follow()
    before = (run / "quality.jsonl").read_text()
    again = follow()
    assert measured == [10, 20, 30]
    assert again.out == first.out
    assert (run / "quality.jsonl").read_text() == before
    # Numbers of other settings are other numbers.
    assert follow("--num_samples=50").code == 0
    assert measured == [10, 20, 30] * 2
    assert len(read_rows(run)) == 6


def test_another_generator_of_the_same_step_is_measured_anew(
    run, follow, measured, finished
):
    follow()
    shutil.rmtree(checkpoint(run, 10))
    loaded = loading.load_generator(str(run), weights_dir=None, step=20)
    assert loaded.step == 20
    rows = read_rows(run)
    rows[0]["generator"] = "of a run that is no more"
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run / "quality.jsonl").write_text(text)
    shutil.copytree(checkpoint(finished, 10), checkpoint(run, 10))
    assert follow().code == 0
    assert measured == [10, 20, 30, 10]
    assert len(read_rows(run)) == 3


def test_rows_of_a_run_that_was_in_the_folder_before_do_not_count(
    run, follow, measured
):
    follow()
    config = json.loads((run / run_dir.CONFIG).read_text())
    (run / run_dir.CONFIG).write_text(json.dumps({**config, "seed": 7}))
    shutil.rmtree(checkpoint(run, 10))
    ended = follow()
    assert ended.code == 0, ended.err
    assert measured == [10, 20, 30, 20, 30]
    assert "best  fid 4.0000 at step 30" in ended.out


def test_checkpoints_are_measured_as_they_appear(
    run, follow, measured, finished, monkeypatch
):
    for step in (20, 30):
        shutil.rmtree(checkpoint(run, step))
    coming = iter((20, 30))
    seen = []

    def train(seconds):
        assert seconds > 0
        seen.append(list(measured))
        step = next(coming)
        shutil.copytree(checkpoint(finished, step), checkpoint(run, step))

    monkeypatch.setattr(following.time, "sleep", train)
    ended = follow()
    assert ended.code == 0, ended.err
    assert seen == [[10], [10, 20]]
    assert measured == [10, 20, 30]
    assert "step 10 of 30; waiting for more" in ended.err


def test_a_checkpoint_that_training_deletes_first_is_said_and_left_out(
    run, follow, measured, monkeypatch
):
    load = loading.load_generator

    def delete_first(where, *, step, **settings):
        if step == 20:
            shutil.rmtree(checkpoint(run, 20))
        return load(where, step=step, **settings)

    monkeypatch.setattr(loading, "load_generator", delete_first)
    ended = follow()
    assert ended.code == 0, ended.err
    assert measured == [10, 30]
    assert "left out step 20" in ended.err
    assert "--keep_every_steps=10" in ended.err


def test_a_damaged_checkpoint_is_said_and_left_out(run, follow, measured):
    (checkpoint(run, 20) / "manifest.json").write_text("{}")
    ended = follow()
    assert ended.code == 0, ended.err
    assert measured == [10, 30]
    assert "left out step 20: no checkpoint" in ended.err


def test_ctrl_c_ends_it_with_130_and_what_was_measured_stays(
    run, follow, measured, monkeypatch
):
    shutil.rmtree(checkpoint(run, 30))

    def press(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", press)
    ended = follow()
    assert ended.code == 130
    assert [row["step"] for row in read_rows(run)] == [10, 20]
    assert not (run / "final.safetensors").exists()


def test_a_run_that_was_stopped_early_need_not_be_waited_for(run, follow, measured):
    shutil.rmtree(checkpoint(run, 30))
    ended = follow("--no_wait", "--every=15")
    assert ended.code == 0, ended.err
    assert "only every 30 steps" in ended.err
    assert measured == [20]
    assert "final fid 5.0000 at step 20" in ended.out


def test_a_run_without_a_checkpoint_is_one_line(run, follow):
    shutil.rmtree(run / run_dir.CHECKPOINTS)
    ended = follow("--no_wait")
    assert ended.code == 2
    assert "has no checkpoint that could be measured" in ended.err


def test_two_do_not_measure_one_run(run, follow):
    from dcgan_jax.system import disk

    with disk.exclusive(run / ".quality.lock"):
        ended = follow()
    assert ended.code == 2
    assert "another process measures" in ended.err
