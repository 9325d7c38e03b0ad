import base64
from html.parser import HTMLParser

import pytest

from dcgan_jax.pictures import report
from dcgan_jax.pictures.report import Figure

HOSTILE = "<script>alert('1')</script> & \"quotes\""


class Reader(HTMLParser):
    """Collects tags, attributes and text as a browser would read them."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], {}, ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.setdefault(tag, []).append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_picture_lies_in_the_page_itself(suffix):
    content = bytes(range(256))
    figure = Figure("Samples", "seen", "command", picture=content, suffix=suffix)
    (image,) = read(report.make_report("t", {}, [figure])).attributes["img"]
    kind, encoded = image["src"].split(";base64,")
    assert kind == f"data:image/{suffix[1:]}"
    assert base64.b64decode(encoded) == content
    assert image["alt"] == "Samples"


def test_nothing_is_loaded_from_elsewhere():
    figure = Figure("Samples", "seen", "command", picture=b"x")
    reader = read(report.make_report("t", {"seed": "0"}, [figure]))
    assert not {"link", "script", "iframe"} & set(reader.tags)
    assert "http" not in report.make_report("t", {"seed": "0"}, [figure])


def test_all_text_is_escaped():
    figures = [
        Figure(HOSTILE, HOSTILE, HOSTILE, text=HOSTILE, picture=b"x"),
        Figure(HOSTILE, HOSTILE, HOSTILE, text=HOSTILE, missing=HOSTILE),
    ]
    reader = read(report.make_report(HOSTILE, {HOSTILE: HOSTILE}, figures))
    assert "script" not in reader.tags
    assert reader.attributes["img"][0]["alt"] == HOSTILE
    # Title and heading, a fact's name and value, four and five parts of the figures.
    assert reader.text.count(HOSTILE) == 13


def test_a_missing_figure_says_why_and_how_it_is_made():
    figure = Figure("Walk", "seen", "python -m walk", missing="no checkpoint")
    reader = read(report.make_report("t", {}, [figure]))
    assert "img" not in reader.tags
    assert "Missing: no checkpoint" in reader.text
    assert "python -m walk" in reader.text
