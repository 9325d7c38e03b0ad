import numpy as np
import pytest

from dcgan_jax import cli
from dcgan_jax.features import extract
from experiments.studies import more_than_the_paper as experiment


def test_cells_are_averaged_within_each_map():
    # Two convolutions of one and two maps; features by layer, cell, map.
    first = np.arange(16.0)
    second = np.stack([np.full(16, 5.0), np.arange(16) * 2.0], axis=1)
    features = np.concatenate([first, second.ravel()])[None]
    found = extract.average_cells(features, [1, 2])
    np.testing.assert_allclose(found, [[7.5, 5.0, 15.0]])


def test_the_recipe_is_the_default_and_every_variant_changes_it():
    base = ["--dataset=folder", "--image_size=32"]
    configs = [cli.parse_run([*base, *flags]) for flags in experiment.VARIANTS.values()]
    recipe = cli.parse_run(base)
    assert [config == recipe for config in configs] == [
        name == "recipe" for name in experiment.VARIANTS
    ]
    assert len(set(map(repr, configs))) == len(configs)


def test_medians_are_over_the_runs_that_ended_finite():
    runs = [
        {"10": {"generator": value, "average": 2 * value}} for value in (1.0, 5.0, 3.0)
    ]
    found = experiment._summarise([*runs, None])
    assert found["median"] == {"10": {"generator": 3.0, "average": 6.0}}
    assert found["by_seed"][-1] is None
    assert experiment._summarise([None])["median"] == {}


def test_a_measured_run_is_not_measured_anew(tmp_path):
    (tmp_path / "distances.json").write_text('{"10": {"generator": 1.5}}')

    class Judge:
        def measure(self, images):
            pytest.fail("it was measured")

    found = experiment.measure(tmp_path, Judge())
    assert found == {"10": {"generator": 1.5}}
