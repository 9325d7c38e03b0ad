"""Data sets from the hub and networks to it and back, against a server of a few calls.

The server answers as the hub's documentation and huggingface_hub's source say; it is
not the hub.
"""

import base64
import dataclasses
import hashlib
import http.server
import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import dcgan_jax
from dcgan_jax import presets
from dcgan_jax.config import data_config
from dcgan_jax.export import __main__ as export
from dcgan_jax.prepare import __main__ as prepare, build, sources
from dcgan_jax.runs import load as loading
from dcgan_jax.system import errors, hub

GOLDEN = Path(__file__).parents[1] / "golden" / "sources"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# What the hub says of a repository, besides its name.
INFO = {
    "_id": "1", "private": False, "disabled": False, "gated": False, "downloads": 0,
    "likes": 0, "tags": [], "siblings": [], "sha": COMMIT,
}  # fmt: skip


class Hub(http.server.BaseHTTPRequestHandler):
    """Repositories by kind and name, each a dictionary of files."""

    repos: dict[str, dict[str, bytes]]
    tokens: list[str | None]

    def do_GET(self):
        path = self.path.partition("?")[0].strip("/")
        if "/tree/main" in path:
            files = self._find(path.removeprefix("api/").partition("/tree/")[0])
            if files is not None:
                self._send(
                    json.dumps([self._describe(*each) for each in files.items()])
                )
        elif path.startswith("api/"):
            repo = path.removeprefix("api/")
            if self._find(repo) is not None:
                self._send(json.dumps({"id": repo.partition("/")[2], **INFO}))
        else:
            repo, _, name = path.partition("/resolve/main/")
            kind = "" if repo.startswith("datasets/") else "models/"
            files = self._find(kind + repo)
            if files is not None:
                etag = hashlib.sha1(files[name]).hexdigest()
                self._send(files[name], ETag=f'"{etag}"', **{"X-Repo-Commit": COMMIT})

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        self.tokens.append(self.headers.get("Authorization"))
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = self.path.partition("?")[0].strip("/")
        if path == "api/repos/create":
            name = f"{json.loads(body)['organization']}/{json.loads(body)['name']}"
            self.repos.setdefault(f"models/{name}", {})
            self._send(json.dumps({"url": f"https://huggingface.co/{name}"}))
        elif "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            about = {"uploadMode": "regular", "shouldIgnore": False}
            self._send(json.dumps({"files": [{"path": n, **about} for n in names]}))
        elif "/commit/" in path:
            files = self._find(path.removeprefix("api/").partition("/commit/")[0])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    files[line["value"]["path"]] = content
            url = f"https://huggingface.co/jane/digits/commit/{COMMIT}"
            self._send(json.dumps({"commitUrl": url, "commitOid": COMMIT}))
        else:  # validate-yaml
            self._send(json.dumps({"errors": [], "warnings": []}))

    def _find(self, repo):
        if repo not in self.repos:
            self._send(b"{}", 404, **{"X-Error-Code": "RepoNotFound"})
            return None
        return self.repos[repo]

    def _describe(self, name, content):
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _send(self, content, code=200, **headers):
        content = content.encode() if isinstance(content, str) else content
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Serve repositories for a test; return the class that holds them."""
    pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")
    from huggingface_hub import constants

    handler = type("OwnHub", (Hub,), {"repos": {}, "tokens": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def parquet(served):
    """A data set that the hub's own library has written."""
    names = [f"{split}-00000-of-00001.parquet" for split in ("train", "test")]
    files = {f"data/{name}": (GOLDEN / name).read_bytes() for name in names}
    served.repos["datasets/jane/beasts"] = {**files, "README.md": b"# beasts"}
    return files


def configure(tmp_path, name="hub:jane/beasts", **settings):
    recipe = presets.find(name, None, image_size=32)
    return dataclasses.replace(
        data_config(recipe), image_size=32, upscale=True, num_workers=1,
        data_dir=tmp_path / "data", **settings,
    )  # fmt: skip


