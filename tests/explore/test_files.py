"""Files of picks and boxes: read by the commands, and none but them."""

import dataclasses
import json

import pytest

from dcgan_jax.explore import files
from dcgan_jax.explore.session import Session
from dcgan_jax.latent import arithmetic, forget, picks as pick_files
from dcgan_jax.latent.boxes import Box
from dcgan_jax.system import errors

PICKED = Session(seed=3).replace_groups(
    {"positive": (3, 17), "negative": (5,), "add": (1, 2)}
)
TURNED = PICKED.replace_groups({"turn_from": (0,), "turn_to": (9,)})
BOXED = dataclasses.replace(PICKED, boxes=(Box(2, 3.0, 4.5, 10.0, 8.0),))


@pytest.fixture
def place(subject, tmp_path):
    """The same generator, with another folder for its files."""
    return dataclasses.replace(subject, folder=tmp_path / "run")


def save_all(place):
    files.keep_picks(place, PICKED, pick_files.ARITHMETIC, files.PICKS)
    files.keep_picks(place, TURNED, pick_files.TURN, files.TURN)
    files.keep_boxes(place, BOXED, files.BOXES)


def test_latent_arithmetic_reads_the_picks_of_a_sum(place, run, run_command, tmp_path):
    path = files.keep_picks(place, PICKED, pick_files.ARITHMETIC, "picks.json")
    out, numbers = tmp_path / "sum.png", tmp_path / "sum.json"
    ended = run_command(
        arithmetic.main, run, f"--picks={path}", f"--out={out}", f"--json={numbers}"
    )
    assert ended.code == 0, ended.err
    groups = json.loads(numbers.read_text())["numbers"]["groups"]
    assert groups == {"positive": [3, 17], "negative": [5], "add": [1, 2]}


def test_latent_arithmetic_reads_the_picks_of_a_turn(place, run, run_command, tmp_path):
    path = files.keep_picks(place, TURNED, pick_files.TURN, "turn.json")
    ended = run_command(
        arithmetic.main, run, f"--picks={path}", f"--out={tmp_path / 'turn.png'}"
    )
    assert ended.code == 0, ended.err


def test_latent_forget_reads_the_boxes(place, run, run_command, tmp_path):
    path = files.keep_boxes(place, BOXED, "boxes.json")
    ended = run_command(
        forget.main, run, f"--boxes={path}", f"--out={tmp_path / 'forget.png'}"
    )
    assert ended.code == 0, ended.err
    assert "1 on 1 samples" in ended.out


def test_what_was_saved_is_there_at_the_next_start(place):
    save_all(place)
    session, remarks = files.open_session(place, None, None)
    assert session == dataclasses.replace(TURNED, boxes=BOXED.boxes)
    assert remarks == []


def test_samples_of_another_seed_begin_without_picks(place):
    save_all(place)
    assert files.open_session(place, 4, None) == (Session(4), [])


def test_picks_of_another_generator_are_left_out_and_told(place):
    path = files.keep_picks(place, PICKED, pick_files.ARITHMETIC, files.PICKS)
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "generator": "0" * 64}))
    session, remarks = files.open_session(place, None, None)
    assert session == Session()
    assert len(remarks) == 1
    assert "another generator" in remarks[0]


@pytest.mark.parametrize(
    "name",
    ["../picks.json", "/tmp/picks.json", "a/b.json", ".json", ".picks.json", "", "..",
     "picks", "picks.txt", "config.json", "picks.json\n", "p\0.json", "a\\b.json",
     "x" * 200 + ".json", "~.json"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(name, place):
    for use in (
        lambda: files.keep_picks(place, PICKED, pick_files.ARITHMETIC, name),
        lambda: files.load_picks(place, pick_files.ARITHMETIC, name),
        lambda: files.keep_boxes(place, BOXED, name),
        lambda: files.load_boxes(place, name),
    ):
        with pytest.raises(errors.InputError, match="is no name for picks or boxes"):
            use()
    assert not place.folder.exists()


def test_a_link_out_of_the_folder_is_refused(place, tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    place.folder.mkdir()
    (place.folder / "picks.json").symlink_to(outside)
    with pytest.raises(errors.InputError, match="leads out of"):
        files.keep_picks(place, PICKED, pick_files.ARITHMETIC, "picks.json")
    assert outside.read_text() == "{}"


def test_a_file_of_another_kind_is_not_overwritten(place):
    place.folder.mkdir()
    path = place.folder / "results.json"
    path.write_text('{"precious": 1}')
    for use in (
        lambda: files.keep_picks(place, PICKED, pick_files.ARITHMETIC, path.name),
        lambda: files.keep_boxes(place, BOXED, path.name),
    ):
        with pytest.raises(errors.InputError):
            use()
    assert path.read_text() == '{"precious": 1}'


def test_nothing_is_saved_before_it_is_complete(place):
    with pytest.raises(errors.InputError, match="each group needs a sample"):
        files.keep_picks(place, PICKED, pick_files.TURN, "turn.json")
    with pytest.raises(errors.InputError, match="draw a box"):
        files.keep_boxes(place, PICKED, "boxes.json")
    assert not place.folder.exists()
