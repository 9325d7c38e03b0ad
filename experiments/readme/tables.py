"""Fill the tables of README and docs: python experiments/readme/tables.py [--check].

A table stands between `<!-- table: NAME -->` and `<!-- end of NAME -->`, and is made
from the files in experiments/results. With --check nothing is written, and the exit
code is 1 if a page disagrees with them.
"""

import functools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from experiments.readme import beyond, gpu_programs, seconds
from experiments.readme.rows import (
    CARDS,
    FAULTS,
    FEATURE_RESULTS,
    FEATURES,
    INSIDE,
    NETS,
    PAPER,
    PARTS,
    PIPELINE,
    RUNS,
    SPEED_COLUMNS,
    SVM,
    TABLE_2_RESULTS,
    Part,
    Row,
)

RESULTS = Path(__file__).parents[1] / "results"
ROOT = Path(__file__).parents[2]
_PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of \2 -->)", re.S)
_MISSING = "–"
# Steps of an epoch of the 2014 GAN: 50,000 images in minibatches of 100.
_STEPS_OF_2014 = 500


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = []
    for page in list_pages():
        before = page.read_text()
        after = render(before)
        if before != after:
            stale.append(str(page.relative_to(ROOT)))
            if not check:
                page.write_text(after)
    if check and stale:
        told = f"{', '.join(stale)}: not what experiments/results hold"
        print(f"{told}; run python experiments/readme/tables.py", file=sys.stderr)
    return int(check and bool(stale))


def list_pages() -> list[Path]:
    """Return the README and the pages of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def render(page: str) -> str:
    """Return a page's text with its tables made anew from the result files.

    Raises:
        KeyError: if the page has a place for a table that there is not.
    """
    return _PLACE.sub(lambda place: place[1] + TABLES[place[2]]() + place[3], page)


class Shown(NamedTuple):
    """What a part's result says, as words; "" where there is none.

    Attributes:
        ours: the number or "drawn", marked † where it is of a smaller run.
        hardware: that of our run, or that which a run of full size needs.
        time: ours.
        extent: how our run differs from the paper's in size and length.
    """

    ours: str
    hardware: str
    time: str
    extent: str


def show_part(part: Part) -> Shown:
    """Return what experiments/results hold of a part of the papers."""
    result = _read(part.result)
    if result is None:
        return Shown("", part.hardware, "", "")
    extent, ours = "other data or size", "drawn †"
    if part.key:
        numbers = result["numbers"]
        row = Row(part.what, part.paper, part.result, part.key, part.unit, "")
        extent = part.smaller or _extent(numbers, row).removeprefix("; ours: ")
        ours = _show(numbers, row)
        if not ours:
            return Shown("", part.hardware, "", "")
        ours += " †" if extent else ""
    hardware = CARDS.get(part.result) or _machine(result)
    return Shown(ours, hardware, part.time, extent)


def _reproduce_table() -> str:
    """Return the README's table: what is shown, how to make it, what came out."""
    lines = ["| | script | hardware | time | paper | ours |", "|---" * 6 + "|"]
    for part in PARTS:
        if part.in_readme:
            shown = show_part(part)
            cells = [shown.hardware, shown.time, part.paper, shown.ours]
            joined = " | ".join(cell or _MISSING for cell in cells)
            lines.append(f"| {part.what} | `{part.script}.py` | {joined} |")
    return "\n".join(lines) + "\n"


def _parts_table() -> str:
    """Return every part of the papers with what it needs."""
    lines = ["| | script | needs | hardware | time | paper | ours |", "|---" * 7 + "|"]
    for part in PARTS:
        shown = show_part(part)
        script = f"`{part.script}.py`" if part.script else ""
        cells = [script, part.needs, shown.hardware, shown.time, part.paper, shown.ours]
        joined = " | ".join(cell or _MISSING for cell in cells)
        lines.append(f"| {part.what} | {joined} |")
    return "\n".join(lines) + "\n"


