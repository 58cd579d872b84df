"""The chapter on rules in a report's book: one record, made from rows of the catalogue and codings that the study has.

`section` is pure: from rows of a catalogue and of codings as plain data it works the whole assessment out anew, so
`verify --report` recomputes every number. The study keeps what is not packaged: the codings of the user's own texts
(never the texts), and instruments that the packaged catalogue hasn't.

A coding is a row `[unit, provision, depth, flags, probability, method, coder]`; flags are words with spaces between
them, and `-exceptions` says that there are none.
Codings whose licence forbids it are left out unless they are asked for. What is printed is rounded to nine significant
digits first, so that the last bits of a processor's sums do not change a record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import InputError
from concordat.evidence.provenance import Parts, derivation
from concordat.rulebook._regime_read import Held, held
from concordat.rulebook.assessment import RulebookSection, assessment
from concordat.rulebook.catalogue import catalogue_of, load_catalogue, row_of
from concordat.rulebook.model import Coding, Relation
from concordat.rulebook.regime import Figure
from concordat.settings import Document

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

DIGITS = 9
ROUNDED = 4  # digits of a coding's probability
PAIRS_MAX = 2000
SCHEMA = "concordat/instruments@1"


@dataclass(frozen=True, slots=True)
class Own:
    """What a study keeps of a user's store.

    Attributes:
        instruments: rows of those that the packaged catalogue hasn't.
        codings: by instrument whose text is there; empty where it isn't coded.
        left_out: codings that their licence keeps out.
    """

    instruments: tuple[Mapping[str, Any], ...] = ()
    codings: Mapping[str, Sequence[Sequence[Any]]] | None = None
    left_out: int = 0


def own(store: RuleStore, *, internal: bool = False) -> Own:
    """What is the user's own in a store: instruments, and the codings of texts.

    Args:
        internal: take codings, too, whose licence keeps them out of what is published (imports; models fitted on
            texts that are not free).
    """
    known, packaged = held(store), load_catalogue().instruments
    codings: dict[str, list[list[Any]]] = {name: [] for name in sorted(known.with_text)}
    left_out = 0
    for name, some in sorted(known.codings.items()):
        for coding in some:
            if coding.licence and not internal:
                left_out += 1
            else:
                codings.setdefault(name, []).append(_row(coding))
    rows = tuple(
        row_of(i, known.participations.get(i.id, ()))
        for i in known.instruments
        if i.id not in packaged and (codings.get(i.id) or known.participations.get(i.id))
    )
    names = {*packaged, *(r["id"] for r in rows)}
    _relate(rows, store.relations(), names)
    return Own(rows, {name: some for name, some in codings.items() if name in names}, left_out)


def _relate(rows: Iterable[dict[str, Any]], relations: Iterable[Relation], names: Collection[str]) -> None:
    """Write into rows what their instruments do to others that the study knows."""
    for row in rows:
        some = [r for r in relations if r.from_id == row["id"] and r.to_id in names]
        if some:
            row["relations"] = [{"to": r.to_id, "kind": r.kind, "source": r.source} for r in some]


def relations_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Relation, ...]:
    """What the instruments of rows do to each other."""
    return tuple(
        Relation(row["id"], r["to"], r["kind"], r.get("source", "")) for row in rows for r in row.get("relations", ())
    )


def _row(coding: Coding) -> list[Any]:
    flags = [name if said else f"-{name}" for name, said in sorted(coding.flags.items())]
    sure = None if coding.probability is None else round(coding.probability, ROUNDED)
    return [coding.unit, coding.provision, coding.depth, " ".join(flags), sure, coding.method, coding.coder]


def coding_of(row: Sequence[Any]) -> Coding:
    """A coding from its row."""
    unit, provision, depth, flags, sure, method, coder = row
    said = {name.removeprefix("-"): not name.startswith("-") for name in flags.split()}
    return Coding(f"{unit} {provision}", unit, provision, depth, said, sure, None, method, "", coder, "")


def held_of(rows: Iterable[Mapping[str, Any]], codings: Mapping[str, Sequence[Sequence[Any]]]) -> Held:
    """Rows as what the assessment is made from.

    Raises:
        InputError: a row says what a catalogue may not say.
    """
    document = Document({"schema": SCHEMA, "instruments": [dict(r) for r in rows]}, "the catalogue of instruments", {})
    found = catalogue_of(document)
    for name in codings:
        if name not in found.instruments:
            raise InputError(
                f"codings of {name}, which is no instrument of the study.",
                hint="Name it below rules.instruments, or take its codings away.",
                code="unknown_instrument",
            )
    instruments = tuple(sorted(found.instruments.values(), key=lambda i: i.id))
    made = {name: [coding_of(row) for row in some] for name, some in sorted(codings.items()) if some}
    return Held(instruments, found.participations, made, frozenset(codings))


@derivation("rulebook.record.section")
def section(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the rules between members on a day.

    Inputs are rows of a catalogue (`{"row": ...}`) and codings of an instrument (`{"codings": [...]}`), which have
    its id in the parameter `coded`. Parts: `pairs`, of them `pairs_binding` with a binding instrument, `pairs_soft`
    with soft ones alone, `pairs_none`; of each pair `binding_BRA_CHN`, `soft_`, `unknown_` (how many instruments),
    `depth_`; of a topic and member `topic_TE_CHN` (with how many fellows a binding instrument of the topic is in
    force); of each year `year_2020_pairs` (share of pairs in percent with a binding instrument), `_binding`,
    `_soft` (mean per pair), `_depth`; `joined_wct`, `between_wct` (pairs), `members_wct`; of what it rests on
    `instruments`, `in_force`, `with_text`, `coded`, `incomplete`, `codings`, `by_hand`. Of more than 2,000 pairs
    only the one with most stands alone. Depths with `_lower` and `_upper`, the 5% and 95% points.
    """
    found = section_of(inputs, parameters)
    return dict(_parts(found))


