"""The page in a real Chromium, for tests and for the README's pictures."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_START_SECONDS = 180.0
_WAIT_MILLISECONDS = 90_000
_SETTLED_MILLISECONDS = 5_000


def find_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(run: str | Path, flags: Sequence[str] = ()) -> Iterator[str]:
    """Start the explorer in a process of its own; yield the page's address."""
    port = find_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dcgan_jax.explore", str(run), f"--port={port}"]
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen([*command, *flags], stdout=log, stderr=log)
        try:
            _wait(process, log, url)
            yield url
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def browse(url: str, *, width: int = 1440, height: int = 1000) -> Iterator[Any]:
    """Open the page in headless Chromium; yield playwright's `Page`, samples drawn.

    What it asks for elsewhere than on this machine is in `page.outside`, errors of its
    scripts in `page.mistakes`.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page: Any = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(_WAIT_MILLISECONDS)
        page.outside, page.mistakes = [], []
        page.on("request", lambda request: _note(request.url, page.outside))
        page.on("pageerror", lambda error: page.mistakes.append(str(error)))
        page.goto(url)
        try:
            yield page
        finally:
            browser.close()


def pick(page: Any, letter: str, numbers: Sequence[int]) -> None:
    """Click samples into a concept, and wait until each is in it."""
    page.locator(f'#concept input[value="{letter}"]').click()
    for number in numbers:
        page.locator(f'#wall [data-number="{number}"]').click()
    for number in numbers:
        marked = f'#wall [data-number="{number}"] [data-concept="{letter}"]'
        page.locator(marked).wait_for()


def drag_box(page: Any, number: int, box: tuple[float, float, float, float]) -> None:
    """Drag a box on a sample; x, y, width and height as shares of the image."""
    image = page.locator(f'#boxes-canvas [data-number="{number}"] .image')
    image.scroll_into_view_if_needed()
    edge = image.bounding_box()
    x, y, width, height = box
    left, top = edge["x"] + x * edge["width"], edge["y"] + y * edge["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    right, bottom = left + width * edge["width"], top + height * edge["height"]
    page.mouse.move(right, bottom, steps=5)
    page.mouse.up()


def open_tab(page: Any, name: str) -> None:
    """Open a tab by its name in the ids."""
    page.locator(f"#tab-{name}-button").click()


def set_slider(page: Any, elem_id: str, value: float) -> None:
    """Type a slider's value."""
    box = page.locator(f"#{elem_id} input[type=number]")
    box.fill(str(value))
    box.press("Enter")


def source(page: Any, elem_id: str) -> str:
    """Return the address of an element's picture, which holds its pixels."""
    image = page.locator(f"#{elem_id} img")
    image.wait_for()
    return str(image.get_attribute("src"))


def wait_changed(page: Any, elem_id: str, before: str) -> str:
    """Wait until an element shows another picture; return its address."""
    page.wait_for_function(
        "([id, before]) => document.querySelector(`#${id} img`)?.src !== before",
        arg=[elem_id, before],
    )
    return source(page, elem_id)


def settle(page: Any, elem_id: str) -> None:
    """Wait until an element has shown the same picture for a while."""
    before = ""
    while (now := source(page, elem_id)) != before:
        before = now
        page.wait_for_timeout(_SETTLED_MILLISECONDS)


def _wait(process: subprocess.Popen[bytes], log: Any, url: str) -> None:
    end = time.monotonic() + _START_SECONDS
    told = ""
    while time.monotonic() < end and process.poll() is None:
        told = Path(log.name).read_text()
        if url in told:
            return
        time.sleep(0.2)
    raise RuntimeError(f"the explorer did not start:\n{told}")


def _note(url: str, outside: list[str]) -> None:
    if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
        outside.append(url)
