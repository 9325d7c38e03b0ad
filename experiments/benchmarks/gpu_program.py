"""What a GPU would run: a training step compiled for an H100 that is only described.

make program-record; README.md beside this file says more. Neither a GPU nor CUDA is
needed, only the two wheels of JAX's plugin. The program is read, not run: kernels,
operations and bytes of a step are facts, its time is not among them.
"""

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

# Before JAX is imported: no card to be checked, both backends (a CPU is the default),
# no trial runs of kernels.
os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
os.environ["JAX_PLATFORMS"] = ""
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_gpu_autotune_level=0"
)

import jax
import numpy as np
from jax.experimental import topologies

from dcgan_jax import presets
from dcgan_jax.config import CONDITIONAL, TrainConfig
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import nets as gan_nets
from dcgan_jax.gan.nets import Nets
from dcgan_jax.system import result_file
from dcgan_jax.train import chunk
from experiments.benchmarks import hlo, kernels, nets

# Nets that are timed elsewhere; and, with their presets, those whose programs differ.
TIMED = ("small32", "imagenet32", "dcgan64")
OF_PRESETS = {
    "conditional_mnist": presets.MNIST_CONDITIONAL,
    "mnist": presets.MNIST,
    "cifar10": presets.CIFAR10,
    "celeb_a": presets.CELEB_A,
    "mnist_mlp": presets.MNIST_MLP,
    "goodfellow_mnist": presets.GOODFELLOW_MNIST,
    "goodfellow_cifar10": presets.GOODFELLOW_CIFAR10,
    "goodfellow_cifar10_conv": presets.GOODFELLOW_CIFAR10_CONV,
    "goodfellow_faces": presets.GOODFELLOW_FACES,
}
NETS = (*TIMED, *OF_PRESETS)
RESULT = Path(__file__).parents[1] / "results" / "gpu_program.json"
BATCH, STEPS = 128, 32
PROTOCOL = (
    f"one k = 1 step of the training loop, batch {BATCH}, bfloat16, as XLA compiles it"
    " for an NVIDIA H100 that is described to it and not there, without autotuning;"
    " read from the optimised program: gflop of convolutions and matrix products,"
    " multiplied zeros included; useful_gflop by the layers' shapes; kernels: fusions,"
    " library calls and copies; gbytes: what these read and write. No time is measured"
)
# NVIDIA's data sheet, and what CUDA tells of one.
_H100 = """
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 10 }
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132
  fpus_per_core: 128
  clock_rate_ghz: 1.98
  memory_bandwidth: 3352320000000
  device_memory_size: 84978434048
  l2_cache_size: 52428800
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULT, help="the result file")
    parser.add_argument(
        "--nets", nargs="+", choices=NETS, default=NETS, help="the nets to compile"
    )
    parser.add_argument("--show", type=Path, help="a folder for the programs' texts")
    flags = parser.parse_args()
    numbers = {}
    for net in flags.nets:
        text = compile_step(net)
        if flags.show:
            flags.show.mkdir(parents=True, exist_ok=True)
            (flags.show / f"{net}.txt").write_text(text)
        numbers[net] = measure(net, text)
        print(net, numbers[net], flush=True)
    result_file.save(
        flags.out,
        what="The program of a training step on a GPU: work, kernels, bytes",
        command="make program-record",
        seed=0,
        protocol=PROTOCOL,
        numbers=numbers,
    )
    return 0


def measure(net: str, text: str) -> dict[str, Any]:
    """Return a net's row of the result file."""
    counts = kernels.count(hlo.parse(text))
    return {
        "gflop": round(counts.gflop, 2),
        "useful_gflop": round(count_useful(net) / 1e9, 2),
        "kernels": counts.kernels,
        "gbytes": round(counts.gbytes, 3),
        "kinds": counts.kinds,
    }


def compile_step(net: str) -> str:
    """Return the optimised program of a net's training loop on a GPU."""
    config = make_config(net)
    # The loop is traced as on a machine with a GPU, whose forms differ from a CPU's.
    with mock.patch.object(jax, "default_backend", return_value="gpu"):
        made = _make_nets(config)
        run = chunk.make_steps(made, static_count=True)
        arguments = (*describe_arguments(made, config), STEPS)
        return compile_for_gpu(run, *arguments)


