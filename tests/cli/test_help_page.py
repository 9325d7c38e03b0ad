import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest

from dcgan_jax import __main__ as dcgan, cli, config as configs
from dcgan_jax.cli import help_page
from dcgan_jax.config import TrainConfig
from dcgan_jax.prepare.__main__ import PrepareConfig

COMMANDS = [
    "train", "sample", "explore", "latent walk", "latent arithmetic", "latent forget",
    "latent invert",
    "visualize filters", "visualize film", "visualize collapse", "features",
    "evaluate", "export", "prepare", "prepare --faces",
]  # fmt: skip
HEAVY = (
    "jax", "flax", "optax", "orbax", "numpy", "tensorflow", "sklearn", "matplotlib",
    "lmdb", "PIL", "cv2", "gradio",
)  # fmt: skip
# What the three ways of calling a command put into argv[0], and what the page shows.
WAYS = {
    "/usr/bin/dcgan": "dcgan train",
    "/x/dcgan_jax/__main__.py": "python -m dcgan_jax train",
    "/x/dcgan_jax/train/__main__.py": "python -m dcgan_jax.train",
    "/x/dcgan_jax/latent/__main__.py": "python -m dcgan_jax.train",
    "/x/ipykernel/__main__.py": "dcgan train",
}


@pytest.fixture
def read_page(capsys, monkeypatch):
    """Return a command's page as lines."""

    def read(command, *flags, width=80, program="dcgan"):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", [program])
        with pytest.raises(SystemExit) as stop:
            dcgan.main([*command.split(), *flags, "--help"])
        assert stop.value.code == 0
        return capsys.readouterr().out.splitlines()

    return read


def flags_of(page):
    """Return {flag or argument: (title of its group, text)} of a page."""
    found, title, last = {}, "", ""
    for line in page[page.index("Examples") :]:
        if re.match(r"\S", line):
            title = line
        elif re.match(r"  \S", line) and title != "Examples":
            last = re.split(r"[=, ]", line.strip(), maxsplit=1)[0].removeprefix("--")
            assert last not in found
            found[last] = (title, "")
        elif line.startswith(" " * 6):
            found[last] = (title, f"{found[last][1]} {line.strip()}".strip())
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_opens_with_three_examples_that_the_command_can_read(command, read_page):
    page = read_page(command)
    assert page[0].startswith(f"usage: dcgan {command} ")
    begin = page.index("Examples") + 1
    examples = page[begin : page.index("", begin)]
    assert len(examples) == 3
    for example in examples:
        assert len(example) <= 80
        assert example.strip().startswith(f"dcgan {command.split()[0]}")
        assert dcgan.parse_command_line(example) is not None
    assert begin < 15


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_s_text_is_made_of_whole_sentences(command, read_page):
    for name, (_, text) in flags_of(read_page(command)).items():
        assert re.match(r"[A-Z0-9]", text) or text.startswith("`"), (name, text)
        assert text.endswith("."), (name, text)
        assert " " in text, (name, text)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_fits_the_terminal(command, width, read_page):
    page = read_page(command, width=width)
    begin = page.index("Examples")
    long = [
        line
        for line in page[page.index("", begin) :]
        if len(line) > width and " " in line.strip()
    ]
    assert long == []


def test_every_setting_of_a_run_is_shown_once_in_its_group(read_page):
    groups = {
        "Data": configs.DataConfig,
        "Network": configs.NetworkConfig,
        "Training": configs.TrainingConfig,
        "Output and resuming": configs.OutputConfig,
        "Following": configs.FollowConfig,
        "Beyond the paper": configs.BeyondPaperConfig,
        "Several machines": configs.ClusterConfig,
    }
    found = flags_of(read_page("train"))
    shown = {name: title.split(":")[0] for name, (title, _) in found.items()}
    expected = {
        field.name: title
        for title, group in groups.items()
        for field in dataclasses.fields(group)
        if field.name not in ("adam", "sgd")
    }
    adam = {
        f"adam.{field.name}": "Adam (Kingma & Ba 2014), and what comes before and "
        "after it"
        for field in dataclasses.fields(configs.AdamConfig)
    }
    assert shown == {**expected, **adam, "-h": "Help"}
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    assert names - {"adam", "sgd"} <= set(expected)


