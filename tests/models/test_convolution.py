import functools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax.models import convolution
from dcgan_jax.models.convolution import Geometry

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def full_float32():
    """A GPU's default would be TF32, which errs more than these tests allow."""
    with jax.default_matmul_precision("highest"):
        yield


NHWC = ("NHWC", "HWIO", "NHWC")


class Case(NamedTuple):
    side: int
    stride: int
    size: int
    inputs: int
    outputs: int

    @property
    def padding(self):
        return (self.side - 1) // 2

    @property
    def small(self):
        return (self.size + 2 * self.padding - self.side) // self.stride + 1


# Image sides with few channels (one merged convolution) and many (one a phase), even
# and odd sizes.
CASES = [
    Case(3, 1, 7, 2, 9),
    Case(3, 2, 8, 3, 5),
    Case(3, 2, 7, 12, 4),
    Case(4, 1, 8, 9, 2),
    Case(4, 2, 8, 3, 5),
    Case(4, 2, 7, 12, 4),
    Case(5, 1, 7, 12, 4),
    Case(5, 2, 8, 3, 5),
    Case(5, 2, 7, 12, 4),
    Case(5, 2, 9, 1, 1),
]
# Each program runs once: do not spend time on making it fast.
QUICK = {"xla_backend_optimization_level": "0"}
FORMULATIONS = ("lax", "phase", "cudnn")

each_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(map(str, case))
)
each_formulation = pytest.mark.parametrize("formulation", FORMULATIONS)


def draw(case, seed=0):
    """Return x, y, kernel."""
    rng = np.random.default_rng(seed)
    shapes = (
        (2, case.size, case.size, case.inputs),
        (2, case.small, case.small, case.outputs),
        (case.side, case.side, case.inputs, case.outputs),
    )
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def geometry_of(case, formulation):
    return Geometry(case.stride, case.padding, case.size, formulation)


def reference(case, x, kernel):
    padding = [(case.padding, case.padding)] * 2
    return lax.conv_general_dilated(
        x, kernel, (case.stride,) * 2, padding, dimension_numbers=NHWC
    )


def reference_transpose(case, y, kernel):
    x = jnp.zeros((y.shape[0], case.size, case.size, case.inputs))
    _, pull = jax.vjp(lambda x: reference(case, x, kernel), x)
    return pull(y)[0]


def reference_kernel_gradient(case, x, y):
    kernel = jnp.zeros((case.side, case.side, case.inputs, case.outputs))
    _, pull = jax.vjp(lambda kernel: reference(case, x, kernel), kernel)
    return pull(y)[0]


def assert_equal(ours, theirs, tolerance=1e-4):
    """Compare trees by the largest difference over the largest value."""
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


def value_and_gradients(function, cotangent):
    """Return `(a, b) → (value, gradients in a and b)`, compiled."""

    @functools.partial(jax.jit, compiler_options=QUICK)
    def both(a, b):
        value, pull = jax.vjp(function, a, b)
        return value, pull(cotangent)

    return both


@each_formulation
@each_case
def test_correlate_is_lax_s_strided_convolution_with_its_gradients(case, formulation):
    x, y, kernel = draw(case)
    geometry = geometry_of(case, formulation)

    def ours(x, kernel):
        return convolution.correlate(x, kernel, geometry)

    theirs = partial(reference, case)
    assert_equal(
        value_and_gradients(ours, y)(x, kernel),
        value_and_gradients(theirs, y)(x, kernel),
    )


@each_formulation
@each_case
def test_transpose_is_the_vjp_of_lax_s_convolution_with_its_gradients(
    case, formulation
):
    x, y, kernel = draw(case)
    geometry = geometry_of(case, formulation)
    assert_equal(
        value_and_gradients(lambda y, k: convolution.transpose(y, k, geometry), x)(
            y, kernel
        ),
        value_and_gradients(partial(reference_transpose, case), x)(y, kernel),
    )


@each_formulation
@each_case
def test_kernel_gradient_is_the_vjp_of_lax_s_convolution_with_its_gradients(
    case, formulation
):
    x, y, kernel = draw(case)
    geometry = geometry_of(case, formulation)
    assert_equal(
        value_and_gradients(
            lambda x, y: convolution.kernel_gradient(x, y, case.side, geometry), kernel
        )(x, y),
        value_and_gradients(partial(reference_kernel_gradient, case), kernel)(x, y),
    )


