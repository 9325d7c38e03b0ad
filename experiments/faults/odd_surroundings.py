"""Odd variables and odd names: run, resume and samples are the same to the bit.

Every path flag gets folders and files of drawn names, every process drawn settings of
the libraries in its environment.
"""

import functools
import os
import random
from pathlib import Path
from unittest import mock

from dcgan_jax.runs import folder as run_dir
from experiments.faults import processes, tiny_run, trials
from experiments.faults.trials import Context, Outcome

TRIALS = 30
NUM_STEPS = 40
VARIABLES = {
    "JAX_ENABLE_X64": ("1", "0"),
    "JAX_DEFAULT_MATMUL_PRECISION": ("bfloat16", "highest", "nonsense"),
    "JAX_NUMPY_RANK_PROMOTION": ("raise", "warn"),
    "JAX_NUMPY_DTYPE_PROMOTION": ("strict",),
    "JAX_DEBUG_NANS": ("1",),
    "JAX_DISABLE_JIT": ("1",),
    "JAX_DEFAULT_PRNG_IMPL": ("rbg", "unsafe_rbg"),
    "JAX_THREEFRY_PARTITIONABLE": ("0",),
    "JAX_RANDOM_SEED_OFFSET": ("3",),
    "JAX_TRANSFER_GUARD": ("disallow", "log"),
    "FLAX_RETURN_FROZENDICT": ("1",),
    "FLAX_FIX_RNG_SEPARATOR": ("1",),
    "MPLBACKEND": ("module://of_a_notebook", "TkAgg"),
    "MATPLOTLIBRC": ("/dev/null", "/nowhere"),
    "PYTHONIOENCODING": ("ascii", "latin-1"),
}
PIECES = (
    "[a]", "[!x]", "[0-9]", "a**b", "?", "a\\b", "{a,b}", "été", "%41", "a b", "#", ":",
    "'", '"', "$HOME", "\n", "-", os.fsdecode(b"\xe9"), "~", "gs:", "..x",
)  # fmt: skip


def run(context: Context) -> bool:
    """Make the trials; return whether all were survived."""
    reference = tiny_run.make_reference(context.shared)
    return trials.run(
        context,
        "odd_surroundings",
        functools.partial(_try, context.shared, reference),
        until=context.count(TRIALS),
        protocol=f"train for {NUM_STEPS} steps in two parts, then draw samples, each"
        " with variables and names of folders drawn anew. Survived: the state and the"
        " samples are those of a run without them, to the bit",
    )


def draw_name(chance: random.Random) -> str:
    """Return a name that a library may take for something else."""
    return "n" + "".join(chance.choices(PIECES, k=chance.randint(1, 3)))


def draw_variables(chance: random.Random) -> dict[str, str]:
    """Return some settings of libraries."""
    names = chance.sample(sorted(VARIABLES), chance.randint(1, 5))
    return {name: chance.choice(VARIABLES[name]) for name in names}


def _try(
    shared: Path, reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir = folder / draw_name(chance) / draw_name(chance)
    out = folder / draw_name(chance) / f"{draw_name(chance)}.png"
    flags = tiny_run.list_flags(shared, workdir)
    outcome.tried += 1
    for steps in (NUM_STEPS // 2, NUM_STEPS):
        _call(chance, outcome, "train", *flags, f"--num_steps={steps}")
    expected = tiny_run.read_arrays(reference, NUM_STEPS)
    found = tiny_run.read_arrays(workdir)
    outcome.expect(found == expected, f"another state in {str(workdir)!r}")
    outcome.expect((workdir / run_dir.CURVES).is_file(), "no curves")
    plain = folder / "plain.png"
    _call(chance, outcome, "sample", workdir, f"--out={out}")
    processes.run("sample", reference, f"--step={NUM_STEPS}", f"--out={plain}")
    same = out.is_file() and out.read_bytes() == plain.read_bytes()
    outcome.expect(same, f"other samples in {str(out)!r}")


def _call(chance: random.Random, outcome: Outcome, module: str, *flags: object) -> None:
    variables = draw_variables(chance)
    with mock.patch.dict(os.environ, variables):
        ended = processes.run(module, *flags)
    told = f"{module} with {variables}: {ended.code} {ended.err[-300:]}"
    outcome.expect(ended.code == 0, told)
