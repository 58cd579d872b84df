"""Provisions in force between members in a report's book: how many have a quantified effect, each count computed again.

The record is made from the same rows as the chapter on rules: the catalogue of instruments and the codings that the
study has (`rulebook.record.section`). What is in force comes from `rulebook.pairs`, what has an effect from
`provisions` and its packaged map. Everything is counted, nothing estimated. Codings that a study leaves out (their
licence) are not here, so a machine's own store may know more: `concordat scenario provisions`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from concordat import canonical
from concordat.evidence.provenance import Parts, derivation


@dataclass(frozen=True, slots=True)
class Line:
    """One provision at one depth, over all pairs between which it is in force.

    Attributes:
        depth: the hardest between the pair, 1 soft or 2 binding. pairs: how many.
        status, shock, parameter, quote: as `provisions.ProvisionEffect`.
    """

    code: str
    name: str
    depth: int
    pairs: int
    status: str
    shock: str
    parameter: str
    quote: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The rules between members, counted by what is known of their effect.

    Attributes:
        counts: as `provisions.ProvisionEffects.counts`. lines: by code, the harder first.
        uncoded: instruments in force without a coded text: those that can bind first, then those between most pairs.
        in_base: of how many pairs the agreement was in force in `base_year`; None without such a year.
        names: short names of `uncoded`. agreements: the pairs with a trade agreement in force.
    """

    counts: Mapping[str, int]
    lines: tuple[Line, ...]
    uncoded: tuple[str, ...]
    names: Mapping[str, str]
    agreements: tuple[tuple[str, str], ...]
    threshold: int
    base_year: int | None
    in_base: int | None


@derivation("impact.provisions_record.provisions")
def provisions(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How many provisions in force between members are quantified, quoted, or have no quantified effect.

    Inputs are rows of a catalogue (`{"row": ...}`) and codings of an instrument (`{"codings": [...]}`), which have its
    id in the parameter `coded`; further parameters: `members`, `on`, and `base_year` where there is trade data. Parts:
    `pairs`; of them with a trade agreement in force `agreements`, whose digital chapter is there (`chapters`) or can't
    be known (`chapters_unknown`); `provisions` by pair and code, of them `quantified`, `quoted`, `without`; `uncoded`
    instruments; `threshold`; `base_year` and `in_base` (pairs); of each code the pairs between which it is in force,
    `pairs_DF-FLOW`, of them with a binding one `binding_DF-FLOW`, with soft ones alone `soft_DF-FLOW`.
    """
    return dict(_parts(counted(inputs, parameters)))


def counted(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> Counted:
    """The counts themselves, with the effects and names that stand beside them."""
    said = {"inputs": [dict(i) for i in inputs], "parameters": dict(parameters)}
    return _counted(canonical.dumps(said, floats=True))


@lru_cache(maxsize=8)
def _counted(said: bytes) -> Counted:
    from concordat.impact.provisions import dated_by, provision_effects
    from concordat.rulebook.model import SOFT
    from concordat.rulebook.pairs import pair_rules
    from concordat.rulebook.record import held_of, relations_of

    document = json.loads(said)
    inputs, parameters = document["inputs"], document["parameters"]
    rows = [i["row"] for i in inputs if "row" in i]
    codings = dict(zip(parameters["coded"], [i["codings"] for i in inputs if "codings" in i], strict=True))
    known = held_of(rows, codings)
    instruments = {i.id: i for i in known.instruments}
    types = {name: i.type for name, i in instruments.items()}
    on, base_year = date.fromisoformat(parameters["on"]), parameters.get("base_year")
    pairs = list(pair_rules(known, parameters["members"], on, relations=relations_of(rows), dated=dated_by(types)))
    found = provision_effects(pairs, types, base_year=base_year)
    lines = Counter((p.code, -p.depth, p.name, p.status, p.shock, p.parameter, p.quote) for p in found.provisions)
    uncoded = Counter(name for pair in pairs for name in pair.uncoded)
    ordered = sorted(uncoded, key=lambda n: (instruments[n].binding in SOFT, -uncoded[n], n))
    return Counted(
        counts=found.counts,
        lines=tuple(
            Line(code, name, -depth, count, *effect) for (code, depth, name, *effect), count in sorted(lines.items())
        ),
        uncoded=tuple(ordered),
        names={name: instruments[name].short_name for name in ordered},
        agreements=tuple((a.a, a.b) for a in found.agreements),
        threshold=found.threshold,
        base_year=base_year,
        in_base=None if base_year is None else sum(a.in_base is True for a in found.agreements),
    )


def _parts(found: Counted) -> Iterator[tuple[str, Any]]:
    yield "value", None
    yield from found.counts.items()
    yield "uncoded", len(found.uncoded)
    yield "threshold", found.threshold
    yield "base_year", found.base_year
    yield "in_base", found.in_base
    for code in dict.fromkeys(line.code for line in found.lines):
        by_depth = {line.depth: line.pairs for line in found.lines if line.code == code}
        yield f"pairs_{code}", sum(by_depth.values())
        yield f"binding_{code}", by_depth.get(2, 0)
        yield f"soft_{code}", by_depth.get(1, 0)
