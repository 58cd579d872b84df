"""Where impact hands its results to the report: size, scenarios, connectivity. It owns the study's key `impact`.

The study names scenario files, tables for the ladder and a plan; the command line opens them and hands over their
bytes (`report.impact_held.Opened`). Once a report was made the study holds the hash of each, so that the report
rebuilds to the same bytes from these files and from no others. Nothing is computed on sample data unasked: without a
scenario the chapter says so. The pages are made by `report.impact_size`, `impact_scenarios` and `impact_connect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError, MethodError, TrustError
from concordat.report.chapter import Chapter, Missing
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import validate

if TYPE_CHECKING:
    from concordat.report.impact_held import Held

KEY = "impact"
SCENARIOS_MAX, TABLES_MAX = 3, 20
_REBUILD = "Take the files that the report was made from, or remove files from the study's key impact."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TableKeys(_Strict):
    """Files to compute rungs of the ladder from, of one country.

    Attributes:
        area: ISO alpha-3. files: from the study's folder or the working folder. year: of the tables, where they don't
            say it. digital_set: which industries are digital; all sets of the classification by default.
        imports: `proportional`, where a table has no imports matrix.
    """

    area: str = Field(pattern=r"^[A-Z]{3}$")
    files: list[str] = Field(min_length=1, max_length=10)
    year: int | None = Field(None, ge=1900, le=2100)
    digital_set: str = ""
    imports: str = Field("", pattern=r"^(proportional)?$")


class ConnectKeys(_Strict):
    """Whom to connect, and the forecast: up to which share, of which figure, to which year."""

    target_pct: float = Field(100.0, gt=0, le=100)
    indicator: str = "internet_users_pct"
    to: int | None = Field(None, ge=1990, le=2100)


class ImpactKeys(_Strict):
    """The study's key `impact`. files: name -> SHA-256 of all that was read; written by `assess`."""

    scenarios: list[str] = Field([], max_length=SCENARIOS_MAX)
    tables: list[TableKeys] = Field([], max_length=TABLES_MAX)
    connect: ConnectKeys = ConnectKeys()  # type: ignore[call-arg]
    plan: str = ""
    files: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """The key `impact`, with its defaults; as `ImpactKeys`."""

    scenarios: tuple[str, ...]
    tables: tuple[TableKeys, ...]
    connect: ConnectKeys
    plan: str
    files: Mapping[str, str]

    @property
    def asks(self) -> bool:
        """Whether the study names any file."""
        return bool(self.scenarios or self.tables or self.plan)

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study; nothing where nothing differs from the defaults."""
        said: dict[str, object] = {}
        if self.scenarios:
            said["scenarios"] = list(self.scenarios)
        if self.tables:
            said["tables"] = [t.model_dump(exclude_defaults=True) for t in self.tables]
        connect = self.connect.model_dump(exclude_defaults=True)
        if connect:
            said["connect"] = connect
        if self.plan:
            said["plan"] = self.plan
        if self.files:
            said["files"] = dict(sorted(self.files.items()))
        return {KEY: said} if said else {}


def read(study: Study) -> Options:
    """The chapters' own key of the study.

    Raises:
        InputError: an unknown key or indicator, two tables of one country, or a value that can't be, with its line.
    """
    from concordat.evidence.catalogue import load_catalogue
    from concordat.settings import unknown_key

    document = study.document
    keys = validate(document, ImpactKeys, KEY) if KEY in document.value else ImpactKeys()  # type: ignore[call-arg]
    known = load_catalogue().indicators
    if keys.connect.indicator not in known:
        raise unknown_key(keys.connect.indicator, known, where=document.place(KEY, "connect", "indicator"))
    areas = [table.area for table in keys.tables]
    for place, area in enumerate(areas):
        if area in areas[:place]:
            what, hint = f"two tables of {area}.", "Put their files together under one."
            raise InputError(what, where=document.place(KEY, "tables", place), hint=hint, code="duplicate")
    return Options(tuple(keys.scenarios), tuple(keys.tables), keys.connect, keys.plan, keys.files)


def resolve(study: Study, held: Held | None) -> Options:
    """The options, with the hashes of the files that were read.

    Raises:
        InputError: as `read`.
        TrustError: a file is another than the study names.
    """
    options = read(study)
    if held is None:
        return options
    place = study.document.place(KEY)
    for name, sha256 in sorted(options.files.items()):
        found = held.files.get(name)
        if found is None:
            what = f"{name} was read when the study was written, and isn't now."
            raise TrustError(what, where=place, hint=_REBUILD, code="files")
        if found != sha256:
            what = f"{name} has another content than when the study was written."
            raise TrustError(what, where=place, hint=_REBUILD, code="files")
    return replace(options, files=held.files)


def size(inputs: Inputs) -> Chapter | Missing:
    """The digital economy of each member under each definition."""
    from concordat.report.impact_size import write

    return write(inputs, _held(inputs))


def scenarios(inputs: Inputs) -> Chapter | Missing:
    """Who gains and who pays, side payments, and which provisions have a quantified effect."""
    from concordat.report.impact_scenarios import write

    return write(inputs, _held(inputs))


def connectivity(inputs: Inputs) -> Chapter | Missing:
    """What connecting the rest costs, where use is going, and where money connects most people."""
    from concordat.report.impact_connect import write

    return write(inputs, read(inputs.study), _held(inputs))


def _held(inputs: Inputs) -> Held | None:
    if inputs.impact is None and read(inputs.study).asks:
        hint = "Build the report with: concordat assess --study study.yaml"
        raise MethodError("the files of the key impact were not opened.", hint=hint, code="impact")
    return inputs.impact
