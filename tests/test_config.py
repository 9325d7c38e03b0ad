import dataclasses
import json
from pathlib import Path

import pytest

from dcgan_jax import architectures, config as configs, presets
from dcgan_jax.config import DataConfig
from dcgan_jax.system import errors

NAN, INFINITY = float("nan"), float("inf")


ALL = {**presets.PRESETS, **presets.RECIPES}


@pytest.mark.parametrize("name", ALL)
def test_every_preset_passes_the_check(name):
    configs.check(ALL[name])


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
        ("adam.d_learning_rate", [-1.0, NAN, INFINITY]),
        ("r1_gamma", [-1.0, NAN, INFINITY]),
        ("r2_gamma", [-1.0, NAN, INFINITY]),
        ("penalty_every", [0, -1]),
        ("packing", [0, 9]),
        ("ema_decay", [-0.1, 1.0, NAN]),
        ("held_out", [-1]),
        ("num_classes", [0]),
        ("sgd.learning_rate", [-1.0, NAN, INFINITY]),
        ("sgd.decay_factor", [0.9, NAN]),
        ("sgd.min_learning_rate", [-1.0, NAN]),
        ("sgd.momentum", [-0.1, 1.0, NAN]),
        ("sgd.final_momentum", [-0.1, 1.0, NAN]),
        ("sgd.momentum_epochs", [0, -1]),
        ("sgd.disc_gradient_scale", [0.0, NAN]),
        ("sgd.max_column_norm", [0.0, -1.0, NAN]),
    ],
)
def test_a_number_that_no_run_can_have_is_refused_by_its_name(name, values):
    for value in values:
        with pytest.raises(errors.InputError, match=f"--{name}={value}"):
            configs.check(replace(name, value))


def replace(name, value):
    """Change a setting of a recipe that has it."""
    config = presets.GOODFELLOW_MNIST if name.startswith("sgd.") else presets.DIGITS
    part, _, inner = name.rpartition(".")
    if part:
        value = dataclasses.replace(getattr(config, part), **{inner: value})
    return dataclasses.replace(config, **{part or inner: value})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"adam": None}, "neither"),
        ({"sgd": presets.GOODFELLOW_MNIST.sgd}, "both"),
    ],
)
def test_a_run_has_one_optimiser(changes, told):
    config = dataclasses.replace(presets.DIGITS, **changes)
    with pytest.raises(errors.InputError, match=f"adam or sgd; .* {told}"):
        configs.check(config)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"packing": 3}, "--batch_size=64 is no multiple of --packing=3"),
        ({"packing": 2, "conditional": True}, "--packing=2 with --conditional"),
    ],
)
def test_minibatches_hold_whole_packs_of_images_without_labels(changes, told):
    with pytest.raises(errors.InputError, match=told):
        configs.check(dataclasses.replace(presets.DIGITS, **changes))


def test_the_convolutional_2014_pair_is_for_32_pixels():
    config = dataclasses.replace(presets.GOODFELLOW_CIFAR10_CONV, image_size=64)
    with pytest.raises(errors.InputError, match=r"--image_size=64.* 32 pixels"):
        configs.check(config)


@pytest.mark.parametrize(
    ("recipe", "changes", "told"),
    [
        ("goodfellow_mnist", {"bn_affine": False}, "--no_bn_affine; .*=goodfellow_mn"),
        ("goodfellow_cifar10_conv", {"bn_affine": False}, "small, .*mlp_gan"),
        ("goodfellow_faces", {"batch_norm": "all"}, "--batch_norm=all; .*goodfellow_"),
        ("mnist_conditional", {"batch_norm": "all"}, "=conditional_mnist have no such"),
        ("mnist_mlp", {"batch_norm": "not_in_generator"}, "=mlp_gan have no such"),
        ("mnist_mlp", {"spectral_norm": True}, "--spectral_norm; .*=mlp_gan have no"),
        (
            "goodfellow_mnist",
            {"r1_gamma": 10.0},
            "--r1_gamma=10.0; .*=goodfellow_mnist",
        ),
        ("mnist_conditional", {"diffaugment": "cutout"}, "--diffaugment=cutout; "),
        ("mnist_mlp", {"disc_pooling": "global_average"}, "small, dcgan64, .*svhn32"),
    ],
)
def test_a_choice_that_the_networks_do_not_have_is_refused(recipe, changes, told):
    config = dataclasses.replace(ALL[recipe], **changes)
    with pytest.raises(errors.InputError, match=told):
        configs.check(config)


@pytest.mark.parametrize("architecture", architectures.PLAIN)
def test_every_plain_dcgan_has_all_choices(architecture):
    config = dataclasses.replace(
        presets.LSUN_BEDROOM,
        architecture=architecture,
        bn_affine=False,
        batch_norm="all",
        disc_pooling="global_average",
        spectral_norm=True,
        r1_gamma=10.0,
        diffaugment="color,translation",
    )
    configs.check(config)


@pytest.mark.parametrize("name", ALL)
def test_a_config_survives_json(name):
    config = dataclasses.replace(
        ALL[name], source=Path("a/b"), workdir=Path("c"), num_steps=7
    )
    text = json.dumps(configs.to_json(config))
    assert configs.train_config_from_json(json.loads(text)) == config


def test_a_config_from_before_there_was_a_setting_means_what_it_did():
    values = configs.to_json(presets.SVHN)
    added = (
        "num_classes",
        "bn_affine",
        "held_out",
        "sgd",
        "batch_norm",
        "disc_pooling",
        "spectral_norm",
        "r1_gamma",
        "r2_gamma",
        "penalty_every",
        "packing",
        "diffaugment",
        "ema_decay",
    )
    for name in added:
        del values[name]
    del values["adam"]["d_learning_rate"]
    assert configs.train_config_from_json(values) == presets.SVHN


def test_an_unknown_setting_is_not_passed_over():
    values = {**configs.to_json(presets.SVHN), "from_the_future": 1}
    with pytest.raises(ValueError, match="unknown field 'from_the_future"):
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
    bound = {
        "seed", "architecture", "batch_size", "loss", "adam", "precision", "sgd",
        "num_classes", "bn_affine", "held_out", "batch_norm", "disc_pooling",
        "spectral_norm", "r1_gamma", "r2_gamma", "penalty_every", "packing",
        "diffaugment", "ema_decay",
    }  # fmt: skip
    assert not bound & configs.OPERATIONAL_FIELDS
