"""The explorer's page.

Tests and scripts may rely on the ids of its elements:

    tab-wall-button, tab-walk-button, …    the tabs wall, walk, turn, forget, training
    wall                samples; the one of number 17 is `#wall [data-number="17"]`
    wall-seed, wall-count, wall-label, wall-zoom, scores      its settings
    concept             the concept that a click picks into: A, B, C, from, to
    picks, clear-picks  what is picked; empties the chosen concept
    sum, sum-note       A − B + C, an `img`; what is said about it
    picks-file, save-picks, load-picks, picks-note
    walk-from, walk-to, walk-path, walk-slider
    walk-picture, walk-strip, walk-note
    turn-slider, turn-picture, turn-note
    turn-file, save-turn, load-turn, turn-saved
    boxes-canvas        samples to drag boxes on, `[data-number="0"] .image`; the boxes
                        are `.box`
    boxes-count, boxes-zoom, boxes-note, clear-boxes, forget-layer
    fit, dropped-slider, forget-before, forget-after, forget-note
    boxes-file, save-boxes, load-boxes, boxes-saved
    curves, film, film-slider, film-play, training-note
"""

import dataclasses
import functools
from typing import Any, NamedTuple

from dcgan_jax import models
from dcgan_jax.explore import files, parts
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.explore.tabs import forget, training, turn, walk, wall
from dcgan_jax.latent import picks as pick_files
from dcgan_jax.latent.picks import Picks
from dcgan_jax.system import errors

TITLE = "DCGAN explorer"


