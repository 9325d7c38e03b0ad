"""How often a run compiles its step."""

import dataclasses

import pytest

from dcgan_jax.system import backend
from dcgan_jax.train import chunk, loop


@pytest.fixture
def train(tiny_config, tmp_path, monkeypatch):
    """Return a function that trains and counts the programs of its loop of steps."""
    made = []
    make_steps = chunk.make_steps

    def note(nets, *, static_count):
        made.append(make_steps(nets, static_count=static_count))
        return made[-1]

    monkeypatch.setattr(chunk, "make_steps", note)

    def run(num_steps, **changes):
        workdir = tmp_path / "run"
        config = dataclasses.replace(
            tiny_config, workdir=workdir, num_steps=num_steps, **changes
        )
        loop.run(config)
        return [run_steps._cache_size() for run_steps in made]

    return run


def test_a_cpu_compiles_one_program_for_chunks_of_all_lengths(train):
    assert train(23, log_every_steps=7) == [1]


@pytest.mark.long
@pytest.mark.parametrize(("num_steps", "programs"), [(20, [0, 1]), (23, [1, 1])])
def test_an_accelerator_compiles_one_for_full_chunks_and_one_for_others(
    num_steps, programs, train, monkeypatch
):
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    assert train(num_steps, log_every_steps=10, sample_every_steps=20) == programs
