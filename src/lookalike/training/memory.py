"""Memory that a step frees is kept for the next step, on Linux with glibc."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt


def keep_freed_memory() -> bool:
    """Tells malloc to hold on to freed blocks; whether it could.

    By default glibc returns every block above 32 MiB to the kernel, which hands it out again page
    by page, zeroed: with the large maps of image networks on a CPU that costs up to a third of the
    time of memory-bound operations.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, -1))  # −1: never
