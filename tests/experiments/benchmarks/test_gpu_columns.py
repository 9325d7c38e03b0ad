"""The benchmark on a GPU: its columns, and what is made of their times."""

import pytest

from experiments.benchmarks import gpu_columns

ASKED = {
    "ours_bf16_s", "torch_bf16_s", "ours_tf32_s", "torch_tf32_s", "floor_bf16_s",
    "matrix_tflops",
}  # fmt: skip


def test_each_side_s_best_the_floor_and_the_share_are_told():
    columns = [column.column for column in gpu_columns.list_participants()]
    medians = {f"{name}_s": 0.010 for name in columns} | {
        "ours_bf16_lax_s": 0.008,
        "torch_bf16_each_compiled_graph_s": 0.006,
        "torch_tf32_each_graph_s": 0.007,
        "torch_eager_s": 0.001,
        "matmul_gflops_bf16_ours_bf16_default": 700e3,
        "matmul_gflops_bf16_torch_bf16_each": 800e3,
        "matmul_gflops_tf32_ours_tf32": 400e3,
    }
    found = gpu_columns.summarise(medians, 1600.0)
    assert found.keys() >= ASKED
    assert found["ours_bf16_s"] == 0.008
    assert found["torch_bf16_s"] == 0.006
    assert found["ours_tf32_s"] == 0.010
    assert found["torch_tf32_s"] == 0.007
    assert found["ratio_bf16"] == pytest.approx(0.75)
    assert found["matrix_tflops"] == 800
    assert found["matrix_tflops_tf32"] == 400
    assert found["floor_bf16_s"] == pytest.approx(0.002)
    assert found["fraction_of_matrix"] == pytest.approx(0.25)


def test_what_was_left_out_leaves_its_numbers_out():
    found = gpu_columns.summarise({"ours_tf32_s": 0.010}, 1600.0)
    assert found == {"ours_tf32_s": 0.010}


def test_pytorch_takes_part_eagerly_as_a_graph_compiled_and_both():
    specs = [column.spec for column in gpu_columns.list_participants()]
    ways = {
        (spec["precision"], spec.get("graph", False), spec.get("compiled", False))
        for spec in specs
        if spec["kind"] == "torch" and spec["tuned"]
    }
    assert len(ways) == 8
