"""What a GPU would run: a training step compiled for an H100 that is only described.

make program-record; README.md beside this file says more. Neither a GPU nor CUDA is
needed, only the two wheels of JAX's plugin. The program is read, not run: kernels,
operations and bytes of a step are facts, its time is not among them.
"""

import argparse
import dataclasses
import os
import sys
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
from jax.stages import Compiled

from dcgan_jax import presets
from dcgan_jax.config import CONDITIONAL, TrainConfig
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import nets as gan_nets
from dcgan_jax.gan.nets import Nets
from dcgan_jax.system import result_file
from dcgan_jax.train import chunk
from experiments.benchmarks import flops, hlo, kernels, nets

# Nets that are timed elsewhere; and, with their presets, those whose programs differ.
TIMED = tuple(net for net in nets.NETS if net != "pytorch_example")
OF_PRESETS = {
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
BATCHES = (32, 64, 256, 512)
PROTOCOL = (
    f"one k = 1 step of the training loop, batch {BATCH}, bfloat16, as XLA compiles it"
    " for an NVIDIA H100 that is described to it and not there, without autotuning;"
    " read from the optimised program: gflop of convolutions and matrix products,"
    " multiplied zeros included; useful_gflop by the layers' shapes; kernels: fusions,"
    " library calls and copies; gbytes: what these read and write; memory_gb: by batch,"
    f" what XLA plans for state, {STEPS} minibatches and intermediate arrays. No time"
    " is measured"
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
    parser.add_argument(
        "--batches",
        nargs="*",
        type=int,
        default=BATCHES,
        help=f"batches besides {BATCH} that the memory of the timed nets is read for",
    )
    flags = parser.parse_args()
    numbers = {}
    for net in flags.nets:
        program = compile_step(net)
        if flags.show:
            flags.show.mkdir(parents=True, exist_ok=True)
            (flags.show / f"{net}.txt").write_text(program.as_text())
        numbers[net] = measure(net, program)
        if net in TIMED:
            memory = numbers[net]["memory_gb"]
            for batch in flags.batches:
                memory[str(batch)] = plan_memory(compile_step(net, batch))
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


def measure(net: str, program: Compiled) -> dict[str, Any]:
    """Return a net's row of the result file."""
    counts = kernels.count(hlo.parse(program.as_text()))
    plain = dataclasses.replace(make_config(net), convolution="lax")
    useful = flops.count_iteration(_make_nets(plain), plain, shares_fake=False)
    return {
        "gflop": round(counts.gflop, 2),
        "useful_gflop": round(useful / 1e9, 2),
        "kernels": counts.kernels,
        "gbytes": round(counts.gbytes, 3),
        "kinds": counts.kinds,
        "memory_gb": {str(BATCH): plan_memory(program)},
    }


def plan_memory(program: Compiled) -> float:
    """Return the GB that a program's arguments, results and buffers take together."""
    plan = program.memory_analysis()
    size = plan.argument_size_in_bytes + plan.temp_size_in_bytes
    return round((size + plan.output_size_in_bytes - plan.alias_size_in_bytes) / 1e9, 3)


def compile_step(net: str, batch_size: int = BATCH) -> Compiled:
    """Return the optimised program of a net's training loop on a GPU."""
    config = dataclasses.replace(make_config(net), batch_size=batch_size)
    # The loop is traced as on a machine with a GPU, whose forms differ from a CPU's.
    with mock.patch.object(jax, "default_backend", return_value="gpu"):
        made = _make_nets(config)
        run = chunk.make_steps(made, static_count=True)
        arguments = (*describe_arguments(made, config), STEPS)
        return compile_for_gpu(run, *arguments)


def compile_for_gpu(jitted: Any, *arguments: Any) -> Compiled:
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
    program: Compiled = lowered.compile()
    return program


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
    minibatches = (STEPS, 1, config.batch_size)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = gan_nets.shape_state(made, image_shape=image)
    images = jax.ShapeDtypeStruct((*minibatches, *image), np.uint8)
    labels = jax.ShapeDtypeStruct(minibatches, np.int32)
    return state, Batch(images, labels if config.num_classes else None), key


if __name__ == "__main__":
    sys.exit(main())
