"""The explorer's page.

Tests and scripts may rely on the ids of its elements:

    heading, error      what is shown; what is wrong with what was typed
    choose-run, choose-step, follow, choose-ema     the generator, and whether the
                        newest checkpoint is shown by itself
    compare, beside-run, beside-step, beside-ema    a generator to stand beside it
    tab-wall-button, tab-walk-button, …    the tabs wall, walk, turn, forget, training
    wall                samples; the one of number 17 is `#wall [data-number="17"]`
    wall-seed, wall-count, wall-label, wall-zoom, scores      its settings
    concept             the concept that a click picks into: A, B, C, from, to
    picks, clear-picks  what is picked; empties the chosen concept
    sum, sum-note       A − B + C, an `img`; what is said about it
    picks-file, save-picks, load-picks, picks-note
    save-sample, save-wall, save-sum, save-turned, save-forgotten    links that save
    save-walk-gif, save-walk-mp4, save-film-gif, save-film-mp4
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
    own-file, own-steps, own-start, own-picture, own-note    tab-own: a picture of one's
                        own and its latent
    start-source, start-files, start-name, start-preset, start-size, start-width
    start-steps, start-train, stop-train, start-note, start-output    tab-start
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dcgan_jax.explore import files, link, parts, subject as subjects
from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.parts import Desk, Update
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.starting import Training
from dcgan_jax.explore.tabs import (
    choose,
    forget,
    own_picture,
    start,
    training,
    turn,
    walk,
    wall,
)
from dcgan_jax.explore.tabs.choose import TITLE, describe_subject
from dcgan_jax.latent import picks as pick_files
from dcgan_jax.system import errors, seeds

__all__ = ["TITLE", "describe_subject", "make_page"]

_BEGIN = f"() => [location.search, innerWidth < 700 ? '{training.NARROW}' : '']"


class _Tabs(NamedTuple):
    """The elements of all tabs."""

    choose: choose.ChooseElements
    wall: wall.WallElements
    walk: walk.WalkElements
    turn: turn.TurnElements
    forget: forget.ForgetElements
    training: training.TrainingElements


def make_page(hub: Hub, process: Training | None = None) -> Any:
    """Return the page of some generators, a `gradio.Blocks`.

    Args:
        hub: the generators.
        process: starts trainings; None where the page may not.
    """
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False) as blocks:
        chosen = choose.build(hub)
        desk = Desk(
            hub,
            gr.State(Session()),
            gr.HTML("", elem_id="error", js_on_load=None),
            parts.make_hidden("samples-shown"),
            parts.make_hidden("picks-shown"),
        )
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            with _make_tab("Wall and A − B + C", "wall"):
                on_wall = wall.build()
                beside = choose.build_beside(hub)
            with _make_tab("Walk", "walk"):
                on_walk = walk.build()
            with _make_tab("Turn", "turn"):
                on_turn = turn.build()
            with _make_tab("Forget", "forget"):
                on_forget = forget.build()
            with _make_tab("Your picture", "own"):
                on_own = own_picture.build()
            has_log = subjects.find_run(hub.config.run) is not None
            tab = _make_tab("Training", "training", visible=has_log)
            with tab:
                on_training = training.build(tab, hub)
            on_start = None
            if process is not None:
                with _make_tab("Start a training", "start"):
                    on_start = start.build()
        tabs = _Tabs(chosen, on_wall, on_walk, on_turn, on_forget, on_training)
        _connect(desk, tabs, blocks)
        choose.connect_beside(desk, beside)
        own_picture.connect(desk, on_own)
        if on_start is not None and process is not None:
            start.connect(desk, on_start, process)
    return blocks


def _make_tab(label: str, name: str, *, visible: bool = True) -> Any:
    import gradio as gr

    return gr.Tab(label, elem_id=f"tab-{name}", id=name, visible=visible)


def _connect(desk: Desk, tabs: _Tabs, blocks: Any) -> None:
    choose.connect(desk, tabs.choose)
    wall.connect(desk, tabs.wall)
    walk.connect(desk, tabs.walk)
    turn.connect(desk, tabs.turn)
    on_canvas = forget.connect(desk, tabs.forget)
    looking = training.connect(desk, tabs.training)
    _connect_samples(desk, tabs, blocks)
    updates = [
        wall.make_update(desk, tabs.wall),
        walk.make_update(desk, tabs.walk),
        on_canvas,
    ]
    _connect_files(desk, tabs, updates)
    _connect_link(desk, tabs)
    event = _connect_adapting(desk, tabs)
    for update in [*updates, looking]:
        event = desk.redo(event.then, update, parts.WORK)


def _connect_adapting(desk: Desk, tabs: _Tabs) -> Any:
    """Fit the elements to the samples whenever these change; return that event."""
    import gradio as gr

    run = gr.State()
    on_forget, on_wall = tabs.forget, tabs.wall

    def adapt(state: Session, before: str | None) -> tuple[Any, ...]:
        subject = desk.find(state)
        shown = *choose.adapt(desk, state), training.adapt(subject)
        if subject.loaded is None or subject.name == before:
            return before, *shown, *[gr.skip()] * 7
        return (
            subject.name,
            *shown,
            *wall.adapt(subject),
            walk.adapt(subject),
            *forget.adapt(subject),
        )

    outputs = [
        run, *tabs.choose, tabs.training.tab, on_wall.label, on_wall.zoom,
        on_wall.scores, tabs.walk.path, on_forget.zoom, on_forget.layer, on_forget.fit,
    ]  # fmt: skip
    return desk.answer(
        desk.samples.change, adapt, [desk.session, run], outputs, parts.WORK,
        clears=False,
    )  # fmt: skip


def _connect_samples(desk: Desk, tabs: _Tabs, blocks: Any) -> None:
    """Begin with what the address or the saved picks say, and follow seed and class."""
    on_wall = tabs.wall
    shown = [desk.session, desk.samples, on_wall.seed, on_wall.label, on_wall.note]

    def begin(query: str, width: str) -> tuple[Any, ...]:
        asked = link.read(query)
        remarks: list[str] = []
        which = asked.which or desk.hub.first
        try:
            which = desk.hub.settle(which)
        except (errors.InputError, OSError) as error:
            remarks.append(str(error))
            which = desk.hub.settle(desk.hub.first)
        subject = desk.hub.find(which)
        state = asked.session or Session()
        if subject.loaded is not None and asked.session is None:
            state, found = files.open_session(subject, None, None)
            remarks += found
        label = choose.match_label(subject, state.label)
        state = dataclasses.replace(state, label=label, which=which)
        told = " ".join(remarks)
        return (state, choose.name_shown(state), state.seed, state.label or 0, told,
                asked.follow and desk.hub.first.step is None, width)  # fmt: skip

    def reopen(state: Session, seed: float | None, label: int | None) -> Any:
        number = parts.read_number(seed, "Seed", least=0, most=seeds.MAX_SEED)
        chosen = choose.match_label(desk.find(state), int(label or 0))
        changed = state.turn_to(number, chosen)
        saved, remarks = files.open_session(desk.find(state), number, chosen)
        was_here = (number, chosen) in {**state.others, (state.seed, state.label): ()}
        groups = changed.groups if was_here else saved.groups
        changed = dataclasses.replace(changed, groups=groups, boxes=saved.boxes)
        return changed, choose.name_shown(changed), " ".join(remarks)

    query = parts.make_hidden("query")
    desk.answer(
        blocks.load, begin, [query, tabs.training.width],
        [*shown, tabs.choose.follow, tabs.training.width],
        {**parts.WORK, "js": _BEGIN}, clears=False,
    )  # fmt: skip
    for event in (on_wall.seed.input, on_wall.label.input):
        desk.answer(
            event, reopen, [desk.session, on_wall.seed, on_wall.label],
            [desk.session, desk.samples, on_wall.note], parts.CHANGE,
        )  # fmt: skip
    update = wall.make_update(desk, on_wall)
    desk.redo(on_wall.count.input, update, parts.FOLLOW, clears=True)


def _connect_files(desk: Desk, tabs: _Tabs, updates: Sequence[Update]) -> None:
    """Load picks and boxes that a person names, and show the samples they are on."""

    def load_picks(names: tuple[str, ...]) -> Callable[[Session, str], Session]:
        def load(state: Session, file: str) -> Session:
            picks = files.load_picks(desk.find(state), names, file)
            changed = state.turn_to(picks.seed, picks.label)
            return changed.replace_groups(picks.groups)

        return load

    def load_boxes(state: Session, file: str) -> Session:
        found = files.load_boxes(desk.find(state), file)
        changed = state.turn_to(found.seed or 0, state.label)
        return dataclasses.replace(changed, boxes=found.boxes)

    def connect(tab: Any, what: str, load: Callable[[Session, str], Session]) -> None:
        def run(state: Session, name: str) -> tuple[Any, ...]:
            with parts.naming(f"File of {what}"):
                changed = load(state, name)
            return changed, changed.seed, changed.label or 0

        outputs = [desk.session, tabs.wall.seed, tabs.wall.label]
        event = desk.answer(
            tab.load.click, run, [desk.session, tab.file], outputs, parts.CLICK
        )
        for update in updates:
            event = desk.redo(event.then, update, parts.WORK)

    connect(tabs.wall, "picks", load_picks(pick_files.ARITHMETIC))
    connect(tabs.turn, "turn", load_picks(pick_files.TURN))
    connect(tabs.forget, "boxes", load_boxes)


def _connect_link(desk: Desk, tabs: _Tabs) -> None:
    """Write what is shown and picked into the page's address."""
    import gradio as gr

    address = gr.HTML("", html_template="<i></i>", elem_id="link",
                      js_on_load=parts.read_static("link.js"))  # fmt: skip

    def write(state: Session, follow: bool) -> str:
        return link.write(state, follow=follow)

    inputs = [desk.session, tabs.choose.follow]
    for event in (desk.samples.change, desk.picked.change, tabs.choose.follow.change):
        event(write, inputs, address, **parts.FOLLOW)