def section_of(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> RulebookSection:
    """The assessment itself, with the names of what stands behind the numbers."""
    said = {"inputs": [dict(i) for i in inputs], "parameters": dict(parameters)}
    return _section(canonical.dumps(said, floats=True))


@lru_cache(maxsize=8)
def _section(said: bytes) -> RulebookSection:
    import json

    document = json.loads(said)
    inputs, parameters = document["inputs"], document["parameters"]
    rows = [i["row"] for i in inputs if "row" in i]
    some = [i["codings"] for i in inputs if "codings" in i]
    codings = dict(zip(parameters["coded"], some, strict=True))
    return assessment(
        held_of(rows, codings),
        parameters["members"],
        date.fromisoformat(parameters["on"]),
        parameters["seed"],
        first_year=parameters["first_year"],
        draws=parameters["draws"],
    )


def _parts(found: RulebookSection) -> Iterator[tuple[str, Any]]:
    cells = found.matrix
    yield "value", None
    yield "pairs", len(cells)
    yield "pairs_binding", sum(bool(c.binding) for c in cells)
    yield "pairs_soft", sum(bool(c.soft) and not c.binding for c in cells)
    yield "pairs_none", sum(not c.soft and not c.binding for c in cells)
    for c in cells if len(cells) <= PAIRS_MAX else [max(cells, key=lambda c: len(c.binding))]:
        for name, count in (("binding", c.binding), ("soft", c.soft), ("unknown", c.unknown)):
            yield f"{name}_{c.a}_{c.b}", len(count)
        yield from _figure(f"depth_{c.a}_{c.b}", c.depth)
    for t in found.topics:
        yield f"topic_{t.topic}_{t.member}", t.binding_fellows
        yield f"fellows_{t.topic}_{t.member}", t.fellows
    for y in found.metrics.years:
        yield f"year_{y.year}_pairs", _tidy(100 * y.pairs_with_binding / len(cells))
        yield f"year_{y.year}_binding", _tidy(y.binding_per_pair)
        yield f"year_{y.year}_soft", _tidy(y.soft_per_pair)
        yield from _figure(f"year_{y.year}_depth", y.depth)
    for name, (pairs, among) in sorted(between(found).items()):
        yield f"between_{name}", pairs
        yield f"members_{name}", len(among)
    for o in found.outside:
        yield f"joined_{o.instrument}", len(o.joined)
    for k in found.candidates:
        yield f"joining_{k.instrument}_{k.member}", k.joined
        yield f"new_{k.instrument}_{k.member}", k.new
        yield f"deeper_{k.instrument}_{k.member}", k.deeper
    yield "shared_soft", len(found.shared_soft)
    yield from _figure("depth", found.metrics.depth)
    yield from _figure("distance", found.metrics.distance)
    turn = found.metrics.convergence
    for end, value in (("", turn.change), ("_lower", turn.low), ("_upper", turn.high)):
        yield f"change{end}", _tidy(value)
    rests = found.coverage
    for name in ("instruments", "in_force", "with_text", "coded", "codings", "incomplete"):
        yield name, getattr(rests, name)
    yield "by_hand", None if rests.by_hand is None else _tidy(100 * rests.by_hand)
    yield "to_load", len(found.to_load)


def between(found: RulebookSection) -> dict[str, tuple[int, frozenset[str]]]:
    """Of each instrument in force between members: between how many pairs, and the members."""
    pairs: dict[str, int] = {}
    among: dict[str, set[str]] = {}
    for c in found.matrix:
        for name in (*c.binding, *c.soft):
            pairs[name] = pairs.get(name, 0) + 1
            among.setdefault(name, set()).update((c.a, c.b))
    return {name: (count, frozenset(among[name])) for name, count in pairs.items()}


def _figure(name: str, figure: Figure) -> Iterator[tuple[str, float | None]]:
    for end, value in (("", figure.value), ("_lower", figure.low), ("_upper", figure.high)):
        yield f"{name}{end}", _tidy(value)


def _tidy(value: float | None) -> float | None:
    return None if value is None else float(f"{float(value):.{DIGITS}g}")
