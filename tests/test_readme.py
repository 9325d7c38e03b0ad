import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_readme_shows_what_the_result_files_hold():
    script = ROOT / "experiments" / "readme" / "readme_tables.py"
    told = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def test_every_picture_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    pictures = [part.split(")")[0] for part in text.split("](")[1:]]
    local = [path for path in pictures if not path.startswith("http")]
    assert local
    assert [path for path in local if not (ROOT / path).is_file()] == []
