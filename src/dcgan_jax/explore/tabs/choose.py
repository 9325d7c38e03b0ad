"""The generator that the page shows: its run, its step, and one to stand beside it."""

import dataclasses
from typing import Any, NamedTuple

from dcgan_jax.explore import parts
from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.parts import Desk
from dcgan_jax.explore.session import Session, Which
from dcgan_jax.explore.subject import Subject
from dcgan_jax.system import errors

TITLE = "DCGAN explorer"
_SECONDS = 3.0  # between two looks for a new checkpoint
_NEWEST = "newest"
_NOTHING = "nothing"


class ChooseElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    heading: Any
    run: Any
    step: Any
    ema: Any
    follow: Any


class BesideElements(NamedTuple):
    """The elements that choose a generator to stand beside it."""

    run: Any
    step: Any
    ema: Any


def build(hub: Hub) -> ChooseElements:
    """Make the elements."""
    import gradio as gr

    first = hub.first
    follow = first.step is None
    with gr.Row(elem_id="head"):
        heading = gr.Markdown(f"# {TITLE}", elem_id="heading")
        with gr.Row(elem_classes=["choosers"]):
            run = gr.Dropdown(hub.list_runs(), value=first.run or None, label="Run",
                              elem_id="choose-run", min_width=180)  # fmt: skip
            step = gr.Dropdown([], label="Step", elem_id="choose-step", min_width=110)
            follow_box = gr.Checkbox(follow, label="Newest", elem_id="follow",
                                     min_width=100)  # fmt: skip
            ema = gr.Checkbox(first.ema, label="Average (EMA)", elem_id="choose-ema",
                              min_width=140)  # fmt: skip
    return ChooseElements(heading, run, step, ema, follow_box)


def build_beside(hub: Hub) -> BesideElements:
    """Make the elements of a generator that stands beside the one shown."""
    import gradio as gr

    other = gr.Accordion("Another generator beside it", open=False, elem_id="compare")
    with other, gr.Row(elem_classes=["settings"]):
        run = gr.Dropdown([_NOTHING, *hub.list_runs()], value=_NOTHING, label="Beside",
                          elem_id="beside-run", min_width=180)  # fmt: skip
        step = gr.Dropdown([_NEWEST], value=_NEWEST, label="Its step",
                           elem_id="beside-step", min_width=110)  # fmt: skip
        ema = gr.Checkbox(label="Its average (EMA)", elem_id="beside-ema",
                          min_width=140)  # fmt: skip
    return BesideElements(run, step, ema)


def describe_subject(subject: Subject) -> str:
    """Tell which generator the page shows, and what it lacks."""
    told = [f"`{subject.name}`"] if subject.name else []
    if subject.loaded is not None:
        config, step = subject.loaded.config, subject.loaded.step
        size = config.image_size
        colours = "grey" if config.channels == 1 else "colour"
        told.append("released parameters" if step is None else f"step {step:,}")
        told.append(f"{size} × {size} {colours}, {config.latent_size} latent numbers")
    return "\n\n".join([f"# {TITLE}", " · ".join([*told, *subject.remarks])])


def name_shown(session: Session) -> str:
    """Return a text that is another one for other samples."""
    return repr((session.which, session.beside, session.seed, session.label))


def adapt(desk: Desk, session: Session) -> tuple[Any, ...]:
    """Return the elements of `ChooseElements` as they suit what is shown."""
    import gradio as gr

    subject, which = desk.find(session), session.which or desk.hub.first
    steps = desk.hub.list_steps(which.run)
    can_average = subject.loaded is not None and subject.run is not None
    can_average = can_average and subject.require().config.ema_decay is not None
    return (
        describe_subject(subject),
        gr.Dropdown(choices=desk.hub.list_runs(), value=which.run or None),
        gr.Dropdown(choices=[(f"{step:,}", step) for step in steps], value=which.step,
                    visible=bool(steps)),
        gr.Checkbox(value=which.ema, visible=can_average),
        gr.Checkbox(visible=subject.run is not None),
    )  # fmt: skip


