import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dcgan_jax import config as configs, presets
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors

CONFIG = presets.DIGITS

HOLD = """
import pathlib, sys, time
from dcgan_jax.runs import folder as run_dir
with run_dir.lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A folder that was locked by a process, and what happened before and after."""
    folder = tmp_path_factory.mktemp("held")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(errors.InputError) as refusal, run_dir.lock(folder):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    return folder, holder.pid, str(refusal.value)


def test_a_folder_in_use_is_refused_naming_the_process(held):
    folder, pid, refusal = held
    assert f"{folder} is in use by another run (process {pid})" in refusal


def test_a_folder_is_free_after_its_process_was_killed(held):
    folder, _, _ = held
    with run_dir.lock(folder):
        pass


def test_a_folder_is_free_after_its_run(tmp_path):
    with run_dir.lock(tmp_path / "run"):
        pass
    with run_dir.lock(tmp_path / "run"):
        pass


def settle(tmp_path, config, fingerprint="f00d"):
    run_dir.settle(tmp_path, config, fingerprint=fingerprint)
    (tmp_path / "checkpoints" / "step_00000001").mkdir(parents=True, exist_ok=True)


def test_the_settings_survive_the_folder(tmp_path):
    config = dataclasses.replace(CONFIG, workdir=tmp_path, seed=5)
    settle(tmp_path, config)
    assert run_dir.read_config(tmp_path) == config


def test_the_same_settings_settle_again(tmp_path):
    settle(tmp_path, CONFIG)
    settle(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch_size": 65}, ("batch_size=64", "batch_size=65")),
        ({"seed": 1}, ("seed=0", "seed=1")),
        ({"architecture": "dcgan64"}, ("architecture=small", "architecture=dcgan64")),
        (
            {"adam": dataclasses.replace(CONFIG.adam, b1=0.9)},
            ("adam.b1=0.5", "adam.b1=0.9"),
        ),
    ],
    ids=["batch_size", "seed", "architecture", "adam.b1"],
)
def test_a_changed_setting_is_refused_naming_both_values(changes, told, tmp_path):
    settle(tmp_path, CONFIG)
    with pytest.raises(errors.InputError) as caught:
        settle(tmp_path, dataclasses.replace(CONFIG, **changes))
    assert all(part in str(caught.value) for part in told)


def test_before_the_first_checkpoint_settings_may_change(tmp_path):
    run_dir.settle(tmp_path, CONFIG, fingerprint="f00d")
    changed = dataclasses.replace(CONFIG, batch_size=65)
    run_dir.settle(tmp_path, changed, fingerprint="f00d")
    assert run_dir.read_config(tmp_path) == changed


def test_a_refused_change_leaves_the_settings_as_they_are(tmp_path):
    settle(tmp_path, CONFIG)
    with pytest.raises(errors.InputError):
        settle(tmp_path, dataclasses.replace(CONFIG, seed=1))
    assert run_dir.read_config(tmp_path) == CONFIG


def test_other_data_are_refused(tmp_path):
    settle(tmp_path, CONFIG)
    with pytest.raises(errors.InputError, match="a run on other images of digits"):
        settle(tmp_path, CONFIG, fingerprint="beef")


def test_two_sources_are_named_in_words_and_a_folder_is_proposed(tmp_path):
    cats, dogs = (
        dataclasses.replace(CONFIG, dataset="folder", source=Path("photos") / name)
        for name in ("cats", "dogs.zip")
    )
    workdir = tmp_path / "folder"
    workdir.mkdir()
    settle(workdir, cats)
    with pytest.raises(errors.InputError) as caught:
        settle(workdir, dogs, fingerprint="beef")
    assert str(caught.value) == (
        f"{workdir} holds a run on photos/cats; this one asks for photos/dogs.zip,"
        " which are other images. Give it a folder of its own,"
        f" --workdir={workdir}-dogs, or go on there with --source=photos/cats."
    )


@pytest.mark.parametrize(
    "changes",
    [{"num_steps": 9}, {"num_epochs": 9.0}, {"keep_newest": 9}, {"log_every_steps": 9}],
    ids=str,
)
def test_operational_settings_may_change(changes, tmp_path):
    settle(tmp_path, CONFIG)
    changed = dataclasses.replace(CONFIG, **changes)
    settle(tmp_path, changed)
    assert run_dir.read_config(tmp_path) == changed


def test_the_run_s_length_may_not_change_under_a_decaying_rate(tmp_path):
    adam = dataclasses.replace(CONFIG.adam, decay_fraction=0.5)
    config = dataclasses.replace(CONFIG, adam=adam, num_steps=10)
    settle(tmp_path, config)
    with pytest.raises(errors.InputError, match=r"num_steps=10.*num_steps=20"):
        settle(tmp_path, dataclasses.replace(config, num_steps=20))


