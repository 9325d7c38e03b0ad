"""What the generated tables show, and under which names the result files hold it."""

from typing import NamedTuple


class Row(NamedTuple):
    """One number of the papers, and where ours will be found.

    Attributes:
        what: is measured.
        paper: its number.
        result: the file in experiments/results.
        key: of the number; slashes lead into objects.
        unit: "%" where ours is a share of 1, else what follows the number.
        how: the protocol.
    """

    what: str
    paper: str
    result: str
    key: str
    unit: str
    how: str


PAPER = (
    Row(
        "CIFAR-10, L2-SVM on 28,672 features (§5.1, Table 1)",
        "82.8 %",
        "table1_cifar10_features",
        "authors_imagenet_all_labels/accuracy_mean",
        "%",
        "accuracy on the test set, discriminator trained on ImageNet-1k",
    ),
    Row(
        "CIFAR-10, 400 labels a class (§5.1, Table 1)",
        "73.8 ± 0.4 %",
        "table1_cifar10_features",
        "authors_imagenet_400_labels/accuracy_mean",
        "%",
        "mean over draws",
    ),
    Row(
        "the same, `imagenet32` trained on Tiny ImageNet",
        "–",
        "cifar10_400_tiny32_step11352",
        "accuracy_mean",
        "%",
        "mean over 5 draws; 100,000 images at 32×32 for 11,352 steps (14 epochs),"
        " where the paper has 1.28 million images",
    ),
    Row(
        "CIFAR-10, K-means with 4,800 centroids (Table 1)",
        "80.6 %",
        "table1_kmeans4800_all_labels",
        "accuracy_mean",
        "%",
        "accuracy on the test set, all labels",
    ),
    Row(
        "the same, 400 labels a class",
        "63.7 ± 0.7 %",
        "table1_kmeans4800_400_labels",
        "accuracy_mean",
        "%",
        "mean over 10 draws",
    ),
    Row(
        "SVHN, 1,000 labels, L2-SVM (§5.2, Table 2)",
        "22.48 %",
        "table2_svhn_1000_labels",
        "authors_svhn/error_mean",
        "%",
        "test error, mean over 100 draws",
    ),
    Row(
        "MNIST, nearest neighbour on 50K samples (§8.1, Table 3)",
        "2.98 %",
        "table3_dcgan_h200",
        "error_percent/50000",
        " %",
        "test error, conditional DCGAN, 200 epochs",
    ),
    Row(
        "the same on 1M samples",
        "",
        "table3_dcgan_h200",
        "error_percent/1000000",
        " %",
        "the same",
    ),
    Row(
        "the same on 10M samples",
        "1.48 %",
        "table3_dcgan_h200",
        "error_percent/10000000",
        " %",
        "the same",
    ),
    Row(
        "the same, dense GAN, 50K samples",
        "6.28 %",
        "table3_gan_h200",
        "error_percent/50000",
        " %",
        "the same protocol, 200 epochs",
    ),
    Row(
        "the same, dense GAN, 10M samples",
        "5.65 %",
        "table3_gan_h200",
        "error_percent/10000000",
        " %",
        "the same",
    ),
    Row(
        "MNIST, conditional DCGAN, 50K samples, on a CPU",
        "2.98 %",
        "table3_mnist_nearest",
        "dcgan/50000",
        " %",
        "test error",
    ),
    Row(
        "the same on 1M samples",
        "",
        "table3_mnist_nearest",
        "dcgan/1000000",
        " %",
        "the same",
    ),
    Row(
        "the same, the 50,000 real training images",
        "3.1 %",
        "table3_mnist_nearest",
        "real/50000",
        " %",
        "no model",
    ),
    Row(
        "MNIST, Parzen log-likelihood (Goodfellow 2014, Table 1)",
        "225 ± 2",
        "goodfellow_parzen",
        "log_likelihood",
        " nats",
        "10,000 samples, mean over the test set",
    ),
    Row(
        "the same around 10,000 real training images",
        "",
        "goodfellow_parzen_real",
        "log_likelihood",
        " nats",
        "in the place of samples: a ceiling",
    ),
)

