"""Images a second on the way from photographs to a store, and from there to the device.

python experiments/benchmarks/pipeline.py; README.md beside this file says more.
"""

import argparse
import contextlib
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from dcgan_jax import presets
from dcgan_jax.config import TrainConfig, data_config
from dcgan_jax.data import manifest, ready, store as stores, transforms
from dcgan_jax.data.manifest import Manifest, Shard
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import disk
from dcgan_jax.train import feed as feeds, loop
from experiments.benchmarks import page_cache, photographs, reports

PROTOCOL = (
    "store: {num_images} random images of {size}×{size}×3 uint8 in shards of {rows},"
    " on the disk of the working folder; warm: all shards read before; cold: dropped"
    " from the page cache (residency by mincore beside the number); through the loop's"
    " own feed in chunks of its capacity, minibatches of {batch}, to the device, for"
    " {seconds} s or an epoch; warm_images_per_s shuffles rows, cold_images_per_s"
    " blocks, as stores beyond memory are; medians over {rounds} rounds; data wait:"
    " loop.run with the small net at width {width} and batch {batch}, the mean after"
    " the first log point; prepare: a zip of {photographs} JPEGs of short side 256,"
    " the whole command, 1 and 2 workers taking turns"
)
ROWS_PER_SHARD = 4096


def main() -> int:
    flags = _parse()
    report = reports.Report(
        "benchmark_pipeline",
        flags,
        what="images a second from a zip to a store and from a store to the device",
        protocol=PROTOCOL.format(
            num_images=flags.num_images,
            size=flags.image_size,
            rows=ROWS_PER_SHARD,
            batch=flags.batch_size,
            seconds=flags.seconds,
            rounds=flags.rounds,
            width=flags.width,
            photographs=flags.num_photographs,
        ),
    )
    with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
        if "feed" in flags.parts:
            config = _make_config(flags, Path(folder))
            write_store(config, flags.num_images)
            report.numbers |= measure_feed(config, flags)
            report.save()
            report.numbers |= measure_data_wait(config, flags.num_steps)
            report.save()
        if "prepare" in flags.parts:
            report.numbers |= measure_prepare(flags, Path(folder))
            report.save()
    for name, value in report.numbers.items():
        print(f"{name:<36}{value:>14,.3f}")
    print(report.path)
    return 0


def write_store(config: TrainConfig, num_images: int) -> list[Path]:
    """Write random pixels as a store of the project's format; return the shards."""
    path = stores.store_path(config)
    path.mkdir(parents=True)
    shape = (config.image_size, config.image_size, config.channels)
    rng = np.random.default_rng(0)
    shards, files = [], []
    for number, start in enumerate(range(0, num_images, ROWS_PER_SHARD)):
        rows = min(ROWS_PER_SHARD, num_images - start)
        file = path / f"images-{number:05}.npy"
        pixels = np.frombuffer(rng.bytes(rows * int(np.prod(shape))), np.uint8)
        np.save(file, pixels.reshape(rows, *shape))
        files.append(file)
        shards.append(
            Shard(
                images=file.name,
                images_sha256=disk.hash_file(file),
                labels=None,
                labels_sha256=None,
                rows=rows,
            )
        )
    manifest.write(
        path,
        Manifest(
            dataset=config.dataset,
            source=None,
            split=config.split,
            source_fingerprint="random pixels",
            transform=transforms.from_config(config).settings(),
            shuffle_seed=0,
            num_images=num_images,
            class_names=None,
            left_out=(),
            shards=tuple(shards),
        ),
    )
    return files


def measure_feed(config: TrainConfig, flags: argparse.Namespace) -> dict[str, float]:
    """Measure a warm and a cold store through the loop's feed."""
    store = stores.open_store(stores.store_path(config))
    files = sorted(stores.store_path(config).glob("images-*.npy"))
    rates: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rates.setdefault(name, []).append(value)

    for seed in range(flags.rounds):
        page_cache.fill(files)
        note("warm_residency", page_cache.measure_residency(files))
        for shuffle, ending in (("rows", ""), ("blocks", "_blocks")):
            own = dataclasses.replace(config, shuffle=shuffle, seed=seed)
            note(f"warm_images_per_s{ending}", _run_feed(store, own, flags.seconds))
        for shuffle, ending in (("blocks", ""), ("rows", "_rows")):
            own = dataclasses.replace(config, shuffle=shuffle, seed=100 + seed)
            # Pages that this process has touched in its mapping would stay.
            store = stores.open_store(stores.store_path(config))
            page_cache.drop(files)
            note(f"cold_residency{ending}", page_cache.measure_residency(files))
            note(f"cold_images_per_s{ending}", _run_feed(store, own, flags.seconds))
    return {name: statistics.median(values) for name, values in rates.items()}


