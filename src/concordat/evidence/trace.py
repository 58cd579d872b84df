"""Where a printed number came from, step by step down to the publisher's bytes, each step checked as it is shown.

A number is named by its record's id (8 hex digits or more, as a report's `data-obs` carries them) or by its cell
(`T3:BRA:internet_users_pct`). A derived number shows its function and version, is computed again, and is followed into
its inputs; an observation shows its row in the store, how its bytes were retrieved, and the text that stands in them; a
fact shows the line of the packaged table, of the study or of the publisher's bytes. What does not agree raises: nothing
is shown that is not so.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from concordat import canonical
from concordat.errors import InputError, StateError, TrustError
from concordat.evidence._survey_trace import KEPT_AT_NODE, is_at_node
from concordat.evidence._trace_facts import Facts
from concordat.evidence.manifest import check_files
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Provenance, RawTexts, check_hashes, made_from, read_provenance
from concordat.evidence.provenance import Derived, Fact, Record, parts_of, recompute
from concordat.evidence.store import Store, Vintage
from concordat.settings import nearest

PREFIX_MIN = 8
_HEX = re.compile(r"[0-9a-f]{1,64}")
# The modules of this room that register derivations; a report uses others too (`report.derivations`).
DERIVATIONS = (
    "evidence.aggregate", "evidence.provenance", "evidence.ranks", "evidence.resolve", "evidence.revisions",
)  # fmt: skip
Loader: TypeAlias = Callable[[str], None]
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Trace:
    """One record with what was seen and checked about it, and the records it was made from.

    Attributes:
        kind: observation, fact or derived.
        title: what it is, in a line.
        steps: (what, how it was found), in order.
    """

    id: str
    kind: str
    title: str
    steps: tuple[tuple[str, str], ...]
    inputs: tuple[Trace, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The tree for a program (`--json`)."""
        steps = [{"what": what, "found": found} for what, found in self.steps]
        inputs = [i.as_dict() for i in self.inputs]
        return {"id": self.id, "kind": self.kind, "title": self.title, "steps": steps, "inputs": inputs}

    def observations(self) -> Iterator[Trace]:
        """The observations at the bottom of the tree, each as often as it is used."""
        if self.kind == "observation":
            yield self
        for one in self.inputs:
            yield from one.observations()


def trace(wanted: str, store: Store, report_dir: Path | None = None, load: Loader | None = None) -> Trace:
    """Follow a number down to its bytes. Of a report, every file is first compared with its manifest.

    Args:
        wanted: the beginning of an id, or the name of a cell (this needs a report).
        store: holds vintages and bodies.
        report_dir: a report's folder; without it, ids of observations in the store are followed.
        load: imports the module of a function of a derived record, see `loader`; by default those of this room.

    Raises:
        InputError: no such record or cell, or more than one.
        TrustError: a file of the report, a body, a row, a record or a computation is not what it was.
        StateError: a vintage is not in this store, or this program no longer has a function.
    """
    if report_dir is None:
        return Tracer(store, _in_store(wanted, store), None).whole(wanted, "")
    check_files(report_dir)
    said = _read_report(report_dir)
    tracer = Tracer(store, said, report_dir, load)
    if ":" in wanted:
        cell = said.cells.get(wanted)
        if cell is None:
            close = nearest(wanted, said.cells)
            hint = f'Did you mean "{close[0]}"?' if close else "Cells are named as T3:BRA:internet_users_pct."
            raise InputError(
                f'"{wanted}" is not a cell of this report.', where=str(report_dir), hint=hint, code="no_cell"
            )
        return tracer.whole(cell.id, cell.part)
    return tracer.whole(find_id(wanted, said.records, where=str(report_dir)), "")


def find_id(wanted: str, ids: Iterable[str], *, where: str = "") -> str:
    """The one id that begins with `wanted`.

    Raises:
        InputError: too short, not hexadecimal, no id, or several.
    """
    text = wanted.strip().lower()
    if not _HEX.fullmatch(text) or len(text) < PREFIX_MIN:
        hint = f"Give at least {PREFIX_MIN} digits of 0-9 and a-f, or a cell's name such as T3:BRA:internet_users_pct."
        raise InputError(f'"{wanted}" is not the beginning of an id.', where=where, hint=hint, code="bad_id")
    known = ids if isinstance(ids, Mapping) else frozenset(ids)
    found = [text] if text in known else sorted(i for i in known if i.startswith(text))
    if not found:
        hint = "Ids stand in a report's provenance.json; name its folder with --report."
        raise InputError(f"no record has an id that begins with {text}.", where=where, hint=hint, code="no_record")
    if len(found) > 1:
        shown = ", ".join(found[:5])
        raise InputError(
            f"{len(found)} records begin with {text}.", where=where, hint=f"Give more: {shown}.", code="ambiguous"
        )
    return found[0]


