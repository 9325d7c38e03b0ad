"""The nearest training image of each sample, as a picture and in numbers."""

from dcgan_jax.evaluate import candidate as candidates, memorisation
from dcgan_jax.evaluate.candidate import Candidate, Measured, require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, find_num_samples
from dcgan_jax.sample.numbered import SampleStream


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    count = find_num_samples(config)
    picture = candidates.folder(config) / "nearest_training_images.png"
    outcome = memorisation.find_copies(
        SampleStream(loaded, config.seed).images(count),
        train,
        num_rows=num_rows,
        picture=picture,
    )
    protocol = (
        f"root mean square distance in grey levels of {count:,} samples to the nearest"
        f" of {num_rows:,} training images, and of as many that were held out"
    )
    lines = [
        f"pairs     {picture}",
        f"samples   {outcome.samples:.1f} grey levels from the nearest training image"
        f" (median), {outcome.closest:.1f} at least",
    ]
    if outcome.unseen is not None:
        lines.append(f"held out  {outcome.unseen:.1f} (median)")
    return Measured(protocol, outcome._asdict(), "\n".join(lines))


METRIC = Metric(
    run=_run,
    check=require_pixels,
    list_splits=lambda config: (),
    num_samples=50,  # as many as one picture shows well
    least_images=1,
    most_samples=10_000,  # one picture shows all of them
)
