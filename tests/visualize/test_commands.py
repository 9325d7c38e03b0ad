import json
import subprocess
import sys

import pytest

from dcgan_jax.visualize import __main__ as visualize

HEAVY = ("jax", "flax", "numpy", "PIL", "matplotlib", "cv2")
ASK_HELP = f"""
import json, sys
from dcgan_jax import cli
from dcgan_jax.visualize.__main__ import COMMANDS
try:
    cli.run_command([sys.argv[1], "--help"], COMMANDS)
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


@pytest.mark.parametrize("command", visualize.COMMANDS)
def test_help_names_the_command_and_imports_no_heavy_library(command):
    told = subprocess.run(
        [sys.executable, "-c", ASK_HELP, command],
        capture_output=True,
        text=True,
        check=True,
    )
    first, *_, last = told.stdout.splitlines()
    assert f" {command} " in first
    assert json.loads(last) == []