_FACES = "haarcascade_frontalface_alt2.xml/by_min_neighbors/8"
INSIDE = (
    Row(
        "deduplication: wrongly removed (§4.1.1)",
        "< 1 %",
        "dedup",
        "false_positive_rate",
        "%",
        "of 8,000 CelebA faces, judged by eye",
    ),
    Row(
        "deduplication: planted copies found",
        "",
        "dedup",
        "recall",
        "%",
        "3,000 compressed, brightened or shifted copies",
    ),
    Row(
        "the same with equal hashes alone, as in the paper",
        "",
        "dedup",
        "by_distance/0/recall",
        "%",
        "ours may differ by some bits (see the decisions)",
    ),
    Row(
        "faces in photographs found (§4.2)",
        "",
        "faces_detection",
        f"{_FACES}/recall",
        "%",
        "CelebA faces pasted into photographs of rooms",
    ),
    Row(
        "boxes that hold a face",
        "",
        "faces_detection",
        f"{_FACES}/precision",
        "%",
        "the same",
    ),
    Row(
        "objects gone after forgetting (§6.3.1)",
        "",
        "forgetting",
        "object_removed",
        "%",
        "a run on discs before textures, the maps that draw discs dropped",
    ),
    Row(
        "change of the background by it",
        "",
        "forgetting",
        "background_changed",
        "%",
        "mean absolute, of the range of pixels",
    ),
    Row(
        "largest step of a latent walk, in median steps (§6.1)",
        "",
        "fig04_walk",
        "largest_step_by_median",
        "",
        "authors' SVHN generator; a jump would be many",
    ),
)


class Part(NamedTuple):
    """A figure or table of the papers, and what draws or measures it.

    Attributes:
        what: the paper shows.
        script: of experiments/paper, studies or rivals; "" where there is none.
        needs: the data or the run that a run of full size needs.
        hardware: that a run of full size needs.
        time: that the script states for ours, on the result's machine; "" where it was
            not measured.
        paper: its number; "picture" where there is none.
        result: the file in experiments/results.
        key: of the number as in `Row`; "" for a picture.
        unit: as in `Row`.
        flags: of the script, where this part needs some.
        in_readme: whether the README's short table shows it.
        smaller: how our run differs from the paper's, where its result does not say so.
        how: of another system of the tables: the protocol of ours, or what is missing.
    """

    what: str
    script: str
    needs: str
    hardware: str
    time: str
    paper: str
    result: str
    key: str = ""
    unit: str = ""
    flags: str = ""
    in_readme: bool = True
    smaller: str = ""
    how: str = ""


_TABLE_1, _TABLE_2 = "table1_cifar10_features", "table2_svhn_1000_labels"
_TABLE_3, _PARZEN = "table3_mnist_nearest", "goodfellow_parzen"
_TINY = "cifar10_400_tiny32_step11352"
_ALL = "authors_imagenet_all_labels/accuracy_mean"
_400 = "authors_imagenet_400_labels/accuracy_mean"
_DCGAN, _GAN = "table3_dcgan_h200", "table3_gan_h200"
_WALK, _FORGET = "fig04_walk_faces", "fig06_forget_faces"
_SUM, _TURN = "fig07_arithmetic_faces", "fig08_turn_faces"
_BEDROOMS = "LSUN bedrooms, 46 GB"
_RUN = "a trained run"
_NETS = "the authors' files, CIFAR-10"
_SVHN = "the authors' files, SVHN"
_FIG_2, _FIG_3 = "goodfellow_fig02", "goodfellow_fig03_walk"
_PART = "a part of CIFAR-10: 10,000 + 5,000 images"
_DIGITS = "scikit-learn's digits, 1,437 + 360 images of 8×8"
_SMALL_EXEMPLARS = f"{_DIGITS}, 1,000 exemplars, an eighth of the width, 1,000 steps"
_SMALL_FIELDS = f"{_PART}, 400 centroids, then twice 12 groups of 50 with 40 each"
_TEN_LABELS = f"{_DIGITS}, ten labels a class"
_SWWAE = "test error of the what-where autoencoder's classifier"
_SVM_ON = "linear L2-SVM on its features, accuracy on the test images"
_NO_RECIPE = "no recipe of it was found"


def _quote(what: str, paper: str, missing: str) -> Part:
    """Return the part of another system that the tables name and nothing here makes."""
    return Part(
        what, "", missing, "CPU", "", paper, "", in_readme=False, how=missing,
    )  # fmt: skip


