"""Boxes around an object, and samples without the feature maps that draw it."""

import dataclasses
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import models
from dcgan_jax.explore import encoding, files, parts, serving
from dcgan_jax.explore.parts import Desk, Update
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.explore.tabs import wall
from dcgan_jax.latent import forgetting, object_maps
from dcgan_jax.latent.boxes import Box
from dcgan_jax.latent.forgetting import Fitted, Forgotten
from dcgan_jax.pictures import captions, grid
from dcgan_jax.sample import labels, numbered
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import errors

_SIDE = 96  # screen pixels of an image to draw on, at least
_MOST_SAMPLES = 150  # the paper's
_COLUMNS = 6
NUM_SHOWN = 24
_MOST_BOXED = 8  # samples with boxes among those shown

EXPLAINS = (
    "Drag a box around one object wherever it is seen (windows in the paper's "
    "bedrooms), and click a box to delete it. A logistic regression then finds the "
    "feature maps that are stronger inside the boxes; without them the generator "
    "forgets to draw the object (§6.3.1, Fig. 6)."
)


class ForgetElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    canvas: Any
    count: Any
    zoom: Any
    layer: Any
    fit: Any
    clear: Any
    boxes_note: Any
    slider: Any
    before: Any
    after: Any
    note: Any
    saves: Any
    file: Any
    save: Any
    load: Any
    saved: Any


class Fit(NamedTuple):
    """Feature maps that draw an object, and the session whose samples show it."""

    maps: Fitted
    session: Session


def build() -> ForgetElements:
    """Make the elements."""
    import gradio as gr

    with gr.Row(elem_classes=["settings"]):
        count = parts.make_number(24, "Samples", "boxes-count")
        zoom = gr.Slider(1, 8, value=2, step=0.5, label="Zoom", elem_id="boxes-zoom",
                         min_width=160)  # fmt: skip
        layer = gr.Dropdown(
            [], min_width=180, label="Feature maps of", elem_id="forget-layer",
            info="The highest hidden layer in the paper.",
        )  # fmt: skip
    canvas = parts.make_cells("boxes-canvas", draws=True)
    with gr.Row(elem_classes=["files"]):
        fit = gr.Button("Fit and forget", variant="primary", elem_id="fit",
                        min_width=150, scale=0)  # fmt: skip
        clear = gr.Button("Delete all boxes", elem_id="clear-boxes", min_width=140,
                          scale=0)  # fmt: skip
        boxes_note = parts.make_note("boxes-note")
    slider = gr.Slider(0, 1, value=0, step=1, label="Feature maps dropped",
                       elem_id="dropped-slider", interactive=False)  # fmt: skip
    note = parts.make_note("forget-note")
    with gr.Row():
        with gr.Column(min_width=300):
            gr.Markdown("**With all feature maps**")
            before = parts.make_picture("forget-before")
        with gr.Column(min_width=300):
            gr.Markdown("**Without those dropped**")
            after = parts.make_picture("forget-after")
    saves = parts.make_links("forget-saves")
    file, save, load = wall.make_file_row("boxes", files.BOXES)
    saved = parts.make_note("boxes-saved")
    parts.explain(EXPLAINS)
    return ForgetElements(
        canvas, count, zoom, layer, fit, clear, boxes_note, slider, before, after, note,
        saves, file, save, load, saved,
    )  # fmt: skip


def adapt(subject: Subject) -> tuple[Any, ...]:
    """Return the zoom, layer and fit elements as they suit a generator."""
    import gradio as gr

    loaded = subject.require()
    size = enlarge_to_draw_on(loaded.config.image_size)
    zoom = gr.Slider(maximum=2 * size + 2, value=size)
    try:
        layers = models.list_hidden_convolutions(loaded.network)
    except errors.InputError:
        none = gr.Dropdown(choices=[], value=None, interactive=False)
        return zoom, none, gr.Button(interactive=False)
    default = object_maps.find_default_layer(layers)
    chosen = gr.Dropdown(choices=list(layers), value=default, interactive=True)
    return zoom, chosen, gr.Button(interactive=True)