def make_page(subject: Subject) -> Any:
    """Return the page of a generator, a `gradio.Blocks`."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False) as blocks:
        gr.Markdown(describe_subject(subject), elem_id="heading")
        tabs = looking = None
        with gr.Tabs(elem_id="tabs"):
            if subject.loaded is not None:
                tabs = _build_tabs(subject)
            if subject.run is not None:
                with _make_tab("Training", "training"):
                    looking = training.build(subject.run)
        # Outside: what is made among the tabs counts as one, seen or not.
        if tabs is not None:
            _connect_tabs(subject, tabs, blocks)
        if looking is not None:
            blocks.load(*looking, **parts.WORK)
    return blocks


def describe_subject(subject: Subject) -> str:
    """Tell which generator the page shows, and what it lacks."""
    told = [f"`{subject.name}`"]
    if subject.loaded is not None:
        config, step = subject.loaded.config, subject.loaded.step
        size = config.image_size
        colours = "grey" if config.channels == 1 else "colour"
        told.append("released parameters" if step is None else f"step {step:,}")
        told.append(f"{size} × {size} {colours}, {config.latent_size} latent numbers")
    return "\n\n".join([f"# {TITLE}", " · ".join([*told, *subject.remarks])])


def _make_tab(label: str, name: str) -> Any:
    import gradio as gr

    return gr.Tab(label, elem_id=f"tab-{name}", id=name)


class _Tabs(NamedTuple):
    """The elements of the tabs about a generator."""

    wall: wall.WallElements
    walk: walk.WalkElements
    turn: turn.TurnElements
    forget: forget.ForgetElements | None


class _Samples(NamedTuple):
    """The parts of the page that depend on the samples' seed and class.

    Attributes:
        subject: the generator.
        session: the state.
        tabs: the elements.
        updates: (function, inputs, outputs) each, which draw everything anew.
    """

    subject: Subject
    session: Any
    tabs: _Tabs
    updates: list[Any]

    def follow(self, event: Any) -> None:
        """Draw everything anew after an event that has changed the samples."""
        for update in self.updates:
            event = event.then(*update, **parts.WORK)


def _build_tabs(subject: Subject) -> _Tabs:
    with _make_tab("Wall and A − B + C", "wall"):
        on_wall = wall.build(subject)
    with _make_tab("Walk", "walk"):
        on_walk = walk.build(subject)
    with _make_tab("Turn", "turn"):
        on_turn = turn.build(subject)
    with _make_tab("Forget", "forget"):
        on_forget = _build_forget(subject)
    return _Tabs(on_wall, on_walk, on_turn, on_forget)


def _connect_tabs(subject: Subject, tabs: _Tabs, blocks: Any) -> None:
    import gradio as gr

    session = gr.State(Session())
    wall.connect(subject, tabs.wall, session)
    updates = [
        wall.make_update(subject, tabs.wall, session),
        walk.connect(subject, tabs.walk, session),
    ]
    turning = turn.connect(subject, tabs.turn, session)
    tabs.wall.picked.change(*turning, **parts.FOLLOW)
    if tabs.forget is not None:
        updates.append(forget.connect(subject, tabs.forget, session))
    samples = _Samples(subject, session, tabs, updates)
    _connect_files(samples)
    _connect_samples(samples, blocks)


def _build_forget(subject: Subject) -> forget.ForgetElements | None:
    import gradio as gr

    try:
        models.list_hidden_convolutions(subject.require().network)
    except errors.InputError as error:
        gr.Markdown(f"Nothing to forget here: {error}")
        return None
    return forget.build(subject)


def _connect_samples(samples: _Samples, blocks: Any) -> None:
    """Begin with the saved picks, and draw anew when seed, class or number change."""
    import gradio as gr

    subject, on_wall = samples.subject, samples.tabs.wall

    def open_saved() -> tuple[Any, ...]:
        state, remarks = files.open_session(subject, None, None)
        return state, state.seed, state.label or 0, " ".join(remarks)

    def reopen(seed: float | None, label: int | None) -> tuple[Any, ...]:
        classes = subject.require().config.num_classes
        chosen = None if classes is None else int(label or 0)
        state, remarks = files.open_session(subject, int(seed or 0), chosen)
        return state, " ".join(remarks)

    told = [samples.session, on_wall.seed, on_wall.label, on_wall.note]
    samples.follow(blocks.load(parts.telling(open_saved), None, told, **parts.WORK))
    samples.follow(
        gr.on(
            [on_wall.seed.input, on_wall.label.input],
            parts.telling(reopen),
            [on_wall.seed, on_wall.label],
            [samples.session, on_wall.note],
            **parts.FOLLOW,
        )
    )
    on_wall.count.input(*samples.updates[0], **parts.FOLLOW)


def _connect_files(samples: _Samples) -> None:
    """Load picks and boxes that a person names, and show the samples they are on."""
    subject, tabs = samples.subject, samples.tabs

    def load_picks(names: tuple[str, ...], state: Session, file: str) -> Any:
        picks: Picks = files.load_picks(subject, names, file)
        return show(state, picks.seed, picks.label).replace_groups(picks.groups)

    def load_boxes(state: Session, file: str) -> Any:
        found = files.load_boxes(subject, file)
        changed = show(state, found.seed or 0, state.label)
        return dataclasses.replace(changed, boxes=found.boxes)

    def show(state: Session, seed: int, label: int | None) -> Session:
        asked = Session(seed, label)
        return state if state.has_samples_of(asked) else asked

    def connect(button: Any, file: Any, load: Any) -> None:
        def run(state: Session, name: str) -> tuple[Any, ...]:
            changed = load(state, name)
            return changed, changed.seed, changed.label or 0

        outputs = [samples.session, tabs.wall.seed, tabs.wall.label]
        event = button.click(
            parts.telling(run), [samples.session, file], outputs, **parts.CLICK
        )
        samples.follow(event)

    for tab, names in (
        (tabs.wall, pick_files.ARITHMETIC),
        (tabs.turn, pick_files.TURN),
    ):
        connect(tab.load, tab.file, functools.partial(load_picks, names))
    if tabs.forget is not None:
        connect(tabs.forget.load, tabs.forget.file, load_boxes)
