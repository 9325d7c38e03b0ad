"""Complete recipes by name; every number carries its source.

Sources: § is a section of Radford, Metz & Chintala 2015 (arXiv 1511.06434v2); file:line
is the authors' code (Newmu/dcgan_code, commit ee12b2d); `ours` marks a choice of this
project, with its reason.
"""

import dataclasses
import difflib

from dcgan_jax import errors
from dcgan_jax.config import AdamConfig, TrainConfig

_PAPER_ADAM = AdamConfig(
    learning_rate=2e-4,  # §4
    b1=0.5,  # §4
    b2=0.999,  # authors' lib/updates.py, Adam.__init__
    epsilon=1e-8,  # authors' lib/updates.py, Adam.__init__
    l2=1e-5,  # authors' code only, faces/train_uncond_dcgan.py:37
    decay_fraction=0.0,  # §4 names no schedule
)

LSUN_BEDROOM = TrainConfig(
    dataset="lsun_bedroom",
    image_size=64,  # §4.1, Fig. 1
    channels=3,
    architecture="dcgan64",  # Fig. 1
    input_bias=False,  # faces/train_uncond_dcgan.py:108-131
    latent_size=100,  # Fig. 1
    latent_distribution="uniform",  # Fig. 1
    loss="non_saturating",  # faces/train_uncond_dcgan.py:136-152
    num_d_steps=1,  # faces/train_uncond_dcgan.py:36
    batch_size=128,  # §4
    num_epochs=5,  # Fig. 3
    adam=_PAPER_ADAM,
    checkpoint_every_steps=2000,  # ours: under 10 minutes of work on one GPU
)

CELEB_A = dataclasses.replace(
    LSUN_BEDROOM,
    dataset="celeb_a",  # ours: stands in for §4.2's faces, which were never released
    num_epochs=25,  # faces/train_uncond_dcgan.py:47
)

IMAGENET32 = dataclasses.replace(
    LSUN_BEDROOM,
    dataset="imagenet32",  # §4.3
    image_size=32,  # §4.3
    architecture="imagenet32",  # imagenet/load_pretrained.py:46-67
    latent_size=256,  # imagenet/load_pretrained.py, nz
    num_epochs=30,  # the released parameters are those of epoch 30 (their file names)
)

CIFAR10 = dataclasses.replace(
    IMAGENET32,
    dataset="cifar10",  # ours: the paper never trains on CIFAR-10
    num_epochs=100,  # ours: 39,000 steps; about what published CIFAR-10 DCGANs run
)

SVHN = TrainConfig(
    dataset="svhn",
    image_size=32,  # svhn/svhn_semisup_analysis.py:94
    channels=3,
    architecture="svhn32",  # svhn/svhn_semisup_analysis.py:94-99
    input_bias=False,  # svhn/svhn_semisup_analysis.py:94-99
    latent_size=100,  # name of the released folder: 100z
    latent_distribution="normal",  # name of the released folder: gaussian
    loss="non_saturating",  # faces/train_uncond_dcgan.py:136-152
    num_d_steps=1,  # faces/train_uncond_dcgan.py:36
    batch_size=64,  # name of the released folder: 64mb
    num_epochs=200,  # the released parameters are those of epoch 200
    adam=dataclasses.replace(
        _PAPER_ADAM,
        learning_rate=5e-4,  # name of the released folder: lr_0.0005
    ),
)

DIGITS = TrainConfig(
    dataset="digits",  # ours: scikit-learn ships these images, so no download is needed
    image_size=32,  # ours: 8×8 scans enlarged to the nets' smallest common size
    channels=1,
    upscale=True,  # ours: the scans are 8×8
    architecture="small",  # ours: two or three blocks suffice for digits
    input_bias=True,  # ours: without it the digits come out grey on grey
    width_multiplier=0.5,  # ours: so that the run takes 3 minutes on two CPU cores
    latent_size=100,  # Fig. 1
    latent_distribution="uniform",  # Fig. 1
    loss="non_saturating",  # as faces/train_uncond_dcgan.py:136-152
    num_d_steps=1,  # as faces/train_uncond_dcgan.py:36
    batch_size=64,  # ours: more updates in the same time than with 128
    num_epochs=60,  # ours: 1,680 steps
    adam=dataclasses.replace(
        _PAPER_ADAM,
        learning_rate=5e-4,  # ours: as the svhn recipe, whose batch and net are alike
    ),
    log_every_steps=20,
    sample_every_steps=200,
    checkpoint_every_steps=400,
)

MNIST = dataclasses.replace(
    DIGITS,
    dataset="mnist",
    image_size=28,
    upscale=False,
    width_multiplier=1.0,  # ours: 60,000 images carry the whole small net
    batch_size=128,  # §4
    num_epochs=25,  # ours: samples no longer improve by eye
    adam=_PAPER_ADAM,
    log_every_steps=50,
    sample_every_steps=500,
    checkpoint_every_steps=500,
)

FASHION_MNIST = dataclasses.replace(MNIST, dataset="fashion_mnist")

# A user's own images: the net follows the image size (see `find`).
FOLDER = dataclasses.replace(
    LSUN_BEDROOM,
    dataset="folder",
    input_bias=True,  # ours: keeps the contrast that the images have
    num_epochs=25,  # faces/train_uncond_dcgan.py:47
    checkpoint_every_steps=500,
)
ARRAYS = dataclasses.replace(FOLDER, dataset="arrays")
TFDS = dataclasses.replace(FOLDER, dataset="tfds:")

PRESETS = {
    preset.dataset: preset
    for preset in (
        DIGITS, MNIST, FASHION_MNIST, CIFAR10, SVHN, IMAGENET32, CELEB_A, LSUN_BEDROOM,
        FOLDER, ARRAYS,
    )
}  # fmt: skip


def check_name(kind: str, name: str, known: list[str]) -> None:
    """Raise an error with a suggestion unless `name` is among `known`.

    Raises:
        InputError: naming the closest known name and all of them.
    """
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise errors.InputError(
        f"unknown {kind} {name!r}{hint} Known: {', '.join(sorted(known))}"
    )


def find(dataset: str, preset: str | None, *, image_size: int | None) -> TrainConfig:
    """Return the recipe for a data set, or the named one applied to it.

    Args:
        dataset: a preset's name, `folder`, `arrays`, or `tfds:NAME[/CONFIG]`.
        preset: a recipe to use in place of the data set's own.
        image_size: side in pixels if the user asked for one; a user's own images of up
            to 32 pixels take the small net.

    Raises:
        InputError: if a name is unknown.
    """
    if not (dataset.startswith("tfds:") and len(dataset) > len("tfds:")):
        check_name("dataset", dataset, [*PRESETS, "tfds:NAME"])
    if preset is not None:
        check_name("preset", preset, list(PRESETS))
        return dataclasses.replace(PRESETS[preset], dataset=dataset, preset=preset)
    if dataset.startswith("tfds:"):
        base = dataclasses.replace(TFDS, dataset=dataset)
    else:
        base = PRESETS[dataset]
    own_images = dataset in ("folder", "arrays") or dataset.startswith("tfds:")
    if own_images and image_size is not None and image_size <= 32:
        return dataclasses.replace(base, architecture="small")
    return base
