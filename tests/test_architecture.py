"""The house: which room may import which, and where its heavy furniture stands.

`FLOORS` is the one place where the order of the rooms is written. A room is a folder or
a module of `dcgan_jax`; it imports rooms of lower floors alone.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SRC, EXPERIMENTS = ROOT / "src" / "dcgan_jax", ROOT / "experiments"
PACKAGE = "dcgan_jax"

# From the ground up: a floor's rooms, and what each is for.
FLOORS: tuple[dict[str, str], ...] = (
    {
        "system": "the machine: errors, disk, bounded JSON and .npy files, progress",
        "architectures": "the list of the pairs of networks",
    },
    {
        "config": "the settings of a run, a data set and a cluster",
        "pictures": "arrays become PNG, GIF, film, captions and an HTML report",
    },
    {
        "models": "networks and their layers; the range of their pixels",
        "data": "the prepared store, read only, and its minibatches",
        "presets": "the recipes, each number with its source",
    },
    {
        "gan": "the idea: steps, losses, optimisers, state; pure functions",
        "cli": "flags become a config; errors become one line and an exit code",
        "settings": "keyword arguments become a config",
    },
    {
        "runs": "what a run leaves, and reading it; the authors' released files",
        "prepare": "sources become a store, in a process of its own",
    },
    {
        "sample": "the one way to the n-th sample of a seed",
        "info": "what a run is, read from its folder without JAX",
    },
    {"features": "the discriminator's features, and the linear SVM on them"},
    {"evaluate": "the metrics, a file each"},
    {
        "train": "the loop of steps, its feed, its devices and its reports",
        "latent": "walks, arithmetic and forgetting in the latent space",
        "visualize": "filters, collapsed filters and films of a run",
        "export": "networks for others, with their model card",
        "library": "a trained pair of networks, to work with from Python",
    },
    {"explore": "the page on which a person does all this"},
)
# The package's own face and the command that lists the others stand on the roof.
ROOF = ("__init__", "__main__")

# A heavy library → the only modules that import it; others go through these.
HEAVY = {
    "tensorflow": set(),
    "tensorflow_datasets": {"prepare.sources.tfds"},
    "torch": {"evaluate.fidelity", "evaluate.torch_operators"},
    "torch_fidelity": {"evaluate.fidelity"},
    "cv2": {"pictures.animation", "prepare.faces.detect"},
    "lmdb": set(),  # its pages are read by prepare.sources.lmdb_pages
    "matplotlib": {"pictures.figures"},
    "sklearn": {
        "features.linear_svm", "features.neighbours",
        "features.protocols", "latent.object_maps", "prepare.sources.digits",
    },
    "gradio": {"explore.page", "explore.parts", "explore.server", "explore.tabs"},
    "huggingface_hub": {"system.hub"},
    "onnxruntime": {"export.onnx_form"},
    "orbax": {"runs.orbax_files"},
    "pyarrow": {"prepare.sources.parquet"},
    "tensorboardX": {"train.event_file"},
}  # fmt: skip

# Nothing of gan/ compiles, knows a device or touches a file.
NOT_IN_GAN = (
    "dcgan_jax.system", "dcgan_jax.train", "dcgan_jax.runs", "dcgan_jax.pictures",
    "dcgan_jax.data.store", "dcgan_jax.data.manifest", "dcgan_jax.data.readahead",
    "jax.sharding", "jax.experimental", "orbax", "pathlib", "os", "io", "shutil",
    "tempfile", "json",
)  # fmt: skip
NOT_CALLED_IN_GAN = {"jit", "pmap", "shard_map", "device_put", "devices", "open"}


# Names that several modules define on purpose, since each stands for its module or is
# what every module of a kind has; all other public names mean one thing.
SHARED_NAMES = {
    # a command: flags in, exit code out
    "main", "parse", "check", "run", "find_data", "prepare", "measure",
    # a tab of the explorer
    "build", "connect", "adapt", "make_update",
    # an architecture
    "Generator", "Discriminator", "make_pair", "generator_layers",
    "discriminator_layers",
    # a kind of file, or a list of one kind, by the name of its module
    "read", "write", "save", "load", "make", "find", "choose", "select", "is_complete",
}  # fmt: skip


class Import(NamedTuple):
    """A module imports another, or a name of it: on which line of which file."""

    importer: str
    imported: str
    place: str


def list_modules(root: Path, package: str) -> dict[str, Path]:
    """Return the modules of a package by dotted name."""
    names = {}
    for file in sorted(root.rglob("*.py")):
        parts = (package, *file.relative_to(root).with_suffix("").parts)
        name = ".".join(parts).removesuffix(".__init__")
        names[name] = file
    return names


@functools.cache
def parse(file: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(file.read_text("utf-8"))


def list_imports(root: Path, package: str) -> Iterator[Import]:
    """Yield every import of a package's modules, those inside of functions too.

    The package's version is left out, which every room may tell.
    """
    for module, file in list_modules(root, package).items():
        for node in ast.walk(parse(file)):
            place = f"{file.relative_to(root.parent)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(module, alias.name, place)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{place}: a relative import"
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    if name != f"{PACKAGE}.__version__":
                        yield Import(module, name, place)


def find_room(name: str) -> str:
    """Return the room of a module or of a name in it."""
    return [*name.split("."), "__init__"][1]


def find_upward(root: Path) -> list[str]:
    """Return the imports of another room that is not on a lower floor."""
    level = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    level |= dict.fromkeys(ROOF, len(FLOORS))
    wrong = []
    for importer, imported, place in list_imports(root, PACKAGE):
        if imported.split(".")[0] != PACKAGE:
            continue
        above, below = find_room(importer), find_room(imported)
        if above != below and level[below] >= level[above]:
            wrong.append(f"{place}: {above} imports {imported}")
    return wrong


def find_circles(root: Path, package: str) -> list[set[str]]:
    """Return the sets of modules that import each other in a circle."""
    modules = list_modules(root, package)
    arrows: dict[str, set[str]] = {name: set() for name in modules}
    for importer, imported, _ in list_imports(root, package):
        target = imported if imported in modules else imported.rpartition(".")[0]
        if target in modules and target != importer:
            arrows[importer].add(target)
    # What nothing is left to import of, or nobody is left to import, is in no circle.
    while arrows:
        imported = set().union(*arrows.values())
        inner = {name for name in arrows if arrows[name] and name in imported}
        if len(inner) == len(arrows):
            break
        arrows = {name: arrows[name] & inner for name in inner}
    return [set(arrows)] if arrows else []


def find_foreign_configs(root: Path) -> list[str]:
    """Return the config classes that a command parses and another room defines."""
    wrong = []
    for module, file in list_modules(root, PACKAGE).items():
        tree = parse(file)
        defined_by = {
            alias.asname or alias.name: node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and _is_of_cli(call.func)):
                continue
            for argument in call.args:
                name = ast.unparse(argument)
                origin = defined_by.get(name.split(".")[0], module)
                is_class = re.fullmatch(r"(\w+\.)*[A-Z]\w*[a-z]\w*", name)
                if is_class and find_room(origin) not in (find_room(module), "config"):
                    line = f"{file.relative_to(root.parent)}:{call.lineno}"
                    wrong.append(f"{line}: parses {name} of {origin}")
    return wrong


def _is_of_cli(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "cli"


def find_shared_names(root: Path) -> dict[str, list[str]]:
    """Return the public classes and functions that several modules define."""
    homes: dict[str, list[str]] = {}
    for module, file in list_modules(root, PACKAGE).items():
        for node in parse(file).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                homes.setdefault(node.name, []).append(module)
    return {
        name: modules
        for name, modules in homes.items()
        if len(modules) > 1 and not name.startswith("_")
    }


def test_rooms_import_lower_floors_alone():
    assert find_upward(SRC) == []


def test_every_room_has_its_floor_and_its_line():
    rooms = {name for floor in FLOORS for name in floor}
    # Without folders that a room has left behind, with its compiled code alone.
    found = {p.stem for p in SRC.iterdir() if p.suffix == ".py" or any(p.rglob("*.py"))}
    assert rooms == found - set(ROOF)
    assert all(line for floor in FLOORS for line in floor.values())


def test_the_documentation_shows_the_floors_as_they_are():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    shown = [line for line in text.splitlines() if re.match(r"\| \d+ \| `", line)]
    assert shown == [
        f"| {number} | `{room}` | {line} |"
        for number, rooms in reversed(list(enumerate(FLOORS)))
        for room, line in rooms.items()
    ]


def test_a_public_name_means_one_thing():
    shared = find_shared_names(SRC)
    assert {n: m for n, m in shared.items() if n not in SHARED_NAMES} == {}


def test_every_shared_name_is_shared():
    assert set(find_shared_names(SRC)) >= SHARED_NAMES


@pytest.mark.parametrize("root", [SRC, EXPERIMENTS], ids=lambda path: path.name)
def test_no_modules_import_each_other_in_a_circle(root):
    assert find_circles(root, root.name) == []


def test_a_command_parses_config_classes_of_its_own_room():
    assert find_foreign_configs(SRC) == []


def test_an_arrow_up_a_circle_and_a_foreign_config_are_found(tmp_path):
    """What the tests above pass on a good house, they fail on a bad one."""
    root = tmp_path / PACKAGE
    for name, text in {
        "system/disk.py": "def f():\n    from dcgan_jax.train import loop",
        "train/loop.py": "from dcgan_jax.latent import walk\nimport dcgan_jax.config",
        "latent/walk.py": "from dcgan_jax.latent.paths import join",
        "latent/paths.py": "from dcgan_jax.latent import walk",
        "config.py": "",
        "visualize/film.py": "from dcgan_jax import cli\n"
        "from dcgan_jax.latent.walk import WalkConfig\n"
        "cli.parse(WalkConfig, [])\nclass FilmConfig: ...\ncli.parse(FilmConfig, [])",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert find_upward(root) == [
        "dcgan_jax/system/disk.py:2: system imports dcgan_jax.train.loop",
        "dcgan_jax/train/loop.py:1: train imports dcgan_jax.latent.walk",
        "dcgan_jax/visualize/film.py:2: visualize imports "
        "dcgan_jax.latent.walk.WalkConfig",
    ]
    assert find_circles(root, PACKAGE) == [
        {"dcgan_jax.latent.walk", "dcgan_jax.latent.paths"}
    ]
    assert find_foreign_configs(root) == [
        "dcgan_jax/visualize/film.py:3: parses WalkConfig of dcgan_jax.latent.walk"
    ]


def test_heavy_libraries_are_imported_where_they_are_needed_alone():
    wrong = []
    for importer, imported, place in list_imports(SRC, PACKAGE):
        library = imported.split(".")[0]
        module = importer.removeprefix(f"{PACKAGE}.")
        allowed = HEAVY.get(library, {module})
        if not {module, module.rpartition(".")[0]} & allowed:
            wrong.append(f"{place}: {imported}")
    assert wrong == []


def test_every_named_importer_of_a_heavy_library_imports_it():
    """A list that has grown longer than the truth protects nothing."""
    found = {
        (imported.split(".")[0], module)
        for importer, imported, _ in list_imports(SRC, PACKAGE)
        for name in [importer.removeprefix(f"{PACKAGE}.")]
        for module in (name, name.rpartition(".")[0])
    }
    named = {(library, module) for library, ones in HEAVY.items() for module in ones}
    assert named <= found


def test_the_idea_compiles_nothing_and_knows_no_device_and_no_file():
    wrong = [
        f"{place}: {imported}"
        for importer, imported, place in list_imports(SRC, PACKAGE)
        if find_room(importer) == "gan"
        and any(f"{imported}.".startswith(f"{name}.") for name in NOT_IN_GAN)
    ]
    for file in sorted((SRC / "gan").rglob("*.py")):
        for node in ast.walk(parse(file)):
            name = getattr(node, "attr", getattr(node, "id", None))
            if name in NOT_CALLED_IN_GAN:
                wrong.append(f"{file.name}:{node.lineno}: {name}")
    assert wrong == []


def test_experiments_use_no_private_name_of_the_library():
    wrong = []
    for module, file in list_modules(EXPERIMENTS, "experiments").items():
        tree = parse(file)
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] == PACKAGE
            for alias in node.names
        }
        wrong += [f"{module}: {name}" for name in imported if name.startswith("_")]
        wrong += [
            f"{module}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and re.match(r"_(?!_|replace|asdict|fields)", node.attr)
            and ast.unparse(node.value).split(".")[0] in imported
        ]
    assert wrong == []
