"""SDMX-ML and SDMX-JSON, where a service has no CSV: read by sdmx1 (extra `[sdmx]`), and a second time by a walk.

Two readers, because each lacks something: sdmx1 knows the standard but drops attributes of the whole data set (the IMF
puts its licence there) and does not say where in the body a value stood; the walk (`_sdmx_xml`, `_sdmx_json`) keeps
both. They must agree on every key and value, else nothing is read. Before either, XML is checked for a document type,
entities and size. Every failure is a `SourceError` with the file and the reason; sdmx1's own notes become problems.
"""

from __future__ import annotations

import importlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import MethodError, SourceError
from concordat.evidence._xml import parse_xml
from concordat.evidence.sources import sdmx_csv
from concordat.evidence.sources._base import Meta, Problem, Query, Request
from concordat.evidence.sources._sdmx import VALUE, Row, Table
from concordat.evidence.sources._sdmx_json import read_json
from concordat.evidence.sources._sdmx_maps import AGENCIES, agency_map, read_map
from concordat.evidence.sources._sdmx_rows import observations_of
from concordat.evidence.sources._sdmx_xml import local, message_error, read_message

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.sources._sdmx_model import SdmxFile

PARSER_VERSION = "1"
ACCEPT = (
    "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
    "application/vnd.sdmx.genericdata+xml;version=2.1",
    "application/vnd.sdmx.data+json;version=1.0.0",
    "application/xml",
    "text/xml",
)


