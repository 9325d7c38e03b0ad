"""The settings of the explorer."""

import dataclasses
import importlib.util
import socket
from typing import Annotated

from dcgan_jax import cli
from dcgan_jax.system import errors
from dcgan_jax.system.marks import Bounds

_WAITING = 128  # connections that wait to be served


@dataclasses.dataclass(frozen=True)
class ExploreConfig(cli.RunFlags):
    """Look inside a generator on a page in the browser; needs 'dcgan-jax[explore]'.

    Examples:
        dcgan explore
        dcgan explore runs/digits --port=7861
        dcgan explore runs/digits --step=2000
    """

    run: cli.Run = ""
    """A run's folder, an exported .safetensors file, authors_svhn or authors_imagenet.
    Without it the runs below this folder are listed, and the newest is shown."""
    port: Annotated[int, Bounds(at_least=1, at_most=65_535)] = 7860
    """The port of the page, http://127.0.0.1:PORT."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets other machines in, without a password."""
    read_only: bool = False
    """Nothing is written and no training is started from the page."""
    share: bool = False
    """Gradio's public link is opened too. It leads through its servers and lets in
    anybody who knows it."""


def listen(config: ExploreConfig) -> socket.socket | None:
    """Take the page's address before anything is loaded, since loading takes long.

    Returns:
        The socket that listens; None if Gradio opens its own.

    Raises:
        InputError: if Gradio is not installed, or nothing can listen at the address.
    """
    if importlib.util.find_spec("gradio") is None:
        raise errors.InputError(
            "the explorer needs Gradio, which is not installed; run pip install "
            "'dcgan-jax[explore]'"
        )
    listener = _bind(config.host, config.port)
    if not config.share:
        return listener
    listener.close()
    return None


def _bind(host: str, port: int) -> socket.socket:
    """Listen at an address, so that nobody else can.

    Raises:
        InputError: if another program does, or the address is not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # As servers do, so that a port which was left a moment ago counts as free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_WAITING)
        except BaseException:
            listener.close()
            raise
        return listener
    except (OSError, UnicodeError) as error:
        raise errors.InputError(
            f"cannot listen at {host}, port {port}: {error}; choose another --port or "
            "--host."
        ) from None
