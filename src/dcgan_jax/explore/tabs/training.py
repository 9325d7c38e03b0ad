"""A run's curves and film, followed while it trains."""

from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.explore import encoding, parts, serving, training
from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.parts import Desk, Update
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.system import errors

NARROW = "narrow"  # what the page says of a screen as narrow as a phone's
_SECONDS = 4.0  # between two looks at the run

EXPLAINS = (
    "Losses, the discriminator's mean outputs and gradient norms, and samples of the "
    "same fixed latents over time. Both go on by themselves while the run trains."
)


class TrainingElements(NamedTuple):
    """The elements that change; see `page` for the ids."""

    tab: Any
    note: Any
    curves: Any
    film: Any
    saves: Any
    width: Any


def build(tab: Any, hub: Hub) -> TrainingElements:
    """Make the elements in a tab."""

    def show(name: str, step: int) -> str:
        run = hub.find_run(name)
        if run is None:
            raise errors.InputError("there is no such run")
        return training.read_frame(run, step)

    note = parts.make_note("training-note")
    curves = parts.make_picture("curves")
    film = parts.make_film(show, "film")
    saves = parts.make_links("film-saves")
    parts.explain(EXPLAINS)
    width = parts.make_hidden("page-width")
    return TrainingElements(tab, note, curves, film, saves, width)


def adapt(subject: Subject) -> Any:
    """Return the tab as it suits a generator: there is one where there is a run."""
    import gradio as gr

    return gr.Tab(visible=subject.run is not None)


def connect(desk: Desk, elements: TrainingElements) -> Update:
    """Make the elements answer; return the update that looks at the run."""
    import gradio as gr

    seen = gr.State()

    def look(state: Session, before: Any, width: str) -> tuple[Any, ...]:
        run = (state.which or desk.hub.first).run
        subject = desk.find(state)
        if subject.run is None:
            told = f"{run or 'The page'} has no log of a training run."
            return None, told, "", {"steps": []}, ""
        now = run, training.read_progress(subject.run), width
        if now == before:
            return (gr.skip(),) * 5
        url = training.draw_log(subject.run, stacked=width == NARROW)
        picture = "" if url is None else encoding.to_element(url, "training curves")
        name = desk.hub.name_run(run)
        film = {"run": name, "steps": list(now[1].steps)}
        return (
            now,
            describe_progress(now[1]),
            picture,
            film,
            _link_film(name, run, film),
        )

    update = Update(
        look,
        [desk.session, seen, elements.width],
        [seen, elements.note, elements.curves, elements.film, elements.saves],
    )
    desk.redo(gr.Timer(_SECONDS).tick, update, parts.FOLLOW)
    return update


def _link_film(name: str, run: str, film: dict[str, Any]) -> str:
    """Return the links that save a run's film; none where it has no film yet."""
    if not film["steps"]:
        return ""
    file = f"{Path(run).name}-film"
    return parts.link_film(
        "save-film", f"films/{name}.{{}}", file, serving.find_lacking_mp4()
    )


def describe_progress(progress: training.Progress) -> str:
    """Tell how far a run is."""
    if not progress.num_rows:
        return "The run has logged nothing yet."
    grids = (
        f"{len(progress.steps)} grids of samples"
        if progress.steps
        else "there are fewer than two grids of samples yet, too few for a film"
    )
    return f"Step {progress.step:,}; {grids}."