@dataclass(frozen=True)
class SdmxMlConnector(sdmx_csv.SdmxConnector):
    """One agency's service, asked for XML. See `_base.Connector` for what the functions promise."""

    PARSER_VERSION: str = PARSER_VERSION

    def plan(self, query: Query) -> list[Request]:
        """One request a flow, as for CSV but for the form.

        Raises:
            SourceError: the map has no flow for any of the indicators.
        """
        return [
            replace(r, url=_FORMAT.sub("", r.url), accept=ACCEPT, name=r.file_name.removesuffix(".csv") + ".xml")
            for r in super().plan(query)
        ]

    def parse(self, body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
        """The figures in one message.

        Raises:
            SourceError: see `read_table` and `observations_of`.
            MethodError: the extra is not installed.
        """
        yield from self.unverified(meta)
        yield from parse(body, meta, self.maps)

    def published(self, body: bytes) -> date | None:  # noqa: ARG002
        """No day: services put it in attributes of their own, which the annex shows."""
        return None

    def follow(self, request: Request, body: bytes) -> list[Request]:
        """Nothing more to ask; an error or a queue's note in the place of data is an error.

        Raises:
            SourceError: see `_sdmx_xml.message_error`.
        """
        if not _is_json(body) and (error := message_error(body, request.label)):
            raise error
        return []


_FORMAT = re.compile(r"(?<=[?&])format=[^&]*&?|[?&]format=[^&]*$")


def connector_of(body: bytes, where: str) -> SdmxMlConnector:
    """A connector from a person's own map: any dataflow of any service.

    Raises:
        InputError: the map breaks its schema.
    """
    maps = read_map(body, where)
    return SdmxMlConnector(sdmx_csv.name_of(maps), maps)


def __getattr__(name: str) -> Any:
    """`sdmx_ml.imf`: the connector of an agency, its map read when first asked for."""
    if name in AGENCIES:
        return SdmxMlConnector(name, agency_map(name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def parse(body: bytes, meta: Meta, maps: SdmxFile) -> Iterator[Observation | Problem]:
    """The figures in one body of any form, CSV included, by a map.

    Raises:
        SourceError: see `read_table` and `observations_of`.
        MethodError: the extra is not installed, and the body is not CSV.
    """
    reader = read_table if _is_json(body) or _is_xml(body) else sdmx_csv.read_table
    yield from observations_of(reader(body, meta.name), maps, meta)


def read_table(body: bytes, name: str) -> Table:
    """The observations of a message, on which both readers agree.

    Raises:
        SourceError: unsafe or unreadable, of another kind, or the readers disagree.
        MethodError: the extra is not installed.
    """
    table = read_json(body, name) if _is_json(body) else read_message(body, name)
    message, notes = _read_by_sdmx1(body, name)
    theirs = [_cells(o) for data_set in message.data for o in data_set.obs]
    _check_agreement(table.rows, theirs, name)
    return Table(
        table.form, table.columns, table.rows, table.dimensions, table.attributes, problems=(*table.problems, *notes)
    )


def read_structures(body: bytes, name: str) -> dict[str, int]:
    """How many code lists, dataflows and other structures a structure message holds, by kind.

    Raises:
        SourceError: unsafe, unreadable, or a message of another kind.
        MethodError: the extra is not installed.
    """
    root = parse_xml(body, name)
    if local(root.tag) != "Structure":
        what = f"{local(root.tag)} is no message of structures."
        raise SourceError(what, where=name, hint="Read it as data.", code="unsupported_form")
    message, _ = _read_by_sdmx1(body, name)
    kinds = ("codelist", "concept_scheme", "structure", "dataflow", "constraint", "category_scheme", "categorisation")
    counts = {kind: len(getattr(message, kind)) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def _is_xml(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _is_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _read_by_sdmx1(body: bytes, name: str) -> tuple[Any, list[Problem]]:
    try:
        sdmx = importlib.import_module("sdmx")
    except ImportError:
        what = "reading SDMX-ML and SDMX-JSON needs the package sdmx1."
        hint = "Install it with: pip install 'concordat[sdmx]'"
        raise MethodError(what, where=name, hint=hint, code="missing_extra") from None
    notes = _Notes()
    logger = logging.getLogger("sdmx")
    logger.addHandler(notes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            message = sdmx.read_sdmx(io.BytesIO(body))
    except Exception as error:  # whatever a reader of others' data raises, it is that data's fault or the reader's
        said = " ".join(str(error).split())[:200]
        what = f"sdmx1 can't read it: {type(error).__name__}: {said}"
        raise SourceError(what, where=name, hint="Ask for SDMX-CSV instead.", code="unreadable_sdmx") from None
    finally:
        logger.removeHandler(notes)
    return message, [Problem("reader_note", "info", name, text) for text in dict.fromkeys(notes.texts)]


class _Notes(logging.Handler):
    """Keeps what sdmx1 logs, which would else go to the screen."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())[:300]
        if "got no structure=" not in text:  # always so here: nothing is read with a DSD
            self.texts.append(text)


def _cells(observation: Any) -> dict[str, Any]:
    """What sdmx1 says of one observation: its key, and its value."""
    cells = {str(k): v.value for k, v in observation.key.values.items()}
    return {**cells, VALUE: observation.value}


def _check_agreement(ours: Any, theirs: list[dict[str, Any]], name: str) -> None:
    if len(ours) != len(theirs):
        raise _disagree(f"sdmx1 reads {len(theirs)} observations, the walk {len(ours)}", name)
    for row, cells in zip(ours, theirs, strict=True):
        for column, value in cells.items():
            if not _same(row, column, value):
                text = f"at {row.place}, {column}: sdmx1 reads {value!r}, the walk {row.cells.get(column)!r}"
                raise _disagree(text, name)


def _same(row: Row, column: str, value: Any) -> bool:
    text = row.cells.get(column)
    if value is None or value == "":
        return text is None
    if isinstance(value, float) and text is not None:
        return float(text) == value or (value != value and text in ("NaN", "nan"))
    return text == str(value)


def _disagree(what: str, name: str) -> SourceError:
    hint = "Nothing was read. Ask for SDMX-CSV instead."
    return SourceError(f"two readers disagree: {what}.", where=name, hint=hint, code="readers_disagree")
