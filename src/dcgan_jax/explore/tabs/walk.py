"""A walk between two samples."""

from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.explore import encoding, parts
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import paths, picks as pick_files
from dcgan_jax.latent.paths import Interpolation
from dcgan_jax.pictures import captions, grid

NUM_STEPS = 32
_SIDE = 320  # screen pixels of the picture
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
    frames: Any


def build(subject: Subject) -> WalkElements:
    """Make the elements."""
    import gradio as gr

    parts.explain(EXPLAINS)
    normal = subject.require().config.latent_distribution == "normal"
    with gr.Row():
        start, end = (
            gr.Number(number, label=label, precision=0, minimum=0, elem_id=elem_id,
                      maximum=pick_files.MAX_NUMBER, min_width=110)
            for number, label, elem_id in (
                (0, "From sample", "walk-from"), (1, "To sample", "walk-to"),
            )
        )  # fmt: skip
        path = gr.Radio(
            ["linear", "spherical"],
            value="spherical" if normal else "linear",
            label="Path",
            info="Straight suits uniform latents, spherical normal ones.",
            elem_id="walk-path",
        )
    slider = gr.Slider(
        0, 1, value=0, step=1 / NUM_STEPS, label="How far", elem_id="walk-slider"
    )
    picture = parts.make_picture("walk-picture")
    strip = parts.make_picture("walk-strip")
    note = parts.make_note("walk-note")
    return WalkElements(start, end, path, slider, picture, strip, note, gr.State())


def draw_walk(
    subject: Subject,
    session: Session,
    start: float | None,
    end: float | None,
    path: Interpolation,
) -> np.ndarray:
    """Draw a walk, uint8 (NUM_STEPS + 1, height, width, channels)."""
    generator = subject.number(session.seed, session.label)
    first, last = int(start or 0), int(end or 0)
    latents = generator.latents(1 + max(first, last))[[first, last]]
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


def connect(subject: Subject, elements: WalkElements, session: Any) -> Any:
    """Make the elements answer; return the update that draws the walk."""
    import gradio as gr

    @parts.telling
    def update(
        state: Session, start: float, end: float, path: Interpolation, position: float
    ) -> tuple[Any, ...]:
        frames = draw_walk(subject, state, start, end, path)
        return frames, show_frame(frames, position), *show_strip(frames)

    inputs = [session, elements.start, elements.end, elements.path, elements.slider]
    outputs = [elements.frames, elements.picture, elements.strip, elements.note]
    gr.on(
        [elements.start.change, elements.end.change, elements.path.change],
        update, inputs, outputs, **parts.FOLLOW,
    )  # fmt: skip
    elements.slider.change(
        show_frame, [elements.frames, elements.slider], elements.picture, **parts.FOLLOW
    )
    return update, inputs, outputs
