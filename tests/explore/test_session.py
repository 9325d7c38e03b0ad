"""What is picked, click by click."""

from dcgan_jax.explore.session import Session


def test_a_second_click_takes_a_sample_out_again():
    session = Session().toggle("positive", 3).toggle("positive", 17)
    assert session.group("positive") == (3, 17)
    assert session.toggle("positive", 3).group("positive") == (17,)


def test_a_sample_may_belong_to_several_concepts():
    session = Session().toggle("positive", 3).toggle("add", 3)
    assert session.group("positive") == session.group("add") == (3,)


def test_concepts_are_complete_when_each_has_a_sample():
    session = Session().toggle("turn_from", 3)
    assert session.complete(("turn_from", "turn_to")) is None
    session = session.toggle("turn_to", 4)
    assert session.complete(("turn_from", "turn_to")) == {
        "turn_from": (3,),
        "turn_to": (4,),
    }


def test_picks_of_a_seed_are_found_by_coming_back_to_it():
    session = Session().toggle("positive", 3).turn_to(7, None).toggle("add", 1)
    assert session.group("positive") == ()
    back = session.turn_to(0, None)
    assert back.group("positive") == (3,)
    assert back.group("add") == ()
    assert back.turn_to(7, None).group("add") == (1,)
