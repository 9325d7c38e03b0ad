"""Parsers of what training reads and writes: prepared stores and checkpoints."""

import hashlib
import json
import random
from pathlib import Path

import numpy as np

from dcgan_jax.data import kept_rows, manifest, store as stores
from dcgan_jax.data.manifest import Manifest, Shard
from dcgan_jax.prepare import shards
from dcgan_jax.prepare.decode import Decoded
from dcgan_jax.runs import checkpoints
from experiments.faults import hostile_files, mutations
from experiments.faults.hostile_files import Files, Parser

_STORE, _MANIFEST = "store", "store/manifest.json"


def manifests(folder: Path) -> Parser:
    """A store: its manifest, shards, notes of finished shards, list of kept rows."""
    valid = _make_store(folder)
    names = [name for name in valid if "unfinished" not in name]

    def draw(chance: random.Random) -> Files:
        files = dict(valid)
        name = chance.choice([_MANIFEST, _MANIFEST, *valid])
        if name.endswith(".json"):
            files[name] = mutations.harm_json(chance, json.loads(valid[name]))
        else:
            others = [valid[other] for other in names]
            files[name] = mutations.harm_bytes(chance, valid[name], others)
            if "kept_rows" in name and chance.random() < 0.3:
                files[name] = hostile_files.encode_array(_draw_rows(chance))
        if chance.random() < 0.8:
            _sign_store(files)
        return files

    def read(given: Path, work: Path) -> None:
        del work
        path = given / _STORE
        shards.read(path / "unfinished", 0)
        opened = stores.open_store(path, hash_all=True)
        opened.rows(np.arange(len(opened)))
        if opened.labelled and opened.class_names is None:
            raise TypeError("labels without classes")
        chosen = kept_rows.select(opened, path / "dedup")
        chosen.rows(np.arange(len(chosen)))

    return Parser(draw, [valid], read)


def saved_states(folder: Path) -> Parser:
    """A checkpoint: its manifest and the files that orbax wrote."""
    from dcgan_jax.gan.state import NetState, TrainState

    rng = np.random.default_rng(0)

    def make_net() -> NetState:
        params = {"dense": {"kernel": rng.normal(size=(6, 5)).astype(np.float32)}}
        count = {"count": np.int32(3), "mu": params}
        return NetState(params, {"mean": np.zeros(5, np.float32)}, count)

    state = TrainState(np.int32(7), np.int32(0), make_net(), make_net(), {})
    checkpoints.save(folder, state, about={"config": {"a": 1}})
    valid = read_files(folder)
    about = f"step_{7:08d}/{checkpoints.MANIFEST}"

    def draw(chance: random.Random) -> Files:
        files = dict(valid)
        name = chance.choice([about, *files])
        values = json.loads(valid[about])
        if name == about:
            files[name] = mutations.harm_json(chance, values)
        else:
            content = mutations.harm_bytes(chance, files[name], [*valid.values()])
            files[name] = content
        if chance.random() < 0.3:
            _sign_checkpoint(files, about)
        return files

    def read(given: Path, work: Path) -> None:
        del work
        newest = checkpoints.find_newest(given)
        if newest is not None:
            checkpoints.restore(newest, state)

    return Parser(draw, [valid], read)


def read_files(folder: Path) -> Files:
    """Return all files below a folder by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _make_store(folder: Path) -> Files:
    """Write a store of two shards with a list of kept rows and a note."""
    path = folder / _STORE
    (path / "unfinished").mkdir(parents=True)
    (path / "dedup").mkdir()
    written = []
    for number in range(2):
        rows = shards.ShardRows(4, (28, 28, 1))
        images = np.full((4, 28, 28, 1), number, np.uint8)
        labels = np.full(4, number, np.int32)
        rows.fill(
            iter([Decoded(np.arange(4), images, labels, [], [], [], 4)]), lambda n: None
        )
        finished = shards.write(path / "unfinished", number, rows, labelled=True)
        written.append(finished.shard)
    description = Manifest(
        dataset="digits", source=None, split="train", source_fingerprint="ab",
        transform={"image_size": 28, "channels": 1}, shuffle_seed=1, num_images=8,
        class_names=("a", "b"), left_out=(("x.png", "cut short"),),
        shards=tuple(shard for shard in written if isinstance(shard, Shard)),
    )  # fmt: skip
    manifest.write(path, description)
    kept = kept_rows.make(np.array([0, 1, 2, 1, 4, 5, 4, 7]), num_exact=1, settings={})
    fingerprint = stores.open_store(path).fingerprint
    kept_rows.write(path / "dedup", kept, fingerprint=fingerprint)
    return read_files(folder)


def _sign_store(files: Files) -> None:
    """Make the checksums in a harmed store right, as an attacker can."""
    try:
        values = json.loads(files[_MANIFEST])
        for shard in values["shards"]:
            for name in ("images", "labels"):
                content = files[f"{_STORE}/{shard[name]}"]
                shard[f"{name}_sha256"] = hashlib.sha256(content).hexdigest()
        values.pop("manifest_sha256", None)
        text = json.dumps(values, indent=1, ensure_ascii=False)
        values["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        files[_MANIFEST] = json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # it holds nothing that could be signed
    try:
        about = json.loads(files["store/dedup/groups.json"])
        kept = files["store/dedup/kept_rows.npy"]
        about["kept_rows_sha256"] = hashlib.sha256(kept).hexdigest()
        files["store/dedup/groups.json"] = json.dumps(about).encode()
    except (ValueError, TypeError, RecursionError):
        pass


def _sign_checkpoint(files: Files, about: str) -> None:
    try:
        values = json.loads(files[about])
        values.pop("manifest_sha256", None)
        for name in values["sha256"]:
            content = files[f"{about.partition('/')[0]}/{name}"]
            values["sha256"][name] = hashlib.sha256(content).hexdigest()
        digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
        files[about] = json.dumps({**values, "manifest_sha256": digest}).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # it holds nothing that could be signed


def _draw_rows(chance: random.Random) -> np.ndarray:
    kinds = (
        [0, 1, 99], [-1, 2], [], [[0, 1]], [2, 1], [0, 0], [0.5, 1.0], [True, False],
        [2**62, 2**63 - 1], ["a"], 5,
    )  # fmt: skip
    return np.array(chance.choice(kinds))


PARSERS = {
    "manifests": manifests,
    "checkpoints": saved_states,
}
