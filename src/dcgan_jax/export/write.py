"""Networks → files for others, with a model card and a grid of samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.export import model_card, onnx_form, torch_form
from dcgan_jax.pictures import captions, grid
from dcgan_jax.runs import load as loading, safetensors_file
from dcgan_jax.sample import draw as sampling, labels, numbered
from dcgan_jax.system import errors

NUM_GRID_SAMPLES = 64
GRID_COLUMNS = 8


class Net(NamedTuple):
    """A network to write.

    Attributes:
        name: generator or discriminator.
        module: the network.
        variables: {params, batch_stats}.
    """

    name: safetensors_file.Net
    module: nn.Module
    variables: dict[str, Any]


class Exported(NamedTuple):
    """The networks to export.

    Attributes:
        source: the run or file, as the user named it.
        loaded: the generator.
        discriminator: the discriminator; None if there is none.
    """

    source: str
    loaded: loading.LoadedGenerator
    discriminator: Net | None

    @property
    def nets(self) -> list[Net]:
        """The networks, the generator first."""
        own = Net("generator", self.loaded.network, self.loaded.variables)
        return [own] if self.discriminator is None else [own, self.discriminator]


def load(
    source: str, *, step: int | None, folder: Path | None, ema: bool = False
) -> Exported:
    """Load the networks of a run, or the generator of a file or release.

    Args:
        source: as in `loading.load_generator`.
        step: the step of a run's checkpoint; None: the newest.
        folder: the folder of the authors' files.
        ema: whether to take the average of the generator.

    Raises:
        MissingInputError: if there is no such run or file.
        InputError: if it is damaged.
    """
    loaded = loading.load_generator(source, weights_dir=folder, step=step, ema=ema)
    if not Path(source).is_dir():
        return Exported(source, loaded, None)
    own = loading.load_discriminator(source, step=loaded.step)
    variables = {"params": own.params, "batch_stats": own.batch_stats}
    return Exported(source, loaded, Net("discriminator", own.network, variables))


def write(subject: Exported, out: Path, *, form: str) -> Iterator[str]:
    """Write the networks, then their card and its grid; yield a line for each file.

    Args:
        subject: what `load` returned.
        out: the generator's file; the others' names begin with its stem.
        form: safetensors, torch or onnx.

    Raises:
        InputError: if the form cannot hold these networks, its library is missing, or
            files of another origin have the names that go with `out`.
    """
    config = subject.loaded.config
    step = 0 if subject.loaded.step is None else subject.loaded.step
    paths = [out, safetensors_file.name_discriminator(out)]
    picture, card_path = out.with_suffix(".png"), out.with_suffix(".md")
    # Before anything is written.
    model_card.require_ours(card_path, [picture, *paths[1 : len(subject.nets)]])
    if form == "onnx":
        onnx_form.require_converter()
    codes = (
        [_torch_code(net, config) for net in subject.nets] if form == "torch" else []
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    for net, path in zip(subject.nets, paths, strict=False):
        about = _write_net(net, path, config, step=step, form=form)
        yield f"{net.name} of step {step} in {path}{about}"
    _draw_grid(subject.loaded, picture)
    card = model_card.Card(
        title=out.stem,
        source=subject.source,
        config=config,
        step=step,
        form=form,
        files=[path.name for path in paths[: len(subject.nets)]],
        picture=picture.name,
        codes=codes,
    )
    model_card.save(card, card_path)
    yield f"model card in {card_path}, its grid in {picture}"


def name_files(subject: Exported, out: Path) -> dict[str, Path]:
    """Return what `write` has written, by the names that a hub has for it."""
    nets = [out, safetensors_file.name_discriminator(out)][: len(subject.nets)]
    card, picture = out.with_suffix(".md"), out.with_suffix(".png")
    return {**{path.name: path for path in [*nets, picture]}, "README.md": card}


def _write_net(
    net: Net, path: Path, config: TrainConfig, *, step: int, form: str
) -> str:
    """Write a network's file; return what is to be told besides its name."""
    if form == "safetensors":
        variables = net.variables
        safetensors_file.save_network(path, variables, config, step=step, net=net.name)
        return ""
    if form == "torch":
        torch_form.save(path, torch_form.list_layers(net.module, net.variables))
        return ""
    return _write_onnx(net, path, config)


def _torch_code(net: Net, config: TrainConfig) -> str:
    if config.architecture not in torch_form.ARCHITECTURES or config.conditional:
        own = "conditional " * config.conditional + config.architecture
        raise errors.InputError(
            f"--format=torch is for plain DCGANs ({', '.join(torch_form.ARCHITECTURES)}"
            f"); this is {own}. Take --format=onnx."
        )
    layers = torch_form.list_layers(net.module, net.variables)
    return torch_form.write_code(net.name, layers)


def _write_onnx(net: Net, path: Path, config: TrainConfig) -> str:
    # A converter knows plain operations in float32 alone.
    plain = models.make_pair(onnx_form.simplify(config))
    module = plain.generator if net.name == "generator" else plain.discriminator
    difference = onnx_form.save(path, module, net.variables, config, net=net.name)
    if difference is None:
        return "; it was not compared with ours, since onnxruntime is not installed"
    return f"; it differs from ours by {difference:.1e} of the largest output"


def _draw_grid(loaded: loading.LoadedGenerator, path: Path) -> None:
    latents, chosen = numbered.arrange_grid(
        loaded.draw_latents,
        loaded.config,
        count=NUM_GRID_SAMPLES,
        columns=GRID_COLUMNS,
        seed=0,
    )
    images = sampling.make_sampler(loaded.network)(loaded.variables, latents, chosen)
    picture = grid.make_grid(images, columns=GRID_COLUMNS)
    names = labels.own_names(loaded.config)
    rows = () if names is None else names[: len(images) // GRID_COLUMNS]
    captions.save_with_names(picture, path, names=dict(enumerate(rows)))
