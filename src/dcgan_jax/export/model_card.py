"""A model card: what a generator was trained on and how, how good it is, how to use it.

It is Markdown, with the front matter of the Hugging Face hub.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import __version__
from dcgan_jax.config import TrainConfig, class_names_of
from dcgan_jax.runs import folder as run_dir, quality_log
from dcgan_jax.system import disk, errors, json_values

# The number of rows of quality numbers on a card, which are the newest.
_MAX_QUALITY_ROWS = 8
# The settings of their measurement that the card tells.
_QUALITY_SETTINGS = (
    "num_samples", "seed", "reference", "num_reference", "resize", "extractor",
    "versions",
)  # fmt: skip
# The settings of the run that the table of the protocol shows.
_SETTINGS = (
    "architecture", "width_multiplier", "image_size", "channels", "latent_size",
    "latent_distribution", "loss", "num_d_steps", "batch_size", "precision", "seed",
)  # fmt: skip


# The run's folder of results, into which `evaluate --out` may write.
EVALUATION = "evaluation"
# A card of an earlier export is recognised by these.
_LIBRARY, _BY_US = "dcgan_jax", "exported by dcgan_jax"


class Card(NamedTuple):
    """The contents of a card.

    Attributes:
        title: its heading.
        source: the run or file that was exported.
        config: the run's config.
        step: the checkpoint's step.
        form: safetensors, torch or onnx.
        files: the names of the networks' files, the generator's first.
        picture: the name of the grid's file.
        codes: the code of each network, for form torch.
    """

    title: str
    source: str
    config: TrainConfig
    step: int
    form: str
    files: list[str]
    picture: str
    codes: list[str]


def save(card: Card, path: Path) -> None:
    """Write a card, whole or not at all."""
    parts = [
        _front_matter(card),
        f"# {card.title}",
        f"A {card.config.architecture} GAN (Radford, Metz, Chintala 2015; Goodfellow et"
        f" al. 2014), step {card.step:,}, {_BY_US}"
        f" {__version__} as {card.form}: {', '.join(card.files)}.",
        f"![samples of seed 0, not chosen]({card.picture})",
        "## Data and protocol",
        _protocol(card),
        "## Numbers",
        _numbers(card),
        "## Use",
        _usage(card),
        "## Licence",
        "To be filled in by whoever publishes this file, here and in the lines at the"
        " top: the licence of the weights, which the terms of the training data bound.",
        "## Limits",
        "Samples show what the training images show, with their gaps and biases, and"
        " can resemble single ones; `python -m dcgan_jax.evaluate RUN"
        " --metric=memorisation` looks for that. The terms of the training data apply"
        " to what is made from them.",
    ]
    text = "\n\n".join(parts) + "\n"
    # The name of a file need not be UTF-8.
    disk.write_whole(path, text.encode("utf-8", "backslashreplace"))


def require_ours(path: Path, beside: Sequence[Path]) -> None:
    """Raise an error if an export would replace files that no export has written.

    Args:
        path: the card's path.
        beside: the files whose names the user did not give; an older card lists them.

    Raises:
        InputError: if it would; the message names the first such file.
    """
    text = ""
    if path.exists():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = path.read_text("utf-8")
        if f"\nlibrary_name: {_LIBRARY}\n" not in text or _BY_US not in text:
            text = ""
    for file in (path, *beside):
        if file.exists() and not (text and (file == path or file.name in text)):
            raise errors.InputError(
                f"{file} is there, but no export has written it, and it would be "
                "replaced. Give --out another name."
            )


def _front_matter(card: Card) -> str:
    return (
        f"---\nlibrary_name: {_LIBRARY}\ntags: [gan, dcgan, image-generation]\n"
        f"datasets: [{json.dumps(_name_data(card.config))}]\n"
        "# license: fill in, as in mit or cc-by-4.0\n---"
    )


def _name_data(config: TrainConfig) -> str:
    """Return a data set's name, or that of a user's own folder or file, no path."""
    if config.dataset in ("folder", "arrays") and config.source is not None:
        return config.source.name
    return config.dataset


def _protocol(card: Card) -> str:
    config = card.config
    rows: dict[str, Any] = {
        "data": f"{_in_table(_name_data(config))}, {config.split}",
        "step": f"{card.step:,}",
    }
    folder = Path(card.source)
    if (folder / run_dir.CONFIG).is_file():
        stored = json_values.read_json(folder / run_dir.CONFIG)
        rows["data fingerprint"] = stored.get("data_fingerprint", "")
    rows |= {name: getattr(config, name) for name in _SETTINGS}
    if names := class_names_of(config):
        pairs = [f"{n} {name}" for n, name in enumerate(names)]
        rows["classes"] = _in_table(", ".join(pairs))
    optimiser = config.adam or config.sgd
    rows["optimiser"] = f"`{optimiser}`"
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _in_table(text: str) -> str:
    """Return a text as a cell of a table in Markdown holds it."""
    return errors.one_line(text).replace("|", "\\|")


def _numbers(card: Card) -> str:
    """Return the last losses and the numbers that `evaluate` has measured."""
    folder = Path(card.source)
    if not folder.is_dir():
        return "This file comes without numbers."
    logged = [row for row in run_dir.read_metrics(folder) if row["step"] <= card.step]
    lines = []
    if logged:
        shown = ", ".join(
            f"{name} {logged[-1][name]:.3f}"
            for name in ("d_loss", "g_loss", "d_real", "d_fake")
            if name in logged[-1]
        )
        lines.append(
            f"Training, over the steps before {logged[-1]['step']:,}: {shown}."
        )
    rows = [*_quality_rows(folder), *_result_rows(folder)]
    if rows:
        lines += ["", "| step | numbers | protocol |", "|---|---|---|", *rows]
    return "\n".join(lines) or "Nothing was measured."


def _quality_rows(folder: Path) -> Iterator[str]:
    """Yield the newest numbers that `evaluate --every` has measured of a run."""
    for row in quality_log.read_rows(folder)[-_MAX_QUALITY_ROWS:]:
        numbers = ", ".join(f"{k} {v:.4g}" for k, v in row["numbers"].items())
        told = {key: row["settings"].get(key) for key in _QUALITY_SETTINGS}
        protocol = ", ".join(f"{key} {value}" for key, value in told.items() if value)
        yield f"| {row['step']:,} | {numbers} | {protocol} |"


def _result_rows(folder: Path) -> Iterator[str]:
    """Yield the numbers of the results that lie in a run's folder of evaluations."""
    for path in sorted((folder / EVALUATION).glob("*.json")):
        try:
            result = json_values.read_json(path)
            numbers = dict(result["numbers"])
            step, what = int(numbers.pop("step")), f"{result['what']}"
            protocol = f"{what.partition(' of ')[0]}: {result['protocol']}"
        except (KeyError, TypeError, ValueError):  # not a result of `evaluate`
            continue
        told = ", ".join(
            f"{name} {value:.4g}"
            for name, value in numbers.items()
            if type(value) in (int, float)
        )
        yield f"| {step:,} | {_in_table(told)} | {_in_table(protocol)} |"


