"""Parsers of the images that others give: encoded files, archives, LMDB, arrays."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import transforms
from dcgan_jax.prepare import sources
from dcgan_jax.system.errors import BrokenImage
from experiments.faults import hostile_files, mutations
from experiments.faults.hostile_files import Files, Parser

_FILE = "file"
# Read from what is found: enough to touch every kind of record.
_MAX_RECORDS = 60
_SUFFIXES = ("", "", "", ".gz", ".bz2", ".xz")


def images(folder: Path) -> Parser:
    """Encoded images of ten formats, decoded and brought to one size."""
    del folder
    valid = hostile_files.encode_images()
    *bombs, slow_bomb = hostile_files.make_bombs()
    seeds = [*valid, *bombs]

    def draw(chance: random.Random) -> Files:
        if chance.getrandbits(10) == 613:  # seldom: it takes a second
            return {_FILE: slow_bomb}
        content = mutations.harm_bytes(chance, chance.choice(seeds), seeds)
        if content.startswith(b"\x89PNG") and chance.random() < 0.7:
            content = mutations.mend_png(content)
        return {_FILE: content}

    def read(given: Path, work: Path) -> None:
        del work
        content = (given / _FILE).read_bytes()
        for channels in (1, 3):
            target = transforms.Transform(28, channels, upscale=True)
            pixels = transforms.apply(content, target)
            if (pixels.shape, pixels.dtype) != ((28, 28, channels), np.uint8):
                raise TypeError(f"{pixels.dtype} {pixels.shape}")

    return Parser(
        draw,
        [{_FILE: content} for content in valid],
        read,
        (BrokenImage,),
    )


def archives(folder: Path) -> Parser:
    """Zips and tars, plain and compressed, of files and of what else they can hold."""
    del folder
    picture = hostile_files.encode(np.zeros((4, 4, 3), np.uint8), "PNG")
    zips = [hostile_files.make_zip(picture, method) for method in (0, 8, 12, 14)]
    tars = [hostile_files.make_tar(picture, kind) for kind in (0, 1, 2)]
    valid = [
        *({"x.zip": content} for content in zips),
        *({"x.tar": content} for content in tars),
        {"x.tar.gz": hostile_files.compress(tars[0], ".gz")},
    ]

    def draw(chance: random.Random) -> Files:
        if chance.random() < 0.5:
            content = chance.choice(
                [*zips, hostile_files.make_odd_zip(chance, picture)]
            )
            return {"x.zip": mutations.harm_bytes(chance, content, zips)}
        content = chance.choice([*tars, hostile_files.make_odd_tar(chance, picture)])
        if chance.random() < 0.9:
            content = hostile_files.mend_tar(
                mutations.harm_bytes(chance, content, tars)
            )
        suffix = chance.choice(_SUFFIXES)
        content = hostile_files.compress(content, suffix)
        if suffix and chance.random() < 0.5:
            content = mutations.harm_bytes(chance, content)
        return {f"x.tar{suffix}": content}

    return Parser(draw, valid, read_source)


def lmdb(folder: Path) -> Parser:
    """LMDBs of short and long values, in one leaf page and in many."""
    values = [
        {f"{n:040x}".encode(): bytes([n % 256]) * size for n in range(count)}
        for count, size in ((0, 0), (3, 20), (5, 9000), (200, 700), (400, 40))
    ]
    seeds = [
        hostile_files.make_lmdb(folder / str(number), content)
        for number, content in enumerate(values)
    ]

    def draw(chance: random.Random) -> Files:
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 4))):
            # The headers of pages and the pointers that follow them.
            start = chance.randrange(0, max(1, len(content)), 4096)
            start += chance.choice((0, 8, 10, 12, 14, *range(16, 170, 2)))
            size = chance.choice((2, 2, 4, 8))
            pages = range(len(content) // 4096 + 2)
            number = chance.choice((*mutations.WILD_NUMBERS, *pages)) % 256**size
            content[start : start + size] = number.to_bytes(size, "little")
        if chance.random() < 0.5:
            content[:] = mutations.harm_bytes(chance, bytes(content), seeds)
        return {"db/data.mdb": bytes(content)}

    valid = [{"db/data.mdb": content} for content in seeds[1:]]
    return Parser(draw, valid, read_source)


def arrays(folder: Path) -> Parser:
    """Files of numpy.save and numpy.savez, with all kinds of numbers and headers."""
    seeds = hostile_files.make_arrays()
    valid = [{"x.npy": content} for content in seeds]
    valid += [{"x.npz": hostile_files.make_npz(seeds[0], method)} for method in (0, 8)]
    objects = hostile_files.encode_array(
        np.array([_Payload(folder)], object), allow_pickle=True
    )

    def draw(chance: random.Random) -> Files:
        content = chance.choice([*seeds, objects])
        if chance.random() < 0.3:
            content = hostile_files.write_npy(chance)
        content = mutations.harm_bytes(chance, content, seeds)
        if chance.random() < 0.6:
            return {"x.npy": content}
        content = hostile_files.make_npz(content, chance.choice((0, 8)))
        if chance.random() < 0.5:
            content = mutations.harm_bytes(
                chance, content, [hostile_files.make_npz(seeds[0], 8)]
            )
        return {"x.npz": content}

    return Parser(draw, valid, read_source)


class _Payload:
    """What writes a file where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.parent / "inputs" / "escaped"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self._path,)


def read_source(given: Path, work: Path) -> None:
    """Open what lies in the folder as --source, and read its records."""
    (path,) = given.iterdir()
    config = DataConfig(dataset="folder", source=path, image_size=28, channels=3)
    source = sources.open_source(config, work)
    try:
        for index in range(min(len(source), _MAX_RECORDS)):
            try:
                name, content, label = source[index]
            except BrokenImage as error:
                if not str(error):
                    raise TypeError("broken without a reason") from error
                continue
            if not isinstance(name, str) or not isinstance(label, int | None):
                raise TypeError(f"{name!r} {label!r}")
            if not isinstance(content, bytes):
                transforms.apply(content, transforms.Transform(28, 3, upscale=True))
    finally:
        source.close()


PARSERS = {
    "images": images,
    "archives": archives,
    "lmdb": lmdb,
    "arrays": arrays,
}