def id_length(ids: Iterable[str], least: int = PREFIX_MIN) -> int:
    """How many digits name each of these ids without doubt.

    >>> id_length(["aaaaaaaaaa11", "aaaaaaaaaa22", "bb"])
    11
    """
    longest = least
    previous = ""
    for one in sorted(set(ids)):
        # Those that differ before the longest so far change nothing; a digit more is looked at only where they don't.
        while one[:longest] == previous[:longest] and longest <= min(len(one), len(previous)):
            longest += 1
        previous = one
    return longest


def lines(found: Trace) -> Iterator[str]:
    """The tree as indented text; a record used twice is shown once."""
    yield from _lines(found, 0, set())


def _lines(node: Trace, depth: int, shown: set[str]) -> Iterator[str]:
    margin = _INDENT * depth
    if node.id in shown:
        yield f"{margin}{node.title} (shown above)"
        return
    shown.add(node.id)
    yield f"{margin}{node.title}"
    for what, found in node.steps:
        yield f"{margin}{_INDENT}{what + ':':<11} {found}"
    for one in node.inputs:
        yield from _lines(one, depth + 1, shown)


def _read_report(report_dir: Path) -> Provenance:
    path = report_dir / "provenance.json"
    try:
        return read_provenance(path.read_bytes(), where=str(path))
    except OSError as error:
        hint = "Name the folder that assess wrote."
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), hint=hint, code="no_report") from None


def _in_store(wanted: str, store: Store) -> Provenance:
    """The rows of all vintages; where several hold an id, the newest says it."""
    if ":" in wanted:
        hint = "Name the report's folder with --report."
        raise InputError(f'"{wanted}" is a cell, and cells belong to a report.', hint=hint, code="no_report")
    find_id(wanted, [wanted.strip().lower()])  # so that a wrong text costs no reading
    records: dict[str, Record] = {}
    for vintage in sorted(store.vintages(), key=lambda v: (v.known_from, v.retrieved_at, v.ref)):
        records.update((o.obs_id, o) for o in store.observations(vintage))
    return Provenance(records, {}, {}, {})


