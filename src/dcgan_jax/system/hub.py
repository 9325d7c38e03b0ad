"""Files from and to a hub of data sets and models, by huggingface_hub.

The hub is the one that HF_ENDPOINT names, else huggingface.co; HF_TOKEN, or a login by
`hf auth login`, says who one is.
"""

import contextlib
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from dcgan_jax.system import disk, errors

PREFIX = "hub:"
Kind = Literal["dataset", "model"]
_REPO = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_INSTALL = "pip install 'dcgan-jax[hub]'"


def parse(name: str) -> str:
    """Return OWNER/NAME of hub:OWNER/NAME.

    Raises:
        InputError: if it is no name of a repository.
    """
    repo = name.removeprefix(PREFIX)
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise errors.InputError(f"{name} names no repository; expected OWNER/NAME.")
    return repo


def require_library() -> None:
    """Raise an error where the library is not installed.

    Raises:
        InputError: with the command that installs it.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise errors.InputError(
            f"the hub needs huggingface_hub, which is not installed: {_INSTALL}."
        )


def require_token() -> None:
    """Raise an error where nobody is logged in.

    Raises:
        InputError: saying how to.
    """
    require_library()
    import huggingface_hub

    if huggingface_hub.get_token() is None:
        raise errors.InputError(
            "the hub takes files of those alone who log in: set HF_TOKEN to a token"
            " that may write, or run `hf auth login`."
        )


def list_files(repo: str, kind: Kind) -> dict[str, int]:
    """Return the files of a repository and their sizes in bytes.

    Raises:
        InputError: if there is no such repository, or its names lead elsewhere.
    """
    with _reporting(repo, kind):
        api = _open_api()
        # It is asked once; the tree would be asked for during half a minute.
        api.repo_info(repo, repo_type=kind)
        tree = api.list_repo_tree(repo, recursive=True, repo_type=kind)
        sizes = {entry.path: entry.size for entry in tree if hasattr(entry, "size")}
    for name in sizes:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\0]", name):
            raise errors.InputError(
                f"{repo} has a file {name!r}, whose name leads out of its folder; do"
                " not trust this repository."
            )
    return sizes


def fetch_files(
    repo: str, kind: Kind, files: Mapping[str, int], *, folder: Path | None = None
) -> list[Path]:
    """Download files, unless they are there and have not changed.

    Args:
        repo: OWNER/NAME.
        kind: of the repository.
        files: their names and bytes, from `list_files`.
        folder: where they go; None: the library's cache, where they lie beside each
            other.

    Raises:
        InputError: if they cannot be had, or have other sizes.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        missing = (n for n, size in files.items() if not _has(folder / n, size))
        needed = sum(files[name] for name in missing)
        disk.require_free(folder, needed, purpose=f"the files of {repo}")
    paths = []
    for name, size in files.items():
        with _reporting(repo, kind):
            found = _open_api().hf_hub_download(
                repo,
                name,
                repo_type=kind,
                local_dir=folder,
                cache_dir=os.environ.get("HF_HUB_CACHE"),
            )
        if not _has(Path(found), size):
            raise errors.InputError(
                f"{name} of {repo} does not have the {size:,} bytes that the hub tells;"
                " run the command again."
            )
        paths.append(Path(found))
    return paths


def push(repo: str, files: Mapping[str, Path]) -> str:
    """Upload files into a model's repository, which is made if it is not there.

    Args:
        repo: OWNER/NAME.
        files: names there → files here.

    Returns:
        The repository's address.

    Raises:
        InputError: if the hub does not take them; then it has none of them.
    """
    require_token()
    with _reporting(repo, "model"):
        from huggingface_hub import CommitOperationAdd

        api = _open_api()
        url = api.create_repo(repo, exist_ok=True)
        api.create_commit(
            repo,
            [CommitOperationAdd(name, str(path)) for name, path in files.items()],
            commit_message="A GAN exported by dcgan_jax",
        )
    return str(url)


def _open_api() -> Any:
    require_library()
    from huggingface_hub import HfApi, utils

    utils.disable_progress_bars()
    # The library itself reads the variable when it is imported.
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


@contextlib.contextmanager
def _reporting(repo: str, kind: Kind) -> Iterator[None]:
    """Turn the library's errors, which have several roots, into lines of ours."""
    try:
        yield
    except errors.InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and disk.is_full(error):
            raise
        from huggingface_hub import errors as theirs

        where = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        code = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, theirs.GatedRepoError):
            told = f"{kind} {repo} is given to those alone whom its owner lets in"
        elif isinstance(error, theirs.RepositoryNotFoundError):
            told = f"{where} shows no {kind} {repo}; one that is private needs HF_TOKEN"
        elif code in (401, 403):
            told = f"{where} does not let this token into {repo}; set another HF_TOKEN"
        else:
            reason = f"{type(error).__name__}: {errors.first_line(error)}"
            told = f"{where} cannot be used for {kind} {repo} ({reason})"
        raise errors.InputError(f"{told}.") from error
