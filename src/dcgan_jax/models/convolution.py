"""Convolution as three products that are each other's gradients.

A strided correlation `correlate(x, kernel)` is bilinear; its adjoint in x is the
fractionally-strided ("transposed") convolution, its adjoint in the kernel the kernel
gradient. Each of the three has the other two as its derivatives, so the gradient of any
layer, to any order, is again made of these three, each in the form that wins on the
backend in use.
"""

import functools
from typing import Literal

import jax

from dcgan_jax.models import convolution_forms as forms
from dcgan_jax.models.convolution_forms import Formulation, Geometry
from dcgan_jax.system import backend

Array = jax.Array
_Pair = tuple[Array, Array]
_Saved = tuple[Array, _Pair]


def choose_formulation(convolution: Literal["auto", "lax", "phase"]) -> Formulation:
    """Return the formulation that wins on the default backend, or the one asked for.

    XLA's CPU code multiplies the zeros that dilation inserts (4 of 4 products a pixel,
    3 of them by zero at stride 2); cuDNN does not, where XLA recognises its forms.
    """
    if convolution != "auto":
        return convolution
    if backend.is_gpu():
        return "cudnn"
    return "lax" if backend.is_accelerator() else "phase"


def is_product_of_matrices(side: int, small: int, formulation: Formulation) -> bool:
    """Tell whether a transpose or a kernel gradient is computed as one matrix product.

    On a GPU it is, if the kernel has more taps than the small map has pixels. XLA then
    takes the map for the kernel and the kernel for the map, and no longer recognises
    cuDNN's forms: 5×5 on 4×4 becomes a 7×7 window over a dilated map, eight times the
    work.

    Args:
        side: the kernel's side, in pixels.
        small: the side of the small map, in pixels.
        formulation: the layer's.
    """
    return formulation == "cudnn" and side**2 > small**2


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def correlate(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Correlate a map with a kernel at a stride, as a discriminator's layer does.

    Args:
        x: (batch, size, size, inputs).
        kernel: (side, side, inputs, outputs).
        geometry: the stride, the symmetric padding and the size.

    Returns:
        (batch, small, small, outputs), small = (size + 2 padding - side) // stride + 1.
    """
    return forms.correlate_strided(x, kernel, geometry)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def transpose(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Apply the adjoint of `correlate` in its map, as a generator's layer does.

    Args:
        y: (batch, small, small, outputs of the correlation).
        kernel: (side, side, inputs, outputs) of the correlation.
        geometry: the correlation's; `size` is the side of the result.

    Returns:
        (batch, size, size, inputs of the correlation).
    """
    if is_product_of_matrices(kernel.shape[0], y.shape[1], geometry.formulation):
        return forms.transpose_by_overlap(y, kernel, geometry)
    if geometry.formulation != "phase" or geometry.stride == 1:
        return forms.transpose_dilated(y, kernel, geometry)
    if kernel.shape[2] <= forms.FEW_CHANNELS:
        return forms.transpose_all_phases(y, kernel, geometry)
    return forms.transpose_each_phase(y, kernel, geometry)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(x: Array, y: Array, side: int, geometry: Geometry) -> Array:
    """Apply the adjoint of `correlate` in its kernel.

    Args:
        x: (batch, size, size, inputs).
        y: (batch, small, small, outputs), the cotangent of the correlation.
        side: the kernel's side, in pixels.
        geometry: the correlation's.

    Returns:
        (side, side, inputs, outputs).
    """
    if is_product_of_matrices(side, y.shape[1], geometry.formulation):
        return forms.kernel_gradient_by_patches(x, y, side, geometry)
    return forms.kernel_gradient_dilated(x, y, side, geometry)


def _correlate_fwd(x: Array, kernel: Array, geometry: Geometry) -> _Saved:
    return correlate(x, kernel, geometry), (x, kernel)


def _correlate_bwd(geometry: Geometry, saved: _Pair, cotangent: Array) -> _Pair:
    x, kernel = saved
    return (
        transpose(cotangent, kernel, geometry),
        kernel_gradient(x, cotangent, kernel.shape[0], geometry),
    )


def _transpose_fwd(y: Array, kernel: Array, geometry: Geometry) -> _Saved:
    return transpose(y, kernel, geometry), (y, kernel)


def _transpose_bwd(geometry: Geometry, saved: _Pair, cotangent: Array) -> _Pair:
    y, kernel = saved
    return (
        correlate(cotangent, kernel, geometry),
        kernel_gradient(cotangent, y, kernel.shape[0], geometry),
    )


def _gradient_fwd(x: Array, y: Array, side: int, geometry: Geometry) -> _Saved:
    return kernel_gradient(x, y, side, geometry), (x, y)


def _gradient_bwd(
    side: int, geometry: Geometry, saved: _Pair, cotangent: Array
) -> _Pair:
    del side
    x, y = saved
    return transpose(y, cotangent, geometry), correlate(x, cotangent, geometry)


correlate.defvjp(_correlate_fwd, _correlate_bwd)
transpose.defvjp(_transpose_fwd, _transpose_bwd)
kernel_gradient.defvjp(_gradient_fwd, _gradient_bwd)
