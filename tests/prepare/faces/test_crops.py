import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.config import DataConfig
from dcgan_jax.data import store
from dcgan_jax.prepare import build
from dcgan_jax.prepare.faces import crops
from dcgan_jax.prepare.faces.crops import FacesConfig
from dcgan_jax.system import errors


@pytest.fixture
def photos(tmp_path, portrait, noise) -> Path:
    """One photograph of one face, one of two, one of none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    half = portrait.reduce(2)
    pair = Image.new("RGB", (2 * half.width, half.height))
    pair.paste(half, (0, 0))
    pair.paste(half, (half.width, 0))
    half.save(folder / "alone.png")
    pair.save(folder / "pair.png")
    Image.fromarray(noise(0, 200, 300)).save(folder / "nobody.png")
    return folder


@pytest.fixture
def make(tmp_path):
    """Make a config of the test's folder."""

    def make_config(source: Path, **changes: object) -> FacesConfig:
        values = {"source": source, "out": tmp_path / "faces", "num_workers": 1}
        return FacesConfig(**{**values, **changes})

    return make_config


def hashes(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.iterdir())
    }


def entries(folder: Path) -> list[dict]:
    lines = (folder / "faces.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def read(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), float)


def extract(config: FacesConfig):
    return crops.cut_faces(config, show_progress=False)


def test_faces_are_counted_photograph_by_photograph(photos, make):
    config = make(photos)
    tally = extract(config)
    assert (tally.num_photos, tally.num_faces) == (3, 3)
    assert (tally.photos_without_face, tally.photos_with_several) == (1, 1)
    summary = json.loads((config.out / "faces.json").read_text())
    assert summary["photos_by_num_faces"] == {"0": 1, "1": 1, "2": 1}
    counts = {entry["photo"]: len(entry["faces"]) for entry in entries(config.out)}
    assert counts == {"alone.png": 1, "nobody.png": 0, "pair.png": 2}


def test_a_crop_holds_the_pixels_that_the_log_says(photos, make):
    config = make(photos)
    extract(config)
    for entry in entries(config.out):
        photo = read(photos / entry["photo"])
        for face in entry["faces"]:
            left, top, side = face["crop"]
            crop = read(config.out / face["file"])
            part = photo[top : top + side, left : left + side]
            assert np.abs(crop - part).mean() < 3  # JPEG


def test_a_crop_is_the_face_and_its_margin(photos, make):
    config = make(photos, face_margin=0.1)
    extract(config)
    (face,) = entries(config.out)[0]["faces"]
    left, top, side = face["face"]
    assert face["crop"][2] == round(1.2 * side)
    assert abs(face["crop"][0] - (left - 0.1 * side)) <= 1
    assert abs(face["crop"][1] - (top - 0.1 * side)) <= 1


def test_a_large_face_is_kept_at_256_pixels(tmp_path, portrait, make):
    (tmp_path / "large").mkdir()
    portrait.save(tmp_path / "large" / "1.png")
    config = make(tmp_path / "large")
    assert extract(config).smallest_crop > 256
    assert read(config.out / "0000000-0.jpg").shape == (256, 256, 3)


def test_small_faces_are_passed_over(photos, make, portrait):
    portrait.save(photos / "large.png")  # its face is twice as large as the others
    config = make(photos, min_face_size=180)
    assert extract(config).num_faces == 1
    found = [entry["photo"] for entry in entries(config.out) if entry["faces"]]
    assert found == ["large.png"]


def test_a_photograph_is_turned_upright_first(tmp_path, portrait, make):
    folder = tmp_path / "turned"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    lying = portrait.reduce(2).transpose(Image.Transpose.ROTATE_90)
    lying.save(folder / "1.png", exif=exif)
    config = make(folder)
    assert extract(config).num_faces == 1
    crop = read(config.out / "0000000-0.jpg")
    third = len(crop) // 3
    assert crop[:third].mean() < crop[third:].mean() - 20  # the dark hat is on top


def test_a_zip_and_a_tar_give_the_same_faces(photos, make, tmp_path):
    extract(make(photos))
    plain = {
        name: digest
        for name, digest in hashes(tmp_path / "faces").items()
        if name.endswith(".jpg")
    }
    shutil.make_archive(str(tmp_path / "x"), "zip", photos)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(photos, "photos")
    for name in ("x.zip", "x.tar.gz"):
        config = make(tmp_path / name, out=tmp_path / f"of_{name}")
        assert extract(config).num_faces == 3
        assert plain.items() <= hashes(config.out).items()
        assert {path.suffix for path in config.out.iterdir()} <= {
            ".jpg",
            ".json",
            ".jsonl",
        }


def test_workers_and_one_process_give_the_same_files(photos, make, tmp_path):
    pooled = make(photos, num_workers=2, out=tmp_path / "pooled")
    extract(pooled)
    extract(make(photos))
    assert hashes(pooled.out) == hashes(tmp_path / "faces")


def test_a_finished_folder_is_not_made_again(photos, make, monkeypatch):
    config = make(photos)
    extract(config)
    before = hashes(config.out)
    monkeypatch.setattr(crops.sources, "open_source", None)
    assert extract(config).num_faces == 3
    assert hashes(config.out) == before


def test_a_torn_log_goes_on_behind_its_last_whole_line(photos, make):
    config = make(photos)
    extract(config)
    whole = hashes(config.out)
    (config.out / "faces.json").unlink()
    log = config.out / "faces.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]) + lines[3][:10])
    (config.out / entries_named(lines[3])[0]).write_bytes(b"half a file")
    assert extract(config).num_photos == 3
    assert hashes(config.out) == whole


def entries_named(line: bytes) -> list[str]:
    return [face["file"] for face in json.loads(line)["faces"]]


def test_faces_are_a_source_to_train_on(photos, make, tmp_path):
    config = make(photos)
    extract(config)
    data = DataConfig(
        dataset="folder",
        source=config.out,
        image_size=64,
        channels=3,
        data_dir=tmp_path / "data",
    )
    assert len(store.open_store(build.prepare(data, show_progress=False))) == 3


def test_photographs_without_faces_are_an_error_and_leave_nothing(
    make_folder, make, tmp_path
):
    source = make_folder("1.png", "2.png", size=100)
    with pytest.raises(
        errors.InputError, match=r"no face of 64 .* in the 2 photographs"
    ):
        extract(make(source))
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_an_archive_without_photographs_leaves_nothing(tmp_path, make):
    (tmp_path / "1.txt").write_text("")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "1.txt", "1.txt")
    with pytest.raises(errors.InputError, match="holds no images"):
        extract(make(tmp_path / "x.tar.gz"))
    assert not (tmp_path / "faces").exists()


