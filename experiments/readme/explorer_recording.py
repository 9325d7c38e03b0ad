"""The README's recording of the explorer: picking, adding and walking, as a GIF.

python experiments/readme/explorer_recording.py authors_svhn --weights_dir=WEIGHTS_DIR

Needs Chromium and 'dcgan-jax[browser]'; takes a minute. The flags are those of
`dcgan_jax.explore`. The picks are those of Fig. 7, whose file is for the authors' house
numbers.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.explore.link import CONCEPTS
from dcgan_jax.latent import picks as pick_files
from dcgan_jax.pictures import animation
from dcgan_jax.system import errors
from experiments import results
from experiments.readme import explorer_browser as browsing

_PICKS = Path(__file__).parents[1] / "picks" / "fig07_arithmetic.json"
_SIZE = 1100, 880  # of the window, in pixels
_WIDTH = 760  # of the film
_RATE = 4.0  # frames a second
_WALK_STEPS = 16
_NUM_SAMPLES = 100


def main(argv: Sequence[str]) -> None:
    if not argv:
        raise errors.InputError("which generator? See the docstring for the command.")
    if browsing.CHROMIUM is None:
        raise errors.InputError("there is no chromium; apt-get install chromium")
    width, height = _SIZE
    with (
        browsing.serve(argv[0], argv[1:]) as url,
        browsing.browse(url, width=width, height=height) as page,
    ):
        page.locator(f'#wall [data-number="{_NUM_SAMPLES - 1}"]').wait_for()
        page.wait_for_timeout(2000)
        frames = [*record_sum(page), *record_walk(page)]
    path = results.FOLDER / "explorer.gif"
    animation.save_animation(frames, path, frames_per_second=_RATE)
    print(path)


def record_sum(page: Any) -> list[np.ndarray]:
    """Pick the samples of Fig. 7 one by one, and see their sum."""
    frames = [take(page)] * 2
    groups = pick_files.read_picks(_PICKS).groups
    for letter in "ABC":
        for number in groups[CONCEPTS[letter]]:
            browsing.pick(page, letter, [number])
            page.evaluate("scrollTo(0, 0)")
            page.locator("#wall .cells").evaluate("area => area.scrollTo(0, 0)")
            frames.append(take(page))
    page.locator("#sum img").wait_for()
    page.wait_for_timeout(1500)
    return frames + [take(page)] * 6


def record_walk(page: Any) -> list[np.ndarray]:
    """Walk from one sample to another by the slider."""
    browsing.open_tab(page, "walk")
    before = browsing.source(page, "walk-picture")
    frames = [take(page)] * 2
    for step in range(1, _WALK_STEPS + 1):
        browsing.set_slider(page, "walk-slider", step / _WALK_STEPS)
        before = browsing.wait_changed(page, "walk-picture", before)
        frames.append(take(page))
    return frames + frames[-1:] * 4


def take(page: Any) -> np.ndarray:
    """Return what the window shows, uint8 (height, width, 3)."""
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return animation.shrink(pixels, max_width=_WIDTH)


if __name__ == "__main__":
    cli.run_main(main)
