"""The clearing room as a standard: the scheme's JSON Schema, and a naive second implementation to be held against.

model = Naive(scheme_document)              # plain dictionaries, no logic shared with `clearing.core`
told = model.block(seed, time_ms, [(payload, signers), ...])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.clearing.standard.naive import Naive

__all__ = ["Naive"]


def __getattr__(name: str) -> Any:
    """Import the model when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.naive"), name)
