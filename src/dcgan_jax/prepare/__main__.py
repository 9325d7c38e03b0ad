"""Prepare a data set without training on it."""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from dcgan_jax.prepare.config import FacesConfig, PrepareConfig
from dcgan_jax.system import signals


def parse(argv: Sequence[str]) -> PrepareConfig | FacesConfig:
    """Read the command's flags; with --faces they are others."""
    # Here, not above: each decoding process imports this module anew.
    from dcgan_jax import cli

    if "--faces" in argv:
        flags = [word for word in argv if word != "--faces"]
        return cli.parse(FacesConfig, flags, command="prepare --faces")
    return cli.parse_data(PrepareConfig, argv)


def main(argv: Sequence[str]) -> int:
    """Make what the flags describe, say where it is; return the exit code."""
    deaths = dict.fromkeys((signal.SIGTERM, signal.SIGHUP), _raise_terminated)
    try:
        with signals.answering(deaths):
            config = parse(argv)
            line = (
                _make_faces(config)
                if isinstance(config, FacesConfig)
                else _make_store(config)
            )
    except KeyboardInterrupt as stop:
        number = stop.args[0] if isinstance(stop, _Terminated) else signal.SIGINT
        print(
            "stopped; the same command goes on from here", file=sys.stderr, flush=True
        )
        # Not by return: the download threads of tfds would hold the exit up for long.
        os._exit(128 + number)
    print(line)
    return 0


def _make_store(config: PrepareConfig) -> str:
    from dcgan_jax.data import store
    from dcgan_jax.prepare import build, told

    path = build.prepare(config, labelled=config.labelled)
    if config.verify:
        store.open_store(path, hash_all=True)
    line = f"{path}: {told.describe(path, verified=config.verify)}"
    return f"{line}\n{_deduplicate(config)}" if config.dedup else line


def _deduplicate(config: PrepareConfig) -> str:
    from dcgan_jax.data import kept_rows
    from dcgan_jax.prepare.dedup import find
    from dcgan_jax.system import backend

    backend.enable_compilation_cache()
    kept = find.make_list(config)
    return f"{kept_rows.folder_of(config)}: {find.describe_kept(kept)}"


def _make_faces(config: FacesConfig) -> str:
    from dcgan_jax.prepare.faces import crops

    tally = crops.cut_faces(config)
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
