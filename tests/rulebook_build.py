"""Small stores for the tests of the rulebook: instruments, parties and codings in a few words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from concordat.rulebook.catalogue import parse_catalogue
from concordat.rulebook.model import Coding, ParsedInstrument, Source, Unit
from concordat.rulebook.store import RuleStore

HEAD = "schema: concordat/instruments@1\ninstruments:\n"


def unit(instrument: str, number: str, text: str, order: int = 0, heading: str = "", parent: str = "") -> Unit:
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = f"{instrument}/{number}"
    kind = "paragraph" if parent else "article"
    return Unit(name, instrument, kind, number, heading, text, "en", order, parent, digest, Source(digest))


def coding(of: str, provision: str, depth: int = 2, *, n: int = 0, probability: float = 0.9,
           flags: Mapping[str, bool] | None = None, method: str = "model", coder: str = "shipped",
           supersedes: str = "") -> Coding:  # fmt: skip
    name = f"{of}:{provision}:{method}:{coder}:{n}"
    return Coding(name, of, provision, depth, flags or {}, probability, None, method, "v", coder, "2026-01-01",
                  supersedes=supersedes)  # fmt: skip


def store_of(catalogue: str, texts: Mapping[str, Sequence[tuple[str, str]]] | None = None) -> RuleStore:
    """A store with a catalogue (its instruments alone) and texts: {instrument: [(number, text)]}."""
    store = RuleStore.memory()
    store.put_catalogue(parse_catalogue(HEAD + catalogue))
    for name, articles in (texts or {}).items():
        units = tuple(unit(name, number, text, n) for n, (number, text) in enumerate(articles))
        store.put_text(ParsedInstrument(name, name, "en", units), repr(articles).encode())
    return store


def instrument(name: str, parties: str = "", *, binding: str = "binding", in_force: str = "2010-01-01",
               complete: bool = True, rows: str = "", topics: str = "DF", more: str = "") -> str:  # fmt: skip
    """The YAML of one instrument; `rows` are participations, a flow mapping a line."""
    lines = [f"  - id: {name}", f"    name: {name}", "    type: digital_agreement", f"    binding: {binding}"]
    lines += [f'    in_force: "{in_force}"'] if in_force else []
    lines += [f"    topics: [{topics}]", f"    parties_complete: {'true' if complete else 'false'}"]
    lines += [f"    parties: [{parties}]"] if parties else []
    lines += ["    participation:", *(f"      - {{{row}}}" for row in rows.strip().split("\n"))] if rows else []
    lines += [more] if more else []
    return "\n".join([*lines, "    evidence: [seen]", "    confidence: verified", ""])
