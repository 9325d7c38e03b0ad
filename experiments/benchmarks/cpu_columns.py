"""What is measured on a CPU: the participants, and what their times sum up to."""

from typing import Any

from experiments.benchmarks import flops
from experiments.benchmarks.columns import FEW_ROUNDS, Column
from experiments.benchmarks.nets import PairShape


def list_participants() -> list[Column]:
    """Return ours, and PyTorch as its example does it and at its best."""
    ours = {"kind": "ours", "precision": "float32", "convolution": "auto"}
    bf16 = {"precision": "bfloat16"}
    torch = {"kind": "torch", "precision": "float32", "tuned": False}
    best = {**torch, "tuned": True}
    return [
        Column("ours", ours, serves=True),
        Column("torch_eager", torch, serves=True),
        Column("ours_huge_pages", ours, "huge_pages"),
        Column("torch_best", best, "keep_memory", serves=True),
        Column("ours_bf16", {**ours, **bf16}, serves=True),
        Column("torch_bf16", {**best, **bf16}, "keep_memory", serves=True),
        Column("lax", {**ours, "convolution": "lax"}, rounds=FEW_ROUNDS),
    ]


def summarise(medians: dict[str, float], gflop: float) -> dict[str, Any]:
    """Return the limit, the share of it, and PyTorch's or lax's times over ours.

    Args:
        medians: seconds by column, named as `list_participants` does with _s; rates of
            matrix products as matmul_gflops_PARTICIPANT.
        gflop: the useful work of a step.

    Returns:
        What is known of: matmul_gflops, fraction_of_matmul, ratio_to_eager,
        ratio_to_best, ratio_to_bf16, ratio_to_lax.
    """
    numbers: dict[str, Any] = {}
    rates = [v for k, v in medians.items() if k.startswith("matmul_gflops_")]
    ours = medians.get("ours_s")
    if rates and ours is not None:
        numbers["matmul_gflops"] = max(rates)
        numbers["fraction_of_matmul"] = gflop / ours / max(rates)
    for name, (above, below) in {
        "ratio_to_eager": ("torch_eager_s", "ours_s"),
        "ratio_to_best": ("torch_best_s", "ours_s"),
        "ratio_to_bf16": ("torch_bf16_s", "ours_bf16_s"),
        "ratio_to_lax": ("lax_s", "ours_s"),
    }.items():
        if above in medians and below in medians:
            numbers[name] = medians[above] / medians[below]
    return numbers


def share_layers(
    layers: dict[str, dict[str, float]],
    shape: PairShape,
    batch_size: int,
    matmul_gflops: float,
) -> dict[str, dict[str, float]]:
    """Return every layer's share of the matmul rate, product by product.

    Args:
        layers: seconds by layer and product.
        shape: of the networks.
        batch_size: of the minibatch.
        matmul_gflops: the rate.
    """
    by_name = {layer.name: layer for layer in shape.convolutions}
    table = {}
    for name, products in layers.items():
        gflop = flops.count_convolution(by_name[name]) * batch_size / 1e9
        limit = gflop / matmul_gflops
        table[name] = {"gflop": gflop} | {
            product: limit / seconds for product, seconds in products.items()
        }
    return table
