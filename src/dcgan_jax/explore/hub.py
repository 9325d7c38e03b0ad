"""The generators that the page shows, opened when they are asked for."""

import collections
import dataclasses
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_jax.explore import own, subject as subjects
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.explore.session import Which
from dcgan_jax.explore.subject import Subject
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.system import errors

_MOST_OPEN = 4  # generators that are kept in memory
_DEEPEST = 4  # folders below the one that is searched for runs


def list_runs(folder: Path) -> list[str]:
    """Return the folders of runs in a folder and below, by name.

    Hidden folders and those inside of a run are left out, and so are deep ones.
    """
    found: list[str] = []

    def look(place: Path, depth: int) -> None:
        if (place / run_dir.CONFIG).is_file():
            found.append(str(place))
            return
        if depth == 0:
            return
        try:
            inner = sorted(path for path in place.iterdir() if path.is_dir())
        except OSError:
            return
        for path in inner:
            if not path.name.startswith(".") and not path.is_symlink():
                look(path, depth - 1)

    look(folder, _DEEPEST)
    return found


class Hub:
    """All generators of a page; its methods may be called from several threads.

    Attributes:
        config: the command's flags.
    """

    def __init__(
        self,
        config: ExploreConfig,
        opening: Callable[[ExploreConfig], Subject] = subjects.open_subject,
    ) -> None:
        """Open nothing yet.

        Args:
            config: the command's flags, whose run is shown first.
            opening: opens a generator.
        """
        self.config = config
        self._opening = opening
        self._lock = threading.RLock()
        self._open: collections.OrderedDict[Which, Subject] = collections.OrderedDict()
        self._named: dict[str, Which] = {}
        # What a name and the newest step that is listed have turned out to be.
        self._settled: dict[tuple[Which, int | None], Which] = {}
        self._own: dict[tuple[str, int], list[np.ndarray]] = {}
        self._runs: dict[str, Path] = {}
        self._shown: set[str] = set()  # that were opened, wherever they are

    @property
    def first(self) -> Which:
        """What the command line names, called as `list_runs` calls it."""
        run = self.config.run and str(Path(self.config.run))
        return Which(run, self.config.step, self.config.ema)

    def settle(self, which: Which) -> Which:
        """Return a generator's name with the step that it has now.

        Raises:
            InputError: if it cannot be opened.
        """
        loaded = self.find(which).loaded
        return which if loaded is None else which._replace(step=loaded.step)

    def find(self, which: Which | None) -> Subject:
        """Return a generator, opened at most once; None stands for the first.

        Raises:
            InputError: if it cannot be opened.
        """
        which = which or self.first
        with self._lock:
            steps = self.list_steps(which.run) if which.step is None else []
            asked = which, steps[0] if steps else which.step
            known = self._open.get(self._settled.get(asked, which))
            if known is not None:
                self._open.move_to_end(self._settled.get(asked, which))
                return known
            found = self._opening(
                dataclasses.replace(
                    self.config, run=which.run, step=which.step, ema=which.ema
                )
            )
            self._shown |= {which.run} - {""}
            if found.loaded is None:
                return found
            size = found.require().config.latent_size
            place = str(found.folder), size
            if place not in self._own:
                self._own[place] = own.read_all(found.folder, size)
            found = dataclasses.replace(found, own=self._own[place])
            self._settled[asked] = which._replace(step=found.require().step)
            self._keep(self._settled[asked], found)
            return found

    def find_named(self, digest: str) -> Subject | None:
        """Return the generator of a digest that a page has been told."""
        with self._lock:
            which = self._named.get(digest)
            return None if which is None else self.find(which)

    def find_discriminator(self, which: Which | None) -> LoadedDiscriminator | None:
        """Return the discriminator that belongs to a generator; None if there is none.

        It is loaded anew each time.
        """
        which = which or self.first
        try:
            return loading.load_discriminator(
                which.run,
                weights_dir=self.config.weights_dir,
                step=self.find(which).require().step,
            )
        except errors.InputError:
            return None

    def name_run(self, run: str) -> str:
        """Return the name of a run's folder in addresses."""
        name = hashlib.sha256(run.encode()).hexdigest()[:16]
        self._runs[name] = Path(run)
        return name

    def find_run(self, name: str) -> Path | None:
        """Return the folder of a run by its name in addresses."""
        return self._runs.get(name)

    def list_runs(self) -> list[str]:
        """Return the runs to choose from: all beside the first one, and those shown."""
        run = self.first.run
        return sorted({*list_runs(Path(run).parent if run else Path()), *self._shown})

    def list_steps(self, run: str) -> list[int]:
        """Return the steps of a run's checkpoints, newest first; none of a file."""
        folder = Path(run) / run_dir.CHECKPOINTS
        return checkpoints.list_steps(folder)[::-1] if folder.is_dir() else []

    def _keep(self, which: Which, found: Subject) -> None:
        self._open[which] = found
        self._named[found.require().digest] = which
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
