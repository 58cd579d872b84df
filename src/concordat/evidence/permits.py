"""Which rows may be passed on, and why the others may not: licences and confidentiality, row by row.

A row is held back when it is confidential or withheld, when its dataset's licence forbids passing on or states nothing,
or when the licence asks that whatever is built on it be shared alike and that was not accepted. A row made from other
rows takes the strictest of their terms (specification of evidence, section 8); where one of them can't be found, nobody
knows its terms, and the row stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from concordat.errors import InputError
from concordat.evidence.licences import Licence, licence, require_same_licence

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import VintageMeta

RowKey: TypeAlias = tuple[str, str, str]  # dataset, vintage, obs_id

SHARE_ALIKE = "share-alike"
ACCEPTABLE = (SHARE_ALIKE,)
# Reason -> the words for it, the strictest first.
REASONS: Mapping[str, str] = {
    "confidential": "confidential",
    "withheld": "withheld by its producer",
    "derive": "its licence forbids building on it",
    "redistribute": "its licence, as far as it is known, does not let it be passed on",
    "unstated": "no licence is stated",
    "unknown_input": "made from rows whose terms are not known",
    "share_alike": "its licence asks for share-alike, which was not accepted",
}
_ORDER = tuple(REASONS)


def row_key(o: Observation) -> RowKey:
    """What names a row among those of several vintages."""
    return (o.dataset_id, o.vintage_id, o.obs_id)


def check_accept(words: Iterable[str], *, where: str = "") -> tuple[str, ...]:
    """The terms that somebody accepts.

    Raises:
        InputError: a word that is not among them.
    """
    found = tuple(dict.fromkeys(words))
    for word in found:
        if word not in ACCEPTABLE:
            hint = f"What can be accepted: {', '.join(ACCEPTABLE)}."
            raise InputError(
                f'"{word}" is no term of a licence that can be accepted.', where=where, hint=hint, code="accept"
            )
    return found


def held_back(
    observations: Sequence[Observation], vintages: Iterable[VintageMeta], *, accept: Collection[str] = ()
) -> dict[RowKey, str]:
    """The rows that may not be passed on, each with the strictest reason (a key of `REASONS`).

    Args:
        vintages: those that the rows belong to.
        accept: terms that the receiver takes on: `share-alike`.

    Raises:
        TrustError: a stored licence is not what the table says.
    """
    terms = {(v.dataset_id, v.id): _licence_of(v) for v in vintages}
    reasons = {key: _reason_of(known, accept) for key, known in terms.items()}
    found: dict[RowKey, str] = {}
    made: list[Observation] = []
    for o in observations:
        reason = _own_reason(o) or reasons[o.dataset_id, o.vintage_id]
        if reason:
            found[row_key(o)] = reason
        if o.derived_from:
            made.append(o)
    if made:
        _spread(made, observations, terms, found)
    return found


def _licence_of(vintage: VintageMeta) -> Licence:
    where = f"{vintage.dataset_id}/{vintage.id}"
    require_same_licence(vintage.licence, where=where)
    return licence(str(vintage.licence["id"]), where=where)


def _own_reason(o: Observation) -> str:
    if o.missing_reason == "withheld":
        return "withheld"
    return "confidential" if o.conf_status != "F" else ""


def _reason_of(known: Licence, accept: Collection[str]) -> str:
    """Why rows under a licence may not be passed on; empty when they may."""
    if known.id == "member-confidential":
        return "confidential"
    if not known.redistribute:
        return "unstated" if known.id == "unstated" else "redistribute"
    return "share_alike" if known.share_alike and SHARE_ALIKE not in accept else ""


def _spread(
    made: Sequence[Observation],
    observations: Sequence[Observation],
    terms: Mapping[tuple[str, str], Licence],
    found: dict[RowKey, str],
) -> None:
    """Hand the strictest reason of the inputs on to what was made of them, along whole chains."""
    by_id: dict[str, list[RowKey]] = {}
    for o in observations:
        by_id.setdefault(o.obs_id, []).append(row_key(o))
    changed = True
    while changed:  # a reason only becomes stricter, so there is an end
        changed = False
        for o in made:
            key = row_key(o)
            said = [found.get(key, "")]
            for obs_id in o.derived_from:
                near = (o.dataset_id, o.vintage_id, obs_id)
                inputs = [near] if near in by_id.get(obs_id, ()) else by_id.get(obs_id, [])
                said += [found.get(one, "") for one in inputs] if inputs else ["unknown_input"]
                said += ["derive" for one in inputs if not terms[one[0], one[1]].derive]
            strictest = min((reason for reason in said if reason), key=_ORDER.index, default="")
            if strictest and found.get(key) != strictest:
                found[key] = strictest
                changed = True
