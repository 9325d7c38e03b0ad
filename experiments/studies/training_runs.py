"""Training runs that the README shows: experiments/studies/training_runs.py NAME.

Each run is one `dcgan_jax.train` command; stopped, it goes on where it was. At its end
the last grid is copied beside a result file that says how it came about.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dcgan_jax.runs import folder as run_dir
from experiments import results

RUNS = {
    "digits": ["--dataset=digits"],
    "cifar10_part": [
        "--dataset=folder",
        "--source={shared}/data/cifar10-part.zip",
        "--image_size=32",
        "--width_multiplier=0.5",
        "--num_steps=5000",
    ],
    "faces64": [
        "--dataset=folder",
        "--source={shared}/data/faces-64.zip",
        "--image_size=64",
        "--width_multiplier=0.25",
        "--batch_size=64",
        "--num_steps=2500",
        "--checkpoint_every_steps=250",
        "--sample_every_steps=250",
    ],
    "lsun_layout": [
        "--dataset=lsun_bedroom",
        "--source={shared}/data/lsun_layout/bedroom_train_lmdb.zip",
        "--width_multiplier=0.25",
        "--batch_size=64",
        "--num_steps=300",
        "--sample_every_steps=100",
    ],
    "mnist": ["--dataset=mnist", "--width_multiplier=0.5", "--num_steps=2000"],
    "fashion_mnist": [
        "--dataset=fashion_mnist",
        "--width_multiplier=0.5",
        "--num_steps=2000",
    ],
}


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in RUNS:
        print(f"usage: {sys.argv[0]} {'|'.join(RUNS)} SHARED_FOLDER", file=sys.stderr)
        return 2
    name, shared = sys.argv[1:]
    results.FOLDER.mkdir(exist_ok=True)
    workdir = Path("runs") / name
    flags = [flag.format(shared=shared) for flag in RUNS[name]]
    command = ["python", "-m", "dcgan_jax.train", *flags, f"--workdir={workdir}"]
    begin = time.time()
    code = subprocess.call([sys.executable, *command[1:]])
    if code != 0:
        return code
    rows = run_dir.read_metrics(workdir)
    last_tenth = rows[-max(1, len(rows) // 10) :]
    numbers = {
        key: sum(row[key] for row in last_tenth) / len(last_tenth) for key in rows[-1]
    }
    numbers |= {"step": rows[-1]["step"], "seconds_of_last_start": time.time() - begin}
    grid = max((workdir / run_dir.SAMPLES).glob("*.png"))
    config = json.loads((workdir / run_dir.CONFIG).read_text())
    shutil.copy(grid, results.FOLDER / f"training_{name}.png")
    shutil.copy(
        workdir / run_dir.CURVES, results.FOLDER / f"training_{name}_curves.png"
    )
    results.save(
        f"training_{name}",
        what=f"Training run {name}; the grid lies beside this file",
        command=" ".join(command).replace(shared, "DATA"),
        seed=config["seed"],
        protocol="means over the last tenth of metrics.jsonl; the grid: 100 fixed "
        "latents, stored batch statistics",
        numbers=numbers,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