def compile_for_gpu(jitted: Any, *arguments: Any) -> str:
    """Return the optimised program of a jitted function for the GPU described above.

    Args:
        jitted: the function.
        arguments: trees of shapes; or what is static, which has no shape.
    """
    topology = topologies.get_topology_desc(
        platform="cuda", topology="1x1x1", target_config=_H100
    )
    place = jax.sharding.SingleDeviceSharding(topology.devices[0])

    def put(leaf: Any) -> Any:
        if not hasattr(leaf, "shape"):
            return leaf
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)

    lowered = jitted.lower(*(jax.tree.map(put, argument) for argument in arguments))
    return str(lowered.compile().as_text())


def _make_nets(config: TrainConfig) -> Nets:
    return gan_nets.make_nets(config, num_steps=1000, num_rows=60_000)


def make_config(net: str) -> TrainConfig:
    """Return the config that a net is compiled with."""
    if net in TIMED:
        return nets.make_config(net, batch_size=BATCH, precision="bfloat16")
    preset = OF_PRESETS[net]
    return dataclasses.replace(
        preset,
        num_classes=10 if preset.architecture in CONDITIONAL else None,
        batch_size=BATCH,
        precision="bfloat16",
    )


def describe_arguments(made: Nets, config: TrainConfig) -> tuple[Any, Batch, Any]:
    """Return the shapes of the loop's state, minibatches and key."""
    image = (config.image_size, config.image_size, config.channels)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = gan_nets.shape_state(made, image_shape=image)
    images = jax.ShapeDtypeStruct((STEPS, 1, BATCH, *image), np.uint8)
    labels = jax.ShapeDtypeStruct((STEPS, 1, BATCH), np.int32)
    return state, Batch(images, labels if config.num_classes else None), key


def count_useful(net: str) -> int:
    """Return the operations of a step that no form of it can do without.

    As `flops.count_iteration` counts them, whose networks are plain.
    """
    config = dataclasses.replace(make_config(net), convolution="lax")
    made = _make_nets(config)
    state, batches, key = describe_arguments(made, config)
    images = jax.ShapeDtypeStruct(batches.images.shape[2:], np.float32)
    labels = None
    if batches.labels is not None:
        labels = jax.ShapeDtypeStruct((BATCH,), np.int32)
    latents = jax.eval_shape(lambda key: made.draw_latents(key, BATCH), key)

    def generate(gen: Any, latents: Any, labels: Any) -> Any:
        return made.generate(gen, gen.params, latents, labels)

    def judge(disc: Any, images: Any, labels: Any, key: Any) -> Any:
        return made.judge(disc.params, disc.batch_stats, images, labels, key)

    gen = list(_list_products(generate, state.gen, latents, labels))
    disc = list(_list_products(judge, state.disc, images, labels, key))
    # D: forward, kernels, maps but the image's, of both halves; G forward.
    d_update = 2 * (3 * sum(disc) - disc[0]) + sum(gen)
    # Forward through both; D's maps; G's maps but the latents', and its kernels.
    g_update = 2 * sum(disc) + 3 * sum(gen) - gen[0]
    return d_update + g_update


def _list_products(function: Any, *shapes: Any) -> Iterator[int]:
    """Yield the operations of the products of a forward pass, without added zeros."""
    yield from _list_in(jax.make_jaxpr(function)(*shapes).jaxpr)


def _list_in(jaxpr: Any) -> Iterator[int]:
    for line in jaxpr.eqns:
        if line.primitive.name == "conv_general_dilated":
            yield _count_convolution(line)
        elif line.primitive.name == "dot_general":
            ((axes, _), _) = line.params["dimension_numbers"]
            left = line.invars[0].aval.shape
            summed = math.prod(left[axis] for axis in axes)
            yield 2 * line.outvars[0].aval.size * summed
        for part in jax.tree.leaves(list(line.params.values()), is_leaf=_has_lines):
            inner = getattr(part, "jaxpr", part)
            if _has_lines(inner):
                yield from _list_in(inner)


def _count_convolution(line: Any) -> int:
    """A transposed one, whose map is dilated, costs what its strided one does."""
    is_transposed = max(line.params["lhs_dilation"]) > 1
    small = line.invars[0].aval if is_transposed else line.outvars[0].aval
    return 2 * small.size * line.invars[1].aval.size // small.shape[-1]


def _has_lines(part: Any) -> bool:
    return hasattr(part, "eqns")


if __name__ == "__main__":
    sys.exit(main())
