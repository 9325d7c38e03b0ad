"""The reader of XLA's programs, against one that was counted by hand."""

import pytest

from experiments.benchmarks import hlo, kernels

PROGRAM = """\
HloModule jit_run, is_scheduled=true

%fused_product (parameter_0: bf16[8,16]) -> f32[8,4] {
  %parameter_0 = bf16[8,16]{1,0} parameter(0)
  %parameter_1 = bf16[16,4]{1,0} parameter(1)
  ROOT %dot.1 = f32[8,4]{1,0} dot(%parameter_0, %parameter_1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%body (arg: (s32[], bf16[2,8,8,3])) -> (s32[], bf16[2,8,8,3]) {
  %arg = (s32[], /*index=1*/bf16[2,8,8,3]{3,2,1,0}, bf16[5,5,5,3]{3,2,1,0}, bf16[8,16]{1,0}, bf16[16,4]{1,0}) parameter(0)
  %x = bf16[2,8,8,3]{3,2,1,0} get-tuple-element(%arg), index=1
  %kernel = bf16[5,5,5,3]{3,2,1,0} get-tuple-element(%arg), index=2
  %a = bf16[8,16]{1,0} get-tuple-element(%arg), index=3
  %b = bf16[16,4]{1,0} get-tuple-element(%arg), index=4
  %conv = (bf16[2,4,4,5]{3,2,1,0}, u8[0]{0}) custom-call(%x, %kernel), window={size=5x5 stride=2x2 pad=2_2x2_2}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convForward", metadata={op_name="jit(run)/dot(%x)"}
  %y = bf16[2,4,4,5]{3,2,1,0} get-tuple-element(%conv), index=0
  %back = (bf16[2,8,8,3]{3,2,1,0}, u8[0]{0}) custom-call(%y, %kernel), dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convBackwardInput"
  %filter = (bf16[5,5,5,3]{3,2,1,0}, u8[0]{0}) custom-call(%x, %y), dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convBackwardFilter"
  %product = f32[8,4]{1,0} fusion(%a, %b), kind=kCustom, calls=%fused_product
  %copy.1 = bf16[8,16]{0,1} copy(%a)
  ROOT %out = (s32[], bf16[2,8,8,3]{3,2,1,0}) tuple(%x, %x)
}

ENTRY %main (p: s32[]) -> s32[] {
  %p = s32[] parameter(0)
  %loop = (s32[], bf16[2,8,8,3]{3,2,1,0}) while(%p), condition=%cond, body=%body
  ROOT %after = s32[] copy(%p)
}
"""  # noqa: E501
CONVOLUTION = 2 * (2 * 4 * 4) * 5 * (5 * 5 * 3)  # pixels × outputs × taps
PRODUCT = 2 * 8 * 16 * 4
X, KERNEL, Y, A, B = 2 * 8 * 8 * 3 * 2, 5 * 5 * 5 * 3 * 2, 2 * 4 * 4 * 5 * 2, 256, 128


def test_work_kernels_and_bytes_of_a_loop_are_those_counted_by_hand():
    found = kernels.count(hlo.parse(PROGRAM))
    assert found.gflop == pytest.approx((3 * CONVOLUTION + PRODUCT) / 1e9)
    assert found.kernels == 5
    assert found.kinds == {
        "convForward": 1, "convBackwardInput": 1, "convBackwardFilter": 1, "gemm": 1,
        "copy": 1,
    }  # fmt: skip
    moved = 3 * (X + KERNEL + Y) + (A + B + 8 * 4 * 4) + 2 * A
    assert found.gbytes == pytest.approx(moved / 1e9)


def test_without_a_loop_the_whole_program_is_counted():
    (head, entry) = PROGRAM.split("ENTRY")
    alone = hlo.parse(head + "ENTRY" + entry.replace("while(", "custom-call("))
    assert kernels.count(alone).kinds == {"custom-call": 1, "copy": 1}


@pytest.mark.parametrize("text", ["", "HloModule x", PROGRAM.replace("ENTRY ", "")])
def test_what_is_no_program_is_refused(text):
    with pytest.raises(ValueError, match="ENTRY"):
        hlo.parse(text)
