"""Prepare a data set: python -m dcgan_jax.prepare --dataset=NAME [--source=PATH]."""

import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from dcgan_jax.config import DataConfig
from dcgan_jax.system import stop_signals


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareConfig(DataConfig):
    """Prepare a data set without training on it."""

    verify: bool = False
    """Compare every shard's sha256 with the manifest, however large the store is."""
    labelled: bool = False
    """Refuse images without labels before anything is written."""
    faces: bool = False
    """Cut the faces out of photographs, for --dataset=folder, and do nothing else;
    `--faces --help` lists what goes with it."""


def main(argv: Sequence[str]) -> int:
    """Make what the flags describe, say where it is; return the exit code."""
    make = _make_faces if "--faces" in argv else _make_store
    deaths = (signal.SIGTERM, signal.SIGHUP)
    try:
        with stop_signals.handled(dict.fromkeys(deaths, _raise_terminated)):
            told = make(argv)
    except KeyboardInterrupt as stop:
        number = stop.args[0] if isinstance(stop, _Terminated) else signal.SIGINT
        print(
            "stopped; the same command goes on from here", file=sys.stderr, flush=True
        )
        # Not by return: the download threads of tfds would hold the exit up for long.
        os._exit(128 + number)
    print(told)
    return 0


def _make_store(argv: Sequence[str]) -> str:
    # Here, not above: each decoding process imports this module anew.
    from dcgan_jax import cli
    from dcgan_jax.data import manifest, store
    from dcgan_jax.prepare import build

    config = cli.parse_data(PrepareConfig, argv)
    path = build.prepare(config, labelled=config.labelled)
    if config.verify:
        store.open_store(path, hash_all=True)
    count = manifest.read(path).num_images
    told = f"{path}: {count:,} images{', all checked' if config.verify else ''}"
    return f"{told}\n{_deduplicate(config)}" if config.dedup else told


def _deduplicate(config: PrepareConfig) -> str:
    from dcgan_jax.data import kept_rows
    from dcgan_jax.prepare.dedup import find
    from dcgan_jax.system import backend

    backend.enable_compilation_cache()
    kept = find.make_list(config)
    return f"{kept_rows.folder_of(config)}: {find.describe(kept)}"


def _make_faces(argv: Sequence[str]) -> str:
    from dcgan_jax import cli
    from dcgan_jax.prepare.faces import crops

    flags = [word for word in argv if word != "--faces"]
    config = cli.parse(crops.FacesConfig, flags, command="--faces")
    tally = crops.extract(config)
    return (
        f"{config.out}: {tally.num_faces:,} faces in {tally.num_photos:,} photographs,"
        f" {tally.photos_without_face:,} without a face, {tally.photos_with_several:,}"
        f" with several; train with --dataset=folder --source={config.out}"
    )


class _Terminated(KeyboardInterrupt):
    """Unwind the stack after a signal, so that workers and files are closed."""


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise _Terminated(number)


if __name__ == "__main__":
    from dcgan_jax import cli

    cli.run_main(main)
