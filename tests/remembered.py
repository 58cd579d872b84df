"""Pictures, PDFs and sentence vectors that two tests ask for alike are made once, and kept by what was asked.

Hundreds of reports are written in one run, and vl-convert and typst take half of the time of each; every new store of
rules turns the same definitions into vectors. All three are asked with nothing but what they shall draw or read, so the
key is the whole of that, in its order, and whatever differs is made anew. That the same bytes come again is asked of
processes of their own, which remember nothing (`conformance/test_rebuild.py`, `unit/figures/test_render.py`).

So it is with the rows that a report begins with: the file of a vintage whose bytes are those of before holds the rows
of before, and the same rows lead to the same findings and choices. A quarter of an assessment goes into that.
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
LAST = 16
GOOD_MAX = 200_000


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


@contextmanager
def the_same_rows_are_judged_once() -> Iterator[None]:
    """While this lasts, this process reads a vintage's file once (the bytes are hashed every time), and finds and
    chooses once for the same rows under the same catalogue."""
    from concordat.evidence import quality, resolve
    from concordat.evidence.store import tables

    known = (tables.read_table, quality.check_quality, resolve.resolve)
    read, judged, chosen = _Last(LAST), _Last(LAST), _Last(LAST)

    def read_table(path: Path, *, expected: str, file_sha256: str, every_row: bool = True) -> list[Any]:
        tables.check_file(path, file_sha256)
        asked = (expected, file_sha256, every_row)
        return list(
            read.get(asked, (), lambda: known[0](path, expected=expected, file_sha256=file_sha256, every_row=every_row))
        )

    def check_quality(observations: Any, catalogue: Any, **named: Any) -> list[Any]:
        rows = list(observations)
        told = {key: tuple(found) for key, found in (named.pop("problems_of", None) or {}).items()}
        alone = tuple(named.pop("problems", ()))
        asked = (_places(rows), id(catalogue), tuple(told.items()), alone, *sorted(named.items()))
        whole = {"problems": alone, "problems_of": told, **named}
        return list(judged.get(asked, (rows, catalogue), lambda: known[1](rows, catalogue, **whole)))

    def choose(observations: Any, catalogue: Any, **named: Any) -> dict[Any, Any]:
        rows = list(observations)
        if named.get("quarantined") is not None:
            return known[2](rows, catalogue, **named)
        common = named.get("mode", "latest") == "common"
        named["areas"] = tuple(named.get("areas", ())) if common else ()  # who is meant matters for a common year alone
        asked = (_places(rows), id(catalogue), *sorted(named.items()))
        return dict(chosen.get(asked, (rows, catalogue), lambda: known[2](rows, catalogue, **named)))

    tables.read_table, quality.check_quality, resolve.resolve = read_table, check_quality, choose  # type: ignore[assignment]
    try:
        yield
    finally:
        tables.read_table, quality.check_quality, resolve.resolve = known


@contextmanager
def a_signature_is_verified_once() -> Iterator[None]:
    """While this lasts, a signature that this process found good is good again, for the same key and the same bytes.

    The ten members of a bloc that runs here all check what each of them was sent: a third of such a run went into that.
    What does not verify is asked again each time, and so are its form and its key.
    """
    from concordat.ledger import keys

    strict, mldsa, good = keys.check_strict, keys._mldsa_public, set[bytes]()

    def check_strict(public: bytes, signature: bytes, what: str = "the signature") -> Any:
        return _Remembering(public, strict(public, signature, what), good)

    keys.check_strict = check_strict
    keys._mldsa_public = lambda public: _Remembering(public, mldsa(public), good)  # type: ignore[assignment]
    try:
        yield
    finally:
        keys.check_strict, keys._mldsa_public = strict, mldsa


class _Remembering:
    """A public key that remembers what it verified."""

    def __init__(self, public: bytes, key: Any, good: set[bytes]) -> None:
        self._public, self._key, self._good = public, key, good

    def verify(self, signature: bytes, message: bytes) -> None:
        parts = (self._public, signature, message)
        asked = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
        if asked not in self._good:
            self._key.verify(signature, message)
            if len(self._good) > GOOD_MAX:
                self._good.clear()
            self._good.add(asked)


class _Last:
    """The answers to the last questions; what a question names by its place in memory stays there with it."""

    def __init__(self, most: int) -> None:
        self._most, self._found = most, {}

    def get(self, asked: tuple[Any, ...], held: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if asked not in self._found:
            made = make()
            while len(self._found) >= self._most:
                del self._found[next(iter(self._found))]
            self._found[asked] = (made, held)
        return self._found[asked][0]


def _places(rows: list[Any]) -> tuple[int, ...]:
    """Rows can't be changed, so where they are says what they are."""
    return tuple(map(id, rows))


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
