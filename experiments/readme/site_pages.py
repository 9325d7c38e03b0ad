"""What the site shows from outside of docs/: a hook of MkDocs, named in mkdocs.yml.

Pages and pictures stay where the repository has them, and links to them work in both
places: `../experiments/results/NAME.png` in a page of docs/ is `results/NAME.png` on
the site.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
# Pages of the site that are files elsewhere in the repository.
PAGES = {
    "BUILD_NOTES.md": "decisions.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "experiments/benchmarks/README.md": "benchmarks.md",
}
PICTURES = "experiments/results"
_LINK = re.compile(r"\]\((?:\.\./)*([\w./-]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and the pictures to those of docs/."""
    for path, name in PAGES.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path)))
    for picture in sorted((ROOT / PICTURES).iterdir()):
        if picture.suffix in (".png", ".gif"):
            name = f"results/{picture.name}"
            files.append(File.generated(config, name, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turn links as the repository has them into the site's."""
    return _LINK.sub(lambda link: f"]({site_path(link[1])}", markdown)


def site_path(path: str) -> str:
    """Return where the site has a file that the repository has at `path`."""
    if path in PAGES:
        return PAGES[path]
    return path.replace(f"{PICTURES}/", "results/").removeprefix("docs/")
