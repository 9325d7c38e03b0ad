"""A page of pictures with captions as one HTML file that needs no others."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

TYPES = {".png": "image/png", ".gif": "image/gif"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: #222; background: #fff; }
h2 { margin-top: 3rem; } figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; } figcaption { margin-top: .5rem; }
pre { background: #f4f4f4; padding: .6rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: .85rem; }
td { padding-right: 1.5rem; vertical-align: top; } .missing { color: #8a1f11; }
"""


class Figure(NamedTuple):
    """A part of the page; all text is plain and is escaped.

    Attributes:
        title: the part's heading.
        caption: what is seen, and in which figure of the paper.
        command: the command that makes it; may be empty.
        text: the numbers, in lines.
        picture: the bytes of a PNG or GIF; None where there is none.
        missing: the reason why there is no picture.
        suffix: the picture's form: .png or .gif.
    """

    title: str
    caption: str
    command: str
    text: str = ""
    picture: bytes | None = None
    missing: str = ""
    suffix: str = ".png"


def make_report(title: str, facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Write the page.

    Args:
        title: the page's heading.
        facts: name → value, a table under the title.
        figures: its parts, in order.

    Returns:
        HTML.
    """
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>\n"
        for name, value in facts.items()
    )
    body = "".join(map(_make_figure, figures))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{html.escape(title)}</h1>\n<table>\n{rows}</table>\n"
        f"{body}</body>\n</html>\n"
    )


def _make_figure(figure: Figure) -> str:
    if figure.picture is None:
        shown = f'<p class="missing">Missing: {html.escape(figure.missing)}</p>\n'
    else:
        content = base64.b64encode(figure.picture).decode("ascii")
        shown = (
            f'<img src="data:{TYPES[figure.suffix]};base64,{content}"'
            f' alt="{html.escape(figure.title)}">\n'
        )
    parts = [
        f"<h2>{html.escape(figure.title)}</h2>\n<figure>\n{shown}",
        f"<figcaption>{html.escape(figure.caption)}</figcaption>\n</figure>\n",
    ]
    if figure.text:
        parts.append(f"<pre>{html.escape(figure.text)}</pre>\n")
    if figure.command:
        parts.append(f"<pre>{html.escape(figure.command)}</pre>\n")
    return "".join(parts)
