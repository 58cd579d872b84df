"""A survey file as read: checked against its model, the catalogue, the tables of countries and of licences."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml, validate

if TYPE_CHECKING:
    from concordat.evidence._survey_model import SurveyFile
    from concordat.evidence.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Spec:
    """A survey file as read. `body` is its bytes, which say nothing about any person."""

    model: SurveyFile
    document: Document
    body: bytes
    area: str
    folder: Path

    @property
    def sha256(self) -> str:
        """The hash of the survey file, printed on what it produced."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def period(self) -> tuple[date, date]:
        """First and last day."""
        if self.model.period is not None:
            return date(self.model.period, 1, 1), date(self.model.period, 12, 31)
        assert self.model.interviews is not None, "the model asks for one of the two"
        return date.fromisoformat(self.model.interviews.start), date.fromisoformat(self.model.interviews.end)

    @property
    def conf_status(self) -> str:
        """What published cells carry: as the file says, and confidential under a licence that says so."""
        return "C" if self.model.licence == "member-confidential" else self.model.conf_status

    @property
    def weight_column(self) -> str | None:
        """The column of the weight; None where everyone weighs the same, or nothing is said."""
        from concordat.evidence._survey_model import EQUAL

        return None if self.model.weight == EQUAL else self.model.weight

    @property
    def equal(self) -> bool:
        """The file says that everyone had the same chance to be asked."""
        return self.model.weight is not None and self.weight_column is None


def read_spec(path: Path, catalogue: Catalogue) -> Spec:
    """Read a survey file.

    Raises:
        InputError: it can't be read, a key is unknown or wrong, or it names what is not known: country, licence,
            indicator, domain.
    """
    from concordat.evidence._survey_model import SurveyFile
    from concordat.evidence.licences import licence
    from concordat.world import country

    try:
        body = path.read_bytes()
    except OSError as error:
        hint = "Check the path."
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), hint=hint, code="unreadable") from None
    document = parse_yaml(body, where=path.name, schema="survey@1")
    model = validate(document, SurveyFile)
    licence(model.licence, where=document.place("licence"))
    area = country(model.area, where=document.place("area")).iso3
    for i, item in enumerate(model.items):
        where = document.place("items", i, "indicator_id")
        indicator = catalogue.get(item.indicator_id, where=where)
        if indicator.unit != "percent":
            hint = "A rate measures an indicator in percent."
            raise InputError(f"{indicator.id} is in {indicator.unit}.", where=where, hint=hint, code="unit")
    spec = Spec(model, document, body, area, path.parent)
    for margin in model.margins or ():
        dimensions_of(margin, spec, document.place("margins"))
    return spec


def dimensions_of(margin: str, spec: Spec, where: str) -> tuple[str, ...]:
    """The domains of a margin: `sex*loc` -> sex, loc."""
    found = tuple(margin.split("*"))
    for name in found:
        if name not in spec.model.domains:
            close = nearest(name, spec.model.domains)
            hint = f'Did you mean "{close[0]}"?' if close else f"Domains: {', '.join(spec.model.domains) or 'none'}."
            raise InputError(f'"{name}" is not a domain of this survey.', where=where, hint=hint, code="unknown_domain")
    if len(set(found)) != len(found):
        raise InputError(f'"{margin}" names a domain twice.', where=where, code="margin")
    return found
