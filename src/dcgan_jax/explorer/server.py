"""The server of the explorer's page."""

import os
import time
from typing import Any

from dcgan_jax.explorer import page, parts
from dcgan_jax.explorer.config import ExploreConfig
from dcgan_jax.explorer.subject import Subject


def serve(subject: Subject, config: ExploreConfig) -> None:
    """Serve the page until Ctrl-C."""
    blocks = launch(subject, config)
    print(
        f"http://{config.host}:{config.port}  {subject.name}; Ctrl-C ends", flush=True
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        blocks.close(verbose=False)


def launch(subject: Subject, config: ExploreConfig) -> Any:
    """Start the server in a thread of its own and return the page, to be closed.

    Nothing leaves this machine unless `config.share` asks for it: no telemetry, no
    fonts from elsewhere, no file but those that Gradio's page consists of.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read as Gradio is imported
    import gradio as gr

    blocks = page.make_page(subject)
    theme = gr.themes.Default(
        primary_hue="indigo",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    blocks.launch(
        server_name=config.host,
        server_port=config.port,
        share=config.share,
        prevent_thread_lock=True,
        quiet=not config.share,  # else it prints the link
        inbrowser=False,
        theme=theme,
        css=parts.read_static("style.css"),
        footer_links=[],
        # Pictures are part of the page; there is no file to serve or to take.
        allowed_paths=[],
        blocked_paths=["/"],
        max_file_size=1,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )
    return blocks
