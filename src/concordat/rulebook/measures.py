"""What does the rulebook tell of a commitment: its thirteen named measures, and which line of a document uses which.

`measure(regime, name, ...)` gives a number between the members of a bloc on a day, with an interval, what it counts,
and the instruments that it rests on. Counts take what is not known of participations as no for the lower end and as
yes for the upper one; shares that rest on coded texts have the interval and the coverage of `regime`. What the
catalogue does not record of any member is None with the reason, never 0.

    instruments_in_force_by_topic  instruments in force between two members or more
    parties_count                  members for which at least one of the instruments is in force
    instruments_new_by_year        instruments that two members or more signed (else adopted, else brought into force)
                                   in the year of the day; `by_year` has all years
    topic_share_binding            share of topics with a binding rule, mean over pairs
    fragmentation                  share of pairs without a rule on a topic; without a topic, the mean over topics
    regime_distance                mean graded heterogeneity over pairs
    standards_adopted              standards that at least one member adopted
    norms_endorsed                 principles and declarations that at least one member endorsed
    memoranda_pairs                pairs of members with a memorandum in force
    uncitral_parties               members' participations in conventions that UNCITRAL prepared or keeps
    provision_in_force             share of pairs with a rule on any of the provisions
    joint_proposals                proposals tabled by two members or more
    national_strategy              share of members with a strategy in force

The table of lines is a reviewed file (`schema: concordat/rulebook-measures@1`); an unmapped line says "not measurable
by the rulebook yet".

    >>> table = load_measures()
    >>> len(table.lines), table.line("ggg-1b", 1).measures[0].name
    (30, 'regime_distance')
    >>> table.line("dsr-10", 1).reason
    'not measurable by the rulebook yet: national law is outside unless it is loaded'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from concordat import canonical
from concordat.errors import InputError
from concordat.rulebook._regime_draws import DRAWS, Sets, deepest_drawn, drawn_ordinals, stream
from concordat.rulebook._regime_metrics import CASES, Metrics, coverage_figure, metrics
from concordat.rulebook._regime_read import UNKNOWN, YES, Regime
from concordat.rulebook.model import TYPES
from concordat.rulebook.regime import Figure, deepest, pairs_of
from concordat.rulebook.taxonomy import DATA
from concordat.settings import nearest, parse_yaml, validate

Name = Literal[
    "instruments_in_force_by_topic", "parties_count", "instruments_new_by_year", "topic_share_binding", "fragmentation",
    "regime_distance", "standards_adopted", "norms_endorsed", "memoranda_pairs", "uncitral_parties",
    "provision_in_force", "joint_proposals", "national_strategy",
]  # fmt: skip
NAMES: tuple[str, ...] = get_args(Name)
NOT_YET = "not measurable by the rulebook yet"
UNCITRAL = ("cisg", "ecc", "nyc", "scm")  # conventions that it prepared, or keeps the status of
SIGNING = ("party", "adherent", "signatory")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class MeasureKeys(_Strict):
    """A named measure with what it is about."""

    name: Name
    topics: list[str] = []
    provisions: list[str] = []
    types: list[str] = []


class LineKeys(_Strict):
    """One line of a document."""

    commitment: str
    number: Annotated[int, Field(ge=1)]
    code: str
    note: str = ""
    measures: list[MeasureKeys]
    why: str = ""


class MeasuresFile(_Strict):
    """The file."""

    schema_: Literal["concordat/rulebook-measures@1"] = Field(alias="schema")
    note: str = ""
    lines: list[LineKeys]


@dataclass(frozen=True, slots=True)
class Asked:
    """A named measure and what it is about; empty: everything."""

    name: str
    topics: tuple[str, ...] = ()
    provisions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document: the item, the number of its measure (from 1), its words, the measures that tell of it."""

    commitment: str
    number: int
    code: str
    measures: tuple[Asked, ...]
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, eq=False)
class MeasureTable:
    """All lines."""

    lines: tuple[Line, ...]
    hash: str

    def line(self, commitment: str, number: int) -> Line:
        """The line of an item's measure; one that is not in the table can't be measured yet."""
        for line in self.lines:
            if (line.commitment, line.number) == (commitment, number):
                return line
        return Line(commitment, number, "", (), reason=NOT_YET)


