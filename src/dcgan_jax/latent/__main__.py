"""Look into the latent space: python -m dcgan_jax.latent walk|arithmetic|forget RUN."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "walk": "dcgan_jax.latent.commands.walk",
    "arithmetic": "dcgan_jax.latent.commands.arithmetic",
    "forget": "dcgan_jax.latent.commands.forget",
}

if __name__ == "__main__":
    cli.run_main(functools.partial(cli.run_command, commands=COMMANDS))