def connect(desk: Desk, elements: ChooseElements) -> None:
    """Make the elements answer."""
    import gradio as gr

    hub = desk.hub

    def show(state: Session, which: Which) -> tuple[Any, ...]:
        changed = turn_to(hub, state, which)
        return changed, name_shown(changed)

    def choose_run(state: Session, run: str | None) -> tuple[Any, ...]:
        return *show(state, Which(str(run))), True

    def choose_step(state: Session, step: int | None) -> tuple[Any, ...]:
        which = (state.which or hub.first)._replace(step=step)
        return *show(state, which), False

    def choose_ema(state: Session, ema: bool) -> tuple[Any, ...]:
        return show(state, (state.which or hub.first)._replace(ema=ema))

    def look(state: Session, follow: bool) -> tuple[Any, ...]:
        which = state.which or hub.first
        steps = hub.list_steps(which.run)
        if not steps or not (follow or which.step is None):
            return gr.skip(), gr.skip()
        newest = hub.settle(which._replace(step=None))
        return (gr.skip(), gr.skip()) if newest == which else show(state, newest)

    session, changed = desk.session, [desk.session, desk.samples]
    with_follow = [*changed, elements.follow]
    for event, function, value, outputs in (
        (elements.run.input, choose_run, elements.run, with_follow),
        (elements.step.input, choose_step, elements.step, with_follow),
        (elements.ema.input, choose_ema, elements.ema, changed),
        (elements.follow.input, look, elements.follow, changed),
    ):
        desk.answer(event, function, [session, value], outputs, parts.CHANGE)
    desk.answer(
        gr.Timer(_SECONDS).tick, look, [session, elements.follow], changed,
        parts.CHANGE, clears=False,
    )  # fmt: skip


def connect_beside(desk: Desk, elements: BesideElements) -> None:
    """Make the elements of the generator beside it answer."""
    import gradio as gr

    hub = desk.hub

    def stand_beside(
        state: Session, run: str, step: int | str | None, ema: bool
    ) -> tuple[Any, ...]:
        if run == _NOTHING:
            changed = dataclasses.replace(state, beside=None)
            return changed, name_shown(changed), gr.skip()
        wanted = Which(run, step if isinstance(step, int) else None, ema)
        beside = hub.settle(wanted)
        mine = state.which or hub.first
        if not _suits(hub, mine, beside):
            raise errors.InputError(
                f"Beside: {run} has other latents or classes than {mine.run}, so that "
                "the same numbers mean nothing there; choose another run."
            )
        changed = dataclasses.replace(state, beside=beside)
        steps = [(f"{step:,}", step) for step in hub.list_steps(run)]
        choices = gr.Dropdown(choices=[_NEWEST, *steps])
        return changed, name_shown(changed), choices

    chosen = [desk.session, *elements]
    outputs = [desk.session, desk.samples, elements.step]
    for element in elements:
        desk.answer(element.input, stand_beside, chosen, outputs, parts.CHANGE)


def turn_to(hub: Hub, state: Session, which: Which) -> Session:
    """Return the session with another generator, and with a class that it knows.

    Raises:
        InputError: if it cannot be opened.
    """
    settled = hub.settle(which)
    label = match_label(hub.find(settled), state.label)
    beside = state.beside
    if beside is not None and not _suits(hub, settled, beside):
        beside = None
    changed = dataclasses.replace(state, which=settled, beside=beside)
    return changed if label == state.label else changed.turn_to(state.seed, label)


def match_label(subject: Subject, label: int | None) -> int | None:
    """Return the class that a generator draws instead of one of another generator."""
    if subject.loaded is None:
        return label
    num_classes = subject.loaded.config.num_classes
    if num_classes is None:
        return None
    return label if label is not None and label < num_classes else 0


def _suits(hub: Hub, one: Which, other: Which) -> bool:
    """Tell whether two generators draw from the same latents and classes."""
    configs = [hub.find(which).require().config for which in (one, other)]
    kinds = {
        (config.latent_size, config.latent_distribution, config.num_classes)
        for config in configs
    }
    return len(kinds) == 1
