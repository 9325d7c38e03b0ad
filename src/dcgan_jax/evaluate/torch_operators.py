"""A way to import PyPI's torchvision, built for CUDA, beside a PyTorch for CPUs."""

import functools
from typing import Any


@functools.cache
def declare() -> Any:
    """Let torchvision be imported even if its compiled operators cannot be loaded.

    torch-fidelity imports it and calls none of them. The import describes two, whose
    names must then be known.

    Returns:
        The library that holds the names for the life of the process; None if none is
        needed.
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
