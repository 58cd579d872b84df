"""How many incidents were reported, by whom, when, how fast: counts of entries, and small ones hidden from the public.

    for table in statistics(records, timelines, now, public=True):
        print(table.by, table.cells, table.total)

Counts measure willingness to report, not attacks. They come from entries alone, so that any member finds the same. For
members every cell is shown. For the public a count below 3 is printed as "< 3"; if the hidden cells could be worked out
from a total that is known (ours, or that of another table), the next smallest cells are withheld as well, until at
least two values fit each hidden one; where that can't be reached, the whole table is. Each stage is judged by itself,
since how it stands adds up to the number of incidents, and the table of stages has no total. Hours are medians from
awareness to submission, of cells that are shown. Source: exchange.md, section 8.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from concordat.exchange.incidents.deadlines import IncidentRecord, Timeline, stage_status

SMALL = 3  # exchange.md 8.4
HIDDEN, WITHHELD = f"< {SMALL}", "withheld"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value of the dimension, the count as printed, and the number; None where it is hidden."""

    key: str
    shown: str
    count: int | None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Counts by one dimension; incidents of several sectors count once in each, so that table has no total.

    Attributes:
        total, shown: the sum, and how it is printed; empty where there is none. entries: ids behind the counts, for
            members alone: their number tells what is hidden. withheld: too few for any cell, or any cell of one or more
            stages, to be shown.
    """

    by: str
    cells: tuple[Cell, ...]
    total: int | None
    shown: str
    entries: tuple[str, ...]
    withheld: bool = False


_Keys = Callable[[IncidentRecord], Sequence[str]]


def quarter_of(at: int | None) -> str:
    """`2026-Q2`, of a submission time; `not yet witnessed` of none."""
    if at is None:
        return "not yet witnessed"
    day = datetime.fromtimestamp(at, UTC)
    return f"{day.year}-Q{(day.month + 2) // 3}"


_DIMENSIONS: Mapping[str, _Keys] = {
    "member": lambda record: [record.member],
    "quarter": lambda record: [quarter_of(record.shared)],
    "sector": lambda record: sorted(set(record.sectors)) or ["not said"],
    "label": lambda record: [record.label],
}


def statistics(
    records: Iterable[IncidentRecord], timelines: Mapping[str, Timeline], now: int, *, public: bool
) -> list[Table]:
    """The tables: incidents by member, quarter, sector and label; stages by how they stand, with median hours.

    Args:
        timelines: by name; incidents of others are left out of the stages.
    """
    listed = [record for record in records if record.label]
    entries = () if public else tuple(sorted(entry for record in listed for entry in record.entries))
    tables = [
        _table(by, [key for record in listed for key in keys(record)], {}, entries, public, by != "sector")
        for by, keys in _DIMENSIONS.items()
    ]
    return [*tables, _stages(listed, timelines, now, entries, public)]


def _stages(
    records: list[IncidentRecord], timelines: Mapping[str, Timeline], now: int, entries: tuple[str, ...], public: bool
) -> Table:
    keys: list[str] = []
    hours: dict[str, list[float]] = {}
    for record in records:
        if record.timeline not in timelines:
            continue
        for status in stage_status(timelines[record.timeline], record, now):
            key = f"{status.stage}: {'in time' if status.state == 'met' else status.state}"
            keys.append(key)
            if status.submitted is not None and record.became_aware is not None and status.state in ("met", "late"):
                hours.setdefault(key, []).append((status.submitted - record.became_aware) / 3600)
    medians = {key: median(values) for key, values in hours.items()}
    if not public:
        return _table("stage", keys, medians, entries, public, True)
    names = sorted({key.partition(": ")[0] for key in keys})
    parts = [_table("stage", [k for k in keys if k.startswith(f"{name}: ")], medians, (), True, True) for name in names]
    cells = tuple(cell for part in parts for cell in part.cells)
    return Table("stage", cells, None, "", (), withheld=any(part.withheld for part in parts))


def _table(
    by: str, keys: list[str], hours: Mapping[str, float], entries: tuple[str, ...], public: bool, adds_up: bool
) -> Table:
    counts = {key: keys.count(key) for key in sorted(set(keys))}
    total = sum(counts.values()) if adds_up else None
    hidden: Mapping[str, str] | None = suppressed(counts) if public else {}
    if hidden is None:
        few = total is not None and total < SMALL
        return Table(by, (), None if few else total, HIDDEN if few else _text(total), entries, withheld=True)
    cells = tuple(
        Cell(key, hidden.get(key, f"{count:,}"), None if key in hidden else count,
             None if key in hidden else hours.get(key))
        for key, count in counts.items()
    )  # fmt: skip
    return Table(by, cells, total, _text(total), entries)


def _text(total: int | None) -> str:
    return "" if total is None else f"{total:,}"


def suppressed(counts: Mapping[str, int]) -> dict[str, str] | None:
    """The cells that the public may not see, and what stands there instead; None: nothing of the table may be seen.

    A reader may know the total, that "< 3" is 1 or 2, and that what is withheld is 3 or more: with these, each hidden
    cell must still have two possible values.

    >>> suppressed({"a": 2, "b": 9, "c": 5})
    {'a': '< 3', 'c': 'withheld'}
    >>> suppressed({"a": 9, "b": 5})
    {}
    >>> suppressed({"a": 2, "b": 2}) is None        # with the total, 4, both could be worked out
    True
    """
    primary = {key: HIDDEN for key, count in sorted(counts.items()) if count < SMALL}
    if not primary:
        return {}
    hidden = dict(primary)
    rest = sorted((key for key in counts if counts[key] >= SMALL), key=lambda key: (counts[key], key))
    for key in [None, *rest]:
        if key is not None:
            hidden[key] = WITHHELD
        if _ambiguous(sum(counts[k] for k in hidden), len(primary), len(hidden) - len(primary)):
            return hidden
    return None


def _ambiguous(total: int, small: int, withheld: int) -> bool:
    """Whether each of `small` cells of 1 or 2 can be both, given the sum with `withheld` cells of 3 or more."""
    most = total - SMALL * withheld
    sums = [s for s in range(small, 2 * small + 1) if s == total or (withheld and s <= most)]
    can_be_one, can_be_two = any(s < 2 * small for s in sums), any(s > small for s in sums)
    return can_be_one and can_be_two
