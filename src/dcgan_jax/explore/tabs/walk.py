"""A walk between two samples."""

from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.explore import encoding, own, parts, serving
from dcgan_jax.explore.parts import Desk, Update
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import paths
from dcgan_jax.latent.paths import Interpolation
from dcgan_jax.pictures import captions, grid

NUM_STEPS = 32
_SIDE = 384  # screen pixels of the picture
_STRIP = 9  # images; Fig. 4 shows so many a row

EXPLAINS = (
    "Every picture on the way from one sample to another. A generator that had "
    "memorised pictures would jump; one that has learnt what they are made of passes "
    "through plausible ones (§6.1, Fig. 4)."
)


class WalkElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    start: Any
    end: Any
    path: Any
    slider: Any
    picture: Any
    strip: Any
    note: Any
    saves: Any
    frames: Any


def build() -> WalkElements:
    """Make the elements."""
    import gradio as gr

    with gr.Row(elem_classes=["settings"]):
        start = parts.make_number(0, "From sample", "walk-from")
        end = parts.make_number(1, "To sample", "walk-to")
        path = gr.Radio(
            ["linear", "spherical"], value="linear", label="Path", elem_id="walk-path",
            info="Straight suits uniform latents, spherical normal ones.",
            min_width=260,
        )  # fmt: skip
    slider = gr.Slider(
        0, 1, value=0, step=1 / NUM_STEPS, label="How far", elem_id="walk-slider"
    )
    picture = parts.make_picture("walk-picture")
    strip = parts.make_picture("walk-strip")
    note = parts.make_note("walk-note")
    saves = parts.make_links("walk-saves")
    parts.explain(EXPLAINS)
    return WalkElements(
        start, end, path, slider, picture, strip, note, saves, gr.State()
    )


def adapt(subject: Subject) -> str:
    """Return the path that suits a generator's latents."""
    normal = subject.require().config.latent_distribution == "normal"
    return "spherical" if normal else "linear"


def read_ends(start: float | None, end: float | None) -> tuple[int, int]:
    """Return the numbers of the samples at both ends.

    Raises:
        InputError: if they are none.
    """
    first, last = (
        parts.read_number(number, field, least=0, most=own.LAST_NUMBER)
        for number, field in ((start, "From sample"), (end, "To sample"))
    )
    return first, last


def draw_walk(
    subject: Subject,
    session: Session,
    start: float | None,
    end: float | None,
    path: Interpolation,
) -> np.ndarray:
    """Draw a walk, uint8 (NUM_STEPS + 1, height, width, channels)."""
    generator = subject.number(session.seed, session.label)
    latents = generator.pick(read_ends(start, end))
    path_latents = paths.walk(
        latents, num_steps=NUM_STEPS, interpolation=path, closed=False
    )
    return generator.draw(path_latents[0])


def show_frame(frames: np.ndarray | None, position: float) -> str:
    """Return the picture at a position from 0 to 1."""
    if frames is None:
        return ""
    image = frames[round(position * (len(frames) - 1))]
    scale = max(1, _SIDE // image.shape[0])
    url = encoding.to_url(image)
    return encoding.to_element(url, "a point of the walk", scale=scale,
                               width=image.shape[1])  # fmt: skip


def show_strip(frames: np.ndarray) -> tuple[str, str]:
    """Return pictures at even distances, and a line on how evenly they change."""
    chosen = frames[:: NUM_STEPS // (_STRIP - 1)]
    picture = grid.make_grid(captions.enlarge(chosen), columns=_STRIP)
    found = paths.measure_transitions(frames[None])
    line = (
        f"The largest of {NUM_STEPS} steps is {found.overall:.2f} times the median one "
        f"({found.median:.1f} grey levels); 1 is even, a jump is many times as large."
        if found.median > 0
        else "The pictures do not change: both ends are one sample."
    )
    return encoding.to_element(encoding.to_url(picture), "the walk"), line


def link_walk(
    subject: Subject, session: Session, ends: tuple[int, int], path: Interpolation
) -> str:
    """Return the links that save a walk."""
    where = serving.name_samples(subject, session)
    url = f"{where}/walk.{{}}?from={ends[0]}&to={ends[1]}&path={path}"
    file = f"walk-{ends[0]}-{ends[1]}"
    return parts.link_film("save-walk", url, file, serving.find_lacking_mp4())


def make_update(desk: Desk, elements: WalkElements) -> Update:
    """Return what draws the walk."""

    def update(
        state: Session, start: float, end: float, path: Interpolation, position: float
    ) -> tuple[Any, ...]:
        subject = desk.find(state)
        frames = draw_walk(subject, state, start, end, path)
        links = link_walk(subject, state, read_ends(start, end), path)
        return frames, show_frame(frames, position), *show_strip(frames), links

    inputs = [desk.session, elements.start, elements.end, elements.path,
              elements.slider]  # fmt: skip
    outputs = [elements.frames, elements.picture, elements.strip, elements.note,
               elements.saves]  # fmt: skip
    return Update(update, inputs, outputs)


def connect(desk: Desk, elements: WalkElements) -> None:
    """Make the elements answer."""
    update = make_update(desk, elements)
    for element in (elements.start, elements.end, elements.path):
        desk.redo(element.change, update, parts.FOLLOW, clears=True)
    elements.slider.change(
        show_frame, [elements.frames, elements.slider], elements.picture, **parts.FOLLOW
    )
