"""The papers' scripts on small nets and made data, as the steps of `all.py --fast`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from experiments.studies import two_part_images

# Folders of pictures and the splits that they hold, by the number of pictures.
NUM_PICTURES = {
    "pictures/train": 320,
    "pictures/test": 100,
    "many": 1100,  # dedup.py plants copies of 1,000 different images
}
SIZE = 64  # pixels
# The recipes on MNIST hold out 10,000 images.
NUM_DIGITS, NUM_TEST_DIGITS = 10_400, 200
LEFT_OUT = {
    "authors_svhn": "it needs the authors' files",
    "authors_imagenet, authors_svhn of the tables": "they need the authors' files",
}


class Step(NamedTuple):
    """A command that must succeed.

    Attributes:
        name: the step's.
        command: what follows `python`.
        makes: files that it must leave, from the folder on.
    """

    name: str
    command: tuple[str, ...]
    makes: tuple[str, ...]


def make_data(folder: Path) -> None:
    """Make pictures of two classes, and digits in MNIST's form; no download.

    `pictures` holds train/ and test/ with a folder a class, `many` more of them;
    `digits.npz` the scans of scikit-learn, enlarged to 28×28, again and again;
    `boxes.json` a box on each of the first samples of a run on the pictures.
    """
    (folder / "results").mkdir(parents=True, exist_ok=True)
    boxes = [{"sample": sample, "box": [8, 8, 16, 16]} for sample in range(12)]
    content = {"version": 1, "seed": 0, "image_size": 32, "boxes": boxes}
    (folder / "boxes.json").write_text(json.dumps(content))
    if (folder / "digits.npz").is_file():
        return
    for seed, (name, count) in enumerate(NUM_PICTURES.items()):
        images, labels = two_part_images.make_images(count, seed=seed)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            place = folder / name / ("ground", "disc")[label]
            place.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BOX)
            picture.save(place / f"{number:04}.png")
    from sklearn.datasets import load_digits

    digits = load_digits()
    scans = np.stack(
        [
            np.asarray(Image.fromarray(np.uint8(scan * 15)).resize((28, 28)))
            for scan in digits.images
        ]
    )
    rows = np.arange(NUM_DIGITS) % (len(scans) - NUM_TEST_DIGITS) + NUM_TEST_DIGITS
    np.savez(
        folder / "digits.npz", x_train=scans[rows], y_train=digits.target[rows],
        x_test=scans[:NUM_TEST_DIGITS], y_test=digits.target[:NUM_TEST_DIGITS],
    )  # fmt: skip


def list_steps(folder: Path) -> list[Step]:
    """Return the steps in an order in which each finds what it needs.

    Args:
        folder: absolute; of the data, runs and results.
    """
    run = folder / "runs" / "pictures"
    data = f"--data_dir={folder / 'data'}"
    pictures = f"--source={folder / 'pictures'}"
    runs = f"--runs={folder / 'runs'}"
    train = [data, "--dataset=folder", pictures]
    digits = [data, f"--source={folder / 'digits.npz'}", runs]
    latent = [f"--run={run}"]
    picks = [folder / "sums.json", folder / "turns.json"]
    narrow = "--width_multiplier=0.0625"
    few = ["--num_trials=1", "--num_epochs=1"]
    by_feature = [data, pictures, *few, "--labels_per_class=70", "--draws=2", "--only"]
    choose = ["-m", "dcgan_jax.latent", "arithmetic", str(run)]
    return [
        _command(
            "train",
            ["-m", "dcgan_jax.train", *train, f"--workdir={run}", "--image_size=32",
             "--width_multiplier=0.125", "--num_steps=20"],
            "runs/pictures/config.json",
        ),
        _script("fig02_one_epoch", [*train, runs, narrow]),
        _script("fig03_five_epochs", [*train, runs, narrow]),
        _script("dedup", [data, f"--source={folder / 'many'}"], folder="studies"),
        _script(
            "table1_cifar10_features",
            [*by_feature, "random_svhn", "own", "own_random", "pixels", "kmeans",
             "neighbours", "supervised_network", f"--run={run}", "--num_centroids=16"],
            result="table1_cifar10_features_pictures",
        ),
        _script(
            "table2_svhn_1000_labels",
            [*by_feature, "random_svhn", "pixels", "neighbours", "supervised_network",
             "--target=folder"],
            result="table2_protocol_on_pictures",
        ),
        _script(
            "probe_moments",
            [str(run), data, pictures, "--labels_per_class=70", "--draws=2"],
            result="probe_pictures_on_pictures",
        ),
        _script("fig04_walk", [*latent, "--film"], picture=".gif"),
        _script("fig05_filters", [str(run), data, "--name=pictures"],
                result="fig05_pictures", picture=".png"),
        _script("fig06_forget", [*latent, f"--boxes={folder / 'boxes.json'}",
                                 "--num_samples=12"], picture=".png"),
        _command(
            "picks of sums",
            [*choose, "--positive=0,1,2", "--negative=3,4,5", "--add=6,7,8",
             f"--out={folder / 'sums.png'}", f"--save_picks={picks[0]}"], "sums.json",
        ),
        _script("fig07_arithmetic", [*latent, f"--picks={picks[0]}"], picture=".png"),
        _command(
            "picks of turns",
            [*choose, "--turn_from=0,1,2,3", "--turn_to=4,5,6,7",
             f"--out={folder / 'turns.png'}", f"--save_picks={picks[1]}"], "turns.json",
        ),
        _script("fig08_turn", [*latent, f"--picks={picks[1]}"], picture=".png"),
        _script(
            "table3_mnist_nearest",
            [*digits, "--num_epochs=2", narrow, "--gan_width_multiplier=0.03125",
             "--num_samples=2000", "--num_gan_samples=1000"],
        ),
        _script("fig09_mnist_samples", [runs], picture=".png"),
        _script("fig10_faces", [*train, runs, narrow, "--num_steps=3"], picture=".png"),
        _script("fig11_imagenet", [*train, runs, narrow, "--num_steps=3"],
                picture=".png"),
        _script("goodfellow_parzen", [*digits, "--num_epochs=1", "--every=2"],
                picture=".png"),
        _script("goodfellow_fig02", ["mnist", f"--run={folder}/runs/goodfellow_mnist"],
                result="goodfellow_fig02_mnist", picture=".png"),
        *_list_rivals(folder),
        _command(
            "paper_figures",
            ["experiments/paper/paper_figures.py", str(run), data,
             f"--picks={picks[0]}", f"--boxes={folder / 'boxes.json'}"],
            "runs/pictures/figures/step_00000020/figures.html",
        ),
    ]  # fmt: skip


def _list_rivals(folder: Path) -> list[Step]:
    """Return the steps of the other systems, on scikit-learn's digits."""
    fast_m1 = ["--num_hidden=50", "--num_latents=10", "--num_m1_steps=100"]
    fast_scores = ["--num_train=400", "--C_grid", "0.001"]
    flags = {
        "infimnist": ["--num_samples=2000", "--num_choosing=1000", "--strengths", "0",
                      "0.5", f"--counts={folder / 'counts'}"],
        "exemplar_cnn": ["--num_exemplars=60", "--num_steps=50", *fast_scores,
                         "--width_multiplier=0.0625"],
        "receptive_fields": ["--num_first=20", "--patch_size=3", "--num_groups=2",
                             "--num_patches=2000", "--num_windows=800",
                             "--group_size=4", "--num_centroids=6", "--pools", "1", "1",
                             *fast_scores],
        "m1_m2": [*fast_m1, "--num_steps=100"],
        "m1_knn": [*fast_m1, "--draws=1"],
        "deep_belief_net": ["--num_hidden", "40", "40", "--num_steps=100",
                            "--num_samples=200", "--num_rounds=20"],
        "contractive": ["--num_hidden", "40", "40", "--num_steps=100",
                        "--num_samples=200"],
        "gsn": ["--num_hidden", "40", "40", "--num_steps=100", "--num_samples=200",
                "--num_rounds=20"],
        "swwae": ["--num_train=400", "--draws=1", "--num_steps=50",
                  "--width_multiplier=0.0625"],
        "tsvm": ["--num_train=300", "--draws=1", "--num_landmarks=60"],
    }  # fmt: skip
    return [
        _script(name, own, result=f"rival_{name}_digits", folder="rivals")
        for name, own in flags.items()
    ]


def _command(name: str, command: Sequence[str], makes: str) -> Step:
    return Step(name, tuple(command), (makes,))


def _script(
    name: str,
    flags: Sequence[str],
    *,
    result: str = "",
    picture: str | None = None,
    folder: str = "paper",
) -> Step:
    """Return a script's step; it must leave its result, and the picture beside it."""
    path = f"experiments/{folder}/{name}.py"
    endings = [".json"] if picture is None else [".json", picture]
    makes = tuple(f"results/{result or name}{ending}" for ending in endings)
    return Step(name, (path, *flags), makes)
