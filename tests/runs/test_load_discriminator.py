import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.features import extract
from dcgan_jax.runs import load as loading
from dcgan_jax.system import errors


def load(which, **changes):
    settings = {"weights_dir": None, "step": None, "num_layers": None, "seed": 0}
    return loading.load_discriminator(str(which), **{**settings, **changes})


def test_a_run_gives_its_discriminator_and_running_statistics(tiny_run):
    loaded = load(tiny_run.workdir)
    assert loaded.batch_stats is not None
    assert set(loaded.params) == {"conv0", "conv1", "conv2", "bn1", "bn2", "logit"}
    assert set(loaded.batch_stats) == {"bn1", "bn2"}
    assert loaded.name.endswith("(step 20)")


def test_fingerprints_tell_weights_apart(tiny_run):
    of_run = load(tiny_run.workdir)
    assert of_run.digest == load(tiny_run.workdir).digest
    others = [
        load(tiny_run.workdir, step=10),
        load(tiny_run.workdir, num_layers=2),
        load(f"random:{tiny_run.workdir}"),
        load(f"random:{tiny_run.workdir}", seed=1),
    ]
    assert len({of_run.digest, *(o.digest for o in others)}) == 5


def test_random_weights_have_the_shapes_of_the_run(tiny_run):
    shapes = [
        jax.tree.map(np.shape, load(which).params)
        for which in (tiny_run.workdir, f"random:{tiny_run.workdir}")
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("num_layers", [None, 1])
def test_features_of_spectrally_normalised_weights_keep_their_vectors(
    num_layers, tiny_run, tmp_path
):
    settings = json.loads((tiny_run.workdir / "config.json").read_text())
    settings |= {"spectral_norm": True}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    loaded = load(f"random:{tmp_path}", num_layers=num_layers)
    # No images are read: there is no batch norm to estimate the statistics of.
    stats = extract.estimate_statistics(loaded, read=None, num_images=1)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    features = extract.make_encoder(loaded, stats)(images)
    assert features.shape == (3, extract.count_features(loaded))
    assert np.isfinite(features).all()


def test_random_weights_come_from_a_preset_too():
    loaded = load("random:svhn")
    assert loaded.config == dataclasses.replace(presets.SVHN, precision="float32")
    assert loaded.batch_stats is None


@pytest.mark.parametrize("num_layers", [1, 2])
def test_first_layers_are_those_of_the_whole(tiny_run, num_layers):
    whole, part = load(tiny_run.workdir), load(tiny_run.workdir, num_layers=num_layers)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)

    def activate(loaded):
        return loaded.network.apply(
            {"params": loaded.params, "batch_stats": loaded.batch_stats},
            images,
            train=False,
        )[1]

    found, expected = activate(part), activate(whole)
    assert len(found) == num_layers
    for name, maps in found.items():
        np.testing.assert_allclose(maps, expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("num_layers", [0, 4])
def test_more_layers_than_there_are_is_told(tiny_run, num_layers):
    with pytest.raises(errors.InputError, match="3 convolutions; expected 1 to 3"):
        load(tiny_run.workdir, num_layers=num_layers)


def test_weights_that_do_not_fit_are_named_with_both_shapes(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    values = json.loads((run / "config.json").read_text())
    values["width_multiplier"] = 0.125
    (run / "config.json").write_text(json.dumps(values))
    with pytest.raises(errors.InputError, match="batch_stats/bn1/mean") as error:
        load(run)
    assert "(8,), expected (16,)" in str(error.value)


@pytest.mark.parametrize(
    ("which", "told"),
    [("nothing", "neither a run's folder"), ("random:svnh", "did you mean 'svhn'")],
)
def test_unknown_weights_are_told(which, told):
    with pytest.raises((errors.InputError, FileNotFoundError), match=told):
        load(which)