def enlarge_to_draw_on(image_size: int) -> int:
    """Return the screen pixels of a pixel at first, so that boxes are easily drawn."""
    return math.ceil(_SIDE / image_size)


def draw_canvas(
    subject: Subject, session: Session, count: float | None
) -> dict[str, Any]:
    """Return where the page finds the samples to draw boxes on."""
    number = parts.read_number(count, "Samples", least=1, most=_MOST_SAMPLES)
    number = max(number, *(1 + box.sample for box in session.boxes), 1)
    boxes = [list(box) for box in session.boxes]
    return {**serving.place_samples(subject, session, number), "boxes": boxes,
        "zoom": enlarge_to_draw_on(subject.require().config.image_size)}  # fmt: skip


def describe_boxes(session: Session) -> str:
    """Tell how many boxes there are."""
    samples = {box.sample for box in session.boxes}
    if not samples:
        return "No box yet."
    return f"{len(session.boxes)} boxes on {len(samples)} samples."


def fit_to_boxes(subject: Subject, session: Session, layer: str | None) -> Fit:
    """Learn which feature maps draw what is in the boxes.

    Args:
        subject: the generator.
        session: the boxes, and the samples that they are on.
        layer: the convolution's name; None stands for the paper's.

    Raises:
        InputError: if there are no boxes, or no map is stronger inside than outside.
    """
    if not session.boxes:
        raise errors.InputError("draw a box around the object first.")
    maps = forgetting.fit_maps(
        _choose_samples(subject, session),
        session.boxes,
        layer=layer,
        seed=session.seed,
        shown=choose_shown(session.boxes),
        sampler=subject.sampler,
    )
    return Fit(maps, session)


def choose_shown(boxes: Sequence[Box]) -> list[int]:
    """Return the numbers of samples to compare: some with boxes, then others."""
    boxed = sorted({box.sample for box in boxes})
    others = (number for number in range(len(boxed) + NUM_SHOWN) if number not in boxed)
    shown = boxed[:_MOST_BOXED]
    return shown + [next(others) for _ in range(NUM_SHOWN - len(shown))]


def draw_without(subject: Subject, fitted: Fit, num_dropped: int) -> Forgotten:
    """Draw the samples shown without the feature maps of largest weight."""
    return forgetting.forget(
        fitted.maps,
        _choose_samples(subject, fitted.session),
        num_dropped=num_dropped,
        sampler=subject.sampler,
    )


def drop(
    subject: Subject, fitted: Fit | None, num_dropped: float
) -> tuple[str, str, str]:
    """Draw without some maps; return the picture, a line and a link that saves it."""
    if fitted is None:
        return "", "", ""
    maps = fitted.maps
    found = draw_without(subject, fitted, min(int(num_dropped), maps.num_positive))
    line = (
        f"{found.dropped.sum()} of {len(found.dropped)} feature maps of "
        f"{maps.layer} are dropped. The samples with boxes change by "
        f"{100 * found.change_inside:.1f} % of the range inside the boxes and by "
        f"{100 * found.change_outside:.1f} % outside; the regression is right on "
        f"{100 * maps.regression.accuracy:.0f} % of the places that it was fitted to."
    )
    url = lay_out(found.after, maps.shown)
    save = parts.link("save-forgotten", "Save what is left", url, "forgotten.png")
    return encoding.to_element(url, "samples without the maps"), line, save


def _choose_samples(subject: Subject, session: Session) -> Samples:
    """Return the samples up to the last one that has a box or is shown."""
    numbers = [*choose_shown(session.boxes), *(box.sample for box in session.boxes)]
    return numbered.choose(
        subject.require(),
        count=1 + max(numbers),
        seed=session.seed,
        label=session.label,
    )


