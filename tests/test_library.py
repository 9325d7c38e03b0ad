"""The library as a user of it meets it: `import dcgan_jax`, and four lines."""

import ast
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dcgan_jax
from dcgan_jax.export import __main__ as export
from dcgan_jax.pictures import grid
from dcgan_jax.runs import safetensors_file
from dcgan_jax.sample import __main__ as sample

GOLDEN = Path(__file__).parent / "golden"
CONDITIONAL = GOLDEN / "conditional.safetensors"


def in_a_process(code):
    """Run lines in a fresh Python and return the value of the last line printed."""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return ast.literal_eval(ended.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def gan(tiny_run):
    return dcgan_jax.load(tiny_run.workdir)


@pytest.fixture(scope="module")
def conditional():
    return dcgan_jax.load(CONDITIONAL)


@pytest.fixture
def exported(tiny_run, tmp_path, run_command):
    """An export of the tiny run: the generator's file, and the other's beside it."""
    path = tmp_path / "pair.safetensors"
    assert run_command(export.main, tiny_run.workdir, f"--out={path}").code == 0
    return path


def draw_by_command(run_command, tmp_path, *argv):
    out = tmp_path / "drawn.npz"
    ended = run_command(sample.main, *argv, f"--out={out}")
    assert ended.code == 0, ended.err
    with np.load(out) as drawn:
        return drawn["images"]


def test_importing_takes_no_time_and_no_heavy_library():
    seconds, heavy, names = in_a_process("""
import sys, time
begin = time.perf_counter()
import dcgan_jax
seconds = time.perf_counter() - begin
heavy = [name for name in ("jax", "flax", "numpy", "tyro") if name in sys.modules]
print((seconds, heavy, dir(dcgan_jax)))
""")
    assert seconds < 0.05
    assert heavy == []
    assert set(names) >= {"load", "train", "prepare", "GAN", "__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = dcgan_jax.laod


@pytest.mark.parametrize(
    "lines",
    [
        "import dcgan_jax; dcgan_jax.{0}",
        "import dcgan_jax.{0}.{1}; dcgan_jax.{0}.{1}",
        "from dcgan_jax.{0} import {1}; import dcgan_jax",
        "import dcgan_jax; dcgan_jax.{0}; from dcgan_jax.{0} import {1}",
        "from dcgan_jax import {0}; import dcgan_jax.{0}.{1}; {0}.{1}",
    ],
)
@pytest.mark.parametrize(
    ("package", "module"), [("train", "signals"), ("prepare", "shards")]
)
def test_packages_are_called_after_any_import(lines, package, module):
    called, kind = in_a_process(f"""
{lines.format(package, module)}
import types
try:
    dcgan_jax.{package}(dataset="digts")
except ValueError as error:
    print((str(error)[:48], isinstance(dcgan_jax.{package}, types.ModuleType)))
""")
    assert called == "unknown dataset 'digts'; did you mean 'digits'? "
    assert kind


def test_samples_are_those_of_the_command(gan, tiny_run, tmp_path, run_command):
    drawn = draw_by_command(
        run_command, tmp_path, tiny_run.workdir, "--num=70", "--seed=3"
    )
    images = gan.sample(70, seed=3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, drawn)


def test_an_older_step_gives_another_pair(gan, tiny_run):
    older = dcgan_jax.load(str(tiny_run.workdir), step=10)
    assert (older.generator.step, gan.generator.step) == (10, 20)
    assert (older.discriminator.step, gan.discriminator.step) == (10, 20)
    assert (older.sample(4) != gan.sample(4)).any()


def test_latents_give_the_images_of_their_samples(gan):
    from dcgan_jax.sample import numbered

    latents = numbered.choose(gan.generator, count=5, seed=0).latents
    np.testing.assert_array_equal(gan.generate(latents), gan.sample(5))
    np.testing.assert_array_equal(gan.generate(latents.tolist()), gan.sample(5))


def test_features_are_the_running_discriminators_and_serve_a_linear_svm(gan, data_dir):
    from sklearn.svm import LinearSVC

    images = np.concatenate([gan.sample(30), 255 - gan.sample(30, seed=1)])
    vectors = gan.features(images)
    assert vectors.dtype == np.float32
    assert vectors.shape == (60, 16 * (4 + 8 + 16))
    np.testing.assert_array_equal(gan.features(images[7:9]), vectors[7:9])
    labels = np.arange(60) < 30
    assert LinearSVC().fit(vectors, labels).score(vectors, labels) > 0.9


def test_statistics_may_come_from_other_images(gan):
    images, basis = gan.sample(8), 255 - gan.sample(8, seed=1)
    found = gan.features(images, statistics_from=basis)
    assert (found != gan.features(images)).any()
    np.testing.assert_array_equal(
        gan.features(images[:3], statistics_from=basis), found[:3]
    )


def test_a_score_is_the_discriminators_probability(gan):
    images = gan.sample(70)
    scores = gan.score(images)
    assert scores.shape == (70,)
    pair = gan.discriminator
    logits, _ = pair.network.apply(
        {"params": pair.params, "batch_stats": pair.batch_stats},
        images.astype(np.float32) / 127.5 - 1.0,
        train=False,
    )
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-np.asarray(logits))), atol=1e-5)


