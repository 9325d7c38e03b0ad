"""The form that starts a training: its fields become the flags of the command."""

import pytest

from dcgan_jax import cli
from dcgan_jax.explore.tabs import start
from dcgan_jax.system import errors

SMALL, OF_PRESET = "small (¼)", "the preset's"


def parse(source, *fields):
    return cli.parse_train(start.make_flags(source, *fields))[0]


def test_pictures_of_ones_own_take_the_recipe_of_the_folder(tmp_path):
    flags = start.make_flags(tmp_path, "folder", 64, SMALL, 2500)
    given = [f"--source={tmp_path}", "--image_size=64", "--width_multiplier=0.25"]
    assert {*given, "--dataset=folder", "--num_steps=2500"} < set(flags)
    assert not any("preset" in flag for flag in flags)


def test_a_preset_chooses_what_is_left_to_it(tmp_path):
    config = parse(tmp_path, "digits", 0, OF_PRESET, 7)
    assert (config.dataset, config.source) == ("folder", tmp_path)
    assert (config.preset, config.num_steps) == ("digits", 7)
    assert (config.image_size, config.width_multiplier) == (32, 0.5)
    assert parse(tmp_path, "digits", 48, SMALL, 7).image_size == 48


@pytest.mark.parametrize("preset", start._PRESETS)
def test_every_preset_of_the_list_is_one_of_the_command(preset, tmp_path):
    config = parse(tmp_path, preset, 0, OF_PRESET, 1)
    assert config.preset == (None if preset == "folder" else preset)


def test_what_the_command_refuses_is_refused(tmp_path):
    with pytest.raises(errors.InputError, match="for 32 pixels alone"):
        parse(tmp_path, "goodfellow_cifar10_conv", 64, SMALL, 1)
    with pytest.raises(errors.InputError, match="one of each list"):
        start.make_flags(tmp_path, "/etc/passwd", 64, SMALL, 1)


def test_pictures_come_from_one_place(tmp_path):
    with pytest.raises(errors.InputError, match="Folder: nothing was given"):
        start.find_source(" ", None, tmp_path / "run")
    with pytest.raises(errors.InputError, match="Folder: both were given"):
        start.find_source("photos", ["a.png"], tmp_path / "run")
