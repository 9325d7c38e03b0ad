import dataclasses
import sys
import typing
from pathlib import Path

import pytest

from dcgan_jax import cli, presets
from dcgan_jax.config import AdamConfig, DataConfig, SgdConfig, TrainConfig
from dcgan_jax.data import ready
from dcgan_jax.evaluate import __main__ as evaluate
from dcgan_jax.export import __main__ as export
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.system import errors
from dcgan_jax.train import __main__ as train


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (
            ["--dataset=lsun_bedrom"],
            "unknown dataset 'lsun_bedrom'; did you mean 'lsun_be",
        ),
        (["--dataset", "zzz"], "unknown dataset 'zzz'. Known: arrays, celeb_a"),
        (["--dataset="], "unknown dataset ''"),
        (["--dataset=tfds:"], "unknown dataset 'tfds:'; did you mean 'tfds:NAME'?"),
        (["--preset=cifar"], "unknown preset 'cifar'; did you mean 'cifar10'?"),
        (["--batchsize=3"], "did you mean --batch_size?"),
        (["--adam.learning_rat=3"], "did you mean --adam.learning_rate?"),
        (
            ["--batch_size=many"],
            "'many' is no value of --batch_size; expected INT (",
        ),
        (["--batch_size"], "no value is given; expected --batch_size=INT ("),
        (["--loss=hing"], "--loss; did you mean hinge? Expected non_saturating|mini"),
        (["--image_size=33"], "'33' is no value of --image_size"),
        (["--precision=float16"], "'float16' is no value of --precision"),
        (["stray"], "nothing is expected here: stray ("),
        (["--seeed=3"], "unknown flag --seeed=3; did you mean --seed? ("),
        (["--foo"], "unknown flag --foo ("),
        (["--dedup=True"], "--dedup takes no value, but got 'True'; write --dedup or"),
        (["--dedup", "False"], "--dedup takes no value, but got 'False'"),
        (["--no-dedup=1", "--x"], "--dedup takes no value, but got '1'"),
        (["--batch_size=many"], "train --help lists all flags"),
        (["--batch_size=0"], "--batch_size=0; it must be at least"),
        (["--adam.b1=1"], "--adam.b1=1"),
        (["--preset=goodfellow_mnist", "--adam.b1=0.5"], "--adam.b1=0.5"),
        (["--sgd.momentum=0.5"], "--sgd.momentum=0.5"),
        (["--preset=goodfellow_mnst"], "did you mean 'goodfellow_mnist'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_read_is_one_line_and_exit_code_2(argv, told, one_error):
    message = one_error(train.main, *argv)
    assert message.startswith("error: ")
    assert told in message


@pytest.mark.parametrize(
    ("main", "argv", "told"),
    [
        (sample.main, ["r", "--wieghts_dir=x"], "did you mean --weights_dir?"),
        (sample.main, [], "missing: RUN ("),
        (sample.main, ["--num=3", "--batch_stats"], "missing: RUN ("),
        (evaluate.main, [], "missing: RUN, --metric ("),
        (
            evaluate.main,
            ["r", "--metric=fid", "--sigmas", "a"],
            "'a' is no value of --s",
        ),
        (sample.main, ["r", "--ema=yes"], "write --ema or --no_ema"),
        (sample.main, ["r", "--num=0"], "--num=0; it must be at least 1"),
        (sample.main, ["r", "--num=1", "--batch_stats"], "at least 2"),
        (sample.main, ["r", "--out=x.bmp"], "'.bmp'"),
        (sample.main, ["no_such_run"], "no_such_run"),
        (export.main, ["no_such_run"], "no_such_run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_other_commands_refuse_in_one_line_too(main, argv, told, one_error):
    assert told in one_error(main, *argv)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_data_set_alone_is_a_whole_recipe(name):
    assert cli.parse_run([f"--dataset={name}"]) == presets.PRESETS[name]


def test_without_flags_it_is_the_digits():
    assert cli.parse_run([]) == presets.DIGITS


def test_a_preset_is_applied_to_another_data_set():
    config = cli.parse_run(["--dataset=mnist", "--preset=svhn"])
    expected = dataclasses.replace(presets.SVHN, dataset="mnist", preset="svhn")
    assert config == expected


@pytest.mark.parametrize(
    ("argv", "architecture"),
    [
        (["--dataset=folder", "--image_size=32"], "small"),
        (["--dataset=arrays", "--image_size", "28"], "small"),
        (["--dataset=tfds:beans", "--image-size=32"], "small"),
        (["--dataset=folder"], "dcgan64"),
        (["--dataset=folder", "--image_size=96"], "dcgan64"),
        (["--dataset=folder", "--image_size=32", "--architecture=dcgan64"], "dcgan64"),
        (["--dataset=cifar10", "--image_size=32"], "imagenet32"),
    ],
    ids=" ".join,
)
def test_a_user_s_own_small_images_take_the_small_net(argv, architecture):
    assert cli.parse_run(argv).architecture == architecture


@pytest.mark.parametrize("name", presets.RECIPES)
def test_a_recipe_alone_brings_its_data_along(name):
    assert cli.parse_run([f"--preset={name}"]) == presets.RECIPES[name]


def test_a_data_set_s_own_recipe_is_a_preset_too():
    expected = dataclasses.replace(presets.SVHN, preset="svhn")
    assert cli.parse_run(["--preset=svhn"]) == expected


def test_a_recipe_is_applied_to_other_data():
    config = cli.parse_run(["--dataset=fashion_mnist", "--preset=mnist_conditional"])
    expected = dataclasses.replace(presets.MNIST_CONDITIONAL, dataset="fashion_mnist")
    assert config == expected


CHANGES = {
    "dataset": "mnist",
    "preset": "svhn",
    "source": Path("x"),
    "data_dir": Path("x"),
    "workdir": Path("x"),
    "split": "test",
    "sgd.decay_factor": 1.5,
    "ema_decay": 0.5,
    "value_range": "0,4095",
    "class_names": '["a", "b"]',
    "by_count": "diffaugment",
    "init_from": "runs/other",
    "init_digest": "0" * 64,
    "packing": 4,
    "follow_metric": "fid",
    "follow_extractor": "random:digits",
    "follow_inception_weights": Path("inception.pth"),
}


def fields_of(config, prefix=""):
    """Yield (name with dots, type, value) of every setting."""
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from fields_of(value, f"{field.name}.")
        else:
            yield prefix + field.name, hints[field.name], value


def another(name, hint, value):
    """Return a value of a setting that differs from this one."""
    if name in CHANGES:
        return CHANGES[name]
    if typing.get_origin(hint) is typing.Literal:
        return next(choice for choice in typing.get_args(hint) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value / 2 + 0.125
    return 1 if value is None else value + 1


SETTINGS = [
    (recipe, *setting)
    for recipe, config in (
        ("--dataset=lsun_bedroom", presets.LSUN_BEDROOM),
        ("--preset=goodfellow_mnist", presets.GOODFELLOW_MNIST),
    )
    for setting in fields_of(config)
    if recipe.startswith("--dataset") or setting[0].startswith("sgd.")
    if setting[0] != "sgd"  # None: its flags are another recipe's
]


@pytest.mark.parametrize(
    ("recipe", "name", "hint", "value"), SETTINGS, ids=[s[1] for s in SETTINGS]
)
def test_every_setting_is_a_flag_that_changes_it_alone(recipe, name, hint, value):
    changed = another(name, hint, value)
    if isinstance(changed, bool):
        flag = [f"--{name}" if changed else f"--no_{name}"]
    else:
        flag = [f"--{name}={changed}"]
    recipe = [] if name == "dataset" else [recipe]
    found = {n: v for n, _, v in fields_of(cli.parse_run([*recipe, *flag]))}
    before = {n: v for n, _, v in fields_of(cli.parse_run(recipe))}
    assert found[name] == changed
    if name not in ("dataset", "preset"):  # these bring a recipe along
        assert {n for n in found if found[n] != before[n]} == {name}


def test_the_settings_under_test_are_all():
    optimizers = {"adam": AdamConfig, "sgd": SgdConfig}
    names = {field.name for field in dataclasses.fields(TrainConfig)} - set(optimizers)
    names |= {
        f"{part}.{field.name}"
        for part, config_type in optimizers.items()
        for field in dataclasses.fields(config_type)
    }
    assert {name for _, name, _, _ in SETTINGS} == names


@pytest.mark.parametrize(
    ("config", "needs_labels"),
    [
        (presets.MNIST_CONDITIONAL, True),
        (presets.MNIST_MLP, True),
        (presets.SVHN, False),
    ],
)
def test_a_conditional_run_has_its_data_prepared_with_labels(config, needs_labels):
    assert ("--labelled" in ready.data_flags(config)) == needs_labels


def test_the_data_s_flags_are_read_back():
    config = dataclasses.replace(
        presets.DIGITS, source=Path("a b"), num_workers=3, image_size=28
    )
    flags = ready.data_flags(config)
    expected = {f.name: getattr(config, f.name) for f in dataclasses.fields(DataConfig)}
    assert dataclasses.asdict(cli.parse_data(DataConfig, flags)) == expected


def test_a_message_of_the_library_is_one_line(capsys, monkeypatch):
    def refuse(argv):
        raise errors.InputError("so it is")

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(SystemExit) as stop:
        cli.run_main(refuse)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: so it is\n"


def test_an_error_of_ours_keeps_its_traceback(monkeypatch):
    def fail(argv):
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(ZeroDivisionError):
        cli.run_main(fail)


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ("svhn", ("svhn32", "0.0005", "normal", "200")),
        ("lsun_bedroom", ("dcgan64", "0.0002", "uniform", "128")),
    ],
)
def test_help_shows_the_recipe_s_values(dataset, told, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.parse_run([f"--dataset={dataset}", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(value in text for value in told)


COMMANDS = {"walk": "dcgan_jax.sample.__main__", "film": "dcgan_jax.export.__main__"}


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_a_program_of_several_commands_lists_them(argv, capsys):
    assert cli.run_command(argv, COMMANDS) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("walk ")
    assert sample.__doc__.splitlines()[0] in first
    assert second.startswith("film ")


def test_an_unknown_command_is_one_line_with_the_nearest():
    with pytest.raises(errors.InputError, match=r"'wlak'; did you mean 'walk'\? Known"):
        cli.run_command(["wlak"], COMMANDS)


def test_a_command_gets_the_arguments_after_its_name(one_error):
    def main(argv):
        return cli.run_command(argv, COMMANDS)

    assert "nowhere" in one_error(main, ["walk", "nowhere"])
