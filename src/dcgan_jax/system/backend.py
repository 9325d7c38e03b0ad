"""The project's use of XLA and JAX: compile options, settings and the cache."""

import contextlib
import ctypes
import functools
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax
import jax

from dcgan_jax.system import nvidia, surroundings

# XLA 0.10's library fusions halve the speed of convolutions on a CPU; reductions gain.
_CPU_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE",
}
# Whole steps as CUDA graphs with their convolutions, which XLA leaves out by itself. It
# took 12 % off a step of the conditional MNIST net on an H200.
_GPU_LOOP_OPTIONS = {
    "xla_gpu_enable_command_buffer": (
        "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,CONVOLUTION"
    ),
    "xla_gpu_graph_min_graph_size": "1",
}


def jit(
    function: Callable[..., Any],
    *,
    donate_argnums: Sequence[int] = (),
    static_argnums: Sequence[int] = (),
    out_shardings: Any = None,
    is_loop: bool = False,
) -> Any:
    """Jit with the options that suit the default backend.

    The first arguments are those of `jax.jit`. `is_loop` says that the function runs
    the same kernels again and again, as training does.
    """
    return jax.jit(
        function,
        out_shardings=out_shardings,
        donate_argnums=donate_argnums,
        static_argnums=static_argnums,
        compiler_options=compiler_options(is_loop=is_loop),
    )


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Compute with this project's settings of JAX, whatever a program has set.

    The library does so within other people's programs. Their settings are back when the
    block ends, and they do not change in other threads. Commands do not need it.
    """
    with contextlib.ExitStack() as held:
        for name, value in surroundings.JAX_SETTINGS.items():
            lend = getattr(jax, name.removeprefix("jax_"), None)
            if lend is not None:
                held.enter_context(lend(value))
        for name, value in surroundings.FLAX_SETTINGS.items():
            if hasattr(flax.config, name):
                flag = name.removeprefix("flax_")
                held.enter_context(flax.config.temp_flip_flag(flag, value))
        yield


def is_accelerator() -> bool:
    """Tell whether the default backend is anything but a CPU."""
    return jax.default_backend() != "cpu"


def is_gpu() -> bool:
    """Tell whether the default backend is a GPU; a program is traced for one then."""
    return jax.default_backend() == "gpu"


def free_memory() -> int:
    """Return the bytes of the first device that JAX may still take; 0 if it says none.

    A CPU's memory is the machine's, of which JAX says nothing.
    """
    known = jax.devices()[0].memory_stats() or {}
    return max(0, known.get("bytes_limit", 0) - known.get("bytes_in_use", 0))


def name_devices() -> str:
    """Return what JAX computes on: "1 × NVIDIA H200 (gpu)", "2 CPU cores"."""
    devices = jax.devices()
    if not is_accelerator() and len(devices) == 1:
        return f"{surroundings.count_cores()} CPU cores"
    kinds = sorted({device.device_kind for device in devices})
    return f"{len(devices)} × {', '.join(kinds)} ({jax.default_backend()})"


def describe_devices() -> str:
    """Return what JAX computes on, with a warning where that is a CPU alone."""
    if is_accelerator():
        return name_devices()
    return (
        f"{name_devices()}\nWarning: there is no GPU. The small settings here train in"
        " minutes all the same; the paper's would take days. On Colab choose one under"
        " Runtime, Change runtime type."
    )


def find_unseen_gpu() -> str | None:
    """Name a GPU that its own tool finds and JAX does not; None where JAX has one.

    A GPU that a variable hides is hidden on purpose.
    """
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    if is_accelerator() or is_hidden or "JAX_PLATFORMS" in os.environ:
        return None
    found = nvidia.ask_first("name")
    return None if found is None else found[0]


@functools.cache
def compiler_options(*, is_loop: bool = False) -> dict[str, str]:
    """Return the options for the default backend, as far as the installed XLA has them.

    Args:
        is_loop: as of `jit`.
    """
    options = {} if is_accelerator() else _CPU_OPTIONS
    if is_gpu() and is_loop:
        options = _GPU_LOOP_OPTIONS
    try:
        if options:
            jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except Exception:
        # An older or newer XLA refuses unknown options with its own error type.
        return {}
    return dict(options)


def enable_compilation_cache() -> None:
    """Keep compiled programs between runs, in the user's cache folder.

    JAX's own JAX_COMPILATION_CACHE_DIR takes precedence. Where the user has no home,
    there is no cache.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    home = surroundings.find_cache_folder()
    if home is None:
        return
    jax.config.update("jax_compilation_cache_dir", str(home / "dcgan_jax" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


def return_free_memory() -> None:
    """Free what is no longer reachable, and give the system back what glibc keeps.

    Pictures leave objects that refer to each other, and saves free memory in pieces and
    from several threads. A long run would seem to grow by both. The call takes 0.2 s.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
