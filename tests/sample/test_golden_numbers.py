"""A number means today the picture that it meant in the first release.

`golden/` holds what commit 284c111 wrote, and is never written anew:
`conditional.safetensors`, an `mlp_gan` of random weights; `numbered.npz`, what each
way to a numbered sample drew of it with seed 5; picks and boxes on samples of
`golden/run`; and a count of the nearest neighbours of `golden/data`.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.data import store as stores
from dcgan_jax.evaluate import nearest_neighbour
from dcgan_jax.evaluate.nearest_neighbour import Identity
from dcgan_jax.export import write
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.latent import boxes as box_files, picks as pick_files
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir, load as loading
from dcgan_jax.runs.quality_log import QualityLog
from dcgan_jax.sample import __main__ as sample, draw as sampling, numbered
from dcgan_jax.system import errors
from dcgan_jax.train import fixed_samples

GOLDEN = Path(__file__).parents[1] / "golden"
SEED = 5


@pytest.fixture(scope="module")
def then():
    with np.load(GOLDEN / "numbered.npz") as file:
        return dict(file)


def load(name):
    return loading.load_generator(str(GOLDEN / name), weights_dir=None, step=None)


@pytest.fixture(scope="module")
def loaded():
    return load("conditional.safetensors")


def assert_same_pictures(found, expected):
    # Another CPU may round another way.
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


def draw(samples):
    sampler = sampling.make_sampler(samples.loaded.network)
    return sampler(samples.loaded.variables, samples.latents, samples.labels)


@pytest.mark.parametrize("count", [70, 65, 200])
def test_latents_are_the_same_to_the_bit(count, loaded, then):
    latents = numbered.choose(loaded, count=count, seed=SEED).latents
    np.testing.assert_array_equal(latents[:70, :8], then["latents"][:count])


def test_numbered_samples_are_the_same(loaded, then):
    samples = numbered.choose(loaded, count=70, seed=SEED)
    assert_same_pictures(draw(samples)[then["numbers"]], then["sample"])
    assert_same_pictures(draw(samples.take(then["numbers"])), then["sample"])


def test_samples_of_one_class_are_the_same(loaded, then):
    samples = numbered.choose(loaded, count=3, seed=SEED, label=3)
    assert_same_pictures(draw(samples), then["label_3"])
    generator = numbered.open_generator(
        str(GOLDEN / "conditional.safetensors"),
        weights_dir=None,
        step=None,
        seed=SEED,
        label=3,
    )
    assert_same_pictures(generator.draw(generator.latents(3)), then["label_3"])


def test_the_command_draws_the_same(then, tmp_path, run_command):
    out = tmp_path / "samples.npz"
    path = GOLDEN / "conditional.safetensors"
    ended = run_command(sample.main, path, f"--seed={SEED}", "--num=70", f"--out={out}")
    assert ended.code == 0, ended.err
    with np.load(out) as drawn:
        assert_same_pictures(drawn["images"][then["numbers"]], then["sample"])


def test_the_stream_is_the_same(loaded, then):
    images = numbered.SampleStream(loaded, SEED).images(70)
    assert_same_pictures(images[then["numbers"]], then["stream"])


def test_the_grid_of_an_export_is_the_same(loaded, then, tmp_path):
    subject = write.Exported("conditional", loaded, None)
    list(write.write(subject, tmp_path / "g.safetensors", form="safetensors"))
    picture = grid.read_picture(tmp_path / "g.png")[..., 0]
    assert_same_pictures(picture[: len(then["export_grid"])], then["export_grid"])


def test_the_fixed_samples_of_a_run_are_the_same(loaded, then):
    config = dataclasses.replace(loaded.config, seed=SEED)
    nets = make_nets(config, num_steps=10, num_rows=100)
    drawn = fixed_samples.FixedSamples(config, nets, None).draw(loaded.variables)
    assert_same_pictures(drawn[[0, 9, 10, 99]], then["fixed"])


def test_picks_of_before_are_those_of_their_generator_alone(loaded):
    picks = pick_files.read_picks(GOLDEN / "picks.json")
    run = load("run")
    assert picks.generator != run.digest
    pick_files.check_generator(picks, GOLDEN / "picks.json", digests=run.digests)
    with pytest.raises(errors.InputError, match="another generator"):
        pick_files.check_generator(picks, GOLDEN / "picks.json", digests=loaded.digests)


def test_boxes_of_before_are_read(loaded):
    found = box_files.read_boxes(GOLDEN / "boxes.json")
    assert (found.seed, found.step, found.image_size) == (0, 4, 28)
    box_files.check_step(found, load("run").step)
    fitted = box_files.fit_boxes(found, image_size=28, num_samples=4)
    assert fitted == ((0, 2.0, 3.5, 10.0, 8.0), (3, 0.0, 0.0, 28.0, 4.0))


def test_a_count_of_before_goes_on(loaded, tmp_path):
    (file,) = GOLDEN.glob("nearest_neighbour-*.npz")
    (tmp_path / file.name).write_bytes(file.read_bytes())
    config = dataclasses.replace(
        run_dir.read_config(GOLDEN / "run"), data_dir=GOLDEN / "data"
    )
    test = stores.open_store(stores.store_path(config))
    identities = [Identity(name, SEED, test.fingerprint) for name in loaded.digests]
    stream = numbered.SampleStream(loaded, SEED)
    drawn = []

    class Watched:
        labels = stream.labels

        def block(self, first, count):
            drawn.append(first)
            return stream.block(first, count)

    def measure(folder, num_samples):
        return nearest_neighbour.count_errors(
            Watched(), test, num_samples=num_samples, identity=identities[0],
            former=identities[1:], folder=folder,
        )  # fmt: skip

    expected = {1000: 100 * 22 / 24, 1500: 100 * 23 / 24}
    assert measure(tmp_path, 1500) == pytest.approx(expected)
    assert drawn == []
    longer = measure(tmp_path, 2100)
    assert drawn == [2048]
    assert longer == measure(tmp_path / "anew", 2100)


def test_a_quality_row_of_before_is_found(loaded, tmp_path):
    generator = "d51f2013a4d22be722b4655716101ad2f96d7ed94caa32ff84139075801cbf8b"
    row = {"step": 12, "numbers": {"fid": 7.0}, "generator": generator, "settings": {}}
    (tmp_path / "quality.jsonl").write_text(json.dumps(row) + "\n")
    log = QualityLog(tmp_path, {})
    assert log.find(12, loaded.digests) == row
    assert log.find(12, load("run").digests) is None
