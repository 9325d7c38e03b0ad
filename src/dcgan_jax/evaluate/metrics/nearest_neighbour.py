"""Test error of 1-nearest neighbour on labelled samples (§8.1, Table 3)."""

from dcgan_jax.config import TrainConfig, is_conditional
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import candidate as candidates, nearest_neighbour
from dcgan_jax.evaluate.candidate import Candidate, Measured
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, find_num_samples
from dcgan_jax.evaluate.nearest_neighbour import Identity
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import errors

_TABLE_3 = (
    "Table 3 (paper, MNIST): 2.98 % at 50K and 1.48 % at 10M samples, GAN 6.28 % and"
    " 5.65 %, real data 3.1 %"
)


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    if not is_conditional(trained):
        raise errors.InputError(
            f"{config.run} is not conditional: its samples have no labels to"
            " classify by. Train with --conditional, or with"
            " --preset=mnist_conditional or mnist_mlp."
        )
    candidates.require_folder(config)


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    test = candidates.open_split(config, loaded.config, config.test_split)
    _check_classes(config, train, test)
    identities = [
        Identity(digest, config.seed, test.fingerprint) for digest in loaded.digests
    ]
    by_count = nearest_neighbour.count_errors(
        SampleStream(loaded, config.seed),
        test,
        num_samples=find_num_samples(config),
        identity=identities[0],
        former=identities[1:],
        folder=candidates.folder(config),
    )
    real = nearest_neighbour.find_real_error(train, test, num_rows=num_rows)
    lines = [
        f"{count:>12,} samples  {error:6.2f} % test error"
        for count, error in by_count.items()
    ]
    numbers = {
        "error_percent": {str(count): error for count, error in by_count.items()},
        "real_error_percent": real,
        "num_real": num_rows,
    }
    protocol = (
        f"Euclidean 1-nearest neighbour of {len(test):,} test images among generated"
        " images whose labels take turns, stored batch statistics; errors in %"
    )
    real_line = f"{num_rows:>12,} real     {real:6.2f} %"
    return Measured(protocol, numbers, "\n".join([*lines, real_line, _TABLE_3]))


def _check_classes(config: EvaluateConfig, train: Store, test: Store) -> None:
    """Raise an error unless test images have the labels of training images."""
    for name, store in (("training", train), (config.test_split, test)):
        if not store.labelled:
            raise errors.InputError(
                f"not all of the {name} images have labels, which are needed to compare"
                " with; choose another --test_split or --source."
            )
    known, found = train.class_names or (), test.class_names or ()
    # Arrays may lack examples of the last classes.
    if known[: len(found)] != found:
        raise errors.InputError(
            f"the classes trained on are {known}, those of {config.test_split} {found};"
            " expected the same."
        )


METRIC = Metric(
    run=_run,
    check=_check,
    list_splits=lambda config: (config.test_split,),
    num_samples=50_000,  # Table 3's first column
    least_images=1,
    most_samples=2**31 - 1,  # they are counted in int32
)
