"""The parts of the tabs; no other module but the tabs knows Gradio's HTML.

Every function is called inside a `gradio.Blocks`.
"""

import contextlib
import dataclasses
import functools
import html
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import Any, NamedTuple

from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import NoCheckpointError, Subject
from dcgan_jax.system import errors

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
# What changes the samples counts one after the other too, the newest of each kind.
CHANGE: dict[str, Any] = {**CLICK, "trigger_mode": "always_last"}
# Some buttons start longer work.
WORK: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}


class Update(NamedTuple):
    """A function that draws something anew.

    Attributes:
        function: returns a value for each output.
        inputs: elements whose values it takes.
        outputs: elements that it changes.
    """

    function: Callable[..., Any]
    inputs: Any
    outputs: Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Desk:
    """What every tab needs to answer.

    Attributes:
        hub: the generators.
        session: a `gradio.State` of a `Session`.
        error: where the page tells what is wrong with a person's input.
        samples: a text that is another one when the samples are others.
        picked: a text that is another one when the picks are others.
    """

    hub: Hub
    session: Any
    error: Any
    samples: Any
    picked: Any

    def find(self, session: Session) -> Subject:
        """Return the generator that a person looks at."""
        return self.hub.find(session.which)

    def require_writing(self) -> None:
        """Refuse to write where the command line has said so.

        Raises:
            InputError: with `--read_only`.
        """
        if self.hub.config.read_only:
            raise errors.InputError("--read_only: this page writes no file.")

    def answer(
        self,
        event: Callable[..., Any],
        function: Callable[..., Any],
        inputs: Any,
        outputs: Sequence[Any],
        how: dict[str, Any],
        *,
        clears: bool = True,
    ) -> Any:
        """Let a function answer an event; an error of the input stands in the page.

        Args:
            event: such as a button's `click`.
            function: returns a value for each output.
            inputs: elements whose values it takes.
            outputs: elements that it changes.
            how: FOLLOW, CLICK or WORK.
            clears: whether what was told of an earlier mistake is removed.
        """
        import gradio as gr

        @functools.wraps(function)
        def answered(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
            try:
                found = function(*args, **kwargs)
            except NoCheckpointError as error:
                told = tell_error(error) if clears else gr.skip()
                return *[gr.skip()] * len(outputs), told
            except (errors.InputError, OSError) as error:
                return *[gr.skip()] * len(outputs), tell_error(error)
            values = found if len(outputs) != 1 else (found,)
            return *values, "" if clears else gr.skip()

        return event(answered, inputs, [*outputs, self.error], **how)

    def stream(
        self,
        event: Callable[..., Any],
        function: Callable[..., Iterator[Any]],
        inputs: Any,
        outputs: Sequence[Any],
    ) -> Any:
        """Let a function answer an event that yields what the page shows meanwhile."""
        import gradio as gr

        def streamed(*args: Any) -> Iterator[tuple[Any, ...]]:
            try:
                for values in function(*args):
                    yield *values, ""
            except (errors.InputError, OSError) as error:
                yield *[gr.skip()] * len(outputs), tell_error(error)

        return event(streamed, inputs, [*outputs, self.error], **WORK)

    def redo(
        self, event: Callable[..., Any], update: Update, how: dict[str, Any],
        *, clears: bool = False,
    ) -> Any:  # fmt: skip
        """Let an update answer an event."""
        return self.answer(event, *update, how, clears=clears)


def tell_error(error: BaseException) -> str:
    """Return what the page shows of an error: one line, as HTML."""
    return f'<p role="alert">{html.escape(errors.one_line(str(error)))}</p>'


@contextlib.contextmanager
def naming(field: str) -> Iterator[None]:
    """Put a field's name before what is wrong with its value."""
    try:
        yield
    except errors.InputError as error:
        raise errors.InputError(f"{field}: {error}") from None


def read_number(value: float | None, field: str, *, least: int, most: int) -> int:
    """Return the whole number that a person typed.

    Args:
        value: it; None where nothing was typed.
        field: the field's name on the page.
        least: the smallest number that it may be.
        most: the largest.

    Raises:
        InputError: if it is anything else.
    """
    told = "nothing" if value is None else f"{value:g}"
    if value is None or value != int(value) or not least <= value <= most:
        raise errors.InputError(
            f"{field}: {told} was given, expected a whole number from {least:,} to "
            f"{most:,}."
        )
    return int(value)


def read_static(name: str) -> str:
    """Return a file that lies beside the code."""
    return (resources.files("dcgan_jax.explore") / "static" / name).read_text()


def make_number(value: int, label: str, elem_id: str, **more: Any) -> Any:
    """Make a field for a whole number, which `read_number` reads."""
    import gradio as gr

    return gr.Number(
        value, label=label, precision=0, elem_id=elem_id, min_width=96, **more
    )


def make_cells(elem_id: str, *, draws: bool, saves: str = "") -> Any:
    """Make numbered samples to click or to draw boxes on; see static/cells.js.

    Args:
        elem_id: the element's id; a sample in it is `[data-number="17"]`.
        draws: whether boxes are drawn.
        saves: HTML below the samples.
    """
    import gradio as gr

    drawn = " data-draws" if draws else ' data-concepts="#concept"'
    return gr.HTML(
        None,
        html_template=(
            '<div class="cells" role="group" aria-label="samples" data-zoom="1"'
            f"{drawn}></div>{saves}"
        ),
        js_on_load=read_static("cells.js"),
        elem_id=elem_id,
        apply_default_css=False,
    )


def make_film(frame: Callable[[str, int], str], elem_id: str) -> Any:
    """Make a film with a slider; see static/film.js.

    Args:
        frame: the run's name among addresses, step → address of a picture.
        elem_id: the element's id.
    """
    import gradio as gr

    def show(name: str) -> str:  # of Gradio's messages, one with one text is plain
        run, _, step = str(name).partition("/")
        return frame(run, int(step) if step.isdecimal() else -1)

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


def make_links(elem_id: str) -> Any:
    """Make room for links that save something; see `link`."""
    import gradio as gr

    return gr.HTML("", elem_id=elem_id, js_on_load=None, elem_classes=["saves"])


def link(elem_id: str, text: str, url: str, file: str) -> str:
    """Return a link that saves what is at an address."""
    return (
        f'<a class="save" id="{elem_id}" href="{html.escape(url)}" '
        f'download="{html.escape(file)}">{text}</a>'
    )


def link_film(elem_id: str, url: str, file: str, lacking: str | None) -> str:
    """Return links that save a film as GIF and as MP4.

    Args:
        elem_id: the links' ids are this and -gif or -mp4.
        url: without the suffix and what follows it, where "{}" stands for the suffix.
        file: the name of the file, without its suffix.
        lacking: why no MP4 can be written; None if it can.
    """
    parts = [link(f"{elem_id}-gif", "Save as GIF", url.format("gif"), f"{file}.gif")]
    if lacking is None:
        address = url.format("mp4")
        parts.append(link(f"{elem_id}-mp4", "Save as MP4", address, f"{file}.mp4"))
    else:
        parts.append(
            f'<a class="save" id="{elem_id}-mp4" role="link" aria-disabled="true" '
            f'title="{html.escape(lacking)}">Save as MP4</a>'
            f" <small>{html.escape(lacking)}</small>"
        )
    return " ".join(parts)


def explain(text: str) -> None:
    """Write what a tab is for."""
    import gradio as gr

    gr.Markdown(text, elem_classes=["explains"])


def make_note(elem_id: str, text: str = "") -> Any:
    """Make room for a line that tells what happened."""
    import gradio as gr

    return gr.Markdown(text, elem_id=elem_id, elem_classes=["told"])


def make_hidden(elem_id: str) -> Any:
    """Make a text that nobody sees, whose change starts something."""
    import gradio as gr

    return gr.Textbox(
        "", elem_id=elem_id, elem_classes=["hidden-text"], container=False,
        visible="hidden",
    )  # fmt: skip
