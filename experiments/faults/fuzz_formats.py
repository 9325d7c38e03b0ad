"""Parsers of files with many images: IDX, CIFAR, STL-10, MATLAB, CSV, Parquet, tar."""

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments.faults import hostile_files, mutations
from experiments.faults.fuzz_sources import read_source
from experiments.faults.hostile_files import Files, Parser

_PIXELS = np.random.default_rng(0).integers(0, 256, (6, 30, 28, 3), np.uint8)
_LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)
_CLASSES = [f"class {number}" for number in range(10)]
_IDX, _CIFAR = "train-images-idx3-ubyte", "cifar-10-batches-bin"


def idx(folder: Path) -> Parser:
    """MNIST's files, plain and packed, alone and with labels and another split."""
    del folder
    images, labels = _encode_idx(_PIXELS[..., 0]), _encode_idx(_LABELS)
    pairs = {_IDX: images, "train-labels-idx1-ubyte": labels}
    test = {"t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels}

    def draw(chance: random.Random) -> Files:
        files = {**pairs, **(test if chance.random() < 0.3 else {})}
        name = chance.choice(list(files))
        files[name] = mutations.harm_bytes(chance, files[name], [images, labels])
        if chance.random() < 0.3:
            files[f"{name}.gz"] = _pack(chance, files.pop(name))
        return {f"mnist/{name}": content for name, content in files.items()}

    valid = [
        {"x-idx3-ubyte": images},
        {f"mnist/{name}": content for name, content in (pairs | test).items()},
        {f"mnist/{name}.gz": gzip.compress(content) for name, content in pairs.items()},
    ]
    return Parser(draw, valid, read_source)


def cifar(folder: Path) -> Parser:
    """CIFAR's binary files in a folder and in a tar."""
    del folder
    planes = np.zeros((6, 3072), np.uint8)
    ten = np.column_stack([_LABELS, planes]).tobytes()
    hundred = np.column_stack([_LABELS, _LABELS, planes]).tobytes()
    names = "\n".join(_CLASSES).encode()
    sets: list[Files] = [
        {"data_batch_1.bin": ten, "test_batch.bin": ten, "batches.meta.txt": names},
        {"train.bin": hundred, "test.bin": hundred, "fine_label_names.txt": names},
    ]

    def draw(chance: random.Random) -> Files:
        files = dict(chance.choice(sets))
        name = chance.choice(list(files))
        files[name] = mutations.harm_bytes(chance, files[name], [ten, names])
        if chance.random() < 0.5:
            return {f"{_CIFAR}/{name}": content for name, content in files.items()}
        content = _pack_tar({f"{_CIFAR}/{n}": content for n, content in files.items()})
        if chance.random() < 0.7:
            content = hostile_files.mend_tar(mutations.harm_bytes(chance, content))
        return {"x.tar.gz": _pack(chance, content)}

    valid = [{f"{_CIFAR}/{n}": content for n, content in s.items()} for s in sets]
    valid.append({"x.tar": _pack_tar({f"{_CIFAR}/{n}": c for n, c in sets[0].items()})})
    return Parser(draw, valid, read_source)


def stl10(folder: Path) -> Parser:
    """STL-10's binary files, and zips of them and of MNIST's."""
    del folder
    pixels = np.zeros((2, 3, 96, 96), np.uint8).tobytes()
    names = "\n".join(_CLASSES).encode()
    own: Files = {
        "train_X.bin": pixels, "train_y.bin": b"\3\1", "class_names.txt": names,
        "test_X.bin": pixels, "test_y.bin": b"\1\3",
    }  # fmt: skip
    mnist = {_IDX: _encode_idx(_PIXELS[..., 0]), "readme.txt": b"x"}

    def draw(chance: random.Random) -> Files:
        files = dict(chance.choice((own, own, mnist)))
        name = chance.choice(list(files))
        files[name] = mutations.harm_bytes(chance, files[name], [pixels, names])
        if files.keys() & own.keys() and chance.random() < 0.5:
            return {f"stl/{name}": content for name, content in files.items()}
        content = _pack_zip(files)
        if chance.random() < 0.5:
            content = mutations.harm_bytes(chance, content)
        return {"x.zip": content}

    valid = [{f"stl/{name}": content for name, content in own.items()}]
    return Parser(
        draw, [*valid, *({"x.zip": _pack_zip(f)} for f in (own, mnist))], read_source
    )


def matlab(folder: Path) -> Parser:
    """SVHN's files, packed and not, and such as hold what is not to be looked into."""
    from scipy import io as library

    del folder
    arrays = {"X": _PIXELS.transpose(1, 2, 3, 0), "y": _LABELS[:, None]}
    odd = {**arrays, "a": {"b": "c"}, "d": np.array([[1], "x"], object)}

    def encode(values: dict[str, object], *, packed: bool) -> bytes:
        buffer = io.BytesIO()
        library.savemat(buffer, values, do_compression=packed)
        return buffer.getvalue()

    seeds = [encode(v, packed=p) for v in (arrays, odd) for p in (False, True)]

    def draw(chance: random.Random) -> Files:
        content = chance.choice(seeds)
        if chance.random() < 0.5:  # within what is packed
            content = _harm_packed(chance, chance.choice(seeds[1::2]))
        return {"x.mat": mutations.harm_bytes(chance, content, seeds)}

    return Parser(draw, [{"x.mat": content} for content in seeds], read_source)


def pixel_csv(folder: Path) -> Parser:
    """Tables of pixels, with a header and without, packed, and FER2013's."""
    del folder
    rows = [
        ",".join(map(str, [label, *pixels.reshape(-1)])) + "\n"
        for label, pixels in zip(_LABELS, _PIXELS[:, :28, :28, 0], strict=True)
    ]
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))]) + "\n"
    faces = [
        f"{label},{' '.join(map(str, pixels.reshape(-1)))},{usage}\n"
        for label, pixels, usage in zip(
            _LABELS,
            _PIXELS[:, :28, :28, 0],
            ("Training", "PublicTest", "PrivateTest") * 2,
            strict=True,
        )
    ]
    tables = ((header, *rows), rows, ("emotion,pixels,Usage\n", *faces))
    seeds = ["".join(part).encode() for part in tables]

    def draw(chance: random.Random) -> Files:
        content = chance.choice(seeds)
        for _ in range(chance.choice((0, 1, 1, 3))):
            fields = content.split(b",")
            odd = (
                b"",
                b"-1",
                b"256",
                b"1e5",
                b"nan",
                b"inf",
                b"x",
                b'"7"',
                b"\n",
                b"9" * 6000,
            )
            fields[chance.randrange(len(fields))] = chance.choice(odd)
            content = b",".join(fields)
        if chance.random() < 0.6:
            content = mutations.harm_bytes(chance, content, seeds)
        if chance.random() < 0.2:
            return {"x.csv.gz": _pack(chance, content)}
        return {"x.csv": content}

    valid = [{"x.csv": content} for content in seeds]
    valid.append({"x.csv.gz": gzip.compress(seeds[0])})
    return Parser(draw, valid, read_source)


