"""The cost of a step by batch, width, image size and threads.

python experiments/benchmarks/scaling.py; README.md beside this file says more.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.pictures import figures
from experiments.benchmarks import allocator, reports
from experiments.benchmarks.workers import Worker

PROTOCOL = (
    "the small net (32×32, 5×5, 64-128-256 at width 1; further blocks of 256 for larger"
    " images), float32; each point in a process of its own, held to its number of cores"
    " by affinity: one untimed step, then as many as fit into {seconds} s (3 to 30);"
    " median; peak_mb is ru_maxrss, which counts the compiler and libraries;"
    " program_mb is what XLA plans for the step; 1 and 2 threads side by side"
)
POINT_SECONDS = 10.0
BATCHES = (16, 32, 64, 128, 256, 512)
WIDTHS = (0.25, 0.5, 0.75, 1.0)
SIZES = (32, 48, 64, 96, 128)
AXES = ("batch_size", "width", "image_size")


class Point(NamedTuple):
    """A point of the table, and the axis that it lies on.

    Attributes:
        axis: the setting that varies.
        batch_size: the images of a step.
        width: the multiplier of the feature maps.
        image_size: the side in pixels.
        threads: the number of cores that the process may use.
    """

    axis: str
    batch_size: int
    width: float
    image_size: int
    threads: int

    @property
    def value(self) -> float:
        """The point's place on its axis."""
        return float(getattr(self, self.axis))

    @property
    def name(self) -> str:
        """The key in the result file; points that two axes share are measured once."""
        return f"b{self.batch_size}_w{self.width:g}_s{self.image_size}_t{self.threads}"


def list_points(threads: list[int]) -> Iterator[Point]:
    """Yield all points, the cheap ones of every axis first."""
    rows = [
        *(("batch_size", batch, 1.0, 32) for batch in BATCHES),
        *(("width", 128, width, 32) for width in WIDTHS),
        *(("image_size", 64, 1.0, size) for size in SIZES),
    ]
    rows.sort(key=lambda row: row[1] * (row[2] * row[3]) ** 2)
    for axis, batch_size, width, image_size in rows:
        for count in threads:
            yield Point(axis, batch_size, width, image_size, count)


def main() -> int:
    flags = _parse()
    report = reports.Report(
        "benchmark_scaling",
        flags,
        what="seconds, rate and memory of a training step by batch, width, image size",
        protocol=PROTOCOL.format(seconds=flags.point_seconds),
    )
    points = [p for p in list_points(flags.threads) if p.axis in flags.axes]
    end = time.monotonic() + 60 * flags.minutes
    with tempfile.TemporaryDirectory() as cache:
        for point in points:
            if point.name in report.numbers:
                continue
            if time.monotonic() > end:
                print("the time is up; the same command goes on", file=sys.stderr)
                break
            report.numbers[point.name] = _measure(point, cache, flags.point_seconds)
            report.save()
            print(f"{point.name}: {_show(report.numbers[point.name])}", flush=True)
    report.save()
    picture = report.path.with_suffix(".png")
    _plot(points, report.numbers, picture)
    print(report.path, picture, sep="\n")
    return 0


def _measure(point: Point, cache: str, seconds: float) -> dict[str, float]:
    spec = {"kind": "point", "device": "cpu", **point._asdict()}
    environment = allocator.make_environment("default", cache=cache)
    with Worker(spec, environment) as worker:
        worker.wait()
        told: dict[str, float] = worker.ask("describe")
        once = worker.ask("train", count=1)
        repeats = int(min(max(seconds / once, 3), 30))
        times = [worker.ask("train", count=1) for _ in range(repeats)]
        median = statistics.median(times)
        return {
            "step_s": median,
            "fastest_s": min(times),
            "gflop_per_s": told["gflop"] / median,
            "images_per_s": point.batch_size / median,
            "peak_mb": worker.peak_mb,
            **told,
        }


def _show(row: dict[str, float]) -> str:
    return (
        f"{row['step_s']:.4f} s, {row['gflop_per_s']:.0f} GFLOP/s,"
        f" {row['images_per_s']:.0f} images/s, step {row['program_mb']:.0f} MB,"
        f" process {row['peak_mb']:.0f} MB"
    )


def _plot(points: list[Point], numbers: dict[str, Any], path: Path) -> None:
    """Draw time, arithmetic rate and memory along each axis."""
    rows = (
        ("step_s", "seconds a step"),
        ("gflop_per_s", "GFLOP/s"),
        ("program_mb", "planned memory, MB"),
    )
    with figures.open_figure(11, 8) as figure:
        panels = figure.subplots(len(rows), len(AXES), sharex="col")
        for column, axis in enumerate(AXES):
            for line, (key, label) in enumerate(rows):
                _plot_panel(panels[line, column], points, numbers, axis=axis, key=key)
                panels[line, column].set_ylabel(label if column == 0 else "")
            panels[-1, column].set_xlabel(axis)
        if panels[0, 0].lines:
            panels[0, 0].legend()
        figure.savefig(path, dpi=100)


def _plot_panel(
    panel: Any, points: list[Point], numbers: dict[str, Any], *, axis: str, key: str
) -> None:
    for threads in sorted({point.threads for point in points}):
        own = sorted(
            (point.value, numbers[point.name][key])
            for point in points
            if (point.axis, point.threads) == (axis, threads) and point.name in numbers
        )
        if own:
            panel.plot(*zip(*own, strict=True), "o-", label=f"{threads} threads")
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.3)


def _parse() -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    cores = len(os.sched_getaffinity(0))
    add("--axes", nargs="+", choices=AXES, default=list(AXES))
    add("--threads", type=int, nargs="+", default=sorted({1, min(2, cores)}))
    add("--minutes", type=float, default=30.0, help="begin no point after this time")
    add("--point_seconds", type=float, default=POINT_SECONDS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
