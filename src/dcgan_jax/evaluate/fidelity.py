"""Images and an extractor → numbers; only this module calls torch-fidelity."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
import torch_fidelity
from torch.utils.data import Dataset
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from dcgan_jax.evaluate import extractors
from dcgan_jax.evaluate.extractors import Encode, Extractor, Images
from dcgan_jax.system import errors, progress

VERSIONS = f"torch-fidelity {torch_fidelity.__version__}, torch {torch.__version__}"
_NEIGHBOURS = 3  # Kynkäänniemi et al. 2019
_SUBSET_SIZE, _NUM_SUBSETS = 1000, 100  # torch-fidelity's own, for the kernel distance
_SPLITS = 10  # Salimans et al. 2016
_INCEPTION = "inception-v3-compat"
_READ_AT_ONCE = 256
_FEATURES = "features"
# torch-fidelity's names → the names on Inception, and on any other extractor.
_NAMES = {
    "frechet_inception_distance": ("fid", "frechet_distance"),
    "kernel_inception_distance_mean": ("kid", "kernel_distance"),
    "kernel_inception_distance_std": ("kid_std", "kernel_distance_std"),
    "inception_score_mean": ("inception_score", ""),
    "inception_score_std": ("inception_score_std", ""),
    # Published precisions are on VGG-16, so those on Inception carry its name too.
    "precision": ("precision[inception]", "precision"),
    "recall": ("recall[inception]", "recall"),
    "f_score": ("f_score[inception]", "f_score"),
}
_SWITCHES = {"fid": "fid", "kid": "kid", "is": "isc", "prc": "prc"}


def compute(
    samples: Images,
    reference: Images,
    extractor: Extractor,
    *,
    metrics: Sequence[str],
    seed: int,
    cache: tuple[Path, str],
) -> dict[str, float]:
    """Measure how far samples are from reference images.

    Args:
        samples: generated images.
        reference: real images; the Inception score needs none.
        extractor: what makes the features.
        metrics: some of fid, kid, is, prc.
        seed: the seed of the kernel distance's subsets and the Inception score's parts.
        cache: a folder for the reference's features, and a name for the reference.

    Returns:
        Numbers by their names: `fid`, `kid`, … on Inception, `frechet_distance[LABEL]`,
        `kernel_distance[LABEL]`, … on any other extractor.

    Raises:
        InputError: if Inception's weights cannot be had.
    """
    arguments = _choose_extractor(extractor)
    folder, name = cache
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if set(metrics) != {"is"}:
            arguments["input2"] = _Pictures(reference, stack)
            arguments["input2_cache_name"] = f"{name}-{torch_fidelity.__version__}"
        found = torch_fidelity.calculate_metrics(
            input1=_Pictures(samples, stack),
            **{switch: key in metrics for key, switch in _SWITCHES.items()},
            **arguments,
            cache_root=str(folder),
            kid_subset_size=min(_SUBSET_SIZE, samples.num_images, reference.num_images),
            kid_subsets=_NUM_SUBSETS,
            isc_splits=_SPLITS,
            prc_neighborhood=_NEIGHBOURS,
            rng_seed=seed,
            save_cpu_ram=True,  # no worker processes: a fork of JAX's threads may hang
            verbose=False,
        )
    return {_rename(key, extractor): float(value) for key, value in found.items()}


def list_parameters(metrics: Sequence[str], count: int) -> list[str]:
    """Return the parameters of some metrics in words.

    Args:
        metrics: some of fid, kid, is, prc.
        count: the number of samples or of real images, whichever is smaller.
    """
    size = min(_SUBSET_SIZE, count)
    told = {
        "kid": f"kernel distance over {_NUM_SUBSETS} subsets of {size:,}",
        "is": f"Inception score over {_SPLITS} parts",
        "prc": "precision and recall of Kynkäänniemi et al. 2019 with"
        f" {_NEIGHBOURS} neighbours",
    }
    return [told[metric] for metric in metrics if metric in told]


def _rename(key: str, extractor: Extractor) -> str:
    on_inception, on_other = _NAMES[key]
    if extractor.encode is None:
        return on_inception
    return f"{on_other}[{extractor.label}]"


def _choose_extractor(extractor: Extractor) -> dict[str, Any]:
    if extractor.encode is not None:
        name = _register(extractor, extractor.encode)
        return {"feature_extractor": name, "cuda": False, "batch_size": 128}
    return {
        "feature_extractor": _INCEPTION,
        "feature_extractor_weights_path": str(_find_inception(extractor.weights_file)),
        "cuda": torch.cuda.is_available(),
        "batch_size": 64,
    }


def _find_inception(given: Path | None) -> Path:
    """Return Inception's file: the given one, or one from torch's cache or the web."""
    if given is not None:
        extractors.check_inception(given)
        return given
    path = Path(torch.hub.get_dir()) / "checkpoints" / extractors.INCEPTION_FILE
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(
                URL_INCEPTION_V3, str(path), hash_prefix=extractors.INCEPTION_SHA256
            )
        except (URLError, RuntimeError, TimeoutError, ConnectionError) as error:
            raise errors.InputError(
                "Inception's weights cannot be downloaded"
                f" ({errors.first_line(error)}). Download {URL_INCEPTION_V3} elsewhere"
                " and give the file with --inception_weights=PATH, or take another"
                " --extractor, such as authors_svhn."
            ) from None
    extractors.check_inception(path)
    return path


class _Pictures(Dataset):
    """Images as torch-fidelity takes them: uint8 (3, height, width), one by one.

    They are asked for in their order and read a block at a time. Grey becomes three
    channels.
    """

    def __init__(self, images: Images, stack: contextlib.ExitStack) -> None:
        self._images, self._stack = images, stack
        self._first, self._block = -1, np.empty(0)
        self._advance: progress.Advance | None = None

    def __len__(self) -> int:
        return self._images.num_images

    def __getitem__(self, index: int) -> torch.Tensor:
        first = index - index % _READ_AT_ONCE
        if first != self._first:
            self._read(first)
        return torch.from_numpy(self._block[index - first])

    def _read(self, first: int) -> None:
        if self._advance is None:  # no sooner, since the features may be known already
            self._advance = self._stack.enter_context(
                progress.track(
                    self._images.name, self._images.num_images, unit="images"
                )
            )
        count = min(_READ_AT_ONCE, self._images.num_images - first)
        images = self._images.read(first, count)
        if images.shape[-1] == 1:
            images = images.repeat(3, axis=-1)
        self._block = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        self._first = first
        self._advance(count)


def _register(extractor: Extractor, encode: Encode) -> str:
    """Make an extractor known to torch-fidelity; return its name there."""
    name = f"dcgan_jax-{extractor.digest[:16]}"

    class Discriminator(torch_fidelity.FeatureExtractorBase):
        """A discriminator's features, computed by JAX."""

        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return (_FEATURES,)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            del metric
            return _FEATURES

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            pixels = images.permute(0, 2, 3, 1).numpy()
            return (torch.from_numpy(encode(pixels)),)

    if name not in FEATURE_EXTRACTORS_REGISTRY:
        torch_fidelity.register_feature_extractor(name, Discriminator)
    return name