def parse_measures(text: str | bytes, *, where: str = "measures.yaml") -> MeasureTable:
    """The table from its file.

    Raises:
        InputError: an unknown key, measure, topic, provision or type; a line twice, or without measures and reason.
    """
    document = parse_yaml(text, where=where, schema="rulebook-measures@1")
    model = validate(document, MeasuresFile)
    found: list[Line] = []
    for n, keys in enumerate(model.lines):
        place = document.place("lines", n)
        if any((x.commitment, x.number) == (keys.commitment, keys.number) for x in found):
            raise InputError(f"{keys.commitment}, {keys.number} stands twice.", where=place, hint="Keep one.")
        if bool(keys.measures) == bool(keys.why):
            raise InputError("a line has measures, or says why there are none.", where=place, hint="Give one of them.")
        asked = tuple(Asked(m.name, tuple(m.topics), tuple(m.provisions), tuple(m.types)) for m in keys.measures)
        for one in asked:
            _check(one, place)
        reason = f"{NOT_YET}: {keys.why}" if keys.why else ""
        found.append(Line(keys.commitment, keys.number, keys.code, asked, keys.note, reason))
    return MeasureTable(tuple(found), canonical.digest(document.value, floats=True))


@cache
def load_measures() -> MeasureTable:
    """The packaged table."""
    return parse_measures((DATA / "measures.yaml").read_bytes(), where="concordat/rulebook/data/measures.yaml")


def _check(asked: Asked, where: str = "") -> None:
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    for what, given, known in (
        ("a measure", (asked.name,), NAMES),
        ("a topic", asked.topics, tuple(book.topics)),
        ("a provision", asked.provisions, book.codes),
        ("a type of instrument", asked.types, TYPES),
    ):
        for word in given:
            if word not in known:
                close = nearest(word, known)
                hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known[:15])}."
                raise InputError(f'"{word}" is not {what}.', where=where, hint=hint, code="unknown_measure")


