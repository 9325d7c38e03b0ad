"""Our linear L2-SVM against scikit-learn's LinearSVC, and its memory at full size.

python experiments/benchmarks/linear_svm.py --source=CIFAR.zip --weights_dir=DIR

README.md beside this file says what each number means.
"""

import argparse
import functools
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from dcgan_jax.features import experiment, linear_svm
from dcgan_jax.features.config import FeaturesConfig
from dcgan_jax.features.protocols import LabelledData, Split
from experiments.benchmarks import reports

PROTOCOL = (
    "features of the authors' SVHN discriminator on the images of --source; speedup:"
    " seconds of LinearSVC(C) over ours, both at their default settings, same rows,"
    " C = 1e-3, ours compiled before on a few rows and timed in {rounds} rounds (the"
    " median); objective_gap: the largest relative distance of our objective from that"
    " of LinearSVC run to convergence (tol 1e-9), over C = 1e-4 … 1 on"
    " {small} rows and C = 1e-3 on all; below_default: whether ours was never above"
    " that of LinearSVC at its defaults; agreement: the smallest share of test rows"
    " with the converged one's prediction; memory: {rows} × {columns} random features"
    " in a file, 50 planted directions of which 10 make the label, tol 1e-6, peak of"
    " anonymous memory less what it was before the fit"
)
COSTS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SPEED_COST = 1e-3


def main() -> int:
    flags = _parse()
    if flags.fit_memory is not None:
        return _fit_from_file(flags.fit_memory)
    report = reports.Report(
        "linear_svm_benchmark",
        flags,
        what="our linear SVM against scikit-learn's LinearSVC: speed, optimum, memory",
        protocol=PROTOCOL.format(
            rounds=flags.rounds,
            small=flags.small_rows,
            rows=flags.memory_rows,
            columns=flags.memory_columns,
        ),
    )
    data = _load(flags)
    measured = {
        "speed": lambda: {"speed": measure_speed(data, flags.rounds)},
        **{
            f"optimum_{cost:g}": functools.partial(
                measure_optimum, data, flags.small_rows, cost
            )
            for cost in COSTS
        },
        "memory": lambda: {"memory": measure_memory(flags)},
    }
    for name, measure in measured.items():
        if not name.startswith(tuple(flags.parts)) or name in report.numbers:
            continue
        report.numbers |= measure()
        report.numbers |= _summarise(report.numbers)
        report.save()
        print(name, report.numbers[name], flush=True)
    print(report.path)
    return 0


def measure_speed(data: LabelledData, rounds: int) -> dict[str, Any]:
    """Fit all rows at C = 1e-3 with both, side by side."""
    train = data.train
    features, labels = np.array(train.features), train.labels
    linear_svm.LinearSVM(C=SPEED_COST).fit(features[:100], labels[:100])
    ours, seconds = None, []
    for _ in range(rounds):
        begin = time.perf_counter()
        ours = linear_svm.LinearSVM(C=SPEED_COST).fit(features, labels)
        seconds.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    default = _fit_sklearn(Split(features, labels), SPEED_COST)
    default_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    exact = _fit_sklearn(Split(features, labels), SPEED_COST, tol=1e-9)
    exact_seconds = time.perf_counter() - begin
    return {
        "num_rows": len(labels),
        "num_features": features.shape[1],
        "ours_s": float(np.median(seconds)),
        "ours_rounds_s": seconds,
        "ours_newton_steps": ours.n_iter_,
        "linear_svc_s": default_seconds,
        "linear_svc_converged_s": exact_seconds,
        **_compare(ours, default, exact, train, data.test),
    }


def measure_optimum(data: LabelledData, num_rows: int, cost: float) -> dict[str, Any]:
    """Fit some rows with ours, LinearSVC, and LinearSVC to convergence."""
    train = Split(
        np.array(data.train.features[:num_rows]), data.train.labels[:num_rows]
    )
    begin = time.perf_counter()
    ours = linear_svm.LinearSVM(C=cost).fit(*train)
    seconds = time.perf_counter() - begin
    default = _fit_sklearn(train, cost)
    exact = _fit_sklearn(train, cost, tol=1e-9)
    row = {"ours_s": seconds, **_compare(ours, default, exact, train, data.test)}
    return {f"optimum_{cost:g}": row}


def measure_memory(flags: argparse.Namespace) -> dict[str, Any]:
    """Fit a file of the paper's size in a process of its own."""
    with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
        path = Path(folder) / "features.npy"
        _write_features(path, flags.memory_rows, flags.memory_columns)
        told = subprocess.run(
            [sys.executable, __file__, f"--fit_memory={path}"],
            check=True,
            capture_output=True,
            text=True,
        )
    seconds, steps, peak = map(float, told.stdout.split())
    return {
        "num_rows": flags.memory_rows,
        "num_features": flags.memory_columns,
        "fit_s": seconds,
        "newton_steps": int(steps),
        "peak_memory_gb": peak,
    }


