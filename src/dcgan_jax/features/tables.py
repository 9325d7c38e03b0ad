"""The paper's Tables 1 and 2 beside the numbers that are measured here.

Numbers of other people's systems are the paper's own quotations.
"""

from typing import Any, NamedTuple


class TableRow(NamedTuple):
    """A row of a table.

    Attributes:
        method: the method's name in the paper.
        value: the number in its first column, %.
        few: Table 1's number with 400 labels a class, % with its ±; "" in Table 2.
        source: where the number comes from.
    """

    method: str
    value: str
    few: str
    source: str


# Radford et al. 2015, Table 1: accuracy on CIFAR-10.
TABLE_1 = (
    TableRow("1 Layer K-means", "80.6", "63.7 ± 0.7", "Coates & Ng 2011"),
    TableRow("3 Layer K-means Learned RF", "82.0", "70.7 ± 0.7", "Coates & Ng 2011"),
    TableRow("View Invariant K-means", "81.9", "72.6 ± 0.7", "Hui 2013"),
    TableRow("Exemplar CNN", "84.3", "77.4 ± 0.2", "Dosovitskiy et al. 2015"),
    TableRow("DCGAN + L2-SVM", "82.8", "73.8 ± 0.4", "the paper, §5.1"),
)
# Radford et al. 2015, Table 2: test error on SVHN with 1,000 labels.
TABLE_2 = (
    TableRow("KNN", "77.93", "", "Kingma et al. 2014"),
    TableRow("TSVM", "66.55", "", "Kingma et al. 2014"),
    TableRow("M1+KNN", "65.63", "", "Kingma et al. 2014"),
    TableRow("M1+TSVM", "54.33", "", "Kingma et al. 2014"),
    TableRow("M1+M2", "36.02", "", "Kingma et al. 2014"),
    TableRow("SWWAE without dropout", "27.83", "", "Zhao et al. 2015"),
    TableRow("SWWAE with dropout", "23.56", "", "Zhao et al. 2015"),
    TableRow("DCGAN + L2-SVM", "22.48", "", "the paper, §5.2"),
    TableRow("Supervised CNN, same architecture", "28.87 (validation)", "", "§5.2"),
)


def show(target: str, name: str, numbers: dict[str, Any]) -> str:
    """Return a measured row as text, under the paper's rows if it has such a table.

    Args:
        target: the data set.
        name: the method's name.
        numbers: the result's numbers.
    """
    lines = []
    if target == "cifar10":
        lines = ["Table 1, CIFAR-10: accuracy, and with 400 labels a class (quoted)"]
        lines += [_format(r.method, f"{r.value} %", f"{r.few} %") for r in TABLE_1]
    elif target == "svhn":
        lines = ["Table 2, SVHN with 1000 labels: test error (quoted)"]
        lines += [_format(r.method, f"{r.value} %", "") for r in TABLE_2]
    lines += ["measured", *_measured(name, numbers)]
    return "\n".join(lines)


def _measured(name: str, numbers: dict[str, Any]) -> list[str]:
    if "accuracy_mean" not in numbers:
        error = f"{100 * numbers['validation_error']:.2f} %"
        trials = f"best of {numbers['num_trials']} trials"
        return [_format(name, f"validation error {error}", trials)]
    accuracy, error = (100 * numbers[key] for key in ("accuracy_mean", "error_mean"))
    std = numbers.get("accuracy_std")
    spread = "" if std is None else f" ± {100 * std:.2f}"
    half = "" if std is None else f" ± {196 * std:.2f}"
    detail = f"C {numbers['C']:g}" if "C" in numbers else ""
    if "feature_size" in numbers:
        detail += f", {numbers['feature_size']:,} features"
    if std is not None:
        detail += f", {numbers['num_draws']} draws"
    return [
        _format(name, f"accuracy {accuracy:.2f}{spread} %", detail),
        _format("", f"error    {error:.2f}{half} %", "± 1.96 std" if half else ""),
    ]


def _format(method: str, value: str, more: str) -> str:
    return f"  {method:<44} {value:<24} {more}".rstrip()