def lay_out(images: np.ndarray, numbers: Sequence[int]) -> str:
    """Return the address of a picture of numbered samples."""
    captioned = captions.write_below(images, [str(number) for number in numbers])
    return encoding.to_url(grid.make_grid(captioned, columns=_COLUMNS, gap=6))


def tell_boxes(subject: Subject, session: Session, path: Path) -> str:
    """Tell where boxes are and which command reads them."""
    command = ["python", "-m", "dcgan_jax.latent", "forget", subject.name]
    command.append(f"--boxes={path}")
    if session.label is not None:
        label = labels.name(session.label, subject.require().config)
        command.append(f"--label={label}")
    return f"Saved. `{shlex.join(command)}`"


def connect(desk: Desk, elements: ForgetElements) -> Update:
    """Make the elements answer; return the update that draws the canvas."""
    import gradio as gr

    def change(event: gr.EventData, state: Session) -> tuple[Any, ...]:
        return show(state, tuple(Box(int(n), *sides) for n, *sides in event.boxes))

    def show(state: Session, boxes: tuple[Box, ...]) -> tuple[Any, ...]:
        changed = dataclasses.replace(state, boxes=boxes)
        return changed, describe_boxes(changed)

    def clear(state: Session) -> tuple[Any, ...]:
        return *show(state, ()), gr.HTML(boxes=[])

    def run_fit(state: Session, layer: str | None) -> tuple[Any, ...]:
        found = fit_to_boxes(desk.find(state), state, layer)
        most = found.maps.num_positive
        slider = gr.Slider(maximum=most, value=most, interactive=True)
        url = lay_out(found.maps.before, found.maps.shown)
        shown = encoding.to_element(url, "samples with all maps")
        return found, slider, shown, *drop(desk.find(state), found, most)

    def drop_some(fitted: Fit | None, num_dropped: float) -> tuple[str, str, str]:
        if fitted is None:
            return "", "", ""
        return drop(desk.find(fitted.session), fitted, num_dropped)

    def save(state: Session, file: str) -> str:
        desk.require_writing()
        subject = desk.find(state)
        with parts.naming("File of boxes"):
            path = files.keep_boxes(subject, state, file)
        return tell_boxes(subject, state, path)

    def redraw(state: Session, count: float, before: Fit | None) -> tuple[Any, ...]:
        cells = draw_canvas(desk.find(state), state, count)
        shown = cells, describe_boxes(state)
        if before is None or before.session.has_samples_of(state):
            return *shown, *[gr.skip()] * 6
        # Maps that were fitted to other samples are dropped.
        return *shown, None, gr.Slider(value=0, interactive=False), *[""] * 4

    session = desk.session
    told = [session, elements.boxes_note]
    fitted = gr.State()
    desk.answer(elements.canvas.input, change, session, told, parts.CLICK)
    desk.answer(elements.clear.click, clear, session, [*told, elements.canvas],
                 parts.CLICK)  # fmt: skip
    elements.zoom.change(
        lambda zoom: gr.HTML(zoom=zoom), elements.zoom, elements.canvas, **parts.FOLLOW
    )
    dropped = [elements.after, elements.note, elements.saves]
    desk.answer(
        elements.fit.click, run_fit, [session, elements.layer],
        [fitted, elements.slider, elements.before, *dropped], parts.WORK,
    )  # fmt: skip
    desk.answer(
        elements.slider.change, drop_some, [fitted, elements.slider], dropped,
        parts.FOLLOW,
    )  # fmt: skip
    desk.answer(
        elements.save.click, save, [session, elements.file], [elements.saved],
        parts.WORK,
    )  # fmt: skip
    update = Update(
        redraw,
        [session, elements.count, fitted],
        [elements.canvas, elements.boxes_note, fitted, elements.slider,
         elements.before, elements.after, elements.note, elements.saves],
    )  # fmt: skip
    desk.redo(elements.count.input, update, parts.FOLLOW, clears=True)
    return update
