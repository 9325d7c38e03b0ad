"""The parts of the tabs; no other module but the tabs knows Gradio's HTML.

Every function is called inside a `gradio.Blocks`.
"""

import functools
from collections.abc import Callable
from importlib import resources
from typing import Any, ParamSpec, TypeVar

from dcgan_jax.system import errors

P = ParamSpec("P")
R = TypeVar("R")

# While a slider's last change is being drawn, only the newest of the next ones counts.
FOLLOW: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}
# Each click counts.
CLICK: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "multiple",
    "api_visibility": "private",
    # They run one after the other, since each goes on from where the last one ended.
    "concurrency_id": "clicks",
}
# Some buttons start longer work.
WORK: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}


def read_static(name: str) -> str:
    """Return a file that lies beside the code."""
    return (resources.files("dcgan_jax.explore") / "static" / name).read_text()


def make_cells(elem_id: str, *, zoom: int, draws: bool) -> Any:
    """Make numbered samples to click or to draw boxes on; see static/cells.js.

    Args:
        elem_id: the element's id; a sample in it is `[data-number="17"]`.
        zoom: screen pixels to a pixel.
        draws: whether boxes are drawn.
    """
    import gradio as gr

    drawn = " data-draws" if draws else ""
    return gr.HTML(
        None,
        # Settings are part of the template, since a tab that was not opened yet gets
        # nothing else.
        html_template=f'<div class="cells" data-zoom="{zoom}"{drawn}></div>',
        js_on_load=read_static("cells.js"),
        elem_id=elem_id,
        apply_default_css=False,
    )


def make_film(frame: Callable[[int], str], elem_id: str) -> Any:
    """Make a film with a slider; see static/film.js.

    Args:
        frame: step → address of a picture.
        elem_id: the element's id.
    """
    import gradio as gr

    def show(step: int) -> str:
        return frame(step)

    show.__name__ = "frame"
    return gr.HTML(
        {"steps": []},
        html_template=(
            '<div class="film" hidden><div class="controls">'
            '<button type="button" id="film-play">▶ Play</button>'
            '<input type="range" id="film-slider" min="0" max="0" step="1" value="0"'
            ' aria-label="time"><output></output></div>'
            '<img class="picture" alt="samples of fixed latents"></div>'
        ),
        js_on_load=read_static("film.js"),
        elem_id=elem_id,
        apply_default_css=False,
        server_functions=[show],
    )


def make_picture(elem_id: str) -> Any:
    """Make room for a picture, an `img` in the element."""
    import gradio as gr

    return gr.HTML("", elem_id=elem_id, js_on_load=None)


def explain(text: str) -> None:
    """Write what a tab is for."""
    import gradio as gr

    gr.Markdown(text, elem_classes=["explains"])


def make_note(elem_id: str, text: str = "") -> Any:
    """Make room for a line that tells what happened."""
    import gradio as gr

    return gr.Markdown(text, elem_id=elem_id, elem_classes=["told"])


def telling(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that an error of the input becomes a notice on the page."""
    import gradio as gr

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except errors.InputError as error:
            raise gr.Error(str(error), duration=10, print_exception=False) from error

    return wrapped
