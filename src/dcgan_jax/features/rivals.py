"""Whole classifiers that the features are compared with (Table 2)."""

from typing import Any

import numpy as np

from dcgan_jax.data.batches import Batch
from dcgan_jax.data.store import Store
from dcgan_jax.features import protocols
from dcgan_jax.features.config import (
    FeaturesConfig,
    find_labels_per_class,
    find_weights,
)
from dcgan_jax.features.protocols import Split


def measure_neighbours(
    config: FeaturesConfig, train: Store, test: Store
) -> dict[str, Any]:
    """Classify by the nearest training images; the held-out ones choose k."""
    from dcgan_jax.features import neighbours

    drawn, held_out = _draw(config, train)
    everything = test.rows(np.arange(len(test)))
    outcome = neighbours.classify(drawn, held_out, everything)
    return {
        "accuracy_mean": 1.0 - outcome.test_error,
        "error_mean": outcome.test_error,
        "num_neighbours": outcome.num_neighbours,
        "validation_errors": {str(k): v for k, v in outcome.valid_errors.items()},
    }


def search_supervised(config: FeaturesConfig, train: Store) -> dict[str, Any]:
    """Train the discriminator's architecture on the labels by random search (§5.2)."""
    from dcgan_jax.features import random_search
    from dcgan_jax.features.supervised import SearchConfig
    from dcgan_jax.runs import load as loading

    found = find_weights(config)
    assert found is not None
    assert train.class_names is not None  # checked
    drawn, held_out = _draw(config, train)
    search = SearchConfig(
        network=loading.find_config(found),
        num_classes=len(train.class_names),
        num_trials=config.num_trials,
        num_epochs=config.num_epochs,
        seed=config.seed,
    )
    folder = config.trials_dir or config.data_dir / "trials" / config.target
    folder.mkdir(parents=True, exist_ok=True)
    results = random_search.search(search, drawn, held_out, folder)
    best = min(results, key=lambda result: result.best_error)
    return {
        "validation_error": best.best_error,
        "best_trial": best.index,
        "best_epoch": best.best_epoch,
        "num_trials": len(results),
        "num_epochs": config.num_epochs,
        "num_diverged": sum(result.diverged for result in results),
        "validation_errors": [result.best_error for result in results],
    }


def _draw(config: FeaturesConfig, train: Store) -> tuple[Batch, Batch]:
    """Return labelled images, drawn as for the linear SVM, and the held-out ones."""
    batch = train.rows(np.arange(len(train)))
    assert batch.labels is not None
    assert train.class_names is not None  # checked
    held = protocols.count_validation(len(train))
    pool, held_out = protocols.split_train(Split(batch.images, batch.labels), held)
    labels_per_class = find_labels_per_class(config)
    if labels_per_class is not None:
        protocols.check_counts(
            pool.labels, train.class_names, labels_per_class, held_out=held
        )
        rows = protocols.draw_rows(pool.labels, labels_per_class, seed=(config.seed, 0))
        pool = Split(pool.features[rows], pool.labels[rows])
    return Batch(*pool), Batch(*held_out)
