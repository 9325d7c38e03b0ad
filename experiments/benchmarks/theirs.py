"""PyTorch's side: the loop of its DCGAN example, written anew."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from experiments.benchmarks import nets, theirs_nets

LEARNING_RATE, B1 = 2e-4, 0.5  # pytorch/examples dcgan/main.py


class TorchParticipant:
    """One way of running PyTorch, ready to be timed."""

    def __init__(self, spec: dict[str, Any]) -> None:
        config = nets.make_config(spec["net"], batch_size=spec["batch_size"])
        shape = nets.make_shape(spec["net"], config)
        torch.manual_seed(0)
        if spec["threads"]:
            torch.set_num_threads(spec["threads"])
        self._device = torch.device("cuda" if spec["device"] == "gpu" else "cpu")
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = spec["tuned"]
        self._batch, self._latent_size = config.batch_size, config.latent_size
        self._num_classes = shape.num_classes
        self._autocast = spec["precision"] == "bfloat16"
        example = spec["net"] == "pytorch_example"
        self._gen = theirs_nets.Generator(shape, is_example=example)
        self._disc = theirs_nets.Discriminator(shape)
        self._gen, self._disc = self._gen.to(self._device), self._disc.to(self._device)
        size, channels = shape.image
        self._real = torch.rand(self._batch, channels, size, size) * 2 - 1
        self._real = self._real.to(self._device)
        if spec["tuned"]:
            self._gen = self._gen.to(memory_format=torch.channels_last)
            self._disc = self._disc.to(memory_format=torch.channels_last)
            self._real = self._real.contiguous(memory_format=torch.channels_last)
        self._criterion = nn.BCEWithLogitsLoss()
        fused = True if spec["tuned"] else None
        self._gen_adam, self._disc_adam = (
            torch.optim.Adam(
                net.parameters(),
                lr=LEARNING_RATE,
                betas=(B1, 0.999),
                fused=fused,
                capturable=bool(spec.get("graph")),
            )
            for net in (self._gen, self._disc)
        )
        if spec.get("compiled"):
            self._gen = torch.compile(self._gen)
            self._disc = torch.compile(self._disc)
        self._run = self._step
        self._step()
        if spec.get("graph"):
            self._run = self._capture()

    def train(self, count: int) -> float:
        """Run `count` iterations; return seconds."""
        begin = time.perf_counter()
        for _ in range(count):
            self._run()
        self._wait()
        return time.perf_counter() - begin

    def sample(self, blocks: int, block: int) -> float:
        """Generate uint8 images in blocks, on the host; return seconds."""
        self._gen.eval()
        begin = time.perf_counter()
        with torch.inference_mode():
            for _ in range(blocks):
                latents = torch.randn(block, self._latent_size, device=self._device)
                with self._cast():
                    images = self._gen(latents)
                levels = ((images.float() + 1) * 127.5).round_().clamp_(0, 255)
                levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()
        seconds = time.perf_counter() - begin
        self._gen.train()
        return seconds

    def features(self, batches: int) -> float:
        """Extract the pooled activations of batches, on the host; return seconds."""
        self._disc.eval()
        begin = time.perf_counter()
        with torch.inference_mode():
            for _ in range(batches):
                with self._cast():
                    found = self._disc.features(self._real)
                found.float().cpu()
        seconds = time.perf_counter() - begin
        self._disc.train()
        return seconds

    def device_peak_mb(self) -> float:
        """Return the most memory that was taken on the device; 0 on a CPU."""
        if self._device.type != "cuda":
            return 0.0
        return torch.cuda.max_memory_reserved() / 2**20

    def matmul(self, size: int, count: int, kind: str = "float32") -> float:
        """Multiply square matrices, "bf16" or float32 as it comes; return seconds."""
        dtype = torch.bfloat16 if kind == "bf16" else torch.float32
        a = torch.rand(size, size, device=self._device, dtype=dtype)
        b = torch.rand(size, size, device=self._device, dtype=dtype)
        a @ b
        self._wait()
        begin = time.perf_counter()
        for _ in range(count):
            a @ b
        self._wait()
        return time.perf_counter() - begin

    def _step(self) -> dict[str, float]:
        """Run an iteration and read its losses, as the example does."""
        return {name: value.item() for name, value in self._compute().items()}

    def _capture(self) -> Callable[[], dict[str, float]]:
        """Record a whole iteration as a CUDA graph; return what replays it.

        Memory of the graph's own has been warmed up on a stream beside the default
        one, as PyTorch's notes on CUDA graphs say.
        """
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                self._compute()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = self._compute()

        def replay() -> dict[str, float]:
            graph.replay()
            return {name: value.item() for name, value in kept.items()}

        return replay

    def _compute(self) -> dict[str, torch.Tensor]:
        """Update D, then G: one fake batch serves both, as in the example."""
        self._disc.zero_grad()
        label = torch.full((self._batch,), 1.0, device=self._device)
        codes = self._draw_codes()
        real_loss, real_logits = self._judge(self._real, codes, label)
        real_loss.backward()
        noise = torch.randn(self._batch, self._latent_size, device=self._device)
        with self._cast():
            fake = self._gen(noise, codes)
        label.fill_(0.0)
        fake_loss, fake_logits = self._judge(fake.detach(), codes, label)
        fake_loss.backward()
        self._disc_adam.step()
        self._gen.zero_grad()
        label.fill_(1.0)
        gen_loss, _ = self._judge(fake, codes, label)
        gen_loss.backward()
        self._gen_adam.step()
        return {
            "d_loss": (real_loss + fake_loss).detach(),
            "g_loss": gen_loss.detach(),
            "d_real": real_logits.detach().sigmoid().mean(),
            "d_fake": fake_logits.detach().sigmoid().mean(),
        }

    def _judge(
        self, images: torch.Tensor, codes: torch.Tensor | None, label: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with self._cast():
            logits = self._disc(images, codes)
        logits = logits.float()
        return self._criterion(logits, label), logits

    def _draw_codes(self) -> torch.Tensor | None:
        """Draw the labels of a minibatch, as one-hot vectors."""
        if not self._num_classes:
            return None
        labels = torch.randint(self._num_classes, (self._batch,), device=self._device)
        return nn.functional.one_hot(labels, self._num_classes).float()

    def _cast(self) -> torch.autocast:
        return torch.autocast(
            self._device.type, dtype=torch.bfloat16, enabled=self._autocast
        )

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
