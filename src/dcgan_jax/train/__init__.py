"""The loop: a config in, a trained run's folder out.

`dcgan_jax.train(dataset="digits", workdir="runs/digits", num_steps=1000)` does what the
command `python -m dcgan_jax.train` does; see `dcgan_jax.train.call.train`.
"""

from dcgan_jax.system import callable_module

callable_module.make_callable(__name__, f"{__name__}.call:train")
