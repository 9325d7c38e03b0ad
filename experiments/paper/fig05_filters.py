r"""Fig. 5: what the filters of a discriminator respond to, beside random filters.

python experiments/paper/fig05_filters.py RUN --name=faces64

RUN is a run's folder, authors_svhn or authors_imagenet; other flags are those of
`python -m dcgan_jax.visualize filters`. Where SVHN is not to be had, images that the
authors' generator draws stand for it:

python -m dcgan_jax.sample authors_svhn --num=5000 --out=svhn_samples.npz
python experiments/paper/fig05_filters.py authors_svhn --name=authors_svhn \
    --dataset=arrays --source=svhn_samples.npz

Cost: a minute for 10,000 images of 32 pixels on two CPU cores. Expected (§6.2): trained
filters respond to parts of the objects, random ones to nothing in particular. What a
person sees in the picture goes into the result with --seen.
"""

from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.data import ready
from dcgan_jax.pictures import grid
from dcgan_jax.visualize import filters
from dcgan_jax.visualize.filters import FiltersConfig
from experiments import results, trained


def main(argv: Sequence[str]) -> int:
    parser = results.make_parser(__doc__, allow_abbrev=False)
    parser.add_argument("--name", required=True, help="of the result: fig05_NAME")
    parser.add_argument("--seen", default="", help="what the picture shows, in words")
    flags, rest = parser.parse_known_args(argv)
    config = cli.parse(FiltersConfig, rest, command="visualize filters")
    filters.check(config)
    cli.start()
    data = filters.find_data(config)
    trained.require(ready.make_ready(data))
    measured = filters.draw_figure(config)
    name = f"fig05_{flags.name}"
    picture = measured.draw(config.scale)
    grid.save_image(picture, results.FOLDER / f"{name}.png")
    results.save(
        name,
        what="Fig. 5: the images that filters of the last convolution respond to",
        seed=config.seed,
        protocol=f"{measured.protocol}; images of {data.dataset} ({data.split})",
        numbers={**measured.numbers, "seen": flags.seen},
    )
    print(measured.text)
    return 0


if __name__ == "__main__":
    cli.run_main(main)
