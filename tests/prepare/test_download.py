"""A real HTTP server on this machine, which misbehaves on demand."""

import hashlib
import http.server
import re
import threading

import numpy as np
import pytest

from dcgan_jax.prepare import download
from dcgan_jax.system import disk, errors

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serve CONTENT; what it does wrong is set by a test."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.bytes_per_connection = len(CONTENT)
        self.knows_ranges = True
        self.status = None
        self.starts = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(wanted.group(1)) if wanted and self.server.knows_ranges else 0
        self.server.starts.append(start)
        content = self.server.content
        if self.server.status is not None:
            self.send_error(self.server.status)
            return
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if self.server.knows_ranges else 200)
        if self.server.knows_ranges:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
            )
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + self.server.bytes_per_connection])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(
            target=lambda: running.serve_forever(0.01), daemon=True
        )
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    def run():
        url = f"http://127.0.0.1:{server.server_port}/bedroom.zip"
        return download.fetch(
            download.Remote(url, len(CONTENT), SHA256),
            tmp_path / "downloads" / "bedroom.zip",
            go_on="--source=PATH/bedroom.zip",
            first_wait_seconds=0.001,
        )

    return run


def part_of(tmp_path):
    path = tmp_path / "downloads" / "bedroom.zip.part"
    path.parent.mkdir()
    return path


def test_a_file_is_downloaded_once(fetch, server):
    assert fetch().read_bytes() == CONTENT
    assert fetch().read_bytes() == CONTENT
    assert server.starts == [0]


def test_nothing_but_the_file_remains(fetch):
    assert [path.name for path in fetch().parent.iterdir()] == ["bedroom.zip"]


def test_dropped_connections_are_resumed_where_they_broke(fetch, server):
    server.bytes_per_connection = 1_100_000
    assert fetch().read_bytes() == CONTENT
    assert server.starts == [0, 1_100_000, 2_200_000]


def test_an_earlier_process_s_part_is_continued(fetch, server, tmp_path):
    part_of(tmp_path).write_bytes(CONTENT[:2_000_000])
    assert fetch().read_bytes() == CONTENT
    assert server.starts == [2_000_000]


def test_a_server_without_ranges_starts_anew(fetch, server, tmp_path):
    server.knows_ranges = False
    part_of(tmp_path).write_bytes(b"x" * 2_000_000)
    assert fetch().read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_removed(fetch, server, tmp_path):
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(errors.InputError, match=f"expected {SHA256}"):
        fetch()
    assert list((tmp_path / "downloads").iterdir()) == []


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusing_host_gives_the_way_on(status, fetch, server):
    server.status = status
    with pytest.raises(errors.InputError, match=rf"HTTP {status}.*--source=PATH"):
        fetch()


def test_a_dead_host_gives_the_way_on(fetch, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(errors.InputError, match=r"refused.*go on with: --source=PATH"):
        fetch()


def test_a_file_that_is_too_short_on_the_host_ends(fetch, server):
    server.content = CONTENT[:1000]
    with pytest.raises(errors.InputError, match="shorter than 3000000 bytes"):
        fetch()


def test_a_full_disk_is_seen_before_the_download(fetch, server, monkeypatch):
    def refuse(folder, num_bytes, *, purpose):
        raise errors.InputError(f"{num_bytes}")

    monkeypatch.setattr(disk, "require_free", refuse)
    with pytest.raises(errors.InputError, match=str(2 * len(CONTENT))):
        fetch()
    assert server.starts == []


def test_lsun_has_train_and_val(make_config):
    with pytest.raises(errors.InputError, match="no split 'test'; it has: train, val"):
        download.fetch_lsun(make_config(dataset="lsun_bedroom", split="test"))
