"""The weights of another run or exported file that a new run begins with."""

import dataclasses
import logging
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dcgan_jax.config import TrainConfig
from dcgan_jax.gan.state import NetState, TrainState
from dcgan_jax.runs import folder as run_dir, load as loading, reading
from dcgan_jax.system import errors
from dcgan_jax.train import mesh

_LOG = logging.getLogger(__name__)
# Networks that differ in one of these may have arrays of the same shapes.
_SAME = (
    "architecture", "conditional", "batch_norm", "disc_pooling", "spectral_norm",
    "packing",
)  # fmt: skip


class Initial(NamedTuple):
    """Networks to begin with.

    Attributes:
        where: the run or file, as the user named it.
        gen: {params, batch_stats}.
        disc: {params, batch_stats}; released networks have no statistics.
    """

    where: str
    gen: dict[str, Any]
    disc: dict[str, Any]


def settle_initial(config: TrainConfig) -> tuple[TrainConfig, Initial | None]:
    """Read the networks of --init_from, and record their digest in the config.

    A run that goes on keeps what it has recorded, and reads nothing. Only the first
    process reads, since it sends its state to the others.

    Raises:
        MissingInputError: if there is no such run or file, or it has one network alone.
        InputError: if its networks are others than the config's.
    """
    if not mesh.is_first():
        return config, None
    workdir = run_dir.workdir_of(config)
    if run_dir.goes_on(workdir):
        recorded = {
            name: run_dir.find_recorded(workdir, name)
            for name in ("init_from", "init_digest")
        }
        return dataclasses.replace(config, **recorded), None
    where = config.init_from
    if where is None:
        return dataclasses.replace(config, init_digest=None), None
    loaded = loading.load_generator(where)
    _require_same(where, loaded.config, config)
    if config.init_digest not in (None, loaded.digest):
        raise errors.InputError(
            f"--init_from={where} has the digest {loaded.digest}, expected"
            f" --init_digest={config.init_digest}: it is another network."
        )
    disc = loading.load_discriminator(where, step=loaded.step)
    of_disc = {"params": disc.params, "batch_stats": disc.batch_stats}
    settled = dataclasses.replace(config, init_digest=loaded.digest)
    return settled, Initial(where, loaded.variables, of_disc)


def require_fit(initial: Initial, shapes: TrainState) -> None:
    """Raise an error unless networks have the shapes of a run's.

    Raises:
        InputError: naming the first array that differs, and both shapes.
    """
    for name, own, given in (
        ("generator", shapes.gen, initial.gen),
        ("discriminator", shapes.disc, initial.disc),
    ):
        expected, found = {"params": own.params}, {"params": given["params"]}
        if given["batch_stats"] is not None:
            expected["batch_stats"] = own.batch_stats
            found["batch_stats"] = given["batch_stats"]
        what = f"{name} of --init_from={initial.where}"
        reading.check_fit(what, expected, found, to="this run")


def begin_with(state: TrainState, initial: Initial) -> TrainState:
    """Return a new state with other networks; its optimisers and step stay new."""
    _LOG.info("beginning with the weights of %s", initial.where)
    return state.replace(
        gen=_take(state.gen, initial.gen), disc=_take(state.disc, initial.disc)
    )


def _take(net: NetState, given: dict[str, Any]) -> NetState:
    stats = net.batch_stats if given["batch_stats"] is None else given["batch_stats"]
    # Copies, since a step takes over the memory of the whole state.
    return net.replace(
        params=jax.tree.map(jnp.array, dict(given["params"])),
        batch_stats=jax.tree.map(jnp.array, dict(stats)),
    )


def _require_same(where: str, given: TrainConfig, config: TrainConfig) -> None:
    for name in _SAME:
        there, here = getattr(given, name), getattr(config, name)
        if there != here:
            raise errors.InputError(
                f"--init_from={where} holds networks with {name}={there}; this run has"
                f" {name}={here}. Both must be the same."
            )
