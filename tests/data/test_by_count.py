"""What follows from the number of a user's own pictures, by docs/recipes.md."""

import dataclasses

import pytest

from dcgan_jax import cli, presets, settings
from dcgan_jax.data import by_count
from dcgan_jax.system import errors

ALL = "batch_size,num_epochs,diffaugment"
CHANGES = "color,translation,cutout"


def follow(num_rows, *, config=presets.FOLDER, num_devices=1, recorded=None):
    return by_count.follow_count(
        config, num_rows, num_devices=num_devices, recorded=recorded
    )


@pytest.mark.parametrize(
    ("num_rows", "batch_size", "num_epochs", "diffaugment"),
    [
        # 500,000 pictures in all are 5,000 epochs of 100, which are too many.
        (100, 16, 2000, CHANGES),
        (300, 16, 1667, CHANGES),
        (511, 16, 979, CHANGES),  # 32 × 16 are 512
        (512, 32, 977, CHANGES),
        (2048, 128, 245, CHANGES),
        (4999, 128, 101, CHANGES),
        (5000, 128, 100, "none"),
        (20_000, 128, 25, "none"),
        (1_000_000, 128, 25, "none"),
    ],
)
def test_the_recipes_of_own_pictures_follow_their_number(
    num_rows, batch_size, num_epochs, diffaugment
):
    for recipe in (presets.FOLDER, presets.ARRAYS):
        config, line = follow(num_rows, config=recipe)
        assert config == dataclasses.replace(
            recipe, batch_size=batch_size, num_epochs=num_epochs,
            diffaugment=diffaugment, by_count=ALL,
        )  # fmt: skip
        assert line == (
            f"pictures  {num_rows:,}, and therefore --batch_size={batch_size}"
            f" --num_epochs={num_epochs} --diffaugment={diffaugment}"
        )


@pytest.mark.parametrize(("num_devices", "expected"), [(3, 15), (8, 16), (32, 32)])
def test_the_devices_share_a_minibatch_equally(num_devices, expected):
    assert follow(300, num_devices=num_devices).config.batch_size == expected


@pytest.mark.parametrize("dataset", ["digits", "mnist", "celeb_a", "tfds:x"])
def test_other_recipes_follow_no_number(dataset):
    config = presets.find(dataset, None, image_size=None)
    assert follow(300, config=config) == (config, None)


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ([], ALL),
        (["--batch_size=128"], "num_epochs,diffaugment"),  # the recipe's own number
        (["--batch-size", "8", "--diffaugment=none"], "num_epochs"),
        (["--num_steps=10"], "batch_size,diffaugment"),
        (["--num_epochs=3"], "batch_size,diffaugment"),
        (["--by_count=none"], "none"),
        (["--by_count=diffaugment"], "diffaugment"),
        (["--num_epochs=3", "--batch_size=9", "--diffaugment=color"], "none"),
    ],
)
def test_a_flag_that_is_given_wins(flags, left):
    config = cli.parse_run(["--dataset=folder", *flags])
    assert config.by_count == left
    followed = follow(300, config=config).config
    for name in ("batch_size", "num_epochs", "diffaugment"):
        expected = getattr(follow(300).config if name in left else config, name)
        assert getattr(followed, name) == expected, name


def test_keywords_of_the_library_win_as_flags_do():
    config, _ = settings.make_train_config("folder", None, {"batch_size": 128})
    assert config.by_count == "num_epochs,diffaugment"


def test_networks_that_know_no_changes_get_none():
    config = cli.parse_run(
        ["--dataset=folder", "--architecture=mlp_gan", "--channels=1"]
    )
    followed = follow(300, config=config).config
    assert (followed.by_count, followed.diffaugment) == (
        "batch_size,num_epochs",
        "none",
    )


def test_a_run_that_goes_on_keeps_what_followed():
    recorded = {"by_count": ALL, "batch_size": 48, "diffaugment": "color"}
    config = follow(300, recorded=recorded).config
    assert (config.batch_size, config.diffaugment) == (48, "color")
    assert config.num_epochs == 1667


def test_in_a_run_that_goes_on_nothing_follows_that_did_not_before():
    before = {"by_count": "none", "batch_size": 128, "diffaugment": "none"}
    config, line = follow(300, recorded=before)
    assert config == dataclasses.replace(presets.FOLDER, by_count="none")
    assert line is None


def test_a_setting_that_follows_from_no_number_is_refused():
    with pytest.raises(errors.InputError, match="'seed' does not follow from"):
        cli.parse_run(["--dataset=folder", "--by_count=seed"])
