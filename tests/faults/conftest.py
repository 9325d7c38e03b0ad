"""Make the harness of faults importable, as running reliability.py does."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "experiments"))