@each_formulation
@pytest.mark.parametrize("case", [Case(3, 2, 6, 2, 3), Case(5, 2, 7, 9, 2)], ids=str)
def test_the_gradient_of_a_gradient_is_lax_s(case, formulation):
    _, y, kernel = draw(case)
    geometry = geometry_of(case, formulation)

    def chain(correlate, transpose):
        """Two layers, as in D of G, so that each product's gradient is asked for."""

        def value(y, kernel):
            image = jnp.tanh(transpose(y, kernel))
            return jnp.sin(correlate(image, kernel)).sum()

        def penalty(y, kernel):
            slopes = jax.grad(value, (0, 1))(y, kernel)
            return sum(jnp.square(slope).sum() for slope in slopes)

        return jax.jit(jax.grad(penalty, (0, 1)), compiler_options=QUICK)

    ours = chain(
        lambda x, k: convolution.correlate(x, k, geometry),
        lambda y, k: convolution.transpose(y, k, geometry),
    )
    theirs = chain(partial(reference, case), partial(reference_transpose, case))
    kernel = 0.1 * kernel
    assert_equal(ours(y, kernel), theirs(y, kernel))


@each_formulation
def test_a_loop_on_the_device_computes_what_steps_outside_of_it_do(formulation):
    case = Case(5, 2, 8, 3, 12)
    x, _, kernel = draw(case)
    geometry = geometry_of(case, formulation)

    def descend(correlate, kernel):
        loss = lambda kernel: jnp.square(correlate(x, kernel)).mean()  # noqa: E731
        return kernel - 0.01 * jax.grad(loss)(kernel)

    ours = jax.jit(
        lambda kernel: lax.fori_loop(
            0,
            3,
            lambda _, kernel: descend(
                lambda x, k: convolution.correlate(x, k, geometry), kernel
            ),
            kernel,
        )
    )(kernel)
    theirs = kernel
    for _ in range(3):
        theirs = descend(partial(reference, case), theirs)
    assert_equal(ours, theirs)


@each_formulation
@each_case
def test_transpose_is_the_exact_adjoint_of_correlate(case, formulation):
    x, y, kernel = draw(case)
    geometry = geometry_of(case, formulation)
    correlate = jax.jit(convolution.correlate, static_argnums=2)
    transpose = jax.jit(convolution.transpose, static_argnums=2)
    forward = np.asarray(correlate(x, kernel, geometry), np.float64)
    back = np.asarray(transpose(y, kernel, geometry), np.float64)
    one = np.vdot(forward, np.asarray(y, np.float64))
    other = np.vdot(np.asarray(x, np.float64), back)
    scale = np.linalg.norm(forward) * np.linalg.norm(y)
    assert abs(one - other) < 1e-6 * scale


@each_formulation
@pytest.mark.parametrize(("side", "pads"), [(5, (2, 3)), (3, (1, 2))])
@pytest.mark.parametrize("inputs", [3, 12])
def test_transpose_is_lax_conv_transpose_with_the_padding_of_the_design(
    side, pads, inputs, formulation
):
    case = Case(side, 2, 8, inputs, 6)
    _, y, kernel = draw(case)
    theirs = lax.conv_transpose(
        y, kernel, (2, 2), [pads] * 2, dimension_numbers=NHWC, transpose_kernel=True
    )
    ours = convolution.transpose(y, kernel, geometry_of(case, formulation))
    assert_equal(ours, theirs)


def sum_directly(x, kernel, *, stride, padding):
    """Correlate one map in float64, product by product."""
    size, side = x.shape[0], kernel.shape[0]
    small = (size + 2 * padding - side) // stride + 1
    result = np.zeros((small, small, kernel.shape[3]))
    for row, column, i, j in np.ndindex(small, small, side, side):
        r, c = stride * row + i - padding, stride * column + j - padding
        if 0 <= r < size and 0 <= c < size:
            result[row, column] += x[r, c] @ kernel[i, j]
    return result


@each_formulation
@pytest.mark.parametrize("case", [Case(5, 2, 7, 3, 4), Case(3, 1, 6, 2, 2)], ids=str)
def test_correlate_is_the_sum_over_the_taps(case, formulation):
    x, _, kernel = draw(case)
    ours = convolution.correlate(x, kernel, geometry_of(case, formulation))
    exact = sum_directly(
        np.asarray(x[0], np.float64),
        np.asarray(kernel, np.float64),
        stride=case.stride,
        padding=case.padding,
    )
    assert_equal(ours[0], exact, tolerance=1e-5)


def test_a_formulation_that_is_asked_for_is_taken():
    assert convolution.choose_formulation("lax") == "lax"
    assert convolution.choose_formulation("phase") == "phase"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="about CPUs")
@pytest.mark.skipif("jax.default_backend() != 'cpu'")
def test_a_cpu_takes_phases():
    assert convolution.choose_formulation("auto") == "phase"
