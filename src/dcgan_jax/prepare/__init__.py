"""From a source of images to a store: decoded once, in a process of its own.

`dcgan_jax.prepare(dataset="folder", source="photos")` does what the command `python -m
dcgan_jax.prepare` does; see `dcgan_jax.prepare.call.prepare`.
"""

from dcgan_jax.system import callable_module

callable_module.make_callable(__name__, f"{__name__}.call:prepare")