def test_a_few_broken_photographs_are_listed(make_folder, make, portrait, capsys):
    source = make_folder(*[f"{n:03}.png" for n in range(100)], size=24)
    portrait.reduce(2).save(source / "face.png")
    (source / "000.png").write_bytes(b"\x89PNG")
    config = make(source)
    assert extract(config).left_out[0][0] == "000.png"
    left_out = json.loads((config.out / "faces.json").read_text())["left_out"]
    assert [name for name, _ in left_out] == ["000.png"]
    assert "left out 1 broken photographs" in capsys.readouterr().err


def test_more_than_one_percent_broken_is_an_error_and_leaves_nothing(
    make_folder, make, tmp_path
):
    source = make_folder(*[f"{n:03}.png" for n in range(100)], size=24)
    for name in ("000.png", "050.png"):
        (source / name).write_bytes(b"\x89PNG")
    with pytest.raises(errors.InputError, match=r"2 of 100 .*more than 1%: 000\.png"):
        extract(make(source))
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_face_size": 19}, "--min_face_size=19; it must be at least 20"),
        ({"min_face_size": 5000}, "at most 4096"),
        ({"face_margin": -0.1}, "--face_margin=-0.1; it must be at least 0"),
        ({"face_margin": float("nan")}, "--face_margin=nan"),
        ({"min_neighbors": 0}, "--min_neighbors=0; it must be at least 1"),
        ({"num_workers": -1}, "--num_workers=-1"),
        ({"source": Path("nothing")}, "nothing is not there"),
        ({"source": Path(__file__)}, "is of no known kind"),
        ({"split": "test"}, "has no split 'test'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    changes, reason, photos, make
):
    config = dataclasses.replace(make(photos), **changes)
    with pytest.raises(errors.InputError, match=reason):
        extract(config)
    assert not config.out.exists()


def test_a_folder_without_photographs_is_refused(tmp_path, make):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "1.txt").write_text("")
    with pytest.raises(errors.InputError, match="texts holds no images"):
        extract(make(tmp_path / "texts"))
    assert not (tmp_path / "faces").exists()


def test_faces_do_not_go_among_other_files(photos, make, tmp_path):
    for out, reason in (
        (tmp_path, "holds other files"),
        (photos / "faces", "lies in --source"),
        (photos / "alone.png", "is a file"),
    ):
        with pytest.raises(errors.InputError, match=reason):
            extract(make(photos, out=out))
    assert len(list(photos.iterdir())) == 3


def test_faces_of_another_plan_are_left_alone(photos, make):
    config = make(photos)
    extract(config)
    before = hashes(config.out)
    with pytest.raises(
        errors.InputError, match=r"face_margin=0\.2, this asks for 0\.3"
    ):
        extract(dataclasses.replace(config, face_margin=0.3))
    shutil.copy(photos / "alone.png", photos / "again.png")
    with pytest.raises(errors.InputError, match="has changed since"):
        extract(config)
    assert hashes(config.out) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_command_goes_on_and_ends_with_the_same_files(
    number, photos, make, tmp_path
):
    for n in range(40):
        shutil.copy(photos / "pair.png", photos / f"pair{n}.png")
    config = make(photos)
    flags = (f"--source={photos}", f"--out={config.out}", "--num_workers=2")
    command = [sys.executable, "-m", "dcgan_jax.prepare", "--faces", *flags]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list(config.out.glob("0000008-*.jpg")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, number)  # as a terminal sends Ctrl-C to the whole group
    stderr = process.communicate(timeout=60)[1]
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert stderr.endswith("stopped; the same command goes on from here\n")
    assert not (config.out / "faces.json").exists()
    extract(config)
    extract(make(photos, out=tmp_path / "whole"))
    assert hashes(config.out) == hashes(tmp_path / "whole")
