"""Which figures a report may hold: it is made to be published, so it holds only what may be passed on.

Everything in the folder counts as passing on: the page as much as `data.csv`, the workbook and `provenance.json`, which
quotes each source's text. So a row that may not leave (`evidence.permits`) is not used at all; the next source stands
in its place, and the first page says which source was left out and why. A study can accept terms under `report.accept`:

- `share-alike`: the report's data are then offered under the same terms, and the page says so;
- `internal`: rows that may be built on but not passed on are used too, and the page says "not for publication".

What is confidential, and what its licence forbids to build on, is never used. A withheld row has no number; it stays,
so that the table says "withheld".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from concordat.evidence.permits import SHARE_ALIKE, held_back, row_key
from concordat.report.chapter import Code, Runs

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import Vintage
    from concordat.report.inputs import Inputs

INTERNAL = "internal"
ACCEPTABLE = (SHARE_ALIKE, INTERNAL)
# Reasons of `evidence.permits` that an internal copy may overlook.
_INTERNAL_REASONS = ("redistribute", "unstated", "unknown_input")
# Reason -> the end of the key of its message, and what accepts it.
_SAID = {
    "confidential": ("confidential", ""),
    "derive": ("licence", ""),
    "redistribute": ("licence", INTERNAL),
    "unstated": ("licence", INTERNAL),
    "unknown_input": ("licence", INTERNAL),
    "share_alike": ("share_alike", SHARE_ALIKE),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What was left out of a report, and what was taken in on terms.

    Attributes:
        left_out: dataset -> the strictest reason of its rows that are not used, a key of `evidence.permits.REASONS`.
        internal: datasets whose rows may not be passed on and are used.
        alike: datasets under share-alike whose rows are used.
    """

    left_out: Mapping[str, str] = field(default_factory=dict)
    internal: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


def permitted(
    observations: Sequence[Observation], vintages: Sequence[Vintage], accept: Iterable[str]
) -> tuple[list[Observation], Terms]:
    """The rows that a report may use.

    Args:
        accept: words of `report.accept`.

    Raises:
        TrustError: a stored licence is not what the table says.
    """
    accept = set(accept)
    held = held_back(observations, vintages, accept=accept & {SHARE_ALIKE})
    overlooked = _INTERNAL_REASONS if INTERNAL in accept else ()
    left_out: dict[str, str] = {}
    internal: set[str] = set()
    used: list[Observation] = []
    for o in observations:
        reason = held.get(row_key(o), "")
        if not reason or reason == "withheld":
            used.append(o)
        elif reason in overlooked:
            used.append(o)
            internal.add(o.dataset_id)
        else:
            left_out[o.dataset_id] = min(left_out.get(o.dataset_id, reason), reason, key=list(_SAID).index)
    present = {o.dataset_id for o in used if o.missing_reason is None}
    alike = {v.dataset_id for v in vintages if v.licence["share_alike"] and v.dataset_id in present}
    return used, Terms(dict(sorted(left_out.items())), tuple(sorted(internal)), tuple(sorted(alike)))


def meta_rows(inputs: Inputs) -> list[tuple[str, Runs]]:
    """What stands under the title about sources left out and terms taken on; mostly nothing."""
    words, terms = inputs.words, inputs.terms
    of = {v.dataset_id: v for v in inputs.vintages}
    rows: list[tuple[str, Runs]] = []
    if terms.left_out:
        sentences = []
        for dataset_id, reason in terms.left_out.items():
            key, accepted_by = _SAID[reason]
            values = {"title": str(of[dataset_id].origin["title"])}
            if key != "confidential":
                values["licence"] = str(of[dataset_id].licence["name"])
            sentences.append(words.text(f"report.left_out_{key}", **values))
            if accepted_by:
                sentences.append(words.text("report.left_out_accept", accept=Code(f"accept: [{accepted_by}]")))
        rows.append((words.plain("report.meta_left_out"), words.sentences(*sentences)))
    if terms.internal:
        titles = words.listed(str(of[d].origin["title"]) for d in terms.internal)
        rows.append((words.plain("report.meta_internal"), words.text("report.internal", titles=titles)))
    if terms.alike:
        titles = words.listed(str(of[d].origin["title"]) for d in terms.alike)
        licences = words.listed(sorted({str(of[d].licence["name"]) for d in terms.alike}))
        rows.append((words.plain("report.meta_alike"), words.text("report.alike", titles=titles, licence=licences)))
    return rows