@pytest.mark.parametrize(("split", "count"), [("train", 4), ("test", 2)])
def test_a_data_set_is_fetched_and_prepared(split, count, parquet, tmp_path):
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    path = build.prepare(configure(tmp_path, split=split), show_progress=False)
    about = json.loads((path / "manifest.json").read_text())
    assert about["num_images"] == count
    assert len(about["class_names"]) == 3


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hub:jane/nothing", "shows no dataset jane/nothing"),
        ("hub:jane/text", "has no Parquet files"),
        ("hub:jane/trap", "leads out of its folder"),
        ("hub:jane", "expected OWNER/NAME"),
        ("hub:../x", "expected OWNER/NAME"),
    ],
)
def test_a_data_set_that_cannot_be_used_is_one_line(
    name, told, served, one_error, tmp_path
):
    served.repos["datasets/jane/text"] = {"a.txt": b"a"}
    served.repos["datasets/jane/trap"] = {"data/../../../x.parquet": b"x"}
    flags = f"--dataset={name}", f"--data_dir={tmp_path / 'data'}", "--image_size=32"
    assert told in one_error(prepare.main, *flags)
    assert not list(tmp_path.rglob("x.parquet"))


def test_a_hostile_data_set_meets_the_checks_of_a_file_of_ones_own(
    parquet, served, one_error, tmp_path
):
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    files = served.repos["datasets/jane/beasts"]
    name = next(iter(parquet))
    files[name] = files[name][:-100]
    flags = ("--dataset=hub:jane/beasts", f"--data_dir={tmp_path}", "--image_size=32")
    assert Path(name).name in one_error(prepare.main, *flags)


def test_without_a_network_it_is_one_line(served, monkeypatch, tmp_path, one_error):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    flags = "--dataset=hub:jane/beasts", f"--data_dir={tmp_path}"
    told = one_error(prepare.main, *flags)
    assert "http://127.0.0.1:9 cannot be used for dataset jane/beasts" in told


def test_without_the_library_it_is_one_line(monkeypatch, one_error, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: None)
    told = one_error(
        prepare.main, "--dataset=hub:jane/beasts", f"--data_dir={tmp_path}"
    )
    assert "pip install 'dcgan-jax[hub]'" in told


def test_a_source_of_ones_own_is_no_data_set_of_the_hub(served, tmp_path):
    with pytest.raises(errors.InputError, match="it is --dataset=folder"):
        sources.check(configure(tmp_path, source=tmp_path))


def test_networks_are_published_with_their_card_and_loaded_again(
    served, tiny_run, tmp_path, run_command, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    out = tmp_path / "digits.safetensors"
    ended = run_command(
        export.main, tiny_run.workdir, f"--out={out}", "--push=jane/digits"
    )
    assert ended.code == 0, ended.err
    assert "published in http://127.0.0.1" in ended.out
    assert set(served.tokens) == {"Bearer hf_secret"}
    assert "hf_secret" not in ended.out + ended.err
    files = served.repos["models/jane/digits"]
    assert set(files) == {
        "digits.safetensors", "digits_discriminator.safetensors", "digits.png",
        "README.md",
    }  # fmt: skip
    assert files["README.md"].startswith(b"---\n")
    assert files["README.md"] == out.with_suffix(".md").read_bytes()
    shutil.rmtree(out.parent / "cache", ignore_errors=True)
    gan = dcgan_jax.load("hub:jane/digits")
    own = loading.load_generator(str(tiny_run.workdir))
    assert gan.generator.digest == own.digest
    assert gan.discriminator is not None
    np.testing.assert_array_equal(gan.sample(2), dcgan_jax.load(out).sample(2))


def test_without_a_token_nothing_is_written(served, tiny_run, tmp_path, one_error):
    out = tmp_path / "out" / "digits.safetensors"
    told = one_error(
        export.main, tiny_run.workdir, f"--out={out}", "--push=jane/digits"
    )
    assert "set HF_TOKEN" in told
    assert not out.exists()


def test_a_hostile_model_meets_the_checks_of_a_file_of_ones_own(served, tmp_path):
    served.repos["models/jane/bad"] = {"x.safetensors": b"\xff" * 99}
    with pytest.raises(errors.InputError, match=r"x\.safetensors"):
        dcgan_jax.load("hub:jane/bad")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (None, "shows no model jane/one"),
        ({}, "holds 0 generators"),
        ({"a.safetensors": b"", "b.safetensors": b""}, "holds 2 generators"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_line(files, told, served):
    if files is not None:
        served.repos["models/jane/one"] = files
    with pytest.raises(errors.InputError, match=told):
        dcgan_jax.load("hub:jane/one")
