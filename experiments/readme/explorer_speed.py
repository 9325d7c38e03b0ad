"""How long the explorer's page takes to show a wall, in Chromium.

python experiments/readme/explorer_speed.py after

The name says which of the page's states is measured: `before` was the page of commit
9f472c4, which had the whole wall in every cell. Numbers of the other name stay. The
generator is `dcgan64` at a sixteenth of its width with its initial parameters, whose
pictures are noise; its time to draw them is not counted, since they are drawn once
before. Needs Chromium and 'dcgan-jax[browser]'; takes a minute.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_jax import cli
from dcgan_jax.system import errors
from experiments import results
from experiments.readme import explorer_browser as browsing
from experiments.readme.noise_generator import save_generator

_NAME = "explorer_speed"
_COUNTS = (100, 500, 1000)
_TRIES = 8
_MEASURED = ("before", "after")


def main(argv: Sequence[str]) -> None:
    if list(argv) not in [[name] for name in _MEASURED]:
        raise errors.InputError(f"which page? Expected one of {', '.join(_MEASURED)}.")
    with tempfile.TemporaryDirectory() as folder:
        path = save_generator(Path(folder) / "noise64.safetensors", image_size=64)
        with browsing.serve(path) as url, browsing.browse(url) as page:
            measured = {str(count): measure(page, count) for count in _COUNTS}
    results.save(
        _NAME,
        what="times of the explorer's page to show a wall of 64 × 64 pictures",
        seed=0,
        protocol=(
            "headless Chromium without a GPU; from the number typed until all samples "
            "are in the page, those on the screen are drawn and a frame has passed; "
            "longest: the longest time in which the page answered nothing, 0 if none "
            "was above 50 ms; the best try, after one in which the pictures were drawn"
        ),
        numbers={**results.read_numbers(_NAME), argv[0]: measured},
    )


def measure(page: Any, count: int) -> dict[str, float]:
    """Show so many samples, again and again; return the seconds of the best time."""
    page.locator("#wall .cell").first.wait_for()
    browsing.show_samples(page, count)
    found = []
    for _ in range(_TRIES):
        browsing.show_samples(page, 1)
        found.append(browsing.show_samples(page, count))
    return {name: min(one[name] for one in found) for name in found[0]}


if __name__ == "__main__":
    cli.run_main(main)
