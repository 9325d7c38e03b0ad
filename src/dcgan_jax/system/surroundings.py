"""The settings that a command chooses for itself, whatever its surroundings say.

The environment of a cluster's module, a container or a notebook's shell sets what other
programs need. None of it may reach the numbers, the pictures or the files of a run.
This module needs the standard library only, since commands call it before they load
anything.
"""

import codecs
import errno
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

# Settings of JAX and Flax that change what is computed, or how strictly.
JAX_SETTINGS: dict[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_matmul_precision": None,
    "jax_numpy_rank_promotion": "allow",
    "jax_numpy_dtype_promotion": "standard",
    "jax_debug_nans": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_disable_jit": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_enable_custom_prng": False,
    "jax_legacy_prng_key": "allow",
    "jax_transfer_guard": None,
    "jax_check_tracer_leaks": False,
}
FLAX_SETTINGS: dict[str, Any] = {
    "flax_return_frozendict": False,
    "flax_fix_rng_separator": False,
    "flax_preserve_adopted_names": False,
}
# More of JAX's variables, and those of the library of pictures.
_VARIABLES = (
    "JAX_TRANSFER_GUARD_HOST_TO_DEVICE", "JAX_TRANSFER_GUARD_DEVICE_TO_HOST",
    "JAX_TRANSFER_GUARD_DEVICE_TO_DEVICE", "JAX_DEFAULT_DTYPE_BITS",
    "MPLBACKEND", "MATPLOTLIBRC",
)  # fmt: skip
# Signs of this project's texts, for terminals that have no others than ASCII's.
_IN_ASCII = {
    "…": "...", "–": "-", "—": "-", "×": "x", "→": "->", "≥": ">=", "≤": "<=",
    "±": "+-", "·": "*", "’": "'", "│": "|", "─": "-", "╭": "+", "╮": "+", "╰": "+",
    "╯": "+", "√": "sqrt", "²": "^2",
}  # fmt: skip
_HUNG_UP = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO})


def settle_variables() -> None:
    """Free this process of what its surroundings have set; call it first.

    Settings that a user's own program has made in JAX stay. There
    `backend.own_settings` puts this project's in place for a block.
    """
    _open_streams()
    for name in (*JAX_SETTINGS, *FLAX_SETTINGS, *_VARIABLES):
        os.environ.pop(name.upper(), None)
    if "jax" in sys.modules:  # some sites load it as Python starts
        import jax

        for name, value in JAX_SETTINGS.items():
            if hasattr(jax.config, name):
                jax.config.update(name, value)


def find_cache_folder() -> Path | None:
    """Return the user's folder for caches; None for a user without a home."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    return Path.home() / ".cache" if has_home() else None


def has_home() -> bool:
    """Tell whether the user has a home folder; in containers there may be none."""
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def count_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def explain_no_device(error: BaseException) -> str | None:
    """Say in a line why JAX has no device; None for an error about something else."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or step.tb_frame.f_globals.get("__name__") != (
        "jax._src.xla_bridge"
    ):
        return None
    asked = os.environ.get("JAX_PLATFORMS", "")
    told = f" ({error})" if str(error) else ""
    return (
        f"JAX finds no device of JAX_PLATFORMS={asked}{told}; unset that variable, or "
        "install the JAX of that device, as with pip install 'dcgan-jax[cuda]'."
    )


def explain_full_device(error: BaseException) -> str | None:
    """Say in a line that an accelerator's memory is full; None for another error."""
    found = re.search(r"RESOURCE_EXHAUSTED: (.*)", str(error))
    if found is None:
        return None
    told = found.group(1).partition(";")[0].strip().rstrip(".")[:120]
    return (
        f"the device's memory is full ({told}); a smaller --batch_size or "
        "--width_multiplier needs less, as does --precision=bfloat16 in training, and "
        "other programs may hold memory there."
    )


class _Forgiving(io.FileIO):
    """A stream whose reader may leave; what is written after that is dropped."""

    _has_failed = False

    def write(self, content: Any) -> int:
        if self._has_failed:
            return len(content)
        try:
            return super().write(content) or 0
        except OSError as error:
            # A full disk must be reported once, unless it is the log's own.
            if self.fileno() != 2 and error.errno not in _HUNG_UP:
                self._has_failed = True
                raise
            return len(content)


def _open_streams() -> None:
    """Open all three standard streams so that none of them can end the process.

    If one were closed, the next file that is opened would get its number, and then
    receive whatever a library prints.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            _open_nowhere(number)
        if stream is None or (number and stream is getattr(sys, f"__{name}__")):
            setattr(sys, name, _wrap(number, stream))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="dcgan_jax_ascii")


def _open_nowhere(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)


def _wrap(number: int, stream: Any) -> io.TextIOWrapper:
    if number == 0:
        return open(number, closefd=False)
    if stream is not None:
        stream.flush()
    raw = io.BufferedWriter(_Forgiving(number, "w", closefd=False))
    return io.TextIOWrapper(
        raw,
        encoding=getattr(stream, "encoding", "utf-8"),
        line_buffering=number == 2 or os.isatty(number),
    )


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return (
        "".join(
            _IN_ASCII.get(sign, sign.encode("ascii", "backslashreplace").decode())
            for sign in text
        ),
        error.end,
    )


codecs.register_error("dcgan_jax_ascii", _in_ascii)
