"""Which labels a conditional pair is trained on, and which it is asked to draw."""

import dataclasses

import numpy as np

from dcgan_jax.config import CONDITIONAL, DataConfig, TrainConfig
from dcgan_jax.system import errors

# A picture of more classes than these shows the first ones.
MAX_GRID_ROWS = 100


def settle_classes(
    config: TrainConfig, class_names: tuple[str, ...] | None
) -> TrainConfig:
    """Write the number of the data's classes into the config of a conditional pair.

    Args:
        config: of a run.
        class_names: of the data; None where they have no labels.

    Raises:
        InputError: if there are no labels, or the config asks for another number.
    """
    asked = config.num_classes
    if config.architecture not in CONDITIONAL:
        if asked is not None:
            raise errors.InputError(
                f"--num_classes={asked}, but the networks of "
                f"--architecture={config.architecture} take no labels; leave it out."
            )
        return config
    if class_names is None:
        raise make_missing_error(config)
    if asked not in (None, len(class_names)):
        raise errors.InputError(
            f"--num_classes={asked}, but the data have {len(class_names)} classes; "
            "leave it out."
        )
    return dataclasses.replace(config, num_classes=len(class_names))


def make_missing_error(config: DataConfig) -> errors.InputError:
    """Return the error about data that a conditional pair cannot be trained on."""
    return errors.InputError(
        f"{config.source or config.dataset} has no labels, which a conditional network "
        "needs: sort the images into a folder for each class, or choose another "
        "--preset."
    )


def arrange_grid(num_classes: int, *, columns: int) -> np.ndarray:
    """Return the labels of a picture that shows one class a row, (images,) int32."""
    rows = min(num_classes, MAX_GRID_ROWS)
    return np.arange(rows, dtype=np.int32).repeat(columns)


def choose(
    label: int | None, *, num_classes: int | None, count: int
) -> np.ndarray | None:
    """Return the labels of the first `count` samples.

    Args:
        label: that all of them have; None: the classes take turns.
        num_classes: of the generator; None for one that is not conditional.
        count: number of samples.

    Returns:
        (count,) int32, or None for a generator without labels.

    Raises:
        InputError: if the generator knows no such label.
    """
    if num_classes is None:
        if label is not None:
            raise errors.InputError(
                f"--label={label}, but this generator is not conditional: it draws "
                "what it likes. Leave --label out."
            )
        return None
    if label is None:
        return np.arange(count, dtype=np.int32) % num_classes
    if not 0 <= label < num_classes:
        raise errors.InputError(
            f"--label={label}; this generator knows 0 to {num_classes - 1}."
        )
    return np.full(count, label, np.int32)
