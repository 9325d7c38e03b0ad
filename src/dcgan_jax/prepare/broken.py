"""How many images of a source may be broken, and what is said of more."""

import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax.prepare import told
from dcgan_jax.prepare.shards import Finished
from dcgan_jax.system import errors

MAX_BROKEN_FRACTION = 0.01


def require_few_broken(
    path: Path, finished: Sequence[Finished], num_records: int, max_broken: float
) -> None:
    """Give up, and leave a list alone, when too many images are broken.

    Args:
        path: the store's folder, which is removed then.
        finished: the shards so far.
        num_records: the number of images in the source.
        max_broken: the share of them that may be broken.

    Raises:
        InputError: if more are; it names the list.
    """
    broken = [pair for shard in finished for pair in shard.left_out]
    if len(broken) <= max_broken * num_records:
        return
    shutil.rmtree(path)  # no shard could be used again: mending changes the source
    file = name_broken_list(path)
    told.list_left_out(file, broken, ())
    raise make_broken_error(broken, num_records, max_broken=max_broken, file=file)


def name_broken_list(path: Path) -> Path:
    """Return the list of broken images that a refused store leaves beside itself."""
    return path.with_name(f"{path.name}.{told.LEFT_OUT}")


def tell(left_out: Sequence[tuple[str, str]], file: Path, *, what: str) -> None:
    """Tell of what was left out, its names with reasons, and where they are listed."""
    print(
        f"left out {len(left_out)} broken {what}, listed in {file}; the first:"
        f" {errors.one_line(': '.join(left_out[0]))}",
        file=sys.stderr,
    )


def make_broken_error(
    broken: Sequence[tuple[str, str]],
    num_records: int,
    *,
    max_broken: float = MAX_BROKEN_FRACTION,
    file: Path | None = None,
) -> errors.InputError:
    """Make the error of a source in which too many images are broken.

    Args:
        broken: their names and reasons, at least one.
        num_records: images in the source, broken ones included.
        max_broken: the share that may be.
        file: where all of them are listed.
    """
    share = min(1.0, math.ceil(100 * len(broken) / num_records) / 100)
    advice = "Mend or remove them and run the command again"
    if file is not None:
        advice = (
            f"All are listed in {file}. Mend or remove them and run the command again,"
            f" or go on without them: --max_broken={share:g}"
        )
    shown = "; ".join(f"{name} ({reason})" for name, reason in broken[:3])
    return errors.InputError(
        f"at least {len(broken)} of {num_records} images cannot be read, more than"
        f" {max_broken:.0%}: {shown}{'; …' if len(broken) > 3 else ''}. {advice}"
    )