# --- The measures ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure's value: a count or a share, its interval, what it rests on.

    Attributes:
        unit: what is counted. inputs: instruments. by_year: where years are counted.
    """

    asked: Asked
    value: float | None
    low: float | None
    high: float | None
    unit: str
    inputs: tuple[str, ...]
    coverage: float | None = None
    reason: str = ""
    by_year: Mapping[int, int] = field(default_factory=dict)


def measure(
    regime: Regime,
    name: str,
    *,
    topics: Sequence[str] = (),
    provisions: Sequence[str] = (),
    types: Sequence[str] = (),
    seed: int = 0,
    draws: int = DRAWS,
    known: Metrics | None = None,
) -> Measured:
    """A named measure of a bloc's regime on its day.

    Args:
        topics, provisions, types: what it is about; empty: everything. known: the figures, if they are there already.

    Raises:
        InputError: an unknown measure, topic, provision or type.
    """
    asked = Asked(name, tuple(topics), tuple(provisions), tuple(types))
    _check(asked)
    if name in ("topic_share_binding", "fragmentation", "regime_distance"):
        return _of_texts(regime, asked, known or metrics(regime, seed, draws=draws))
    if name == "provision_in_force":
        return _provision_in_force(regime, asked, seed, draws)
    if name == "instruments_new_by_year":
        return _new_by_year(regime, asked)
    return _COUNTS[name](regime, asked)


def measure_line(
    regime: Regime, commitment: str, number: int, *, seed: int = 0, table: MeasureTable | None = None
) -> tuple[Measured, ...]:
    """What the rulebook tells of a line of a document: its measures, or one without value that says why."""
    line = (table or load_measures()).line(commitment, number)
    if not line.measures:
        return (Measured(Asked(""), None, None, None, "", (), reason=line.reason),)
    return tuple(
        measure(regime, a.name, topics=a.topics, provisions=a.provisions, types=a.types, seed=seed)
        for a in line.measures
    )


def _of_texts(regime: Regime, asked: Asked, found: Metrics) -> Measured:
    """Shares that rest on coded texts."""
    inputs = tuple(i.id for k, i in enumerate(regime.instruments) if regime.coded[k])
    if asked.name == "regime_distance":
        return _from(asked, found.graded, "mean over pairs, 0 alike to 1", inputs)
    if asked.name == "fragmentation":
        if len(asked.topics) > 1:
            raise InputError(
                "fragmentation is of one topic, or of all.", where="topics", hint="Ask for each by itself."
            )
        figure = found.scattered[asked.topics[0]].soft if asked.topics else found.years[-1].fragmentation_soft
        return _from(asked, figure, "share of pairs", inputs)
    gap = found.years[-1].fragmentation_binding
    value, low, high = (None if x is None else 1.0 - x for x in (gap.value, gap.high, gap.low))
    return _from(asked, Figure(value, low, high, gap.coverage, gap.reason), "share of topics, mean over pairs", inputs)


def _from(asked: Asked, figure: Figure, unit: str, inputs: tuple[str, ...]) -> Measured:
    return Measured(asked, figure.value, figure.low, figure.high, unit, inputs, figure.coverage, figure.reason)


def _provision_in_force(regime: Regime, asked: Asked, seed: int, draws: int) -> Measured:
    """Share of pairs with a rule on any of the provisions (or of those of the topics)."""
    scales = regime.scales
    columns = [
        n
        for n, code in enumerate(scales.codes)
        if code in asked.provisions or scales.topics[scales.topic[n]] in asked.topics
    ]
    if not columns:
        what = "provision_in_force needs a provision that has a depth, or a topic."
        raise InputError(what, where="provisions", hint="Name one: DF-FLOW.", code="measure")
    force = regime.forces.between(len(regime.days) - 1)
    sets = Sets.among({str(case): regime.pair_sets(force, case) for case in CASES})
    drawn = drawn_ordinals(regime.rules, regime.hardest.shape, draws, stream(seed, "rulebook.codings"))
    there = np.stack([(deepest_drawn(drawn, s)[:, columns] > 0).any(axis=1) for s in sets.sets])
    cases = [there[sets.of[str(case)]].mean(axis=0) for case in CASES]
    level = deepest(regime.hardest, sets.sets)[sets.of[str(YES)]][:, columns]
    about = np.atleast_1d(regime.topics[:, np.unique(scales.topic[columns])].any(axis=1))
    one, other = pairs_of(len(regime.members))
    here = np.maximum(force[:, one, other], force[:, other, one]) == YES
    pairs = np.asarray(np.where(about, here.sum(axis=1), 0), dtype=np.intp)
    total = int(pairs.sum())
    share = float(pairs[regime.coded].sum()) / total if total else None
    figure = coverage_figure(float((level > 0).any(axis=1).mean()), cases, share, regime)
    holds = np.atleast_1d((regime.hardest[:, columns] > 0).any(axis=1))
    inputs = [
        i.id
        for k, i in enumerate(regime.instruments)
        if regime.coded[k] and pairs[k] and holds[regime.variant_of[k]].any()
    ]
    return _from(asked, figure, "share of pairs", tuple(inputs))


def _chosen(
    regime: Regime, asked: Asked, *, types: Sequence[str] = (), forms: Sequence[str] = (), names: Sequence[str] = ()
) -> NDArray[np.bool_]:
    """The instruments that a measure is about."""
    kinds = asked.types or types
    found = np.zeros(len(regime.instruments), dtype=bool)
    for k, i in enumerate(regime.instruments):
        about = not asked.topics or bool(set(i.topics) & set(asked.topics))
        found[k] = (
            about and (not kinds or i.type in kinds) and (not forms or i.form in forms) and (not names or i.id in names)
        )
    return found


def _joined(regime: Regime, least: int) -> NDArray[np.bool_]:
    """Who takes part in what `[instrument, member]`; a list that doesn't name a member may still hold it."""
    return np.asarray(regime.forces.state[-1] >= least, dtype=bool)


