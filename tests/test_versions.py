"""The versions of `make minimum` are those that pyproject.toml declares."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_minimum_versions_tested_are_the_declared_ones():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = dict(
        re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        for requirement in project["dependencies"]
        if re.match(r"jax|flax|optax|orbax", requirement)
    )
    lines = (ROOT / "tests" / "minimum_versions.txt").read_text().split()
    tested = dict(line.split("==") for line in lines)
    assert tested.pop("jaxlib") == tested["jax"]
    assert tested.keys() == declared.keys()
    for name, version in declared.items():
        assert tested[name].startswith(version)
