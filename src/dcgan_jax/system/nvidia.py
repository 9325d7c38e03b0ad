"""What NVIDIA's own tool tells of the GPUs of this machine; standard library only."""

import subprocess

_TIMEOUT_SECONDS = 10


def ask_first(*fields: str) -> list[str] | None:
    """Return properties of the first GPU; None without a GPU or its tool.

    Args:
        fields: as `nvidia-smi --help-query-gpu` lists them, such as "name".
    """
    query = [f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
    try:
        told = subprocess.run(
            ["nvidia-smi", *query],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    values = told.splitlines()[0].split(", ") if told.strip() else []
    return values if len(values) == len(fields) else None
