"""Run a module while every fsync and rename takes longer: slow_disk.py SECONDS MODULE.

A kill at a random moment then often comes in the middle of a save.
"""

import os
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    seconds, module = float(sys.argv[1]), sys.argv[2]

    def slow(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            time.sleep(seconds)
            result = function(*arguments, **options)
            time.sleep(seconds)
            return result

        return call

    os.fsync, os.rename, os.replace = map(slow, (os.fsync, os.rename, os.replace))
    # This script's folder is no place for the module to import from.
    sys.path.pop(0)
    sys.argv = [f"{module.rpartition('.')[2]}.py", *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