def _named(regime: Regime, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(i.id for i, here in zip(regime.instruments, mask, strict=True) if here)


def _count(asked: Asked, low: int, high: int, unit: str, inputs: tuple[str, ...]) -> Measured:
    return Measured(asked, float(low), float(low), float(max(low, high)), unit, inputs)


def _none(asked: Asked, unit: str, reason: str) -> Measured:
    return Measured(asked, None, None, None, unit, (), reason=reason)


def _in_force_by_topic(regime: Regime, asked: Asked) -> Measured:
    chosen, force = _chosen(regime, asked), regime.forces.between(len(regime.days) - 1)
    most = force.max(axis=(1, 2))
    here = chosen & (most == YES)
    return _count(asked, int(here.sum()), int((chosen & (most >= UNKNOWN)).sum()), "instruments", _named(regime, here))


def _parties_count(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked)
    sure, may = (_joined(regime, least)[chosen].any(axis=0) for least in (YES, UNKNOWN))
    used = chosen & _joined(regime, YES).any(axis=1)
    return _count(asked, int(sure.sum()), int(may.sum()), "members", _named(regime, used))


def _new_by_year(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked)
    found: dict[int, int] = {}
    inputs: list[str] = []
    for k, instrument in enumerate(regime.instruments):
        day = instrument.signed or instrument.adopted or instrument.in_force
        rows = {r.party for r in regime.participations.get(instrument.id, ()) if r.role in SIGNING}
        union = regime.forces.union[-1, k] & ("EU" in rows)
        own = [m in rows or bool(u) for m, u in zip(regime.members, union, strict=True)]
        if chosen[k] and day is not None and sum(own) >= 2 and day.first.year == day.last.year:
            found[day.first.year] = found.get(day.first.year, 0) + 1
            if day.first.year == regime.on.year:
                inputs.append(instrument.id)
    value = found.get(regime.on.year, 0)
    made = _count(asked, value, value, f"instruments in {regime.on.year}", tuple(inputs))
    return Measured(asked, made.value, made.low, made.high, made.unit, made.inputs, by_year=dict(sorted(found.items())))


def _adopted(regime: Regime, asked: Asked, types: Sequence[str], unit: str) -> Measured:
    chosen = _chosen(regime, asked, types=types)
    if not regime.forces.has_row[-1][chosen].any():
        return _none(asked, unit, f"the catalogue does not record which members adopted which {unit}")
    sure, may = (chosen & _joined(regime, least).any(axis=1) for least in (YES, UNKNOWN))
    return _count(asked, int(sure.sum()), int(may.sum()), unit, _named(regime, sure))


def _standards_adopted(regime: Regime, asked: Asked) -> Measured:
    return _adopted(regime, asked, ("standard",), "standards")


def _norms_endorsed(regime: Regime, asked: Asked) -> Measured:
    return _adopted(regime, asked, ("soft_principles", "declaration"), "norms")


def _memoranda_pairs(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked, forms=("memorandum",))
    if not chosen.any():
        return _none(asked, "pairs", "the catalogue holds no memoranda; add them with `form: memorandum`")
    force = regime.forces.between(len(regime.days) - 1)[chosen].max(axis=0)
    both = np.maximum(force, force.T)[pairs_of(len(regime.members))]
    return _count(asked, int((both == YES).sum()), int((both >= UNKNOWN).sum()), "pairs", _named(regime, chosen))


def _uncitral_parties(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked, names=UNCITRAL)
    if not regime.forces.has_row[-1][chosen].any():
        return _none(asked, "participations", "the catalogue does not record any member's part in these conventions")
    sure, may = (_joined(regime, least)[chosen] for least in (YES, UNKNOWN))
    return _count(asked, int(sure.sum()), int(may.sum()), "participations", _named(regime, chosen))


def _joint_proposals(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked, forms=("joint_proposal",))
    if not chosen.any():
        return _none(asked, "proposals", "the catalogue holds no joint proposals; add them with `form: joint_proposal`")
    parties = [{r.party for r in regime.participations.get(i.id, ())} & set(regime.members) for i in regime.instruments]
    here = chosen & np.array([len(p) >= 2 for p in parties], dtype=bool)
    return _count(asked, int(here.sum()), int(here.sum()), "proposals", _named(regime, here))


def _national_strategy(regime: Regime, asked: Asked) -> Measured:
    chosen = _chosen(regime, asked, forms=("national_strategy",))
    if not chosen.any():
        why = "the catalogue holds no national strategies; add them with `form: national_strategy`"
        return _none(asked, "share of members", why)
    rows = regime.forces.has_row[-1][chosen]
    sure, may = ((_joined(regime, least)[chosen] & rows).any(axis=0).mean() for least in (YES, UNKNOWN))
    return Measured(asked, float(sure), float(sure), float(may), "share of members", _named(regime, chosen))


_COUNTS = {
    "instruments_in_force_by_topic": _in_force_by_topic,
    "parties_count": _parties_count,
    "standards_adopted": _standards_adopted,
    "norms_endorsed": _norms_endorsed,
    "memoranda_pairs": _memoranda_pairs,
    "uncitral_parties": _uncitral_parties,
    "joint_proposals": _joint_proposals,
    "national_strategy": _national_strategy,
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    schema = MeasuresFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/rulebook-measures@1", **schema}
