"""Parsers of small files that are handed on, and of what long commands go on from."""

import dataclasses
import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax import config as configs, models, presets
from dcgan_jax.prepare.faces import log as face_log
from dcgan_jax.runs import folder as run_dir
from experiments.faults import fuzz_stores, hostile_files, mutations
from experiments.faults.hostile_files import Files, Parser

_IDENTITY = {"weights": "a", "num": 3}


def boxes_and_picks(folder: Path) -> Parser:
    """Files of boxes, COCO's too, and of picks."""
    del folder
    from dcgan_jax.latent import boxes, picks

    own = {
        "version": 1, "seed": 5, "image_size": 32, "step": 7,
        "boxes": [{"sample": n, "box": [n, 2.5, 10, 4]} for n in range(3)],
    }  # fmt: skip
    coco = {
        "images": [{"id": 9, "file_name": "g/03.png", "width": 64, "height": 64}],
        "annotations": [{"image_id": 9, "category_id": 2, "bbox": [2, 5, 9, 8]}],
        "categories": [{"id": 2, "name": "window"}, {"id": 6, "name": "bed"}],
    }  # fmt: skip
    groups = {name: [n, n + 5] for n, name in enumerate(picks.ARITHMETIC)}
    about = {
        "generator": "ab" * 32,
        "run": "faces",
        "step": 4,
        "seed": 0,
        "label": None,
    }
    picked = {"format": picks.FORMAT, **about, "groups": groups}
    seeds = [own, coco, picked]

    def draw(chance: random.Random) -> Files:
        value = chance.choice(seeds)
        name = "picks.json" if value is picked else "boxes.json"
        return {name: mutations.harm_json(chance, value)}

    def read(given: Path, work: Path) -> None:
        del work
        (path,) = given.iterdir()
        if path.stem == "picks":
            picks.check_generator(picks.read_picks(path), path, digests=["ab" * 32])
            return
        found = boxes.read_boxes(path)
        boxes.check_step(found, 7)
        boxes.fit_boxes(found, image_size=32, num_samples=64)

    valid = [{"boxes.json": json.dumps(own).encode()}]
    valid += [{"picks.json": json.dumps(picked).encode()}]
    return Parser(draw, valid, read)


def authors_files(folder: Path) -> Parser:
    """The authors' numbered arrays; of half of the harmed ones git's id is right."""
    del folder
    from dcgan_jax.runs import authors_files as parser

    rng = np.random.default_rng(0)
    seeds = [
        hostile_files.encode_array(array)
        for array in (rng.normal(size=(3, 4, 5, 5)), np.float32(rng.normal(size=6)))
    ]
    ids = {_blob_id(content) for content in seeds}

    def draw(chance: random.Random) -> Files:
        content = mutations.harm_bytes(chance, chance.choice(seeds), seeds)
        known = chance.choice((_blob_id(content), min(ids)))
        return {"net/a_01.npy": content, "id": known.encode()}

    def read(given: Path, work: Path) -> None:
        del work
        known = (given / "id").read_text()
        for array in parser.read_numbered_arrays(
            "net", "a", [known], weights_dir=given
        ):
            if array.dtype != np.float32:
                raise TypeError(str(array.dtype))

    valid = [{"net/a_01.npy": c, "id": _blob_id(c).encode()} for c in seeds]
    return Parser(draw, valid, read)


def safetensors(folder: Path) -> Parser:
    """An exported generator: header, arrays, and the config among its metadata."""
    from dcgan_jax.runs import safetensors_file as parser

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    params = {"dense": {"kernel": rng.normal(size=(4, 3)).astype(np.float32)}}
    variables = {"params": params, "batch_stats": {"mean": np.zeros(3, np.float32)}}
    parser.save_network(folder / "g.safetensors", variables, presets.DIGITS, step=3)
    seed = (folder / "g.safetensors").read_bytes()
    size = int.from_bytes(seed[:8], "little")
    header, arrays = json.loads(seed[8 : 8 + size]), seed[8 + size :]
    config = json.loads(header["__metadata__"]["config"])

    def draw(chance: random.Random) -> Files:
        new = json.loads(json.dumps(header))
        how = chance.randrange(4)
        if how == 0:
            return {"g.safetensors": mutations.harm_bytes(chance, seed, [seed])}
        if how == 1:
            text = mutations.harm_json(chance, new)
        else:
            written = mutations.harm_json(chance, config).decode("utf-8", "replace")
            new["__metadata__"]["config"] = written
            if how == 2:
                name = chance.choice(list(new))
                new[name] = mutations.change(chance, new[name])
            text = mutations.write_json(chance, new)
        content = len(text).to_bytes(8, "little") + text + arrays
        return {"g.safetensors": content}

    def read(given: Path, work: Path) -> None:
        del work
        found, step, _ = parser.read_network(given / "g.safetensors")
        if not isinstance(step, int):
            raise TypeError(str(step))
        models.make_pair(found)

    return Parser(draw, [{"g.safetensors": seed}], read)


