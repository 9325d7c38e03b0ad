"""The list of the papers' parts, and the small runs of its scripts."""

import json

import pytest
from experiments.paper.fast_steps import Step
from experiments.readme import rows, tables

from experiments.paper import all as everything, fast_steps


def test_the_list_has_every_part_with_the_papers_number_and_ours(run_command):
    ended = run_command(everything.main, "--list")
    assert ended.code == 0
    for part in rows.PARTS:
        assert f"\n{part.what}\n" in f"\n{ended.out}"
        assert part.paper == "picture" or part.paper in ended.out
        shown = tables.show_part(part)
        assert shown.ours.removesuffix(" †") in ended.out
        assert shown.ours or f"needs {part.needs}" in ended.out


def test_what_is_missing_narrower_or_whole_is_told_from_the_result_file(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    part = rows.Part(
        "Table 9", "table3_mnist_nearest", "MNIST", "GPU", "7 min", "3 %", "x",
        "dcgan/50", " %",
    )  # fmt: skip

    def tell():
        return everything.tell(part, tables.show_part(part))

    assert tell() == "missing, not run: needs MNIST, and hours on a GPU; the paper: 3 %"
    numbers = {"dcgan": {"50": 4.25}}
    content = {"numbers": numbers, "machine": {"cores": 2}}
    (tmp_path / "x.json").write_text(json.dumps(content))
    assert tell() == "there: 4.25 %, on 2 CPU cores, 7 min; the paper: 3 %"
    numbers["runs"] = {"dcgan": {"epochs": 50.0, "width_multiplier": 0.5}}
    content["machine"]["gpu"] = "NVIDIA H100 80GB HBM3"
    (tmp_path / "x.json").write_text(json.dumps(content))
    assert tell() == (
        "there: 4.25 % († width 0.5, 50 epochs), on H100, 7 min; the paper: 3 %"
    )


def test_every_script_of_a_part_is_there_and_is_run_small(tmp_path):
    run = {step.command[0] for step in fast_steps.list_steps(tmp_path)}
    scripts = {
        everything.find_script(part.script) for part in rows.PARTS if part.script
    }
    assert scripts <= run


def test_every_script_that_makes_a_figure_or_table_is_run_small(tmp_path):
    run = {step.command[0] for step in fast_steps.list_steps(tmp_path)}
    with_main = {
        f"experiments/{folder}/{path.name}"
        for folder in ("paper", "rivals")
        for path in (tables.ROOT / "experiments" / folder).glob("*.py")
        if "__main__" in path.read_text()
    }
    left_out = {f"experiments/paper/{name}.py" for name in fast_steps.LEFT_OUT}
    assert with_main - left_out - {"experiments/paper/all.py"} <= run


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A step that succeeds, one that ends badly, and one that leaves nothing."""
    say = "import os, pathlib; pathlib.Path(os.environ['EXPERIMENT_RESULTS'], 'a')"
    made = [
        Step("good", ("-c", f"{say}.touch()"), ("results/a",)),
        Step("bad", ("-c", "raise SystemExit('why')"), ()),
        Step("idle", ("-c", "pass"), ("results/b",)),
    ]
    monkeypatch.setattr(fast_steps, "list_steps", lambda folder: made)
    monkeypatch.setattr(
        fast_steps,
        "make_data",
        lambda folder: (folder / "results").mkdir(exist_ok=True),
    )


def test_a_script_that_fails_or_leaves_nothing_is_told_after_all_have_run(
    steps, tmp_path, run_command
):
    flags = ["--fast", f"--folder={tmp_path}"]
    ended = run_command(everything.main, *flags)
    assert ended.code == 1
    assert "why" in ended.err
    assert "bad failed: code 1" in ended.err
    assert "idle failed: it left no results/b" in ended.err
    assert "2 failed of 3" in ended.out
    again = run_command(everything.main, *flags, "--only", "good")
    assert (again.code, "good: done before" in again.out) == (0, True)


def test_a_step_that_there_is_not_is_refused(steps, tmp_path, one_error):
    told = one_error(
        everything.main, "--fast", f"--folder={tmp_path}", "--only", "gold"
    )
    assert "no step is called 'gold'; known: good, bad, idle" in told
