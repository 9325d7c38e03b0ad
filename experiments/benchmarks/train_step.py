"""Our training step against PyTorch's: python experiments/benchmarks/train_step.py.

README.md beside this file says what each column means and how it is measured.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
from typing import Any

from dcgan_jax.sample import draw as sampling
from experiments.benchmarks import (
    allocator,
    cpu_columns,
    flops,
    gpu_columns,
    nets,
    reports,
)  # fmt: skip
from experiments.benchmarks.columns import FEW_ROUNDS, Column
from experiments.benchmarks.workers import Worker, WorkerError

PROTOCOL = (
    "one k = 1 iteration (an update of D on a real and a generated batch, then one of"
    " G); every participant in a process of its own, one active at a time, taking"
    " turns in rounds with the first place rotating; a turn is one untimed iteration"
    " and then as many timed ones as take about {seconds} s (1 to {capacity}); medians"
    " over {rounds} rounds ({few} for lax_s, sampling and features; one iteration where"
    " it takes over a minute); ours runs the"
    " jitted loop of training with donated state, draws new latents for G's update;"
    " PyTorch's example shares one generated batch; GFLOP count both (gflop,"
    " gflop_shared_fake); batch {batch}; torch {torch}; {device}, {cores} cores"
)
TURN_SECONDS = 3.0
# A participant that takes longer for an iteration is measured once.
SLOW_SECONDS = 60.0
COLUMNS = {"cpu": cpu_columns, "gpu": gpu_columns}


def main() -> int:
    flags = _parse()
    has_torch = reports.version_of("torch") != "absent"
    if not (has_torch or flags.without_torch):
        print(
            "PyTorch is not installed: pip install 'dcgan-jax[bench]', or leave its"
            " columns empty by --without_torch",
            file=sys.stderr,
        )
        return 2
    report = _open_report(flags)
    for net in flags.nets:
        if net in report.numbers:
            print(f"{net}: measured before; --again measures anew")
            continue
        with tempfile.TemporaryDirectory() as cache, contextlib.ExitStack() as stack:
            report.numbers[net] = _Bench(net, flags, cache, stack).measure()
        report.save()
    _print_table({net: report.numbers[net] for net in flags.nets})
    print(report.path)
    return 0


class _Bench:
    """The processes that measure one net."""

    def __init__(
        self,
        net: str,
        flags: argparse.Namespace,
        cache: str,
        stack: contextlib.ExitStack,
    ) -> None:
        self._net, self._flags, self._cache, self._stack = net, flags, cache, stack
        self._participants = [
            participant
            for participant in COLUMNS[flags.device].list_participants()
            if not (flags.without_torch and participant.spec["kind"] == "torch")
            and (flags.only is None or participant.column in flags.only)
        ]
        self._workers: dict[str, Worker] = {}
        self._seconds: dict[str, list[float]] = {}

    def measure(self) -> dict[str, Any]:
        """Run all rounds; return the net's columns."""
        numbers = self._start()
        counts = {}
        for name, worker in self._workers.items():
            if self._on_gpu:
                self._note_matrix_rates(name, worker)
            seconds = worker.ask("train", count=self._warm)
            counts[name] = self._steps_per_turn(seconds)
            if seconds / self._warm > SLOW_SECONDS:
                self._note(f"{name}_s", seconds / self._warm)
                self._participants = [p for p in self._participants if p.column != name]
        for index in range(self._flags.rounds):
            turn = index % len(self._participants)
            for participant in (
                *self._participants[turn:],
                *self._participants[:turn],
            ):
                if index < participant.rounds:
                    self._take_turn(participant, counts[participant.column], index)
            _say(f"{self._net}: round {index + 1} of {self._flags.rounds}")
        medians = {
            name: statistics.median(values) for name, values in self._seconds.items()
        }
        numbers |= {
            name: value
            for name, value in medians.items()
            if not name.startswith("matmul_gflops_")
        }
        config = nets.make_config(
            self._net, batch_size=self._flags.batch_size, formulation="lax"
        )
        made = nets.make_nets(self._net, config)
        for name, shares_fake in (("gflop", False), ("gflop_shared_fake", True)):
            count = flops.count_iteration(made, config, shares_fake=shares_fake)
            numbers[name] = count / 1e9
        numbers |= COLUMNS[self._flags.device].summarise(medians, numbers["gflop"])
        if self._on_gpu:
            numbers["device_peak_mb"] = {
                name: round(worker.ask("device_peak_mb"))
                for name, worker in self._workers.items()
            }
        numbers["rounds"] = {
            name: [round(value, 5) for value in values]
            for name, values in self._seconds.items()
            if name.endswith("_s")
        }
        if "ours" in self._workers and not self._flags.without_layers:
            layers = self._workers["ours"].ask("layers")
            shape = nets.make_shape(self._net, config)
            numbers["layers"] = cpu_columns.share_layers(
                layers, shape, config.batch_size, numbers["matmul_gflops"]
            )
        numbers["peak_mb"] = {
            name: round(worker.peak_mb) for name, worker in self._workers.items()
        }
        return numbers

    @property
    def _on_gpu(self) -> bool:
        return bool(self._flags.device == "gpu")

    @property
    def _warm(self) -> int:
        return self._flags.capacity if self._on_gpu else 1

    def _start(self) -> dict[str, Any]:
        """Start the processes; ours twice, without and with a compilation cache."""
        numbers = {}
        if self._on_gpu:
            return self._start_together()
        first = self._participants[0]
        if first.column == "ours":
            with self._open(first) as cold:
                numbers["first_step_cold_s"] = cold.wait().start_seconds
        for participant in self._participants:
            _say(f"{self._net}: starting {participant.column}")
            worker = self._stack.enter_context(self._open(participant))
            self._workers[participant.column] = worker.wait()
        if first.column == "ours":
            numbers["first_step_warm_s"] = self._workers["ours"].start_seconds
        return numbers

    def _start_together(self) -> dict[str, Any]:
        """Start all at once, since most of it is compilation on other cores.

        A participant that cannot run on this machine is named and left out.
        """
        compile_s, failed = {}, []
        opened = {
            participant.column: self._stack.enter_context(self._open(participant))
            for participant in self._participants
        }
        for name, worker in opened.items():
            try:
                compile_s[name] = worker.wait().made_seconds
                self._workers[name] = worker
            except WorkerError as error:
                _say(f"{self._net}: {name} is left out: {error}")
                failed.append(name)
        self._participants = [p for p in self._participants if p.column not in failed]
        return {"compile_s": compile_s, "failed": failed}

    def _note_matrix_rates(self, name: str, worker: Worker) -> None:
        size = self._flags.matmul_size
        kind = "bf16" if "bf16" in name else "tf32"
        seconds = worker.ask("matmul", size=size, count=10, kind=kind) / 10
        self._note(f"matmul_gflops_{kind}_{name}", 2 * size**3 / seconds / 1e9)

    def _open(self, participant: Column) -> Worker:
        spec = {
            **participant.spec,
            "net": self._net,
            "batch_size": self._flags.batch_size,
            "capacity": self._flags.capacity,
            "device": self._flags.device,
            "threads": self._flags.threads,
        }
        environment = allocator.make_environment(
            participant.allocator, cache=self._cache
        )
        return Worker(spec, environment)

    def _steps_per_turn(self, seconds: float) -> int:
        fitting = TURN_SECONDS * self._warm / max(seconds, 1e-6)
        steps = int(min(max(fitting, 1), self._flags.capacity))
        return self._flags.capacity if self._on_gpu else steps

    def _take_turn(self, participant: Column, count: int, index: int) -> None:
        name = participant.column
        worker = self._workers[name]
        worker.ask("train", count=self._warm)
        self._note(f"{name}_s", worker.ask("train", count=count) / count)
        if index >= FEW_ROUNDS:
            return
        if participant.serves and self._net != "conditional_mnist":
            blocks, block = self._flags.serve, sampling.BLOCK
            worker.ask("sample", blocks=1, block=block)
            seconds = worker.ask("sample", blocks=blocks, block=block)
            self._note(f"{name}_sample_images_per_s", blocks * block / seconds)
            worker.ask("features", batches=1)
            seconds = worker.ask("features", batches=blocks)
            images = blocks * self._flags.batch_size
            self._note(f"{name}_features_images_per_s", images / seconds)
        if name in ("ours", "torch_best") and not self._on_gpu:
            size = self._flags.matmul_size
            seconds = worker.ask("matmul", size=size, count=4) / 4
            self._note(f"matmul_gflops_{name}", 2 * size**3 / seconds / 1e9)

    def _note(self, name: str, value: float) -> None:
        self._seconds.setdefault(name, []).append(value)