def test_settings_that_a_run_s_folder_is_too_old_for_are_what_it_had(tmp_path):
    settle(tmp_path, CONFIG)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    new = {"num_classes": 7, "bn_affine": False, "held_out": 3}
    path.write_text(json.dumps({k: v for k, v in values.items() if k not in new}))
    settle(tmp_path, CONFIG)
    for name, value in new.items():
        with pytest.raises(errors.InputError, match=f"{name}={value}"):
            settle(tmp_path, dataclasses.replace(CONFIG, **{name: value}))


def test_another_momentum_is_refused_naming_both_values(tmp_path):
    config = presets.GOODFELLOW_MNIST
    settle(tmp_path, config)
    sgd = dataclasses.replace(config.sgd, momentum=0.25)
    with pytest.raises(errors.InputError, match=r"sgd\.momentum=0\.5.*=0\.25"):
        settle(tmp_path, dataclasses.replace(config, sgd=sgd))


def test_the_run_s_length_may_change_under_sgd(tmp_path):
    settle(tmp_path, presets.GOODFELLOW_MNIST)
    settle(tmp_path, dataclasses.replace(presets.GOODFELLOW_MNIST, num_steps=9))


def test_allow_changes_lets_everything_pass(tmp_path):
    settle(tmp_path, CONFIG)
    changed = dataclasses.replace(CONFIG, batch_size=65, allow_changes=True)
    settle(tmp_path, changed)
    assert run_dir.read_config(tmp_path) == changed


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(errors.MissingInputError, match="holds no run"):
        run_dir.read_config(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"adam": 3}', '{"adam": {"b": 1}}'])
def test_settings_that_are_none_are_one_error(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(errors.InputError, match=r"config\.json") as caught:
        run_dir.read_config(tmp_path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_one_error(tmp_path):
    (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(errors.InputError, match=r"config\.json"):
        run_dir.read_config(tmp_path)


def write_metrics(folder, *lines):
    (folder / "metrics.jsonl").write_text("".join(lines))


def test_rows_beyond_the_step_are_cut_off(tmp_path):
    write_metrics(tmp_path, *(f'{{"step": {step}}}\n' for step in (10, 20, 30)))
    run_dir.cut_metrics(tmp_path, step=20)
    assert run_dir.read_metrics(tmp_path) == [{"step": 10}, {"step": 20}]


def test_a_row_that_a_kill_left_unfinished_is_cut_off(tmp_path):
    write_metrics(tmp_path, '{"step": 10}\n', '{"step": 20, "d_lo')
    run_dir.cut_metrics(tmp_path, step=20)
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == json.dumps({"step": 10}) + "\n"


@pytest.mark.parametrize("stub", ["7", "null", "[]", '{"d_loss": 1.0}', "\x00\x00"])
def test_a_row_that_is_none_is_cut_off(stub, tmp_path):
    write_metrics(tmp_path, '{"step": 10}\n', stub)
    run_dir.cut_metrics(tmp_path, step=20)
    assert run_dir.read_metrics(tmp_path) == [{"step": 10}]


def test_no_log_is_no_row(tmp_path):
    run_dir.cut_metrics(tmp_path, step=0)
    assert run_dir.read_metrics(tmp_path) == []


DAMAGED_ROWS = [
    b'{"step": "20"}', b'{"step": 20, "d_loss": null}', b"\xff\xfe", b"[" * 10**5,
    b'{"step": ' + b"9" * 5000 + b"}", b'{"step": true}',
]  # fmt: skip


@pytest.mark.parametrize("row", DAMAGED_ROWS)
def test_a_damaged_row_is_cut_off_when_the_run_goes_on(row, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 10}\n' + row + b'\n{"step": 15}\n')
    run_dir.cut_metrics(tmp_path, step=20)
    assert run_dir.read_metrics(tmp_path) == [{"step": 10}, {"step": 15}]


@pytest.mark.parametrize("row", DAMAGED_ROWS)
def test_a_damaged_row_is_named_when_the_log_is_read(row, tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 10}\n' + row + b"\n")
    with pytest.raises(errors.InputError, match=r"line 2 of .*metrics\.jsonl"):
        run_dir.read_metrics(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"image_size": "28"}, {"image_size": 29}, {"batch_size": 10**30},
        {"batch_size": 0}, {"adam": 3}, {"adam": {}}, {"workdir": "a\0b"},
        {"width_multiplier": float("nan")}, {"architecture": "../x"}, {"seed": None},
        {"new\nfield": 1}, {"width_multiplier": 1e308}, {"latent_size": 2**62},
        {"num_classes": 10**18},
    ],
)  # fmt: skip
def test_settings_that_no_run_can_have_are_one_error(changes, tmp_path):
    values = {**configs.to_json(presets.DIGITS), **changes}
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(errors.InputError) as caught:
        run_dir.read_config(tmp_path)
    assert str(caught.value).isprintable()


def test_settings_nested_too_deeply_are_one_error(tmp_path):
    (tmp_path / "config.json").write_text('{"adam":' * 10**5)
    with pytest.raises(errors.InputError, match="nested too deeply"):
        run_dir.read_config(tmp_path)
