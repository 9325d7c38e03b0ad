"""Prepare a data set: python -m dcgan_jax.prepare --dataset=NAME [--source=PATH]."""

import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from dcgan_jax.config import DataConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareConfig(DataConfig):
    """Prepare a data set without training on it."""

    verify: bool = False
    """Compare every shard's sha256 with the manifest, however large the store is."""
    labelled: bool = False
    """Refuse images without labels before anything is written."""


def main(argv: Sequence[str]) -> int:
    """Make the store that the flags describe, say where it is; return the exit code."""
    # Here, not above: each decoding process imports this module anew.
    from dcgan_jax import cli
    from dcgan_jax.data import manifest, prepare, store

    config = cli.parse_data(PrepareConfig, argv)
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        path = prepare.prepare(config, labelled=config.labelled)
        if config.verify:
            store.open_store(path, hash_all=True)
        found = _deduplicate(config) if config.dedup else None
    except KeyboardInterrupt as stop:
        number = signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT
        print(
            "stopped; the same command goes on from here", file=sys.stderr, flush=True
        )
        # Not by return: the download threads of tfds would hold the exit up for long.
        os._exit(128 + number)
    count = manifest.read(path).num_images
    print(f"{path}: {count:,} images{', all checked' if config.verify else ''}")
    if found is not None:
        print(found)
    return 0


def _deduplicate(config: PrepareConfig) -> str:
    from dcgan_jax import backend, deduplicating
    from dcgan_jax.data import kept_rows

    backend.enable_compilation_cache()
    kept = deduplicating.make_list(config)
    return f"{kept_rows.folder_of(config)}: {deduplicating.describe(kept)}"


class _Terminated(KeyboardInterrupt):
    """Unwind the stack after SIGTERM, so that workers and files are closed."""


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise _Terminated


if __name__ == "__main__":
    from dcgan_jax import cli

    cli.run_main(main)
