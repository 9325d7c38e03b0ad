"""Networks for others, each read by the library that it is for."""

import dataclasses
import json
import os
import shutil
import stat
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from dcgan_jax import models, presets
from dcgan_jax.export import (
    __main__ as export,
    onnx_form,
    torch_form,
    write as exporting,
)
from dcgan_jax.gan import keys
from dcgan_jax.pictures import captions
from dcgan_jax.runs import safetensors_file
from dcgan_jax.sample import draw as sampling

CONDITIONAL = Path(__file__).parents[1] / "golden" / "conditional.safetensors"
NEEDS_TORCH = "needs PyTorch"
NEEDS_ONNX = "needs the extra [onnx]"


@pytest.fixture
def run(tiny_run):
    return tiny_run.workdir


@pytest.fixture
def export_run(run, tmp_path, run_command):
    """Export the tiny run; return the generator's file."""

    def make(form):
        out = tmp_path / f"digits{export.SUFFIXES[form]}"
        ended = run_command(export.main, run, f"--format={form}", f"--out={out}")
        assert ended.code == 0, ended.err
        return out

    return make


def apply_ours(run, count=4):
    """Return latents, images in [-1, 1] and D's probabilities of them."""
    subject = exporting.load(str(run), step=None, folder=None)
    loaded, disc = subject.loaded, subject.discriminator
    key = keys.make_key(3, keys.Purpose.SAMPLES)
    latents = sampling.draw_first_latents(loaded.draw_latents, key, count)
    images = loaded.network.apply(loaded.variables, latents, None, train=False)
    logits, _ = disc.module.apply(disc.variables, images, None, train=False)
    return latents, np.asarray(images), np.asarray(logits)


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_both_networks_a_card_and_a_grid_are_written(export_run):
    out = export_run("safetensors")
    names = sorted(path.name for path in out.parent.iterdir())
    assert names == [
        "digits.md", "digits.png", "digits.safetensors",
        "digits_discriminator.safetensors",
    ]  # fmt: skip


def test_the_card_tells_data_protocol_and_numbers(export_run, tiny_run):
    text = export_run("safetensors").with_suffix(".md").read_text()
    for part in ("digits.png", "| data | digits, train |", "d_loss", "step 20"):
        assert part in text
    assert f"| batch_size | {tiny_run.batch_size} |" in text


def test_card_and_grid_name_the_classes(tmp_path, run_command):
    names = ["cat", "a|b", "caf\udce9", "two\nlines", *"456789"]
    config, step, variables = safetensors_file.read_network(CONDITIONAL)
    named, plain = tmp_path / "named.safetensors", tmp_path / "plain.safetensors"
    pictures = []
    for path, known in ((plain, None), (named, json.dumps(names))):
        described = dataclasses.replace(config, class_names=known)
        safetensors_file.save_network(path, variables, described, step=step)
        out = path.with_stem(f"{path.stem}_copy")
        assert run_command(export.main, path, f"--out={out}").code == 0
        with Image.open(out.with_suffix(".png")) as picture:
            pictures.append(np.asarray(picture)[..., None])
    lines = out.with_suffix(".md").read_text("utf-8").splitlines()
    shown = "0 cat, 1 a\\|b, 2 caf\\udce9, 3 two lines, 4 4, 5 5, 6 6, 7 7, 8 8, 9 9"
    assert f"| classes | {shown} |" in lines
    # 8 columns of 28 pixels have 512 dots by 3 to a pixel; there are 10 rows.
    assert len(pictures[0]) == 3 * (10 * 30 - 2)
    beside = captions.name_rows(pictures[0], dict(enumerate(names)), gap=2 * 3)
    np.testing.assert_array_equal(pictures[1][:, -beside.shape[1] :], beside)


