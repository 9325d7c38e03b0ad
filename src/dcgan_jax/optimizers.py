"""The tuned Adam of §4 as an optax chain."""

import optax

from dcgan_jax.config import AdamConfig


def make_adam(config: AdamConfig, *, num_updates: int) -> optax.GradientTransformation:
    """Chain the L2 term, Adam and the learning rate.

    Args:
        config: rates and decays.
        num_updates: updates in the whole run; the linear decay ends at 0 with the last.

    Differs from the authors' lib/updates.py: that Adam multiplies b1 by (1 - 1e-8)^t,
    which changes it by 1 % after a million updates.
    """
    decay_updates = round(num_updates * config.decay_fraction)
    schedule: optax.ScalarOrSchedule = config.learning_rate
    if decay_updates > 0:
        schedule = optax.linear_schedule(
            config.learning_rate, 0.0, decay_updates, num_updates - decay_updates
        )
    return optax.chain(
        optax.add_decayed_weights(config.l2),
        optax.scale_by_adam(b1=config.b1, b2=config.b2, eps=config.epsilon),
        optax.scale_by_learning_rate(schedule),
    )
