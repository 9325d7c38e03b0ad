"""Numbered samples, and A − B + C of those that are clicked."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.explore import encoding, files, own, parts, serving
from dcgan_jax.explore.link import CONCEPTS
from dcgan_jax.explore.parts import Desk, Update
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import exemplars, picks as pick_files
from dcgan_jax.sample import labels

MAX_COUNT = serving.MAX_WALL
_SAVES = (
    '<div class="saves"><a class="save" id="save-sample" download>Save the sample</a>'
    '<a class="save" id="save-wall" download="wall.png">Save the wall</a></div>'
)
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
    save_total: Any
    file: Any
    save: Any
    load: Any
    saved: Any


def build() -> WallElements:
    """Make the elements."""
    import gradio as gr

    with gr.Row(elem_classes=["settings"]):
        seed = parts.make_number(0, "Seed", "wall-seed")
        count = parts.make_number(100, "Samples", "wall-count")
        label = gr.Dropdown([("0", 0)], value=0, label="Class", elem_id="wall-label",
                            visible=False, min_width=110)  # fmt: skip
        zoom = gr.Slider(1, 8, value=2, step=0.5, label="Zoom", elem_id="wall-zoom",
                         min_width=160)  # fmt: skip
        scores = gr.Checkbox(
            label="Show D(x)", elem_id="scores", min_width=150,
            info="The discriminator’s score; 1 is “real”.",
        )  # fmt: skip
    with gr.Row(elem_classes=["wall-row"]):
        with gr.Column(scale=4, min_width=320, elem_classes=["beside-wall"]):
            concept = gr.Radio(
                [("A", "A"), ("− B", "B"), ("+ C", "C"), ("turn from", "from"),
                 ("turn to", "to")],
                value="A", label="A click puts a sample into", elem_id="concept",
            )  # fmt: skip
            with gr.Row(elem_classes=["line"]):
                picked = parts.make_note("picks")
                clear = gr.Button("Empty it", elem_id="clear-picks", size="sm",
                                  scale=0, min_width=90)  # fmt: skip
            total = parts.make_picture("sum")
            total_note = parts.make_note("sum-note")
            save_total = parts.make_links("sum-saves")
            file, save, load = make_file_row("picks", files.PICKS)
            saved = parts.make_note("picks-note")
        with gr.Column(scale=5, min_width=320):
            wall = parts.make_cells("wall", draws=False, saves=_SAVES)
            note = parts.make_note("wall-note")
            parts.explain(EXPLAINS)
    return WallElements(
        seed, count, label, zoom, scores, wall, note, concept, picked, clear, total,
        total_note, save_total, file, save, load, saved,
    )  # fmt: skip


def make_file_row(name: str, file: str) -> tuple[Any, Any, Any]:
    """Make a file's name and buttons to save and load it.

    Args:
        name: what the file holds, as the ids call it.
        file: its name at first.
    """
    import gradio as gr

    with gr.Row(elem_classes=["files"]):
        box = gr.Textbox(file, label=f"File of {name}", max_lines=1, scale=3,
                         elem_id=f"{name}-file", min_width=140)  # fmt: skip
        save = gr.Button("Save", elem_id=f"save-{name}", min_width=76, scale=0)
        load = gr.Button("Load", elem_id=f"load-{name}", min_width=76, scale=0)
    return box, save, load


def adapt(subject: Subject) -> tuple[Any, ...]:
    """Return the class, zoom and scores elements as they suit a generator."""
    import gradio as gr

    config = subject.require().config
    size = choose_zoom(config.image_size)
    return (
        gr.Dropdown(
            choices=labels.list_choices(config), visible=config.num_classes is not None
        ),
        gr.Slider(maximum=max(8, size), value=size),
        gr.Checkbox(interactive=subject.scorer is not None),
    )


def choose_zoom(image_size: int) -> int:
    """Return the number of screen pixels that a pixel takes at first."""
    return max(1, _SIDE // image_size)


def draw_wall(
    subject: Subject, session: Session, count: float | None, with_scores: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return where the page finds the samples, and what is written below them."""
    number = parts.read_number(count, "Samples", least=1, most=MAX_COUNT)
    texts = score_samples(subject, session, number) if with_scores else []
    return serving.place_samples(subject, session, number), texts


def score_samples(subject: Subject, session: Session, count: int) -> list[str]:
    """Return the discriminator's scores as texts; none without a discriminator."""
    if subject.scorer is None:
        return []
    generator = subject.number(session.seed, session.label)
    images = generator.draw(generator.latents(count))
    classes = labels.choose(
        session.label,
        num_classes=subject.require().config.num_classes,
        count=count,
    )
    return [f"{score:.2f}" for score in subject.scorer(images, classes)]


def to_marks(session: Session) -> dict[str, list[int]]:
    """Return the picks as the page has them: letters → numbers."""
    return {letter: list(session.group(name)) for letter, name in CONCEPTS.items()}