def test_the_card_tells_what_was_measured_and_how(run, tmp_path, run_command):
    copy = shutil.copytree(run, tmp_path / "run")
    row = {
        "step": 20, "generator": "", "numbers": {"frechet_distance[x]": 12.5},
        "settings": {"num_samples": 1000, "reference": "test", "run": "abc"},
    }  # fmt: skip
    (copy / "quality.jsonl").write_text(json.dumps(row) + "\n")
    out = tmp_path / "digits.safetensors"
    assert run_command(export.main, copy, f"--out={out}").code == 0
    told = "| 20 | frechet_distance[x] 12.5 | num_samples 1000, reference test |"
    assert told in out.with_suffix(".md").read_text()


def test_the_card_tells_the_results_in_the_run_s_folder_of_evaluations(
    run, tmp_path, run_command
):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "evaluation").mkdir()
    result = {
        "what": "memorisation of /home/me/runs/digits",
        "protocol": "10 samples | of seed 0",
        "numbers": {"median_distance": 23.456, "step": 20, "rows": [1, 2]},
    }
    (copy / "evaluation" / "a.json").write_text(json.dumps(result))
    (copy / "evaluation" / "b.json").write_text('{"not": "a result"}')
    (copy / "evaluation" / "c.json").write_text("{")
    out = tmp_path / "digits.safetensors"
    assert run_command(export.main, copy, f"--out={out}").code == 0
    text = out.with_suffix(".md").read_text()
    told = "| 20 | median_distance 23.46 | memorisation: 10 samples \\| of seed 0 |"
    assert told in text.splitlines()
    assert "/home" not in text


@pytest.mark.parametrize(
    ("dataset", "source", "name"),
    [
        ("folder", "/home/me/my pictures", "my pictures"),
        ("arrays", "/home/me/x|y.npz", "x|y.npz"),
        ("celeb_a", "/home/me/img_align_celeba.zip", "celeb_a"),
        ("digits", None, "digits"),
    ],
)
def test_the_card_names_the_data_without_a_path_and_leaves_the_licence_to_its_user(
    dataset, source, name, tmp_path, run_command
):
    config, step, variables = safetensors_file.read_network(CONDITIONAL)
    path = None if source is None else Path(source)
    config = dataclasses.replace(config, dataset=dataset, source=path)
    own = tmp_path / "g.safetensors"
    safetensors_file.save_network(own, variables, config, step=step)
    out = tmp_path / "out.safetensors"
    assert run_command(export.main, own, f"--out={out}").code == 0
    text = out.with_suffix(".md").read_text()
    lines = text.splitlines()
    assert f"datasets: [{json.dumps(name)}]" in lines
    shown = name.replace("|", "\\|")
    assert f"| data | {shown}, train |" in lines
    assert "/home" not in text
    assert "# license: fill in, as in mit or cc-by-4.0" in lines
    assert "To be filled in by whoever publishes this file" in text


@pytest.mark.parametrize("conditional", [False, True])
def test_the_card_s_lines_load_the_file_and_draw(
    conditional, run, tmp_path, run_command, monkeypatch
):
    out = tmp_path / "net.safetensors"
    subject = CONDITIONAL if conditional else run
    assert run_command(export.main, subject, f"--out={out}").code == 0
    names = run_the_card(out, monkeypatch)
    gan, images = names["gan"], names["images"]
    expected = gan.sample(16, labels=0) if conditional else gan.sample(16)
    np.testing.assert_array_equal(images, expected)
    assert (tmp_path / "samples.png").is_file()


def test_the_discriminator_s_arrays_are_those_of_the_run(export_run, run):
    path = export_run("safetensors")
    found = load_file(path.with_stem(f"{path.stem}_discriminator"))
    subject = exporting.load(str(run), step=None, folder=None)
    kernel = subject.discriminator.variables["params"]["conv1"]["kernel"]
    np.testing.assert_array_equal(found["params/conv1/kernel"], kernel)


def test_a_discriminator_is_not_taken_for_a_generator(export_run, one_error):
    path = export_run("safetensors")
    other = path.with_stem(f"{path.stem}_discriminator")
    assert "discriminator" in one_error(export.main, other, "--out=x.safetensors")


