"""Which arithmetic `auto` takes, and what full float32 asks for."""

import re
import types

import jax
import jax.numpy as jnp
import pytest

from dcgan_jax.system import precision


def device(platform, capability):
    return types.SimpleNamespace(platform=platform, compute_capability=capability)


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (device("gpu", "9.0"), "bfloat16"),  # H100
        (device("gpu", "12.0"), "bfloat16"),
        (device("gpu", "8.0"), "bfloat16"),  # A100, the first with the units
        (device("gpu", "7.5"), "float32"),  # T4
        (device("gpu", "gfx90a"), "float32"),
        (types.SimpleNamespace(platform="cpu"), "float32"),
    ],
    ids=str,
)
def test_auto_is_bfloat16_on_a_gpu_with_its_units(found, taken, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [found])
    assert precision.settle_precision("auto") == taken
    assert precision.find_dtype("auto") == taken


@pytest.mark.parametrize("asked", precision.SETTLED)
def test_what_is_asked_for_is_taken_on_every_device(asked, monkeypatch):
    for found in (device("gpu", "9.0"), device("gpu", "7.5")):
        monkeypatch.setattr(jax, "devices", lambda found=found: [found])
        assert precision.settle_precision(asked) == asked
    expected = "bfloat16" if asked == "bfloat16" else "float32"
    assert precision.find_dtype(asked) == expected


@pytest.mark.parametrize("asked", ["float32", "float32_full"])
def test_full_float32_alone_asks_for_more_than_a_gpu_s_tf32(asked):
    square = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    with precision.full_products(asked):
        lowered = jax.jit(lambda a: a @ a).trace(square)
    (product,) = re.findall(
        r".*dot_general.*", lowered.lower(lowering_platforms=("cuda",)).as_text()
    )
    assert ("HIGHEST" in product) == (asked == "float32_full")