# In the order of the papers.
PARTS = (
    Part("Fig. 2: bedrooms, 1 epoch", "fig02_one_epoch", _BEDROOMS, "GPU", "",
         "picture", "fig02_one_epoch"),
    Part("Fig. 3: bedrooms, 5 epochs", "fig03_five_epochs", _BEDROOMS, "GPU", "",
         "picture", "fig03_five_epochs"),
    Part("§4.1.1: wrongly removed", "dedup", "images of 64 pixels", "CPU", "2 min",
         "< 1 %", "dedup", "false_positive_rate", "%", "--source=faces-64.zip"),
    Part("Table 1: all labels", _TABLE_1, _NETS, "CPU", "", "82.8 %", _TABLE_1, _ALL,
         "%"),
    Part("Table 1: 400 a class", _TABLE_1, _NETS, "CPU", "", "73.8 ± 0.4 %", _TABLE_1,
         _400, "%"),
    Part("Table 1: 400 a class, after Tiny ImageNet", "probe_moments",
         "Tiny ImageNet, CIFAR-10", "GPU", "", "73.8 ± 0.4 %", _TINY, "accuracy_mean",
         "%", "RUN", in_readme=False,
         smaller="trained on Tiny ImageNet, 100,000 images, for 14 epochs"),
    Part("Table 1: K-means, all labels", _TABLE_1, "CIFAR-10", "CPU", "25 min",
         "80.6 %", "table1_kmeans4800_all_labels", "accuracy_mean", "%",
         "--only kmeans", in_readme=False),
    Part("Table 1: K-means, 400 a class", _TABLE_1, "CIFAR-10", "CPU", "",
         "63.7 ± 0.7 %", "table1_kmeans4800_400_labels", "accuracy_mean", "%",
         "--only kmeans", in_readme=False),
    Part("Table 1: 3-layer K-means, all labels", "receptive_fields", "CIFAR-10", "CPU",
         "", "82.0 %", "rival_receptive_fields_cifar10_part",
         "all_labels/accuracy_mean", "%", "--target=cifar10", in_readme=False,
         smaller=_SMALL_FIELDS, how=_SVM_ON),
    Part("Table 1: 3-layer K-means, 400 a class", "receptive_fields", "CIFAR-10", "CPU",
         "", "70.7 ± 0.7 %", "rival_receptive_fields_cifar10_part",
         "few_labels/accuracy_mean", "%", "--target=cifar10 --labels_per_class=400",
         in_readme=False, smaller=f"{_SMALL_FIELDS}; of three C the least was best",
         how=_SVM_ON),
    Part("Table 1: Exemplar CNN, all labels", "exemplar_cnn", "CIFAR-10", "GPU", "",
         "84.3 %", "rival_exemplar_cnn_digits", "all_labels/accuracy_mean", "%",
         "--target=cifar10", in_readme=False, smaller=_SMALL_EXEMPLARS, how=_SVM_ON),
    Part("Table 1: Exemplar CNN, 400 a class", "exemplar_cnn", "CIFAR-10", "GPU", "",
         "77.4 ± 0.2 %", "rival_exemplar_cnn_digits",
         "few_labels/accuracy_mean", "%", "--target=cifar10 --labels_per_class=400",
         in_readme=False, smaller=f"{_SMALL_EXEMPLARS}, 50 labels a class",
         how=_SVM_ON),
    _quote("Table 1: view-invariant K-means", "81.9 %, 72.6 ± 0.7 %", _NO_RECIPE),
    Part("Table 2: SVHN", _TABLE_2, _SVHN, "CPU", "", "22.48 %", _TABLE_2,
         "authors_svhn/error_mean", "%"),
    Part("Table 2: nearest neighbours", _TABLE_2, "SVHN", "CPU", "", "77.93 %",
         _TABLE_2, "neighbours/error_mean", "%", "--only neighbours", in_readme=False),
    Part("Table 2: supervised network", _TABLE_2, "SVHN", "GPU", "", "28.87 %",
         _TABLE_2, "supervised_network/validation_error", "%",
         "--only supervised_network", in_readme=False),
    Part("Table 2: TSVM", "tsvm", "SVHN", "GPU", "", "66.55 ± 0.10 %",
         "rival_tsvm_digits", "tsvm/error_mean", "%",
         "--target=svhn --labels_per_class=100", in_readme=False, smaller=_TEN_LABELS,
         how="test error of a transductive SVM on pixels, Gaussian kernel"),
    Part("Table 2: M1 + KNN", "m1_knn", "SVHN", "GPU", "", "65.63 ± 0.15 %",
         "rival_m1_knn_digits", "m1/error_mean", "%",
         "--target=svhn --labels_per_class=100", in_readme=False, smaller=_TEN_LABELS,
         how="test error of nearest neighbours among M1's latents"),
    Part("Table 2: M1 + TSVM", "tsvm", "SVHN", "GPU", "", "54.33 ± 0.11 %",
         "rival_m1_tsvm_digits", "tsvm/error_mean", "%",
         "--target=svhn --labels_per_class=100 --on=m1", in_readme=False,
         smaller=_TEN_LABELS, how="test error of a transductive SVM on M1's latents"),
    Part("Table 2: M1 + M2", "m1_m2", "SVHN", "GPU", "", "36.02 ± 0.10 %",
         "rival_m1_m2_digits", "error_mean", "%",
         "--target=svhn --labels_per_class=100",
         in_readme=False, smaller=_TEN_LABELS,
         how="test error of q(y | x)"),
    Part("Table 2: SWWAE without dropout", "swwae", "SVHN", "GPU", "", "27.83 %",
         "rival_swwae_digits", "without_dropout/error_mean", "%",
         "--target=svhn --labels_per_class=100 --width_multiplier=1", in_readme=False,
         smaller=f"{_TEN_LABELS}, an eighth of the width", how=_SWWAE),
    Part("Table 2: SWWAE with dropout", "swwae", "SVHN", "GPU", "", "23.56 %",
         "rival_swwae_digits", "with_dropout/error_mean", "%",
         "--target=svhn --labels_per_class=100 --width_multiplier=1", in_readme=False,
         smaller=f"{_TEN_LABELS}, an eighth of the width", how=_SWWAE),
    Part("Fig. 4: a walk", "fig04_walk", _RUN, "CPU", "30 s", "picture", _WALK,
         flags="--run=RUN"),
    Part("Fig. 5: filters", "fig05_filters", _RUN, "CPU", "1 min", "picture",
         "fig05_authors_svhn", flags="RUN --name=NAME"),
    Part("Fig. 6: forgetting", "fig06_forget", "a trained run, boxes on its samples",
         "CPU", "1 min", "picture", _FORGET, flags="--run=RUN --boxes=FILE"),
    Part("Fig. 7: arithmetic", "fig07_arithmetic", "a trained run, picked samples",
         "CPU", "seconds", "picture", _SUM, flags="--run=RUN --picks=FILE"),
    Part("Fig. 8: turning", "fig08_turn", "a trained run, picked samples", "CPU",
         "seconds", "picture", _TURN, flags="--run=RUN --picks=FILE"),
    Part("Table 3: 50K samples", _TABLE_3, "MNIST", "GPU", "7 min", "2.98 %", _DCGAN,
         "error_percent/50000", " %"),
    Part("Table 3: 10M samples", _TABLE_3, "MNIST", "GPU", "7 min", "1.48 %", _DCGAN,
         "error_percent/10000000", " %"),
    Part("Table 3: GAN, 50K", _TABLE_3, "MNIST", "GPU", "", "6.28 %", _GAN,
         "error_percent/50000", " %"),
    Part("Table 3: GAN, 10M", _TABLE_3, "MNIST", "GPU", "", "5.65 %", _GAN,
         "error_percent/10000000", " %"),
    _quote("Table 3: AlignMNIST, 10M", "1.4 %", _NO_RECIPE),
    Part("Table 3: InfiMNIST, 10M", "infimnist", "MNIST", "GPU", "", "2.6 %",
         "rival_infimnist_mnist", "error_percent/1000000", " %",
         "--target=mnist --num_samples=10000000", in_readme=False,
         smaller="1M samples", how="1-NN on training images moved and bent at random"),
    Part("Fig. 9: MNIST digits", "fig09_mnist_samples", "the runs of Table 3", "CPU",
         "seconds", "picture", "fig09_mnist_samples"),
    Part("Fig. 10: faces", "fig10_faces", "CelebA", "GPU", "", "picture",
         "fig10_faces"),
    Part("Fig. 11: ImageNet", "fig11_imagenet", "ImageNet-1k", "GPU", "", "picture",
         "fig11_imagenet", flags="--source=FOLDER"),
    Part("2014, Table 1: MNIST", _PARZEN, "MNIST", "GPU", "", "225 ± 2", _PARZEN,
         "log_likelihood", " nats"),
    Part("2014, Table 1: deep belief net, MNIST", "deep_belief_net", "MNIST", "GPU", "",
         "138 ± 2", "rival_deep_belief_net_digits", "log_likelihood", " nats",
         "--target=mnist", in_readme=False, smaller=_DIGITS,
         how="Parzen windows; nats of 64 pixels, not of 784"),
    Part("2014, Table 1: stacked CAE, MNIST", "contractive", "MNIST", "GPU", "",
         "121 ± 1.6", "rival_contractive_mnist", "log_likelihood", " nats",
         "--target=mnist --num_hidden 1000 1000 --num_steps=100000", in_readme=False,
         smaller="codes of 400, 6,000 steps a layer", how="Parzen windows"),
    Part("2014, Table 1: deep GSN, MNIST", "gsn", "MNIST", "GPU", "", "214 ± 1.1",
         "rival_gsn_mnist", "log_likelihood", " nats",
         "--target=mnist --num_hidden 1500 1500 --num_steps=500000", in_readme=False,
         smaller="layers of 400 units, 5,000 steps", how="Parzen windows"),
    Part("2014, Table 1: faces", "", "the Toronto Face Database, given out on request",
         "GPU", "", "2057 ± 26", "goodfellow_parzen_faces", "log_likelihood", " nats",
         in_readme=False),
    Part("2014, Fig. 2a: MNIST", _FIG_2, "MNIST", "GPU", "", "picture",
         "goodfellow_fig02_mnist", flags="mnist", in_readme=False),
    Part("2014, Fig. 2b: faces", _FIG_2, "faces of 48 pixels", "GPU", "", "picture",
         "goodfellow_fig02_faces", flags="faces --source=FOLDER", in_readme=False),
    Part("2014, Fig. 2c: CIFAR-10, dense", _FIG_2, "CIFAR-10", "GPU", "", "picture",
         "goodfellow_fig02_cifar10", flags="cifar10", in_readme=False),
    Part("2014, Fig. 2d: CIFAR-10, convolutional", _FIG_2, "CIFAR-10", "GPU", "",
         "picture", "goodfellow_fig02_cifar10_conv", flags="cifar10_conv",
         in_readme=False),
    Part("2014, Fig. 3: walks", "fig04_walk", "the run of Table 1", "CPU", "seconds",
         "picture", _FIG_3, flags=f"--run=runs/goodfellow_mnist --name={_FIG_3}",
         in_readme=False),
)  # fmt: skip


