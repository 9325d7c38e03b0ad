"""Settings that follow from the number of a user's own pictures.

A recipe leaves them open by its `by_count`; a setting that a flag gives is none of
them. All numbers are ours; docs/recipes.md has the reasons.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from dcgan_jax.architectures import PLAIN
from dcgan_jax.config import TrainConfig, list_by_count

# An epoch has so many minibatches at least, while these have 16 pictures at least.
LEAST_BATCHES = 16
LEAST_BATCH, MOST_BATCH = 16, 128
# The discriminator sees so many pictures in all, unless it would see one too often.
LEAST_SEEN = 500_000
LEAST_EPOCHS, MOST_EPOCHS = 25, 2000
# Below this number the pictures are learnt by heart, unless they are changed at random.
FEW = 5000
CHANGES = "color,translation,cutout"


class Followed(NamedTuple):
    """A config with what followed from the number of pictures, and a line about it."""

    config: TrainConfig
    line: str | None


def follow_count(
    config: TrainConfig,
    num_rows: int,
    *,
    num_devices: int,
    recorded: Mapping[str, Any] | None,
) -> Followed:
    """Choose the settings that a config leaves to the number of pictures.

    Args:
        config: the run's config.
        num_rows: the pictures that it is trained on.
        num_devices: each takes an equal part of a minibatch.
        recorded: the config of a run that goes on. What followed there stays; what did
            not follow there does not follow now. None: the run is new.
    """
    names = list_by_count(config)
    if recorded is not None:
        before = recorded.get("by_count", "none").split(",")
        names = [name for name in names if name in before]
    if config.architecture not in PLAIN:
        names = [name for name in names if name != "diffaugment"]
    rule = {
        "batch_size": choose_batch_size(num_rows, num_devices=num_devices),
        "num_epochs": choose_num_epochs(num_rows),
        "diffaugment": choose_changes(num_rows),
    }
    kept = {} if recorded is None else {**recorded, "num_epochs": rule["num_epochs"]}
    chosen = {name: kept.get(name, rule[name]) for name in names}
    by_count = ",".join(names) or "none"
    config = dataclasses.replace(config, by_count=by_count, **chosen)
    if not chosen:
        return Followed(config, None)
    told = " ".join(f"--{name}={value}" for name, value in chosen.items())
    return Followed(config, f"pictures  {num_rows:,}, and therefore {told}")


def choose_batch_size(num_rows: int, *, num_devices: int) -> int:
    """Return the largest power of two with which an epoch has 16 minibatches.

    It is 16 at least and 128 (§4) at most, and one that the devices share equally.
    """
    fitting = 2 ** int(math.log2(max(1, num_rows // LEAST_BATCHES)))
    size = min(max(fitting, LEAST_BATCH), MOST_BATCH)
    return max(size // num_devices, 1) * num_devices


def choose_num_epochs(num_rows: int) -> int:
    """Return the epochs in which 500,000 pictures are seen: at least 25, at most 2,000.

    25 are those of the authors' faces (faces/train_uncond_dcgan.py:47).
    """
    return min(max(math.ceil(LEAST_SEEN / num_rows), LEAST_EPOCHS), MOST_EPOCHS)


def choose_changes(num_rows: int) -> str:
    """Return the random changes of all images that the discriminator sees."""
    return CHANGES if num_rows < FEW else "none"
