"""What a discriminator's filters respond to: maximal responses and guided gradients.

A response is a filter's largest activation over the positions of its map, after
LeakyReLU; its guided gradient tells the pixels that speak for it (§6.2, Fig. 5).
Source: Springenberg et al. 2014, §3.4.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.models import layers, pixels
from dcgan_jax.models.dcgan import Discriminator
from dcgan_jax.system import backend

Array = jax.Array
Respond = Callable[[dict[str, Any], np.ndarray], Array]
Explain = Callable[[dict[str, Any], np.ndarray, np.ndarray], Array]


@jax.custom_vjp
def guided_leaky_relu(x: Array) -> Array:
    """Return `layers.leaky_relu`, whose gradient is here the guided one.

    A gradient passes, unchanged, only where it and the input are positive. Nothing
    passes through the leak: where the input is negative, the pattern that a unit looks
    for is not there, and it has no part in the picture.

    Source: Springenberg et al. 2014, Fig. 1, for ReLU; LeakyReLU is ours.
    """
    return layers.leaky_relu(x)


def _guided_fwd(x: Array) -> tuple[Array, Array]:
    return layers.leaky_relu(x), x > 0


def _guided_bwd(is_positive: Array, gradient: Array) -> tuple[Array]:
    passes = is_positive & (gradient > 0)
    return (jnp.where(passes, gradient, jnp.zeros_like(gradient)),)


guided_leaky_relu.defvjp(_guided_fwd, _guided_bwd)


def make_responses(network: Discriminator) -> Respond:
    """Compile the responses of the filters of the last convolution.

    Returns:
        `(variables, images) → responses`: {params, batch_stats} and uint8 (n, size,
        size, channels) → (n, filters) float32. Stored statistics: an image's responses
        depend on it alone.
    """
    plain = models.for_inference(network)

    @backend.jit
    def respond(variables: dict[str, Any], images: Array) -> Array:
        maps = last_maps(plain, variables, pixels.scale_images(images, "tanh"))
        responses: Array = maps.max(axis=(1, 2))
        return responses

    compiled: Respond = respond
    return compiled


def make_guided_gradients(network: Discriminator) -> Explain:
    """Compile the guided gradients of responses with respect to the pixels.

    Returns:
        `(variables, images, filters) → gradients`: for image i, uint8 (n, size, size,
        channels), the gradient of the response of filter i, (n,) int, at the one
        position where it is largest (the first of several); (n, size, size, channels)
        float32. Images do not depend on each other.
    """
    guided = models.for_inference(network).clone(activation=guided_leaky_relu)

    def add_responses(images: Array, variables: dict[str, Any], filters: Array) -> Any:
        maps = last_maps(guided, variables, images)
        by_place = maps.reshape(len(maps), -1, maps.shape[-1])
        own = jnp.take_along_axis(by_place, filters[:, None, None], axis=2)[..., 0]
        places = own.argmax(axis=1)[:, None]
        return jnp.take_along_axis(own, places, axis=1).sum()

    @backend.jit
    def explain(variables: dict[str, Any], images: Array, filters: Array) -> Array:
        gradients: Array = jax.grad(add_responses)(
            pixels.scale_images(images, "tanh"), variables, filters
        )
        return gradients

    compiled: Explain = explain
    return compiled


def last_maps(
    network: Discriminator, variables: dict[str, Any], images: Array
) -> Array:
    """Return the last convolution's maps after LeakyReLU, (n, side, side, filters)."""
    _, activations = network.apply(variables, images, train=False)  # type: ignore[misc]
    maps: Array = list(activations.values())[-1]
    return maps.astype(jnp.float32)


class Strongest(NamedTuple):
    """The images with the largest responses.

    Attributes:
        rows: (filters, kept) numbers of the images, the largest response first.
        responses: (filters, kept).
        lead: (filters,) how far their mean is above that of all images, in standard
            deviations of all; 0 where all images respond alike.
    """

    rows: np.ndarray
    responses: np.ndarray
    lead: np.ndarray


def find_strongest(responses: np.ndarray, *, kept: int) -> Strongest:
    """Find the images with the largest responses, of equal ones the first.

    Args:
        responses: (images, filters), which may be mapped from a file: a filter at a
            time is read.
        kept: images for each filter, at most as many as there are.
    """
    rows, values, leads = [], [], []
    for index in range(responses.shape[1]):
        own = np.array(responses[:, index], np.float64)
        best = np.argsort(-own, kind="stable")[:kept]
        rows.append(best)
        values.append(own[best])
        deviation = own.std()
        above = own[best].mean() - own.mean()
        leads.append(above / deviation if deviation > 0 else 0.0)
    return Strongest(np.stack(rows), np.stack(values), np.array(leads))


def to_picture(gradients: np.ndarray) -> np.ndarray:
    """Show gradients as uint8 images: middle grey is 0.

    Each image is scaled by its own largest magnitude, so that brightness can be
    compared within an image and not between two; one without any gradient is grey.

    Args:
        gradients: (n, height, width, channels).
    """
    most = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.divide(gradients, most, out=np.zeros_like(gradients), where=most > 0)
    return np.round(127.5 + 127.5 * scaled).astype(np.uint8)