def _rivals_table() -> str:
    """Return the other systems of the papers' tables, measured or quoted."""
    lines = ["| | script | paper | ours | of ours |", "|---" * 5 + "|"]
    for part in PARTS:
        if part.how:
            shown = show_part(part)
            script = f"`{part.script}.py`" if part.script else ""
            how = f"{part.how}; {shown.extent}" if shown.extent else part.how
            cells = [
                script,
                part.paper,
                shown.ours or ("" if script else "quoted"),
                how,
            ]
            joined = " | ".join(cell or _MISSING for cell in cells)
            lines.append(f"| {part.what} | {joined} |")
    return "\n".join(lines) + "\n"


def _parzen_table() -> str:
    """Return the 2014 GAN's likelihood by the length of its training, on a GPU."""
    lines = ["| steps | epochs | nats | sigma |", "|---" * 4 + "|"]
    result = _read("parzen_by_step_h200")
    for step, row in ({} if result is None else result["by_step"]).items():
        nats = f"{row['log_likelihood']:.0f} ± {row['standard_error']:.0f}"
        epochs = int(step) // _STEPS_OF_2014
        lines.append(f"| {int(step):,} | {epochs} | {nats} | {row['sigma']:.3f} |")
    return "\n".join(lines) + "\n"


def _details_table() -> str:
    """Return the likelihood of short trainings of the 2014 GAN, a detail changed."""
    lines = ["| | nats |", "|---" * 2 + "|"]
    result = _read("goodfellow_details")
    for detail, row in ({} if result is None else result["numbers"]).items():
        nats = f"{row['log_likelihood']:.0f} ± {row['standard_error']:.0f}"
        lines.append(f"| {detail} | {nats} |")
    return "\n".join(lines) + "\n"


def _machine(result: dict[str, Any]) -> str:
    """Name what a result was measured on: H100, or a number of CPU cores."""
    machine = result["machine"]
    if "gpu" in machine:
        return str(machine["gpu"]).removeprefix("NVIDIA ").split()[0]
    return f"{machine['cores']} CPU core{'s' * (machine['cores'] > 1)}"


def _paper_table(rows: tuple[Row, ...]) -> str:
    lines = ["| | paper | ours | protocol |", "|---|---|---|---|"]
    for row in rows:
        result = _read(row.result)
        ours = "" if result is None else _show(result["numbers"], row)
        how = row.how + (_extent(result["numbers"], row) if ours and result else "")
        lines.append(
            f"| {row.what} | {row.paper or _MISSING} | {ours or _MISSING} | {how} |"
        )
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


def _explorer_table() -> str:
    lines = [
        "| samples | before | longest wait | now | longest wait |",
        "|---" * 5 + "|",
    ]
    result = _read("explorer_speed")
    numbers = {} if result is None else result["numbers"]
    for count in numbers.get("after", {}):
        cells = [f"{int(count):,}"]
        for name in ("before", "after"):
            row = numbers.get(name, {}).get(count)
            longest = row and (
                f"{row['longest']:.2f} s" if row["longest"] else "< 0.05 s"
            )
            cells += [f"{row['seconds']:.2f} s", longest] if row else [_MISSING] * 2
        lines.append(f"| {' | '.join(cells)} |")
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
            f"| [png](../experiments/results/training_{run.name}.png) |"
        )
    return "\n".join(lines) + "\n"


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


TABLES: dict[str, Callable[[], str]] = {
    "reproduce": _reproduce_table,
    "parts": _parts_table,
    "paper": functools.partial(_paper_table, PAPER),
    "rivals": _rivals_table,
    "parzen": _parzen_table,
    "details": _details_table,
    "inside": functools.partial(_paper_table, INSIDE),
    "runs": _runs_table,
    "explorer": _explorer_table,
    "modes": functools.partial(beyond.make_modes, _read),
    "equal": functools.partial(beyond.make_equal, _read),
    "few": functools.partial(beyond.make_few, _read),
    "speed": _speed_table,
    "seconds": functools.partial(seconds.make_table, _read),
    "pipeline": _pipeline_table,
    "scaling": _scaling_table,
    "gpu_program": functools.partial(gpu_programs.make_table, _read),
    "gpu_memory": functools.partial(gpu_programs.make_memory_table, _read),
    "features": _features_table,
    "svm": _svm_table,
    "reliability": _reliability_table,
    "more": functools.partial(beyond.make_more, _read),
}

if __name__ == "__main__":
    sys.exit(main())
