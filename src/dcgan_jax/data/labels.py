"""The labels that a conditional pair is trained on."""

import dataclasses
import json

from dcgan_jax.config import DataConfig, TrainConfig, class_names_of, is_conditional
from dcgan_jax.system import errors


def settle_classes(
    config: TrainConfig,
    class_names: tuple[str, ...] | None,
    *,
    reason: str | None = None,
) -> TrainConfig:
    """Write number and names of the data's classes into a conditional pair's config.

    Args:
        config: the run's config.
        class_names: the data's classes; None where they have no labels.
        reason: why they have none, where something like labels was found.

    Raises:
        InputError: if there are no labels, or the config asks for another number.
    """
    asked = config.num_classes
    if not is_conditional(config):
        if asked is not None:
            raise errors.InputError(
                f"--num_classes={asked}, but the networks of "
                f"--architecture={config.architecture} take no labels; leave it out, or"
                " add --conditional."
            )
        return config
    if class_names is None:
        raise make_missing_error(config, reason)
    if asked not in (None, len(class_names)):
        raise errors.InputError(
            f"--num_classes={asked}, but the data have {len(class_names)} classes; "
            "leave it out."
        )
    config = dataclasses.replace(config, num_classes=len(class_names))
    if config.class_names is None:
        names = json.dumps(class_names, ensure_ascii=False)
        return dataclasses.replace(config, class_names=names)
    class_names_of(config)
    return config


def make_missing_error(
    config: DataConfig, reason: str | None = None
) -> errors.InputError:
    """Return the error about data that a conditional pair cannot be trained on.

    Args:
        config: names the data.
        reason: why there are no labels although something like them was found.
    """
    because = f" ({reason})" if reason else ""
    return errors.InputError(
        f"{config.source or config.dataset} has no labels{because}, which a "
        "conditional network needs: sort the images into a folder for each class, or "
        "leave out --conditional or choose another --preset."
    )
