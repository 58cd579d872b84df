"""Which rules in force have a quantified effect: few, and the rest is said to have none that is known.

Rules come from `rulebook.binds`, pair by pair, or from `rulebook.pairs` for many pairs at once. A trade agreement in
force has an effect as a whole; five or more binding provisions on electronic commerce and data flows make a digital
chapter, which multiplies it (the threshold is ours, and printed). Of single provisions hardly any has a size: some get
one when an amount is stated, some are quoted. Every other prints "no quantified effect", which is not an effect of
zero. Mapping is by code and depth (`provision_map`); no treaty text is read here.

    >>> from datetime import date
    >>> from concordat.rulebook.binds import Binds, BindsRow
    >>> row = BindsRow("DF-FLOW", 2, 2, 2, {}, "cptpp", "cptpp/14.11", "...", None, "2018-12-30", date(2018, 12, 30),
    ...     "both", 0.97, "verified", "", "human", "auto", 11)
    >>> found = Binds("AUS", "JPN", date(2026, 1, 1), "", (row,), {"DF-FLOW": row}, {}, (), (), (), ())
    >>> told = provision_effects([found], {"cptpp": "trade_agreement_chapter"})
    >>> told.agreements[0].parameter, told.provisions[0].status, told.counts["provisions"], told.counts["quantified"]
    ('rta_effect_goods', 'quoted', 1, 0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from concordat.impact.parameters import load_parameters
from concordat.impact.provision_map import Line, ProvisionMap, load_map
from concordat.rulebook.pairs import PairRules
from concordat.rulebook.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.binds import Binds

QUANTIFIED, QUOTED, NONE = "quantified", "quoted", "no quantified effect"
REACHED, BELOW, UNREAD = "reached", "below", "not known: text not coded"


@dataclass(frozen=True, slots=True)
class AgreementEffect:
    """The trade agreements in force between two, as one effect.

    Attributes:
        instruments: ids; since: the earliest entry into force, as written. in_base: whether that is in the year of the
            trade data or before, so that the effect is in them already; None where no year was named or known.
        chapter: "reached", "below" or "not known: text not coded"; hard: how many codes count for it.
        multiplier: the parameter that multiplies, "" where the chapter is not reached.
    """

    a: str
    b: str
    instruments: tuple[str, ...]
    since: str
    in_base: bool | None
    shock: str
    parameter: str
    grade: str
    chapter: str
    hard: int
    multiplier: str

    def as_shock(self) -> dict[str, Any]:
        """The shock for a scenario file."""
        found: dict[str, Any] = {"kind": self.shock, "pairs": [[self.a, self.b]], "parameter": self.parameter}
        return found | ({"multiplier": self.multiplier} if self.multiplier else {})


@dataclass(frozen=True, slots=True)
class ProvisionEffect:
    """A provision in force between two.

    Attributes:
        depth: the hardest in force, 1 soft or 2 binding; instruments: that hold it.
        status: "quantified", "quoted" or "no quantified effect". why: what is missing, or what it rests on.
        amount: USD million, where one was stated.
    """

    a: str
    b: str
    code: str
    name: str
    depth: int
    instruments: tuple[str, ...]
    status: str
    shock: str
    parameter: str
    quote: str
    why: str
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class ProvisionEffects:
    """The answer for one pair or all pairs of a bloc.

    Attributes:
        counts: pairs, agreements, chapters, provisions (in force, by pair and code), quantified, quoted, without.
        uncoded: instruments in force of which no text is coded, so that their provisions are not among those counted.
        threshold: from how many codes there is a digital chapter. map_sha256: of the map.
    """

    on: str
    pairs: tuple[tuple[str, str], ...]
    agreements: tuple[AgreementEffect, ...]
    provisions: tuple[ProvisionEffect, ...]
    counts: Mapping[str, int]
    uncoded: tuple[str, ...]
    threshold: int
    notes: tuple[str, ...]
    map_sha256: str

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        found["pairs"] = [list(p) for p in self.pairs]
        found["counts"] = dict(self.counts)
        for rows in (found["agreements"], found["provisions"]):
            for row in rows:
                row["instruments"] = list(row["instruments"])
        for row, effect in zip(found["agreements"], self.agreements, strict=True):
            row["as_shock"] = effect.as_shock()
        return found


def provision_effects(
    pairs: Sequence[Binds | PairRules],
    types: Mapping[str, str],
    *,
    amounts: Mapping[tuple[str, str], float] | None = None,
    targets: Mapping[tuple[str, str], tuple[float, float]] | None = None,
    sector_tariffs: bool = False,
    base_year: int | None = None,
    book: ProvisionMap | None = None,
) -> ProvisionEffects:
    """What of the rules between pairs has a quantified effect.

    Args:
        pairs: what binds each pair (`rulebook.binds.binds`, or `rulebook.pairs.pair_rules` with `dated_by(types)`).
        types: of the instruments, by id.
        amounts: USD million that are stated for (instrument, provision). targets: penetration from and to, likewise.
        sector_tariffs: whether there are tariffs by sector to compute with. base_year: of the trade data.
    """
    book = book or load_map()
    stated = _Stated(amounts or {}, targets or {}, sector_tariffs)
    known = [pair if isinstance(pair, PairRules) else PairRules.of(pair) for pair in pairs]
    agreements = [found for pair in known if (found := _agreement(pair, types, book, base_year)) is not None]
    provisions = [found for pair in known for found in _provisions(pair, book, stated)]
    by_status = {s: sum(p.status == s for p in provisions) for s in (QUANTIFIED, QUOTED, NONE)}
    counts = {
        "pairs": len(pairs),
        "agreements": len(agreements),
        "chapters": sum(a.chapter == REACHED for a in agreements),
        "chapters_unknown": sum(a.chapter == UNREAD for a in agreements),
        "provisions": len(provisions),
        "quantified": by_status[QUANTIFIED],
        "quoted": by_status[QUOTED],
        "without": by_status[NONE],
    }
    uncoded = sorted({name for pair in known for name in pair.uncoded})
    return ProvisionEffects(
        on=pairs[0].on.isoformat() if pairs else "",
        pairs=tuple((p.a, p.b) for p in pairs),
        agreements=tuple(agreements),
        provisions=tuple(provisions),
        counts=counts,
        uncoded=tuple(uncoded),
        threshold=book.threshold,
        notes=_notes(book, counts, len(uncoded)),
        map_sha256=book.sha256,
    )


def _notes(book: ProvisionMap, counts: Mapping[str, int], uncoded: int) -> tuple[str, ...]:
    codes = " and ".join(book.chapter_codes)
    counted = (
        f"Of {counts['provisions']} provisions in force (by pair and code), {counts['quantified']} are quantified, "
        f"{counts['quoted']} are quoted with figures of the world, {counts['without']} have no quantified effect."
    )
    chapter = (
        f"A digital chapter is {book.threshold} or more codes of {codes} at depth {book.chapter_depth} between a pair."
    )
    found = [counted, f"{chapter} {book.chapter_note}", book.agreement_note]
    if uncoded:
        found.append(f"{uncoded} instruments in force have no coded text: their provisions are not counted.")
    return tuple(found)


def dated_by(types: Mapping[str, str], book: ProvisionMap | None = None) -> tuple[str, ...]:
    """Ids of the trade agreements among instruments: those whose entry into force matters.

    >>> dated_by({"cptpp": "trade_agreement_chapter", "wto-ita": "trade_agreement_chapter", "wct": "convention"})
    ('cptpp',)
    """
    book = book or load_map()
    return tuple(sorted(i for i, type_ in types.items() if type_ in book.types and i not in book.left_out))


def _agreement(
    pair: PairRules, types: Mapping[str, str], book: ProvisionMap, base_year: int | None
) -> AgreementEffect | None:
    """The trade agreements between a pair, coded or not; None without one."""
    held = [i for i in pair.standing if types.get(i) in book.types and i not in book.left_out]
    if not held:
        return None
    first = min((day for i in held if (day := pair.since.get(i, ""))), default="")
    hard = [code for code, by in pair.depths.items() if max(by.values()) >= book.chapter_depth]
    count = sum(code[:2] in book.chapter_codes for code in hard)
    chapter = REACHED if count >= book.threshold else UNREAD if set(pair.uncoded) & set(held) else BELOW
    return AgreementEffect(
        a=pair.a,
        b=pair.b,
        instruments=tuple(held),
        since=first,
        in_base=None if base_year is None or not first else int(first[:4]) <= base_year,
        shock=book.agreement_shock,
        parameter=book.agreement_parameter,
        grade=load_parameters()[book.multiplier if chapter == REACHED else book.agreement_parameter].grade,
        chapter=chapter,
        hard=count,
        multiplier=book.multiplier if chapter == REACHED else "",
    )


@dataclass(frozen=True, slots=True)
class _Stated:
    """What was stated beside the rules, by instrument and provision."""

    amounts: Mapping[tuple[str, str], float]
    targets: Mapping[tuple[str, str], tuple[float, float]]
    sector_tariffs: bool

    def enough(self, line: Line, keys: Sequence[tuple[str, str]]) -> bool:
        """Whether a line has all that it needs."""
        if line.shock == "tariff":
            return self.sector_tariffs
        funded = any(key in self.amounts for key in keys)
        return funded and (not line.then or any(key in self.targets for key in keys))


def _provisions(pair: PairRules, book: ProvisionMap, stated: _Stated) -> list[ProvisionEffect]:
    """Every provision in force between a pair, by code."""
    taxonomy = load_taxonomy()
    found = []
    for code, by_instrument in sorted(pair.depths.items()):
        depth, instruments = max(by_instrument.values()), tuple(by_instrument)
        keys = [(i, code) for i in instruments]
        funded = [stated.amounts[key] for key in keys if key in stated.amounts]
        name = taxonomy[code].name if code in taxonomy.provisions else code
        line = book.lines.get(code)
        status, shock, why = _status(line, depth, line is not None and stated.enough(line, keys), book)
        parameter = line.parameter if line is not None and status == QUANTIFIED else ""
        quote = line.quote if line is not None and status == QUOTED else ""
        amount = sum(funded) if funded and status == QUANTIFIED else None
        found.append(
            ProvisionEffect(
                pair.a, pair.b, code, name, depth, instruments, status, shock, parameter, quote, why, amount
            )
        )
    return found


def _status(line: Line | None, depth: int, enough: bool, book: ProvisionMap) -> tuple[str, str, str]:
    """Status, kind of shock and reason of a provision."""
    if line is None:
        return NONE, "", book.others
    if depth < line.depth:
        return NONE, "", f"soft here; {line.note[0].lower()}{line.note[1:]}"
    if line.quote:
        return QUOTED, "", line.note
    if line.needs and not enough:
        return NONE, "", f"needs {line.needs}. {line.note}"
    return QUANTIFIED, " then ".join(k for k in (line.shock, line.then) if k), line.note
