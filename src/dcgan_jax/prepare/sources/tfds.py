"""Data sets by name, built and read by tensorflow-datasets.

Building needs TensorFlow, reading what is built does not. Only `prepare` comes here; a
training process never does.
"""

import importlib.util
import logging
import os
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources.base import Kind, Record, fingerprint_listing
from dcgan_jax.system import disk, errors, surroundings

_FORMAT = "array_record"  # of tfds' formats the one with random access
# What tfds calls the data sets that --dataset knows by a name of their own.
NAMES = {
    "mnist": "mnist",
    "fashion_mnist": "fashion_mnist",
    "cifar10": "cifar10",
    "svhn": "svhn_cropped",
    "celeb_a": "celeb_a",
    "imagenet32": "imagenet2012",
}
_IDX_FILES = (
    "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and both files t10k-… into"
    " a folder, from"
)
_IN = "FOLDER"
_PATIENCE_SECONDS = 10
# Where tfds fetches a data set from, and what.
_FETCHED = {
    "mnist": ("storage.googleapis.com", "MNIST, 11 MB,"),
    "fashion_mnist": (
        "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "Fashion-MNIST, 30 MB,",
    ),
    "cifar10": ("www.cs.toronto.edu", "CIFAR-10, 170 MB,"),
    "svhn_cropped": (
        "ufldl.stanford.edu",
        "train_32x32.mat and test_32x32.mat, 250 MB, and with them extra_32x32.mat,"
        " 1.3 GB, which nothing here reads (a folder with the first two as --source"
        " does without it),",
    ),
}
_OWN_FILES = {
    "celeb_a": (
        "img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        "img_align_celeba.zip",
    ),
    "cifar10": (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "cifar-10-binary.tar.gz",
    ),
    "imagenet32": (
        "ILSVRC2012_img_train.tar from https://image-net.org, unpacked into one folder"
        " per class,",
        "FOLDER",
    ),
    "mnist": (f"{_IDX_FILES} https://storage.googleapis.com/cvdf-datasets/mnist/", _IN),
    "fashion_mnist": (
        f"{_IDX_FILES} http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        _IN,
    ),
    "svhn": (
        "train_32x32.mat and test_32x32.mat from"
        " http://ufldl.stanford.edu/housenumbers/ into a folder",
        _IN,
    ),
}


class TfdsSource:
    """Records of a prepared tfds folder; each process opens it for itself.

    Images stay encoded: all sources are decoded by the same code. Labels are those of a
    class feature named `label`, where there is one.
    """

    def __init__(self, folder: Path, split: str, *, fingerprint: str) -> None:
        self._folder, self._split = folder, split
        self._records: Any = None
        tfds = _import()
        features = dict(tfds.builder_from_directory(folder).info.features.items())
        self._image_key = _choose_image(features, tfds, where=folder)
        self.class_names: tuple[str, ...] | None = None
        if isinstance(features.get("label"), tfds.features.ClassLabel):
            self.class_names = tuple(features["label"].names)
        self.fingerprint = fingerprint
        if len(self) == 0:
            raise errors.InputError(f"{folder} holds no images in split {split!r}")

    def __len__(self) -> int:
        """Return the number of records, as counted in the files."""
        return len(self._open())

    def __getitem__(self, index: int) -> Record:
        """Read one record."""
        fields = self._open()[index]
        label = fields["label"] if self.class_names is not None else -1
        name = f"{self._folder.parent.name} {self._split} {index}"
        # Some test sets have −1 for labels that are kept secret.
        return Record(name, fields[self._image_key], int(label) if label >= 0 else None)

    def close(self) -> None:
        """Drop the open files."""
        self._records = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_records": None}

    def _open(self) -> Any:
        if self._records is None:
            tfds = _import()
            builder = tfds.builder_from_directory(self._folder)
            decoders = {
                key: tfds.decode.SkipDecoding()
                for key, feature in builder.info.features.items()
                if isinstance(feature, tfds.features.Image)
            }
            try:
                self._records = builder.as_data_source(self._split, decoders=decoders)
            except ValueError as error:  # an unknown split
                raise errors.InputError(
                    f"{self._folder}: {_first_line(error)}"
                ) from error
            except NotImplementedError as error:
                raise errors.InputError(
                    f"{self._folder} is not in the format {_FORMAT}; build it with"
                    f" tfds.builder(NAME, file_format={_FORMAT!r})"
                ) from error
        return self._records


