"""A run's curves and film, followed while it trains."""

from pathlib import Path
from typing import Any

from dcgan_jax.explore import encoding, parts, training

_SECONDS = 4.0  # between two looks at the run

EXPLAINS = (
    "Losses, the discriminator's mean outputs and gradient norms, and samples of the "
    "same fixed latents over time. Both go on by themselves while the run trains."
)


def build(run: Path) -> Any:
    """Make and connect the elements; return the update that looks at the run."""
    import gradio as gr

    parts.explain(EXPLAINS)
    note = parts.make_note("training-note")
    curves = parts.make_picture("curves")
    film = parts.make_film(parts.telling(lambda step: training.read_frame(run, step)),
                           "film")  # fmt: skip
    seen = gr.State()

    def look(before: training.Progress | None) -> tuple[Any, ...]:
        now = training.read_progress(run)
        if now == before:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        url = training.draw_log(run)
        picture = "" if url is None else encoding.to_element(url, "training curves")
        return now, describe_progress(now), picture, {"steps": list(now.steps)}

    inputs, outputs = [seen], [seen, note, curves, film]
    gr.Timer(_SECONDS).tick(look, inputs, outputs, **parts.FOLLOW)
    return look, inputs, outputs


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
