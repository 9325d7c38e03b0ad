"""Products whose exactness is promised ask for full float32 where they stand.

A GPU's default for float32 is TF32, with 10 bits of mantissa. The programs are lowered
for CUDA, on any machine, and read.
"""

import ast
import dataclasses
import functools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dcgan_jax
from dcgan_jax import models, presets
from dcgan_jax.evaluate import nearest
from dcgan_jax.features import blocked_rows, gram_newton, kmeans, lloyd, squared_hinge
from dcgan_jax.models import batch_statistics, spectral
from dcgan_jax.prepare.dedup import hashes

SOURCE = Path(dcgan_jax.__file__).parent
# Where products promise to be exact; and where they are a network's, which do not.
ROOMS = ("features", "evaluate", "prepare/dedup")
MODULES = ("models/spectral.py", "models/batch_statistics.py")
PRODUCTS = {
    "matmul", "dot", "vdot", "inner", "outer", "tensordot", "einsum", "dot_general",
    "conv_general_dilated", "conv", "convolve", "correlate", "vecdot", "matvec",
    "multi_dot", "conv_transpose",
}  # fmt: skip
# Functions of modules that import JAX whose products are numpy's, on the host.
HOST = {
    "features/blocked_rows.py": {"gram"},
    "features/gram_newton.py": {"minimise_by_gram"},
    "features/kmeans.py": {"learn", "fit_whitening", "measure_standard"},
    "features/lloyd.py": {"_average"},
    "features/squared_hinge.py": {"find_main_axes"},
}


def spec(*shape, dtype=np.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def trace_kmeans():
    encode = functools.partial(kmeans._encode, patch_size=6)
    shapes = spec(108), spec(108, 108), spec(7, 108)
    return jax.jit(encode).trace(*shapes, spec(2, 32, 32, 3, dtype=np.uint8))


def trace_lloyd():
    return jax.jit(lloyd._find_nearest).trace(spec(2, 16, 5), spec(3, 5))


def trace_neighbours():
    queries = nearest.Queries(
        (spec(1, 3, 1024), spec(1, 3, 176)), spec(1, 3, dtype=np.uint32)
    )
    so_far = spec(3, dtype=np.uint32), spec(3, dtype=np.int32)
    block = spec(nearest.BLOCK, 20, 20, 3, dtype=np.uint8)
    return nearest._compile().trace(so_far, queries, block, 0, 5)


def trace_autoencoder():
    weights = jax.eval_shape(
        lambda: hashes.draw_autoencoder(jax.random.key(0), 32 * 32 * 3)
    )
    loss = functools.partial(hashes.measure_loss, hashes.DedupConfig())
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.jit(jax.grad(loss)).trace(weights, spec(4, 32 * 32 * 3), key)


def trace_hash():
    weights = jax.eval_shape(
        lambda: hashes.draw_autoencoder(jax.random.key(0), 32 * 32 * 3)
    )
    return hashes._compiled_bits().trace(weights, spec(4, 64, 64, 3, dtype=np.uint8))


def trace_spectral():
    def loss(kernel, u):
        return spectral.divide(kernel, u)[0].sum()

    return jax.jit(jax.grad(loss)).trace(spec(5, 5, 3, 8), spec(8))


def trace_statistics():
    config = dataclasses.replace(presets.MNIST, width_multiplier=1 / 16)
    network = models.make_discriminator(config)
    images = spec(4, 28, 28, 1)
    params = jax.eval_shape(
        lambda: network.init(jax.random.key(0), jnp.zeros(images.shape), train=True)
    )["params"]
    measure = functools.partial(batch_statistics.of_batch, network)
    return jax.jit(measure).trace(params, images)


def trace_solve():
    with jax.enable_x64(True):
        shapes = spec(512, 512, dtype=np.float64), spec(512, dtype=np.float64)
        shapes += spec(512, dtype=np.int32), 500, 0.5
        return gram_newton._compile_solve().trace(*shapes)


PROGRAMS = {
    "svm_times": lambda: blocked_rows._compile_products().times.trace(
        spec(9, 5), spec(5, 3)
    ),
    "svm_transposed": lambda: blocked_rows._compile_products().transposed_times.trace(
        spec(3, 5), spec(9, 5), spec(20, 3), 0
    ),
    "svm_curve": lambda: blocked_rows._compile_products().curve.trace(
        (spec(3, 5), spec(3)), spec(9, 5), (spec(5, 3), spec(3), spec(20, 3)), 0
    ),
    "svm_correction": lambda: squared_hinge._compile_correction().trace(
        spec(50, 8), spec(8, 3), spec(50, 3)
    ),
    "kmeans": trace_kmeans,
    "kmeans_learning": trace_lloyd,
    "neighbours": trace_neighbours,
    "hash_training": trace_autoencoder,
    "hash": trace_hash,
    "spectral_norm": trace_spectral,
    "statistics": trace_statistics,
}  # fmt: skip


@functools.cache
def lower(name):
    """The program for CUDA as StableHLO, with where each operation comes from."""
    lowered = PROGRAMS[name]().lower(lowering_platforms=("cuda",))
    return lowered.as_text(debug_info=True)


def find_products(program):
    return re.findall(r".*stablehlo\.(?:dot_general|convolution)\b.*", program)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_product_asks_for_full_float32(name):
    products = find_products(lower(name))
    assert products
    for product in products:
        asked = re.search(r"precision(?:_config)? = \[(.*?)\]", product)
        assert asked, product
        assert asked.group(1).count("HIGHEST") == 2, product


def test_a_product_that_does_not_ask_is_seen():
    lowered = jax.jit(jnp.matmul).trace(spec(2, 3), spec(3, 4))
    (product,) = find_products(
        lowered.lower(lowering_platforms=("cuda",)).as_text(debug_info=True)
    )
    assert "HIGHEST" not in product


def test_the_gram_matrix_is_solved_in_float64():
    kinds = {str(aval.dtype) for aval in trace_solve().jaxpr.in_avals}
    assert kinds == {"float64", "int32", "int64"}  # numbers of rows are integers


def list_products(path):
    """The products in a module's text: (function's name, line), of what JAX may run."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    if "jax" not in imported:
        return
    for function in tree.body:
        yield from _inside(function, "")


def _inside(node, function):
    if isinstance(node, ast.FunctionDef):
        function = function or node.name
    elif isinstance(node, ast.ClassDef):
        function = ""
    called = node.func if isinstance(node, ast.Call) else None
    name = getattr(called, "attr", getattr(called, "id", None))
    is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    if is_product or name in PRODUCTS:
        yield function, node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _inside(child, function)


def list_modules():
    for room in ROOMS:
        yield from sorted((SOURCE / room).rglob("*.py"))
    for module in MODULES:
        yield SOURCE / module


def test_every_product_in_these_rooms_is_among_the_programs():
    programs = [lower(name) for name in PROGRAMS]
    missing, host = [], {}
    for path in list_modules():
        name = path.relative_to(SOURCE).as_posix()
        for function, line in list_products(path):
            if function in HOST.get(name, ()):
                host.setdefault(name, set()).add(function)
            elif not any(f'{path}":{line}:' in program for program in programs):
                missing.append(f"{name}:{line}")
    assert not missing, "products that no program here has; add one, or name them HOST"
    assert host == HOST, "functions of HOST that make no product"
