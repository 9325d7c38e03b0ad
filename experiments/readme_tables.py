"""Fill the README's tables from the result files: python experiments/readme_tables.py.

With --check nothing is written, and the exit code is 1 if the README disagrees.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"


class Row(NamedTuple):
    """One number of the papers, and where ours will be found.

    Attributes:
        what: is measured.
        paper: its number.
        result: the file in experiments/results.
        key: of the number; slashes lead into objects.
        unit: "%" where ours is a share of 1, else what follows the number.
        how: the protocol.
    """

    what: str
    paper: str
    result: str
    key: str
    unit: str
    how: str


PAPER = (
    Row(
        "CIFAR-10, L2-SVM on 28,672 features (§5.1, Table 1)",
        "82.8 %",
        "table1_cifar10_features",
        "authors_imagenet_all_labels/accuracy_mean",
        "%",
        "accuracy on the test set, discriminator trained on ImageNet-1k",
    ),
    Row(
        "CIFAR-10, 400 labels a class (§5.1, Table 1)",
        "73.8 ± 0.4 %",
        "table1_cifar10_features",
        "authors_imagenet_400_labels/accuracy_mean",
        "%",
        "mean over draws",
    ),
    Row(
        "SVHN, 1,000 labels, L2-SVM (§5.2, Table 2)",
        "22.48 %",
        "table2_svhn_1000_labels",
        "authors_svhn/error_mean",
        "%",
        "test error, mean over 100 draws",
    ),
    Row(
        "MNIST, nearest neighbour on 50K samples (§8.1, Table 3)",
        "2.98 %",
        "table3_mnist_nearest",
        "dcgan/50000",
        " %",
        "test error, conditional DCGAN",
    ),
    Row(
        "the same on 1M samples",
        "",
        "table3_mnist_nearest",
        "dcgan/1000000",
        " %",
        "the same",
    ),
    Row(
        "the same on 10M samples",
        "1.48 %",
        "table3_mnist_nearest",
        "dcgan/10000000",
        " %",
        "the same",
    ),
    Row(
        "the same, dense GAN, 50K samples",
        "6.28 %",
        "table3_mnist_nearest",
        "gan/50000",
        " %",
        "the same",
    ),
    Row(
        "the same, the 50,000 real training images",
        "3.1 %",
        "table3_mnist_nearest",
        "real/50000",
        " %",
        "no model",
    ),
    Row(
        "MNIST, Parzen log-likelihood (Goodfellow 2014, Table 1)",
        "225 ± 2",
        "goodfellow_parzen",
        "log_likelihood",
        " nats",
        "10,000 samples, mean over the test set",
    ),
)

_FACES = "haarcascade_frontalface_alt2.xml/by_min_neighbors/8"
INSIDE = (
    Row(
        "deduplication: wrongly removed (§4.1.1)",
        "< 1 %",
        "dedup",
        "false_positive_rate",
        "%",
        "of 8,000 CelebA faces, judged by eye",
    ),
    Row(
        "deduplication: planted copies found",
        "",
        "dedup",
        "recall",
        "%",
        "3,000 compressed, brightened or shifted copies",
    ),
    Row(
        "the same with equal hashes alone, as in the paper",
        "",
        "dedup",
        "by_distance/0/recall",
        "%",
        "ours may differ by some bits: `BUILD_NOTES.md`",
    ),
    Row(
        "faces in photographs found (§4.2)",
        "",
        "faces_detection",
        f"{_FACES}/recall",
        "%",
        "CelebA faces pasted into photographs of rooms",
    ),
    Row(
        "boxes that hold a face",
        "",
        "faces_detection",
        f"{_FACES}/precision",
        "%",
        "the same",
    ),
    Row(
        "objects gone after forgetting (§6.3.1)",
        "",
        "forgetting",
        "object_removed",
        "%",
        "a run on discs before textures, the maps that draw discs dropped",
    ),
    Row(
        "change of the background by it",
        "",
        "forgetting",
        "background_changed",
        "%",
        "mean absolute, of the range of pixels",
    ),
    Row(
        "largest step of a latent walk, in median steps (§6.1)",
        "",
        "fig04_walk",
        "largest_step_by_median",
        "",
        "authors' SVHN generator; a jump would be many",
    ),
)


class Run(NamedTuple):
    """A training run of ours and what its data are."""

    name: str
    data: str


SPEED_COLUMNS = {
    "ours": "ours_s",
    "PyTorch eager": "torch_eager_s",
    "PyTorch best": "torch_best_s",
    "plain `lax`": "lax_s",
    "ours, bfloat16": "ours_bf16_s",
    "PyTorch, bfloat16": "torch_bf16_s",
}
NETS = {
    "small32": "32×32, 5×5 kernels, 64-128-256 maps",
    "pytorch_example": "the net of PyTorch's DCGAN example, 64×64",
    "imagenet32": "the paper's ImageNet net, 32×32",
    "dcgan64": "the paper's 64×64 net (Fig. 1)",
}
PIPELINE = {
    "store → device, images in memory": ("warm_images_per_s", "{:,.0f} images/s"),
    "store → device, images on the disk": ("cold_images_per_s", "{:,.0f} images/s"),
    "share of training time spent waiting for data": ("data_wait_share", "{:.1%}"),
    "zip of JPEGs → store, 1 process": ("prepare_images_per_s_1", "{:,.0f} images/s"),
    "zip of JPEGs → store, 2 processes": (
        "prepare_images_per_s_2",
        "{:,.0f} images/s",
    ),
}

FEATURES = {
    "authors_imagenet": "authors' ImageNet discriminator",
    "authors_imagenet_4_layers": "authors' ImageNet discriminator, first 4 layers",
    "authors_svhn": "authors' SVHN discriminator",
    "own": "imagenet32 trained on these images, width ¼",
    "own_random": "the same, untrained",
    "random_svhn": "random filters, the SVHN architecture",
    "kmeans": "1-layer K-means (Coates & Ng)",
    "pixels": "raw pixels",
    "neighbours": "nearest neighbours on pixels",
}
FEATURE_RESULTS = {
    "table1_cifar10_features": "CIFAR-10",
    "table1_cifar10_features_cifar10_part": "a part of CIFAR-10: 10,000 + 5,000 images",
}
TABLE_2_RESULTS = {
    "table2_svhn_1000_labels": "SVHN",
    "table2_protocol_on_cifar10_part": "a part of CIFAR-10",
    "table2_protocol_on_mnist": "MNIST, enlarged",
}
SVM = {
    "LinearSVC's time over ours, 10,000 × 7,168, C = 1e-3": ("speedup", "{:.0f}×"),
    "largest distance from the optimum": ("objective_gap", "{:.1e}"),
    "test rows predicted as at the optimum": ("agreement", "{:.2%}"),
    "memory beside the file, 50,000 × 28,672": ("peak_memory_gb", "{:.2f} GB"),
}

# Faults that are not here are shown under their own names.
FAULTS = {
    "kill_training": "SIGKILL while training",
    "stop_training": "SIGTERM or Ctrl-C while training",
    "kill_prepare": "SIGKILL while preparing, a decoding process included",
    "stop_prepare": "SIGTERM or Ctrl-C while preparing",
    "kill_features": "SIGKILL while extracting features",
    "kill_nearest_neighbour": "SIGKILL while counting nearest neighbours",
    "damaged_checkpoint": "a file of the newest checkpoint cut, changed or deleted",
    "damaged_checkpoint_resume": "the same, and the training command again",
    "damaged_store": "a file of a store cut, changed, deleted or of another version",
    "full_disk": "no room left while preparing, training, drawing, extracting",
    "two_on_a_run": "two processes on one run",
    "two_on_a_store": "two processes on one store",
    "two_on_features": "two processes on one file of features",
    "two_on_nearest_neighbour": "two processes on one count",
    "nan_stop": "NaN in data, parameters, moments or gradients",
    "nan_rollback": "the same with `--on_nan=rollback`",
    "lost_process": "SIGKILL of one of two processes that train together",
    "fuzz_images": "hostile images: PNG, JPEG, GIF, BMP, TIFF, WebP and others, bombs",
    "fuzz_archives": "hostile zips and tars: paths, links, devices, bombs",
    "fuzz_lmdb": "hostile LMDBs",
    "fuzz_arrays": "hostile .npy and .npz files, pickles among them",
    "fuzz_manifests": "hostile stores: manifest, shards, notes, list of kept rows",
    "fuzz_checkpoints": "hostile checkpoints: manifest and arrays",
    "fuzz_boxes_and_picks": "hostile files of boxes and picks",
    "fuzz_authors_files": "hostile files in the place of the authors' arrays",
    "fuzz_safetensors": "hostile exported generators",
    "fuzz_run_files": "hostile configs and logs of runs",
    "fuzz_resumed_files": "hostile features, counts, hashes and logs to go on from",
    "soak": "a look at a long run's log, events, memory and open files",
}

RUNS = (
    Run("digits", "scikit-learn digits, 1,797 × 32×32 grey"),
    Run("mnist", "MNIST through tfds, 60,000 × 28×28 grey, width ½"),
    Run("fashion_mnist", "Fashion-MNIST through tfds, 60,000 × 28×28 grey, width ½"),
    Run("cifar10_part", "a part of CIFAR-10, 10,000 × 32×32, width ½"),
    Run("faces64", "8,000 CelebA faces, 64×64, width ¼"),
    Run("lsun_layout", "996 photographs in LSUN's layout, 64×64, width ¼"),
)


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    before = README.read_text()
    after = render(before)
    if check:
        if before != after:
            print("README.md disagrees with experiments/results", file=sys.stderr)
        return int(before != after)
    README.write_text(after)
    return 0


def render(readme: str) -> str:
    """Return the README with its tables made anew from the result files."""
    tables = {
        "paper": _paper_table(PAPER),
        "inside": _paper_table(INSIDE),
        "runs": _runs_table(),
        "speed": _speed_table(),
        "pipeline": _pipeline_table(),
        "scaling": _scaling_table(),
        "features": _features_table(),
        "svm": _svm_table(),
        "reliability": _reliability_table(),
        "more": _more_table(),
    }
    for name, table in tables.items():
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)"
        readme, count = re.subn(
            pattern, lambda match, t=table: match[1] + t + match[2], readme, flags=re.S
        )
        if count != 1:
            raise ValueError(f"README.md has {count} places for table {name!r}, not 1")
    return readme


def _paper_table(rows: tuple[Row, ...]) -> str:
    lines = ["| | paper | ours | protocol |", "|---|---|---|---|"]
    for row in rows:
        result = _read(row.result)
        ours = "" if result is None else _show(result["numbers"], row)
        how = row.how + (_extent(result["numbers"], row) if ours and result else "")
        lines.append(f"| {row.what} | {row.paper} | {ours} | {how} |")
    return "\n".join(lines) + "\n"


def _show(numbers: dict[str, Any], row: Row) -> str:
    value: Any = numbers
    for part in row.key.split("/"):
        value = value.get(part, {})
    if value == {}:
        return ""
    if row.unit == "%":
        return f"{100 * value:.2f} %"
    if "standard_error" in numbers:
        return f"{value:.0f} ± {numbers['standard_error']:.0f}{row.unit}"
    return f"{value:.2f}{row.unit}"


def _extent(numbers: dict[str, Any], row: Row) -> str:
    """Say how a run of ours differs from the paper's in size and length."""
    run = numbers.get("run") or numbers.get("runs", {}).get(row.key.split("/")[0])
    if not isinstance(run, dict) or "epochs" not in run:
        return ""
    width = run["width_multiplier"]
    return f"; ours: width {width:g}, {run['epochs']:.0f} epochs"