def read_marks(session: Session, marks: dict[str, Any], clicks: int) -> Session:
    """Return the session with the picks as the page has them after a click.

    Args:
        session: the session before.
        marks: letters → numbers.
        clicks: the clicks that have led to them; fewer than are known already come
            from a message that others have overtaken.
    """
    if clicks <= session.clicks:
        return session
    groups = {
        name: tuple(
            parts.read_number(number, letter, least=0, most=own.LAST_NUMBER)
            for number in marks.get(letter, [])[: pick_files.MAX_EXEMPLARS]
        )
        for letter, name in CONCEPTS.items()
    }
    return dataclasses.replace(session.replace_groups(groups), clicks=clicks)


def describe_picks(session: Session) -> str:
    """Tell what is picked, in a line."""
    told = [
        f"**{letter}** {', '.join(map(own.call, numbers))}"
        for letter, numbers in to_marks(session).items()
        if numbers
    ]
    return " · ".join(told) or "Nothing is picked yet."


def name_picks(session: Session) -> str:
    """Return a text that is another one for other picks."""
    return repr((session.which, session.seed, session.label, session.groups))


def draw_sum(subject: Subject, session: Session) -> tuple[str, str, str]:
    """Draw A − B + C; return the picture, a line about it and a link that saves it."""
    groups = session.complete(pick_files.ARITHMETIC)
    if groups is None:
        lacking = [letter for letter in "ABC" if not session.group(CONCEPTS[letter])]
        told = f"A − B + C appears here; still to pick: {', '.join(lacking)}."
        return "", told, ""
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
    return picture, line, parts.link("save-sum", "Save the sum", url, "sum.png")


def tell_picks(subject: Subject, path: Path) -> str:
    """Tell where picks are and which command reads them."""
    start = ["python", "-m", "dcgan_jax.latent", "arithmetic", subject.name]
    return f"Saved. `{shlex.join([*start, f'--picks={path}'])}`"


def make_update(desk: Desk, elements: WallElements) -> Update:
    """Return what draws the wall."""

    def update(state: Session, count: float, with_scores: bool) -> tuple[Any, ...]:
        cells, texts = draw_wall(desk.find(state), state, count, with_scores)
        if state.beside is not None:
            other = desk.find(dataclasses.replace(state, which=state.beside))
            cells["places"] += serving.place_samples(other, state, 1)["places"]
        marks = {"captions": texts, "marks": to_marks(state)}
        cells["zoom"] = choose_zoom(cells["width"])
        return {**cells, **marks}, describe_picks(state), name_picks(state)

    inputs = [desk.session, elements.count, elements.scores]
    return Update(update, inputs, [elements.wall, elements.picked, desk.picked])


def connect(desk: Desk, elements: WallElements) -> None:
    """Make the elements answer."""
    import gradio as gr

    def pick(event: gr.EventData, state: Session) -> tuple[Any, ...]:
        changed = state
        # A click on samples that others are about to replace is not one on those.
        if event.place == serving.name_samples(desk.find(state), state):
            changed = read_marks(state, event.marks, int(event.clicks))
        return changed, describe_picks(changed), name_picks(changed)

    def clear(state: Session, letter: str) -> tuple[Any, ...]:
        return show(state.replace_groups({CONCEPTS[letter]: ()}))

    def show(state: Session) -> tuple[Any, ...]:
        marks = gr.HTML(marks=to_marks(state))
        return state, marks, describe_picks(state), name_picks(state)

    def add_up(state: Session) -> tuple[Any, ...]:
        return draw_sum(desk.find(state), state)

    def save(state: Session, file: str) -> str:
        desk.require_writing()
        with parts.naming("File of picks"):
            subject = desk.find(state)
            path = files.keep_picks(subject, state, pick_files.ARITHMETIC, file)
        return tell_picks(subject, path)

    def score(state: Session, count: float, with_scores: bool) -> Any:
        subject = desk.find(state)
        texts = draw_wall(subject, state, count, with_scores)[1] if with_scores else []
        return gr.HTML(captions=texts)

    session = desk.session
    picks = [session, elements.wall, elements.picked, desk.picked]
    chosen = [session, elements.concept]
    told = [session, elements.picked, desk.picked]
    desk.answer(elements.wall.select, pick, session, told, parts.CLICK)
    desk.answer(elements.clear.click, clear, chosen, picks, parts.CLICK)
    desk.answer(
        desk.picked.change, add_up, session,
        [elements.total, elements.total_note, elements.save_total], parts.FOLLOW,
        clears=False,
    )  # fmt: skip
    elements.zoom.change(
        lambda zoom: gr.HTML(zoom=zoom), elements.zoom, elements.wall, **parts.FOLLOW
    )
    inputs = [session, elements.count, elements.scores]
    desk.answer(elements.scores.change, score, inputs, [elements.wall], parts.WORK)
    desk.answer(
        elements.save.click, save, [session, elements.file], [elements.saved],
        parts.WORK,
    )  # fmt: skip
