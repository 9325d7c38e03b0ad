"""The command `dcgan`, which is `python -m dcgan_jax` too: it runs the others."""

import importlib
import shlex
from collections.abc import Sequence
from typing import Any

from dcgan_jax import __version__, cli
from dcgan_jax.system import errors

COMMANDS = {
    "train": "dcgan_jax.train.__main__",
    "info": "dcgan_jax.info.__main__",
    "sample": "dcgan_jax.sample.__main__",
    "explore": "dcgan_jax.explore.__main__",
    "latent": "dcgan_jax.latent.__main__",
    "visualize": "dcgan_jax.visualize.__main__",
    "features": "dcgan_jax.features.__main__",
    "evaluate": "dcgan_jax.evaluate.__main__",
    "export": "dcgan_jax.export.__main__",
    "prepare": "dcgan_jax.prepare.__main__",
}


def main(argv: Sequence[str]) -> int | None:
    """Run the command that the first argument names, or list all of them."""
    if list(argv) == ["--version"]:
        print(f"dcgan {__version__}")
        return 0
    return cli.run_command(argv, COMMANDS)


def parse_command_line(line: str) -> Any:
    """Read a command line with the command's own parser, and do not run it.

    Args:
        line: what a user types, such as `dcgan sample runs/digits --num=4` or
            `python -m dcgan_jax.sample runs/digits --num=4`.

    Returns:
        The command's settings; None for a line that asks for help or the version.

    Raises:
        InputError: if there is no such command or flag, or a value cannot be read.
    """
    words = shlex.split(line)
    if words[:2] == ["python", "-m"] and len(words) > 2:
        words = [*words[2].split(".", 1), *words[3:]]
    if words[:1] not in (["dcgan"], ["dcgan_jax"]):
        raise errors.InputError(f"{line!r} does not begin with dcgan or python -m.")
    argv, commands = words[1:], COMMANDS
    while argv and argv[0] not in ("-h", "--help", "--version"):
        module = importlib.import_module(cli.find_command(argv[0], commands))
        argv = argv[1:]
        if not hasattr(module, "COMMANDS"):
            return None if {"-h", "--help"} & {*argv} else module.parse(argv)
        commands = module.COMMANDS
    return None


def run() -> None:
    """Run `dcgan` with the arguments of this process, and end it."""
    cli.run_main(main)


if __name__ == "__main__":
    run()
