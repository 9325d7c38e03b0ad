"""Look into the latent space: walk, arithmetic, forget, invert."""

import functools

from dcgan_jax import cli

COMMANDS = {
    "walk": "dcgan_jax.latent.walk",
    "arithmetic": "dcgan_jax.latent.arithmetic",
    "forget": "dcgan_jax.latent.forget",
    "invert": "dcgan_jax.latent.invert",
}

main = functools.partial(cli.run_command, commands=COMMANDS)

if __name__ == "__main__":
    cli.run_main(main)
