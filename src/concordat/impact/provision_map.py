"""The reviewed map from provisions to shocks: `data/provision_shocks.yaml`, `schema: concordat/provision-shocks@1`.

Each line names a provision's code, the depth from which it counts, the kind of shock and the parameter, or none, and
why. Codes and parameters are checked against the taxonomy and the packaged parameters when the file is read. JSON
Schema: `schema/provision-shocks-1.json`.

    >>> book = load_map()
    >>> book.threshold, book.lines["DF-FLOW"].quote, "AI-RISK" in book.lines
    (5, 'data_flow_regimes', False)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import Field

from concordat.errors import InputError
from concordat.impact.parameter_file import Id, Strict, Text
from concordat.impact.parameters import DATA, load_parameters
from concordat.settings import Document, parse_yaml, validate

Kind = Literal["rta_switch", "tariff", "transfer", "investment", "connectivity", "dstri_change", "cost_change", "none"]


class AgreementKeys(Strict):
    """What a trade agreement in force between two does as a whole."""

    types: list[Text] = Field(min_length=1)
    except_: dict[str, Text] = Field({}, alias="except")
    shock: Kind
    parameter: Id
    note: Text


class ChapterKeys(Strict):
    """From how many hard provisions on an agreement has a digital chapter, and what that multiplies."""

    codes: list[Text] = Field(min_length=1)
    depth: Literal[1, 2]
    threshold: int = Field(ge=1)
    multiplier: Id
    note: Text


class LineKeys(Strict):
    """One provision."""

    code: Text
    depth: Literal[1, 2]
    shock: Kind
    then: Kind | None = None
    parameter: Id | None = None
    needs: str = ""
    quote: Id | None = None
    note: Text


class OthersKeys(Strict):
    """Every other provision."""

    note: Text


class MapFile(Strict):
    """The file."""

    schema_: Literal["concordat/provision-shocks@1"] = Field(alias="schema")
    note: str = ""
    agreement: AgreementKeys
    digital_chapter: ChapterKeys
    provisions: list[LineKeys] = Field(min_length=1)
    others: OthersKeys


@dataclass(frozen=True, slots=True)
class Line:
    """One provision, from a depth on.

    Attributes:
        shock: a kind, or `none`. needs: what must be stated before it has a size. quote: figures to stand beside.
    """

    code: str
    depth: int
    shock: str
    then: str
    parameter: str
    needs: str
    quote: str
    note: str


@dataclass(frozen=True, eq=False)
class ProvisionMap:
    """The whole map.

    Attributes:
        types: of instruments that are trade agreements; left_out: instruments of these types that are none, and why.
        chapter_codes: prefixes of codes that make a digital chapter, at `chapter_depth`, from `threshold` of them on.
        others: what is to be said of a provision without a line.
    """

    types: tuple[str, ...]
    left_out: Mapping[str, str]
    agreement_shock: str
    agreement_parameter: str
    agreement_note: str
    chapter_codes: tuple[str, ...]
    chapter_depth: int
    threshold: int
    multiplier: str
    chapter_note: str
    lines: Mapping[str, Line]
    others: str
    sha256: str


def parse_map(text: str | bytes, *, where: str = "provision_shocks.yaml") -> ProvisionMap:
    """A map from its file.

    Raises:
        InputError: an unknown key, provision or parameter, or a provision twice; with the line.
    """
    document = parse_yaml(text, where=where, schema="provision-shocks@1")
    file = validate(document, MapFile)
    lines: dict[str, Line] = {}
    for n, keys in enumerate(file.provisions):
        _check_line(keys, document, n)
        if keys.code in lines:
            place = document.place("provisions", n)
            raise InputError(f'"{keys.code}" stands twice.', where=place, hint="Keep one line.", code="duplicate")
        lines[keys.code] = Line(
            keys.code, keys.depth, keys.shock, keys.then or "", keys.parameter or "", keys.needs, keys.quote or "",
            keys.note,
        )  # fmt: skip
    for name in (file.agreement.parameter, file.digital_chapter.multiplier):
        load_parameters().get(name, where=where)
    data = text.encode("utf-8") if isinstance(text, str) else text
    return ProvisionMap(
        types=tuple(file.agreement.types),
        left_out=file.agreement.except_,
        agreement_shock=file.agreement.shock,
        agreement_parameter=file.agreement.parameter,
        agreement_note=file.agreement.note,
        chapter_codes=tuple(file.digital_chapter.codes),
        chapter_depth=file.digital_chapter.depth,
        threshold=file.digital_chapter.threshold,
        multiplier=file.digital_chapter.multiplier,
        chapter_note=file.digital_chapter.note,
        lines=lines,
        others=file.others.note,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_line(keys: LineKeys, document: Document, n: int) -> None:
    from concordat.rulebook.taxonomy import load_taxonomy

    place = document.place("provisions", n)
    try:
        load_taxonomy()[keys.code]
    except InputError as error:
        error.where = place
        raise
    for name in (keys.parameter, keys.quote):
        if name is not None:
            load_parameters().get(name, where=place)


@cache
def load_map() -> ProvisionMap:
    """The packaged map."""
    return parse_map((DATA / "provision_shocks.yaml").read_bytes(), where="concordat/impact/data/provision_shocks.yaml")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a map, as shipped in `schema/provision-shocks-1.json`."""
    schema = MapFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/provision-shocks@1", **schema}
