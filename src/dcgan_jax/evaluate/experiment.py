"""The way from a run to a number: generator and data → metric → result."""

from dcgan_jax.data import ready
from dcgan_jax.evaluate import candidate as candidates, metrics
from dcgan_jax.evaluate.candidate import Measured
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.system import result_file


def prepare(config: EvaluateConfig) -> int:
    """Make sure that the stores are there; return an exit code.

    Raises:
        InputError: if the run cannot be evaluated by the metric.
    """
    metrics.check_limits(config)
    trained = candidates.read_candidate_config(config)
    metric = metrics.find(config)
    metric.check(config, trained)
    data = [candidates.train_data(config, trained)]
    for split in metric.list_splits(config):
        data.append(candidates.split_data(config, trained, split))
    return ready.make_all_ready(data)


def run(config: EvaluateConfig, *, command: str) -> str:
    """Evaluate a generator as the flags describe; write the result if asked to.

    Args:
        config: the flags; the stores are prepared.
        command: the command line that gave them, for the result.

    Returns:
        The result as text.

    Raises:
        InputError: if the run or the data cannot be used.
    """
    measured = measure(config)
    if config.out is not None:
        with result_file.kept_by_printing(measured.text):
            result_file.save(
                config.out,
                what=f"{config.metric} of {config.run}",
                command=command,
                seed=config.seed,
                protocol=measured.protocol,
                numbers=measured.numbers,
            )
    return measured.text


def measure(config: EvaluateConfig) -> Measured:
    """Evaluate a generator whose data are prepared; see `run`."""
    if config.every is not None:
        from dcgan_jax.evaluate import following

        return following.follow(config)
    candidate = candidates.open_candidate(config)
    measured = metrics.find(config).run(config, candidate)
    return measured._replace(
        numbers={**measured.numbers, "step": candidate.loaded.step}
    )
