"""fid, kid, is and prc by `python -m dcgan_jax.evaluate`, and what it refuses."""

import json
import shutil

import pytest

from dcgan_jax.evaluate import __main__ as evaluate, extractors, quality
from dcgan_jax.runs import folder as run_dir

EXTRACTOR = "--extractor=random:digits"


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run.workdir, tmp_path / "run")


@pytest.fixture
def judge(tiny_run, tmp_path):
    """A discriminator that is small, under a name of its own."""
    return shutil.copytree(tiny_run.workdir, tmp_path / "judge")


def test_every_number_comes_with_its_protocol(
    run, judge, data_dir, tmp_path, run_command, fidelity
):
    out = tmp_path / "result.json"
    ended = run_command(
        evaluate.main, run, "--metric=prc,fid,kid", f"--extractor={judge}",
        "--num_samples=300", "--num_reference=400", "--seed=5", f"--out={out}",
        f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    result = json.loads(out.read_text())
    numbers, settings = result["numbers"], result["numbers"]["settings"]
    assert numbers["frechet_distance[judge]"] > 0
    assert numbers["step"] == 20
    assert "fid" not in numbers
    for told in (
        "frechet_distance[judge]", "kernel_distance[judge]", "precision[judge]",
        "300 samples (seed 5) against 400 images of train", "32×32×1", "resize: none",
        "discriminator judge (step 20)", "3 neighbours",
        "kernel distance over 100 subsets of 300", "torch-fidelity ",
        "step 20, commit", "never with published FID",
    ):  # fmt: skip
        assert told in ended.out
    assert {
        "num_samples": 300,
        "num_reference": 400,
        "seed": 5,
    }.items() <= settings.items()
    assert settings["image_shape"] == [32, 32, 1]
    assert result["protocol"] in ended.out
    assert str(tmp_path) not in out.read_text()


def test_another_part_can_be_the_reference(run, judge, data_dir, run_command, fidelity):
    ended = run_command(
        evaluate.main, run, "--metric=fid", f"--extractor={judge}",
        "--num_samples=100", "--reference_split=train", f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "against 1,797 images of train;" in ended.out


def test_too_few_images_for_a_covariance_are_warned_of(
    run, judge, data_dir, run_command, fidelity
):
    ended = run_command(
        evaluate.main, run, "--metric=fid", f"--extractor={judge}",
        "--num_samples=20", f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "20 images for 28 features" in ended.err


def test_a_run_s_own_discriminator_is_warned_of(run, data_dir, run_command, fidelity):
    ended = run_command(
        evaluate.main, run, "--metric=kid", f"--extractor={run}",
        "--num_samples=50", f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "that it has learned to fool" in ended.err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--metric=fid,beauty"], "unknown metric 'beauty'"),
        (["--metric=fdi"], "did you mean 'fid'?"),
        (["--metric=fid,parzen"], "parzen is measured alone"),
        (["--metric=fid", "--num_samples=9"], "--num_samples=9, expected 10 to"),
        (["--metric=fid", "--num_samples=1000001"], "10 to 1,000,000"),
        (["--metric=fid", "--num_reference=3"], "--num_reference=3"),
        (["--metric=fid,is", EXTRACTOR], "needs the class probabilities of Inception"),
        (["--metric=fid", "--extractor=nobody"], "nobody is neither a run's folder"),
        (["--metric=fid", "--extractor=random:nothing"], "unknown preset 'nothing'"),
        (["--metric=fid", "--extractor=random:mnist_mlp"], "mnist_mlp"),
        (["--metric=fid", "--inception_weights=none.pth"], "there is no file none.pth"),
        (["--metric=fid", "--every=0"], "--every=0"),
        (["--metric=memorisation", "--every=10"], "--every follows a run by fid"),
        (["--metric=fid", "--every=10", "--step=10"], "leave one of them out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_flags_that_cannot_be_meant_are_one_line(argv, told, run, data_dir, one_error):
    assert told in one_error(evaluate.main, run, *argv, f"--data_dir={data_dir}")


def test_more_reference_images_than_there_are_is_one_line(
    run, data_dir, run_command, fidelity
):
    ended = run_command(
        evaluate.main, run, "--metric=fid", EXTRACTOR, "--num_reference=1798",
        f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 2
    assert "has 1,797 images; expected 10 to 1,797" in ended.err


def test_other_weights_than_inception_s_are_one_line(run, tmp_path, one_error):
    path = tmp_path / extractors.INCEPTION_FILE
    path.write_bytes(b"not they")
    message = one_error(
        evaluate.main, run, "--metric=fid", f"--inception_weights={path}"
    )
    assert "its sha256 is" in message
    assert "expected 6726825d" in message


def test_without_torch_fidelity_one_line_says_what_to_install(
    run, one_error, monkeypatch
):
    monkeypatch.setattr(quality.importlib.util, "find_spec", lambda name: None)
    message = one_error(evaluate.main, run, "--metric=fid", EXTRACTOR)
    assert "pip install 'dcgan-jax[eval]'" in message


def test_only_a_run_can_be_followed(tmp_path, one_error):
    file = tmp_path / "generator.safetensors"
    file.touch()
    message = one_error(evaluate.main, file, "--metric=fid", "--every=10")
    assert "is no run's folder" in message


def test_images_of_normalised_contrast_are_one_line(run, one_error):
    config = json.loads((run / run_dir.CONFIG).read_text())
    config["architecture"] = "goodfellow_cifar10"
    (run / run_dir.CONFIG).write_text(json.dumps(config))
    message = one_error(evaluate.main, run, "--metric=fid", EXTRACTOR)
    assert "normalised contrast" in message
