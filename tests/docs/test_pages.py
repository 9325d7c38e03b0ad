"""README and docs: tables from result files, size, links, pictures, files named."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_table_shows_what_the_result_files_hold():
    script = ROOT / "experiments" / "readme" / "tables.py"
    told = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def test_a_page_with_another_number_fails_the_check():
    from experiments.readme import tables

    text = README.read_text()
    assert "| 82.8 % |" in text
    assert tables.render(text.replace("| 82.8 % |", "| 83.8 % |")) == text


def test_every_table_is_shown_somewhere():
    from experiments.readme import tables

    shown = "".join(path.read_text() for path in tables.list_pages())
    assert [
        name for name in tables.TABLES if f"<!-- table: {name} -->" not in shown
    ] == []


def test_every_script_of_the_readme_is_where_it_says():
    named = re.findall(r"\| `(\w+\.py)` \|", README.read_text())
    assert len(named) >= 17
    folder = {"dedup.py": "studies"}
    paths = [ROOT / "experiments" / folder.get(n, "paper") / n for n in named]
    assert [path for path in paths if not path.is_file()] == []


def test_the_readme_is_short_and_narrow():
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 100] == []


def test_every_link_and_picture_exists(page):
    broken = []
    for link in _LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        if link.startswith(("http://", "https://")):
            continue
        target = page if not path else (page.parent / path).resolve()
        if not target.is_file() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_picture_has_a_description(page):
    assert re.findall(r"!\[\s*\]\(", page.read_text()) == []


def test_every_file_and_folder_that_is_named_exists(page, spans):
    folders = (ROOT, ROOT / "src/dcgan_jax", ROOT / "experiments/results", page.parent)
    ours = {path.name for folder in folders[:2] for path in folder.iterdir()}
    made = ("data", "runs", "samples", "site", "dist")  # by the commands
    named = [
        span
        for span in spans(page)
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", span)
        and span.split("/")[0] in ours - {*made}
        and "NAME" not in span
    ]
    named += [s for s in spans(page) if re.fullmatch(r"runs/\w+\.py", s)]
    assert [n for n in named if not any((f / n).exists() for f in folders)] == []


def test_every_extra_and_make_target_exists(page, command_lines):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text())
    for line in command_lines(page):
        if (extras := re.search(r"pip install .*\.\[([\w,]+)\]", line)) is not None:
            assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
        if (target := re.match(r"make ([a-z]+)$", line)) is not None:
            assert target[1] in targets, line


def test_the_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"(?m)^version: (.*)$", citation) == [project["version"]]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_actions_are_pinned_and_may_only_read():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        used = re.findall(r"uses: (\S+)", text)
        assert used
        assert [n for n in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", n)] == []
        assert re.search(r"(?m)^permissions: {}$", text)
        assert "write" not in text


def _anchors(path):
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    found = re.findall(r"(?m)^#+ (.+)$", path.read_text())
    plain = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in found]
    return {re.sub(r"\s+", "-", heading) for heading in plain}
