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
_WATCH = """() => {
  window.blocked = [];
  window.watcher?.disconnect();
  window.watcher = new PerformanceObserver((list) => window.blocked.push(
    ...list.getEntries().map((entry) => entry.duration)));
  window.watcher.observe({type: 'longtask'});
  const begin = () => { window.begun = performance.now(); };
  document.addEventListener('input', begin, {capture: true, once: true});
}"""
_SHOWN = """async (count) => {
  const frame = () => new Promise(requestAnimationFrame);
  const isShown = () => {
    const cells = document.querySelectorAll('#wall .cell');
    if (cells.length !== count) return false;
    const edge = document.querySelector('#wall .cells').getBoundingClientRect();
    const bottom = Math.min(edge.bottom, innerHeight);
    return [...cells].every((cell) => {
      const image = cell.querySelector('img');
      return !image || cell.getBoundingClientRect().top >= bottom
        || (image.complete && image.naturalWidth > 0);
    });
  };
  const start = performance.now();
  while (!isShown()) {
    if (performance.now() - start > 60_000) throw Error(`no ${count} samples`);
    await frame();
  }
  await frame();
  await frame();
  const seconds = (performance.now() - window.begun) / 1000;
  await new Promise((done) => setTimeout(done, 200));
  return {seconds, longest: Math.max(0, ...window.blocked) / 1000};
}"""

# The contrast of WCAG 2, of computed colours.
_PALE = """() => {
  const paint = document.createElement('canvas').getContext('2d',
    {willReadFrequently: true});
  const read = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(
    (i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const own = read(getComputedStyle(element).backgroundColor);
    if (own[3] === 1 || !element.parentElement) {
      return own[3] === 1 ? own : [255, 255, 255, 1];
    }
    return over(own, behind(element.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((value) => value / 255).map(
      (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const fade = (element) => element
    ? Number(getComputedStyle(element).opacity) * fade(element.parentElement) : 1;
  const pale = [];
  const judge = (element, text, style) => {
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) {
      return;
    }
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) return;
    const below = behind(element);
    const colour = read(style.color);
    colour[3] *= fade(element);
    const [a, b] = [light(over(colour, below)), light(below)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) {
      pale.push(`${contrast.toFixed(2)} ${text.trim().slice(0, 40)} `
        + `<${element.tagName} ${element.className}>`);
    }
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent;
    const element = texts.currentNode.parentElement;
    if (text.trim() && !['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName)) {
      judge(element, text, getComputedStyle(element));
    }
  }
  for (const field of document.querySelectorAll('input, textarea')) {
    const isText = field.tagName === 'TEXTAREA'
      || ['text', 'number'].includes(field.type);
    if (isText && field.value) judge(field, field.value, getComputedStyle(field));
  }
  return [...new Set(pale)];
}"""
_WIDE = """() => {
  const clips = (element) => element && (
    !['visible', 'clip'].includes(getComputedStyle(element).overflowX)
    || clips(element.parentElement));
  const wide = [...document.querySelectorAll('body *')].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && element.checkVisibility()
      && !clips(element.parentElement);
  }).map((element) => `${element.tagName}#${element.id}.${element.className}`);
  const whole = document.documentElement.scrollWidth;
  return whole > innerWidth ? [`page of ${whole} pixels`, ...wide] : wide;
}"""


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
        told = Path(log.name).read_text()
        if "Traceback" in told:
            raise RuntimeError(f"the explorer has left a traceback:\n{told}")


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


def show_samples(page: Any, count: int) -> dict[str, float]:
    """Ask for so many samples on the wall, and wait until they can be used.

    Returns:
        seconds: the time from the typing until the wall has them, those on the screen
            are drawn and a frame has passed; longest: the longest time in which the
            page answered nothing, in seconds, and 0 where none was above 50 ms.
    """
    page.evaluate(_WATCH)
    page.locator("#wall-count input").fill(str(count))
    found: dict[str, float] = page.evaluate(_SHOWN, count)
    return found


def find_pale(page: Any) -> list[str]:
    """Return the texts on the page whose contrast with what is behind is below 4.5."""
    found: list[str] = page.evaluate(_PALE)
    return found


def find_wide(page: Any) -> list[str]:
    """Return the elements that reach beyond the right edge of the screen."""
    found: list[str] = page.evaluate(_WIDE)
    return found


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