def _print_table(numbers: dict[str, dict[str, Any]]) -> None:
    names = [
        name
        for name in dict.fromkeys(name for row in numbers.values() for name in row)
        if all(isinstance(row.get(name, 0.0), float | int) for row in numbers.values())
    ]
    width = max(map(len, names))
    print(" " * width, *(f"{net:>16}" for net in numbers))
    for name in names:
        cells = (row.get(name) for row in numbers.values())
        shown = ("" if cell is None else f"{cell:.4g}" for cell in cells)
        print(f"{name:<{width}}", *(f"{cell:>16}" for cell in shown))
    for net, row in numbers.items():
        for layer, shares in row.get("layers", {}).items():
            cells = (f"{k} {v:.2f}" for k, v in shares.items() if k != "gflop")
            print(f"{net} {layer} ({shares['gflop']:.1f} GFLOP): {', '.join(cells)}")


def _open_report(flags: argparse.Namespace) -> reports.Report:
    protocol = PROTOCOL.format(
        seconds=TURN_SECONDS,
        capacity=flags.capacity,
        rounds=flags.rounds,
        few=min(FEW_ROUNDS, flags.rounds),
        batch=flags.batch_size,
        torch=reports.version_of("torch"),
        device=flags.device,
        cores=flags.threads or len(os.sched_getaffinity(0)),
    )
    return reports.Report(
        reports.name_of_device("benchmark_train_step", flags.device),
        flags,
        what="seconds of one training iteration, ours and PyTorch's, by net and column",
        protocol=protocol,
    )


def _parse() -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    add("--nets", nargs="+", choices=nets.NETS, default=list(nets.NETS))
    add("--rounds", type=int, default=7, help="turns of every participant")
    add("--batch_size", type=int, default=128)
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--threads", type=int, default=0, help="cores to use; 0: all")
    add("--only", nargs="+", help="columns to measure, without _s")
    add("--without_torch", action="store_true")
    add("--without_layers", action="store_true")
    add("--capacity", type=int, help="most steps in a turn; 8, on a GPU 32")
    add("--serve", type=int, default=4, help="blocks of a sampling or feature turn")
    add("--matmul_size", type=int, help="2048, on a GPU 8192")
    flags = parser.parse_args()
    on_cpu = flags.device == "cpu"
    flags.capacity = flags.capacity or (8 if on_cpu else 32)
    flags.matmul_size = flags.matmul_size or (2048 if on_cpu else 8192)
    return flags


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
