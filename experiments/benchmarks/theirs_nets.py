"""PyTorch's networks, as its DCGAN example has them, in any of the measured shapes."""

import torch
from torch import nn

from experiments.benchmarks.nets import PairShape


class Generator(nn.Module):
    """Latents, and labels where the shape has them, → images."""

    def __init__(self, shape: PairShape, *, is_example: bool) -> None:
        super().__init__()
        features, size = shape.base
        if is_example:
            dense: list[nn.Module] = [
                nn.Sequential(
                    nn.Unflatten(1, (shape.latent_size, 1, 1)),
                    nn.ConvTranspose2d(
                        shape.latent_size, features, size, 1, 0, bias=False
                    ),
                    nn.BatchNorm2d(features),
                    nn.ReLU(True),
                )
            ]
        else:
            dense = [
                nn.Sequential(
                    nn.Linear(inputs, units, bias=False),
                    nn.BatchNorm1d(units, affine=shape.bn_affine),
                    nn.ReLU(True),
                )
                for inputs, units in shape.gen_dense
            ]
            dense[-1].append(nn.Unflatten(1, shape.base[:1] + 2 * shape.base[1:]))
        layers = [c for c in shape.convolutions if c.name.startswith("gen/")]
        maps: list[nn.Module] = []
        for layer in layers:
            padding = (layer.side - 1) // 2
            block: list[nn.Module] = [
                nn.ConvTranspose2d(
                    layer.outputs, layer.inputs, layer.side, layer.stride, padding,
                    output_padding=layer.stride + 2 * padding - layer.side, bias=False,
                )
            ]  # fmt: skip
            if layer is not layers[-1]:
                block += [
                    nn.BatchNorm2d(layer.inputs, affine=shape.bn_affine),
                    nn.ReLU(True),
                ]
            maps.append(nn.Sequential(*block))
        self.blocks = nn.ModuleList([*dense, *maps])
        self.squash = nn.Sigmoid() if shape.num_classes else nn.Tanh()
        self.apply(_init)

    def forward(
        self, latents: torch.Tensor, codes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Generate from (batch, latent_size) and one-hot (batch, classes)."""
        x = latents
        for block in self.blocks:
            x = block(_join(x, codes))
        images: torch.Tensor = self.squash(x)
        return images


class Discriminator(nn.Module):
    """Images, and labels where the shape has them, → logits."""

    def __init__(self, shape: PairShape) -> None:
        super().__init__()
        layers = [c for c in shape.convolutions if c.name.startswith("disc/")]
        self.blocks = nn.ModuleList()
        for layer in layers:
            block: list[nn.Module] = [
                nn.Conv2d(
                    layer.inputs, layer.outputs, layer.side, layer.stride,
                    (layer.side - 1) // 2, bias=False,
                )
            ]  # fmt: skip
            if layer is not layers[0]:
                block.append(nn.BatchNorm2d(layer.outputs, affine=shape.bn_affine))
            self.blocks.append(nn.Sequential(*block, nn.LeakyReLU(0.2, True)))
        self.dense = nn.ModuleList()
        for inputs, units in shape.disc_dense[:-1]:
            self.dense.append(
                nn.Sequential(
                    nn.Linear(inputs, units, bias=False),
                    nn.BatchNorm1d(units, affine=shape.bn_affine),
                    nn.LeakyReLU(0.2, True),
                )
            )
        if self.dense:
            self.logit: nn.Module = nn.Linear(shape.disc_dense[-1][0], 1, bias=False)
        else:  # equal to a dense layer on the flattened map
            self.logit = nn.Conv2d(layers[-1].outputs, 1, layers[-1].small, bias=False)
        self.apply(_init)

    def forward(
        self, images: torch.Tensor, codes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Score (batch, channels, height, width) as images of one-hot labels."""
        for block in self.blocks:
            images = block(_join(images, codes))
        x = images.flatten(1) if len(self.dense) else images
        for block in self.dense:
            x = block(_join(x, codes))
        logits: torch.Tensor = self.logit(_join(x, codes)).flatten()
        return logits

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return every layer's maps, max-pooled to 4×4, side by side."""
        found = []
        for block in self.blocks:
            images = block(images)
            found.append(nn.functional.adaptive_max_pool2d(images, 4).flatten(1))
        return torch.cat(found, 1)


def _join(x: torch.Tensor, codes: torch.Tensor | None) -> torch.Tensor:
    """Append the labels to vectors, or as constant maps to maps."""
    if codes is None:
        return x
    if x.ndim == 4:
        codes = codes[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, codes.to(x.dtype)], 1)


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
