"""Whether a fact is so: the line of a table, of the study or of a publisher's bytes says what the record says.

A report has six kinds of facts, and each is compared with its place before it is shown:

- a membership: the row of the packaged table of blocs, of the table's very hash, has this area, bloc, role, start, end
  and precision;
- an area of the study: the study's line names it;
- a row of the packaged files of instruments and source documents, or of what the study keeps of the user's own: every
  part says what stands there;
- a row of what the report keeps of a council's or the exchange's log, or of impact's runs: the report's own file of
  that hash says it;
- a finding of a parser with a place in a publisher's body: the body has the hash that names it, the place exists in it,
  and the store's vintage of that body holds this finding, or a row at this place that it is about;
- a finding without a place in any bytes: the study's line names the vintage (or the release) that holds it.

Anything else is no fact that a report can have, and raises. The study is compared with the report's manifest.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from concordat.errors import ConcordatError, StateError, TrustError
from concordat.evidence.locators import Body, Reading, reading_of
from concordat.evidence.manifest import SHA256, read_manifest
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Fact, text_hash
from concordat.evidence.store import Store, Vintage

BLOCS, STUDY = "concordat/world/_data/blocs.yaml", "study.yaml"
KEPT = ("council.json", "exchange.json", "impact.json")  # files of the report's own folder whose rows are facts
_MEMBERSHIP = frozenset({"area", "bloc", "role", "from", "to", "checked"})
# Packaged files whose rows are facts of a report: each part of a fact stands there, or is the row itself.
ROWS = (
    "concordat/impact/data/cost_anchors.yaml",
    "concordat/impact/data/ladder_published.yaml",
    "concordat/rulebook/data/accuracy.yaml",
    "concordat/rulebook/data/instruments.yaml",
    "concordat/rulebook/data/seeds.yaml",
)
_WHOLE = ("row", "codings", "value")  # parts that are all that stands at the place
_FINDING = frozenset({"rule", "area", "indicator", "found"})
_SAME_VERSION = "Install the version of concordat named in the report's manifest."
_REBUILD = "Build the report again from its study.yaml."

Step = tuple[str, str]


class Facts:
    """Checks the facts of one report; files and vintages are read once."""

    def __init__(self, store: Store, report_dir: Path | None, where: str) -> None:
        self.store = store
        self.report_dir = report_dir
        self.where = where
        self._bodies: dict[tuple[str, str], Body] = {}
        self._told: dict[str, frozenset[tuple[str, ...]]] = {}
        self._rows: dict[str, frozenset[tuple[str, ...]]] = {}
        self._vintages: list[Vintage] | None = None

    def steps(self, record: Fact) -> list[Step]:
        """What was seen and checked about a fact, in order.

        Raises:
            TrustError: a file, its hash, the place in it, or what stands there is not what the record says.
            StateError: no vintage here was made from the bytes of a finding.
        """
        body = self._body(record)
        text = body.text_at(record.locator)
        shown = [("place", record.locator), ("text", text)]
        names = frozenset(record.parts)
        if record.file == BLOCS and names == _MEMBERSHIP:
            self._check_membership(record)
        elif record.file == STUDY and names == {"area"}:
            self._equal(record, "area", text)
        elif record.file in (*KEPT, *ROWS) or (record.file == STUDY and record.locator.startswith("#/rules/")):
            self._check_row(record, body.value_at(record.locator))
        elif record.file == STUDY and names == _FINDING | {"where"}:
            shown.append(("finding", self._finding(record, str(record.parts["where"]), self._named(record, text))))
        elif record.file.startswith("raw/") and names == _FINDING:
            made = [v for v in self._all() if record.sha256 in v.raw]
            shown.append(("finding", self._finding(record, record.locator, made)))
        else:
            raise self._wrong(record, f"is no fact that a report has: {', '.join(sorted(names))} in {record.file}")
        how = f"SHA-256 {record.sha256}" if record.sha256 else "the report's own study, as its manifest has it"
        return [("file", f"{record.file} ({how}, checked)"), *shown]

    # --- Files ----------------------------------------------------------------------------------------------------

    def _body(self, record: Fact) -> Body:
        key = (record.file, record.sha256)
        if key not in self._bodies:
            self._bodies[key] = Body(self._bytes(record), record.file, self._reading(record))
        return self._bodies[key]

    def _reading(self, record: Fact) -> Reading | None:
        """How a publisher's body is read, if a vintage that was made from it says so."""
        found = (reading_of(v.origin) for v in self._all() if record.sha256 in v.raw)
        return next((reading for reading in found if reading is not None), None)

    def _bytes(self, record: Fact) -> bytes:
        """The file of a fact: the table of blocs, a publisher's body, or the report's study; its hash is checked."""
        path = PurePosixPath(record.file)
        if record.file not in (BLOCS, STUDY, *KEPT, *ROWS) and (path.parts[:1] != ("raw",) or len(path.parts) != 2):
            raise TrustError(f'"{record.file}" is no file of a report.', where=self.where, code="record")
        if record.file == STUDY:
            return self._study(record)
        if record.file in KEPT:
            return self._kept(record)
        if not SHA256.fullmatch(record.sha256):
            raise self._wrong(record, f'names its file by the hash "{record.sha256}", which is none')
        if path.parts[0] == "raw":
            if path.name != record.sha256:
                raise self._wrong(record, f"stands in {record.file}, and says that its hash is {record.sha256}")
            return self.store.raw.get(record.sha256)
        data = files("concordat").joinpath(*path.parts[1:]).read_bytes()
        self._check_hash(record.file, record.sha256, text_hash(data), _SAME_VERSION)
        return data

    def _study(self, record: Fact) -> bytes:
        if record.sha256 or self.report_dir is None:
            raise self._wrong(record, "is a line of a study, which only a report's own folder has")
        return self._own(self.report_dir, STUDY, read_manifest(self.report_dir).files.get(STUDY, "no such file"))

    def _kept(self, record: Fact) -> bytes:
        if self.report_dir is None:
            raise self._wrong(record, f"is a row of {record.file}, which only a report's own folder has")
        return self._own(self.report_dir, record.file, record.sha256)

    def _own(self, report_dir: Path, name: str, expected: str) -> bytes:
        """A file of the report's own folder."""
        path = report_dir / name
        try:
            data = path.read_bytes()
        except OSError as error:
            what = f"can't be read: {error.strerror}."
            raise TrustError(what, where=str(path), hint=_REBUILD, code="fact_file") from None
        self._check_hash(str(path), expected, text_hash(data), _REBUILD)
        return data

    def _check_hash(self, where: str, expected: str, found: str, hint: str) -> None:
        if found != expected:
            what = f"not what the report was made with: expected SHA-256 {expected}, found {found}."
            raise TrustError(what, where=where, hint=hint, code="fact_file")

    # --- What stands there ----------------------------------------------------------------------------------------

    def _check_membership(self, record: Fact) -> None:
        from concordat.world import bloc

        try:
            memberships = bloc(str(record.parts["bloc"])).memberships
        except ConcordatError as error:
            raise self._wrong(record, f"names a bloc that the table doesn't have ({error.what})") from None
        row = next((m for m in memberships if m.locator == record.locator), None)
        if row is None:
            raise self._wrong(record, f"names {record.parts['bloc']}, and another bloc stands at {record.locator}")
        said = {"area": row.area, "bloc": row.bloc, "role": row.role, "from": row.from_, "to": row.to}
        for part, found in {**said, "checked": row.checked}.items():
            self._equal(record, part, found)

    def _check_row(self, record: Fact, row: Any) -> None:
        for part in record.parts:
            inside = isinstance(row, dict) and part in row
            found = row[part] if inside else row if part in _WHOLE else None
            self._equal(record, part, found)

    def _equal(self, record: Fact, part: str, found: Any) -> None:
        if record.parts[part] != found:
            told = record.parts[part]
            raise self._wrong(record, f'says {part} "{told}"; at {record.locator} stands "{found}"')

    def _named(self, record: Fact, text: str) -> list[Vintage]:
        """The vintages among which a finding without a place of its own must be: the study's line names them."""
        steps = record.locator.removeprefix("#/report/").split("/")
        if steps[0] == "vintages" and steps[-1] == "vintage" and len(steps) == 3:
            return [v for v in self._all() if v.id == text]
        if steps != ["release"]:
            raise self._wrong(record, f"stands at {record.locator}, which names no vintage")
        return self._all()

    def _finding(self, record: Fact, where: str, vintages: Iterable[Vintage]) -> str:
        """How the store knows of a finding."""
        said = {name: str(record.parts[name]) for name in _FINDING}
        about = (said["indicator"], said["area"])
        among = list(vintages)
        if not among:
            raise StateError(
                f"no vintage in this store was made from {record.file}.",
                where=str(self.store.data_dir),
                hint="Build the report again here with: concordat assess --study study.yaml; or set "
                "CONCORDAT_DATA_DIR to the store it was made from.",
                code="missing_vintages",
            )
        for vintage in among:
            if any((said["rule"], place, said["found"], *about) in self._problems(vintage) for place in _places(where)):
                return f"the parser of {vintage.ref} said so"
        for vintage in among:
            if (where, *about) in self._places_of_rows(vintage):
                return f"about a row of {vintage.ref} at this place; its words were not kept"
        raise self._wrong(record, f'says "{said["found"]}" of {where}, which no parser of these bytes said')

    def _all(self) -> list[Vintage]:
        if self._vintages is None:
            self._vintages = self.store.vintages()
        return self._vintages

    def _problems(self, vintage: Vintage) -> frozenset[tuple[str, ...]]:
        if vintage.ref not in self._told:
            told = self.store.problems(vintage)
            self._told[vintage.ref] = frozenset(
                (p.rule, place, p.text, p.indicator_id, p.area) for p in told for place in _places(p.where)
            )
        return self._told[vintage.ref]

    def _places_of_rows(self, vintage: Vintage) -> frozenset[tuple[str, ...]]:
        if vintage.ref not in self._rows:
            rows: list[Observation] = self.store.observations(vintage)
            places = ((place, o) for o in rows for place in (o.raw_locator, o.series_key) if place)
            self._rows[vintage.ref] = frozenset(
                (place, o.indicator_id, area) for place, o in places for area in (o.area, "")
            )
        return self._rows[vintage.ref]

    def _wrong(self, record: Fact, what: str) -> TrustError:
        return TrustError(f"the record {record.id} {what}.", where=self.where, hint=_REBUILD, code="fact")


def _places(where: str) -> Iterable[str]:
    """A place with and without the name of its file (`answer.csv, row 14`)."""
    _, comma, place = where.partition(", ")
    return (where, place) if comma else (where,)
