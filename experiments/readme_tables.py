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
    """One number of the papers, and where ours will be found."""

    what: str
    paper: str
    result: str
    key: str
    how: str


PAPER = (
    Row(
        "CIFAR-10, L2-SVM on 28,672 features (§5.1, Table 1)",
        "82.8 %",
        "table1_cifar10_features",
        "accuracy",
        "accuracy on the test set, discriminator trained on ImageNet-1k",
    ),
    Row(
        "CIFAR-10, 400 labels a class (§5.1, Table 1)",
        "73.8 ± 0.4 %",
        "table1_cifar10_features",
        "accuracy_400",
        "mean over draws",
    ),
    Row(
        "SVHN, 1,000 labels, L2-SVM (§5.2, Table 2)",
        "22.48 %",
        "table2_svhn_1000_labels",
        "error",
        "test error, mean over 100 draws",
    ),
    Row(
        "MNIST, nearest neighbour on 50K samples (§8.1, Table 3)",
        "2.98 %",
        "table3_mnist_nearest",
        "dcgan_50000",
        "test error, conditional DCGAN",
    ),
    Row(
        "MNIST, Parzen log-likelihood (Goodfellow 2014, Table 1)",
        "225 ± 2",
        "goodfellow_parzen",
        "log_likelihood",
        "10,000 samples, mean over the test set",
    ),
)


class Run(NamedTuple):
    """A training run of ours and what its data are."""

    name: str
    data: str


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
    for name, table in (("paper", _paper_table()), ("runs", _runs_table())):
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)"
        readme, count = re.subn(
            pattern, lambda match, t=table: match[1] + t + match[2], readme, flags=re.S
        )
        if count != 1:
            raise ValueError(f"README.md has {count} places for table {name!r}, not 1")
    return readme


def _paper_table() -> str:
    lines = ["| | paper | ours | protocol |", "|---|---|---|---|"]
    for row in PAPER:
        result = _read(row.result)
        ours = "" if result is None else str(result["numbers"].get(row.key, ""))
        lines.append(f"| {row.what} | {row.paper} | {ours} | {row.how} |")
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
