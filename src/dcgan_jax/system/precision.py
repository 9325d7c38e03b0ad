"""Which arithmetic a run's products are computed in."""

import contextlib
import typing
from typing import Literal

import jax

# With bfloat16 matrix units, among NVIDIA's GPUs: Ampere and younger.
_FIRST_MAJOR = 8

Asked = Literal["auto", "float32", "float32_full", "bfloat16"]
Settled = Literal["float32", "float32_full", "bfloat16"]
SETTLED: tuple[Settled, ...] = typing.get_args(Settled)


def settle_precision(asked: Asked) -> Settled:
    """Settle "auto" by the device: bfloat16 on a GPU that has its units, else float32.

    Args:
        asked: as in a config.
    """
    if asked != "auto":
        return asked
    return "bfloat16" if _has_units(jax.devices()[0]) else "float32"


def find_dtype(asked: Asked) -> str:
    """Return the name of the type that convolutions take and give."""
    return "bfloat16" if settle_precision(asked) == "bfloat16" else "float32"


def full_products(asked: Asked) -> contextlib.AbstractContextManager[None]:
    """Trace programs whose float32 products are full float32 where that is asked for.

    A GPU's default for float32 is TF32: 8 bits of exponent, 10 of mantissa. On a CPU
    all of float32 is full.
    """
    if asked == "float32_full":
        return jax.default_matmul_precision("highest")
    return contextlib.nullcontext()


def _has_units(device: jax.Device) -> bool:
    if device.platform not in ("gpu", "cuda"):
        return False
    major = str(getattr(device, "compute_capability", "")).partition(".")[0]
    return major.isdecimal() and int(major) >= _FIRST_MAJOR
