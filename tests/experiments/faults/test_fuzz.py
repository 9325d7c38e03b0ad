"""Some hundred hostile files for each parser; reliability.py feeds ten thousand."""

import ast
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experiments.faults import fuzz, fuzz_own_files, mutations, trials

ROOT = Path(__file__).parents[3]
FEWER = {"checkpoints": 60, "run_files": 80, "resumed_files": 80, "manifests": 120}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", fuzz.list_parsers())
def test_a_parser_reads_hostile_files_or_refuses_them_in_a_line(
    name, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    parser = fuzz.list_parsers()[name](tmp_path / "seeds")
    place = tmp_path / "inputs" / "place"
    place.mkdir(parents=True)
    fuzz.check_valid(parser, place)

    @settings(
        max_examples=FEWER.get(name, 200),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def behaves(chance):
        assert fuzz.feed(parser, chance, place).problem is None

    behaves()


def feed(read, tmp_path, refusals=(ValueError,)):
    parser = fuzz.Parser(lambda chance: {"x": b"1"}, [], read, refusals)
    place = tmp_path / "inputs" / "place"
    place.mkdir(parents=True)
    return fuzz.feed(parser, random.Random(0), place)


def refuse(message, kind=ValueError):
    def read(given, work):
        raise kind(message)

    return read


def test_a_refusal_in_a_line_is_no_problem(tmp_path):
    assert feed(refuse("too long"), tmp_path) == (False, None)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (refuse("a\nb"), "printable line"),
        (refuse("\x1b[2J"), "printable line"),
        (refuse(""), "without a word"),
        (refuse("x" * 10_000), "10000 characters"),
        (refuse("x", KeyError), "KeyError"),
        (refuse("x", MemoryError), "MemoryError"),
        (lambda given, work: (given / "../../escaped").touch(), "changed files"),
        (lambda given, work: (given / "new").touch(), "changed files"),
        (lambda given, work: (given / "x").write_bytes(b"22"), "changed files"),
    ],
)
def test_what_no_parser_may_do_is_told(read, told, tmp_path):
    was_read, problem = feed(read, tmp_path)
    assert told in problem
    assert was_read == (told == "changed files")


def test_work_beside_the_input_is_allowed_and_removed(tmp_path):
    assert feed(lambda given, work: work.mkdir(), tmp_path) == (True, None)
    assert not (tmp_path / "inputs" / "place" / "work").exists()


@pytest.mark.slow
def test_a_parser_is_fed_in_processes_of_its_own(tmp_path):
    outcome = trials.Outcome(wanted=25)
    fuzz._feed_in_a_process("lmdb", random.Random(0), tmp_path, outcome)
    assert (outcome.tried, outcome.problems) == (25, [])
    assert sum(outcome.counts.values()) == 25


@pytest.mark.slow
def test_a_process_that_dies_is_a_loss(tmp_path):
    outcome = trials.Outcome(wanted=25)
    fuzz._feed_in_a_process("no such parser", random.Random(0), tmp_path, outcome)
    assert outcome.tried == 1
    assert "exit code 1 after 0 inputs" in outcome.problems[0]


def test_equal_chances_make_equal_files(tmp_path):
    parser = fuzz_own_files.boxes_and_picks(tmp_path)
    drawn = [[parser.draw(random.Random(seed)) for seed in range(20)] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_harmed_json_is_mostly_another_value():
    value = {"a": [1, {"b": "c"}], "d": None}
    texts = {mutations.harm_json(random.Random(seed), value) for seed in range(100)}
    assert len(texts) > 60


# Modules and calls that run what a file holds.
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "compile"}
FORBIDDEN_METHODS = {
    ("torch", "load"), ("yaml", "load"), ("yaml", "unsafe_load"),
    ("pandas", "read_pickle"), ("pd", "read_pickle"), ("imp", "load_source"),
}  # fmt: skip


def find_forbidden(tree):
    """Yield the lines that import or call what runs a file's content."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
        elif isinstance(node, ast.Call):
            names = []
            function = node.func
            if isinstance(function, ast.Name) and function.id in FORBIDDEN_CALLS:
                yield node.lineno
            if (
                isinstance(function, ast.Attribute)
                and isinstance(function.value, ast.Name)
                and (function.value.id, function.attr) in FORBIDDEN_METHODS
            ):
                yield node.lineno
            for keyword in node.keywords:
                is_false = (
                    isinstance(keyword.value, ast.Constant) and not keyword.value.value
                )
                if keyword.arg == "allow_pickle" and not is_false:
                    yield node.lineno
            is_load = isinstance(function, ast.Attribute) and function.attr == "load"
            if is_load and ast.unparse(function) in ("np.load", "numpy.load"):
                given = [keyword.arg for keyword in node.keywords]
                if "allow_pickle" not in given:  # False is to be seen where it is read
                    yield node.lineno
        else:
            continue
        if FORBIDDEN_MODULES & set(names):
            yield node.lineno


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import joblib.memory",
        "eval('1')", "exec(text)", "np.load(p, allow_pickle=True)", "np.load(p)",
        "np.load(p, allow_pickle=flag)", "torch.load(p)", "yaml.load(text)",
    ],
)  # fmt: skip
def test_code_that_runs_a_files_content_is_found(code):
    assert list(find_forbidden(ast.parse(code))) == [1]


@pytest.mark.parametrize(
    "code", ["np.load(p, allow_pickle=False)", "net.eval()", "re.compile('x')"]
)
def test_code_that_does_not_is_left_alone(code):
    assert list(find_forbidden(ast.parse(code))) == []


def test_nothing_in_the_project_unpickles_or_evaluates_a_file():
    # What makes a pickle, to see it refused.
    makers = {
        "experiments/faults/fuzz_sources.py",
        "experiments/faults/hostile_files.py",
    }
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in find_forbidden(ast.parse(file.read_text()))
        if str(file.relative_to(ROOT)) not in makers
    ]
    assert len(files) > 200
    assert found == []