def test_a_grid_is_a_picture_of_the_images(gan, tmp_path):
    images = gan.sample(6)
    gan.save_grid(images, tmp_path / "new" / "grid.png", columns=3)
    picture = grid.read_picture(tmp_path / "new" / "grid.png")[..., 0]
    assert picture.shape == (2 * 32 + 2, 3 * 32 + 4)
    np.testing.assert_array_equal(picture[34:, 34:66], images[4, ..., 0])
    gan.save_grid(images, tmp_path / "G.JPG")
    with Image.open(tmp_path / "G.JPG") as written:
        assert written.format == "JPEG"


def test_an_export_with_its_pair_is_like_its_run(gan, exported):
    pair = dcgan_jax.load(exported)
    images = pair.sample(6)
    np.testing.assert_array_equal(images, gan.sample(6))
    np.testing.assert_array_equal(pair.features(images), gan.features(images))
    np.testing.assert_array_equal(pair.score(images), gan.score(images))
    folders = {"data_dir": pair.config.data_dir, "workdir": pair.config.workdir}
    assert pair.config == dataclasses.replace(gan.config, **folders)
    assert str(pair.config.data_dir) == "data"  # a file names no folder of its machine


@pytest.mark.parametrize("ask", ["features", "score"])
def test_an_export_without_its_pair_says_what_is_missing(ask, exported):
    exported.with_stem("pair_discriminator").unlink()
    pair = dcgan_jax.load(exported)
    assert pair.discriminator is None
    with pytest.raises(ValueError, match=r"expected .*pair_discriminator\.safetens"):
        getattr(pair, ask)(pair.sample(2))


def test_a_discriminator_of_another_step_is_refused(exported, tiny_run, run_command):
    other = exported.with_name("other.safetensors")
    flags = (tiny_run.workdir, f"--out={other}", "--step=10")
    assert run_command(export.main, *flags).code == 0
    shutil.copy(
        exported.with_stem("other_discriminator"),
        exported.with_stem("pair_discriminator"),
    )
    with pytest.raises(ValueError, match=r"another run or step \(10, not 20\)"):
        _ = dcgan_jax.load(exported).discriminator


def test_a_conditional_generator_draws_the_labels_asked_for(
    conditional, tmp_path, run_command
):
    turns = draw_by_command(run_command, tmp_path, CONDITIONAL, "--num=12")
    np.testing.assert_array_equal(conditional.sample(12), turns)
    np.testing.assert_array_equal(
        conditional.sample(12, labels=np.arange(12) % 10), turns
    )
    threes = draw_by_command(run_command, tmp_path, CONDITIONAL, "--num=4", "--label=3")
    np.testing.assert_array_equal(conditional.sample(4, labels=3), threes)
    np.testing.assert_array_equal(conditional.sample(4, labels=[3, 3, 3, 3]), threes)


@pytest.mark.parametrize(
    "names", [(*tuple("abcdefghi"), "red fox"), tuple(map(str, range(1, 11)))]
)
def test_classes_are_asked_for_by_the_names_that_the_command_takes(
    names, tmp_path, run_command
):
    path = tmp_path / "named.safetensors"
    config, step, variables = safetensors_file.read_network(CONDITIONAL)
    config = dataclasses.replace(config, class_names=json.dumps(names))
    safetensors_file.save_network(path, variables, config, step=step)
    gan = dcgan_jax.load(path)
    asked = [names[9], names[1], names[9]]
    found = gan.sample(3, labels=asked)
    np.testing.assert_array_equal(found, gan.sample(3, labels=[9, 1, 9]))
    np.testing.assert_array_equal(found, gan.sample(3, labels=np.array(asked)))
    drawn = draw_by_command(
        run_command, tmp_path, path, "--num=3", f"--label={asked[0]}"
    )
    np.testing.assert_array_equal(drawn, gan.sample(3, labels=names[9]))
    np.testing.assert_array_equal(drawn[[0, 2]], found[[0, 2]])


