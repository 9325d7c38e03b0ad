"""Boxes on the page → feature maps to drop."""

from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.explore.session import Session
from dcgan_jax.explore.tabs import forget
from dcgan_jax.latent import forgetting
from dcgan_jax.latent.boxes import Box
from dcgan_jax.system import errors

BOXES = (Box(9, 4.0, 4.0, 12.0, 20.0), Box(2, 8.0, 2.0, 10.0, 10.0))


@pytest.fixture(scope="module")
def fitted(subject):
    return forget.fit_to_boxes(subject, Session(seed=1, boxes=BOXES), None)


def test_samples_with_boxes_come_first_and_none_twice():
    shown = forget.choose_shown(BOXES)
    assert shown[:2] == [2, 9]
    assert len(shown) == len(set(shown)) == forget.NUM_SHOWN


def test_without_dropped_maps_the_samples_are_those_of_the_wall(subject, fitted):
    generator = subject.number(1, None)
    wall = generator.draw(generator.latents(30))[list(fitted.maps.shown)]
    assert np.array_equal(fitted.maps.before, wall)
    assert np.array_equal(forget.draw_without(subject, fitted, 0).after, wall)


def test_more_dropped_maps_change_the_samples_more(subject, fitted):
    before = fitted.maps.before.astype(int)
    changes = [
        np.abs(forget.draw_without(subject, fitted, count).after - before).mean()
        for count in (0, 1, fitted.maps.num_positive)
    ]
    assert changes[0] < changes[1] < changes[2]


def test_change_is_measured_inside_and_outside_of_the_boxes(fitted):
    boxed = fitted.maps._replace(boxes=(Box(2, 0.0, 0.0, 16.0, 32.0),))  # a left half
    after = boxed.before.copy()
    after[0, :, :16] = 255 - boxed.before[0, :, :16] // 2
    inside, outside = forgetting.measure_shown(boxed, after)
    expected = np.abs(after[0, :, :16] - boxed.before[0, :, :16].astype(int)).mean()
    assert inside == pytest.approx(expected / 255)
    assert outside == 0


def test_without_a_box_there_is_nothing_to_fit(subject):
    with pytest.raises(errors.InputError, match="draw a box"):
        forget.fit_to_boxes(subject, Session(), None)


@pytest.mark.parametrize(
    ("number", "flag"), [(1, "--label=2"), (9, "'--label=red fox'")]
)
def test_the_command_that_reads_boxes_calls_the_class_by_its_name(number, flag, named):
    session = Session(label=number, boxes=BOXES)
    assert flag in forget.tell_boxes(named, session, Path("boxes.json"))
