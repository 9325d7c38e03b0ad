"""Details of the 2014 GAN, each changed alone, by the likelihood of a short training.

python experiments/studies/goodfellow_details.py --source=mnist.npz

Trains `goodfellow_mnist` at small width and short, always equally long: as the recipe
is, with other seeds, and with one detail of the released code turned on or off. Cost:
about ten minutes of one CPU core. The numbers rank the details at this size alone, and
are no numbers of the paper.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import cli
from dcgan_jax.config import TrainConfig
from dcgan_jax.data.batches import Batch
from dcgan_jax.evaluate import parzen
from dcgan_jax.gan import nets as pairs, steps
from dcgan_jax.gan.nets import Nets
from dcgan_jax.gan.state import TrainState
from dcgan_jax.models import goodfellow
from dcgan_jax.system import backend
from experiments import results
from experiments.rivals import images as labelled

Array = jax.Array
SAMPLES, VALID, TEST = 2000, 500, 1000
_STEPS_AT_ONCE = 100


class Detail(NamedTuple):
    """A change of the recipe.

    Attributes:
        flags: of `dcgan train`.
        seed: of weights, minibatches and latents.
        shares_fake: whether G learns from the images that D has just seen, under the
            same dropout mask, as in the code of 2014.
        begins_at_means: whether the output's bias begins at the data's mean image.
        rescales: whether dropout scales up what it leaves.
    """

    flags: tuple[str, ...] = ()
    seed: int = 0
    shares_fake: bool = False
    begins_at_means: bool = True
    rescales: bool = True


DETAILS = {
    "the recipe": Detail(),
    "G learns from D's fake batch and mask": Detail(shares_fake=True),
    "dropout does not scale up": Detail(rescales=False),
    "no momentum": Detail(("--sgd.momentum=0", "--sgd.final_momentum=0")),
    "momentum 0.9": Detail(("--sgd.momentum=0.9", "--sgd.final_momentum=0.9")),
    "output bias from 0": Detail(begins_at_means=False),
    "the recipe, seed 1": Detail(seed=1),
    "G learns from D's fake batch and mask, seed 1": Detail(shares_fake=True, seed=1),
    "dropout does not scale up, seed 1": Detail(rescales=False, seed=1),
}
NAME = "goodfellow_details"


class Masked(nn.Dropout):
    """Dropout that leaves what stays as it is."""

    def __call__(  # type: ignore[override]
        self, inputs: Array, deterministic: bool | None = None, **more: Any
    ) -> Array:
        """Drop units of any shape."""
        kept = super().__call__(inputs, deterministic=deterministic, **more)
        return kept if deterministic else kept * (1.0 - self.rate)


class SharedMask(Nets):
    """A pair whose D drops the same units whatever key it is given."""

    mask_key: Array

    def judge(
        self,
        params: Any,
        batch_stats: Any,
        images: Array,
        labels: Array | None,
        dropout_key: Array,
    ) -> tuple[Array, Any]:
        """Return `Nets.judge` under the one mask."""
        del dropout_key
        return super().judge(params, batch_stats, images, labels, self.mask_key)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    data = labelled.open_images(flags)
    numbers = {} if flags.again else results.read_numbers(NAME)
    for name in flags.only or DETAILS:
        if name not in numbers:
            outcome = measure(DETAILS[name], data, flags)
            numbers[name] = {
                "log_likelihood": outcome.log_likelihood,
                "standard_error": outcome.standard_error,
                "sigma": outcome.sigma,
            }
        results.save(
            NAME,
            what="Parzen log-likelihood in nats of short trainings, a detail changed",
            seed=flags.seed,
            protocol=f"{flags.target}, width {flags.width_multiplier:g},"
            f" {flags.num_steps:,} steps; {SAMPLES:,} samples, sigma by {VALID}"
            f" validation images, mean over {TEST:,} test images",
            numbers=numbers,
        )
        print(f"{name:40} {numbers[name]['log_likelihood']:7.1f} nats", flush=True)
    return 0


def measure(
    detail: Detail, data: labelled.Labelled, flags: argparse.Namespace
) -> parzen.Likelihood:
    """Train with a detail changed, and measure."""
    config = cli.parse_run(
        ["--preset=goodfellow_mnist", f"--width_multiplier={flags.width_multiplier}",
         *detail.flags]
    )  # fmt: skip
    pixels = data.train.images
    nets = pairs.make_nets(config, num_steps=flags.num_steps, num_rows=len(pixels))
    with _dropout(rescales=detail.rescales):
        state = train(nets, config, pixels, detail, num_steps=flags.num_steps)
    latents = nets.draw_latents(jax.random.key(flags.seed), SAMPLES)
    samples, _ = nets.generate(state.gen, state.gen.params, latents, None)
    return parzen.estimate_likelihood(
        np.asarray(samples).reshape(SAMPLES, -1),
        valid=labelled.as_unit(data.valid.images[:VALID]),
        test=labelled.as_unit(data.test.images[:TEST]),
    )


def train(
    nets: Nets, config: TrainConfig, pixels: np.ndarray, detail: Detail, *,
    num_steps: int,
) -> TrainState:  # fmt: skip
    """Run simultaneous steps on random minibatches."""
    key = jax.random.key(detail.seed)
    state = pairs.init_state(nets, key, image_shape=pixels.shape[1:])
    if detail.begins_at_means:
        params = goodfellow.begin_at_means(state.gen.params, pixels.mean(0))
        state = state.replace(gen=state.gen.replace(params=params))
    step = make_step(nets, config.batch_size, detail)

    @backend.jit
    def run(state: TrainState, data: Array, key: Array) -> TrainState:
        def body(_: int, state: TrainState) -> TrainState:
            return step(state, data, key)

        return jax.lax.fori_loop(0, _STEPS_AT_ONCE, body, state)

    data = jnp.asarray(pixels)
    for _ in range(0, num_steps, _STEPS_AT_ONCE):
        state = run(state, data, key)
    return state


def make_step(
    nets: Nets, batch_size: int, detail: Detail
) -> Callable[[TrainState, Array, Array], TrainState]:
    """Return the step of a detail: (state, uint8 images, key) → state."""

    def step(state: TrainState, data: Array, key: Array) -> TrainState:
        own = steps.fold_step(key, state)
        rows = jax.random.randint(own, (batch_size,), 0, len(data))
        batch = Batch(data[rows], None)
        disc_key, gen_key = jax.random.split(jax.random.fold_in(own, 1))
        moved, _ = steps.d_step(nets, state, batch, disc_key)
        judging = nets
        if detail.shares_fake:
            gen_key = disc_key  # and so the same latents
            judging = SharedMask(*nets)
            judging.mask_key = find_fake_mask(disc_key)
        generated, _ = steps.g_step(judging, state, batch, gen_key)
        return moved.replace(gen=generated.gen, step=state.step + 1)

    return step


def find_fake_mask(disc_key: Array) -> Array:
    """Return the key by which `steps.d_step` drops units for its generated images."""
    return jax.random.split(jax.random.fold_in(disc_key, steps.DROPOUT))[1]


@contextlib.contextmanager
def _dropout(*, rescales: bool) -> Iterator[None]:
    """Let networks that are called within drop units with or without rescaling."""
    if rescales:
        yield
        return
    with mock.patch.object(nn, "Dropout", Masked):
        yield


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = labelled.make_parser(__doc__)
    parser.set_defaults(target="mnist")
    add = parser.add_argument
    add("--width_multiplier", type=float, default=0.125)
    add("--num_steps", type=int, default=5000)
    add("--only", nargs="+", choices=tuple(DETAILS), help="details to measure")
    add("--again", action="store_true", help="also those that were measured")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
