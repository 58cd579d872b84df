"""`concordat rulebook load`: a text or a catalogue into the store, and what is told of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concordat.cli import _rulebook_store as kept
from concordat.cli._rulebook_tables import coding_facts
from concordat.errors import InputError
from concordat.rulebook._decisions import rejected
from concordat.rulebook.model import Coding, Instrument, ParsedInstrument, PartialDate, Participation
from concordat.rulebook.store import RuleStore
from concordat.settings import nearest

ID_MAX = 60


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file brought."""

    facts: dict[str, Any]
    lines: tuple[str, ...]


def load(store: RuleStore, path: Path, name: str, lang: str) -> Loaded:
    """One file: a catalogue by its suffix, the anchors of a source document, else a text."""
    data = kept.read(path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _catalogue(store, path, data)
    if _is_seed(name):
        return _anchors(path, data, name)
    from concordat.rulebook.readers import parse

    name = _named(store, name)
    parsed = parse(data, name=str(path), id=name or slug(path.stem), lang=lang)
    for warning in parsed.warnings:
        print(f"concordat: {warning}", file=sys.stderr)
    if parsed.id not in store:
        store.put_instrument(*_of_its_own(parsed, path))
    again = store.raw(parsed.id) is not None
    change = store.put_text(parsed, data, name=path.name)
    articles = sum(u.kind == "article" for u in parsed.units)
    for what, some in (("no longer stand", change.lapsed), ("stand again", change.revived)):
        if some:
            print(f"concordat: decisions that {what}: {'; '.join(map(_decided, some))}.", file=sys.stderr)
    facts = {
        "file": str(path),
        "instrument": parsed.id,
        "language": parsed.lang,
        "units": len(parsed.units),
        "articles": articles,
        "added": len(change.added),
        "added_units": list(change.added) if again else [],
        "gone": list(change.gone),
        "changed": list(change.changed),
        "replaced": change.replaced,
        "lapsed": [coding_facts(c) for c in change.lapsed],
        "revived": [coding_facts(c) for c in change.revived],
        "warnings": list(parsed.warnings),
    }
    words = f"{parsed.id}: {articles} articles, {len(parsed.units)} units, {parsed.lang}"
    if not (change.added or change.gone or change.changed):
        same = "the same units from other bytes, which are kept now" if change.replaced else "nothing changed"
        return Loaded(facts, (f"{words}; the same text as before, {same}.",))
    new = f"{len(change.added)} new, {len(change.changed)} changed, {len(change.gone)} gone"
    lines = [f"{words}; {new}. Next: concordat rulebook code {parsed.id}"]
    if again:
        lists = (("new", change.added), ("changed", change.changed), ("gone", change.gone))
        lines += [f"  {what}: {_some(units)}" for what, units in lists if units]
    return Loaded(facts, tuple(lines))


def _some(units: Sequence[str], most: int = 40) -> str:
    more = f" and {len(units) - most} more; see --json" if len(units) > most else ""
    return ", ".join(units[:most]) + more


def _decided(c: Coding) -> str:
    """A decision in a few words: where, what, by whom, when."""
    depth = {None: "", 0: "", 1: " soft", 2: " binding"}[c.depth]
    return f"{c.unit} {'not ' if rejected(c) else ''}{c.provision}{depth} ({c.coder}, {c.coded_on})"


def _named(store: RuleStore, name: str) -> str:
    """The id that was given; a new one that is nearly a known one is remarked on.

    Raises:
        InputError: no id.
    """
    if not name or name in store:
        return name
    known = sorted(store.ids())
    close = nearest(name.lower(), known)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]*", name) or len(name) > ID_MAX:
        hint = f'Did you mean "{close[0]}"?' if close else "Small letters, digits, dots and hyphens, as in rcep."
        raise InputError(f"{name!r} can't be the id of an instrument.", where="--as", hint=hint, code="bad_id")
    if close:
        print(f'concordat: "{name}" is a new instrument. Did you mean "{close[0]}"?', file=sys.stderr)
    return name


def slug(stem: str) -> str:
    """An id from a file's name."""
    text = re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-")
    return text or "text"


def _is_seed(name: str) -> bool:
    from concordat.rulebook.seeds import load_seeds

    return name in {d.instrument.id for d in load_seeds().documents}


def _anchors(path: Path, data: bytes, name: str) -> Loaded:
    """Where the anchors of a source document stand in the user's own copy."""
    from concordat.rulebook.seeds import load_seeds, locate

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8."
        raise InputError(what, where=str(path), hint="Save the file as UTF-8.", code="encoding") from None
    document = load_seeds()[name]
    found = locate(document, text)
    items = {item.id: item for item in document.items}
    missing = [f for f in found if f.span is None]
    facts = {
        "file": str(path),
        "document": name,
        "anchors": [{"item": f.item, "span": f.span, "overlap": f.overlap} for f in found],
    }
    lines = [f"{name}: {len(found) - len(missing)} of {len(found)} anchors found."]
    lines += [f'  not found: {f.item}: "{items[f.item].anchor}"' for f in missing]
    return Loaded(facts, tuple(lines))


def _of_its_own(parsed: ParsedInstrument, path: Path) -> tuple[Instrument, tuple[Participation, ...]]:
    """An instrument that the catalogue has not: what its file says of itself, marked unverified."""
    facts = parsed.facts

    def day(*keys: str) -> PartialDate | None:
        text = next((facts[key] for key in keys if facts.get(key)), "")
        return PartialDate.parse(text) if re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", text) else None

    instrument = Instrument(
        id=parsed.id,
        name=parsed.title or path.stem,
        short_name=facts.get("short_name", "") or parsed.title or path.stem,
        type="trade_agreement_chapter" if "treaty_identifier" in facts else "digital_agreement",
        form="",
        adopted=None,
        signed=day("signed", "date_signed"),
        in_force=day("in_force", "date_into_force"),
        ended=day("ended", "date_inactive"),
        status=facts.get("status", ""),
        binding="mixed",
        binding_note="not known; taken as mixed",
        topics=(),
        url=facts.get("url", ""),
        parties_note="as the file says" if parsed.parties else "not known",
        complete=bool(parsed.parties),
        evidence=(f"the file {path.name}",),
        mark="unverified",
    )
    rows = tuple(
        Participation(parsed.id, party, "party", source=path.name, mark="unverified")
        for party in sorted(parsed.parties)
    )
    return instrument, rows


def _catalogue(store: RuleStore, path: Path, data: bytes) -> Loaded:
    from concordat.rulebook.catalogue import parse_catalogue

    catalogue = parse_catalogue(data, where=str(path), known=store.ids())
    store.put_catalogue(catalogue)
    names = sorted(catalogue.instruments)
    facts = {"file": str(path), "catalogue": catalogue.hash, "instruments": names}
    return Loaded(facts, (f"{path}: {len(names)} instruments.",))