def parquet(folder: Path) -> Parser:
    """Parquet of images and labels, packed in every way, with hubs' metadata."""
    import pyarrow
    from pyarrow import parquet as library

    del folder
    encoded = [hostile_files.encode(pixels, "PNG") for pixels in _PIXELS]
    structs = [{"bytes": content, "path": "x.png"} for content in encoded]
    features = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": _CLASSES},
    }

    def encode(images: Sequence[object], metadata: bytes, packing: str) -> bytes:
        table = pyarrow.table({"image": images, "label": _LABELS.astype(np.int64)})
        table = table.replace_schema_metadata({"huggingface": metadata})
        buffer = io.BytesIO()
        library.write_table(table, buffer, compression=packing, row_group_size=4)
        return buffer.getvalue()

    told = {"info": {"features": features}}
    text = json.dumps(told).encode()
    packings = ("NONE", "SNAPPY", "ZSTD", "GZIP")
    seeds = [encode(i, text, p) for i in (encoded, structs) for p in packings]

    def draw(chance: random.Random) -> Files:
        content = chance.choice(seeds)
        if chance.random() < 0.2:
            content = encode(structs, mutations.harm_json(chance, told), "NONE")
        return {"x.parquet": mutations.harm_bytes(chance, content, seeds)}

    return Parser(draw, [{"x.parquet": content} for content in seeds], read_source)


def webdataset(folder: Path) -> Parser:
    """Tars in which a label lies beside each image, one or a folder of shards."""
    del folder
    picture = hostile_files.encode(_PIXELS[0], "PNG")
    description = {"label": 3, "class_name": "x", "id": 7}

    def pack(suffix: str, labels: Sequence[bytes]) -> bytes:
        files = {}
        for number, label in enumerate(labels):
            files[f"a/{number}.png"] = picture
            files[f"a/{number}.{suffix}"] = label
        return _pack_tar(files)

    valid = [pack("cls", [b"3", b"1\n"]), pack("json", [b'{"cls": "x"}'] * 2)]

    def draw(chance: random.Random) -> Files:
        suffix = chance.choice(("cls", "json"))
        labels = [b"3", b"-1", chance.randbytes(5), b"9" * 5000][
            : chance.randrange(1, 5)
        ]
        if suffix == "json":
            labels = [mutations.harm_json(chance, description) for _ in range(3)]
        content = pack(suffix, labels)
        if chance.random() < 0.5:
            content = hostile_files.mend_tar(mutations.harm_bytes(chance, content))
        if chance.random() < 0.4:
            name = chance.choice(("000001.tar", "train-000001.tar", "test-00001.tar"))
            return {"set/train-000000.tar": valid[0], f"set/{name}": content}
        return {"x.tar": content}

    shards = {"set/000000.tar": valid[0], "set/000001.tar": valid[0]}
    return Parser(
        draw, [*({"x.tar": content} for content in valid), shards], read_source
    )


def _encode_idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def _pack(chance: random.Random, content: bytes) -> bytes:
    packed = gzip.compress(content)
    return mutations.harm_bytes(chance, packed) if chance.random() < 0.5 else packed


def _pack_tar(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _pack_zip(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _harm_packed(chance: random.Random, content: bytes) -> bytes:
    """Harm what lies packed in the elements of a MATLAB file, and pack it again."""
    parts, start = [content[:128]], 128
    while start < len(content):
        _, size = struct.unpack_from("<II", content, start)
        inside = zlib.decompress(content[start + 8 : start + 8 + size])
        if chance.random() < 0.7:
            inside = mutations.harm_bytes(chance, inside)
        packed = zlib.compress(inside)
        parts.append(struct.pack("<II", 15, len(packed)) + packed)
        start += 8 + size
    return b"".join(parts)


PARSERS: dict[str, Callable[[Path], Parser]] = {
    "idx": idx,
    "cifar": cifar,
    "stl10": stl10,
    "matlab": matlab,
    "pixel_csv": pixel_csv,
    "parquet": parquet,
    "webdataset": webdataset,
}
