"""What every test shares: strict JAX, a compilation cache, the folder of real data."""

import dataclasses
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# One thread for each process of the tests, of which there is one a core: the threads of
# OpenBLAS wait for each other by spinning, which takes the cores from the others. It is
# read when numpy and SciPy are loaded, and by the processes that the tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The tests' programs run for a few steps: LLVM's optimisations would cost a third of
# all time. `make minimum` and `make reproduce` compile programs as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import cli, presets
from dcgan_jax.config import TrainConfig

if TYPE_CHECKING:
    from dcgan_jax.gan.nets import Nets
    from dcgan_jax.gan.state import TrainState

pytest_plugins = ["picture_fixtures"]

STRICT = ("jax_numpy_rank_promotion", "raise")
jax.config.update(*STRICT)

SHARED = Path(
    os.environ.get("DCGAN_JAX_SHARED", Path(__file__).resolve().parents[2] / "shared")
)


def pytest_configure(config: pytest.Config) -> None:
    """Compile once for this process, those that it starts, and later sessions."""
    # A shell's background jobs ignore Ctrl-C and hand that on to what they start, which
    # would leave the tests of Ctrl-C waiting.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
    if getattr(config, "cache", None) is None:  # -p no:cacheprovider
        return
    settings = {
        "jax_compilation_cache_dir": str(config.cache.mkdir("xla")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and released parameters; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"needs real data in {SHARED} (set DCGAN_JAX_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def draw_state() -> Callable[..., "TrainState"]:
    """Draw a state anywhere but at the start, without compiling `init_state`."""

    def draw(nets: "Nets", *, image_shape: Sequence[int]) -> "TrainState":
        from dcgan_jax.gan.nets import init_state

        rng = np.random.default_rng(0)
        shapes = jax.eval_shape(
            lambda key: init_state(nets, key, image_shape=tuple(image_shape)),
            jax.random.key(0),
        )

        def fill(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> jax.Array:
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            if "opt_state" in name or leaf.dtype != np.float32:
                return jnp.zeros(leaf.shape, leaf.dtype)
            around = 1.0 if name.endswith(("gain", "var")) else 0.0
            return jnp.asarray(rng.normal(around, 0.1, leaf.shape), jnp.float32)

        return jax.tree_util.tree_map_with_path(fill, shapes)

    return draw


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of prepared stores that holds the digits."""
    from dcgan_jax.config import data_config
    from dcgan_jax.prepare import build

    folder = tmp_path_factory.mktemp("data")
    config = dataclasses.replace(presets.DIGITS, data_dir=folder, num_workers=1)
    build.prepare(data_config(config), show_progress=False)
    return folder


@pytest.fixture(scope="session")
def tiny_config(data_dir: Path) -> TrainConfig:
    """A run of 20 steps on the digits that takes seconds."""
    return dataclasses.replace(
        presets.DIGITS,
        data_dir=data_dir,
        width_multiplier=0.0625,
        batch_size=16,
        num_steps=20,
        log_every_steps=10,
        sample_every_steps=20,
        checkpoint_every_steps=10,
    )


@pytest.fixture(scope="session")
def tiny_run(
    tiny_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory
) -> TrainConfig:
    """A finished run; tests copy its folder before they change anything in it."""
    from dcgan_jax.train import loop

    workdir = tmp_path_factory.mktemp("runs") / "tiny"
    config = dataclasses.replace(tiny_config, workdir=workdir)
    loop.run(config)
    return config


@pytest.fixture(scope="session")
def make_flags(data_dir: Path) -> Callable[..., list[str]]:
    """Return a recipe's flags for a run of 20 steps on the digits."""

    def make(preset: str, *more: object) -> list[str]:
        return [
            f"--preset={preset}", "--dataset=digits", f"--data_dir={data_dir}",
            "--image_size=32", "--channels=1", "--upscale", "--held_out=97",
            "--width_multiplier=0.0625", "--batch_size=16", "--num_steps=20",
            "--log_every_steps=10", "--sample_every_steps=20",
            "--checkpoint_every_steps=10", *map(str, more),
        ]  # fmt: skip

    return make


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[[Path, Path], None]:
    """Compare two runs of `make_flags` that add up their sums in different orders."""
    from dcgan_jax.runs import checkpoints, folder as run_dir

    def read(workdir: Path, step: int) -> dict[str, np.ndarray]:
        found = checkpoints.find_newest(workdir / "checkpoints", step=step)
        assert found is not None
        arrays = checkpoints.read_arrays(found).items()
        return {name: np.asarray(array, np.float64) for name, array in arrays}

    def distance(arrays: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> float:
        parts = [array - others[n] for n, array in arrays.items() if "/params/" in n]
        return float(np.sqrt(sum(np.sum(part**2) for part in parts)))

    def check(workdir: Path, other: Path) -> None:
        arrays = read(workdir, 20)
        moved = distance(arrays, read(workdir, 10))
        assert moved > 0
        # 1e-6 is seen, and 0.11 where rounding has put a unit on the other side of its
        # ReLU's kink; another order of the images gives 0.63.
        assert distance(arrays, read(other, 20)) < 0.3 * moved
        rows, other_rows = map(run_dir.read_metrics, (workdir, other))
        assert [row["step"] for row in rows] == [row["step"] for row in other_rows]
        for row, other_row in zip(rows, other_rows, strict=True):
            for name in ("d_loss", "g_loss", "d_real", "d_fake"):
                assert other_row[name] == pytest.approx(row[name], rel=5e-3), name

    return check


class Ended(NamedTuple):
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Undo `cli.configure_logging`, which is for a process of its own."""
    own = logging.getLogger("dcgan_jax")
    before = own.level, own.propagate, own.handlers[:]
    yield
    own.level, own.propagate, own.handlers[:] = before


@pytest.fixture
def run_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Run an entry point's `main` in this process as its command line would."""

    def run(main: Callable[[Sequence[str]], int | None], *argv: object) -> Ended:
        capfd.readouterr()
        # One that a fixture has left would write to where that fixture wrote.
        logging.getLogger("dcgan_jax").handlers.clear()
        words = [sys.modules[main.__module__].__file__, *map(str, argv)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as stop:
            cli.run_main(main)
        jax.config.update(*STRICT)
        return Ended(int(stop.value.code or 0), *capfd.readouterr())

    return run


def is_one_line(text: str) -> bool:
    """Tell whether an error is a single line without a traceback."""
    return text.count("\n") == 1 and text.endswith("\n") and "Traceback" not in text


@pytest.fixture
def one_error(run_command: Callable[..., Ended]) -> Callable[..., str]:
    """Run a command that must refuse its input: exit code 2 and one line."""

    def run(main: Callable[[Sequence[str]], int | None], *argv: object) -> str:
        ended = run_command(main, *argv)
        assert ended.code == 2, ended
        assert is_one_line(ended.err), ended.err
        assert ended.out == ""
        return ended.err

    return run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a small disk here: {error}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)
