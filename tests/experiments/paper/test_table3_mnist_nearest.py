import pytest

from experiments.paper import table3_mnist_nearest as table3


@pytest.fixture
def flags(in_process, ten_images, stores_dir, tmp_path):
    return [
        f"--source={ten_images}", f"--data_dir={stores_dir}", f"--runs={tmp_path}",
        "--num_epochs=2", "--gan_num_epochs=1", "--width_multiplier=0.0625",
        "--gan_width_multiplier=0.03125", "--num_samples=60", "--num_gan_samples=50",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_result_has_an_error_for_each_number_of_images_of_each_row(
    flags, run_command, read_numbers
):
    ended = run_command(table3.main, *flags)
    assert ended.code == 0, ended.err
    numbers = read_numbers("table3_mnist_nearest")
    assert list(numbers["dcgan"]) == ["60"]
    assert list(numbers["gan"]) == ["50"]
    assert 0 <= numbers["dcgan"]["60"] <= 100
    assert 0 <= numbers["gan"]["50"] <= 100
    # Every test image is among the training images, with its own label.
    assert numbers["real"] == {"150": 0.0}
    runs = numbers["runs"]
    assert (runs["dcgan"]["width_multiplier"], runs["dcgan"]["steps"]) == (0.0625, 2)
    assert (runs["gan"]["width_multiplier"], runs["gan"]["steps"]) == (0.03125, 1)


def test_the_dense_gan_is_at_full_width_and_as_long_unless_told_otherwise():
    given = ["--num_epochs=25", "--width_multiplier=0.25"]
    flags = table3._list_train_flags(table3._parse(given), "gan")
    assert "--num_epochs=25.0" in flags
    assert "--width_multiplier=1.0" in flags
