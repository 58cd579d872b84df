"""A consultation as files: Polis's CSV form, with `is-meta`, and `result.json`.

`matrix_csv` and `comments_csv` are read back by `read_matrix` to the same votes. What these votes don't hold (times,
authors) stays empty. Text that a spreadsheet would take for a formula gets an apostrophe before it; with
`guard=False` it is left as it is.

`result` is a dictionary that `canonical.dumps` can write, with no floats: counts are integers, the group-informed
consensus is a fraction, other figures are text with 9 decimals. It names the set of events it comes from by hash. In
mode `concordat-1` its bytes are the same on every machine.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from concordat.council.consult.analysis import Analysis
from concordat.council.consult.bridging import Bridge
from concordat.council.consult.exact import group_counts, group_informed_consensus
from concordat.council.consult.stability import PAIRS_MAX
from concordat.council.consult.votes import Votes
from concordat.errors import InputError
from concordat.evidence.csv_text import guarded

SCHEMA = "concordat/consultation-result@1"
_DIGITS = 9
_PAIRS_SHOWN = 100


def matrix_csv(votes: Votes, groups: Any = None, *, guard: bool = True) -> str:
    """`participants-votes.csv`: the group that is given (-1: none), else the one that the source named."""
    write = guarded if guard else str
    if groups is not None and len(groups) != len(votes.participants):
        what = f"{len(groups)} groups for {len(votes.participants)} voters."
        raise InputError(what, hint="Give one for each voter.", code="shape")
    named = votes.given_groups if groups is None else ["" if g < 0 else str(int(g)) for g in groups]
    head = ["participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree"]
    rows: list[list[str]] = [[*head, *map(write, votes.ids)]]
    text = np.where(votes.seen, votes.matrix.astype("U2"), "").tolist()
    cast, agrees, disagrees = (part.sum(axis=1).tolist() for part in (votes.seen, votes.matrix == 1, votes.matrix < 0))
    for n, key in enumerate(votes.participants):
        counts = [str(part[n]) for part in (cast, agrees, disagrees)]
        rows.append([write(key), write(named[n]), "", *counts, *text[n]])
    return _csv(rows)


def comments_csv(votes: Votes, groups: Any = None, *, guard: bool = True) -> str:
    """`comments.csv`, with `is-meta`; with groups also their consensus. A flag that is not known stays empty."""
    write = guarded if guard else str
    consensus = [""] * len(votes.statements)
    if groups is not None:
        consensus = [repr(v) for v in group_informed_consensus(group_counts(votes, groups)).tolist()]
    known = [name for name in ("meta", "seed") if all(getattr(s, name) is not None for s in votes.statements)]
    head = ["timestamp", "comment-id", "author-id", "agrees", "disagrees", "moderated"]
    rows = [[*head, *(f"is-{name}" for name in known), "group-informed-consensus", "comment-body"]]
    agrees, disagrees = (part.sum(axis=0).tolist() for part in (votes.matrix == 1, votes.matrix < 0))
    for n, s in enumerate(votes.statements):
        flags = [str(getattr(s, name)).lower() for name in known]
        counts = [str(agrees[n]), str(disagrees[n]), str(s.moderation)]
        rows.append(["", write(s.id), "", *counts, *flags, consensus[n], write(s.text)])
    return _csv(rows)


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def result(analysis: Analysis) -> dict[str, Any]:
    """The result, for `canonical.dumps`."""
    votes, grouping = analysis.votes, analysis.grouping
    return {
        "schema": SCHEMA,
        "mode": analysis.mode,
        "public": votes.public,
        "votes_hash": votes.hash,
        "events": len(votes.events),
        "warnings": list(analysis.warnings),
        "by_member": [{k: list(v) if k != "member" else v for k, v in asdict(row).items()} for row in analysis.members],
        "counts": {
            "voters": int(votes.seen.any(axis=1).sum()),
            "statements": len(votes.statements),
            "votes": votes.count,
            "moderated_out": int(votes.moderated_out.sum()),
        },
        "groups": {
            "basis": analysis.basis,
            "reason": grouping.reason,
            "silhouettes": [[k, decimal(value)] for k, value in grouping.silhouettes],
            "groups": [_group(analysis, g) for g in range(grouping.count)],
            "no_group": _members(votes, grouping.groups == -1),
        },
        "places": _places(analysis),
        "consensus": {
            side: [_numbers(asdict(found)) for found in part]
            for side, part in (("agree", analysis.agreed), ("disagree", analysis.rejected))
        },
        "stability": _stability(analysis),
        "hosts": [_numbers(asdict(host)) for host in analysis.hosts],
        "bridging": {
            "basis": analysis.bridging_basis,
            "names": list(analysis.group_names),
            "bridging": [b.statement for b in analysis.bridging if b.bridging],
            "statements": [_bridge(b) for b in analysis.bridging],
        },
        "priority": {
            "drawing": "unverified",
            "statements": dict(zip(votes.ids, map(decimal, analysis.priorities.tolist()), strict=True)),
        },
    }


def _group(analysis: Analysis, g: int) -> dict[str, Any]:
    inside = analysis.groups == g
    deeper = analysis.grouping.subgroups
    return {
        "number": g,
        "shown": analysis.shown[g],
        "size": int(inside.sum()),
        "people": _members(analysis.votes, inside),
        "subgroups": [_members(analysis.votes, inside & (deeper == s)) for s in range(int(deeper[inside].max()) + 1)],
        "representative": [_numbers(asdict(found)) for found in analysis.representative[g]],
    }


def _members(votes: Votes, chosen: Any) -> list[str]:
    return [votes.participants[i] for i in np.flatnonzero(chosen).tolist()]


def _places(analysis: Analysis) -> dict[str, Any]:
    """Inside signs (agree -1). In `concordat-1` whole units of 2^-16, else text."""
    if analysis.units is not None:
        rows: list[list[Any]] = (-analysis.units.people).tolist()
        return {"unit": "1/65536", "people": dict(zip(analysis.votes.participants, rows, strict=True))}
    rows = [[decimal(x) for x in row] for row in analysis.space.people.tolist()]
    return {"unit": "1", "people": dict(zip(analysis.votes.participants, rows, strict=True))}


def _stability(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.stability
    if found is None:
        return None
    pairs: dict[str, str] | None = None
    if found.together is not None and len(analysis.votes.participants) <= min(_PAIRS_SHOWN, PAIRS_MAX):
        ids = analysis.votes.participants
        shares = found.together.tolist()
        pairs = {
            f"{ids[i]} {ids[j]}": decimal(shares[i][j])
            for i in range(len(ids))
            for j in range(i + 1, len(ids))
            if shares[i][j] == shares[i][j]  # not NaN
        }
    return {
        "resampled": found.resampled,
        "resamples": found.resamples,
        "failed": found.failed,
        "groups": [decimal(value) for value in found.groups],
        "words": list(found.words),
        "together": pairs,
    }


def _bridge(b: Bridge) -> dict[str, Any]:
    return {
        "statement": b.statement,
        "consensus": f"{b.consensus.numerator}/{b.consensus.denominator}",
        "consensus_root": decimal(b.rooted),
        "weakest": b.weakest,
        "bridging": b.bridging,
        "groups": [[s.agrees, s.disagrees, s.seen, decimal(s.majority)] for s in b.shares],
    }


def _numbers(parts: dict[str, Any]) -> dict[str, Any]:
    """Floats as text."""
    return {
        key: decimal(value)
        if isinstance(value, float)
        else [decimal(v) for v in value]
        if isinstance(value, tuple)
        else value
        for key, value in parts.items()
    }


def decimal(value: float | Decimal | Fraction) -> str:
    """A number as text with 9 decimals, rounded half to even from its exact value; no minus before zero.

    >>> decimal(0.1), decimal(Fraction(2, 3)), decimal(-1e-12)
    ('0.100000000', '0.666666667', '0.000000000')
    """
    units = round(Fraction(value) * 10**_DIGITS)
    whole, rest = divmod(abs(units), 10**_DIGITS)
    return f"{'-' if units < 0 else ''}{whole}.{rest:0{_DIGITS}d}"
