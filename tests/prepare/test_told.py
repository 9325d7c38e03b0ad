"""What `prepare` says of a source, and whether it notices that one has changed."""

import dataclasses
import io
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import config as configs, presets
from dcgan_jax.config import data_config
from dcgan_jax.data import manifest, ready, store
from dcgan_jax.prepare import build, told
from dcgan_jax.prepare.sources import base
from dcgan_jax.system import errors


@pytest.fixture
def tell(make_config):
    """Prepare a source and return the line that is said of it, less the list's path."""

    def run(source, **changes) -> str:
        path = build.prepare(make_config(source=source, **changes))
        return told.describe(path).replace(str(path), "STORE")

    return run


BRAIN = [
    f"{split}/{name}/{i}.png"
    for split, counts in (("Training", (3, 2)), ("Testing", (1, 1)))
    for name, count in zip(("glioma", "meningioma"), counts, strict=True)
    for i in range(count)
]


def test_what_was_understood_is_one_line(make_folder, tell):
    root = make_folder(*BRAIN)
    for i in range(4):
        (root / f"Training/glioma/{i}.heic").write_bytes(b"x")
    (root / "README").write_text("words")
    make_folder("Training/@eaDir/9.png")
    assert tell(root) == (
        "5 images in 2 classes (glioma 3, meningioma 2), split train of Testing,"
        " Training; left out: 4 .heic, 1 without suffix, 1 in @eaDir"
        f" (list: STORE{os.sep}left_out.txt)"
    )
    assert tell(root, split="test").startswith("2 images in 2 classes (glioma 1, men")


def test_nothing_special_needs_no_words(make_folder, tell):
    assert tell(make_folder("1.png", "2.png")) == "2 images"


def test_the_list_names_all_that_was_left_out(make_folder, make_config, capsys):
    root = make_folder(*[f"{i:03}.png" for i in range(200)])
    (root / "007.png").write_text("<html>404</html>")
    (root / "x.heic").write_bytes(b"x")
    path = build.prepare(make_config(source=root))
    assert (path / told.LEFT_OUT).read_text() == (
        "007.png\tnot an image but an HTML page\nx.heic\t.heic\n"
    )
    assert "left out: x.heic, 1 unreadable (list" in told.describe(path)
    assert "007.png: not an image but an HTML page" in capsys.readouterr().err


def test_more_broken_pictures_are_taken_when_asked_for(make_folder, make_config):
    root = make_folder(*[f"{i:03}.png" for i in range(100)])
    for i in range(3):
        (root / f"{i:03}.png").write_text("version https://git-lfs.github.com/spec/v1")
    config = make_config(source=root)
    with pytest.raises(errors.InputError, match=r"git lfs pull\).*--max_broken=0\.03$"):
        build.prepare(config)
    path = build.prepare(dataclasses.replace(config, max_broken=0.03))
    assert len(store.open_store(path)) == 97