def build(config: DataConfig, work_dir: Path) -> TfdsSource:
    """Download and build a data set, unless tfds' own folder has it, and open it.

    Args:
        config: names the split and the data set, by one of `NAMES` or tfds:NAME, with a
            config after a slash if need be.
        work_dir: where it is built anew if tfds' folder has it without random access.

    Raises:
        InputError: if tfds does not know it or cannot get it, or has no TensorFlow.
    """
    name = NAMES.get(config.dataset, config.dataset.removeprefix("tfds:"))
    tfds = _import()
    try:
        root = _find_root(config)
        builder = tfds.builder(name, data_dir=root)
        if not builder.is_prepared():
            _require_tensorflow(name)
            _tell_and_reach(name, Path(builder.data_dir_root) / "downloads")
            builder = tfds.builder(name, file_format=_FORMAT, data_dir=root)
            builder.download_and_prepare()
        elif _FORMAT not in {f.value for f in builder.info.available_file_formats()}:
            _require_tensorflow(name)
            downloads = Path(builder.data_dir_root) / "downloads"
            builder = tfds.builder(name, file_format=_FORMAT, data_dir=work_dir)
            builder.download_and_prepare(download_dir=downloads)
    except errors.InputError:
        raise
    except tfds.core.DatasetNotFoundError as error:
        raise errors.InputError(_explain_unknown(name, tfds)) from error
    except Exception as error:  # every builder fails in its own way
        if isinstance(error, OSError) and disk.is_full(error):
            raise
        raise errors.InputError(_explain_failure(error, config)) from error
    info = builder.info
    entry = f"{info.full_name} {config.split}"
    sizes = [split.num_examples for split in info.splits.values()]
    return TfdsSource(
        Path(builder.data_dir),
        config.split,
        fingerprint=fingerprint_listing([(entry, sum(sizes))]),
    )


def _find_root(config: DataConfig) -> Path | None:
    """Return where tfds keeps data sets; None for its own folder.

    A user without a home has none: tfds would make a folder called `~`.
    """
    if os.environ.get("TFDS_DATA_DIR") or surroundings.has_home():
        return None
    return config.data_dir / "tensorflow_datasets"


def _tell_and_reach(name: str, downloads: Path) -> None:
    """Say what is about to be fetched, and try its address before tfds does.

    Without a network, tfds tries for minutes and says nothing. Files that tfds has
    fetched before, and noted in `downloads`, need none.

    Raises:
        OSError: if the address is not reached within seconds.
    """
    if name not in _FETCHED:
        return
    host, what = _FETCHED[name]
    if any(host in note.read_text() for note in downloads.rglob("*.INFO")):
        return
    print(f"tensorflow-datasets fetches {what} from {host}", file=sys.stderr)
    if not urllib.request.getproxies():  # else the proxy alone reaches it
        socket.create_connection((host, 80), _PATIENCE_SECONDS).close()


def read(folder: Path, split: str) -> TfdsSource:
    """Open a folder that tfds has prepared, as the user's own source.

    Raises:
        InputError: if it is not in array_record format, or lacks an image or the split.
    """
    return TfdsSource(folder, split, fingerprint=fingerprint_folder(folder))


def fingerprint_folder(folder: Path) -> str:
    """Digest the names and sizes of a prepared folder's files."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return fingerprint_listing((path.name, path.stat().st_size) for path in files)


def _import() -> Any:
    # TensorFlow, once imported, would take the whole GPU; nothing here needs one.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # it logs a line when on
    for talkative in ("absl", "urllib3"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    return tfds


def _require_tensorflow(name: str) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise errors.InputError(
            f"building {name} needs TensorFlow, which is not installed: run"
            " pip install 'dcgan-jax[data]', or give your own files with --source=PATH"
        )


def _choose_image(features: Any, tfds: Any, *, where: Path) -> str:
    """Choose the image feature; one named `image` if there are several."""
    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image)
        and not isinstance(feature, tfds.features.LabeledImage)  # a mask
    ]
    if not images:
        raise errors.InputError(
            f"{where} has no image feature; it has: {', '.join(sorted(features))}"
        )
    return "image" if "image" in images else min(images)


def _explain_unknown(name: str, tfds: Any) -> str:
    import difflib

    stem = name.partition("/")[0]
    close = difflib.get_close_matches(stem, tfds.list_builders(), n=1)
    hint = f"; did you mean 'tfds:{close[0]}'?" if close else ";"
    return (
        f"tensorflow-datasets has no data set {name!r}{hint} All are listed at"
        " https://www.tensorflow.org/datasets/catalog/overview"
    )


def _explain_failure(error: Exception, config: DataConfig) -> str:
    what, file_name = _OWN_FILES.get(
        config.dataset, ("its images as a folder, zip or tar", "PATH")
    )
    return (
        f"{config.dataset} cannot be built by tensorflow-datasets"
        f" ({type(error).__name__}: {_first_line(error)}). Get {what} and go on with:"
        f" --dataset={config.dataset} --source={file_name}"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else ""


KIND = Kind(
    words="",
    holds=lambda path: (path / "dataset_info.json").is_file(),
    open=lambda path, config, work_dir: read(path, config.split),
    fingerprint=lambda path, split: fingerprint_folder(path),
    fingerprints_before=lambda path, split: [],
)
