"""Samples turned along the axis between two groups of picks."""

from typing import Any, NamedTuple

from dcgan_jax.explore import encoding, files, parts
from dcgan_jax.explore.parts import Desk
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.explore.tabs import wall
from dcgan_jax.latent import exemplars, picks as pick_files
from dcgan_jax.latent.exemplars import Turn
from dcgan_jax.pictures import captions, grid

_ROWS, _COLUMNS = 8, 17

EXPLAINS = (
    "Pick samples into “turn from” and “turn to” on the wall, four of each in the "
    "paper (faces that look left, faces that look right). The difference of their "
    "means is an axis, along which new samples move (§6.3.2, Fig. 8)."
)


class TurnElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    slider: Any
    picture: Any
    note: Any
    saves: Any
    file: Any
    save: Any
    load: Any
    saved: Any


def build() -> TurnElements:
    """Make the elements."""
    import gradio as gr

    slider = gr.Slider(-1, 1, value=0, step=2 / (_COLUMNS - 1), elem_id="turn-slider",
                       label="Position: 0 is the sample itself")  # fmt: skip
    picture = parts.make_picture("turn-picture")
    note = parts.make_note("turn-note")
    saves = parts.make_links("turn-saves")
    file, save, load = wall.make_file_row("turn", files.TURN)
    saved = parts.make_note("turn-saved")
    parts.explain(EXPLAINS)
    return TurnElements(slider, picture, note, saves, file, save, load, saved)


def make_rows(
    subject: Subject, session: Session, position: float
) -> tuple[Turn | None, str, str]:
    """Draw the axis of the picks; return it, a picture and a line."""
    groups = session.complete(pick_files.TURN)
    if groups is None:
        lacking = [
            name
            for name, group in (("turn from", "turn_from"), ("turn to", "turn_to"))
            if not session.group(group)
        ]
        return None, "", f"Still to pick on the wall: {', '.join(lacking)}."
    turned = exemplars.turn_samples(
        subject.number(session.seed, session.label), groups, rows=_ROWS,
        columns=_COLUMNS,
    )  # fmt: skip
    line = f"The axis is {turned.length:.2f} times as long as a sample's latent."
    return turned, show_turn(turned, position), line


def show_turn(turned: Turn | None, position: float) -> str:
    """Return the samples at a position from −1 to 1."""
    if turned is None:
        return ""
    column = round((position + 1) / 2 * (len(turned.positions) - 1))
    texts = [str(number) for number in turned.numbers]
    images = captions.write_below(turned.images[:, column], texts)
    picture = grid.make_grid(images, columns=len(texts), gap=6)
    return encoding.to_element(encoding.to_url(picture), "new samples, turned")


def link_turn(turned: Turn | None) -> str:
    """Return a link that saves all positions of an axis, as Fig. 8 shows them."""
    if turned is None:
        return ""
    rows, columns = turned.images.shape[:2]
    images = turned.images.reshape(rows * columns, *turned.images.shape[2:])
    url = encoding.to_url(grid.make_grid(captions.enlarge(images), columns=columns))
    return parts.link("save-turned", "Save all positions", url, "turn.png")


def connect(desk: Desk, elements: TurnElements) -> None:
    """Make the elements answer."""
    import gradio as gr

    def save(state: Session, file: str) -> str:
        desk.require_writing()
        subject = desk.find(state)
        with parts.naming("File of turn"):
            path = files.keep_picks(subject, state, pick_files.TURN, file)
        return wall.tell_picks(subject, path)

    def turn(state: Session, position: float) -> tuple[Any, ...]:
        turned, picture, line = make_rows(desk.find(state), state, position)
        return turned, picture, line, link_turn(turned)

    turned = gr.State()
    elements.slider.change(
        show_turn,
        [turned, elements.slider],
        elements.picture,
        **parts.FOLLOW,
    )
    desk.answer(
        elements.save.click, save, [desk.session, elements.file], [elements.saved],
        parts.WORK,
    )  # fmt: skip
    desk.answer(
        desk.picked.change, turn, [desk.session, elements.slider],
        [turned, elements.picture, elements.note, elements.saves], parts.FOLLOW,
        clears=False,
    )  # fmt: skip
