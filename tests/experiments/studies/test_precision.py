import pytest

from experiments.studies import precision


@pytest.mark.parametrize(
    ("bfloat16", "is_worse"), [((3.0, 3.2), False), ((3.6, 3.8), True)]
)
def test_worse_is_what_lies_beyond_the_seeds_spread(bfloat16, is_worse):
    runs = {
        name: {str(seed): {"50000": value} for seed, value in enumerate(values)}
        for name, values in {"bfloat16": bfloat16, "float32": (3.0, 3.3)}.items()
    }
    found = precision.summarise(runs)["50000"]
    assert found["mean"]["float32"] == pytest.approx(3.15)
    assert found["spread"]["float32"] == pytest.approx(0.3)
    assert found["worse"] is is_worse


def test_a_single_seed_has_no_spread_to_compare_with():
    two = {"0": {"50000": 3.0}, "1": {"50000": 3.1}}
    assert precision.summarise({"bfloat16": two}) == {}
    assert (
        precision.summarise({"bfloat16": two, "float32": {"0": {"50000": 2.0}}}) == {}
    )
