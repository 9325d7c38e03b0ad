"""A picture of a person's own: its nearest latent, seen as it converges."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.explore import encoding, own, parts
from dcgan_jax.explore.parts import Desk
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.tabs import choose
from dcgan_jax.latent import nearest_latent
from dcgan_jax.latent.nearest_latent import NearestLatent
from dcgan_jax.pictures import captions, grid
from dcgan_jax.system import errors

_SIDE = 256  # screen pixels of each picture
MOST_STEPS = 5000

EXPLAINS = (
    "Gradient descent looks for the latent whose image is nearest to the picture, by "
    "its pixels and by the discriminator's features. It is found on the wall as “own”, "
    "and can be picked, walked to and saved like any sample. A generator draws what "
    "its training images are like; anything else stays far away."
)


class OwnElements(NamedTuple):
    """The elements that a person uses and those that change; see `page` for the ids."""

    file: Any
    steps: Any
    start: Any
    picture: Any
    note: Any


def build() -> OwnElements:
    """Make the elements."""
    import gradio as gr

    with gr.Row(elem_classes=["settings"]):
        file = gr.File(label="Picture", file_types=["image"], elem_id="own-file",
                       height=120, min_width=260)  # fmt: skip
        steps = parts.make_number(400, "Steps", "own-steps")
    with gr.Row(elem_classes=["files"]):
        start = gr.Button("Find its latent", variant="primary", elem_id="own-start",
                          min_width=150, scale=0)  # fmt: skip
        note = parts.make_note("own-note")
    picture = parts.make_picture("own-picture")
    parts.explain(EXPLAINS)
    return OwnElements(file, steps, start, picture, note)


def compare(image: np.ndarray, found: NearestLatent) -> str:
    """Return the picture beside the image of its latent."""
    both = captions.enlarge(np.stack([image, found.image]), least_side=_SIDE)
    url = encoding.to_url(grid.make_grid(both, columns=2, gap=12))
    return encoding.to_element(url, "the picture, and the image of its latent")


def connect(desk: Desk, elements: OwnElements) -> None:
    """Make the elements answer."""
    import gradio as gr

    def seek(
        state: Session, file: str | None, steps: float | None
    ) -> Iterator[tuple[Any, ...]]:
        number = parts.read_number(steps, "Steps", least=1, most=MOST_STEPS)
        if not file:
            raise errors.InputError("Picture: nothing was given; drop a picture first.")
        subject = desk.find(state)
        with parts.naming("Picture"):
            image = nearest_latent.read_image(Path(file), subject.require())
            own.check_room(subject.own)
        generator = subject.number(state.seed, state.label)
        found = None
        for found in nearest_latent.seek(
            generator, desk.hub.find_discriminator(state.which), image, num_steps=number
        ):
            told = (
                f"Step {found.step:,} of {number:,}: {100 * found.pixel_error:.1f} % "
                "of the range from the picture's pixels."
            )
            yield compare(image, found), told, gr.skip()
        assert found is not None
        subject.own.append(found.latent)
        called = own.call(own.FIRST_NUMBER + len(subject.own) - 1)
        text = f"{told} It is “{called}” on the wall."
        if not desk.hub.config.read_only:
            about = nearest_latent.describe_file(
                found, generator, subject.name, Path(file).name
            )
            path = own.save(about, subject.folder)
            text += f" Its latent is in `{path}`."
        yield compare(image, found), text, choose.name_shown(state) + called

    desk.stream(
        elements.start.click, seek, [desk.session, elements.file, elements.steps],
        [elements.picture, elements.note, desk.samples],
    )  # fmt: skip
