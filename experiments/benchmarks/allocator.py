"""The environments of the measured processes."""

import os

# These make glibc keep freed memory instead of handing every large block back to the
# kernel, which would clear its pages anew at the next use.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
# This makes glibc 2.35 ask for transparent huge pages, of which a large map needs few.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
SETTINGS = {"default": {}, "keep_memory": KEEP_MEMORY, "huge_pages": HUGE_PAGES}


def make_environment(
    allocator: str, *, cache: str, extra: dict[str, str] | None = None
) -> dict[str, str]:
    """Return this process's environment with the settings of a measured one.

    Args:
        allocator: a key of SETTINGS.
        cache: the folder of compiled programs.
        extra: more variables.
    """
    clean = {k: v for k, v in os.environ.items() if k not in KEEP_MEMORY | HUGE_PAGES}
    return {
        **clean,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # processes share the GPU
        **SETTINGS[allocator],
        **(extra or {}),
    }
