"""PyPI's torchvision, a build for CUDA, beside a build of PyTorch for CPUs."""

import functools
from typing import Any


@functools.cache
def declare() -> Any:
    """Let torchvision be imported where its compiled operators cannot be loaded.

    torch-fidelity imports it and calls none of them; but its import describes two,
    which must then be known by name.

    Returns:
        What holds the names, for the life of the process; None where none is needed.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou) -> Tensor")
        return library
    return None
