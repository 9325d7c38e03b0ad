"""The authors' released parameters: Theano arrays → our parameter trees.

Newmu/dcgan_code (MIT) keeps every parameter as a numbered `.npy` file, in the order of
the arguments of its `gen` and `discrim` functions. Theano convolves with kernels
flipped in both directions and lays maps out as (channels, rows, columns).
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import models, presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.models.pair import SHAPES
from dcgan_jax.runs import authors_files

Params = dict[str, Any]


class Release(NamedTuple):
    """A pair of networks that the authors released.

    Attributes:
        folder: the folder below `models/` of their repository.
        gen_stem: how the names of the generator's files begin, before the number.
        disc_stem: how those of the discriminator's begin.
        preset: the recipe whose networks they are.
        gen_blobs: git's ids of the contents of the generator's files, in order.
        disc_blobs: those of the discriminator's files.
    """

    folder: str
    gen_stem: str
    disc_stem: str
    preset: str
    gen_blobs: tuple[str, ...]
    disc_blobs: tuple[str, ...]


# git's ids of the contents of the files, in order
_SVHN_GEN = """
3163321831fc55956e7885bcdd4daaf25a070923 a0b1ea4c315c5eb14e011a0fc512c7838bdb6e8c
0e3881514593ed1ec0927c62da292d6086afcf19 8b357b98c60a771fac07fd611b95c1934792fdec
d0bc9b6e8ae86d4a9d9ec770a729f5990ad4e781 bb0e4a2f90f18a7bc6ec926080b4407124bf662b
7a3b3ef33055653aae84055d0962ac0f1df0d3a4 9dd5b1f23e920acd94a7e567376be2780f0d1a20
16b0850fa486a048f48bbde7d6ff0c0e0b49f115 a2cdc19b66a3e74a0131a63e396fcc77981f539f
"""
_SVHN_DISC = """
6abd15f9848704a32062c2ebe11768ecc6052828 a1422b087c898de5fa822071567b4712a6fed842
6b3d7ea696ccc12d74727037f990c8a2f3694448 be84039da950483c04d477d9a523141bec5ce658
0f2e50b7370df8ffc7b670a4d8c9bccbe253e4c7 07ba3eb2cb1f9bffc2d32e8e31166f1007ed1153
f001e5393f1c08a53a7679d7acda943c77421f2b 71a690d2ff6072a703950978bcc0daa3e1c7c9d6
"""
_IMAGENET_GEN = """
698d5dc9f8c29fa04a288ebff77bef4785edc745 63c5a467cc51b475efc8c71d80994ee6d9acddfd
e287a31f756ca530fd47cfe8f6f50051c08b27e0 5a820bf0c8411310f011318e348b2e7a724c89b9
e8ddb3f2ddfa523894852d928dc7456a95de6644 a27aa1ca96ef0521628e2299fbefc42b926ab096
1465444bba47457c3cdb7737ee0d7bf9f36b7348 44c5f6f90630d2332ab3fcbefb6a362b6d0dee48
d4e57598a76f6e505df65e179771e0cdc44aa3a7 dd34a3cccf07868af1aa27c2d14b084b1e91011c
0870bca1b33c4018609fed8d266092b932b8bb9e 14b1473d1531270f8c9c0c831738027c502e4c1a
beea3ba6a82f59dd6408f08191a53daa9e2c9c84 a20eb1327b777649b206b9b6388e9cac2a470ebf
6e9b91545d24d3f56a1bddc5279e23d9e59848a5 8b1b221320caac79d605aca37249bb01a738b542
c6621dc16d874ee4fd9df80e0978e022e4cc5d5e 6049ba46d077e12e5aa926d90eade23fd68c3548
1bdd03cd49d6cb0bb07e0d23767931de3797d2a4
"""
_IMAGENET_DISC = """
965d83549999fb22549f707a6087ffccac2f44d9 ad3a3ba039fc2853688ba9ab567d268ac8a2a7ce
f4ea0b943b0c062b8df6ad82ac8ca200927fe5db 1c27a7ce858c7075b73d3fecd3cee0a7251b120e
047acaca6962dbd91e0dcb0ddc320813458b6b7d 7675ba99c010806bf9767dba2857e21beffe9407
67b6e86ee62324e1b57ae6387b1d92793bb7f474 377119a21d5e1fc10150a25f5dda8142bf517785
9dd507761c17c6e9ff16898b1ede7cedb25c41fe cad51ebbebe330ab0893d4a2668ac23cfb798397
0642725aad9368c013e5a9e87c5bc4a2f79c053d 387f26cf5652b89f5936baa611f70d8a11454016
49afb0bd753dded6d7ab525aafffe835a3f6b721 5837e827793efc86e9db1ec515f56cc0bd12b0ed
59b9592293d391507ebf507763c5cbe7faa4d956 a9dfc7881d2d87e177e5b8c317ab9b676dbd6e3d
289c215dc387b79ea13ac9dad8da513253a277a2
"""
SVHN = Release(
    folder="svhn_unsup_all_conv_dcgan_100z_gaussian_lr_0.0005_64mb",
    gen_stem="200_gen_params.jl",
    disc_stem="200_discrim_params.jl",
    preset="svhn",
    gen_blobs=tuple(_SVHN_GEN.split()),
    disc_blobs=tuple(_SVHN_DISC.split()),
)
IMAGENET = Release(
    folder="imagenet_gan_pretrain_128f_relu_lrelu_7l_3x3_256z",
    gen_stem="30_gen_params.jl",
    disc_stem="30_discrim_params.jl",
    preset="imagenet32",
    gen_blobs=tuple(_IMAGENET_GEN.split()),
    disc_blobs=tuple(_IMAGENET_DISC.split()),
)
RELEASES = {"authors_svhn": SVHN, "authors_imagenet": IMAGENET}


def read_generator(release: Release, weights_dir: Path | None) -> Params:
    """Read a released generator's parameters.

    Args:
        release: `SVHN` or `IMAGENET`.
        weights_dir: the folder of the `.npy` files, or one that holds that folder;
            None: a cache, into which they are downloaded.

    Returns:
        `params` for the generator of `release_config`. There are no batch statistics:
        the authors normalise by the batch even while sampling.

    Raises:
        MissingInputError: if a file is missing in `weights_dir`.
        InputError: if a file is damaged or cannot be downloaded.
    """
    config = release_config(release)
    arrays = authors_files.read_numbered_arrays(
        release.folder, release.gen_stem, release.gen_blobs, weights_dir=weights_dir
    )
    base_size, _ = SHAPES[config.image_size]
    dense = next(arrays)
    params: Params = {
        "project": {
            "dense": {"kernel": _rows_last(dense, base_size)},
            "bn": {
                "gain": _rows_last(next(arrays), base_size),
                "offset": _rows_last(next(arrays), base_size),
            },
        }
    }
    convolutions = models.make_generator(config).convolutions
    for index in range(len(convolutions)):
        # Theano's (inputs of the layer, outputs, …): those of the strided convolution
        # that it transposes are (outputs, inputs), as our kernels have them.
        params[f"conv{index}"] = {"kernel": _kernel(next(arrays))}
        if index < len(convolutions) - 1:
            params[f"bn{index}"] = {"gain": next(arrays), "offset": next(arrays)}
    return params


def read_discriminator(
    release: Release, weights_dir: Path | None, *, num_layers: int | None = None
) -> Params:
    """Read a released discriminator's parameters; see `read_generator`.

    Args:
        release: `SVHN` or `IMAGENET`.
        weights_dir: as in `read_generator`.
        num_layers: the number of convolutions to read, from as few files as that
            takes; there is then no `logit`. None reads all.
    """
    config = release_config(release)
    depth = len(models.make_discriminator(config).convolutions)
    wanted = depth if num_layers is None else num_layers
    whole = wanted == depth
    num_arrays = len(release.disc_blobs) if whole else 1 + 3 * (wanted - 1)
    arrays = authors_files.read_numbered_arrays(
        release.folder,
        release.disc_stem,
        release.disc_blobs[:num_arrays],
        weights_dir=weights_dir,
        hint=", or use the first layers alone (--num_layers)" if wanted > 1 else "",
    )
    params: Params = {}
    for index in range(wanted):
        params[f"conv{index}"] = {"kernel": _kernel(next(arrays))}
        if index > 0:
            params[f"bn{index}"] = {"gain": next(arrays), "offset": next(arrays)}
    if whole:
        base_size, _ = SHAPES[config.image_size]
        logit = next(arrays)
        params["logit"] = {"dense": {"kernel": _rows_last(logit.T, base_size).T}}
    return params


def release_config(release: Release) -> TrainConfig:
    """Return the recipe whose networks take a release's parameters.

    They were trained in float32.
    """
    return dataclasses.replace(presets.PRESETS[release.preset], precision="float32")


def _kernel(array: np.ndarray) -> np.ndarray:
    """Turn (filters, channels, rows, cols), flipped, to our (rows, cols, in, out)."""
    return np.ascontiguousarray(array[:, :, ::-1, ::-1].transpose(2, 3, 1, 0))


def _rows_last(array: np.ndarray, size: int) -> np.ndarray:
    """Reorder the last axis from channels·rows·columns to rows·columns·channels."""
    lead = array.shape[:-1]
    maps = array.reshape(*lead, -1, size, size)
    return np.moveaxis(maps, -3, -1).reshape(array.shape)