def test_an_exported_generator_is_exported_again_alone(export_run, run_command):
    path = export_run("safetensors")
    again = path.with_stem("again")
    assert run_command(export.main, path, f"--out={again}").code == 0
    assert not again.with_stem("again_discriminator").exists()
    assert safetensors_file.read_network(again)[1] == 20


def test_torch_s_names_are_those_of_its_dcgan_example(export_run):
    found = load_file(export_run("torch"))
    # pytorch/examples, dcgan/main.py, of three blocks; the first norm is one a unit.
    convolutions = {f"main.{index}.weight" for index in (0, 3, 6, 9)}
    assert {name for name in found if found[name].ndim == 4} == convolutions
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    norms = {f"main.{index}.{part}" for index in ("1.1", 4, 7) for part in parts}
    assert found.keys() == convolutions | norms


def run_the_card(path, monkeypatch):
    """Run the Python code of a card, as a reader would."""
    monkeypatch.chdir(path.parent)
    text = path.with_suffix(".md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    return names


def test_torch_draws_and_judges_the_same_images_by_the_code_of_the_card(
    export_run, run, monkeypatch
):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    names = run_the_card(export_run("torch"), monkeypatch)
    assert names["images"].shape == (16, 1, 32, 32)
    latents, images, logits = apply_ours(run)
    with torch.no_grad():
        given = torch.from_numpy(latents)[..., None, None]
        found = names["generator"](given)
        judged = names["discriminator"](found)[:, 0, 0, 0]
    assert relative_error(found.numpy().transpose(0, 2, 3, 1), images) < 1e-5
    expected = 1 / (1 + np.exp(-logits))
    assert relative_error(judged.numpy(), expected) < 1e-5


@pytest.mark.long
def test_torch_has_no_form_for_other_networks(make_flags, tmp_path, one_error):
    from dcgan_jax import cli
    from dcgan_jax.train import loop

    flags = make_flags("mnist_mlp", "--num_steps=2", f"--workdir={tmp_path / 'run'}")
    loop.run(cli.parse_run(flags))
    out = tmp_path / "out.safetensors"
    message = one_error(export.main, tmp_path / "run", "--format=torch", f"--out={out}")
    assert "plain DCGANs" in message
    assert not out.exists()


def test_onnx_draws_the_same_images_in_batches_of_any_size(
    export_run, run, monkeypatch
):
    onnxruntime = pytest.importorskip("onnxruntime", reason=NEEDS_ONNX)
    path = export_run("onnx")
    assert run_the_card(path, monkeypatch)["images"].shape == (16, 32, 32, 1)
    latents, images, logits = apply_ours(run)
    generator = onnxruntime.InferenceSession(path)
    (found,) = generator.run(None, {generator.get_inputs()[0].name: latents})
    assert relative_error(found, images) < 1e-5
    other = path.with_stem(f"{path.stem}_discriminator")
    discriminator = onnxruntime.InferenceSession(other)
    (judged,) = discriminator.run(None, {discriminator.get_inputs()[0].name: images})
    assert relative_error(judged, logits) < 1e-5


def test_onnx_takes_the_classes_of_a_conditional_pair(tmp_path):
    pytest.importorskip("onnxruntime", reason=NEEDS_ONNX)
    config = dataclasses.replace(
        presets.find("folder", None, image_size=32), image_size=32, num_classes=3,
        conditional=True, width_multiplier=0.05,
    )  # fmt: skip
    config = onnx_form.simplify(config)
    pair = models.make_pair(config)
    labels = np.zeros(2, np.int32)
    for name, shape in (("generator", (2, 100)), ("discriminator", (2, 32, 32, 3))):
        network = getattr(pair, name)
        variables = network.init(jax.random.key(0), np.zeros(shape, np.float32), labels,
                                 train=True)  # fmt: skip
        path = tmp_path / f"{name}.onnx"
        assert onnx_form.save(path, network, variables, config, net=name) < 1e-5


def test_onnx_without_its_converter_is_one_line(run, one_error, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = one_error(export.main, run, "--format=onnx", "--out=x.onnx")
    assert "pip install 'dcgan-jax[onnx]'" in message


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "imagenet32"},
        {"architecture": "dcgan64", "image_size": 64},
        {"batch_norm": "all"},
        {"batch_norm": "not_in_generator"},
        {"disc_pooling": "global_average"},
        {"bn_affine": False},
        {"spectral_norm": True},
    ],
    ids=str,
)
def test_every_plain_choice_is_the_same_in_torch(change):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    config = dataclasses.replace(presets.SVHN, width_multiplier=0.0625, **change)
    pair, size = models.make_pair(config), config.image_size
    random = np.random.default_rng(0)
    latents = random.uniform(-1, 1, (3, config.latent_size)).astype(np.float32)
    images = random.uniform(-1, 1, (3, size, size, config.channels)).astype(np.float32)
    for module, given in ((pair.generator, latents), (pair.discriminator, images)):
        variables = shake(module.init(jax.random.key(0), given, train=True), random)
        expected = module.apply(variables, given, train=False)
        if isinstance(expected, tuple):
            expected = 1 / (1 + np.exp(-np.asarray(expected[0])))[:, None, None, None]
        names = {"nn": torch.nn}
        layers = torch_form.list_layers(module, variables)
        exec(torch_form.write_code("made", layers), names)
        state = {
            f"{index}.{name}": torch.from_numpy(np.array(array))
            for index, layer in enumerate(layers)
            for name, array in layer.arrays.items()
        }
        made = names["made"].eval()
        made.load_state_dict(state)
        turned = given.reshape(*given.shape, *(1,) * (4 - given.ndim))
        if given.ndim == 4:
            turned = given.transpose(0, 3, 1, 2)
        with torch.no_grad():
            found = made(torch.from_numpy(turned.copy())).numpy()
        assert relative_error(found.transpose(0, 2, 3, 1), np.asarray(expected)) < 1e-5


