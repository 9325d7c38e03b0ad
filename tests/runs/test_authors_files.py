import hashlib
import http.server
import io
import threading

import numpy as np
import pytest

from dcgan_jax.runs import authors_files
from dcgan_jax.system import errors


def as_file(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


ARRAYS = [np.arange(6.0).reshape(2, 3), np.ones(4)]
FILES = {f"/models/net/p_{i:02d}.npy": as_file(a) for i, a in enumerate(ARRAYS, 1)}
BLOBS = [
    hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    for content in FILES.values()
]


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A server of the files; the test may change what it sends."""
    files = dict(FILES)
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in files:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[self.path])))
            self.end_headers()
            self.wfile.write(files[self.path])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True).start()
    monkeypatch.setattr(
        authors_files, "BASE_URL", f"http://127.0.0.1:{server.server_port}/models"
    )
    monkeypatch.setattr(authors_files.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield files, asked
    server.shutdown()
    server.server_close()


def read(weights_dir=None):
    return list(
        authors_files.read_numbered_arrays("net", "p", BLOBS, weights_dir=weights_dir)
    )


def test_files_are_downloaded_once(host):
    _, asked = host
    for _ in range(2):
        for found, expected in zip(read(), ARRAYS, strict=True):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == np.float32
    assert asked == list(FILES)


def test_only_what_is_missing_is_downloaded(host, tmp_path):
    _, asked = host
    read()
    (tmp_path / "cache/dcgan_jax/authors/net/p_02.npy").unlink()
    asked.clear()
    read()
    assert asked == ["/models/net/p_02.npy"]


def test_other_bytes_are_refused_and_not_kept(host, tmp_path):
    files, _ = host
    files["/models/net/p_02.npy"] = as_file(np.zeros(4))
    with pytest.raises(errors.InputError, match="other bytes: git blob id"):
        read()
    names = {p.name for p in (tmp_path / "cache/dcgan_jax/authors/net").iterdir()}
    assert names == {"p_01.npy"}


def test_a_file_that_the_host_lacks_is_told_with_the_way_out(host):
    files, _ = host
    del files["/models/net/p_01.npy"]
    with pytest.raises(errors.InputError, match=r"HTTP 404.*--weights_dir"):
        read()


def test_no_network_is_told(host, monkeypatch):
    monkeypatch.setattr(authors_files, "BASE_URL", "http://127.0.0.1:9/models")
    with pytest.raises(errors.InputError, match="cannot be downloaded"):
        read()


def test_a_file_that_was_damaged_in_the_cache_is_named(host, tmp_path):
    read()
    file = tmp_path / "cache/dcgan_jax/authors/net/p_01.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(errors.InputError, match=r"p_01\.npy is not the authors' file"):
        read()


def test_a_given_folder_is_never_filled_up(host, tmp_path):
    _, asked = host
    (tmp_path / "own").mkdir()
    with pytest.raises(errors.MissingInputError, match=r"lacks p_01\.npy, p_02\.npy"):
        read(tmp_path / "own")
    assert asked == []
    assert list((tmp_path / "own").iterdir()) == []


def test_a_file_far_too_large_is_not_read(host, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for name in ("p_01.npy", "p_02.npy"):
        with (own / name).open("wb") as file:
            file.truncate(1 << 40)
    with pytest.raises(errors.InputError, match=r"p_01\.npy .* 1,099,511,627,776"):
        read(own)
