"""Boxes around an object, and samples without the feature maps that draw it."""

import dataclasses
import functools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import models
from dcgan_jax.explore import encoding, files, parts
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

_SIDE = 96  # screen pixels of an image to draw on
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
    file: Any
    save: Any
    load: Any
    saved: Any


class Fit(NamedTuple):
    """Feature maps that draw an object, and the session whose samples show it."""

    maps: Fitted
    session: Session


def build(subject: Subject) -> ForgetElements:
    """Make the elements."""
    import gradio as gr

    loaded = subject.require()
    layers = models.list_hidden_convolutions(loaded.network)
    size = max(1, _SIDE // loaded.config.image_size)
    parts.explain(EXPLAINS)
    with gr.Row():
        count = gr.Number(24, label="Samples", precision=0, minimum=1, min_width=110,
                          maximum=_MOST_SAMPLES, elem_id="boxes-count")  # fmt: skip
        zoom = gr.Slider(1, 2 * size + 2, value=size, step=0.5, label="Zoom",
                         elem_id="boxes-zoom", min_width=160)  # fmt: skip
        layer = gr.Dropdown(
            list(layers), value=object_maps.find_default_layer(layers), min_width=160,
            label="Feature maps of", info="The highest hidden one in the paper.",
            elem_id="forget-layer",
        )  # fmt: skip
    canvas = parts.make_cells("boxes-canvas", zoom=size, draws=True)
    with gr.Row(elem_classes=["files"]):
        fit = gr.Button("Fit and forget", variant="primary", elem_id="fit",
                        min_width=160, scale=0)  # fmt: skip
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
    file, save, load = wall.make_file_row(subject.folder, "boxes", files.BOXES)
    return ForgetElements(
        canvas, count, zoom, layer, fit, clear, boxes_note, slider, before, after, note,
        file, save, load, parts.make_note("boxes-saved"),
    )  # fmt: skip


def draw_canvas(
    subject: Subject, session: Session, count: float | None
) -> dict[str, Any]:
    """Draw the samples to draw boxes on."""
    number = min(max(int(count or 1), 1), _MOST_SAMPLES)
    number = max(number, *(1 + box.sample for box in session.boxes), 1)
    generator = subject.number(session.seed, session.label)
    return encoding.to_sprite(generator.draw(generator.latents(number)))


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


def drop(subject: Subject, fitted: Fit | None, num_dropped: float) -> tuple[str, str]:
    """Draw without some maps; return the picture and a line."""
    if fitted is None:
        return "", ""
    maps = fitted.maps
    found = draw_without(subject, fitted, min(int(num_dropped), maps.num_positive))
    line = (
        f"{found.dropped.sum()} of {len(found.dropped)} feature maps of "
        f"{maps.layer} are dropped. The samples with boxes change by "
        f"{100 * found.change_inside:.1f} % of the range inside the boxes and by "
        f"{100 * found.change_outside:.1f} % outside; the regression is right on "
        f"{100 * maps.regression.accuracy:.0f} % of the places that it was fitted to."
    )
    return lay_out(found.after, maps.shown), line


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
    """Return numbered samples as one picture."""
    captioned = captions.write_below(images, [str(number) for number in numbers])
    url = encoding.to_url(grid.make_grid(captioned, columns=_COLUMNS, gap=6))
    return encoding.to_element(url, "samples")


def tell_boxes(subject: Subject, session: Session, path: Path) -> str:
    """Tell where boxes are and which command reads them."""
    command = ["python", "-m", "dcgan_jax.latent", "forget", subject.name]
    command.append(f"--boxes={path}")
    if session.label is not None:
        label = labels.name(session.label, subject.require().config)
        command.append(f"--label={label}")
    return f"Saved. `{shlex.join(command)}`"


def connect(subject: Subject, elements: ForgetElements, session: Any) -> Any:
    """Make the elements answer; return the update that draws the canvas."""
    import gradio as gr

    def change(event: gr.EventData, state: Session) -> tuple[Any, ...]:
        return show(state, tuple(Box(int(n), *sides) for n, *sides in event.boxes))

    def show(state: Session, boxes: tuple[Box, ...]) -> tuple[Any, ...]:
        changed = dataclasses.replace(state, boxes=boxes)
        return changed, describe_boxes(changed)

    def clear(state: Session) -> tuple[Any, ...]:
        return *show(state, ()), gr.HTML(boxes=[])

    def run_fit(state: Session, layer: str) -> tuple[Any, ...]:
        found = fit_to_boxes(subject, state, layer)
        most = found.maps.num_positive
        slider = gr.Slider(maximum=most, value=most, interactive=True)
        return found, slider, lay_out(found.maps.before, found.maps.shown)

    def save(state: Session, file: str) -> str:
        return tell_boxes(subject, state, files.keep_boxes(subject, state, file))

    def redraw(state: Session, count: float, before: Fit | None) -> tuple[Any, ...]:
        cells = gr.HTML(
            value=draw_canvas(subject, state, count),
            boxes=[list(box) for box in state.boxes],
        )
        shown = cells, describe_boxes(state)
        if before is None or before.session.has_samples_of(state):
            return *shown, *[gr.skip()] * 5
        # Maps that were fitted to other samples are dropped.
        return *shown, None, gr.Slider(value=0, interactive=False), "", "", ""

    told = [session, elements.boxes_note]
    fitted = gr.State()
    elements.canvas.input(parts.telling(change), session, told, **parts.CLICK)
    elements.clear.click(clear, session, [*told, elements.canvas], **parts.CLICK)
    elements.zoom.change(
        lambda zoom: gr.HTML(zoom=zoom), elements.zoom, elements.canvas, **parts.FOLLOW
    )
    dropping = parts.telling(functools.partial(drop, subject))
    dropped = [fitted, elements.slider], [elements.after, elements.note]
    elements.fit.click(
        parts.telling(run_fit), [session, elements.layer],
        [fitted, elements.slider, elements.before], **parts.WORK,
    ).success(dropping, *dropped, **parts.WORK)  # fmt: skip
    elements.slider.change(dropping, *dropped, **parts.FOLLOW)
    elements.save.click(
        parts.telling(save), [session, elements.file], elements.saved, **parts.WORK
    )
    update = (
        parts.telling(redraw),
        [session, elements.count, fitted],
        [elements.canvas, elements.boxes_note, fitted, elements.slider,
         elements.before, elements.after, elements.note],
    )  # fmt: skip
    elements.count.input(*update, **parts.FOLLOW)
    return update
