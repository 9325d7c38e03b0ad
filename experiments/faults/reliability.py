"""Faults by the dozen: python experiments/faults/reliability.py [--part=PART …].

Kills, damages, fills disks, starts things twice, feeds hostile files, and compares with
what happens without; hours in all (make soak). A part that was stopped goes on where it
was. Adds each fault's count to results/reliability.json.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

from dcgan_jax.system import result_file
from experiments import results
from experiments.faults.trials import Context

# Modules of `faults`, in the order in which they are run.
PARTS = (
    "kill_training",
    "kill_prepare",
    "kill_readers",
    "damage",
    "full_disk",
    "two_at_once",
    "odd_surroundings",
    "not_finite",
    "lost_process",
    "fuzz",
    "soak",
)


def main() -> int:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--part", choices=PARTS, action="append", help="one or several; default: all")
    add("--work", type=Path, default=Path("runs/reliability"), help="scratch")
    add("--seed", type=int, default=0)
    add("--scale", type=float, default=1.0, help="share of the trials that are made")
    add("--parser", action="append", help="of the part fuzz: one or several; all")
    flags = parser.parse_args()
    # A shell's background jobs ignore Ctrl-C and hand that on to what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work = flags.work.resolve()
    _compile_once(work / "xla")
    # What other code has done is no part of this result.
    work /= result_file.find_commit()
    lost = []
    for part in flags.part or PARTS:
        module = importlib.import_module(f"experiments.faults.{part}")
        folder = work / part
        folder.mkdir(parents=True, exist_ok=True)
        only = tuple(flags.parser or ())
        if not module.run(Context(folder, flags.seed, flags.scale, only)):
            lost.append(part)
    if lost:
        print(f"something was lost in: {', '.join(lost)}", file=sys.stderr)
    return int(bool(lost))


def _compile_once(cache: Path) -> None:
    """Keep every compiled program, so that starting again takes seconds."""
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


if __name__ == "__main__":
    sys.exit(main())
