"""The page of figures, with the commands that make its parts replaced."""

import shutil
from pathlib import Path

import pytest

from dcgan_jax.visualize import __main__ as visualize
from experiments.paper import paper_figures, paper_parts


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run.workdir, tmp_path / "run")


@pytest.fixture
def calls(run, monkeypatch):
    """Commands that the page has called: they write a picture, but for the walk."""
    called = []

    def call(command):
        called.append(command)
        if "walk" in command:
            return 2, "error: no <walk> here"
        out = [word for word in command if word.startswith("--out=")]
        path = Path(out[0].removeprefix("--out=")) if out else run / MEMORISATION
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a picture")
        return 0, f"numbers of {command[1]}"

    monkeypatch.setattr(paper_figures, "_call", call)
    return called


MEMORISATION = Path("evaluation", "nearest_training_images.png")


def make_page(run, run_command, *flags):
    ended = run_command(paper_figures.main, run, *flags)
    assert ended.code == 0
    return ended, (run / "figures/step_00000020/figures.html").read_text()


def test_the_page_holds_what_can_be_made_and_names_the_rest(run, calls, run_command):
    ended, page = make_page(run, run_command)
    titles = [part.title for part in paper_parts.PARTS]
    assert "6 figures in " in ended.out
    assert page.count("<img ") == 6
    assert page.count("<h2>") == len(titles) == 9
    missing = ended.out.split("why: ")[1].strip()
    assert missing == ", ".join(
        part.title
        for part in paper_parts.PARTS
        if part.name in ("walk", "arithmetic", "forget")
    )
    assert "Missing: error: no &lt;walk&gt; here" in page
    assert "give --picks=FILE to paper_figures.py" in page
    assert "numbers of film" in page
    assert "d_loss" in page  # the log's last row


def test_all_commands_are_of_one_checkpoint(run, calls, run_command):
    make_page(run, run_command, "--step=20", "--data_dir=some where")
    of_all = {"film", "collapse"}  # of all steps
    for command in calls:
        assert str(run) in command
        assert ("--step=20" in command) == (command[1] not in of_all)
        takes_data = command[1] in ("filters", "collapse") or "evaluate" in command[0]
        assert ("--data_dir=some where" in command) == takes_data


def test_a_second_call_makes_only_what_is_missing(run, calls, run_command):
    make_page(run, run_command)
    del calls[:]
    picks = run / "picks.json"
    for content, made in (("{}", 1), ("{}", 0), ("{ }", 1)):
        picks.write_text(content)
        make_page(run, run_command, f"--picks={picks}")
        assert len([command for command in calls if "arithmetic" in command]) == made
        assert {command[1] for command in calls} <= {"walk", "arithmetic"}
        del calls[:]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--out=page.txt"], "must end in .html"),
        (["--picks=nowhere.json"], "nowhere.json is not there"),
        (["--step=7"], "no checkpoint of step 7"),
    ],
)
def test_bad_flags_are_told(flags, told, run, one_error):
    assert told in one_error(paper_figures.main, run, *flags)


def test_a_folder_that_is_no_run_is_told(tmp_path, one_error):
    assert "holds no run" in one_error(paper_figures.main, tmp_path)


def test_a_command_that_fails_gives_its_last_line(tmp_path):
    code, text = paper_figures._call(["dcgan_jax.visualize", "film", str(tmp_path)])
    assert code == 2
    assert text.startswith("error: ")
    assert "holds no run" in text
    code, text = paper_figures._call(["dcgan_jax.visualize", "--help"])
    assert code == 0
    assert all(name in text for name in visualize.COMMANDS)
