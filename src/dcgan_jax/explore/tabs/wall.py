"""Numbered samples, and A − B + C of those that are clicked."""

import functools
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.explore import encoding, files, parts
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import exemplars, picks as pick_files
from dcgan_jax.sample import labels
from dcgan_jax.system import seeds

MAX_COUNT = 1000
# The page's words for the groups in a file of picks.
CONCEPTS = {
    "A": "positive",
    "B": "negative",
    "C": "add",
    "from": "turn_from",
    "to": "turn_to",
}
_NOISE = 0.25  # Fig. 7
_SIDE = 64  # screen pixels of an image at first

EXPLAINS = (
    "Each number is one latent of the generator: the same picture here, in `sample "
    "--numbered` and in every command of `latent`. Choose a concept and click samples "
    "that show it; three of each are stable, single ones are not (§6.3.2, Fig. 7)."
)


class WallElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    seed: Any
    count: Any
    label: Any
    zoom: Any
    scores: Any
    wall: Any
    note: Any
    concept: Any
    picked: Any
    clear: Any
    total: Any
    total_note: Any
    file: Any
    save: Any
    load: Any
    saved: Any


def build(subject: Subject) -> WallElements:
    """Make the elements."""
    import gradio as gr

    config = subject.require().config
    parts.explain(EXPLAINS)
    with gr.Row():
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="wall-seed",
                         maximum=seeds.MAX_SEED, min_width=110)  # fmt: skip
        count = gr.Number(100, label="Samples", precision=0, elem_id="wall-count",
                          minimum=1, maximum=MAX_COUNT, min_width=110)  # fmt: skip
        label = gr.Dropdown(
            labels.list_choices(config), value=0, label="Class",
            elem_id="wall-label", visible=config.num_classes is not None, min_width=110,
        )  # fmt: skip
        size = choose_zoom(config.image_size)
        zoom = gr.Slider(1, max(8, size), value=size, step=0.5, label="Zoom",
                         elem_id="wall-zoom", min_width=160)  # fmt: skip
        scores = gr.Checkbox(
            label="Discriminator's score D(x)", info="Under each image: 1 is “real”.",
            elem_id="scores", interactive=subject.scorer is not None, min_width=220,
        )  # fmt: skip
    with gr.Row():
        with gr.Column(scale=5, min_width=420):
            wall = parts.make_cells("wall", zoom=size, draws=False)
            note = parts.make_note("wall-note")
        with gr.Column(scale=4, min_width=380):
            concept = gr.Radio(
                [("A", "A"), ("− B", "B"), ("+ C", "C"), ("turn from", "from"),
                 ("turn to", "to")],
                value="A", label="A click puts a sample into", elem_id="concept",
            )  # fmt: skip
            with gr.Row():
                picked = parts.make_note("picks")
                clear = gr.Button("Empty it", elem_id="clear-picks", size="sm",
                                  scale=0, min_width=90)  # fmt: skip
            total = parts.make_picture("sum")
            total_note = parts.make_note("sum-note")
            file, save, load = make_file_row(subject.folder, "picks", files.PICKS)
            saved = parts.make_note("picks-note")
    return WallElements(
        seed, count, label, zoom, scores, wall, note, concept, picked, clear, total,
        total_note, file, save, load, saved,
    )  # fmt: skip


def make_file_row(folder: Path, name: str, file: str) -> tuple[Any, Any, Any]:
    """Make a file's name and buttons to save and load it.

    Args:
        folder: the folder that it lies in.
        name: what the file holds, as the ids call it.
        file: its name at first.
    """
    import gradio as gr

    with gr.Row(elem_classes=["files"]):
        box = gr.Textbox(file, label=f"File in {folder}", max_lines=1, scale=3,
                         elem_id=f"{name}-file", min_width=140)  # fmt: skip
        save = gr.Button("Save", elem_id=f"save-{name}", min_width=90, scale=0)
        load = gr.Button("Load", elem_id=f"load-{name}", min_width=90, scale=0)
    return box, save, load


