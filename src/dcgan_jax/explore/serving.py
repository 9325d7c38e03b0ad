"""Pictures and films at addresses of their own, which the page shows and people save.

Nothing is given out but what a generator draws and a run's film: an address names a
generator by its digest, and numbers.
"""

import functools
import math
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax.explore import encoding, own
from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.own import OwnGenerator
from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import paths
from dcgan_jax.latent.paths import Interpolation
from dcgan_jax.pictures import animation, grid
from dcgan_jax.sample.draw import BLOCK
from dcgan_jax.system import errors, seeds
from dcgan_jax.visualize import film

MAX_WALL = 1000
_FILM_WIDTH = 640
_FILM_FRAMES, _FILM_RATE = 200, 12.0
_WALK_STEPS, _WALK_RATE = 32, 16.0
_TYPES = {"png": "image/png", "gif": "image/gif", "mp4": "video/mp4"}
_NO_CLASS = "-"
_BLOCKS_KEPT = 64
# An address names the parameters and the seed, so that its picture never changes.
_HEADERS = {"Cache-Control": "private, max-age=86400, immutable"}


def name_samples(subject: Subject, session: Session) -> str:
    """Return where samples of a seed and a class are; add "/NUMBER.png" to it."""
    label = _NO_CLASS if session.label is None else session.label
    return f"samples/{subject.require().digest}/{session.seed}/{label}"


def place_samples(subject: Subject, session: Session, count: int) -> dict[str, Any]:
    """Return what static/cells.js shows: where the first samples are."""
    size = subject.require().config.image_size
    numbers = range(own.FIRST_NUMBER, own.FIRST_NUMBER + len(subject.own))
    return {
        "places": [name_samples(subject, session)],
        "count": count,
        "width": size,
        "height": size,
        "own": list(numbers)[::-1],
    }


def find_lacking_mp4() -> str | None:
    """Return why no MP4 can be written here; None if it can."""
    try:
        animation.check_path(Path("film.mp4"))
    except errors.InputError as error:
        return str(error)
    return None


class SampleServer:
    """Draws what addresses name; keeps some blocks of samples.

    Every method returns None where there is no such picture.
    """

    def __init__(self, hub: Hub) -> None:
        """Take the generators of a hub."""
        self._hub = hub
        self._lock = threading.Lock()
        self._draw = functools.lru_cache(_BLOCKS_KEPT)(self._draw_anew)

    def read(self, digest: str, seed: str, label: str, number: str) -> bytes | None:
        """Return a sample as PNG."""
        index = _read_number(number, own.LAST_NUMBER)
        generator = self._find(digest, seed, label)
        if index is None or generator is None:
            return None
        if index >= own.FIRST_NUMBER:
            try:
                return encoding.to_png(generator.draw(generator.pick([index]))[0])
            except errors.InputError:
                return None
        block, place = divmod(index, BLOCK)
        with self._lock:  # others that ask for the same block wait for it
            images = self._draw(digest, seed, label, block)
        return encoding.to_png(images[place])

    def draw_wall(self, digest: str, seed: str, label: str, count: str) -> bytes | None:
        """Return the first samples as one PNG."""
        number = _read_number(count, MAX_WALL)
        generator = self._find(digest, seed, label)
        if not number or generator is None:
            return None
        images = generator.draw(generator.latents(number))
        columns = math.ceil(math.sqrt(number))
        return encoding.to_png(_magnify(grid.make_grid(images, columns=columns)))

    def draw_walk(
        self, digest: str, seed: str, label: str, suffix: str, asked: Mapping[str, str]
    ) -> bytes | None:
        """Return a walk between two samples and back as a film."""
        ends = [_read_number(asked.get(end, ""), own.LAST_NUMBER)
                for end in ("from", "to")]  # fmt: skip
        generator = self._find(digest, seed, label)
        path = asked.get("path", "")
        if generator is None or None in ends or path not in ("linear", "spherical"):
            return None
        try:
            latents = generator.pick([end for end in ends if end is not None])
        except errors.InputError:
            return None
        kind: Interpolation = "linear" if path == "linear" else "spherical"
        way = paths.walk(
            latents, num_steps=_WALK_STEPS, interpolation=kind, closed=False
        )[0]
        frames = _magnify(generator.draw(way))
        there_and_back = [*frames, *frames[-2:0:-1]]
        return _make_film(there_and_back, suffix, frames_per_second=_WALK_RATE)

    def draw_film(self, run: str, suffix: str) -> bytes | None:
        """Return the film of a run's grids."""
        folder = self._hub.find_run(run)
        if folder is None:
            return None
        try:
            grids = film.choose_grids(film.list_grids(folder), most=_FILM_FRAMES)
            frames = [film.make_frame(step, path, max_width=_FILM_WIDTH)
                      for step, path in grids]  # fmt: skip
            return _make_film(frames, suffix, frames_per_second=_FILM_RATE)
        except errors.InputError:
            return None

    def _find(self, digest: str, seed: str, label: str) -> OwnGenerator | None:
        number = _read_number(seed, seeds.MAX_SEED)
        subject = self._hub.find_named(digest)
        if subject is None or number is None:
            return None
        num_classes = subject.require().config.num_classes
        if num_classes is None:
            return subject.number(number, None) if label == _NO_CLASS else None
        chosen = _read_number(label, num_classes - 1)
        return None if chosen is None else subject.number(number, chosen)

    def _draw_anew(self, digest: str, seed: str, label: str, block: int) -> np.ndarray:
        generator = self._find(digest, seed, label)
        assert generator is not None
        first = block * BLOCK
        return generator.draw(generator.latents(first + BLOCK)[first:])


def make_routes(hub: Hub) -> list[Any]:
    """Return the routes of a page's pictures, `starlette.routing.Route` each."""
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    server = SampleServer(hub)

    def answer(content: bytes | None, suffix: str, headers: Any = None) -> Response:
        if content is None:
            return Response(status_code=404)
        return Response(content, media_type=_TYPES[suffix], headers=headers)

    def give_sample(request: Request) -> Response:
        return answer(server.read(**request.path_params), "png", _HEADERS)

    def give_wall(request: Request) -> Response:
        count = request.query_params.get("count", "")
        return answer(server.draw_wall(**request.path_params, count=count), "png")

    def give_walk(request: Request) -> Response:
        names = request.path_params
        if names["suffix"] not in _TYPES:
            return Response(status_code=404)
        found = server.draw_walk(**names, asked=request.query_params)
        return answer(found, names["suffix"])

    def give_film(request: Request) -> Response:
        names = request.path_params
        if names["suffix"] not in _TYPES:
            return Response(status_code=404)
        return answer(server.draw_film(**names), names["suffix"])

    samples = "/samples/{digest}/{seed}/{label}"
    return [
        Route(f"{samples}/wall.png", give_wall),
        Route(f"{samples}/walk.{{suffix}}", give_walk),
        Route(f"{samples}/{{number}}.png", give_sample),
        Route("/films/{run}.{suffix}", give_film),
    ]


def _magnify(pictures: np.ndarray) -> np.ndarray:
    """Return (…, height, width, channels) as large as the commands write it."""
    return grid.magnify(pictures, grid.find_scale(pictures))


def _make_film(
    frames: Sequence[np.ndarray], suffix: str, *, frames_per_second: float
) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        try:
            animation.save_animation(frames, path, frames_per_second=frames_per_second)
        except errors.InputError:
            return None
        return path.read_bytes()


def _read_number(text: str, most: int) -> int | None:
    """Return a number from 0 to `most`; None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    return int(text) if int(text) <= most else None
