"""Fig. 6: forgetting to draw an object that boxes were drawn around.

python experiments/paper/fig06_forget.py --run=runs/lsun_bedroom --boxes=windows.json

Needs a trained run and boxes on its samples (format: dcgan_jax.latent.boxes); takes
a minute. Drops the maps of positive weight of every hidden convolution in turn; the
picture is of the paper's, the highest.
"""

from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli, models
from dcgan_jax.latent import boxes as box_files, forget
from dcgan_jax.latent.forget import ForgetConfig
from dcgan_jax.runs import load as loading
from experiments import results

NAME = "fig06_forget"
NUM_SHOWN = 24


def main(argv: Sequence[str]) -> int:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--run", required=True, help="as of dcgan_jax.sample")
    add("--boxes", type=Path, required=True)
    add("--category")
    add("--num_samples", type=int, default=150)
    add("--step", type=int)
    add("--num_dropped", type=int, help="of largest weight; all positive by default")
    add("--name", default=NAME, help="of the picture and the result file")
    flags = parser.parse_args(argv)
    cli.start()
    found = box_files.read_boxes(flags.boxes, category=flags.category)
    loaded = loading.load_generator(flags.run, step=flags.step)
    box_files.check_step(found, loaded.step)
    numbers = {}
    # The paper's layer, the highest, is the one of the picture.
    for layer in models.list_hidden_convolutions(loaded.network):
        config = ForgetConfig(
            run=flags.run,
            boxes=flags.boxes,
            num_samples=flags.num_samples,
            layer=layer,
            num_dropped=flags.num_dropped,
            num_shown=NUM_SHOWN,
            out=results.FOLDER / f"{flags.name}.png",
        )
        outcome = forget.run(config, loaded, found, seed=found.seed or 0)
        print(outcome.text, flush=True)
        numbers[layer] = outcome.numbers
    results.save(
        flags.name,
        what="Forgetting what boxes are drawn around; the picture beside this file:"
        " samples with boxes, then new ones, each above the same latent without maps of"
        f" {layer}",
        seed=found.seed or 0,
        protocol=outcome.protocol,
        numbers={"step": loaded.step, **numbers},
    )
    return 0


if __name__ == "__main__":
    cli.run_main(main)
