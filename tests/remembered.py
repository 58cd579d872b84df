"""Pictures, PDFs and sentence vectors that two tests ask for alike are made once, and kept by what was asked.

Hundreds of reports are written in one run, and vl-convert and typst take half of the time of each; every new store of
rules turns the same definitions into vectors. All three are asked with nothing but what they shall draw or read, so the
key is the whole of that, in its order, and whatever differs is made anew. That the same bytes come again is asked of
processes of their own, which remember nothing (`conformance/test_rebuild.py`, `unit/figures/test_render.py`).
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from concordat.rulebook.coder.minilm import MiniLM

ASKED = (
    ("vl_convert", "vegalite_to_svg"),
    ("vl_convert", "vegalite_to_png"),
    ("typst", "compile"),
    ("concordat.rulebook.coder.minilm:MiniLM", "embed"),
)


@contextmanager
def renderers_remember(folder: Path) -> Iterator[None]:
    """While this lasts, the renderers' results are kept in a folder, which several processes may share."""
    folder.mkdir(parents=True, exist_ok=True)
    owners = [(_owner(place), name) for place, name in ASKED]
    known = [getattr(owner, name) for owner, name in owners]
    for (owner, name), asked in zip(owners, known, strict=True):
        setattr(owner, name, _remembering(asked, name, folder))
    try:
        yield
    finally:
        for (owner, name), asked in zip(owners, known, strict=True):
            setattr(owner, name, asked)


@contextmanager
def factbook_is_parsed_once() -> Iterator[None]:
    """While this lasts, the packaged Factbook is parsed once in this process, however many stores it is loaded into."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources import factbook

    parse, parsed = factbook.parse_edition, {}

    def remembering(edition: Any, catalogue: Any, **named: Any) -> tuple[list[Any], list[Any]]:
        if named or catalogue is not load_catalogue() or edition.version != factbook.PACKAGE_VERSION:
            return parse(edition, catalogue, **named)
        key = (edition.content_hash, edition.known_from, edition.retrieved_at)
        if key not in parsed:
            parsed[key] = parse(edition, catalogue)
        rows, problems = parsed[key]
        return list(rows), list(problems)

    factbook.parse_edition = remembering  # type: ignore[assignment]
    try:
        yield
    finally:
        factbook.parse_edition = parse


def _owner(place: str) -> Any:
    module, _, inside = place.partition(":")
    owner = importlib.import_module(module)
    return getattr(owner, inside) if inside else owner


def _remembering(asked: Callable[..., Any], name: str, folder: Path) -> Callable[..., Any]:
    @functools.wraps(asked)
    def remembering(*arguments: Any, **named: Any) -> Any:
        try:
            key = json.dumps([name, arguments, named], default=_by_hash)
        except TypeError:  # a path or a file to write: not asked for a picture alone
            return asked(*arguments, **named)
        found = folder / hashlib.sha256(key.encode()).hexdigest()
        if found.exists():
            return pickle.loads(found.read_bytes())
        made = asked(*arguments, **named)
        beside = found.with_name(f"{found.name}.{os.getpid()}.{threading.get_ident()}")
        if made is not None:  # None: it went into a file
            with suppress(OSError):  # a test may play a full disk
                beside.write_bytes(pickle.dumps(made))
                beside.replace(found)  # whole or not at all: another process may be reading
        return made

    return remembering


def _by_hash(value: Any) -> str:
    """A template by its bytes, a model by those of its weights."""
    if isinstance(value, bytes):
        return f"bytes {hashlib.sha256(value).hexdigest()}"
    if isinstance(value, MiniLM):
        return f"weights {value.sha256}"
    raise TypeError