def test_the_authors_house_numbers(shared):
    folder = shared / "authors_weights"
    if not folder.is_dir():
        pytest.skip(f"needs the authors' files in {folder}")
    gan = dcgan_jax.load("authors_svhn", weights_dir=folder)
    images = gan.sample(64)
    assert images.shape == (64, 32, 32, 3)
    assert gan.features(images).shape == (64, 7168)
    assert gan.score(images).shape == (64,)
    assert gan.config.dataset == "svhn"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda g, c: g.sample(0), "num is 0, expected a whole number from 1"),
        (lambda g, c: g.sample(2.0), "num is 2.0"),
        (lambda g, c: g.sample(True), "num is True"),
        (lambda g, c: g.sample(1, seed=-1), "seed is -1, expected .* from 0"),
        (lambda g, c: g.sample(1, seed=2**32), "4294967296, .*to 4,294,967,295"),
        (lambda g, c: g.sample(3, labels=2), "not conditional; leave them out"),
        (lambda g, c: c.sample(3, labels=10), "10 to 10; this pair knows 0 to 9"),
        (lambda g, c: c.sample(3, labels=[0, -1, 0]), "from -1 to 0"),
        (lambda g, c: c.sample(3, labels=[1, 2]), r"\(2,\), expected .* \(3,\)"),
        (lambda g, c: c.sample(3, labels=[0.5] * 3), "labels are float64"),
        (lambda g, c: c.sample(3, labels="345"), "labels=345; .* knows 0 to 9"),
        (lambda g, c: c.sample(2, labels=["3", "x"]), "labels=x; .* knows 0 to 9"),
        (lambda g, c: c.sample(3, labels=["1", "2"]), r"\(2,\), expected .* \(3,\)"),
        (lambda g, c: c.sample(2, labels=["3", 3]), "labels are <U"),
        (lambda g, c: g.sample(3, labels="fox"), "not conditional; leave them out"),
        (lambda g, c: g.generate(np.zeros((2, 99))), r"\(2, 99\), expected \(count, 1"),
        (lambda g, c: g.generate(np.zeros(100)), r"latents are \(100,\)"),
        (lambda g, c: g.generate(np.zeros((0, 100))), "count of at least 1"),
        (lambda g, c: g.generate([[np.nan] * 100]), "NaN or infinity"),
        (lambda g, c: g.generate("a"), "latents are no array of numbers"),
        (lambda g, c: g.features(np.zeros((2, 32, 32, 1))), "float64 .* uint8"),
        (lambda g, c: g.features(g.sample(2)[0]), r"uint8 \(32, 32, 1\), expected"),
        (lambda g, c: g.score(np.zeros((2, 28, 28, 1), np.uint8)), r"\(2, 28, 28, 1\)"),
        (lambda g, c: g.score(np.zeros((2, 32, 32, 3), np.uint8)), r"\(2, 32, 32, 3\)"),
        (lambda g, c: g.score(g.sample(2)[:0]), "count of at least 1"),
        (lambda g, c: g.features(g.sample(2), statistics_from=[1]), "statistics_from"),
        (lambda g, c: g.save_grid(g.sample(2), "a.bmp"), r"ends in \.png"),
        (lambda g, c: g.save_grid(g.sample(2), "a.png", columns=0), "columns is 0"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_one_line(
    ask, told, gan, conditional, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=told) as error:
        ask(gan, conditional)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_conditional_discriminator_is_asked_with_labels(data_dir, tmp_path):
    out = dcgan_jax.train(
        dataset="digits", preset="mnist_mlp", data_dir=data_dir, image_size=32,
        upscale=True, width_multiplier=0.004, batch_size=16, num_steps=1,
        held_out=0, workdir=tmp_path / "run",
    )  # fmt: skip
    assert out.step == 1
    gan = dcgan_jax.load(tmp_path / "run")
    images = gan.sample(3)
    assert (gan.score(images, labels=[0, 1, 2]) != gan.score(images, labels=9)).any()
    with pytest.raises(ValueError, match="give the label of each image"):
        gan.score(images)
    with pytest.raises(ValueError, match="no plain DCGAN"):
        gan.features(images)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"path": "nothing"}, "neither a run's folder nor an exported"),
        ({"path": CONDITIONAL, "step": 3}, "holds one generator; leave out step"),
        ({"path": CONDITIONAL, "ema": True}, "no average beside it"),
        ({"path": GOLDEN / "run", "step": 3}, "step 3|step_00000003|no checkpoint"),
        ({"path": "authors_svhn", "weights_dir": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(flags, told):
    with pytest.raises((ValueError, FileNotFoundError), match=told) as error:
        dcgan_jax.load(flags.pop("path"), **flags)
    assert "\n" not in str(error.value)
