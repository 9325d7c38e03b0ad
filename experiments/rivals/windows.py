"""The measure of the rivals that draw images: Parzen windows around their samples."""

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.evaluate import parzen
from experiments.rivals import images as rivals
from experiments.rivals.images import Labelled


def measure(samples: jax.Array, images: Labelled) -> dict[str, Any]:
    """Return the test images' log-likelihood, in nats per image, as a result's numbers.

    Args:
        samples: (n, pixels) in [0, 1].
        images: whose held-out ones choose the windows' width.
    """
    outcome = parzen.estimate_likelihood(
        np.asarray(samples),
        valid=rivals.as_unit(images.valid.images[: parzen.NUM_VALIDATION]),
        test=rivals.as_unit(images.test.images),
    )
    print(f"{outcome.log_likelihood:.1f} ± {outcome.standard_error:.1f} nats")
    return {
        "log_likelihood": outcome.log_likelihood,
        "standard_error": outcome.standard_error,
        "sigma": outcome.sigma,
    }


def mix_rows(rows: jax.Array, key: jax.Array, *, count: int) -> jax.Array:
    """Draw rows (count, d), each number from the same column of a random row (n, d)."""
    drawn = jax.random.randint(key, (count, rows.shape[1]), 0, len(rows))
    return jnp.take_along_axis(rows, drawn, axis=0)


def save(
    rival: str,
    samples: jax.Array,
    images: Labelled,
    flags: argparse.Namespace,
    *,
    of: str,
    protocol: str,
) -> None:
    """Measure samples and write the result.

    Args:
        rival: the result's name.
        samples: (n, pixels) in [0, 1].
        images: the images that the rival has learnt from.
        flags: with those of `add_flags`.
        of: the system, as "a deep belief net".
        protocol: how it was trained.
    """
    rivals.save(
        rival,
        images,
        flags,
        what=f"Parzen-window log-likelihood of {of}, nats per image",
        protocol=f"{protocol}; {flags.num_samples:,} samples after {flags.num_rounds}"
        " rounds; sigma by the held-out images",
        numbers=measure(samples, images),
    )


def add_flags(parser: argparse.ArgumentParser, *, num_rounds: int) -> None:
    """Add the numbers of samples and of a chain's rounds."""
    add = parser.add_argument
    add("--num_samples", type=int, default=parzen.NUM_SAMPLES)
    add("--num_rounds", type=int, default=num_rounds, help="of each sample's chain")
