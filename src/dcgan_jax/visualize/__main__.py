"""Look at networks and runs: python -m dcgan_jax.visualize filters|film RUN."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "filters": "dcgan_jax.visualize.commands.filters",
    "film": "dcgan_jax.visualize.commands.film",
}

if __name__ == "__main__":
    cli.run_main(functools.partial(cli.run_command, commands=COMMANDS))
