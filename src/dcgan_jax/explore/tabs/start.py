"""A small training, started and stopped from the page."""

import re
import typing
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import config, presets
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
_OWN = "folder"  # the recipe of pictures of one's own
# "arrays" is the same recipe.
_PRESETS = [name for name in {**presets.PRESETS, **presets.RECIPES} if name != "arrays"]
_OF_PRESET = 0  # a size or width that the preset is to choose
_SIZES = (_OF_PRESET, *typing.get_args(config.ImageSize))
_SIZE = 64
_WIDTHS = {"small (¼)": 0.25, "medium (½)": 0.5, "full (1)": 1,
           "the preset's": _OF_PRESET}  # fmt: skip
_SMALL, *_, _AS_PRESET = _WIDTHS
_MOST_STEPS = 10_000_000

EXPLAINS = (
    "This starts `dcgan train` on this machine, as the terminal would. The folder and "
    "the run are on this machine too. The preset `folder` is for pictures of your own; "
    "the others are the recipes of data sets, here with your pictures. Stopping saves; "
    "the same command goes on. The end of the page ends the training as well, with a "
    "save."
)


class StartElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    source: Any
    files: Any
    name: Any
    preset: Any
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
        preset = gr.Dropdown(_PRESETS, value=_OWN, label="Preset",
                             elem_id="start-preset", min_width=160)  # fmt: skip
        size = gr.Dropdown(
            [(f"{side} × {side}" if side else _AS_PRESET, side) for side in _SIZES],
            value=_SIZE, label="Size", elem_id="start-size", min_width=110,
        )  # fmt: skip
        width = gr.Dropdown(list(_WIDTHS), value=_SMALL, label="Width",
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
        source, files, name, preset, size, width, steps, start, stop, note, output
    )


def make_flags(
    source: Path, preset: str, size: int, width: str, steps: float | None
) -> list[str]:
    """Return the flags of a training on pictures of one's own.

    Raises:
        InputError: naming the field that holds something else.
    """
    number = parts.read_number(steps, "Steps", least=1, most=_MOST_STEPS)
    if preset not in _PRESETS or size not in _SIZES or width not in _WIDTHS:
        raise errors.InputError("Preset, Size, Width: choose one of each list.")
    if not source.exists():
        raise errors.InputError(f"Folder: there is no {source} on this machine.")
    flags = ["--dataset=folder", f"--source={source}"]
    flags += [f"--preset={preset}"] * (preset != _OWN)
    flags += [f"--image_size={size}"] * (size != _OF_PRESET)
    flags += ["--upscale"]
    flags += [f"--width_multiplier={_WIDTHS[width]:g}"] * (width != _AS_PRESET)
    return [*flags, f"--num_steps={number}"]


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


def find_source(source: str, files: list[str] | None, workdir: Path) -> Path:
    """Return what a run is trained on; dropped pictures are copied beside the run.

    Raises:
        InputError: unless there is either the one or the other.
    """
    if bool(source.strip()) == bool(files):
        told = "both were" if files else "nothing was"
        raise errors.InputError(f"Folder: {told} given; name one or drop pictures.")
    if not files:
        return Path(source.strip()).expanduser()
    return starting.gather(files, workdir)


def connect(desk: Desk, elements: StartElements, training: Training) -> None:
    """Make the elements answer."""
    import gradio as gr

    awaited = gr.State()  # a run that the page is to show once there is something of it

    def look(state: Session, workdir: Path | None) -> tuple[Any, ...]:
        running = training.is_running
        shown = (training.describe(), training.read(),
                 gr.Button(interactive=not running),
                 gr.Button(interactive=running))  # fmt: skip
        if workdir is None or not (workdir / run_dir.CONFIG).is_file():
            return *shown, gr.skip(), gr.skip(), workdir
        changed = choose.turn_to(desk.hub, state, Which(str(workdir)))
        return *shown, changed, choose.name_shown(changed), None

    def start(state: Session, *fields: Any) -> tuple[Any, ...]:
        source, files, name, *recipe = fields
        workdir = find_workdir(desk, name)
        if training.is_running:
            raise errors.InputError("a training goes on already; stop it first.")
        training.start(
            make_flags(find_source(source, files, workdir), *recipe), workdir
        )
        return look(state, workdir)

    def stop(state: Session, workdir: Path | None) -> tuple[Any, ...]:
        training.stop()
        return look(state, workdir)

    def choose_preset(preset: str) -> tuple[Any, ...]:
        is_own = preset == _OWN
        return (_SIZE, _SMALL) if is_own else (_OF_PRESET, _AS_PRESET)

    shown = [elements.note, elements.output, elements.start, elements.stop,
             desk.session, desk.samples, awaited]  # fmt: skip
    fields = [desk.session, *elements[:7]]
    desk.answer(elements.start.click, start, fields, shown, parts.CHANGE)
    looking = [desk.session, awaited]
    desk.answer(elements.stop.click, stop, looking, shown, parts.CHANGE)
    desk.answer(gr.Timer(_SECONDS).tick, look, looking, shown, parts.CHANGE,
                clears=False)  # fmt: skip
    desk.answer(elements.preset.input, choose_preset, elements.preset,
                [elements.size, elements.width], parts.CHANGE)  # fmt: skip
