"""`concordat rulebook regime`, `reuse`, `measures`: a bloc's rules together, whose text spreads, what is counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_binds import NOT_ADVICE
from concordat.cli._rulebook_tables import Answer, cut
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.rulebook.assessment import RulebookSection
    from concordat.rulebook.regime import Figure
    from concordat.rulebook.store import RuleStore

NOT_CODED = "not coded"


def members_of(bloc: str, countries: str, on: date) -> tuple[str, tuple[str, ...]]:
    """The members of a bloc on a day, or the countries that were named."""
    from concordat.rulebook.catalogue import check_party
    from concordat.world import bloc as bloc_of
    from concordat.world import country, members, roles_on

    if bool(bloc) == bool(countries):
        raise InputError("name a bloc, or --countries.", hint="rulebook regime BRICS", code="members")
    if countries:
        found = tuple(
            dict.fromkeys(country(c.strip(), where="--countries").iso3 for c in countries.split(",") if c.strip())
        )
        return "the countries named", tuple(sorted(found))
    record = bloc_of(bloc)
    blocs_inside = {m.area for m in roles_on(record.id, on) if m.area_is_bloc}
    return record.id, tuple(sorted(check_party(m) for m in members(record.id, on) if m not in blocs_inside))


def regime(store: RuleStore, name: str, members: Sequence[str], on: date, seed: int) -> Answer:
    """The rules between the members of a bloc."""
    from concordat.rulebook.accuracy import coders_words
    from concordat.rulebook.assessment import assessment

    section = assessment(store, members, on, seed)
    head = ("a", "b", ">binding", ">soft", ">unknown", "depth", "mark", "instruments")
    table = [
        (
            c.a,
            c.b,
            str(len(c.binding)),
            str(len(c.soft)),
            str(len(c.unknown)),
            _figure(c.depth),
            c.mark if c.binding or c.soft else "",
            ", ".join((*c.binding, *c.soft)) or c.note,
        )
        for c in section.matrix
    ]
    short = [(*r[:5], _cell(c.depth), r[6], cut(r[7], 60)) for r, c in zip(table, section.matrix, strict=True)]
    lines = [f"Rules in force between {len(section.members)} members of {name} on {on}", "", *columns(head, short)]
    lines += _figures(section)
    lines += _rest(section)
    coders = section.coverage.mode.split(", ") if section.coverage.codings else []
    lines += ["", *([said] if (said := coders_words(coders)) else []), NOT_ADVICE]
    return _plain(section), lines, (head, table)


def _figure(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return figure.reason if figure is not None else ""
    ends = "" if figure.low is None or figure.high is None else f" ({figure.low:.2f} to {figure.high:.2f})"
    return f"{figure.value:.2f}{ends}"


def _cell(figure: Figure | None) -> str:
    """A figure in a table; where there is none a short word, which `_reasons` explains below."""
    if figure is None or figure.value is not None:
        return _figure(figure)
    return NOT_CODED if _uncoded(figure) else "-"


def _uncoded(figure: Figure) -> bool:
    from concordat.rulebook.regime import COVERAGE_MIN

    return figure.value is None and figure.coverage is not None and figure.coverage < COVERAGE_MIN


def _figures(section: RulebookSection) -> list[str]:
    m = section.metrics
    lines = [
        "",
        f"Depth of the rules, mean over pairs: {_cell(m.depth)}",
        f"Differences between members (H): {_cell(m.distance)}; graded: {_cell(m.graded)}",
    ]
    rows = [(t, _cell(m.depth_by_topic[t]), _cell(s.soft), _cell(s.binding)) for t, s in m.scattered.items()]
    lines += ["", *columns(("topic", "depth", "pairs without a rule", "without a binding one"), rows)]
    shown = [f for s in m.scattered.values() for f in (s.soft, s.binding)]
    shown += [m.depth, m.distance, m.graded, *m.depth_by_topic.values(), *(c.depth for c in section.matrix)]
    return [*lines, *_reasons([f for f in shown if f is not None and f.value is None])]


def _reasons(without: Sequence[Figure]) -> list[str]:
    """Why there is no figure, each reason once."""
    from concordat.rulebook.regime import COVERAGE_MIN

    shares = [f.coverage for f in without if f.coverage is not None and _uncoded(f)]
    lines = []
    if shares:
        low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
        some = low if low == high else f"{low} to {high}"
        lines.append(f"{NOT_CODED}: only {some} of the instruments in force are coded; {COVERAGE_MIN:.0%} are needed.")
    others = "; ".join(dict.fromkeys(f.reason for f in without if not _uncoded(f) and f.reason))
    lines += [f"-: {others}."] if others else []
    return ["", *lines] if lines else []


def _rest(section: RulebookSection) -> list[str]:
    lines: list[str] = []
    if section.topics_without:
        lines += ["", f"Topics that no instrument between two members is about: {', '.join(section.topics_without)}"]
    if section.topics_soft_only:
        lines.append(f"Topics that only soft instruments are about: {', '.join(section.topics_soft_only)}")
    for o in section.outside:
        others = [("not for", o.outside), ("not known for", o.unknown)]
        told = "".join(f"; {words} {', '.join(some)}" for words, some in others if some)
        lines.append(f"{o.instrument}: in force for {', '.join(o.joined)}{told}")
    for p in section.pending:
        lines.append(f"{p.instrument}, {p.kind}: {', '.join(p.members)}")
    if section.shared_soft:
        lines.append(f"Soft instruments that all share: {', '.join(section.shared_soft)}")
    c = section.coverage
    texts = f"{c.with_text} have a text here, {c.coded} are coded"
    lines += ["", f"{c.in_force} of {c.instruments} instruments are in force between two members; {texts}."]
    lines.append(f"Lists of parties that are not complete: {c.incomplete}.")
    if section.to_load:
        some = ", ".join(t.instrument for t in section.to_load[:8])
        lines.append(f"To know more, load: {some}{', ...' if len(section.to_load) > 8 else ''}")
    return [*lines, *section.notes]


def reuse(store: RuleStore, names: Sequence[str]) -> Answer:
    """Whose text later agreements copy."""
    from concordat.rulebook.reuse import reuse_network, texts_of

    texts, undated = texts_of(store, names)
    if not texts:
        raise InputError(
            "no text with a day of signature is loaded.", hint="concordat rulebook load FILE", code="no_text"
        )
    net = reuse_network(texts, undated=undated)
    head = ("source", "target", ">share")
    table = [(e.source, e.target, repr(e.share)) for e in net.edges]
    lines = [*columns(head, [(a, b, f"{100 * float(s):.1f} %") for a, b, s in table[:60]])] if table else ["No copies."]
    rows = [
        (i, "" if (n := net.novelty[i]) is None else f"{100 * n:.1f} %", f"{net.out_strength.get(i, 0.0):.2f}")
        for i in net.ids
    ]
    lines += ["", *columns(("text", ">new", ">spread"), rows)]
    lines += [f"Left out, without a day of signature: {', '.join(net.undated)}"] if net.undated else []
    facts = {
        "edges": [asdict(e) for e in net.edges],
        "novelty": dict(net.novelty),
        "out_strength": dict(net.out_strength),
        "undated": list(net.undated),
    }
    return facts, lines, (head, table)


def measures(store: RuleStore, members: Sequence[str], on: date, seed: int) -> Answer:
    """What the rulebook tells of the lines of the source documents that ask for it."""
    from concordat.rulebook._regime_read import read
    from concordat.rulebook.measures import load_measures, measure_line

    bloc = read(store, members, on, first_year=on.year)
    head = ("item", ">line", "measure", ">value", "interval", "unit", "reason", "inputs")
    table: list[tuple[str, ...]] = []
    facts = []
    for line in load_measures().lines:
        for found in measure_line(bloc, line.commitment, line.number, seed=seed):
            ends = "" if found.low is None or found.high is None else f"{found.low:.4g} to {found.high:.4g}"
            value = "" if found.value is None else f"{found.value:.4g}"
            row = (line.commitment, str(line.number), found.asked.name, value, ends, found.unit, found.reason)
            table.append((*row, ", ".join(found.inputs)))
            facts.append({"item": line.commitment, "line": line.number, "asks": line.code, **_plain(found)})
    return {"on": on.isoformat(), "measures": facts}, [*columns(head[:7], [r[:7] for r in table])], (head, table)


def _plain(value: Any) -> Any:
    """Dataclasses, arrays and days as JSON has them; NaN as nothing."""
    if is_dataclass(value) and not isinstance(value, type):
        return {k: _plain(getattr(value, k)) for k in value.__dataclass_fields__}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
