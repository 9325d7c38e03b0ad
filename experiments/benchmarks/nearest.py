"""The nearest-neighbour count beside the products of matrices that it must make.

python experiments/benchmarks/nearest.py RUN --data_dir=data

README.md beside this file says what each number means.
"""

import argparse
import dataclasses
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.config import data_config
from dcgan_jax.data import store as stores
from dcgan_jax.evaluate import nearest, nearest_neighbour
from dcgan_jax.evaluate.nearest import BLOCK
from dcgan_jax.evaluate.nearest_neighbour import Identity
from dcgan_jax.runs import load as loading
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import backend
from experiments.benchmarks import reports

PROTOCOL = (
    "{samples} samples against {queries} test images, medians of {rounds} rounds that"
    " take turns: count_s the whole count; generator_s drawing the samples alone;"
    " matmul_s the products of float32 matrices (queries × pixels × samples) in the"
    " same blocks and chunks alone, of each row the largest kept; ratio = count_s /"
    " (generator_s + matmul_s); peak_memory_gb of the process"
)


def main() -> int:
    flags = _parse()
    loaded = loading.load_generator(flags.run)
    data = dataclasses.replace(data_config(loaded.config), split="test")
    if flags.data_dir is not None:
        data = dataclasses.replace(data, data_dir=flags.data_dir)
    test = stores.open_store(stores.store_path(data))
    samples = SampleStream(loaded, seed=0)
    parts = {
        "count_s": lambda: _count(samples, test, flags.num_samples),
        "generator_s": lambda: _draw(samples, flags.num_samples),
        "matmul_s": lambda: _multiply(test, flags.num_samples),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(flags.rounds + 1):  # the first one compiles
        for name, part in parts.items():
            begin = time.perf_counter()
            part()
            times[name].append(time.perf_counter() - begin)
    numbers = {name: statistics.median(seen[1:]) for name, seen in times.items()}
    report = reports.Report(
        "benchmark_nearest",
        flags,
        what="nearest neighbours of test images among generated samples: time, memory",
        protocol=PROTOCOL.format(
            samples=flags.num_samples, queries=len(test), rounds=flags.rounds
        ),
    )
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report.numbers |= {
        **numbers,
        "ratio": numbers["count_s"] / (numbers["generator_s"] + numbers["matmul_s"]),
        "samples_per_s": flags.num_samples / numbers["count_s"],
        "width_multiplier": loaded.config.width_multiplier,
        "peak_memory_gb": kilobytes * 1024 / 1e9,
    }
    report.save()
    print(report.numbers)
    return 0


def _count(samples: SampleStream, test: stores.Store, num_samples: int) -> None:
    identity = Identity("benchmark", 0, test.fingerprint)
    with tempfile.TemporaryDirectory() as folder:
        nearest_neighbour.count_errors(
            samples,
            test,
            num_samples=num_samples,
            identity=identity,
            folder=Path(folder),
        )


def _draw(samples: SampleStream, num_samples: int) -> None:
    last = [samples.block(first, BLOCK) for first in range(0, num_samples, BLOCK)][-1]
    last.block_until_ready()


def _multiply(test: stores.Store, num_samples: int) -> None:
    own = nearest.make_queries(test.rows(np.arange(len(test))).images).parts[0]
    other = jnp.ones((BLOCK, own.shape[-1]), jnp.float32)
    for _ in range(0, num_samples, BLOCK):
        last = _products(own, other)
    last.block_until_ready()


@backend.jit
def _products(own: jax.Array, other: jax.Array) -> jax.Array:
    """Multiply chunk by chunk, as the count does; keep the largest of each row."""
    return jax.lax.map(lambda chunk: (chunk @ other.T).max(1), own)


def _parse() -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    add("run", help="folder of a conditional run")
    add("--data_dir", type=Path, help="of the prepared test images; the run's")
    add("--num_samples", type=int, default=51_200)
    add("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
