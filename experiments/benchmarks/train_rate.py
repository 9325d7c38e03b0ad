"""Images a second as `train` prints them, beside the rate of its step alone.

python experiments/benchmarks/train_rate.py --device=gpu

README.md beside this file says more. `train_step.py` on the same machine comes first.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax import cli
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors
from experiments import results, trained
from experiments.benchmarks import nets, reports

RUNS = {
    "small32": [
        "--preset=folder", "--architecture=small", "--image_size=32", "--by_count=none",
    ],
    "conditional_mnist": ["--preset=mnist_conditional", "--held_out=0"],
    "imagenet32": ["--preset=imagenet32"],
    "dcgan64": ["--preset=lsun_bedroom"],
}  # fmt: skip
PROTOCOL = (
    "dcgan_jax.train on {images:,} random images with its defaults for saving, drawing,"
    " logging and precision, batch {batch}, for about {seconds:g} s; the median of"
    " images_per_second in metrics.jsonl after the first fifth of the rows;"
    " ratio: to the rate of {column} in {benchmark}.json; {device}"
)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    if flags.device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    column = "ours_s" if flags.device == "cpu" else "ours_bf16_default_s"
    benchmark = reports.name_of_device("benchmark_train_step", flags.device)
    steps = results.read_numbers(benchmark)
    report = reports.Report(
        reports.name_of_device("benchmark_train_rate", flags.device),
        flags,
        what="images a second of whole trainings, by net",
        protocol=PROTOCOL.format(
            images=flags.num_images, batch=flags.batch_size, seconds=flags.seconds,
            column=column, benchmark=benchmark, device=flags.device,
        ),
    )  # fmt: skip
    for net in flags.nets:
        if column not in steps.get(net, {}):
            raise errors.MissingInputError(
                f"{benchmark}.json has no {column} of {net}; run"
                f" experiments/benchmarks/train_step.py --device={flags.device} first"
            )
        step = steps[net][column]
        with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
            rate = measure(net, flags, Path(folder), step)
        alone = flags.batch_size / step
        report.numbers[net] = {
            "images_per_s": rate,
            "step_images_per_s": alone,
            "ratio": rate / alone,
        }
        report.save()
        print(f"{net}: {rate:,.0f} images/s, {rate / alone:.3f} of the step's rate")
    print(report.path)
    return 0


def measure(net: str, flags: argparse.Namespace, folder: Path, step: float) -> float:
    """Train a net for a while; return the images a second that it logged.

    Args:
        net: the net.
        flags: of the command line.
        folder: for the images and the run, which are not kept.
        step: about the seconds that a step takes.
    """
    source = folder / "random.npz"
    write_images(source, net, flags.num_images)
    workdir = folder / "run"
    trained.require(
        trained.run_train(
            [
                *RUNS[net], "--dataset=arrays", f"--source={source}",
                f"--data_dir={folder / 'data'}", f"--workdir={workdir}",
                f"--batch_size={flags.batch_size}",
                f"--num_steps={max(int(flags.seconds / step), 10)}",
            ]
        )
    )  # fmt: skip
    rates = [row["images_per_second"] for row in run_dir.read_metrics(workdir)]
    return statistics.median(rates[len(rates) // 5 :])


def write_images(path: Path, net: str, count: int) -> None:
    """Write random images of a net's size, with labels, as an array file."""
    config = nets.make_config(net, batch_size=1)
    shape = (count, config.image_size, config.image_size, config.channels)
    rng = np.random.default_rng(0)
    np.savez(
        path,
        images=rng.integers(0, 256, shape, np.uint8),
        labels=rng.integers(0, 10, count, np.int32),
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    add("--nets", nargs="+", choices=list(RUNS), default=list(RUNS))
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--seconds", type=float, default=20.0, help="length of a training")
    add("--batch_size", type=int, default=128)
    add("--num_images", type=int, default=20_000)
    add("--work_dir", type=Path, help="where images and runs are written")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
