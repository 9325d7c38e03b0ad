"""The pages that a reader is given, and what stands in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "BUILD_NOTES.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "experiments" / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
_SPAN = re.compile(r"`([^`]+)`", re.S)


def _name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture(params=PAGES, ids=_name)
def page(request):
    """Each page in turn."""
    return request.param


@pytest.fixture(scope="session")
def blocks():
    """Return the blocks of a page in a language, "" for those without one."""

    def find(path, language):
        return [
            text for lang, text in _FENCED.findall(path.read_text()) if lang == language
        ]

    return find


@pytest.fixture(scope="session")
def spans():
    """Return what stands between backticks in the sentences of a page."""

    def find(path):
        text = _FENCED.sub("", path.read_text())
        return [" ".join(span.split()) for span in _SPAN.findall(text)]

    return find


@pytest.fixture(scope="session")
def command_lines(blocks, spans):
    """Return what a page tells the reader to type, without comments.

    A sentence may name a command without what it needs, as `dcgan sample`.
    """

    def find(path):
        typed = [
            line.partition(" #")[0].strip()
            for block in blocks(path, "")
            for line in block.replace("\\\n", " ").splitlines()
        ]
        named = [
            f"{span} --help" if re.fullmatch(r"dcgan( [a-z]+)*", span) else span
            for span in spans(path)
        ]
        return [line.removeprefix("!") for line in [*typed, *named] if line]

    return find
