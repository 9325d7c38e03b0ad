"""The README's pictures of the explorer: a run's or released generator's page.

python experiments/readme/explorer_screenshots.py authors_svhn --weights_dir=WEIGHTS_DIR

Needs Chromium and 'dcgan-jax[browser]'; takes a minute. The flags are those of
`dcgan_jax.explore`. The picks are those of Fig. 7, whose file is for the authors' house
numbers; the boxes show what the page does, and nothing is claimed of them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_jax import cli
from dcgan_jax.explore.link import CONCEPTS
from dcgan_jax.latent import picks as pick_files
from dcgan_jax.system import errors
from experiments import results
from experiments.readme import explorer_browser as browsing

_PICKS = Path(__file__).parents[1] / "picks" / "fig07_arithmetic.json"
# Around the digits in the middle of house numbers, as shares of the image.
_BOXES = {
    3: (0.3, 0.1, 0.4, 0.8),
    8: (0.3, 0.1, 0.4, 0.8),
    12: (0.3, 0.15, 0.45, 0.75),
    18: (0.3, 0.1, 0.4, 0.8),
    22: (0.4, 0.1, 0.4, 0.8),
}
_NUM_SAMPLES = 100
_OTHERS = {"explorer_dark": (1366, 768, "dark"), "explorer_phone": (390, 844, "light")}


def main(argv: Sequence[str]) -> None:
    if not argv:
        raise errors.InputError("which generator? See the docstring for the command.")
    if browsing.CHROMIUM is None:
        raise errors.InputError("there is no chromium; apt-get install chromium")
    with (
        browsing.serve(argv[0], argv[1:]) as url,
        browsing.browse(url, width=1280, height=980) as page,
    ):
        page.locator(f'#wall [data-number="{_NUM_SAMPLES - 1}"]').wait_for()
        save_wall(page)
        save_forget(page)
        save_others(page)


def save_wall(page: Any) -> None:
    groups = pick_files.read_picks(_PICKS).groups
    for letter in "ABC":
        browsing.pick(page, letter, groups[CONCEPTS[letter]])
    browsing.settle(page, "sum")
    page.locator("#wall .cells").evaluate("area => area.scrollTo(0, 0)")
    _save(page, "explorer_wall")


def save_forget(page: Any) -> None:
    browsing.open_tab(page, "forget")
    for number, box in _BOXES.items():
        browsing.drag_box(page, number, box)
    page.locator("#fit").click()
    browsing.settle(page, "forget-after")
    _save(page, "explorer_forget")


def save_others(page: Any) -> None:
    """Save the wall as it is in the dark and on a phone."""
    address = page.url.split("&tab=")[0]
    for name, (width, height, mode) in _OTHERS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{address}&__theme={mode}")
        browsing.settle(page, "sum")
        _save(page, name, full_page=False)


def _save(page: Any, name: str, *, full_page: bool = True) -> None:
    path = results.FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=full_page)
    print(path)


if __name__ == "__main__":
    cli.run_main(main)