# The cards of results that were written before results recorded the accelerator.
CARDS = {_TINY: "H200", "table3_dcgan_h200": "H200", "table3_gan_h200": "H200"}


class Run(NamedTuple):
    """A training run of ours and what its data are."""

    name: str
    data: str


SPEED_COLUMNS = {
    "ours": "ours_s",
    "PyTorch eager": "torch_eager_s",
    "PyTorch best": "torch_best_s",
    "plain `lax`": "lax_s",
    "ours, bfloat16": "ours_bf16_s",
    "PyTorch, bfloat16": "torch_bf16_s",
}
NETS = {
    "small32": "32×32, 5×5 kernels, 64-128-256 maps",
    "pytorch_example": "the net of PyTorch's DCGAN example, 64×64",
    "imagenet32": "the paper's ImageNet net, 32×32",
    "dcgan64": "the paper's 64×64 net (Fig. 1)",
}
PIPELINE = {
    "store → device, images in memory": ("warm_images_per_s", "{:,.0f} images/s"),
    "store → device, images on the disk": ("cold_images_per_s", "{:,.0f} images/s"),
    "share of training time spent waiting for data": ("data_wait_share", "{:.1%}"),
    "zip of JPEGs → store, 1 process": ("prepare_images_per_s_1", "{:,.0f} images/s"),
    "zip of JPEGs → store, 2 processes": (
        "prepare_images_per_s_2",
        "{:,.0f} images/s",
    ),
}