class Tracer:
    """Follows records of one report or store; bodies and vintages are read once, records traced once."""

    def __init__(self, store: Store, said: Provenance, report_dir: Path | None, load: Loader | None = None) -> None:
        self.store = store
        self.said = said
        self._load = load or load_function
        self.where = str(report_dir / "provenance.json") if report_dir else str(store.data_dir)
        self._texts = RawTexts(store)
        self._rows: dict[tuple[str, str], Mapping[tuple[str, str], Observation]] = {}
        self._vintages: dict[tuple[str, str], Vintage | None] = {}
        self._facts = Facts(store, report_dir, self.where)
        self._done: dict[str, Trace] = {}

    def whole(self, wanted: str, part: str) -> Trace:
        """The tree of a record; `part` is the part of it that a cell prints."""
        record_id = find_id(wanted, self.said.records, where=self.where)
        found = self._trace(record_id, frozenset())
        if not part:
            return found
        parts = parts_of(self.said.records[record_id])
        if part not in parts:
            raise TrustError(f"the record {record_id} has no part {part}.", where=self.where, code="record")
        return Trace(found.id, found.kind, f"{part} = {_text(parts[part])}: {found.title}", found.steps, found.inputs)

    def _trace(self, record_id: str, above: frozenset[str]) -> Trace:
        if record_id in self._done:
            return self._done[record_id]
        record = self.said.records.get(record_id)
        if record is None or record_id in above:
            what = "is an input of itself" if record else "is named as an input and is not in the report"
            raise TrustError(f"the record {record_id} {what}.", where=self.where, code="record")
        inner = above | {record_id}
        if isinstance(record, Observation):
            found = self._observation(record_id, record, inner)
        elif isinstance(record, Fact):
            found = self._fact(record)
        else:
            found = self._derived(record, inner)
        self._done[record_id] = found
        return found

    def _derived(self, record: Derived, above: frozenset[str]) -> Trace:
        inputs = tuple(self._trace(i, above) for i in record.inputs)
        self._load(record.function)
        recompute(record, self.said.records.__getitem__)
        steps = [("made by", f"{record.function} from {len(inputs)} inputs, computed again: equal")]
        if record.parameters:
            steps.append(("with", _text(dict(record.parameters))))
        steps += [("part", f"{name} = {_text(value)}") for name, value in record.parts.items()]
        return Trace(record.id, "derived", f"derived {record.id[:12]}", tuple(steps), inputs)

    def _fact(self, record: Fact) -> Trace:
        steps = self._facts.steps(record)
        steps += [("part", f"{name} = {_text(value)}") for name, value in record.parts.items()]
        return Trace(record.id, "fact", f"fact {record.id[:12]}", tuple(steps))

    def _observation(self, record_id: str, o: Observation, above: frozenset[str]) -> Trace:
        check_hashes(o, where=self.where)
        self._check_row(o)
        steps = [
            ("row", f"{o.dataset_id}/{o.vintage_id}, row hash {o.row_hash}, checked"),
            ("status", f"obs_status {o.obs_status}, nature {o.nature}, known from {o.known_from.isoformat()}"),
        ]
        steps += [("note", o.note)] if o.note else []
        steps += self._bytes(record_id, o)
        if o.derived_by:
            steps.append(("made by", f"{o.derived_by} from {len(o.derived_from)} rows"))
        inputs = tuple(self._trace(i, above) for i in made_from(record_id, o))
        return Trace(record_id, "observation", _title(record_id, o), tuple(steps), inputs)

    def _bytes(self, record_id: str, o: Observation) -> list[tuple[str, str]]:
        if not o.raw_sha256:
            return []
        text = self._texts.text_at(o)
        told = self.said.texts.get(record_id, text)
        if told != text:
            what = f'the report says "{told}" stands at {o.raw_locator}; the bytes say "{text}".'
            raise TrustError(what, where=self.where, hint="Build the report again from its study.yaml.", code="text")
        steps = [
            ("retrieved", f"{r['retrieved_at']} {r['method']} {r['url']} by {r['connector']}")
            for r in self.store.catalog.retrievals(o.raw_sha256)
        ]
        if is_at_node(o):
            kept = f"SHA-256 {o.raw_sha256}: microdata that stay {KEPT_AT_NODE}, so not here and not read again"
            return [*steps, ("bytes", kept), ("place", o.raw_locator), ("item", text)]
        path = self.store.raw.path(o.raw_sha256).relative_to(self.store.data_dir)
        steps += [("bytes", f"{path}, SHA-256 checked"), ("place", o.raw_locator), ("text", text)]
        return [*steps, *self._factor(o)]

    def _factor(self, o: Observation) -> list[tuple[str, str]]:
        """What the text was multiplied by, where the mapping of the user's own table says so."""
        from concordat.evidence.sources.tabular import factor_of

        vintage = self._vintage(o.dataset_id, o.vintage_id)
        if vintage is None or "mapping" not in vintage.origin:
            return []
        factor = factor_of(vintage.origin, o.indicator_id, o.breakdown)
        return [("read as", f"the text times {factor:g}, as the mapping says")] if factor != 1 else []

    def _vintage(self, dataset_id: str, vintage_id: str) -> Vintage | None:
        """A vintage, its seal checked; read once, not once a row."""
        key = (dataset_id, vintage_id)
        if key not in self._vintages:
            self._vintages[key] = self.store.catalog.vintage(*key)
        return self._vintages[key]

    def _check_row(self, o: Observation) -> None:
        key = (o.dataset_id, o.vintage_id)
        if key not in self._rows:
            vintage = self._vintage(*key)
            if vintage is None:
                raise StateError(
                    f"the vintage {o.dataset_id}/{o.vintage_id} is not in this store.",
                    where=str(self.store.data_dir),
                    hint="Build the report again here with: concordat assess --study study.yaml; or set "
                    "CONCORDAT_DATA_DIR to the store it was made from.",
                    code="missing_vintages",
                )
            self._rows[key] = {(row.obs_id, row.row_hash): row for row in self.store.observations(vintage)}
        stored = self._rows[key].get((o.obs_id, o.row_hash))
        if stored != o:
            what = "is not in the store" if stored is None else "says something else than the store's"
            raise TrustError(
                f"the row {o.obs_id} of {o.dataset_id}/{o.vintage_id} {what}.",
                where=self.where,
                hint="The report or the store was changed; build the report again from its study.yaml.",
                code="row",
            )


def loader(modules: Iterable[str]) -> Loader:
    """What imports the module that registers a function, if it is one of these (below `concordat.`), and nothing else.

    What a report names is only ever looked up in the table: a name that isn't there imports nothing, and `recompute`
    says that this program has no such function.
    """
    known = frozenset(modules)

    def load(function: str) -> None:
        module = function.rpartition("@")[0].rpartition(".")[0]
        if module in known:
            importlib.import_module(f"concordat.{module}")

    return load


load_function = loader(DERIVATIONS)


def _title(record_id: str, o: Observation) -> str:
    figure = _text(o.value) if o.value is not None else "no value"
    if o.lower is not None and o.upper is not None:
        figure += f" [{_text(o.lower)}, {_text(o.upper)}]"
    if o.unit_mult:
        figure += f" x 10^{o.unit_mult}"
    if o.missing_reason:
        figure = f"missing ({o.missing_reason})"
    period = str(o.year) if o.freq == "A" else f"{o.period_start.isoformat()} to {o.period_end.isoformat()}"
    what = f"{o.indicator_id} {o.area}" + (f" {o.breakdown}" if o.breakdown else "")
    return f"observation {record_id[:12]}  {what} {period} = {figure} {o.unit}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return canonical.dumps(value, floats=True).decode()
