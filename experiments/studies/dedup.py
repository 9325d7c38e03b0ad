"""§4.1.1: near duplicates that were planted among real images, found again.

python experiments/studies/dedup.py --source=faces-64.zip --second=cifar10-part.zip

Plants copies of 1,000 images each that are compressed again, brightened, or shifted by
a pixel; learns the hashes on all, and counts what collides. Cost: two minutes a data
set on two idle CPU cores. Expected (§4.1.1, by inspection): of those removed less than
1 in 100 wrongly. The picture beside the result shows collisions between images of the
second set that nobody planted; that of the first, which may show people, goes to
--data_dir.
"""

import argparse
import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.config import DataConfig
from dcgan_jax.data import kept_rows, store as stores
from dcgan_jax.prepare import build
from dcgan_jax.prepare.dedup import collisions, find, hashes
from dcgan_jax.prepare.dedup.hashes import Autoencoder, DedupConfig
from experiments import results

INSPECTED = Path(__file__).with_name("dedup_inspected.json")
PLANTED_PER_KIND = 1000
QUALITY, GAIN = 50, 1.15
DISTANCES = (0, 2, 4, 6, 8, 10, 12, 14)
SPEED_ROWS, SPEED_PASSES = 2048, 20
PROTOCOL = (
    f"among the distinct images of a data set, copies of {PLANTED_PER_KIND} random ones"
    f" for each kind (JPEG of quality {QUALITY}; brightened by a factor of {GAIN}, cut"
    " at 255; moved by one pixel of the stored image up, down, left or right, the edge"
    " repeated), all shuffled; the autoencoder learns from all of them without knowing"
    " which is which. recall: share of the copies that are in one group with their"
    " original. precision: share of the removed rows that show the same photograph as"
    " the row kept for them: their original, another copy of it, or a true near"
    " duplicate of it that the data set itself holds. false_positive_rate: share of the"
    " originals that are removed for another photograph when the originals alone are"
    " grouped. What are true near duplicates was judged by eye, as in the paper, of all"
    " pairs of originals that collide within 14 bits, and is listed in"
    " experiments/studies/dedup_inspected.json; a pair that is not there counts as"
    " wrong."
    " num_collisions_of_originals: originals removed, rightly or not, and"
    " precision_uninspected: as if all of them were wrong. by_distance: the same by the"
    " bits in which colliding hashes may differ; 0 is the paper's."
    f" images_per_s: hashes from the store, the fastest of {SPEED_PASSES} passes over"
    f" {SPEED_ROWS} images by the clock; images_per_cpu_s by processor time of all"
    " threads, over all passes"
)


class Planted(NamedTuple):
    """A data set with copies in it.

    Attributes:
        images: uint8 (rows, height, width, channels).
        origins: int (rows,), which image a row is or is a copy of.
        photographs: int (rows,), the first image known to show the same.
        kinds: (rows,) names of the kinds; "" of an original.
    """

    images: np.ndarray
    origins: np.ndarray
    photographs: np.ndarray
    kinds: np.ndarray


def compress(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(buffer))


def brighten(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.rint(image * GAIN), 0, 255).astype(np.uint8)


def shift(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    down, right = ((0, 1), (0, -1), (1, 0), (-1, 0))[rng.integers(4)]
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)], mode="edge")
    height, width = image.shape[:2]
    return padded[1 - down :, 1 - right :][:height, :width]


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "compressed": compress,
    "brightened": brighten,
    "shifted": shift,
}


def find_photographs(images: np.ndarray, pairs: list[list[str]]) -> np.ndarray:
    """Number images so that those of inspected pairs have one number."""
    digests = [hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in images]
    row_of = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    rows = np.array([row_of[digest] for digest in digests])
    for pair in pairs:
        if all(digest in row_of for digest in pair):
            first, second = sorted(rows[row_of[digest]] for digest in pair)
            rows[rows == second] = first
    return rows


def plant(images: np.ndarray, photographs: np.ndarray, seed: int) -> Planted:
    """Add copies of each kind and shuffle."""
    rng = np.random.default_rng(seed)
    parts, origins = [images], [np.arange(len(images))]
    kinds = [""] * len(images)
    for kind, change in KINDS.items():
        picked = rng.choice(len(images), PLANTED_PER_KIND, replace=False)
        parts.append(np.stack([change(images[row], rng) for row in picked]))
        origins.append(picked)
        kinds += [kind] * PLANTED_PER_KIND
    order = rng.permutation(len(kinds))
    return Planted(
        np.concatenate(parts)[order],
        np.concatenate(origins)[order],
        photographs[np.concatenate(origins)[order]],
        np.array(kinds)[order],
    )


