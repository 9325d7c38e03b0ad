"""Which feature maps draw an object, and what is left without them."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.latent import forgetting, object_maps
from dcgan_jax.latent.boxes import Box
from dcgan_jax.models import dcgan
from dcgan_jax.models.dcgan import ConvSpec
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import errors

SIDE = 8
OBJECT_MAP = 1  # of three; the others draw the background
BACKGROUND, OBJECT = 0.2, 0.9  # what a map adds to the image, before tanh


@pytest.fixture(scope="module")
def known_generator():
    """Draw latents that are two pictures, background and object, added up.

    Every convolution looks at a pixel alone (1×1, stride 1), so all is known.
    """
    network = dcgan.Generator(
        base_size=SIDE,
        base_features=2,
        convolutions=(ConvSpec(3, 1), ConvSpec(1, 1)),
        kernel_size=1,
        dtype=jnp.dtype("float32"),
        formulation="lax",
    )
    units = 2 * SIDE * SIDE
    maps = jnp.asarray([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]])
    adds = jnp.asarray([[BACKGROUND, OBJECT, BACKGROUND]])

    def norm(size):
        return {"gain": jnp.ones(size), "offset": jnp.zeros(size)}

    def stats(size):
        return {"mean": jnp.zeros(size), "var": jnp.ones(size)}

    variables = {
        "params": {
            "project": {"dense": {"kernel": jnp.eye(units)}, "bn": norm(units)},
            "conv0": {"kernel": maps[None, None]},
            "bn0": norm(3),
            "conv1": {"kernel": adds[None, None]},
        },
        "batch_stats": {"project": {"bn": stats(units)}, "bn0": stats(3)},
    }
    config = dataclasses.replace(presets.DIGITS, image_size=SIDE, latent_size=units)
    return LoadedGenerator(network, variables, lambda key, count: None, config, 0)


@pytest.fixture(scope="module")
def scenes():
    """Backgrounds (count, SIDE, SIDE), and objects that hide them, each in its box."""
    rng = np.random.default_rng(0)
    background = rng.uniform(0.5, 1, (20, SIDE, SIDE))
    objects = np.zeros_like(background)
    corners = rng.integers(0, SIDE - 3, (20, 2))
    for number, (x, y) in enumerate(corners):
        objects[number, y : y + 3, x : x + 3] = rng.uniform(0.5, 1)
        background[number, y : y + 3, x : x + 3] *= 0.5
    return background, objects, corners


@pytest.fixture(scope="module")
def known_samples(known_generator, scenes):
    background, objects, _ = scenes
    latents = np.stack([background, objects], axis=-1).reshape(20, -1)
    return Samples(known_generator, latents.astype(np.float32), None)


@pytest.fixture(scope="module")
def boxes(scenes):
    return [Box(number, x, y, 3, 3) for number, (x, y) in enumerate(scenes[2])]


@pytest.fixture(scope="module")
def regression(known_samples, boxes):
    return forgetting.learn_maps(known_samples, boxes, layer="conv0", seed=0)


@pytest.mark.parametrize("num_dropped", [None, 1])
def test_the_map_that_draws_the_object_is_dropped(regression, num_dropped):
    dropped = object_maps.choose_dropped(regression.weights, num_dropped=num_dropped)
    assert np.flatnonzero(dropped).tolist() == [OBJECT_MAP]
    assert regression.accuracy == 1
    assert regression.num_inside == regression.num_outside == 20 * 9


def test_without_its_map_the_object_is_gone_and_the_background_as_it_was(
    known_samples, scenes
):
    dropped = np.arange(3) == OBJECT_MAP
    draw = forgetting.make_drawer(known_samples, layer="conv0")
    before, after = draw(np.zeros(3, bool)), draw(dropped)
    background, objects, _ = scenes
    for images, added in ((before, OBJECT * objects), (after, 0)):
        values = np.tanh(1.5 * BACKGROUND * background + added)
        expected = np.rint((values + 1) * 127.5)[..., None]
        assert np.abs(images - expected).max() <= 1
    outside = objects == 0
    np.testing.assert_array_equal(before[outside], after[outside])


def test_the_places_outside_follow_the_seed(known_samples, boxes, regression):
    again = forgetting.learn_maps(known_samples, boxes, layer="conv0", seed=0)
    other = forgetting.learn_maps(known_samples, boxes, layer="conv0", seed=1)
    np.testing.assert_array_equal(again.weights, regression.weights)
    assert not np.array_equal(other.weights, regression.weights)


def test_the_paper_s_layer_is_the_one_below_the_image(known_generator):
    assert forgetting.settle_layer(known_generator, None) == "conv0"
    generator = models.make_generator(presets.LSUN_BEDROOM)
    known = models.list_hidden_convolutions(generator)
    assert known == ("conv0", "conv1", "conv2")
    assert object_maps.find_default_layer(known) == "conv2"


def test_other_layers_are_refused(known_generator):
    with pytest.raises(errors.InputError, match=r"--layer=conv1; .* are conv0, the"):
        forgetting.settle_layer(known_generator, "conv1")


@pytest.mark.parametrize(
    ("box", "positions"),
    [
        ((0, 0, 4, 4), [(0, 0)]),
        ((0, 0, 8, 4), [(0, 0), (0, 1)]),  # x runs to the right
        ((2, 2, 4, 4), [(0, 0)]),  # middles at 2 and 6; a box ends before its edge
        ((2.5, 2.5, 4, 4), [(1, 1)]),
        ((3, 0, 1, 1), [(0, 0)]),  # smaller than a position: where its middle is
        ((7.5, 7.5, 0.5, 0.5), [(1, 1)]),
    ],
)
def test_positions_lie_in_a_box_by_their_middles(box, positions):
    marked = object_maps.mark_positions([Box(6, *box)], map_size=2, image_size=8)
    assert list(marked) == [6]
    assert list(map(tuple, np.argwhere(marked[6]))) == positions


def test_each_image_gives_as_many_places_outside_as_inside():
    boxes = [Box(2, 0, 0, 2, 1), Box(2, 3, 3, 1, 1), Box(9, 0, 0, 4, 3)]
    marked = object_maps.mark_positions(boxes, map_size=4, image_size=4)
    places = object_maps.choose_places(marked, np.random.default_rng(0))
    where = set(zip(*places[:3], strict=True))
    assert len(where) == len(places.inside)  # none twice
    for sample, inside, outside in ((2, 3, 3), (9, 12, 4)):
        flags = places.inside[places.samples == sample]
        assert (flags.sum(), (~flags).sum()) == (inside, outside)
    for sample, row, column, inside in zip(*places, strict=True):
        assert marked[sample][row, column] == inside


def test_boxes_that_leave_nothing_outside_are_refused():
    marked = {0: np.ones((4, 4), bool)}
    with pytest.raises(errors.InputError, match="cover their images whole"):
        object_maps.choose_places(marked, np.random.default_rng(0))


def test_the_regression_is_at_the_minimum_of_its_objective():
    rng = np.random.default_rng(0)
    inside = np.arange(90) < 30
    features = rng.exponential([1.0, 50.0, 0.01], (90, 3)).astype(np.float32)
    features[inside, 0] += 1
    found = object_maps.fit_regression(features, inside)
    x = features.astype(np.float64) / features.std(axis=0, dtype=np.float64)
    x -= x.mean(axis=0)
    share = np.where(inside, 90 / 60, 90 / 120)  # each kind counts half

    def slopes(offset):
        p = 1 / (1 + np.exp(-(x @ found.weights + offset)))
        return share * (p - inside)

    low, high = -20.0, 20.0
    for _ in range(80):  # the offset is not penalised: its slope is 0
        middle = (low + high) / 2
        low, high = (low, middle) if slopes(middle).sum() > 0 else (middle, high)
    gradient = found.weights + x.T @ slopes(low)
    assert np.abs(gradient).max() < 0.01
    right = (x @ found.weights + low > 0) == inside
    assert found.accuracy == pytest.approx(right.mean())


def test_a_map_that_is_the_same_everywhere_is_kept():
    inside = np.arange(20) < 10
    features = np.stack([inside, np.ones(20), np.zeros(20)], axis=1)
    found = object_maps.fit_regression(features.astype(np.float32), inside)
    assert found.weights[0] > 0
    assert found.weights[1:].tolist() == [0, 0]


def test_all_maps_of_positive_weight_are_dropped_or_the_first_of_them():
    weights = np.array([0.5, -1, 0, 2, 0.1])
    for number, dropped in ((None, [0, 3, 4]), (1, [3]), (2, [0, 3])):
        chosen = object_maps.choose_dropped(weights, num_dropped=number)
        assert np.flatnonzero(chosen).tolist() == dropped
    with pytest.raises(errors.InputError, match="only 3 of 5 feature maps"):
        object_maps.choose_dropped(weights, num_dropped=4)
    with pytest.raises(errors.InputError, match="no feature map is stronger"):
        object_maps.choose_dropped(-weights[:1], num_dropped=None)


def test_the_change_is_measured_inside_and_outside():
    before = np.zeros((1, 2, 2, 1), np.uint8)
    after = np.array([[[51], [0]], [[0], [255]]], np.uint8)[None]
    inside = object_maps.mark_pixels([Box(7, 0, 0, 1, 0.5)], [7], image_size=2)
    assert inside.tolist() == [[[True, False], [False, False]]]
    found = object_maps.measure_change(before, after, inside)
    assert found == pytest.approx((0.2, 1 / 3))


def test_many_samples_are_read_in_blocks(known_generator, scenes):
    background, objects, corners = (
        np.tile(part, (5, 1, 1)[: part.ndim]) for part in scenes
    )
    latents = np.stack([background, objects], axis=-1).reshape(100, -1)
    samples = Samples(known_generator, latents.astype(np.float32), None)
    boxes = [Box(n, *corner, 3, 3) for n, corner in enumerate(corners)]
    found = forgetting.learn_maps(samples, boxes[::-1], layer="conv0", seed=0)
    assert found.accuracy == 1
    assert found.num_inside == 100 * 9