def _run_feed(store: stores.Store, config: TrainConfig, seconds: float) -> float:
    """Take chunks for a while, each asked for before the last one is used."""
    own = feeds.open_feed(store, config)
    with contextlib.closing(own):
        count, step = own.capacity, 0
        begin = time.perf_counter()
        own.ask(step, count)
        # An epoch at most: cold rows are warm the second time.
        last = min(count, len(store) // config.batch_size)
        while time.perf_counter() - begin < seconds or step == 0:
            chunk = own.take()
            step += count
            jax.block_until_ready(jax.tree.leaves(chunk.batches))
            if (step + last) * config.batch_size > len(store):
                break
            own.ask(step, count)
        elapsed = time.perf_counter() - begin
    return step * config.batch_size / elapsed


def measure_data_wait(config: TrainConfig, num_steps: int) -> dict[str, float]:
    """Train with the loop itself; return the share of time that waits for data."""
    interval = max(num_steps // 5, 1)
    outcome = loop.run(
        dataclasses.replace(
            config,
            num_steps=num_steps,
            log_every_steps=interval,
            sample_every_steps=10**6,
            checkpoint_every_steps=10**6,
        )
    )
    rows = run_dir.read_metrics(outcome.curves.parent)[1:]  # the first one compiles
    seconds = [interval * config.batch_size / row["images_per_second"] for row in rows]
    waited = sum(row["data_wait_seconds"] for row in rows)
    return {
        "data_wait_share": waited / sum(seconds),
        "loop_images_per_s": len(rows) * interval * config.batch_size / sum(seconds),
    }


def measure_prepare(flags: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Prepare a zip of photographs with one and two workers by turns."""
    archive = folder / "photographs.zip"
    photographs.write_zip(
        archive,
        flags.source,
        count=flags.num_photographs,
        distinct=flags.distinct_photographs,
    )
    os.sync()  # writing the rest of it would slow the first round
    rates: dict[int, list[float]] = {1: [], 2: []}
    for index in range(flags.rounds):
        for workers, own in rates.items():
            config = dataclasses.replace(
                data_config(presets.FOLDER),
                source=archive,
                image_size=flags.image_size,
                data_dir=folder / f"prepared-{workers}-{index}",
                num_workers=workers,
            )
            command = [sys.executable, "-m", "dcgan_jax.prepare"]
            begin = time.perf_counter()
            subprocess.run(
                [*command, *ready.data_flags(config)], check=True, capture_output=True
            )
            own.append(flags.num_photographs / (time.perf_counter() - begin))
    one, two = (statistics.median(own) for own in rates.values())
    return {
        "prepare_images_per_s_1": one,
        "prepare_images_per_s_2": two,
        "prepare_speedup": two / one,
    }


def _make_config(flags: argparse.Namespace, folder: Path) -> TrainConfig:
    return dataclasses.replace(
        presets.FOLDER,
        architecture="small",
        image_size=flags.image_size,
        width_multiplier=flags.width,
        batch_size=flags.batch_size,
        data_dir=folder / "data",
        workdir=folder / "run",
    )


def _parse() -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    add("--parts", nargs="+", choices=("feed", "prepare"), default=["feed", "prepare"])
    add("--num_images", type=int, default=400_000, help="rows of the generated store")
    add("--image_size", type=int, default=64)
    add("--batch_size", type=int, default=128)
    add("--width", type=float, default=0.25, help="of the net that waits for data")
    add("--num_steps", type=int, default=100, help="of the loop that waits for data")
    add("--seconds", type=float, default=5.0, help="length of one reading")
    add("--rounds", type=int, default=3)
    add("--source", type=Path, help="a folder of photographs, else scikit-learn's two")
    add("--num_photographs", type=int, default=60_000)
    add("--distinct_photographs", type=int, default=1000)
    add("--work_dir", type=Path, default=Path(), help="where the store is written")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