def measure(codes: np.ndarray, planted: Planted, *, distance: int) -> dict[str, Any]:
    """Count what collides; the protocol defines each number."""
    leaders = collisions.find_groups(codes, max_distance=distance).leaders
    rows = np.arange(len(leaders))
    own = np.empty(planted.origins.max() + 1, int)
    is_original = planted.kinds == ""
    own[planted.origins[is_original]] = rows[is_original]
    found = leaders == leaders[own[planted.origins]]
    removed = leaders != rows
    same_origin = planted.origins == planted.origins[leaders]
    same_photograph = planted.photographs == planted.photographs[leaders]
    alone = collisions.find_groups(codes[is_original], max_distance=distance).leaders
    of_originals = planted.photographs[is_original]
    return {
        "precision": float(same_photograph[removed].mean()),
        "precision_uninspected": float(same_origin[removed].mean()),
        "recall": float(found[~is_original].mean()),
        "recall_by_kind": {
            kind: float(found[planted.kinds == kind].mean()) for kind in KINDS
        },
        "false_positive_rate": float((of_originals != of_originals[alone]).mean()),
        "num_collisions_of_originals": int((alone != np.arange(len(alone))).sum()),
    }


def measure_speed(store: stores.Store, weights: Autoencoder) -> dict[str, float]:
    """Hash rows of a store again and again."""
    rows = np.arange(min(SPEED_ROWS, len(store)))
    seconds, begin = [], 0.0
    for number in range(SPEED_PASSES + 1):
        if number == 1:  # the first pass compiles
            begin = time.process_time()
        clock = time.perf_counter()
        find.hash_rows(store, weights, rows)
        seconds.append(time.perf_counter() - clock)
    cpu_seconds = time.process_time() - begin
    return {
        "images_per_s": len(rows) / min(seconds[1:]),
        "images_per_cpu_s": len(rows) * SPEED_PASSES / cpu_seconds,
    }


def run(source: Path, image_size: int, flags: argparse.Namespace) -> dict[str, Any]:
    """Plant, learn, count; draw what originals collide."""
    config = DataConfig(
        dataset="folder", source=source, image_size=image_size, channels=3,
        data_dir=flags.data_dir,
    )  # fmt: skip
    store = stores.open_store(build.prepare(config))
    images = store.rows(np.arange(len(store))).images
    inspected = json.loads(INSPECTED.read_text()).get(source.stem, [])
    planted = plant(images, find_photographs(images, inspected), flags.seed)
    path = flags.data_dir / f"dedup-planted-{source.stem}.npy"
    np.save(path, planted.images)
    arrays = DataConfig(
        dataset="arrays", source=path, image_size=image_size, channels=3,
        data_dir=flags.data_dir,
    )  # fmt: skip
    mixed = stores.open_store(build.prepare(arrays))
    how = DedupConfig(seed=flags.seed)
    notes = find.begin(kept_rows.folder_of(arrays), mixed, how)
    weights = find.learn_hashes(mixed, how, notes, show_progress=True)
    # The planted rows, in the order in which they were planted.
    codes = np.concatenate(
        [
            hashes.hash_images(weights, planted.images[start : start + 250])
            for start in range(0, len(planted.images), 250)
        ]
    )
    distance = collisions.choose_distance(codes, max_rate=how.max_rate)
    originals = planted.kinds == ""
    folder = flags.data_dir if source == flags.source else results.FOLDER
    save_collisions(
        codes[originals], planted.images[originals], distance, folder / "hashes.png"
    )
    print(f"{source.name}: {distance} bits", flush=True)
    return {
        **measure(codes, planted, distance=distance),
        **measure_speed(mixed, weights),
        "max_distance": distance,
        "num_originals": len(store),
        "num_planted": PLANTED_PER_KIND * len(KINDS),
        "on_shares_of_bits": np.quantile(
            np.unpackbits(codes, axis=1).mean(axis=0), (0, 0.25, 0.5, 0.75, 1)
        ).tolist(),
        "by_distance": {
            str(bits): measure(codes, planted, distance=bits) for bits in DISTANCES
        },
        "settings": json.loads(json.dumps(vars(how))),
    }


def save_collisions(
    codes: np.ndarray, images: np.ndarray, distance: int, path: Path
) -> None:
    """Draw groups of originals that collide."""
    groups = collisions.find_groups(codes, max_distance=distance)
    kept = kept_rows.make(groups.leaders, num_exact=0, settings={})
    path.parent.mkdir(exist_ok=True)
    find.save_sheet(lambda rows: images[rows], kept, path, seed=0)


def main(argv: Sequence[str]) -> int:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Path, required=True, help="images of 64 pixels or more")
    add("--second", type=Path, help="images of 32 pixels or more")
    add("--data_dir", type=Path, default=Path("data"))
    add("--seed", type=int, default=0)
    flags = parser.parse_args(argv)
    numbers = run(flags.source, 64, flags)
    if flags.second is not None:
        numbers["second"] = {"name": flags.second.stem, **run(flags.second, 32, flags)}
    results.save(
        "dedup",
        what="near duplicates planted among real images, found by 128-bit hashes",
        seed=flags.seed,
        protocol=PROTOCOL,
        numbers=numbers,
    )
    shown = ("precision", "recall", "false_positive_rate", "images_per_s")
    print(", ".join(f"{name} {numbers[name]:.4g}" for name in shown))
    return 0


if __name__ == "__main__":
    cli.run_main(main)