@pytest.mark.parametrize("max_broken", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(max_broken, make_folder, make_config):
    config = make_config(source=make_folder("1.png"), max_broken=max_broken)
    with pytest.raises(errors.InputError, match="--max_broken="):
        build.prepare(config)


def test_dark_images_are_told_with_the_flag_that_helps(
    make_folder, make_config, capsys
):
    root = make_folder("1.png")
    values = np.linspace(0, 4095, 28 * 28).reshape(28, 28).round().astype(np.uint16)
    Image.fromarray(values).save(root / "1.png")
    config = make_config(source=root, channels=1)
    path = build.prepare(config)
    assert "brightest value of all images is 16 of 255" in capsys.readouterr().err
    assert told.describe(path) == "1 images; the brightest value is 16 of 255"
    bright = dataclasses.replace(config, value_range="0,4095")
    bright_path = build.prepare(bright)
    assert bright_path != path
    assert manifest.read(bright_path).transform["value_range"] == [0, 4095]
    assert capsys.readouterr().err.count("brightest") == 0
    images = store.open_store(bright_path).rows(np.arange(1)).images
    expected = np.rint(values / 4095 * 255)
    np.testing.assert_array_equal(images[0, ..., 0], expected)


def test_images_of_one_colour_and_further_pages_are_told(tmp_path, tell, noise, encode):
    root = tmp_path / "pictures"
    root.mkdir()
    pages = [Image.fromarray(noise(i)) for i in range(3)]
    pages[0].save(root / "a.tif", save_all=True, append_images=pages[1:])
    (root / "more").mkdir()
    pages[1].save(root / "more" / "d.gif", save_all=True, append_images=pages[2:])
    (root / "b.png").write_bytes(encode(noise(5)))
    Image.new("RGBA", (28, 28), (9, 9, 9, 0)).save(root / "c.png")
    line = tell(root)
    assert "1 images of one single colour (as c.png)" in line
    assert "; left out: 3 further pages of 2 files (list: " in line
    (listed,) = tmp_path.rglob("left_out.txt")
    lines = sorted(listed.read_text().splitlines())
    assert lines == ["a.tif\t2 further pages", "more/d.gif\t1 further pages"]


def bmp(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (28, 28, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def test_other_pictures_under_the_same_names_are_noticed(
    tmp_path, make_config, monkeypatch
):
    root = tmp_path / "pictures"
    root.mkdir()
    for i in range(32):
        (root / f"{i}.bmp").write_bytes(bmp(i))
        os.utime(root / f"{i}.bmp", (1, 1))
    config = make_config(source=root)
    path = build.prepare(config)
    before = store.open_store(path).fingerprint
    (root / "7.bmp").write_bytes(bmp(100))  # of the same size
    os.utime(root / "7.bmp", (1, 1))
    with pytest.raises(errors.InputError, match=r"has changed since .*--reprepare"):
        build.prepare(config)
    assert store.open_store(path).fingerprint == before
    again = dataclasses.replace(config, reprepare=True)
    assert build.prepare(again) == path
    assert store.open_store(path).fingerprint != before
    assert build.prepare(config) == path


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_of_a_large_source_the_times_count(
    kind, tmp_path, make_folder, make_config, monkeypatch
):
    monkeypatch.setattr(base, "WHOLE_UP_TO_BYTES", 1000)
    root = make_folder(*[f"{i}.png" for i in range(5)])
    if kind == "file":
        np.save(tmp_path / "x.npy", np.zeros((50, 28, 28), np.uint8))
    source = root if kind == "folder" else tmp_path / "x.npy"
    changed = root / "3.png" if kind == "folder" else source
    config = make_config(source=source)
    path = build.prepare(config)
    assert manifest.read(path).source_fingerprint.startswith("times-")
    assert build.prepare(config) == path
    os.utime(changed, (5, 5))
    with pytest.raises(errors.InputError, match="or the times of its files"):
        build.prepare(config)


@pytest.mark.parametrize("kind", ["folder", "zip", "npz"])
def test_a_store_of_old_is_taken_while_its_source_is_the_same(
    kind, tmp_path, make_folder, make_config
):
    """As it was made before contents were compared: by names, sizes, first and last."""

    root = make_folder("a/1.png", "b/2.png")
    source = root
    if kind == "zip":
        source = tmp_path / "x.zip"
        shutil.make_archive(str(tmp_path / "x"), "zip", root)
    elif kind == "npz":
        source = tmp_path / "x.npz"
        np.savez(source, images=np.zeros((3, 28, 28), np.uint8))
    config = make_config(source=source)
    path = build.prepare(config)
    if kind == "folder":
        sizes = [(n, (root / n).stat().st_size) for n in ("a/1.png", "b/2.png")]
        old = base.fingerprint_listing(sizes)
    else:
        old = base.fingerprint_file_before(source)
    assert re.fullmatch("[0-9a-f]{64}", old)
    as_before = dataclasses.replace(
        manifest.read(path), source_fingerprint=old, decoding=1
    )
    manifest.write(path, as_before)
    assert build.prepare(config) == path
    assert manifest.read(path) == as_before
    with (root / "a/1.png" if kind == "folder" else source).open("ab") as file:
        file.write(b"x")
    with pytest.raises(errors.InputError, match="has changed since"):
        build.prepare(config)


def test_a_store_of_old_that_has_splits_as_classes_is_taken_and_told(
    make_folder, make_config, capsys
):
    root = make_folder(*BRAIN)
    config = make_config(source=root)
    path = build.prepare(config)
    sizes = [(name, (root / name).stat().st_size) for name in BRAIN]
    as_before = dataclasses.replace(
        manifest.read(path),
        source_fingerprint=base.fingerprint_listing(sizes),
        class_names=("Testing", "Training"),
        decoding=1,
    )
    manifest.write(path, as_before)
    assert build.prepare(config) == path
    told_line = capsys.readouterr().err
    assert "Testing, Training were taken as classes" in told_line
    assert "--reprepare" in told_line
    build.prepare(dataclasses.replace(config, reprepare=True))
    assert manifest.read(path).class_names == ("glioma", "meningioma")


def test_preparing_anew_keeps_the_store_when_the_source_cannot_be_read(
    make_folder, make_config
):
    root = make_folder("1.png", "2.png")
    config = make_config(source=root)
    path = build.prepare(config)
    for file in root.iterdir():
        file.unlink()
    with pytest.raises(errors.InputError, match="holds no images"):
        build.prepare(dataclasses.replace(config, reprepare=True))
    assert len(store.open_store(path)) == 2


def test_a_data_set_by_name_is_prepared_anew_too(tmp_path):
    config = data_config(presets.DIGITS)
    config = dataclasses.replace(config, data_dir=tmp_path, num_workers=1)
    path = build.prepare(config, show_progress=False)
    before = (path / manifest.FILE_NAME).stat().st_mtime_ns
    assert ready.make_ready(config) == 0
    assert (path / manifest.FILE_NAME).stat().st_mtime_ns == before
    assert ready.make_ready(dataclasses.replace(config, reprepare=True)) == 0
    assert (path / manifest.FILE_NAME).stat().st_mtime_ns > before


def test_what_one_command_asked_for_is_no_setting_of_a_run():
    asked = dataclasses.replace(presets.DIGITS, reprepare=True)
    assert configs.to_json(asked)["reprepare"] is False