def _speed_table() -> str:
    head = ["net", *SPEED_COLUMNS, "of the matmul rate"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    result = _read("benchmark_train_step")
    for net, what in NETS.items():
        row = {} if result is None else result["numbers"].get(net, {})
        cells = [f"`{net}`: {what}"]
        for column in SPEED_COLUMNS.values():
            value = row.get(column)
            cells.append("" if value is None else f"{value:.2f} s")
        share = row.get("fraction_of_matmul")
        cells.append("" if share is None else f"{share:.0%}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _pipeline_table() -> str:
    lines = ["| pipeline, 64×64×3 | |", "|---|---|"]
    result = _read("benchmark_pipeline")
    for what, (key, form) in PIPELINE.items():
        value = None if result is None else result["numbers"].get(key)
        lines.append(f"| {what} | {'' if value is None else form.format(value)} |")
    return "\n".join(lines) + "\n"


def _scaling_table() -> str:
    lines = [
        "| batch | width | side | seconds a step | images/s | GFLOP/s | second core "
        "| memory planned |",
        "|---|---|---|---|---|---|---|---|",
    ]
    result = _read("benchmark_scaling")
    points = {} if result is None else result["numbers"]
    for name, two in points.items():
        point = re.fullmatch(r"b(\d+)_w([\d.]+)_s(\d+)_t2", name)
        one = points.get(name.removesuffix("t2") + "t1")
        if point is None or one is None:
            continue
        batch, width, side = point.groups()
        lines.append(
            f"| {batch} | {width} | {side} | {two['step_s']:.3f} "
            f"| {two['images_per_s']:,.0f} | {two['gflop_per_s']:.0f} "
            f"| {one['step_s'] / two['step_s']:.2f}× | {two['program_mb']:.0f} MB |"
        )
    return "\n".join(lines) + "\n"


def _features_table() -> str:
    lines = []
    for name, data in FEATURE_RESULTS.items():
        result = _read(name)
        if result is None:
            continue
        lines += [f"| {data} | all labels | 400 a class |", "|---|---|---|"]
        for key, what in FEATURES.items():
            cells = [
                _accuracy(result["numbers"].get(f"{key}_{labels}_labels"))
                for labels in ("all", "400")
            ]
            if any(cells):
                lines.append(f"| {what} | {' | '.join(cells)} |")
        row = result["numbers"].get("supervised_network")
        if row is not None:
            error = f"{100 * (1 - row['validation_error']):.1f} % (validation)"
            lines.append(f"| the same architecture, supervised | {error} | |")
        lines.append("")
    return "\n".join([*lines, *_few_labels_lines()]) or "\n"


def _few_labels_lines() -> list[str]:
    """Return a table of the protocol of Table 2, test errors with 1,000 labels."""
    found = {data: _read(name) for name, data in TABLE_2_RESULTS.items()}
    results = {data: result["numbers"] for data, result in found.items() if result}
    if not results:
        return []
    lines = [
        f"| test error with 1,000 labels | {' | '.join(results)} |",
        "|---" * (1 + len(results)) + "|",
    ]
    for key, what in FEATURES.items():
        cells = [_error(numbers.get(key)) for numbers in results.values()]
        if any(cells):
            lines.append(f"| {what} | {' | '.join(cells)} |")
    supervised = [n.get("supervised_network") for n in results.values()]
    if any(supervised):
        cells = [
            f"{100 * row['validation_error']:.1f} % (validation)" if row else ""
            for row in supervised
        ]
        lines.append(f"| the SVHN architecture, supervised | {' | '.join(cells)} |")
    return [*lines, ""]


def _error(row: dict[str, Any] | None) -> str:
    return _share(row, "error_mean", "error_half_width_95")


def _accuracy(row: dict[str, Any] | None) -> str:
    return _share(row, "accuracy_mean", "accuracy_std")


def _share(row: dict[str, Any] | None, key: str, spread_key: str) -> str:
    if row is None:
        return ""
    width = row.get(spread_key)
    spread = "" if width is None else f" ± {100 * width:.1f}"
    return f"{100 * row[key]:.1f}{spread} %"


def _svm_table() -> str:
    lines = ["| `LinearSVM` beside scikit-learn's `LinearSVC` | |", "|---|---|"]
    result = _read("linear_svm_benchmark")
    for what, (key, form) in SVM.items():
        value = None if result is None else result["numbers"].get(key)
        lines.append(f"| {what} | {'' if value is None else form.format(value)} |")
    return "\n".join(lines) + "\n"


def _reliability_table() -> str:
    lines = ["| fault | tried | lost |", "|---|---|---|"]
    result = _read("reliability")
    entries = {} if result is None else result["numbers"]
    for fault in [*FAULTS, *sorted(entries.keys() - FAULTS.keys())]:
        entry = entries.get(fault)
        counts = "| |" if entry is None else f"{entry['tried']:,} | {entry['lost']:,} |"
        lines.append(f"| {FAULTS.get(fault, fault.replace('_', ' '))} | {counts}")
    return "\n".join(lines) + "\n"


def _more_table() -> str:
    lines = ["| 500 pictures | flags | generator | its average |", "|---|---|---|---|"]
    result = _read("more_than_the_paper")
    variants = {} if result is None else result["numbers"]["variants"]
    for name, row in variants.items():
        flags = f"`{' '.join(row['flags'])}`" if row["flags"] else ""
        last = row["median"][max(row["median"], key=int)]
        cells = [f"{last[which]:.1f}" for which in ("generator", "average")]
        lines.append(f"| {name} | {flags} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _runs_table() -> str:
    lines = [
        "| run | steps | images/s | D(x) | D(G(z)) | grid |",
        "|---|---|---|---|---|---|",
    ]
    for run in RUNS:
        result = _read(f"training_{run.name}")
        if result is None:
            continue
        numbers = result["numbers"]
        lines.append(
            f"| {run.data} | {numbers['step']:,} | {numbers['images_per_second']:,.0f} "
            f"| {numbers['d_real']:.2f} | {numbers['d_fake']:.2f} "
            f"| [png](experiments/results/training_{run.name}.png) |"
        )
    return "\n".join(lines) + "\n"


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
