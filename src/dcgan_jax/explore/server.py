"""The server of the explorer's page."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from typing import Any

from dcgan_jax.explore import page, parts, serving, starting
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.explore.hub import Hub


def serve(hub: Hub, config: ExploreConfig, listener: socket.socket | None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        hub: the generators that the page shows.
        config: the flags.
        listener: the socket of `config.listen`.

    Nothing leaves this machine unless `config.share` asks for it: no telemetry, no
    fonts from elsewhere, no file but those that Gradio's page consists of.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read as Gradio is imported

    def tell() -> None:
        url = f"http://{config.host}:{config.port}"
        print(f"{url}  {config.run or 'no run yet'}; Ctrl-C ends", flush=True)

    # An end by SIGTERM tidies up too; uvicorn hands the signal on when it has stopped.
    signal.signal(signal.SIGTERM, _end)
    with contextlib.ExitStack() as held, contextlib.suppress(KeyboardInterrupt):
        os.environ["GRADIO_TEMP_DIR"] = held.enter_context(
            tempfile.TemporaryDirectory(prefix="dcgan-explore-")
        )
        process = None
        if starting.is_allowed(
            host=config.host, share=config.share, read_only=config.read_only
        ):
            process = starting.Training()
            held.callback(process.close)
        blocks = page.make_page(hub, process)
        routes = serving.make_routes(hub)
        if listener is None:
            _share(blocks, routes, config, tell)
        else:
            _listen(blocks, routes, listener, tell)


def _end(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _listen(
    blocks: Any, routes: list[Any], listener: socket.socket, tell: Callable[[], None]
) -> None:
    """Serve to those who reach the address at which a socket listens.

    Gradio's own `launch` is not used: it asks itself for the page first, within 3
    seconds and by way of a proxy if the environment names one.
    """
    import fastapi
    import gradio as gr
    import uvicorn

    app = fastapi.FastAPI(
        routes=routes, docs_url=None, redoc_url=None, openapi_url=None
    )
    gr.mount_gradio_app(app, blocks, path="/", **_settings())

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                tell()

    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    Server(settings).run(sockets=[listener])


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of the server's log is about anything but open pages."""
    error = record.exc_info[1] if record.exc_info else None
    return not (
        isinstance(error, asyncio.CancelledError)
        or "timeout graceful shutdown exceeded" in record.getMessage()
    )


def _share(
    blocks: Any, routes: list[Any], config: ExploreConfig, tell: Callable[[], None]
) -> None:
    """Serve with Gradio's public link, and without it where there can be none."""
    print("opening Gradio's public link …", flush=True)
    with contextlib.redirect_stdout(io.StringIO()) as told:  # lines about its link
        blocks.launch(
            server_name=config.host,
            server_port=config.port,
            share=True,
            prevent_thread_lock=True,
            inbrowser=False,
            app_kwargs={"routes": routes},
            **_settings(),
        )
    print(_tell_link(blocks.share_url, told.getvalue()), flush=True)
    tell()
    try:
        while True:
            time.sleep(3600)
    finally:
        blocks.close(verbose=False)


def _tell_link(url: str | None, told: str) -> str:
    """Return a line about the public link.

    Args:
        url: the link; None where there is none.
        told: what Gradio has printed.
    """
    if url is not None:
        return f"{url}  for anybody who knows this link, for a week at most"
    _, _, reason = told.partition("Could not create share link.")
    why = reason.strip().partition("\n")[0].strip(" .") or "its servers cannot be used"
    return (
        f"warning: --share: there is no public link ({why}). The page is there without "
        "it; start again to try again."
    )


# Gradio's own are too pale to read on their backgrounds.
_COLOURS = {
    "body_background_fill": "*neutral_50",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_300",
    "block_info_text_color": "*neutral_600",
    "block_info_text_color_dark": "*neutral_300",
    "block_label_text_color": "*neutral_700",
    "block_label_text_color_dark": "*neutral_200",
    "block_title_text_color": "*neutral_800",
    "block_title_text_color_dark": "*neutral_100",
    "input_placeholder_color": "*neutral_600",
    "input_placeholder_color_dark": "*neutral_300",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_text_color": "white",
    "block_shadow": "none",
    "block_border_width": "1px",
}


_MOST_BYTES = 50_000_000  # of a picture that is dropped


def _settings() -> dict[str, Any]:
    import gradio as gr

    theme = gr.themes.Default(
        primary_hue="indigo",
        neutral_hue="slate",
        radius_size="md",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(**_COLOURS)
    return {
        "theme": theme,
        "css": parts.read_static("style.css"),
        "footer_links": [],
        # Pictures are part of the page or at addresses of their own.
        "allowed_paths": [],
        "blocked_paths": ["/"],
        "max_file_size": _MOST_BYTES,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": False,
        "pwa": False,
    }