def run_files(folder: Path) -> Parser:
    """A run's config and log."""
    del folder
    config = configs.to_json(presets.DIGITS)
    config["data_fingerprint"] = "ab"
    rows = [
        {"step": step, "d_loss": 1.5, "g_loss": 0.7, "d_real": 0.5, "d_fake": 0.4,
         "images_per_second": 99.0, "seconds": 1.0, "epoch": 0.1}
        for step in (10, 20, 30)
    ]  # fmt: skip
    texts = [json.dumps(row).encode() for row in rows]

    def draw(chance: random.Random) -> Files:
        lines, written = list(texts), json.dumps(config).encode()
        if chance.random() < 0.6:
            written = mutations.harm_json(chance, config)
        else:
            number = chance.randrange(len(lines))
            lines[number] = mutations.harm_json(chance, rows[number])
        log = b"".join(line + b"\n" for line in lines)
        if chance.random() < 0.2:
            log = mutations.harm_bytes(chance, log)
        return {run_dir.CONFIG: written, run_dir.METRICS: log}

    def read(given: Path, work: Path) -> None:
        shutil.copytree(given, work)
        run_dir.cut_metrics(work, step=25)
        kept = run_dir.read_metrics(work)
        if not all(row["step"] <= 25 for row in kept):
            raise TypeError("later rows were kept")
        models.make_pair(run_dir.read_config(given))
        run_dir.read_metrics(given)

    log = b"".join(line + b"\n" for line in texts)
    valid = {run_dir.CONFIG: json.dumps(config).encode(), run_dir.METRICS: log}
    return Parser(draw, [valid], read)


def resumed_files(folder: Path) -> Parser:
    """What long commands go on from: features, counts, hashes, a log of faces."""
    from dcgan_jax.evaluate import nearest_neighbour
    from dcgan_jax.features import feature_file
    from dcgan_jax.prepare.dedup import find
    from dcgan_jax.visualize import run_modes

    shape = feature_file.Shape(40, 3, "float32")
    rows = np.arange(120, dtype=np.float32).reshape(40, 3)
    plan = face_log.SearchPlan("ab", "train", "c", 20, 0.3, 5)
    feature_file.make(
        folder / "features", lambda a, b: rows[a:b], shape, identity=_IDENTITY
    )
    valid = fuzz_stores.read_files(folder)
    note = json.loads(valid["features/manifest.json"])
    about = {**note, "blocks": []}
    valid["half/features.npy"] = valid["features/features.npy"]
    valid["half/unfinished.json"] = json.dumps(about).encode()
    valid["count.npz"] = _encode_npz(
        done=9, distances=np.zeros(4, np.uint32), rows=np.zeros(4, np.int32),
        marks=np.array([5]), errors=np.array([50.0]),
    )  # fmt: skip
    valid["modes.npz"] = _encode_npz(gen=np.ones((4, 3)), disc=np.ones((4, 3)))
    valid["codes.npy"] = hostile_files.encode_array(np.zeros((4, 16), np.uint8))
    faces = [
        {"photo": "a", "faces": [{"crop": [1, 2, 30]}]},
        {"photo": "b", "broken": "x"},
    ]
    lines = [dataclasses.asdict(plan), *faces]
    valid["log/faces.jsonl"] = b"".join(json.dumps(x).encode() + b"\n" for x in lines)

    def draw(chance: random.Random) -> Files:
        name = chance.choice(list(valid))
        content = valid[name]
        kind = name.partition("/")[0]
        files = {other: valid[other] for other in valid if other.startswith(kind)}
        if name.endswith(".json"):
            files[name] = mutations.harm_json(chance, json.loads(content))
        elif name.endswith(".jsonl") and chance.random() < 0.8:
            harmed = [json.dumps(line).encode() for line in lines]
            number = chance.randrange(3)
            harmed[number] = mutations.harm_json(chance, lines[number])
            files[name] = b"".join(line + b"\n" for line in harmed)
        else:
            files[name] = mutations.harm_bytes(chance, content, [*valid.values()])
        return files

    def read_features(path: Path) -> None:
        feature_file.make(path, lambda a, b: rows[a:b], shape, identity=_IDENTITY)

    def read_log(path: Path) -> None:
        with face_log.open_log(path, plan) as log:
            log.append([faces[0]])

    readers: dict[str, Callable[[Path], object]] = {
        "features": read_features,
        "half": read_features,
        "log": read_log,
        "count.npz": lambda path: nearest_neighbour.read_count(path, 4),
        "modes.npz": run_modes.read_modes,
        "codes.npy": lambda path: find.read_codes(path, 4),
    }

    def read(given: Path, work: Path) -> None:
        shutil.copytree(given, work)
        for name, reader in readers.items():
            if (work / name).exists():
                reader(work / name)

    return Parser(draw, [valid], read)


def _encode_npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _blob_id(content: bytes) -> str:
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


PARSERS = {
    "boxes_and_picks": boxes_and_picks,
    "authors_files": authors_files,
    "safetensors": safetensors,
    "run_files": run_files,
    "resumed_files": resumed_files,
}
