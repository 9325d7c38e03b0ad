"""Look into the latent space: python -m dcgan_jax.latent walk|arithmetic|forget RUN."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "walk": "dcgan_jax.latent.walk",
    "arithmetic": "dcgan_jax.latent.arithmetic",
    "forget": "dcgan_jax.latent.forget",
}

if __name__ == "__main__":
    cli.run_main(functools.partial(cli.run_command, commands=COMMANDS))
