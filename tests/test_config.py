import dataclasses
import json
from pathlib import Path

import pytest

from dcgan_jax import config as configs, errors, presets
from dcgan_jax.config import DataConfig

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_passes_the_check(name):
    configs.check(presets.PRESETS[name])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("width_multiplier", [0.0, -1.0, NAN, INFINITY]),
        ("latent_size", [0, -1]),
        ("num_d_steps", [0, -1]),
        ("batch_size", [0, -1]),
        ("num_epochs", [0.0, -1.0, NAN, INFINITY]),
        ("num_steps", [0, -1]),
        ("log_every_steps", [0, -1]),
        ("sample_every_steps", [0, -1]),
        ("checkpoint_every_steps", [0, -1]),
        ("keep_newest", [0, -1]),
        ("keep_every_steps", [0, -1]),
        ("adam.learning_rate", [-1.0, NAN, INFINITY]),
        ("adam.b1", [-0.1, 1.0, NAN]),
        ("adam.b2", [-0.1, 1.0, NAN]),
        ("adam.epsilon", [-1.0, NAN]),
        ("adam.l2", [-1.0, NAN, INFINITY]),
        ("adam.decay_fraction", [-0.1, 1.1, NAN]),
    ],
)
def test_a_number_that_no_run_can_have_is_refused_by_its_name(name, values):
    for value in values:
        with pytest.raises(errors.InputError, match=f"--{name}={value}"):
            configs.check(replace(presets.DIGITS, name, value))


def replace(config, name, value):
    if name.startswith("adam."):
        inner = {name.removeprefix("adam."): value}
        return dataclasses.replace(
            config, adam=dataclasses.replace(config.adam, **inner)
        )
    return dataclasses.replace(config, **{name: value})


def test_a_config_survives_json():
    config = dataclasses.replace(
        presets.SVHN, source=Path("a/b"), workdir=Path("c"), num_steps=7
    )
    text = json.dumps(configs.to_json(config))
    assert configs.train_config_from_json(json.loads(text)) == config


def test_an_unknown_setting_is_not_passed_over():
    values = {**configs.to_json(presets.SVHN), "from_the_future": 1}
    with pytest.raises(TypeError, match="from_the_future"):
        configs.train_config_from_json(values)


def test_the_data_part_describes_the_store_alone():
    config = dataclasses.replace(presets.SVHN, source=Path("x"), batch_size=3)
    part = configs.data_config(config)
    assert type(part) is DataConfig
    assert dataclasses.asdict(part) == {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(DataConfig)
    }


def test_what_may_change_freely_names_real_settings():
    names = {field.name for field in dataclasses.fields(presets.SVHN)}
    assert names >= configs.OPERATIONAL_FIELDS


def test_nothing_that_a_run_learns_by_may_change_freely():
    bound = {"seed", "architecture", "batch_size", "loss", "adam", "precision"}
    assert not bound & configs.OPERATIONAL_FIELDS
