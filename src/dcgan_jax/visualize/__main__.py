"""Look inside networks and runs: filters, film, collapse."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "filters": "dcgan_jax.visualize.filters",
    "film": "dcgan_jax.visualize.film",
    "collapse": "dcgan_jax.visualize.collapse",
}

main = functools.partial(cli.run_command, commands=COMMANDS)

if __name__ == "__main__":
    cli.run_main(main)
