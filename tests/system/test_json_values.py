import dataclasses
import re
from pathlib import Path
from typing import Any, Literal

import pytest

from dcgan_jax.system import json_values


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    kind: Literal["a", 3]
    inner: Inner | None
    names: tuple[str, ...]
    pairs: tuple[tuple[str, int], ...] = ()
    path: Path | None = None
    rows: list[list[int]] = dataclasses.field(default_factory=list)
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    on: bool = False


VALUES = {"count": 3, "kind": "a", "inner": {"rate": 1}, "names": ["x"]}


def build(**changes):
    return json_values.build(Outer, {**VALUES, **changes}, "it")


def test_values_become_what_the_fields_declare():
    assert build() == Outer(3, "a", Inner(1), ("x",))
    found = build(
        inner=None, pairs=[["a", 1]], path="a/b", rows=[[1], []], more={"x": [None]}
    )
    assert found.inner is None
    assert found.pairs == (("a", 1),)
    assert found.path == Path("a/b")
    assert (found.rows, found.more) == ([[1], []], {"x": [None]})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"count": True}, "count is True, expected a whole number"),
        ({"count": 1.0}, "count is 1.0"),
        ({"count": 2**63}, "count is 9223372036854775808"),
        ({"kind": 3.0}, "kind is 3.0, expected one of 'a', 3"),
        ({"kind": "b"}, "kind is 'b'"),
        ({"inner": {}}, "inner lacks 'rate'"),
        ({"inner": {"rate": float("nan")}}, "rate is nan, expected a finite number"),
        ({"inner": {"rate": 10**400}}, "rate is 1000"),
        ({"inner": {"rate": "1"}}, "rate is '1'"),
        ({"inner": 3}, "inner is 3, expected an object"),
        ({"names": "xy"}, "names is 'xy', expected a list"),
        ({"names": [1]}, "names[0] is 1, expected a text"),
        ({"pairs": [["a"]]}, "pairs[0] is ['a'], expected a list of 2"),
        ({"path": "a\0b"}, "path is 'a\\x00b', expected a path"),
        ({"path": "\ud800"}, "expected a path"),
        ({"on": 1}, "on is 1, expected true or false"),
        ({"more": []}, "more is [], expected an object"),
        ({"extra": 1}, "it has the unknown field 'extra'"),
    ],
)
def test_the_first_value_of_another_type_is_named(changes, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        build(**changes)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", '{"a": 1', '{"a":' * 10**5, "[" * 10**6,
     '{"a": ' + "9" * 5000 + "}", b"\xff{}", b"\x80"],
)  # fmt: skip
def test_what_is_no_json_object_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        json_values.parse(text)


def test_nan_is_refused_where_numbers_must_be_finite():
    assert json_values.parse('{"a": Infinity}') == {"a": float("inf")}
    with pytest.raises(ValueError, match="NaN is no JSON number"):
        json_values.parse('{"a": NaN}', finite=True)