FEATURES = {
    "authors_imagenet": "authors' ImageNet discriminator",
    "authors_imagenet_4_layers": "authors' ImageNet discriminator, first 4 layers",
    "authors_svhn": "authors' SVHN discriminator",
    "own": "imagenet32 trained on these images, width ¼",
    "own_random": "the same, untrained",
    "random_svhn": "random filters, the SVHN architecture",
    "kmeans": "1-layer K-means (Coates & Ng)",
    "pixels": "raw pixels",
    "neighbours": "nearest neighbours on pixels",
}
FEATURE_RESULTS = {
    "table1_cifar10_features": "CIFAR-10",
    "table1_cifar10_features_cifar10_part": "a part of CIFAR-10: 10,000 + 5,000 images",
}
TABLE_2_RESULTS = {
    "table2_svhn_1000_labels": "SVHN",
    "table2_protocol_on_cifar10_part": "a part of CIFAR-10",
    "table2_protocol_on_mnist": "MNIST, enlarged",
}
SVM = {
    "LinearSVC's time over ours, 10,000 × 7,168, C = 1e-3": ("speedup", "{:.0f}×"),
    "largest distance from the optimum": ("objective_gap", "{:.1e}"),
    "test rows predicted as at the optimum": ("agreement", "{:.2%}"),
    "memory beside the file, 50,000 × 28,672": ("peak_memory_gb", "{:.2f} GB"),
}

