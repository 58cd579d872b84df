"""Named indices as reviewed files: what each is made of, and how far its scores have been reproduced.

The files hold definitions, no figures: many publishers' data may not be passed on. `status` is the truth about a file:
`verified` means that a test of this package reproduces published scores from published inputs; `unverified` files are
built from what is publicly said, their titles end in "-style", and their `note` says what is not known; `own` is
Concordat's. Source and licence stand in each file. What is not here: figures, and indices that are no composites
(CAICT's share of the digital economy is an account).

    >>> "hdi" in named_ids(), named("hdi").status
    (True, 'verified')
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.observatory.spec import IndexSpec

__all__ = ["named", "named_ids", "named_text"]


def named_ids() -> tuple[str, ...]:
    """The ids of all named indices, sorted."""
    entries = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml")))


def named_text(index: str) -> str:
    """The file of a named index, as it is written: a beginning for one's own.

    Raises:
        InputError: there is none of this id; the nearest is suggested.
    """
    if index not in named_ids():
        from concordat.settings import nearest

        close = nearest(index, named_ids())
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(named_ids())}."
        raise InputError(f'"{index}" is not a named index.', hint=hint, code="unknown_index")
    return (files(__name__) / f"{index}.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def named(index: str) -> IndexSpec:
    """A named index; read once.

    Raises:
        InputError: there is none of this id; the nearest is suggested.
    """
    from concordat.observatory.spec import IndexSpec

    return IndexSpec.from_yaml(named_text(index), where=f"{index}.yaml")
