import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dcgan_jax
from dcgan_jax import __main__ as dcgan
from dcgan_jax.config import ClusterConfig, TrainConfig
from dcgan_jax.latent import __main__ as latent
from dcgan_jax.latent.walk import WalkConfig
from dcgan_jax.prepare.config import FacesConfig, PrepareConfig
from dcgan_jax.sample.__main__ import SampleConfig
from dcgan_jax.system import errors
from dcgan_jax.visualize import __main__ as visualize


@pytest.mark.parametrize("asked", [[], ["--help"], ["-h"]])
@pytest.mark.parametrize(
    ("argv", "commands"),
    [
        ([], dcgan.COMMANDS),
        (["latent"], latent.COMMANDS),
        (["visualize"], visualize.COMMANDS),
    ],
)
def test_alone_it_lists_its_commands_a_line_each(argv, commands, asked, capsys):
    assert dcgan.main([*argv, *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(commands)
    for line in lines:
        assert line.endswith(".")
        assert len(line) < 80


def test_every_room_with_a_command_is_listed():
    rooms = {
        path.parent.name for path in Path(dcgan.__file__).parent.glob("*/__main__.py")
    }
    assert set(dcgan.COMMANDS) == rooms


def test_it_tells_its_version(capsys):
    assert dcgan.main(["--version"]) == 0
    assert capsys.readouterr().out == f"dcgan {dcgan_jax.__version__}\n"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'? Known: train, "),
        (["latent", "wlak"], "unknown command 'wlak'; did you mean 'walk'? Known: "),
        (["--versoin"], "unknown command '--versoin'"),
        (["sample", "nowhere"], "nowhere"),
        (["sample", "nowhere", "--batchstats"], "did you mean --batch_stats?"),
    ],
)
def test_what_it_cannot_do_is_one_line_and_exit_code_2(argv, told, one_error):
    assert told in one_error(dcgan.main, *argv)


def test_the_console_script_is_this_module():
    file = Path(__file__).parents[1] / "pyproject.toml"
    scripts = tomllib.loads(file.read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"dcgan": "dcgan_jax.__main__:run"}
    ended = subprocess.run(
        [sys.executable, "-c", "from dcgan_jax.__main__ import run; run()", "trian"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: unknown command 'trian'")


@pytest.mark.parametrize(
    "program", ["dcgan ", "python -m dcgan_jax ", "python -m dcgan_jax."]
)
@pytest.mark.parametrize(
    ("line", "config_type"),
    [
        ("sample 'runs/a b' --num=4", SampleConfig),
        ("latent walk runs/x --points 3", WalkConfig),
        ("prepare --dataset=digits --labelled", PrepareConfig),
        ("prepare --faces --source=photos", FacesConfig),
    ],
)
def test_a_command_line_is_read_and_not_run(program, line, config_type):
    found = dcgan.parse_command_line(program + line)
    assert type(found) is config_type


def test_the_values_of_a_command_line_are_those_of_its_words():
    found = dcgan.parse_command_line("python -m dcgan_jax.sample 'runs/a b' --num=4")
    assert found == SampleConfig("runs/a b", num=4)
    config, cluster = dcgan.parse_command_line(
        "dcgan train --dataset=digits --width_multiplier=0.25 --num_processes=2"
    )
    assert isinstance(config, TrainConfig)
    assert config.width_multiplier == 0.25
    assert cluster == ClusterConfig(num_processes=2)


@pytest.mark.parametrize(
    "line",
    ["dcgan", "dcgan --help", "dcgan latent", "dcgan train --help", "dcgan --version"],
)
def test_a_line_that_asks_for_help_has_no_settings(line):
    assert dcgan.parse_command_line(line) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dcgan sample runs/x --batchstats", "did you mean --batch_stats?"),
        ("dcgan sample", "RUN"),
        ("python -m dcgan_jax.sampel runs/x", "did you mean 'sample'?"),
        ("dcgan latent wlak runs/x", "did you mean 'walk'?"),
        ("python -m other.train --dataset=digits", "does not begin with dcgan"),
        ("python -m", "does not begin with dcgan"),
        ("dcgan_jax.train", "does not begin with dcgan"),
    ],
)
def test_a_line_with_a_dead_word_is_refused(line, told):
    with pytest.raises(errors.InputError, match=told.replace("?", r"\?")):
        dcgan.parse_command_line(line)
