"""What is picked of which samples."""

from dcgan_jax.explore.session import Session


def test_concepts_are_complete_when_each_has_a_sample():
    session = Session().replace_groups({"turn_from": (3,)})
    assert session.complete(("turn_from", "turn_to")) is None
    session = session.replace_groups({"turn_to": (4,)})
    assert session.complete(("turn_from", "turn_to")) == {
        "turn_from": (3,),
        "turn_to": (4,),
    }


def test_picks_of_a_seed_are_found_by_coming_back_to_it():
    session = Session().replace_groups({"positive": (3,)}).turn_to(7, None)
    session = session.replace_groups({"add": (1,)})
    assert session.group("positive") == ()
    back = session.turn_to(0, None)
    assert back.group("positive") == (3,)
    assert back.group("add") == ()
    assert back.turn_to(7, None).group("add") == (1,)