def shake(variables, random):
    """Make statistics and gains unlike each other, and kernels large enough to see."""

    def move(path, leaf):
        if path[-1].key == "var":
            return random.uniform(0.5, 2, leaf.shape).astype(np.float32)
        scale = 4 if path[-1].key == "kernel" else 1
        noise = 0.1 * random.normal(size=leaf.shape) * (leaf.ndim == 1)
        return (scale * np.asarray(leaf) + noise).astype(np.float32)

    return jax.tree_util.tree_map_with_path(move, variables)


@pytest.mark.parametrize("name", ["x.md", "x.png", "x_discriminator.safetensors"])
def test_a_file_of_another_origin_is_never_replaced(run, tmp_path, one_error, name):
    (tmp_path / name).write_text("mine")
    told = one_error(export.main, run, f"--out={tmp_path / 'x.safetensors'}")
    assert f"{name} is there, but no export has written it" in told
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_place_without_a_flag_is_tried_before_the_work(
    run, tmp_path, one_error, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "generator.safetensors").mkdir()
    monkeypatch.setattr(exporting, "load", None)  # not reached
    told = one_error(export.main, run)
    assert "--out=generator.safetensors cannot be written: it is a folder" in told


@pytest.mark.parametrize("form", ["safetensors", "torch", "onnx"])
def test_an_export_replaces_its_own_files_and_names_no_folder(
    form, run, export_run, tmp_path
):
    if form == "onnx":
        pytest.importorskip("jax2onnx", reason=NEEDS_ONNX)
    for _ in range(2):
        export_run(form)
    written = list(tmp_path.iterdir())
    assert len(written) == 4
    for path in written:
        for folder in (tmp_path.parent, run.parent, Path(export.__file__).parents[1]):
            assert str(folder).encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~read_umask()


def read_umask():
    before = os.umask(0)
    os.umask(before)
    return before
