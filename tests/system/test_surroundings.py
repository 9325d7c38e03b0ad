"""What a command is given by its shell does not reach what it computes or writes."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.gan import keys
from dcgan_jax.system import backend, surroundings

ODD = {
    "JAX_ENABLE_X64": "1", "JAX_DEFAULT_MATMUL_PRECISION": "nonsense",
    "JAX_NUMPY_RANK_PROMOTION": "raise", "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_DEBUG_NANS": "1", "JAX_DISABLE_JIT": "1", "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0", "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_TRANSFER_GUARD": "disallow", "FLAX_RETURN_FROZENDICT": "1",
    "FLAX_FIX_RNG_SEPARATOR": "1", "MPLBACKEND": "module://of_a_notebook",
}  # fmt: skip


def run_python(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )


# What a command imports after `settle`, and what it then finds.
FIND = """
import sys
from dcgan_jax import cli
def main(argv):
    import jax, flax
    from dcgan_jax.system import surroundings
    for name, value in surroundings.JAX_SETTINGS.items():
        found = getattr(jax.config, name, value)
        if getattr(found, "value", found) != value:
            print(name, found)
    for name, value in surroundings.FLAX_SETTINGS.items():
        if getattr(flax.config, name) != value:
            print(name, getattr(flax.config, name))
    import io
    from dcgan_jax.pictures import curves
    row = {name: 1.0 for _, names in curves._PANELS for name in names}
    curves.draw_curves([{"step": 1, **row}], io.BytesIO())
    print("drawn")
sys.argv = ["x"]
cli.run_main(main)
"""


def test_a_command_computes_with_settings_of_its_own():
    ended = run_python(FIND, env={**os.environ, **ODD})
    assert (ended.returncode, ended.stdout) == (0, "drawn\n"), ended.stderr


def test_a_user_program_lends_its_settings_to_nothing_of_ours():
    def draw() -> np.ndarray:
        key = keys.make_key(5, keys.Purpose.SAMPLES)
        return np.asarray(jax.random.normal(key, (4,)) @ jnp.ones((4,)))

    expected = draw()
    theirs = {
        "jax_enable_x64": True,
        "jax_threefry_partitionable": False,
        "jax_default_prng_impl": "rbg",
        "jax_default_matmul_precision": "bfloat16",
        "jax_debug_nans": True,
    }
    before = {name: getattr(jax.config, name) for name in theirs}
    try:
        for name, value in theirs.items():
            jax.config.update(name, value)
        with backend.own_settings():
            found = draw()
        assert found.dtype == np.float32
        assert found.tobytes() == expected.tobytes()
        assert {name: getattr(jax.config, name) for name in theirs} == theirs
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def test_streams_that_are_closed_or_narrow_end_no_command(tmp_path: Path):
    code = (
        "import sys; from dcgan_jax import cli\n"
        "def main(argv):\n"
        "    print('3 × 4 …', chr(0xdce9)); print('×', file=sys.stderr)\n"
        f"    open({str(tmp_path / 'mine')!r}, 'w').close()\n"
        f"    print(open({str(tmp_path / 'mine')!r}).fileno() > 2)\n"
        "sys.argv = ['x']; cli.run_main(main)"
    )
    command = f'"{sys.executable}" -c "$CODE" 0<&- 2>&-'
    ended = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "CODE": code, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stdout == b"3 x 4 ... \\udce9\nTrue\n"


def test_a_reader_that_leaves_ends_no_command():
    code = (
        "import sys, os; from dcgan_jax import cli\n"
        "def main(argv):\n"
        "    for _ in range(10_000): print('a line')\n"
        "    print('end', file=sys.stderr); return 7\n"
        "sys.argv = ['x']; cli.run_main(main)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"end\n"
        assert process.wait() == 7


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_a_disk_does_not_take_is_an_error_of_one_line():
    code = (
        "import sys; from dcgan_jax import cli\n"
        "sys.argv = ['x']; cli.run_main(lambda argv: print('a result'))"
    )
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: [Errno 28]")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("asked", ["cuda", "cdua"])
def test_a_device_that_is_not_there_is_one_line(asked: str):
    code = (
        "import sys; from dcgan_jax import cli\n"
        "def main(argv):\n"
        "    import jax; jax.devices()\n"
        "sys.argv = ['x']; cli.run_main(main)"
    )
    ended = run_python(
        code, env={**os.environ, "JAX_PLATFORMS": asked, "CUDA_VISIBLE_DEVICES": "-1"}
    )
    assert ended.returncode == 2
    assert f"JAX_PLATFORMS={asked}" in ended.stderr
    assert ended.stderr.count("error: ") == 1
    assert "Traceback" not in ended.stderr


def test_an_error_of_our_own_is_not_taken_for_a_device_that_is_not_there():
    with pytest.raises(AssertionError) as caught:
        raise AssertionError
    assert surroundings.explain_no_device(caught.value) is None


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch):
    def refuse(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", refuse)
    assert surroundings.find_cache_folder() is None
    before = jax.config.jax_compilation_cache_dir
    backend.enable_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == before
