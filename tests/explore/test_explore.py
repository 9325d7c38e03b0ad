"""The command as a user meets it, as far as it goes without a browser."""

import importlib.util
import os
import shutil
import socket

import pytest

from dcgan_jax.explore import __main__ as explore


@pytest.fixture
def with_gradio(monkeypatch):
    """Let Gradio count as installed, or as absent."""
    find = importlib.util.find_spec

    def let(is_there):
        def find_spec(name, *args):
            if name == "gradio":
                return object() if is_there else None
            return find(name, *args)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    return let


def test_without_gradio_one_line_names_the_extra(with_gradio, one_error, tmp_path):
    with_gradio(False)
    told = one_error(explore.main, tmp_path)
    assert "pip install 'dcgan-jax[explore]'" in told


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_that_is_none_is_refused(port, one_error, tmp_path):
    told = one_error(explore.main, tmp_path, f"--port={port}")
    assert f"--port={port}; it must be at " in told


def test_a_port_in_use_is_refused_before_anything_is_loaded(
    with_gradio, one_error, tmp_path
):
    with_gradio(True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = one_error(explore.main, tmp_path / "no run", f"--port={port}")
    assert f"port {port}" in told
    assert "choose another --port" in told


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70])
def test_an_address_that_is_not_this_machines_is_refused(
    host, with_gradio, one_error, tmp_path
):
    with_gradio(True)
    assert "cannot listen at" in one_error(explore.main, tmp_path, f"--host={host}")


def test_what_is_no_run_is_refused(with_gradio, one_error, tmp_path):
    with_gradio(True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = one_error(explore.main, tmp_path / "no run", f"--port={port}")
    assert "neither a run's folder" in told


def test_without_a_run_those_below_the_folder_are_listed(
    run, tmp_path, monkeypatch, capsys
):
    for name in ("runs/one", "runs/two", ".hidden/three", "runs/one/samples/four"):
        (tmp_path / name).mkdir(parents=True)
        shutil.copy(run / "config.json", tmp_path / name)
    os.utime(tmp_path / "runs/one/config.json", (1, 1))
    monkeypatch.chdir(tmp_path)
    assert explore.find_newest_run() == "runs/two"
    assert capsys.readouterr().out == "runs/one\nruns/two\n"


def test_a_folder_without_a_run_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert explore.find_newest_run() == ""
    assert "there is no run" in capsys.readouterr().out
