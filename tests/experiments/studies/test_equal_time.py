import pytest

from dcgan_jax import cli
from experiments.studies import equal_time


@pytest.mark.parametrize("image_size", equal_time.PRESETS)
def test_the_recipes_share_all_but_what_is_compared(image_size):
    configs = [
        cli.parse_run([*flags, "--dataset=folder", f"--image_size={image_size}"])
        for flags in equal_time.list_recipes(image_size).values()
    ]
    paper, modern, relativistic = configs
    assert (paper.mirror, paper.ema_decay) == (False, None)
    assert (modern.mirror, modern.loss, modern.r1_gamma) == (True, paper.loss, 0)
    assert relativistic.r1_gamma == relativistic.r2_gamma > 0
    assert relativistic.batch_norm == "not_in_discriminator"
    for name in ("architecture", "batch_size", "latent_size", "input_bias"):
        assert len({getattr(config, name) for config in configs}) == 1
