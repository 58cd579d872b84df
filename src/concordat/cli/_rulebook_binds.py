"""What binds two parties, and what one would have to change to join: the answers in tables and in words."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_store import marked
from concordat.cli._rulebook_tables import Answer, cut

if TYPE_CHECKING:
    from concordat.rulebook.binds import Binds, BindsRow
    from concordat.rulebook.store import RuleStore

DEPTH = {1: "soft", 2: "binding"}
QUOTED = 200  # characters of an article in a gap list
NOT_ADVICE = "Not legal advice."


def binds_table(store: RuleStore, a: str, b: str, on: date, topic: str) -> Answer:
    """The rules between two parties."""
    from concordat.rulebook.accuracy import coders_words
    from concordat.rulebook.binds import binds
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    found = binds(store, a, b, on=on, topic=topic)
    lines = [f"Rules between {a} and {b} on {on}{', ' + topic if topic else ''}", ""]
    for row in found.rows:
        lines += _row(store, row, book[row.provision].name, a, b)
    if not found.rows:
        lines.append("No rule known to us. That is not to say that there is none.")
    lines += _open(found)
    instruments = {r.instrument for r in found.rows}
    foot = f"{len(found.rows)} rules, {len(instruments)} instruments; unknown: {len(found.unknown)}"
    bare = {u.instrument for u in found.uncoded}  # of acts each way, one stands twice
    lines += ["", *([said] if (said := coders_words(r.coder for r in found.rows)) else [])]
    lines.append(f"{foot}; in force and not coded: {len(bare)}. {NOT_ADVICE}")
    head = (
        "provision", "depth", "ordinal", "instrument", "unit", "since", "direction", "probability", "mark", "via",
        "method", "state", "flags", "note", "quote",
    )  # fmt: skip
    table = [
        (
            r.provision, DEPTH[r.depth], str(r.ordinal), r.instrument, r.unit, r.since, r.direction,
            "" if r.probability is None else repr(r.probability), r.mark, r.via, r.method, r.state,
            " ".join(k for k, v in sorted(r.flags.items()) if v), r.note, r.quote,
        )
        for r in found.rows
    ]  # fmt: skip
    return _facts(found, book.hash), lines, (head, table)


def _row(store: RuleStore, row: BindsRow, name: str, a: str, b: str) -> list[str]:
    unit = store.unit(row.unit)
    way = f", {owed}" if (owed := _way(row.direction, a, b)) else ""
    sure = f"P {row.probability:.2f}" if row.probability is not None else f"by {row.method}"
    flags = [k.replace("_", " ") for k, v in sorted(row.flags.items()) if v]
    if row.flags.get("dispute_settlement") is False:
        flags.append("no dispute settlement")
    quote = cut(row.quote, 240)
    short = store[row.instrument].short_name
    about = [f"since {row.since or 'unknown'} {marked(row.mark)}", sure, *flags]
    about += [f"via {row.via}"] if row.via else []
    about += [row.state] if row.state != "auto" else []
    about += [row.note] if row.note else []
    if row.depth != row.textual:
        about.append("words of a binding rule in an instrument that binds nobody")
    return [
        f"{row.provision}  {name}  {DEPTH[row.depth]}  {short} {unit.number}{way}",
        f'    "{quote}"',
        f"    {'; '.join(about)}",
    ]


def _way(direction: str, a: str, b: str) -> str:
    return {"both": "", "a_to_b": f"owed by {a} to {b}", "b_to_a": f"owed by {b} to {a}"}[direction]


def _open(found: Binds) -> list[str]:
    lines: list[str] = []
    if found.uncoded:
        lines += ["", "In force between them, without a coded text (topics only):"]
        rows = [
            (
                u.instrument, u.binding, ", ".join(u.topics), u.since, marked(u.mark),
                "; ".join(w for w in (u.reason, _way(u.direction, found.a, found.b), u.note) if w),
            )
            for u in found.uncoded
        ]  # fmt: skip
        lines += columns(("instrument", "binding", "topics", "since", "mark", "why"), rows)
    if found.unknown:
        lines += ["", "Unknown whether in force between them:"]
        words = {"parties": "list of parties not complete", "in_force": "entry into force not read"}
        rows_ = [
            (u.instrument, "; ".join(f"{p}: {words.get(m, m)}" for p, m in zip(u.who, u.missing, strict=True)))
            for u in found.unknown
        ]
        lines += columns(("instrument", "what is missing"), rows_)
    if found.beside:
        lines += ["", "Signed, applied for or provisional:"]
        lines += columns(("instrument", found.a, found.b), [(s.instrument, s.a, s.b) for s in found.beside])
    if found.overlaps:
        lines += ["", "More than one instrument holds: " + "; ".join(
            f"{code} ({', '.join(names)})" for code, names in found.overlaps.items())]  # fmt: skip
    for code, first, second, why in found.conflicts:
        lines.append(f"Possible conflict{' on ' + code if code else ''}: {first} and {second}: {why}.")
    return lines


def _facts(found: Binds, taxonomy: str) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [{k: v for k, v in asdict(r).items() if k != "since_first"} for r in found.rows]
    return {
        "a": found.a,
        "b": found.b,
        "on": found.on.isoformat(),
        "topic": found.topic or None,
        "taxonomy_sha256": taxonomy,
        "rows": rows,
        "strongest": {code: r.unit for code, r in found.strongest.items()},
        "overlaps": {code: list(names) for code, names in found.overlaps.items()},
        "conflicts": [dict(zip(("provision", "first", "second", "why"), c, strict=True)) for c in found.conflicts],
        "unknown": [asdict(u) for u in found.unknown],
        "not_coded": [asdict(u) for u in found.uncoded],
        "beside": [asdict(u) for u in found.beside],
        "note": NOT_ADVICE,
    }


def gap_table(store: RuleStore, party: str, name: str, on: date) -> Answer:
    """What a party would have to change to join an instrument."""
    from dataclasses import asdict

    from concordat.rulebook.accession import accession_gap
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    found = accession_gap(store, party, name, on)
    counts = found.counts()
    told = ", ".join(f"{n} {kind}" for kind, n in counts.items())
    lines = [f"{party} and {store[name].short_name} on {on}: {told}.", ""]
    if found.member:
        lines += [f"{party} is a party already.", ""]
    lines.append(f"In force for: {', '.join(found.parties) or 'none known'}")
    lines += [f"Accession: {', '.join(found.accession)}"] if found.accession else []
    lines += [f"Reservation of {p}: {w}" for p, w in found.reservations]
    for row in found.rows:
        if row.kind == "done":
            continue
        highest = book[row.provision].highest
        has = f"{row.has.ordinal} of {highest} in {row.has.unit}" if row.has is not None else "none known"
        lines += ["", f"{row.kind}: {row.provision}  {book[row.provision].name}"]
        lines += [f'    asks {row.asked.ordinal} of {highest} in {row.asked.unit}: "{cut(row.asked.quote, QUOTED)}"']
        lines += [f"    {party} has {has}" + (f': "{cut(row.has.quote, QUOTED)}"' if row.has is not None else "")]
        lines += [f"    not towards {', '.join(row.not_towards)}"] if row.not_towards else []
    if found.unread:
        lines += ["", f"Not coded, or not known to be in force, so not compared: {', '.join(found.unread)}"]
    if found.unlisted:
        what = f"Not coded, and {party} is not in their lists, which are not complete"
        lines += ["", f"{what}: {', '.join(found.unlisted)}"]
    lines += ["", NOT_ADVICE]
    head = ("provision", "class", "asked", "asked_unit", "has", "has_unit", "not_towards", "asked_quote", "has_quote")
    table = [
        (
            r.provision, r.kind, str(r.asked.ordinal), r.asked.unit, str(r.has.ordinal) if r.has else "",
            r.has.unit if r.has else "", " ".join(r.not_towards), r.asked.quote, r.has.quote if r.has else "",
        )
        for r in found.rows
    ]  # fmt: skip
    facts = {**asdict(found), "on": found.on.isoformat(), "counts": counts, "note": NOT_ADVICE}
    return facts, lines, (head, table)
