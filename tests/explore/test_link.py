"""What is shown, as the page's address."""

import pytest

from dcgan_jax.explore import link
from dcgan_jax.explore.session import Session, Which
from dcgan_jax.system import seeds

PICKED = Session(
    seed=7,
    label=2,
    groups={"positive": (3, 17), "turn_to": (100_000,)},
    which=Which("runs/a b", 2000, ema=True),
    others={(0, 2): {"negative": (5,)}, (9, None): {"add": (1,)}},
)


def test_an_address_holds_the_generator_the_samples_and_the_picks():
    found = link.read(link.write(PICKED, follow=False))
    assert found.which == PICKED.which
    assert not found.follow
    assert found.session.seed == 7
    assert found.session.label == 2
    assert found.session.groups == PICKED.groups
    assert found.session.others == PICKED.others


def test_while_the_newest_is_followed_an_address_asks_for_it():
    found = link.read(link.write(PICKED, follow=True))
    assert found.which == Which("runs/a b", None, ema=True)
    assert found.follow


@pytest.mark.parametrize(
    "query",
    [
        "",
        "seed=",
        "seed=-1",
        "seed=x&picks=A1",
        f"seed={seeds.MAX_SEED + 1}",
        "run",
        "seed=1e3",
    ],
)
def test_an_address_without_a_seed_asks_for_no_samples(query):
    assert link.read(query).session is None


@pytest.mark.parametrize("picks", ["D3", "A", "A-1", "A1.x", "A1234567", "~", "A1 B2"])
def test_picks_that_cannot_be_read_are_left_out(picks):
    assert link.read(f"seed=0&picks={picks}").session.groups == {}
