import pickle
import zipfile

import lmdb
import pytest

from dcgan_jax.data import store
from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import fingerprint_source, open_source
from dcgan_jax.system import errors


@pytest.fixture
def make_lmdb(tmp_path):
    """Write an LMDB folder in LSUN's layout."""

    def make(values: dict[bytes, bytes]):
        folder = tmp_path / "bedroom_train_lmdb"
        with (
            lmdb.open(str(folder), map_size=1 << 24) as environment,
            environment.begin(write=True) as transaction,
        ):
            for key, value in values.items():
                transaction.put(key, value)
        return folder

    return make


@pytest.fixture
def pictures(noise, encode):
    """Three values under keys of 40 hex digits: JPEG, WebP and PNG."""
    formats = ("JPEG", "WEBP", "PNG")
    return {
        f"{i:040x}".encode(): encode(noise(i, 40, 30), file_format)
        for i, file_format in enumerate(formats)
    }


def zip_of(folder):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.mdb", "lock.mdb"):
            archive.write(folder / name, f"{folder.name}/{name}")
    return path


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_values_come_in_the_order_of_their_keys(
    kind, make_lmdb, pictures, make_config, tmp_path
):
    folder = make_lmdb(pictures)
    path = folder if kind == "folder" else zip_of(folder)
    config = make_config(source=path)
    source = open_source(config, tmp_path / "work")
    found = [source[i] for i in range(len(source))]
    assert [r.content for r in found] == list(pictures.values())
    assert [r.name.encode() for r in found] == list(pictures)
    assert source.class_names is None
    assert source.fingerprint == fingerprint_source(config)
    pickled = pickle.dumps(source)  # as a worker process gets it, while it is in use
    source.close()
    copy = pickle.loads(pickled)
    assert copy[2] == found[2]
    copy.close()


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ({b"length": b"3", b"__len__": b"\x80\x04K\x03.", b"__keys__": b"x"}, 3),
        ({b"num-samples": b"3"}, 1),
        ({b"image-000000001": b"x", b"label-000000001": b"HELLO"}, 1),
    ],
)
def test_lengths_and_texts_are_no_images(
    others, count, make_lmdb, pictures, make_config, tmp_path
):
    folder = make_lmdb({**pictures, **others})
    source = open_source(make_config(source=folder), tmp_path / "work")
    names = [source[i].name for i in range(len(source))]
    source.close()
    images = {key.decode() for key in (*pictures, *others) if b"image-" in key}
    assert set(names) == {key.decode() for key in pictures} | images
    assert source.understood.notes[0].startswith(f"{count} entries of the LMDB")


@pytest.mark.parametrize("num_workers", [1, 2])
def test_jpeg_webp_and_png_values_all_decode(
    num_workers, make_lmdb, pictures, make_config
):
    config = make_config(source=make_lmdb(pictures), num_workers=num_workers)
    path = build.prepare(config)
    assert len(store.open_store(path)) == 3


def test_an_lmdb_that_is_cut_short_is_an_error_not_a_crash(
    make_lmdb, pictures, make_config, tmp_path
):
    folder = make_lmdb(pictures)
    content = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").write_bytes(content[: len(content) // 2])
    with pytest.raises(errors.InputError, match="cut short"):
        open_source(make_config(source=folder), tmp_path / "work")


def test_what_is_no_lmdb_is_an_error(tmp_path, make_config):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").write_bytes(b"something else" * 1000)
    with pytest.raises(errors.InputError, match="is not an LMDB"):
        open_source(make_config(source=tmp_path / "db"), tmp_path / "work")


def test_an_empty_lmdb_is_an_error(make_lmdb, make_config, tmp_path):
    with pytest.raises(errors.InputError, match="holds no images"):
        open_source(make_config(source=make_lmdb({})), tmp_path / "work")


def test_photographs_in_lsuns_layout_are_prepared(shared, make_config):
    path = shared / "data" / "lsun_layout" / "bedroom_val_lmdb.zip"
    config = make_config(dataset="lsun_bedroom", source=path, image_size=64)
    rows = store.open_store(build.prepare(config))
    assert (len(rows), rows.image_shape) == (70, (64, 64, 3))
    assert not rows.labelled
