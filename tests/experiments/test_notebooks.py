"""The notebooks: clean as they are kept, and run on a CPU in a small form."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "notebooks"
NAMES = ("01_quickstart", "02_features", "03_latent_space")
NEEDS = "needs the extra [notebooks]"


def read(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text())


def list_code(notebook):
    """Return the source of code cells, without IPython's own commands."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            yield "\n".join(
                line.replace(line.strip(), "pass") if line.strip()[:1] == "%" else line
                for line in lines
            )


def test_no_notebook_is_left_out():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_outputs(name):
    cells = [cell for cell in read(name)["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_calls_and_defines_nothing(name):
    definitions = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.AsyncFunctionDef)
    for source in list_code(read(name)):
        found = [type(node) for node in ast.walk(ast.parse(source))]
        assert not set(found) & set(definitions), source


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_needs_one_address_on_colab(name):
    first = next(list_code(read(name)))
    assert len(re.findall(r"(?m)^address = ", first)) == 1
    assert "git+{address}" in first


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_names_its_own_folder_wherever_it_writes(name):
    code = "\n".join(list_code(read(name)))
    written = re.findall(r'(?:--out|data_dir|workdir)"?\s*[=:]\s*f?"?([^" ,)]+)', code)
    assert written
    assert {path.split("/")[0] for path in written} <= {"{output}", "output", "workdir"}


def test_git_ignores_what_the_notebooks_write():
    told = subprocess.run(
        ["git", "check-ignore", "--quiet", FOLDER / "output" / "data"],
        cwd=FOLDER,
        check=False,
    )
    assert told.returncode == 0


@pytest.fixture
def run_small(tmp_path):
    """Run a notebook with other parameters; return what it printed.

    Whatever it leaves must be in the folder that git ignores.
    """
    nbclient = pytest.importorskip("nbclient", reason=NEEDS)
    nbformat = pytest.importorskip("nbformat", reason=NEEDS)
    pytest.importorskip("ipykernel", reason=NEEDS)

    def run(name, parameters):
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        (cell,) = [
            cell
            for cell in notebook.cells
            if "parameters" in cell.metadata.get("tags", [])
        ]
        cell.source += f"\n{parameters}"
        resources = {"metadata": {"path": str(tmp_path)}}
        nbclient.NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources=resources
        ).execute()
        left = {path.name for path in tmp_path.iterdir()}
        assert left - {"stores"} == {"output"}
        return "".join(
            output.get("text", "")
            for cell in notebook.cells
            if cell.cell_type == "code"
            for output in cell.outputs
        )

    return run


def test_the_quickstart_trains_and_shows(run_small, data_dir, tmp_path):
    told = run_small(
        "01_quickstart",
        f'dataset, num_steps, show_every = "digits", 4, 2\n'
        f'settings = {{"width_multiplier": 0.0625, "data_dir": "{data_dir}"}}',
    )
    assert "Warning: there is no GPU" in told
    assert (tmp_path / "output/samples.png").is_file()
    assert (tmp_path / "output/film.gif").is_file()
    assert (tmp_path / "output/runs/quickstart/checkpoints/step_00000004").is_dir()


def test_the_features_are_classified(run_small, tiny_run, ten_images, tmp_path):
    told = run_small(
        "02_features",
        f'target, discriminator = "arrays", "{tiny_run.workdir}"\n'
        f'flags = ["--source={ten_images}", "--draws=2", "--labels_per_class=5",'
        f' "--upscale", "--C=0.01", "--data_dir={tmp_path / "stores"}"]',
    )
    errors = ast.literal_eval(told[told.index("{'trained'") :].splitlines()[0])
    assert errors.keys() == {"trained", "random", "pixels"}
    assert all(0 <= error <= 100 for error in errors.values())


def test_the_latent_space_is_shown(run_small, tiny_run, tmp_path):
    run_small("03_latent_space", f'run = "{tiny_run.workdir}"')
    for name in ("walk", "wall", "sum", "turn", "forget"):
        assert (tmp_path / f"output/{name}.png").is_file()
