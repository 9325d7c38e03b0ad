"""Make the benchmarks' modules importable, as running one of them does."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "experiments" / "benchmarks"))