def _summarise(numbers: dict[str, Any]) -> dict[str, Any]:
    """Gather the numbers that sum up speed and correctness."""
    summary: dict[str, Any] = {}
    rows = [row for name, row in numbers.items() if name.startswith("optimum_")]
    if "speed" in numbers:
        speed = numbers["speed"]
        summary["speedup"] = speed["linear_svc_s"] / speed["ours_s"]
        rows.append(speed)
    if rows:
        summary["objective_gap"] = max(row["objective_gap"] for row in rows)
        summary["below_default"] = all(row["below_default"] for row in rows)
        summary["agreement"] = min(row["agreement"] for row in rows)
    if "memory" in numbers:
        summary["peak_memory_gb"] = numbers["memory"]["peak_memory_gb"]
    return summary


def _compare(
    ours: linear_svm.LinearSVM,
    default: LinearSVC,
    exact: LinearSVC,
    train: Split,
    test: Split,
) -> dict[str, Any]:
    objectives = {
        name: measure_objective(model, train)
        for name, model in (("ours", ours), ("default", default), ("exact", exact))
    }
    ahead = objectives["ours"] / objectives["exact"] - 1.0
    agreement = (ours.predict(test.features) == exact.predict(test.features)).mean()
    return {
        "objective_gap": float(np.abs(ahead).max()),
        "objective_gap_default": float(
            (objectives["default"] / objectives["exact"] - 1.0).max()
        ),
        "below_default": bool(
            (objectives["ours"] <= objectives["default"] * (1 + 1e-9)).all()
        ),
        "agreement": float(agreement),
        "accuracy": float((ours.predict(test.features) == test.labels).mean()),
    }


def measure_objective(model: Any, rows: Split) -> np.ndarray:
    """Return the primal objective of each class in float64."""
    targets = np.where(rows.labels[:, None] == model.classes_, 1.0, -1.0)
    scores = np.concatenate(
        [
            rows.features[start : start + 1000].astype(np.float64) @ model.coef_.T
            for start in range(0, len(rows.features), 1000)
        ]
    )
    slack = np.maximum(0.0, 1.0 - targets * (scores + model.intercept_))
    penalty = (model.coef_**2).sum(1) + model.intercept_**2
    return 0.5 * penalty + model.C * (slack**2).sum(0)


def _fit_sklearn(rows: Split, cost: float, *, tol: float = 1e-4) -> LinearSVC:
    exact = tol < 1e-4
    # The primal solver reaches tight tolerances; the dual one may never.
    extra = {"dual": False, "tol": tol, "max_iter": 100_000} if exact else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error" if exact else "ignore", ConvergenceWarning)
        return LinearSVC(C=cost, random_state=0, **extra).fit(
            rows.features.astype(np.float64), rows.labels
        )


def _write_features(path: Path, num_rows: int, num_columns: int) -> None:
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((50, num_columns), np.float32)
    labels = []
    features = np.lib.format.open_memmap(
        path, "w+", np.float32, (num_rows, num_columns)
    )
    for start in range(0, num_rows, 1000):
        block = features[start : start + 1000]
        weights = rng.standard_normal((len(block), 50), np.float32)
        labels.append(weights[:, :10].argmax(1))
        rng.standard_normal(out=block, dtype=np.float32)
        block += 1.0 + weights @ directions
    features.flush()
    np.save(path.with_name("labels.npy"), np.concatenate(labels))


def _fit_from_file(path: Path) -> int:
    features = np.load(path, mmap_mode="r", allow_pickle=False)
    labels = np.load(path.with_name("labels.npy"), allow_pickle=False)
    linear_svm.LinearSVM(C=SPEED_COST).fit(np.array(features[:100]), labels[:100])
    before, peak, done = _anonymous_gb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], _anonymous_gb())

    thread = threading.Thread(target=watch)
    thread.start()
    begin = time.perf_counter()
    model = linear_svm.LinearSVM(C=SPEED_COST, tol=1e-6).fit(features, labels)
    seconds = time.perf_counter() - begin
    done.set()
    thread.join()
    print(seconds, model.n_iter_, peak[0] - before)
    return 0


def _anonymous_gb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 2**20
    raise RuntimeError("this system does not tell anonymous memory; Linux does")


def _load(flags: argparse.Namespace) -> LabelledData:
    config = FeaturesConfig(
        target="cifar10" if flags.source is None else "folder",
        source=flags.source,
        weights="authors_svhn",
        weights_dir=flags.weights_dir,
        data_dir=flags.data_dir,
    )
    code = experiment.prepare(config)
    if code != 0:
        sys.exit(code)
    data = experiment.load_vectors(config)[1]
    train = Split(data.train.features[:10_000], data.train.labels[:10_000])
    return data._replace(train=train)


def _parse() -> argparse.Namespace:
    parser = reports.make_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Path, help="labelled images with train/ and test/, else tfds")
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    add("--data_dir", type=Path, default=Path("data"))
    add("--work_dir", type=Path, default=Path("."), help="room for 6 GB")
    add("--parts", nargs="+", default=["speed", "optimum", "memory"])
    add("--rounds", type=int, default=3)
    add("--small_rows", type=int, default=500)
    add("--memory_rows", type=int, default=50_000)
    add("--memory_columns", type=int, default=28_672)
    add("--fit_memory", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