def choose_zoom(image_size: int) -> int:
    """Return the number of screen pixels that a pixel takes at first."""
    return max(1, _SIDE // image_size)


def draw_wall(
    subject: Subject, session: Session, count: float | None, with_scores: bool
) -> tuple[dict[str, Any], list[str]]:
    """Draw the samples; return them as one picture, and what is written below."""
    number = min(max(int(count or 1), 1), MAX_COUNT)
    generator = subject.number(session.seed, session.label)
    images = generator.draw(generator.latents(number))
    texts = score_samples(subject, session, images) if with_scores else []
    return encoding.to_sprite(images), texts


def score_samples(subject: Subject, session: Session, images: np.ndarray) -> list[str]:
    """Return the discriminator's scores as texts; none without a discriminator."""
    if subject.scorer is None:
        return []
    classes = labels.choose(
        session.label,
        num_classes=subject.require().config.num_classes,
        count=len(images),
    )
    return [f"{score:.2f}" for score in subject.scorer(images, classes)]


def to_marks(session: Session) -> dict[str, list[int]]:
    """Return the picks as the page has them: letters → numbers."""
    return {letter: list(session.group(name)) for letter, name in CONCEPTS.items()}


def describe_picks(session: Session) -> str:
    """Tell what is picked, in a line."""
    told = [
        f"**{letter}** {', '.join(map(str, numbers))}"
        for letter, numbers in to_marks(session).items()
        if numbers
    ]
    return " · ".join(told) or "Nothing is picked yet."


def draw_sum(subject: Subject, session: Session) -> tuple[str, str]:
    """Draw A − B + C; return the picture and a line about it."""
    groups = session.complete(pick_files.ARITHMETIC)
    if groups is None:
        lacking = [letter for letter in "ABC" if not session.group(CONCEPTS[letter])]
        return "", f"A − B + C appears here; still to pick: {', '.join(lacking)}."
    found = exemplars.add_concepts(
        subject.number(session.seed, session.label), groups, noise=_NOISE
    )
    url = encoding.to_url(found.picture)
    picture = encoding.to_element(url, "A minus B plus C amid its neighbours")
    line = (
        "The middle of the nine is A − B + C, around it neighbours at "
        f"± {_NOISE}; below, the same sum of pixels. Its latent is "
        f"{found.length:.2f} times as long as a sample's."
    )
    return picture, line


def tell_picks(subject: Subject, path: Path) -> str:
    """Tell where picks are and which command reads them."""
    start = ["python", "-m", "dcgan_jax.latent", "arithmetic", subject.name]
    return f"Saved. `{shlex.join([*start, f'--picks={path}'])}`"


def make_update(subject: Subject, elements: WallElements, session: Any) -> Any:
    """Return the function that draws the wall, its inputs and what it changes."""
    import gradio as gr

    def update(state: Session, count: float, with_scores: bool) -> tuple[Any, ...]:
        sprite, texts = draw_wall(subject, state, count, with_scores)
        cells = gr.HTML(value=sprite, captions=texts, marks=to_marks(state))
        return cells, describe_picks(state), *draw_sum(subject, state)

    inputs = [session, elements.count, elements.scores]
    outputs = [elements.wall, elements.picked, elements.total, elements.total_note]
    return parts.telling(update), inputs, outputs


def connect(subject: Subject, elements: WallElements, session: Any) -> None:
    """Make the elements answer."""
    import gradio as gr

    def pick(event: gr.EventData, state: Session, letter: str) -> tuple[Any, ...]:
        return show(state.toggle(CONCEPTS[letter], int(event.number)))

    def clear(state: Session, letter: str) -> tuple[Any, ...]:
        return show(state.replace_groups({CONCEPTS[letter]: ()}))

    def show(state: Session) -> tuple[Any, ...]:
        return state, gr.HTML(marks=to_marks(state)), describe_picks(state)

    def save(state: Session, file: str) -> str:
        path = files.keep_picks(subject, state, pick_files.ARITHMETIC, file)
        return tell_picks(subject, path)

    def score(state: Session, count: float, with_scores: bool) -> Any:
        texts = draw_wall(subject, state, count, with_scores)[1] if with_scores else []
        return gr.HTML(captions=texts)

    picks = [session, elements.wall, elements.picked]
    chosen = [session, elements.concept]
    elements.wall.select(parts.telling(pick), chosen, picks, **parts.CLICK)
    elements.clear.click(parts.telling(clear), chosen, picks, **parts.CLICK)
    elements.picked.change(
        parts.telling(functools.partial(draw_sum, subject)),
        session,
        [elements.total, elements.total_note],
        **parts.FOLLOW,
    )
    elements.zoom.change(
        lambda zoom: gr.HTML(zoom=zoom), elements.zoom, elements.wall, **parts.FOLLOW
    )
    elements.scores.change(
        parts.telling(score),
        [session, elements.count, elements.scores],
        elements.wall,
        **parts.WORK,
    )
    elements.save.click(
        parts.telling(save), [session, elements.file], elements.saved, **parts.WORK
    )
