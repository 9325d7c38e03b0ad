"""Look inside networks and runs: visualize filters|film|collapse RUN."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "filters": "dcgan_jax.visualize.filters",
    "film": "dcgan_jax.visualize.film",
    "collapse": "dcgan_jax.visualize.collapse",
}

if __name__ == "__main__":
    cli.run_main(functools.partial(cli.run_command, commands=COMMANDS))
