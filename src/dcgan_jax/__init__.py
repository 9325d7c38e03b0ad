"""DCGAN and the GAN it grew from, in JAX and Flax.

    import dcgan_jax
    gan = dcgan_jax.load("runs/digits")
    images = gan.sample(64, seed=0)

`load` gives a trained pair of networks, `train` and `prepare` do what the commands of
these names do. Nothing heavy is imported before one of them is used.
"""

__version__ = "0.1.0"
__all__ = ["GAN", "__version__", "load", "prepare", "train"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dcgan_jax.library.pair import GAN, load
    from dcgan_jax.prepare.call import prepare
    from dcgan_jax.train.call import train

_OF_LIBRARY = ("GAN", "load")


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    import importlib

    if name in _OF_LIBRARY:
        return getattr(importlib.import_module("dcgan_jax.library.pair"), name)
    if name in ("prepare", "train"):  # packages that can be called
        return importlib.import_module(f"dcgan_jax.{name}")
    raise AttributeError(f"module 'dcgan_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name the face of the library."""
    return sorted({*globals(), *__all__})
