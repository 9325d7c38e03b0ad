"""Show how far a long job is: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import tqdm

Advance = Callable[[int], None]
_SECONDS_BETWEEN_LINES = 10.0
UNKNOWN = "?"


@contextlib.contextmanager
def track(
    what: str, total: int, *, unit: str, done: int = 0, visible: bool = True
) -> Iterator[Advance]:
    """Report progress on stderr with the rate and the time left.

    Args:
        what: the job's name, such as "preparing digits".
        total: its whole amount.
        unit: what is counted; "B" is scaled to kB, MB, GB.
        done: the part that an earlier process did.
        visible: whether anything is reported.

    Yields:
        A function that takes the amount done since its last call.
    """
    if not visible:
        yield lambda amount: None
    elif sys.stderr.isatty():
        with Bar(
            desc=what, total=total, initial=done, unit=unit, unit_scale=unit == "B"
        ) as bar:

            def advance(amount: int) -> None:
                bar.update(amount)

            yield advance
    else:
        lines = _Lines(what, total, unit=unit, done=done)
        yield lines.advance
        lines.print_line()


def tell_rate(rate: float, unit: str) -> str:
    """Return a rate in words; below ten a second, the seconds that each takes.

    Args:
        rate: a second; 0 before the first.
        unit: what is counted, as in `track`.
    """
    if rate <= 0:
        return UNKNOWN
    if unit == "B":
        scale, name = (1e6, "MB") if rate >= 1e7 else (1e3, "kB")
        return f"{rate / scale:,.0f} {name}/s"
    if rate >= 10:
        return f"{rate:,.0f} {unit}/s"
    return f"{tell_seconds(1 / rate)} s each"


def tell_length(seconds: float) -> str:
    """Tell a length of time in the unit that suits it: "7 min", "2.5 h", "9 days"."""
    if seconds >= 48 * 3600:
        return f"{seconds / 86400:.0f} days"
    if seconds >= 5400:
        return f"{seconds / 3600:.2g} h"
    return f"{max(seconds / 60, 1):.0f} min"


def tell_seconds(seconds: float) -> str:
    """Return a time in two digits or whole seconds: 0.25, 3.1, 1,200."""
    return f"{seconds:.2g}" if seconds < 9.95 else f"{seconds:,.0f}"


class Bar(tqdm.tqdm):
    """A bar whose rate is told as that of the lines."""

    def __init__(self, **settings: Any) -> None:
        form = (
            "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {told}{postfix}]"
        )
        super().__init__(bar_format=form, **settings)

    @property
    def format_dict(self) -> dict[str, Any]:
        """Return what the bar shows, with the rate in words as `told`."""
        found = dict(super().format_dict)
        rate = found["rate"]
        if rate is None and found["elapsed"]:
            rate = (found["n"] - found["initial"]) / found["elapsed"]
        found["told"] = tell_rate(rate or 0.0, found["unit"])
        return found


class _Lines:
    """Print a plain line now and then, for log files."""

    def __init__(self, what: str, total: int, *, unit: str, done: int) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._first = self._done = done
        self._start = self._printed = time.monotonic()

    def advance(self, amount: int) -> None:
        self._done += amount
        if time.monotonic() - self._printed >= _SECONDS_BETWEEN_LINES:
            self.print_line()

    def print_line(self) -> None:
        self._printed = time.monotonic()
        seconds = max(self._printed - self._start, 1e-9)
        rate = (self._done - self._first) / seconds
        left = UNKNOWN if rate <= 0 else f"{(self._total - self._done) / rate:,.0f}"
        if self._done >= self._total:
            left = "0"
        scale, unit = (1e6, "MB") if self._unit == "B" else (1.0, self._unit)
        print(
            f"{self._what}: {self._done / scale:,.0f} of {self._total / scale:,.0f}"
            f" {unit}, {tell_rate(rate, self._unit)}, {left} s left",
            file=sys.stderr,
            flush=True,
        )
