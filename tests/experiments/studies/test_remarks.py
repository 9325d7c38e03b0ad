import json

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.system import errors
from experiments.studies import remarks


def numbers_of(steps, diversity=0.5):
    return {
        "oscillation": 0.1,
        "matched_diversity": diversity,
        "steps_to_target": steps,
    }


@pytest.mark.parametrize(
    ("measured", "steps", "unstable_share"),
    [
        ([numbers_of(100), numbers_of(300), numbers_of(200)], 200, 0),
        ([numbers_of(100), numbers_of(None), numbers_of(None)], None, 0),
        ([numbers_of(100), numbers_of(None), numbers_of(50)], 100, 0),
        ([numbers_of(100), None, numbers_of(100, diversity=0.01)], 100, 2 / 3),
    ],
)
def test_a_target_that_is_never_reached_is_later_than_any(
    measured, steps, unstable_share
):
    found = remarks._summarise(measured)
    assert found["median"]["steps_to_target"] == steps
    assert found["unstable_share"] == pytest.approx(unstable_share)
    assert found["by_seed"] == measured


def test_runs_that_all_became_infinite_have_no_median():
    found = remarks._summarise([None, None])
    assert (found["median"], found["unstable_share"]) == ({}, 1)


def test_a_variant_s_flags_change_one_setting_of_the_paper_s():
    base = ["--dataset=folder", "--image_size=32"]
    paper = vars(cli.parse_run([*base, *remarks.VARIANTS["paper"]]))
    changed = [
        {name for name, value in vars(cli.parse_run([*base, *flags])).items()
         if value != paper[name]}
        for flags in remarks.VARIANTS.values()
    ]  # fmt: skip
    assert changed == [
        set(), {"batch_norm"}, {"batch_norm"}, {"disc_pooling"}, {"adam"}, {"adam"},
    ]  # fmt: skip


@pytest.mark.slow
def test_the_result_has_numbers_for_each_variant_and_a_row_in_the_picture(
    in_process, tmp_path, run_command, monkeypatch
):
    monkeypatch.setattr(remarks, "CHECK_EVERY_STEPS", 2)
    monkeypatch.setattr(remarks, "NUM_REAL", 20)
    two = {name: remarks.VARIANTS[name] for name in ("paper", "b1 0.9")}
    monkeypatch.setattr(remarks, "VARIANTS", two)
    rng = np.random.default_rng(0)
    source = tmp_path / "pictures"
    source.mkdir()
    for index in range(70):
        picture = rng.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(picture).save(source / f"{index}.png")
    ended = run_command(
        remarks.main, f"--source={source}", f"--runs={tmp_path}", "--num_steps=8",
        f"--data_dir={tmp_path}", "--num_seeds=1", "--width_multiplier=0.03125",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    found = json.loads((in_process / "remarks.json").read_text())["numbers"]
    assert list(found["variants"]) == list(remarks.VARIANTS)
    for numbers in found["variants"].values():
        assert numbers["median"]["oscillation"] > 0
        assert numbers["median"]["distance"] > 1  # than real images
    with Image.open(in_process / "remarks.png") as picture:
        assert picture.height == len(remarks.VARIANTS) * (32 + 4)


def test_too_few_steps_to_see_a_change_are_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        remarks.main(["--source=x", "--num_steps=100"])
    assert stop.value.code == 2
    assert "--num_steps must be at least 200" in capsys.readouterr().err


def test_too_few_pictures_to_compare_with_are_refused():
    class Store:
        path = "store"

        def __len__(self):
            return 150

    with pytest.raises(errors.InputError, match=r"store holds 150 .* at least 200"):
        remarks.Judge(Store())
