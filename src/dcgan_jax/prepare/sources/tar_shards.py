"""A folder of a WebDataset's shards: 000000.tar, 000001.tar and so on."""

import re
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import archives, data_files
from dcgan_jax.prepare.sources.base import Kind, has_suffix

# Its number ends a shard's name, alone or behind words: train-000000.tar.
_NAME = re.compile(r"(?:.*[-_.])?([0-9]{3,})(?:-of-[0-9]+)?\.t(ar|gz).*", re.IGNORECASE)
_MAX_SHOWN = 3


def _is_shard(file: Path) -> bool:
    is_tar = has_suffix(file, *archives.TAR_SUFFIXES)
    return is_tar and _NAME.fullmatch(file.name) is not None


def _find(path: Path) -> list[Path]:
    return data_files.find(path, _is_shard) if path.is_dir() else []


def _open(path: Path, config: DataConfig, work_dir: Path) -> archives.TarSource:
    files = _find(path)
    chosen = data_files.choose(files, config.split, where=path)
    source = archives.TarSource(
        chosen.files,
        "train",  # else the files' names tell the split
        where=path,
        fingerprint=data_files.fingerprint(files, path),
        work_dir=work_dir,
        others=chosen.others,
    )
    found = source.understood
    source.understood = found._replace(
        left_out=(*data_files.list_others(path, files), *found.left_out),
        splits=chosen.splits or found.splits,
        notes=(*_describe_shards(chosen.files), *found.notes),
    )
    return source


def _describe_shards(files: Sequence[Path]) -> tuple[str, ...]:
    """Tell how many shards were read, and which of their numbers are missing."""
    numbers = {
        int(match[1])
        for file in files
        if (match := _NAME.fullmatch(file.name)) is not None
    }
    missing = sorted(set(range(max(numbers) + 1)) - numbers)
    notes = [f"{len(files):,} shards"]
    if missing:
        shown = ", ".join(map(str, missing[:_MAX_SHOWN]))
        more = ", …" * (len(missing) > _MAX_SHOWN)
        notes.append(f"{len(missing):,} of their numbers are missing ({shown}{more})")
    return tuple(notes)


KIND = Kind(
    words="a folder of a WebDataset's shards",
    holds=lambda path: bool(_find(path)),
    open=_open,
    fingerprint=lambda path, split: data_files.fingerprint(_find(path), path),
    fingerprints_before=lambda path, split: [],
)
