import io
import pickle
import tarfile
import zipfile

import pytest

from dcgan_jax.prepare.sources import archives, folder, open_source, unpack
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

NAMES = ("train/cat/1.png", "train/dog/2.png", "test/dog/3.png")


def records(source) -> list:
    return [source[i] for i in range(len(source))]


def pack(path, root) -> None:
    """Pack a folder by the kind that the archive's name tells."""
    files = sorted(file for file in root.rglob("*") if file.is_file())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(root))
    else:
        kind = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".tgz": "gz"}.get(
            path.suffix, ""
        )
        with tarfile.open(path, f"w:{kind}") as archive:
            archive.add(root, ".")


@pytest.mark.parametrize(
    "name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz"]
)
def test_an_archive_gives_what_its_folder_gives(
    name, tmp_path, make_folder, make_config
):
    root = make_folder(*NAMES)
    pack(tmp_path / name, root)
    expected = folder.FolderSource(root, "train")
    config = make_config(source=tmp_path / name)
    source = open_source(config, tmp_path / "work")
    try:
        found = records(source)
        assert [r.content for r in found] == [r.content for r in records(expected)]
        assert [r.label for r in found] == [0, 1]
        assert source.class_names == expected.class_names == ("cat", "dog")
        copy = pickle.loads(pickle.dumps(source))  # as a worker process gets it
        assert records(copy) == found
        copy.close()
    finally:
        source.close()


def zip_with(path, name: str, *, mode: int = 0o100644, content: bytes = b"x"):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fine.png", b"x")
        archive.writestr(info, content)
    return path


@pytest.mark.parametrize(
    "name", ["/etc/x.png", "../x.png", "a/../../x.png", "C:/x.png", "..\\x.png"]
)
def test_a_zip_member_that_would_leave_the_folder_is_refused_by_name(name, tmp_path):
    path = zip_with(tmp_path / "x.zip", name)
    with pytest.raises(errors.InputError, match="would leave the folder") as caught:
        archives.ZipSource(path, "train")
    assert "x.png" in str(caught.value)


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = zip_with(tmp_path / "x.zip", "l.png", mode=0o120777, content=b"/etc/passwd")
    with pytest.raises(errors.InputError, match=r"'l\.png' is a link"):
        archives.ZipSource(path, "train")


def tar_with(path, info: tarfile.TarInfo):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("fine.png"), io.BytesIO())
        archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


@pytest.mark.parametrize("name", ["/etc/x.png", "../x.png", "a/../../x.png"])
def test_a_tar_member_that_would_leave_the_folder_is_refused(name, tmp_path):
    path = tar_with(tmp_path / "x.tar", tarfile.TarInfo(name))
    with pytest.raises(errors.InputError, match="would leave the folder"):
        archives.open_tar(path, "train", work_dir=tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_a_tar_is_refused(kind, tmp_path):
    info = tarfile.TarInfo("l.png")
    info.type, info.linkname = kind, "/etc/passwd"
    path = tar_with(tmp_path / "x.tar", info)
    with pytest.raises(errors.InputError, match=r"'l\.png' is (a link|not a plain)"):
        archives.open_tar(path, "train", work_dir=tmp_path)


def test_a_huge_member_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    zipped = zip_with(tmp_path / "x.zip", "big.png", content=b"0" * 1001)
    with pytest.raises(errors.InputError, match=r"'big\.png' has 1\.0 kB"):
        archives.ZipSource(zipped, "train")
    info = tarfile.TarInfo("big.png")
    info.size = 1001
    with pytest.raises(errors.InputError, match=r"'big\.png' has 1\.0 kB"):
        archives.open_tar(
            tar_with(tmp_path / "x.tar", info), "train", work_dir=tmp_path
        )


def test_a_zip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_SLACK_BYTES", 0)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bmp", bytes(1 << 20))
    with pytest.raises(errors.InputError, match="archive bomb"):
        archives.ZipSource(path, "train")


def test_a_compressed_tar_bomb_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_SLACK_BYTES", 0)
    path = tmp_path / "x.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        info = tarfile.TarInfo("zeros.bmp")
        info.size = 8 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(errors.InputError, match="archive bomb"):
        archives.open_tar(path, "train", work_dir=tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_an_encrypted_zip_is_refused(tmp_path):
    path = zip_with(tmp_path / "x.zip", "secret.png")
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")  # the last entry of the directory
    content[at + 8] |= 1  # its flag bit 0: encrypted
    path.write_bytes(content)
    with pytest.raises(errors.InputError, match=r"'secret\.png' is encrypted"):
        archives.ZipSource(path, "train")


def test_a_member_with_damaged_bytes_is_a_broken_image_with_its_name(
    tmp_path, make_folder
):
    pack(tmp_path / "x.zip", make_folder("a.png", "b.png"))
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[200] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(content)
    source = archives.ZipSource(tmp_path / "x.zip", "train")
    with pytest.raises(BrokenImage) as caught:
        source[0]
    assert caught.value.name == "a.png"
    assert source[1].name == "b.png"
    source.close()


@pytest.mark.parametrize(
    "name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"]
)
def test_half_an_archive_is_an_error_that_names_it(
    name, tmp_path, make_folder, make_config
):
    path = tmp_path / name
    pack(path, make_folder(*NAMES))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(errors.InputError, match=f"{name} .*(damaged|unpacked)"):
        open_source(make_config(source=path), tmp_path / "work")


def test_a_tar_member_of_a_negative_size_is_refused(tmp_path):
    info = tarfile.TarInfo("x.png")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 11 + b"\x9c"  # −100
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "x.tar").write_bytes(bytes(header) + bytes(10240))
    with pytest.raises(errors.InputError, match=r"x\.png"):
        archives.open_tar(tmp_path / "x.tar", "train", work_dir=tmp_path)


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"},
        {"GNU.sparse.map": "0,x"},
        {"GNU.sparse.size": "99999999999999999999999"},
        {"size": "-1"},
    ],
)
def test_odd_headers_of_a_tar_are_one_error(headers, tmp_path):
    path = tmp_path / "x.tar"
    info = tarfile.TarInfo("x.png")
    info.size, info.pax_headers = 5, headers
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(b"x" * 5))
    with pytest.raises(errors.InputError) as caught:
        archives.open_tar(path, "train", work_dir=tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("flag", [0x20, 0x40])
def test_a_zip_member_that_python_cannot_unpack_is_a_broken_image(flag, tmp_path):
    path = zip_with(tmp_path / "x.zip", "x.png")
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rindex(signature) + place] |= flag
    path.write_bytes(content)
    source = archives.ZipSource(path, "train")
    with pytest.raises(BrokenImage) as caught:
        source[1]
    assert caught.value.name == "x.png"
    source.close()


def test_a_zip_member_that_begins_before_the_file_is_a_broken_image(tmp_path):
    path = zip_with(tmp_path / "x.zip", "x.png")
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 42
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    source = archives.ZipSource(path, "train")
    with pytest.raises(BrokenImage):
        source[1]
    source.close()
