"""A plain DCGAN as PyTorch layers, named as in PyTorch's DCGAN example.

There a network is a sequence, `main`: main.0.weight is the first layer's kernel, and
main.1.running_mean is the mean of the batch norm after it. Ours differs where the paper
does. Kernels are 5×5 or 3×3, with a padding of their own. The generator's first batch
norm has a gain for every unit, since the authors' code normalises before the reshape;
it is a flattened BatchNorm1d inside of main.1.

Source: pytorch/examples, dcgan/main.py.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from dcgan_jax.architectures import PLAIN
from dcgan_jax.models import dcgan, layers as own_layers, spectral
from dcgan_jax.system import disk

ARCHITECTURES = PLAIN
# A convolution's kernel (rows, columns, in, out) → PyTorch's (out, in, rows, columns).
# The kernel of its adjoint is stored as the convolution's by us and by PyTorch.
_TO_TORCH = (3, 2, 0, 1)


class Layer(NamedTuple):
    """A layer of a sequence.

    Attributes:
        code: the expression that makes it, given `from torch import nn`.
        arrays: its state, by the names within the layer.
    """

    code: str
    arrays: dict[str, np.ndarray]


def list_layers(network: nn.Module, variables: dict[str, Any]) -> list[Layer]:
    """Return a network's layers in PyTorch's layout.

    Args:
        network: `dcgan.Generator` or `dcgan.Discriminator`.
        variables: {params, batch_stats}.

    Raises:
        TypeError: if it is another network.
    """
    params, stats = variables["params"], variables.get("batch_stats", {})
    if isinstance(network, dcgan.Generator):
        return _generator(network, params, stats)
    if isinstance(network, dcgan.Discriminator):
        return _discriminator(network, params, stats)
    raise TypeError(f"{type(network).__name__} has no form in PyTorch here")


def save(path: Path, layers: list[Layer]) -> None:
    """Write the state that `module.main.load_state_dict` takes, as safetensors."""
    from safetensors.numpy import save_file

    arrays = {
        f"main.{index}.{name}": np.ascontiguousarray(array)
        for index, layer in enumerate(layers)
        for name, array in layer.arrays.items()
    }
    with disk.replacing(path) as partial:
        save_file(arrays, partial, metadata={"format": "pt"})


def write_code(name: str, layers: list[Layer]) -> str:
    """Return Python code that makes the network, one layer a line."""
    lines = [f"    {layer.code},  # main.{i}" for i, layer in enumerate(layers)]
    return "\n".join([f"{name} = nn.Sequential(", *lines, ")"])


def _generator(
    network: dcgan.Generator, params: dict[str, Any], stats: dict[str, Any]
) -> list[Layer]:
    size, features = network.base_size, network.base_features
    kernel = np.asarray(params["project"]["dense"]["kernel"])
    latent_size = len(kernel)
    weight = kernel.reshape(latent_size, size, size, features).transpose(0, 3, 1, 2)
    code = f"nn.ConvTranspose2d({latent_size}, {features}, {size}, bias=False)"
    made = [Layer(code, {"weight": weight})]
    if network.bn_hidden:
        made.append(_unit_norm(network, params["project"], stats["project"]))
    made.append(Layer("nn.ReLU()", {}))
    padding = (network.kernel_size - 1) // 2
    channels = features
    for index, layer in enumerate(network.convolutions):
        code = (
            f"nn.ConvTranspose2d({channels}, {layer.features}, {network.kernel_size}, "
            f"{layer.stride}, {padding}, output_padding={layer.stride - 1}, bias=False)"
        )
        kernel = np.asarray(params[f"conv{index}"]["kernel"])
        made.append(Layer(code, {"weight": kernel.transpose(_TO_TORCH)}))
        channels = layer.features
        is_output = index == len(network.convolutions) - 1
        if network.bn_output if is_output else network.bn_hidden:
            made.append(_map_norm(channels, f"bn{index}", params, stats))
        made.append(Layer("nn.Tanh()" if is_output else "nn.ReLU()", {}))
    return made


def _discriminator(
    network: dcgan.Discriminator, params: dict[str, Any], stats: dict[str, Any]
) -> list[Layer]:
    made = []
    padding = (network.kernel_size - 1) // 2
    for index, layer in enumerate(network.convolutions):
        name = f"conv{index}"
        kernel = _disc_kernel(network, params[name], stats.get(name))
        arrays = {"weight": kernel.transpose(_TO_TORCH)}
        if "bias" in params[name]:
            arrays["bias"] = np.asarray(params[name]["bias"])
        code = (
            f"nn.Conv2d({kernel.shape[2]}, {layer.features}, {network.kernel_size}, "
            f"{layer.stride}, {padding}, bias={'bias' in arrays})"
        )
        made.append(Layer(code, arrays))
        if network.has_batch_norm(index):
            made.append(_map_norm(layer.features, f"bn{index}", params, stats))
        made.append(Layer(f"nn.LeakyReLU({own_layers.LEAK})", {}))
    features = network.convolutions[-1].features
    logit = params["logit"] if network.spectral_norm else params["logit"]["dense"]
    kernel = _disc_kernel(network, logit, stats.get("logit"))
    size = round((len(kernel) / features) ** 0.5)
    weight = kernel.reshape(1, size, size, features).transpose(0, 3, 1, 2)
    if network.global_average:
        made.append(Layer("nn.AdaptiveAvgPool2d(1)", {}))
    code = f"nn.Conv2d({features}, 1, {size}, bias=False)"
    return [*made, Layer(code, {"weight": weight}), Layer("nn.Sigmoid()", {})]


def _disc_kernel(
    network: dcgan.Discriminator, params: dict[str, Any], stats: dict[str, Any] | None
) -> np.ndarray:
    """Return a kernel as it is applied."""
    if not network.spectral_norm or stats is None:
        return np.asarray(params["kernel"])
    return np.asarray(spectral.divide(params["kernel"], stats["u"])[0])


def _map_norm(
    features: int, name: str, params: dict[str, Any], stats: dict[str, Any]
) -> Layer:
    code = f"nn.BatchNorm2d({features}, eps={own_layers.BN_EPSILON})"
    return Layer(code, _norm_arrays(params.get(name, {}), stats[name]))


def _unit_norm(
    network: dcgan.Generator, params: dict[str, Any], stats: dict[str, Any]
) -> Layer:
    """Return the batch norm of the first map, which has a gain for every unit."""
    size, features = network.base_size, network.base_features
    code = (
        f"nn.Sequential(nn.Flatten(), nn.BatchNorm1d({features * size * size}, "
        f"eps={own_layers.BN_EPSILON}), nn.Unflatten(1, ({features}, {size}, {size})))"
    )
    arrays = _norm_arrays(params.get("bn", {}), stats["bn"])
    turned = {
        name: array.reshape(size, size, features).transpose(2, 0, 1).reshape(-1)
        if array.ndim
        else array
        for name, array in arrays.items()
    }
    return Layer(code, {f"1.{name}": array for name, array in turned.items()})


def _norm_arrays(
    params: dict[str, Any], stats: dict[str, Any]
) -> dict[str, np.ndarray]:
    mean, var = np.asarray(stats["mean"]), np.asarray(stats["var"])
    return {
        "weight": np.asarray(params.get("gain", np.ones_like(mean))),
        "bias": np.asarray(params.get("offset", np.zeros_like(mean))),
        "running_mean": mean,
        "running_var": var,
        "num_batches_tracked": np.zeros((), np.int64),
    }
