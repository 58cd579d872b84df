"""Memory that a server has freed, given back: what the C library keeps for threads that come and go.

glibc gives up to eight heaps a core to threads, each of which keeps what it has freed; a page made in a thread leaves
tens of megabytes there that no other thread can use. Python runs one thread at a time, so two heaps serve as well.
Sources: mallopt(3), malloc_trim(3). Elsewhere, as with musl or on macOS, nothing is done here.
"""

from __future__ import annotations

from typing import Any

HEAPS = 2
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def few_heaps() -> None:
    """Let all threads that begin from now on share two heaps."""
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Return what was freed to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> Any:
    """The C library, if it is glibc."""
    import ctypes

    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - glibc alone has it
    except (OSError, AttributeError, TypeError):
        return None
    return library
