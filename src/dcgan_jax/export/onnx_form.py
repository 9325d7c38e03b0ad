"""A network as an ONNX graph, by jax2onnx, and compared with ours by onnxruntime."""

import dataclasses
import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.system import disk, errors

# The number of images by which both are compared.
_NUM_COMPARED = 4


def require_converter() -> None:
    """Raise an error where jax2onnx is not installed.

    Raises:
        InputError: if it is not; the message has the command that installs it.
    """
    if importlib.util.find_spec("jax2onnx") is None:
        raise errors.InputError(
            "--format=onnx needs jax2onnx, which is not installed; run"
            " pip install 'dcgan-jax[onnx]'"
        )


def simplify(config: TrainConfig) -> TrainConfig:
    """Return the config of the same networks in operations that ONNX has."""
    return dataclasses.replace(config, convolution="lax", precision="float32")


def save(
    path: Path,
    network: nn.Module,
    variables: dict[str, Any],
    config: TrainConfig,
    *,
    net: str,
) -> float | None:
    """Write a graph whose first dimension is free.

    A generator maps (batch, latent_size) to (batch, height, width, channels) in the
    range of its output; a discriminator maps such images to (batch,) logits. Networks
    that are told the class take it as a second input, (batch,) int32.

    Args:
        path: the file's path.
        network: a network in the operations of `simplify`.
        variables: {params, batch_stats}.
        config: the run's config.
        net: generator or discriminator.

    Returns:
        The relative error of the graph's output, max |a − b| / max |b|; None if
        onnxruntime is not installed.
    """
    from jax2onnx import to_onnx

    inputs = _example_inputs(config, net)

    def apply(x: jax.Array, *labels: jax.Array) -> Any:
        given = labels[0] if labels else None
        result: Any = network.apply(variables, x, given, train=False)
        return result if net == "generator" else result[0]

    free = jax.export.symbolic_shape("B")
    shapes: list[Any] = [
        jax.ShapeDtypeStruct((*free, *array.shape[1:]), array.dtype) for array in inputs
    ]
    # Its warnings tell what it leaves out of the graph's annotations.
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)
    graph = to_onnx(apply, inputs=shapes, return_mode="proto").SerializeToString()
    disk.write_whole(path, graph)
    return _compare(path, apply, inputs)


def _example_inputs(config: TrainConfig, net: str) -> list[np.ndarray]:
    key = jax.random.key(0)
    if net == "generator":
        first = models.make_latents(config)(key, _NUM_COMPARED)
    else:
        shape = (_NUM_COMPARED, *models.judged_shape(config))
        first = jax.random.uniform(key, shape, minval=-1.0)
    inputs = [np.asarray(first)]
    if config.num_classes is not None:
        inputs.append(np.arange(_NUM_COMPARED, dtype=np.int32) % config.num_classes)
    return inputs


def _compare(
    path: Path, apply: Callable[..., Any], inputs: list[np.ndarray]
) -> float | None:
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    names = [given.name for given in session.get_inputs()]
    found = session.run(None, dict(zip(names, inputs, strict=True)))[0]
    expected = np.asarray(apply(*map(jnp.asarray, inputs)))
    return float(np.abs(found - expected).max() / np.abs(expected).max())