# Faults that are not here are shown under their own names.
FAULTS = {
    "kill_training": "SIGKILL while training",
    "stop_training": "SIGTERM or Ctrl-C while training",
    "kill_prepare": "SIGKILL while preparing, a decoding process included",
    "stop_prepare": "SIGTERM or Ctrl-C while preparing",
    "kill_features": "SIGKILL while extracting features",
    "kill_nearest_neighbour": "SIGKILL while counting nearest neighbours",
    "damaged_checkpoint": "a file of the newest checkpoint cut, changed or deleted",
    "damaged_checkpoint_resume": "the same, and the training command again",
    "damaged_store": "a file of a store cut, changed, deleted or of another version",
    "full_disk": "no room left while preparing, training, drawing, extracting",
    "two_on_a_run": "two processes on one run",
    "two_on_a_store": "two processes on one store",
    "two_on_features": "two processes on one file of features",
    "two_on_nearest_neighbour": "two processes on one count",
    "odd_surroundings": "odd names of folders, odd variables of libraries",
    "nan_stop": "NaN in data, parameters, moments or gradients",
    "nan_rollback": "the same with `--on_nan=rollback`",
    "lost_process": "SIGKILL of one of two processes that train together",
    "fuzz_images": "hostile images: PNG, JPEG, GIF, BMP, TIFF, WebP and others, bombs",
    "fuzz_archives": "hostile zips and tars: paths, links, devices, bombs",
    "fuzz_lmdb": "hostile LMDBs",
    "fuzz_arrays": "hostile .npy and .npz files, pickles among them",
    "fuzz_layouts": "random trees of folders, their summary beside an own count",
    "fuzz_idx": "hostile IDX files",
    "fuzz_cifar": "hostile files of CIFAR",
    "fuzz_stl10": "hostile files of STL-10, and zips of such files",
    "fuzz_matlab": "hostile .mat files",
    "fuzz_pixel_csv": "hostile CSVs of pixels, packed or not",
    "fuzz_parquet": "hostile Parquet files",
    "fuzz_webdataset": "hostile tars and shards of a WebDataset",
    "fuzz_manifests": "hostile stores: manifest, shards, notes, list of kept rows",
    "fuzz_checkpoints": "hostile checkpoints: manifest and arrays",
    "fuzz_boxes_and_picks": "hostile files of boxes and picks",
    "fuzz_authors_files": "hostile files in the place of the authors' arrays",
    "fuzz_safetensors": "hostile exported generators",
    "fuzz_run_files": "hostile configs and logs of runs",
    "fuzz_resumed_files": "hostile features, counts, hashes and logs to go on from",
    "soak": "a look at a long run's log, events, memory and open files",
}

RUNS = (
    Run("digits", "scikit-learn digits, 1,797 × 32×32 grey"),
    Run("mnist", "MNIST through tfds, 60,000 × 28×28 grey, width ½"),
    Run("fashion_mnist", "Fashion-MNIST through tfds, 60,000 × 28×28 grey, width ½"),
    Run("cifar10_part", "a part of CIFAR-10, 10,000 × 32×32, width ½"),
    Run("faces64", "8,000 CelebA faces, 64×64, width ¼"),
    Run("lsun_layout", "996 photographs in LSUN's layout, 64×64, width ¼"),
)
