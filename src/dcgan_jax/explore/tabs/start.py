"""A small training, started and stopped from the page."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.explore import parts, starting
from dcgan_jax.explore.hub import list_runs
from dcgan_jax.explore.parts import Desk
from dcgan_jax.explore.session import Session, Which
from dcgan_jax.explore.starting import Training
from dcgan_jax.explore.tabs import choose
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors

_SECONDS = 3.0  # between two looks at the process
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_SIZES = (32, 64, 96, 128)
_WIDTHS = {"small (width ¼)": 0.25, "medium (width ½)": 0.5, "the paper's (width 1)": 1}
_MOST_STEPS = 10_000_000

EXPLAINS = (
    "This starts `dcgan train` on this machine, as the terminal would. The folder and "
    "the run are on this machine too. Stopping saves; the same command goes on. The "
    "end of the page ends the training as well, with a save."
)


class StartElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    source: Any
    files: Any
    name: Any
    size: Any
    width: Any
    steps: Any
    start: Any
    stop: Any
    note: Any
    output: Any


def build() -> StartElements:
    """Make the elements."""
    import gradio as gr

    with gr.Row(elem_classes=["settings"]):
        source = gr.Textbox(
            label="Folder, zip or tar of pictures on this machine", max_lines=1,
            elem_id="start-source", min_width=260,
        )  # fmt: skip
        files = gr.File(label="Or drop pictures", file_count="multiple", height=120,
                        file_types=["image"], elem_id="start-files",
                        min_width=220)  # fmt: skip
    with gr.Row(elem_classes=["settings"]):
        name = gr.Textbox("mine", label="Name of the run", max_lines=1,
                          elem_id="start-name", min_width=120)  # fmt: skip
        size = gr.Dropdown(
            [(f"{size} × {size}", size) for size in _SIZES], value=64, label="Size",
            elem_id="start-size", min_width=110,
        )  # fmt: skip
        width = gr.Dropdown(list(_WIDTHS), value=next(iter(_WIDTHS)), label="Network",
                            elem_id="start-width", min_width=160)  # fmt: skip
        steps = parts.make_number(2500, "Steps", "start-steps")
    with gr.Row(elem_classes=["files"]):
        start = gr.Button("Start training", variant="primary", elem_id="start-train",
                          min_width=150, scale=0)  # fmt: skip
        stop = gr.Button("Stop and save", elem_id="stop-train", min_width=130, scale=0,
                         interactive=False)  # fmt: skip
    note = parts.make_note("start-note")
    output = gr.Textbox(label="What it says", lines=10, max_lines=10, autoscroll=True,
                        interactive=False, elem_id="start-output")  # fmt: skip
    parts.explain(EXPLAINS)
    return StartElements(
        source, files, name, size, width, steps, start, stop, note, output
    )


def make_flags(source: Path, size: int, width: str, steps: float | None) -> list[str]:
    """Return the flags of a training on pictures of one's own.

    Raises:
        InputError: naming the field that holds something else.
    """
    number = parts.read_number(steps, "Steps", least=1, most=_MOST_STEPS)
    if size not in _SIZES or width not in _WIDTHS:
        raise errors.InputError("Size, Network: choose one of each list.")
    if not source.exists():
        raise errors.InputError(f"Folder: there is no {source} on this machine.")
    multiplier = f"--width_multiplier={_WIDTHS[width]:g}"
    return ["--dataset=folder", f"--source={source}", f"--image_size={size}",
            "--upscale", multiplier, f"--num_steps={number}"]  # fmt: skip


def find_workdir(desk: Desk, name: str) -> Path:
    """Return the folder of a new run, beside the others.

    Raises:
        InputError: if the name is none.
    """
    if not _NAME.fullmatch(name):
        raise errors.InputError(
            f"Name of the run: {name[:60]!r} was given, expected letters, digits, _ "
            "and -, without a folder."
        )
    runs = list_runs(
        Path(desk.hub.config.run).parent if desk.hub.config.run else Path()
    )
    return (Path(runs[0]).parent if runs else Path("runs")) / name


def connect(desk: Desk, elements: StartElements, training: Training) -> None:
    """Make the elements answer."""
    import gradio as gr

    def look(state: Session) -> tuple[Any, ...]:
        running = training.is_running
        shown = (training.describe(), training.read(),
                 gr.Button(interactive=not running),
                 gr.Button(interactive=running))  # fmt: skip
        workdir = training.workdir
        begun = workdir is not None and (workdir / run_dir.CONFIG).is_file()
        if (
            not running
            or not begun
            or Path((state.which or desk.hub.first).run) == workdir
        ):
            return *shown, gr.skip(), gr.skip()
        changed = choose.turn_to(desk.hub, state, Which(str(workdir)))
        return *shown, changed, choose.name_shown(changed)

    def start(state: Session, *fields: Any) -> tuple[Any, ...]:
        source, files, name, *recipe = fields
        workdir = find_workdir(desk, name)
        if not source.strip() and not files:
            told = "Folder: nothing was given; name one or drop pictures."
            raise errors.InputError(told)
        if training.is_running:
            raise errors.InputError("a training goes on already; stop it first.")
        place = Path(source.strip()).expanduser() if source.strip() else None
        flags = make_flags(place or starting.gather(files or [], workdir), *recipe)
        training.start(flags, workdir)
        return look(state)

    def stop(state: Session) -> tuple[Any, ...]:
        training.stop()
        return look(state)

    shown = [elements.note, elements.output, elements.start, elements.stop,
             desk.session, desk.samples]  # fmt: skip
    fields = [desk.session, *elements[:6]]
    desk.answer(elements.start.click, start, fields, shown, parts.CHANGE)
    desk.answer(elements.stop.click, stop, desk.session, shown, parts.CHANGE)
    desk.answer(gr.Timer(_SECONDS).tick, look, desk.session, shown, parts.CHANGE,
                clears=False)  # fmt: skip