def test_a_recipe_with_another_optimizer_shows_that_one(read_page):
    found = flags_of(read_page("train", "--preset=goodfellow_mnist"))
    assert "sgd.momentum" in found
    assert "adam.b1" not in found


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "train"])
def test_every_field_of_a_command_is_on_its_page(command, read_page):
    line = next(
        line for line in read_page(command) if line.startswith(f"  dcgan {command}")
    )
    config = dcgan.parse_command_line(line)
    names = {field.name for field in dataclasses.fields(config)}
    shown = set(flags_of(read_page(command)))
    assert shown == {"RUN" if name == "run" else name for name in names} | {"-h"}


def test_a_command_s_own_flags_come_before_those_that_it_shares(read_page):
    page = read_page("sample")
    titles = [line.split(":")[0] for line in page[1:] if re.match(r"[A-Z]", line)]
    assert titles[1:] == ["Examples", "Arguments", "Flags", "Weights", "Help"]


@dataclasses.dataclass(frozen=True)
class Sample:
    """Do something.

    Examples:
        dcgan train --long=first
    """

    long: Literal["first", "second", "third", "fourth", "fifth", "sixth", "last of all"]
    """The long one."""
    commas: Literal["a", "a,b"] = "a"
    """The one with commas."""
    both: int | Literal["all"] | None = None
    """The one of two kinds."""
    several: tuple[float, ...] | None = None
    """The one of several numbers."""


def test_choices_are_in_the_name_while_they_are_short():
    page = help_page.format_page(Sample, None, command="train", program="dcgan train")
    assert flags_of(page.splitlines())["long"][1] == (
        "The long one. The choices are: first | second | third | fourth | fifth | sixth"
        " | last of all. This flag is required."
    )
    assert "  --long=CHOICE\n" in page
    assert "  --commas=CHOICE\n" in page
    assert "The choices are: a | a,b. The default is a." in page
    assert "  --both=INT|all\n" in page
    assert "  --several FLOAT …\n" in page


@pytest.mark.parametrize("way", WAYS)
def test_a_page_shows_how_the_command_was_called(way, read_page):
    page = read_page("train", program=way)
    assert page[0] == f"usage: {WAYS[way]} [FLAGS]"
    example = page[page.index("Examples") + 1]
    assert example == f"  {WAYS[way]} --dataset=digits"


def test_a_page_shows_the_recipe_s_values(read_page):
    found = flags_of(read_page("train", "--dataset=svhn"))
    assert found["batch_size"][1].endswith("The default is 64.")
    assert found["architecture"][1].endswith("The default is svhn32.")
    assert found["adam.learning_rate"][1].endswith("The default is 0.0005.")
    assert found["input_bias"][1].endswith("The default is --no_input_bias.")


def test_texts_are_read_from_bases_too():
    texts = help_page.list_texts(PrepareConfig)
    assert texts["split"] == "The part of the data set that is taken."
    assert texts["labelled"].startswith("Images without labels")


ASK_HELP = f"""
import sys
from dcgan_jax import __main__ as dcgan
try:
    dcgan.main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_no_heavy_library_and_is_fast(command):
    begin = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", ASK_HELP, *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.perf_counter() - begin < 10  # 0.3 s on an idle machine
    assert told.stdout.endswith("heavy: []\n")


def test_a_pipe_that_closes_early_ends_a_page_quietly():
    ended = subprocess.run(
        f"{sys.executable} -m dcgan_jax train --help | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "usage: python -m dcgan_jax train [FLAGS]\n"
    assert ended.stderr == ""


def test_a_terminal_without_greek_letters_shows_the_page_all_the_same():
    told = subprocess.run(
        [sys.executable, "-m", "dcgan_jax", "train", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b" of the penalty " in told.stdout


def test_a_room_s_own_module_is_the_same_command():
    told = subprocess.run(
        [sys.executable, "-m", "dcgan_jax.latent", "walk", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("usage: python -m dcgan_jax.latent walk RUN [FLAGS]")


def test_run_flags_stand_in_one_place():
    shared = {"step", "weights_dir", "run", "ema"}
    assert {field.name for field in dataclasses.fields(cli.RunFlags)} == shared
    declared = [
        path
        for path in Path(cli.__file__).parents[1].rglob("*.py")
        if re.search(r"^    weights_dir: [^,]*$", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert declared == [Path(cli.__file__)]
