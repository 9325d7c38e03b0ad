"""The latent nearest to a picture."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from dcgan_jax.latent import inversion, invert, latent_file, nearest_latent
from dcgan_jax.latent.inversion import DescentPlan, Networks
from dcgan_jax.runs import load as loading
from dcgan_jax.sample import numbered
from dcgan_jax.system import errors

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(6, 4 * 4)) / 3
TARGET = np.tanh(RNG.normal(size=(4, 4, 1)))


def make_networks(weights, *, bound=1.0):
    """A generator of one layer, and a discriminator of two activations."""

    def draw(latents):
        return jnp.tanh(latents @ weights).reshape(-1, 4, 4, 1)

    def describe(images):
        flat = images.reshape(len(images), -1)
        return [jnp.sin(2 * flat), jnp.square(images)]

    return Networks(draw, describe, bound)


def test_the_loss_is_that_of_its_definition():
    latents = RNG.uniform(-1, 1, (3, 6))
    found = inversion.measure(
        make_networks(WEIGHTS), TARGET, latents, feature_weight=0.5
    )
    for latent, loss in zip(latents, found, strict=True):
        image = np.tanh(latent @ WEIGHTS).reshape(4, 4, 1)
        shares = [
            ((f(image) - f(TARGET)) ** 2).mean() / (f(TARGET) ** 2).mean()
            for f in (lambda x: np.sin(2 * x), np.square)
        ]
        expected = ((image - TARGET) ** 2).mean() + 0.5 * np.mean(shares)
        assert loss == pytest.approx(expected, rel=1e-5)


def test_the_gradient_is_that_of_finite_differences():
    latents = RNG.uniform(-1, 1, (2, 6))

    def total(latents):
        networks = make_networks(jnp.asarray(WEIGHTS))
        return inversion.measure(
            networks, jnp.asarray(TARGET), latents, feature_weight=0.5
        ).sum()

    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(total)(jnp.asarray(latents)))
        for index in np.ndindex(latents.shape):
            step = np.zeros_like(latents)
            step[index] = 1e-6
            difference = (total(latents + step) - total(latents - step)) / 2e-6
            assert gradient[index] == pytest.approx(float(difference), abs=1e-7)


def test_a_latent_is_found_again_within_its_bound():
    latent = RNG.uniform(-1, 1, 6)
    target = np.tanh(latent @ WEIGHTS).reshape(4, 4, 1)
    candidates = RNG.uniform(-1, 1, (16, 6)).astype(np.float32)
    steps = list(
        inversion.invert(
            make_networks, WEIGHTS, target, candidates, DescentPlan(4, 300, 70, 0.1)
        )
    )
    assert [step.step for step in steps] == [0, 70, 140, 210, 280, 300]
    assert steps[-1].loss < steps[0].loss
    np.testing.assert_allclose(steps[-1].latent, latent, atol=0.02)
    assert all(np.abs(step.latent).max() <= 1 for step in steps)


@pytest.mark.long
def test_an_image_that_the_generator_drew_is_recovered(tiny_run):
    generator = numbered.open_generator(
        str(tiny_run.workdir), weights_dir=None, step=None, seed=5, label=None
    )
    discriminator = loading.load_discriminator(str(tiny_run.workdir))
    lively = jax.tree.map(np.array, generator.loaded.variables)
    lively["params"]["conv2"]["kernel"] *= 50  # after 20 steps all samples look alike
    loaded = dataclasses.replace(generator.loaded, variables=lively)
    generator = dataclasses.replace(generator, loaded=loaded)
    image = generator.draw(generator.latents(500))[499]  # no start of the descent
    assert image.std() > 5
    first, *_, last = nearest_latent.seek(
        generator, discriminator, image, num_steps=200
    )
    drawn = generator.draw(last.latent[None])[0]
    assert np.abs(drawn.astype(int) - last.image.astype(int)).max() <= 1
    assert last.pixel_error < 0.02
    assert last.pixel_error < first.pixel_error / 4


def test_the_command_writes_the_latent_and_both_pictures(
    tiny_run, run_command, tmp_path
):
    Image.new("RGB", (50, 40), (200, 30, 90)).save(tmp_path / "me.png")
    out, picture = tmp_path / "me.json", tmp_path / "both.png"
    ended = run_command(
        invert.main, tiny_run.workdir, f"--image={tmp_path / 'me.png'}", "--steps=3",
        f"--out={out}", f"--picture={picture}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    found = latent_file.read_latent(out)
    assert found.latent.shape == (100,)
    assert (found.image, found.step, found.label) == ("me.png", 20, None)
    with Image.open(picture) as shown:
        assert shown.size == (16 * (2 * 32 + 2), 16 * 32)


@pytest.mark.parametrize(
    ("flags", "told"),
    [(["--image=none.png"], "no such file"), (["--image=TEXT"], "no picture"),
     (["--image=TEXT", "--steps=0"], "--steps=0"),
     (["--image=TEXT", "--out=x.png"], "must end in .json")],
)  # fmt: skip
def test_what_is_no_picture_is_refused(flags, told, tiny_run, one_error, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    flags = [flag.replace("TEXT", str(text)) for flag in flags]
    assert told in one_error(invert.main, tiny_run.workdir, *flags)


@pytest.mark.parametrize(
    "change",
    [{"latent": []}, {"latent": [1, "x"]}, {"latent": None}, {"more": 1},
     {"format": "dcgan_jax picks 1"}],
)  # fmt: skip
def test_a_damaged_file_is_refused(change, tmp_path):
    path = tmp_path / "latent.json"
    found = latent_file.LatentFile("0" * 64, "run", 1, None, "x.png", 0.1, np.ones(2))
    latent_file.save_latent(found, path)
    assert dataclasses.replace(latent_file.read_latent(path), latent=None)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(errors.InputError):
        latent_file.read_latent(path)
