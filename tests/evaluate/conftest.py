"""A finished run of a conditional pair; torch-fidelity where it is installed."""

import dataclasses
import importlib.util

import pytest

from dcgan_jax import presets
from dcgan_jax.runs import load as loading
from dcgan_jax.train import loop


@pytest.fixture(scope="session")
def conditional_run(data_dir, tmp_path_factory):
    """Return the folder of a short run on the digits; its test split is `train`."""
    config = dataclasses.replace(
        presets.find("digits", "mnist_conditional", image_size=None),
        image_size=presets.DIGITS.image_size,
        upscale=presets.DIGITS.upscale,
        data_dir=data_dir,
        workdir=tmp_path_factory.mktemp("conditional") / "run",
        width_multiplier=0.0625,
        batch_size=16,
        held_out=797,
        num_steps=4,
        sample_every_steps=4,
        checkpoint_every_steps=4,
    )
    loop.run(config)
    return config.workdir


@pytest.fixture(scope="session")
def conditional(conditional_run):
    return loading.load_generator(str(conditional_run), weights_dir=None, step=None)


@pytest.fixture(scope="session")
def fidelity():
    """Return the module that calls torch-fidelity."""
    if importlib.util.find_spec("torch_fidelity") is None:
        pytest.skip("torch-fidelity is not installed (the extra `eval`)")
    from dcgan_jax.evaluate import quality

    return quality._import_fidelity()
