"""What is measured on a GPU: the participants, and what their times sum up to."""

from typing import Any

from experiments.benchmarks.columns import FEW_ROUNDS, Column

_BF16, _TF32 = "bfloat16", "float32"


def list_participants() -> list[Column]:
    """Return ours, and PyTorch as a user would write it up to its best."""
    ours = {"kind": "ours", "convolution": "auto"}
    torch = {"kind": "torch", "tuned": True}
    found = [
        Column("ours_bf16_default", {**ours, "precision": _BF16}),
        Column("ours_tf32", {**ours, "precision": _TF32}),
        Column(
            "ours_bf16_lax",
            {**ours, "precision": _BF16, "convolution": "lax"},
            rounds=FEW_ROUNDS,
        ),
        # As PyTorch's example is: NCHW, a product of matrices in full float32.
        Column("torch_eager", {"kind": "torch", "tuned": False, "precision": _TF32}),
    ]
    for name, precision in (("bf16", _BF16), ("tf32", _TF32)):
        for ending, more in {
            "": {},
            "_graph": {"graph": True},
            "_compiled": {"compiled": True},
            "_compiled_graph": {"graph": True, "compiled": True},
        }.items():
            spec = {**torch, "precision": precision, **more}
            found.append(Column(f"torch_{name}_each{ending}", spec))
    return found


def summarise(medians: dict[str, float], gflop: float) -> dict[str, Any]:
    """Return the best of either side, the floor and the share of the matrix rate.

    Args:
        medians: seconds by column, named as `list_participants` does with _s; rates of
            matrix products as matmul_gflops_PRECISION_PARTICIPANT.
        gflop: the useful work of a step.

    Returns:
        What is known of: ours_bf16_s, torch_bf16_s, ours_tf32_s, torch_tf32_s,
        floor_bf16_s, matrix_tflops (bfloat16), matrix_tflops_tf32,
        fraction_of_matrix, ratio_bf16, ratio_tf32.
    """
    found: dict[str, Any] = {}
    for name in ("bf16", "tf32"):
        for side, start in (
            ("ours", f"ours_{name}"),
            ("torch", f"torch_{name}_each"),
        ):
            times = [
                seconds
                for column, seconds in medians.items()
                if column.startswith(start) and column.endswith("_s")
            ]
            if times:
                found[f"{side}_{name}_s"] = min(times)
        if {f"ours_{name}_s", f"torch_{name}_s"} <= found.keys():
            ratio = found[f"torch_{name}_s"] / found[f"ours_{name}_s"]
            found[f"ratio_{name}"] = ratio
        rates = [
            rate
            for column, rate in medians.items()
            if column.startswith(f"matmul_gflops_{name}_")
        ]
        if rates:
            ending = "" if name == "bf16" else "_tf32"
            found[f"matrix_tflops{ending}"] = max(rates) / 1e3
    if "matrix_tflops" in found:
        found["floor_bf16_s"] = gflop / 1e3 / found["matrix_tflops"]
        if "ours_bf16_s" in found:
            share = found["floor_bf16_s"] / found["ours_bf16_s"]
            found["fraction_of_matrix"] = share
    return found
