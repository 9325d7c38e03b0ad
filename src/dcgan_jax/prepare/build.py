"""Source → store: decode every image once; a kill loses one shard's work at most."""

import concurrent.futures
import contextlib
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import batches, labels, manifest, transforms
from dcgan_jax.data.store import is_complete, store_path
from dcgan_jax.prepare import broken, decode, shards, sources, told
from dcgan_jax.prepare.shards import Finished
from dcgan_jax.prepare.sources import Source, layout, splits
from dcgan_jax.system import disk, errors, marks, progress

SHUFFLE_SEED = 20151119  # fixed, so that equal sources give equal stores
ROWS_PER_SHARD = 4096
# A mapped file takes a descriptor, of which a process may commonly hold 1024.
_MAX_SHARDS = 256
_NOTES = "unfinished"


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What a shard's bytes depend on: shards of another plan are not reused."""

    version: int
    decoding: int
    source_fingerprint: str
    num_records: int
    rows_per_shard: int
    shuffle_seed: int


def prepare(
    config: DataConfig,
    *,
    show_progress: bool = True,
    rows_per_shard: int | None = None,
    labelled: bool = False,
) -> Path:
    """Make sure that a config's store is there; cheap when it is.

    Args:
        config: the data part of a config.
        show_progress: report on stderr.
        rows_per_shard: images per file; None: 4096, more for millions.
        labelled: whether a source without labels is refused.

    Returns:
        The store's folder.

    Raises:
        InputError: if the source cannot be used or has changed since the store was
            made, has no labels although it should, or if the disk is full; the same
            call then goes on from there.
    """
    path = store_path(config)
    marks.check_bounds(config)
    started = time.time()
    if config.data_dir.exists() and not config.data_dir.is_dir():
        raise errors.InputError(f"--data_dir={config.data_dir} is a file, not a folder")
    if is_complete(path) and not config.reprepare:
        shutil.rmtree(path / _NOTES, ignore_errors=True)  # killed just before the end
        _check_unchanged(path, config)
        found = manifest.read(path)
        if labelled and found.class_names is None:
            raise labels.make_missing_error(config, found.unlabelled)
        return path
    sources.check(config)  # before anything is written
    try:
        with disk.exclusive(path.with_name(path.name + ".lock")):
            # Else another process has just finished it.
            if not is_complete(path) or _is_older(path, started):
                _build(path, config, show_progress, rows_per_shard, labelled)
    except OSError as error:
        if not disk.is_full(error):
            raise
        raise errors.InputError(
            f"the disk of {path} is full ({error.strerror}); finished parts are kept:"
            " free some space and run the same command again"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # not empty, as it should be
            path.parent.rmdir()
    return path


def _build(
    path: Path,
    config: DataConfig,
    show_progress: bool,
    rows_per_shard: int | None,
    labelled: bool,
) -> None:
    notes = path / _NOTES
    resumes = path.exists()
    try:
        source = sources.open_source(config, notes / "source")
        if labelled and source.class_names is None:
            source.close()
            reason = sources.understanding(source).unlabelled
            raise labels.make_missing_error(config, reason)
    except Exception:
        if not resumes:  # then nothing in there is worth keeping
            shutil.rmtree(path, ignore_errors=True)
        raise
    with contextlib.closing(source):
        if rows_per_shard is None:
            rows_per_shard = max(ROWS_PER_SHARD, -(-len(source) // _MAX_SHARDS))
        plan = _Plan(
            manifest.VERSION,
            transforms.DECODING,
            source.fingerprint,
            len(source),
            rows_per_shard,
            SHUFFLE_SEED,
        )
        (path / manifest.FILE_NAME).unlink(missing_ok=True)  # to be prepared anew
        _begin(notes, plan)
        finished = _make_shards(notes, source, plan, config, show_progress)
    _finish(path, config, plan, source, finished)
    shutil.rmtree(notes, ignore_errors=True)


def _begin(notes: Path, plan: _Plan) -> None:
    """Create the store's folder, or clear it of what another plan left there."""
    file = notes / "plan.json"
    text = json.dumps(dataclasses.asdict(plan)).encode()
    if file.is_file() and file.read_bytes() == text:
        return
    if file.is_file():
        print(
            f"{notes.parent}: the source, or the way it is read, has changed; starting"
            " afresh",
            file=sys.stderr,
        )
    notes.mkdir(parents=True, exist_ok=True)
    shards.clear(notes)
    disk.write_whole(file, text)


def _make_shards(
    notes: Path, source: Source, plan: _Plan, config: DataConfig, show_progress: bool
) -> list[Finished]:
    """Write the shards that are missing; return all, in order."""
    order = batches.epoch_order(plan.num_records, plan.shuffle_seed, epoch=0)
    cuts = range(plan.rows_per_shard, plan.num_records, plan.rows_per_shard)
    parts = np.split(order, cuts)
    known = {n: shards.read(notes, n) for n in range(len(parts))}
    finished = {n: shard for n, shard in known.items() if shard is not None}
    missing = [n for n in known if n not in finished]
    transform = transforms.from_config(config)
    rows_left = sum(len(parts[n]) for n in missing)
    shape = (transform.image_size, transform.image_size, transform.channels)
    row_bytes = int(np.prod(shape)) + np.dtype(np.int32).itemsize
    disk.require_free(notes, rows_left * row_bytes, purpose="the prepared images")
    works = (work for n in missing for work in decode.split_work(parts[n]))
    with (
        progress.track(
            f"preparing {config.dataset}",
            plan.num_records,
            unit="images",
            done=plan.num_records - rows_left,
            visible=show_progress and rows_left > 0,
        ) as advance,
        contextlib.closing(
            decode.decode_all(source, transform, works, num_workers=config.num_workers)
        ) as decoded,
        concurrent.futures.ThreadPoolExecutor(max_workers=1) as writer,
    ):

        def keep(number: int, shard: concurrent.futures.Future[Finished]) -> None:
            finished[number] = shard.result()
            done = list(finished.values())
            broken.require_few_broken(
                notes.parent, done, plan.num_records, config.max_broken
            )

        # A shard is written while the next one is decoded: the disk holds up no one.
        written: tuple[int, concurrent.futures.Future[Finished]] | None = None
        for n in missing:
            rows = shards.ShardRows(len(parts[n]), shape)
            rows.fill(decoded, advance)
            if written is not None:
                keep(*written)
            labelled = source.class_names is not None
            task = writer.submit(shards.write, notes, n, rows, labelled=labelled)
            written = n, task
        if written is not None:
            keep(*written)
    return [finished[n] for n in sorted(finished)]


def _finish(
    path: Path,
    config: DataConfig,
    plan: _Plan,
    source: Source,
    finished: Sequence[Finished],
) -> None:
    """Write the manifest, which makes the store valid."""
    written = tuple(part.shard for part in finished if part.shard is not None)
    left_out = tuple(pair for part in finished for pair in part.left_out)
    num_images = sum(shard.rows for shard in written)
    if num_images + len(left_out) != plan.num_records:
        raise AssertionError(f"{num_images} + {len(left_out)} of {plan.num_records}")
    understood = sources.understanding(source)
    pages = [pair for part in finished for pair in part.further_pages]
    others = [*understood.left_out]
    others += [(name, f"{count:,} further pages") for name, count in pages]
    if left_out or others:
        told.list_left_out(path / told.LEFT_OUT, left_out, others)
    if left_out:
        broken.tell(left_out, path / told.LEFT_OUT, what="images")
    kinds = layout.summarise(understood.left_out), told.describe_pages(pages)
    remarks = [pair for part in finished for pair in part.remarks]
    brightest = max((part.brightest for part in finished), default=0)
    description = manifest.Manifest(
        dataset=config.dataset,
        source=None if config.source is None else str(config.source.resolve()),
        split=config.split,
        source_fingerprint=plan.source_fingerprint,
        transform=transforms.from_config(config).settings(),
        shuffle_seed=plan.shuffle_seed,
        num_images=num_images,
        class_names=source.class_names,
        left_out=left_out,
        shards=written,
        decoding=plan.decoding,
        splits=understood.splits,
        other_files=", ".join(filter(None, kinds)),
        unlabelled=understood.unlabelled,
        notes=(*understood.notes, *told.describe_remarks(remarks)),
        brightest=brightest,
    )
    if told.is_dark(brightest) and config.value_range is None:
        print(
            f"the brightest value of all images is {brightest} of 255: where the files"
            " hold fewer bits than their type, or numbers of classes, their images are"
            " nearly black. Say which values are black and white, as with"
            " --value_range=0,4095 for 12 bits",
            file=sys.stderr,
        )
    manifest.write(path, description)
    broken.name_broken_list(path).unlink(
        missing_ok=True
    )  # of an earlier, refused command


def _check_unchanged(path: Path, config: DataConfig) -> None:
    """Raise an error if the source no longer holds what the store was made of."""
    found = manifest.read(path)
    if not sources.is_unchanged(config, found.source_fingerprint):
        raise errors.InputError(
            f"{config.source} has changed since {path} was prepared from it, in its"
            " contents or the times of its files; prepare it again with --reprepare, or"
            " give the old --source"
        )
    if found.decoding < transforms.DECODING and splits.are_splits(found.class_names):
        names = ", ".join(found.class_names or ())
        print(
            f"{path} was prepared when {names} were taken as classes, and stays as it"
            " is; --reprepare takes them as splits",
            file=sys.stderr,
        )


def _is_older(path: Path, seconds: float) -> bool:
    return (path / manifest.FILE_NAME).stat().st_mtime < seconds