def _usage(card: Card) -> str:
    make = {"safetensors": _own_lines, "torch": _torch_lines, "onnx": _onnx_lines}
    code = "\n".join(["```python", *make[card.form](card), "```"])
    if card.form != "safetensors":
        return code
    command = f"dcgan sample {card.files[0]} --num=64 --out=samples.png"
    return f"{code}\n\nOr on a command line:\n\n```\n{command}\n```"


def _own_lines(card: Card) -> list[str]:
    config = card.config
    names = class_names_of(config)
    label = 0 if names is None else names[0]
    chosen = "" if config.num_classes is None else f", labels={label!a}"
    shape = f"16, {config.image_size}, {config.image_size}, {config.channels}"
    return [
        "import dcgan_jax",
        "",
        f'gan = dcgan_jax.load("{card.files[0]}")',
        f"images = gan.sample(16{chosen})  # uint8 ({shape})",
        'gan.save_grid(images, "samples.png")',
    ]


def _torch_lines(card: Card) -> list[str]:
    names = ("generator", "discriminator")[: len(card.files)]
    loads = [
        line
        for name, file in zip(names, card.files, strict=True)
        for line in (
            f'load_model(nn.ModuleDict({{"main": {name}}}), "{file}")',
            f"{name}.eval()",
        )
    ]
    shape = f"16, {card.config.latent_size}, 1, 1"
    latents = {
        "uniform": f"2 * torch.rand({shape}) - 1",
        "normal": f"torch.randn({shape})",
        "unit_uniform": f"3**0.5 * (2 * torch.rand({shape}) - 1)",
    }[card.config.latent_distribution]
    return [
        "import torch",
        "from safetensors.torch import load_model",
        "from torch import nn",
        "",
        *card.codes,
        *loads,
        f"images = generator({latents})  # (16, channels, height, width) in [-1, 1]",
    ]


def _onnx_lines(card: Card) -> list[str]:
    shape = f"(16, {card.config.latent_size})"
    latents = {
        "uniform": f"random.uniform(-1, 1, {shape})",
        "normal": f"random.normal(size={shape})",
        "unit_uniform": f"random.uniform(-(3**0.5), 3**0.5, {shape})",
    }[card.config.latent_distribution]
    given = [f"{latents}.astype(np.float32)"]
    if card.config.num_classes is not None:
        given.append(f"random.integers({card.config.num_classes}, size=16, dtype='i4')")
    return [
        "import numpy as np",
        "import onnxruntime",
        "",
        "random = np.random.default_rng(0)",
        f'session = onnxruntime.InferenceSession("{card.files[0]}")',
        "names = [given.name for given in session.get_inputs()]",
        *(f"input{i} = {code}" for i, code in enumerate(given)),
        f"inputs = [{', '.join(f'input{i}' for i in range(len(given)))}]",
        "images = session.run(None, dict(zip(names, inputs)))[0]",
        "# (16, height, width, channels); the discriminator's file takes such images",
    ]
