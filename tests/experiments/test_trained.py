from pathlib import Path

import pytest

from experiments import trained


def parse(*argv):
    return trained.make_parser(None, num_epochs=7.0).parse_args(argv)


def test_a_run_is_told_its_folder_of_stores_and_its_length():
    flags = trained.list_flags(parse("--data_dir=there"), num_epochs=3.0)
    assert flags == ["--data_dir=there", "--num_epochs=3.0"]


def test_a_source_is_a_file_of_arrays():
    flags = trained.list_flags(parse("--source=a.npz"), num_epochs=3.0)
    assert flags[2:] == ["--dataset=arrays", "--source=a.npz"]


def test_the_length_of_an_experiment_is_its_own_unless_told():
    assert parse().num_epochs == 7.0


def test_a_failed_training_ends_the_experiment_with_its_code(monkeypatch):
    monkeypatch.setattr(trained, "run_train", lambda flags: 3)
    with pytest.raises(SystemExit) as stop:
        trained.train("mnist_mlp", Path("nowhere"), [])
    assert stop.value.code == 3


@pytest.mark.long
def test_a_run_is_described_as_it_was_trained(
    in_process, ten_images, stores_dir, tmp_path
):
    flags = [
        "--dataset=arrays", f"--source={ten_images}", f"--data_dir={stores_dir}",
        "--num_epochs=2", "--width_multiplier=0.03125", "--batch_size=50", "--seed=4",
    ]  # fmt: skip
    about = trained.train("mnist_mlp", tmp_path / "run", flags)
    assert about == {
        "preset": "mnist_mlp",
        "width_multiplier": 0.03125,
        "steps": 6,  # 2 epochs of 150 images in batches of 50
        "epochs": 2.0,
        "num_training_images": 150,
        "batch_size": 50,
        "held_out": 10_000,
        "seed": 4,
    }
