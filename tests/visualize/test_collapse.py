import functools
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli, models
from dcgan_jax.data import store as stores
from dcgan_jax.runs import reading
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import errors
from dcgan_jax.visualize import __main__ as visualize, collapse, run_modes
from dcgan_jax.visualize.collapse import CollapseConfig

main = functools.partial(cli.run_command, commands=visualize.COMMANDS)
main.__module__ = visualize.__name__


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A finished run with checkpoints of steps 10 and 20."""
    return shutil.copytree(tiny_run.workdir, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def store(run):
    return stores.open_store(stores.store_path(collapse.find_data(CollapseConfig(run))))


@pytest.fixture(scope="module")
def layers(run, store):
    return run_modes.measure_run(run, store)


def test_every_checkpoint_and_filter_is_measured(layers):
    assert [layer.name for layer in layers] == [
        "generator, conv1", "discriminator, conv2"
    ]  # fmt: skip
    # Widths of the small net, 64, 128, 256, by 0.0625.
    for layer, count in zip(layers, (4, 16), strict=True):
        assert sorted(layer.modes) == [10, 20]
        for modes in layer.modes.values():
            assert all(part.shape == (count,) for part in modes)


@pytest.mark.long
def test_the_generators_maps_are_those_that_its_last_layer_reads(run):
    """The image made of them by a transposed convolution in numpy is the network's."""
    config, arrays, _ = reading.read_run(str(run), step=None)
    network = models.make_generator(config)
    variables = reading.pick_variables(arrays, "gen")
    latents = np.random.default_rng(0).uniform(-1, 1, (2, 100)).astype(np.float32)
    last = models.list_hidden_convolutions(network)[-1]
    maps = sampling.make_map_reader(network, last)(variables, latents)
    assert maps.min() == 0 < maps.max()
    kernel = np.asarray(variables["params"]["conv2"]["kernel"])  # (5, 5, 1, filters)
    side = maps.shape[1]
    canvas = np.zeros((2, 2 * side + 3, 2 * side + 3))
    for row in range(side):
        for column in range(side):
            stamp = np.einsum("nf,ijf->nij", maps[:, row, column], kernel[:, :, 0])
            canvas[:, 2 * row : 2 * row + 5, 2 * column : 2 * column + 5] += stamp
    expected = np.tanh(canvas[:, 2:-1, 2:-1])
    images = network.apply(variables, latents, train=False)
    np.testing.assert_allclose(images[..., 0], expected, atol=1e-5)


def test_a_checkpoint_is_measured_once_and_counts_when_it_is_gone(
    run, store, layers, tmp_path, monkeypatch
):
    later = shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(later / "checkpoints" / "step_00000010")
    monkeypatch.setattr(run_modes.filter_modes, "measure_modes", None)
    again = run_modes.measure_run(later, store)
    for layer, other in zip(layers, again, strict=True):
        assert sorted(other.modes) == [10, 20]
        for step, modes in layer.modes.items():
            np.testing.assert_array_equal(np.stack(modes), np.stack(other.modes[step]))


def test_a_filter_that_stops_responding_is_named_with_its_step(
    run, layers, tmp_path, run_command
):
    later = shutil.copytree(run, tmp_path / "run")
    folder = later / "evaluation" / "filter_modes"
    with np.load(folder / "step_00000020.npz") as file:
        pair = {name: file[name].copy() for name in file}
    pair["gen"][0, 1] = 0.0  # the energy of the second filter
    np.savez(folder / "step_00000020.npz", **pair)
    for name, form in (("collapse.png", "PNG"), ("C.JPEG", "JPEG")):
        out = tmp_path / name
        ended = run_command(main, "collapse", later, f"--out={out}")
        assert ended.code == 0
        assert "filter    1  silent since step 20" in ended.out
        with Image.open(out) as picture:
            assert picture.size == (1200, 500)
            assert picture.format == form


def test_bad_input_is_told(run, tmp_path, one_error):
    assert "must end in .png" in one_error(main, "collapse", run, "--out=x.txt")
    assert "holds no run" in one_error(main, "collapse", tmp_path)
    shutil.copy(run / "config.json", tmp_path)
    assert "no checkpoint yet" in one_error(main, "collapse", tmp_path)


def test_a_run_into_which_nothing_can_be_written_is_told_at_once(run, store, tmp_path):
    other = shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(other / "evaluation", ignore_errors=True)
    (other / "evaluation").write_text("a file where the folder would be")
    with pytest.raises(errors.InputError, match=r"collapse writes into .*evaluation"):
        run_modes.measure_run(other, store)
