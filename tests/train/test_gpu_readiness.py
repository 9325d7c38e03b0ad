"""What can be said about the program for a GPU on a machine that has none.

The training loop is lowered for CUDA ahead of time, and read. Not said: whether XLA's
GPU compiler makes of it what it should, and how fast it is.
"""

import dataclasses
import re

import jax
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.system import backend
from dcgan_jax.train import chunk
from dcgan_jax.train.device_batches import ResidentBatches

CAPACITY, COUNT, K, BATCH = 6, 5, 2, 8
# Of JAX's own for random numbers, which some versions use; they run on the GPU.
DEVICE_CALLS = {"cu_threefry2x32", "cu_threefry2x32_ffi"}


def spec(*shape, dtype=np.uint8):
    return jax.ShapeDtypeStruct(shape, dtype)


def trace(name, *, resident=False):
    """Trace the loop as an accelerator runs it; return that and the state's shapes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        config = dataclasses.replace(
            presets.PRESETS[name], precision="bfloat16", width_multiplier=1 / 16
        )
        nets = make_nets(config, num_steps=10)
    side, channels = config.image_size, config.channels
    image = (side, side, channels)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(lambda key: init_state(nets, key, image_shape=image), key)
    batches = Batch(spec(CAPACITY, K, BATCH, *image), None)
    if resident:
        rows = spec(CAPACITY, K, BATCH, dtype=np.int32)
        batches = ResidentBatches(Batch(spec(1000, *image), None), rows)
    run_steps = chunk.make_steps(nets, static_count=True)
    return run_steps.trace(state, batches, key, COUNT), state


@pytest.fixture(
    scope="module",
    params=[
        ("lsun_bedroom", False),
        ("lsun_bedroom", True),
        ("imagenet32", False),
        ("svhn", False),
    ],
    ids=str,
)
def traced(request):
    name, resident = request.param
    return trace(name, resident=resident)


@pytest.fixture(scope="module")
def program(traced):
    """The text of the program for CUDA."""
    return traced[0].lower(lowering_platforms=("cuda",)).as_text()


def list_operations(jaxpr):
    """Yield every operation of a program, those inside of others too."""
    for operation in jaxpr.eqns:
        yield operation
        for inner in jax.tree.leaves(
            list(operation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
        ):
            body = getattr(inner, "jaxpr", inner)
            if hasattr(body, "eqns"):
                yield from list_operations(body)


def test_every_convolution_takes_and_gives_bfloat16(program):
    types = re.findall(r"stablehlo\.convolution.* : \((.*)\) -> (.*)", program)
    # Forward and two gradients of each layer, for D, for G, for G through D.
    assert len(types) >= 20
    for inputs, output in types:
        assert inputs.count("xbf16>") == 2, inputs
        assert "xbf16>" in output


def test_parameters_statistics_and_optimiser_stay_float32(traced):
    _, state = traced
    kinds = {leaf.dtype for leaf in jax.tree.leaves(state)}
    assert kinds == {np.dtype(np.float32), np.dtype(np.int32)}


def test_nothing_travels_between_host_and_device_inside_the_program(program):
    calls = set(re.findall(r"custom_call @(\w+)", program))
    assert calls <= DEVICE_CALLS
    for word in ("infeed", "outfeed", "stablehlo.send", "stablehlo.recv", "_host"):
        assert word not in program


def test_the_program_calls_no_python(traced):
    names = {operation.primitive.name for operation in list_operations(traced[0].jaxpr)}
    assert not [name for name in names if "callback" in name or "print" in name]


def test_the_whole_state_is_donated_and_nothing_else(traced, program):
    (arguments,) = re.findall(r"func\.func public @main\((.*)\) -> ", program)
    each = re.split(r"(?=%arg\d+: )", arguments)[1:]
    donated = ["tf.aliasing_output" in a or "jax.buffer_donor" in a for a in each]
    num_state = len(jax.tree.leaves(traced[1]))
    assert donated == [True] * num_state + [False] * (len(each) - num_state)


def test_the_loop_over_steps_is_a_scan_whose_length_is_known(traced):
    loops = [
        operation
        for operation in list_operations(traced[0].jaxpr)
        if operation.primitive.name in ("scan", "while")
    ]
    (over_steps,) = [
        operation
        for operation in loops
        if any("float32[6,6]" in str(result.aval) for result in operation.outvars)
    ]
    assert over_steps.primitive.name == "scan"
    assert over_steps.params["length"] == COUNT


def test_on_a_gpu_convolutions_are_lax_s_unless_a_kernel_outgrows_the_map(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    formulation = models.convolution.choose_formulation("auto")
    assert formulation == "cudnn"
    as_matrices = {
        (side, small): models.convolution.is_product_of_matrices(
            side, small, formulation
        )
        for side in (3, 4, 5)
        for small in (2, 4, 5, 8)
    }
    assert [sizes for sizes, matrices in as_matrices.items() if matrices] == [
        (3, 2), (4, 2), (5, 2), (5, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["lax", "phase"])
def test_a_form_that_is_asked_for_is_taken_for_every_layer(name, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert models.convolution.choose_formulation(name) == name
    assert not models.convolution.is_product_of_matrices(5, 2, name)


@pytest.mark.parametrize("name", ["gpu", "tpu"])
def test_options_for_cpus_are_given_to_cpus_alone(name, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: name)
    find_options = backend.compiler_options.__wrapped__
    assert find_options() == {}
    assert not [option for option in find_options(is_loop=True) if "cpu" in option]


def test_a_gpu_s_loop_is_captured_with_its_convolutions_where_xla_knows_how(
    monkeypatch,
):
    if jax.__version_info__ < (0, 10):
        pytest.skip("the XLA of this JAX does not capture convolutions")
    find_options = backend.compiler_options.__wrapped__
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    captured = find_options(is_loop=True)["xla_gpu_enable_command_buffer"]
    assert "CONVOLUTION" in captured.split(",")
    unknown = {"xla_gpu_of_another_release": "1"}
    monkeypatch.setattr(backend, "_GPU_LOOP_OPTIONS", unknown)
    assert find_options(is_loop=True) == {}


def test_images_travel_as_bytes(traced, program):
    (arguments,) = re.findall(r"func\.func public @main\((.*)\) -> ", program)
    state_arguments = len(jax.tree.leaves(traced[1]))
    images = re.split(r"(?=%arg\d+: )", arguments)[1:][state_arguments]
    assert re.match(r"%arg\d+: tensor<[\dx]+xui8>", images)
