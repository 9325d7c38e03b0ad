"""What a run tells: metrics.jsonl, TensorBoard events, the progress line, pictures."""

import contextlib
import functools
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dcgan_jax.pictures import curves, grid
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import disk, errors, progress
from dcgan_jax.train.event_file import EventFile

GRID_COLUMNS = 10
# The share that a row has in the time of a step that "left" is computed with.
_NEWS = 0.2


class Reporter:
    """Collects the metrics of every step and writes their means at log points.

    Args:
        workdir: the run's folder.
        step: where the run begins or goes on.
        num_steps: where it ends.
        images_per_step: real images that the discriminator sees in a step.
        scale: the dots that a pixel of a grid becomes; see `grid.find_scale`.
        line_seconds: without a terminal, the least time between two lines.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        step: int,
        num_steps: int,
        images_per_step: int,
        scale: int | None = None,
        line_seconds: float = 0.0,
    ) -> None:
        self._workdir = workdir
        self._scale = scale
        self._images_per_step = images_per_step
        self._pending: dict[str, list[np.ndarray]] = {}
        self._pending_steps = 0
        self._events = EventFile(workdir / "tensorboard", step=step + 1)
        self._warned: set[str] = set()
        self._terminal = sys.stderr.isatty()
        self._first_step, self._num_steps = step, num_steps
        self._line_seconds, self._line_time = line_seconds, -math.inf
        self._last_time = time.perf_counter()
        self._last_wait = 0.0
        # A step's, over some rows. The first step allocates and warms up: it tells
        # nothing.
        self._step_seconds: float | None = None

    def start_clock(self) -> None:
        """Count time from now on, since the first steps have only now begun."""
        self._last_time = time.perf_counter()

    def add(self, metrics: Mapping[str, np.ndarray]) -> None:
        """Take the metrics of consecutive steps, each (count,)."""
        for name, values in metrics.items():
            self._pending.setdefault(name, []).append(values)
        count = len(next(iter(metrics.values())))
        self._pending_steps += count
        self._bar.update(count)

    def log(self, step: int, *, wait_seconds: float, now: float) -> None:
        """Write the means since the last log point.

        Args:
            step: steps done.
            wait_seconds: total time for which the run has waited for data.
            now: when they were done, by `time.perf_counter`.
        """
        elapsed = max(now - self._last_time, 1e-9)
        row: dict[str, float] = {"step": step}
        for name, parts in self._pending.items():
            row[name] = float(np.concatenate(parts).mean())
        row["images_per_second"] = self._pending_steps * self._images_per_step / elapsed
        row["data_wait_seconds"] = wait_seconds - self._last_wait
        with self._trying("a row of the log"):
            run_dir.append_metrics(self._workdir, row)
        figures = {name: value for name, value in row.items() if name != "step"}
        with self._trying("TensorBoard's events"):
            self._events.add_scalars(figures, step)
        if step > self._first_step + 1:
            found = elapsed / max(self._pending_steps, 1)
            known = self._step_seconds
            self._step_seconds = (
                found if known is None else known + _NEWS * (found - known)
            )
        if self._terminal or self._is_line_due(step, now):
            self._show(row)
        self._pending, self._pending_steps = {}, 0
        self._last_time, self._last_wait = now, wait_seconds

    def add_quality(self, step: int, numbers: Mapping[str, float]) -> None:
        """Tell TensorBoard how good the generator is, by the numbers of a metric."""
        with self._trying("TensorBoard's events"):
            told = {f"quality/{name}": value for name, value in numbers.items()}
            self._events.add_scalars(told, step)

    def save_samples(self, step: int, images: np.ndarray, *, ema: bool = False) -> Path:
        """Write a grid as PNG and event.

        Args:
            step: steps done.
            images: uint8 (count, height, width, channels).
            ema: whether they are of the generator's average.
        """
        picture = grid.make_grid(images, columns=GRID_COLUMNS)
        folder = self._workdir / run_dir.SAMPLES
        path = folder / f"{'ema_' * ema}step_{step:08d}.png"
        with self._trying("a grid of samples"):
            folder.mkdir(exist_ok=True)
            grid.save_picture(picture, path, scale=self._scale)
        with self._trying("TensorBoard's events"):
            self._events.add_image("samples" + "_ema" * ema, picture, step)
        return path

    def save_real(self, images: np.ndarray) -> None:
        """Write a grid of real images beside those of samples, unless there is one.

        Args:
            images: uint8 (count, height, width, channels).
        """
        folder = self._workdir / run_dir.SAMPLES
        if (folder / run_dir.REAL).exists():
            return
        with self._trying("the grid of real images"):
            folder.mkdir(exist_ok=True)
            picture = grid.make_grid(images, columns=GRID_COLUMNS)
            grid.save_picture(picture, folder / run_dir.REAL, scale=self._scale)

    def save_classes(self, names: Sequence[str]) -> None:
        """Write the number and name of the class of each row of the grids beside them.

        The grids have no room for names: a film takes grids of one size, also those
        of a run that began before classes had names.
        """
        folder = self._workdir / run_dir.SAMPLES
        lines = [f"{n} {errors.one_line(name)}\n" for n, name in enumerate(names)]
        with self._trying("the list of classes"):
            folder.mkdir(exist_ok=True)
            disk.write_whole(folder / run_dir.CLASSES, "".join(lines).encode())

    def save_curves(self) -> Path:
        """Draw the whole log."""
        path = self._workdir / run_dir.CURVES
        with self._trying("the picture of the curves"):
            rows = run_dir.read_metrics(self._workdir)
            if rows:
                curves.save_curves(rows, path)
        return path

    def say(self, message: str) -> None:
        """Print a line without breaking the progress line."""
        tqdm.write(message, file=sys.stderr)

    def close(self) -> None:
        """Write out what is buffered."""
        if "_bar" in self.__dict__:
            self._bar.close()
        with self._trying("TensorBoard's events"):
            self._events.close()

    @functools.cached_property
    def _bar(self) -> progress.Bar:
        """The progress line, which begins with the first steps."""
        return progress.Bar(
            total=self._num_steps,
            initial=self._first_step,
            unit="steps",
            disable=not self._terminal,
            dynamic_ncols=True,
        )

    @contextlib.contextmanager
    def _trying(self, what: str) -> Iterator[None]:
        """Warn once where something cannot be written; no run ends for it."""
        try:
            yield
        except Exception as error:
            if what not in self._warned:
                self._warned.add(what)
                told = errors.one_line(f"{type(error).__name__}: {error}")
                self.say(f"warning: {what} cannot be written ({told}); the run goes on")

    def _is_line_due(self, step: int, now: float) -> bool:
        if step < self._num_steps and now - self._line_time < self._line_seconds:
            return False
        self._line_time = now
        return True

    def _show(self, row: Mapping[str, float]) -> None:
        rate = row["images_per_second"]
        figures = {"d_loss": f"{row['d_loss']:.3f}", "g_loss": f"{row['g_loss']:.3f}"}
        if self._step_seconds is not None:
            figures |= (
                {"images/s": f"{rate:.0f}"}
                if rate >= 10
                else {"s/image": progress.tell_seconds(1 / rate)}
            )
        if self._terminal:
            self._bar.set_postfix(figures)
            return
        told = "  ".join(f"{name} {value}" for name, value in figures.items())
        if self._step_seconds is not None:
            left = (self._num_steps - row["step"]) * self._step_seconds
            told += f"  left {tqdm.format_interval(left)}"
        self.say(f"step {row['step']:.0f}/{self._num_steps}  {told}")
