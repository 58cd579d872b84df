"""What is a catalogue made of: datasets, their distributions, and the services that give access, in one frozen model.

The model is profile `concordat-dcat@1`, a subset of DCAT-AP 3.0.1 (SEMIC, 2025): `dcat`, `dsp_catalog`, `ckan` and
`table` print and read it. Texts for people are by language; the language is empty where the source states none. Dates
stay the text that was written. What a source says beyond the model is kept in `source_record` and is not printed.

`check_profile` refuses what may not be published: a mandatory field that is missing (exchange.md 4.1).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from concordat.errors import InputError

PROFILE = "concordat-dcat@1"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:concordat:dataset")
ACCESS = ("public", "restricted", "non-public")
ACCESS_RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
ACCESS_IRIS = {"public": "PUBLIC", "restricted": "RESTRICTED", "non-public": "NON_PUBLIC"}

Text = Mapping[str, str]

_SHA256 = re.compile(r"[0-9a-f]{64}")
# What no IRI holds as it stands (RFC 3987 section 2.2): such an address is kept, and printed percent-encoded.
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f]')
_WEB = re.compile(r"https?://([^/?#@\s]*@)?[^/?#@:\s]+(:[0-9]{1,5})?([/?#]\S*)?", re.IGNORECASE)
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986 section 2.3
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")


@dataclass(frozen=True, slots=True)
class Distribution:
    """One way in which a dataset can be had.

    Attributes:
        access_url, download_url: addresses. title, description: by language.
        format: as written (`text/csv`, `CSV`). media_type: IANA. license: an address or a short name (`CC-BY-4.0`).
        bytes: size. sha256: lower-case hexadecimal. service: the id of the service that serves it.
        issued, modified: as written. id: the source's own id, or an address.
    """

    access_url: str = ""
    download_url: str = ""
    title: Text = field(default_factory=dict)
    description: Text = field(default_factory=dict)
    format: str = ""
    media_type: str = ""
    license: str = ""
    bytes: int | None = None
    sha256: str = ""
    service: str = ""
    issued: str = ""
    modified: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset.

    Attributes:
        id: `urn:uuid:...` or an address. identifier: the publisher's own id. title, description: by language.
        publisher: name of a body, or a member's id. keywords: (language, word). themes: codes or addresses.
        license: an address or a short name; license_id: the short name beside an address.
        access: one of `ACCESS`, or an address or text as the source states it. temporal: (from, to).
        generated_by: activities. relations: (address, role). policies: ODRL offers as plain data.
        proof: the address of the proof that it was offered.
        source_record: the record as it came in, without contact data; no part of what is compared or printed.
    """

    id: str
    title: Text
    identifier: str = ""
    description: Text = field(default_factory=dict)
    publisher: str = ""
    keywords: tuple[tuple[str, str], ...] = ()
    themes: tuple[str, ...] = ()
    license: str = ""
    license_id: str = ""
    access: str = ""
    issued: str = ""
    modified: str = ""
    languages: tuple[str, ...] = ()
    frequency: str = ""
    spatial: tuple[str, ...] = ()
    temporal: tuple[str, str] = ("", "")
    conforms_to: tuple[str, ...] = ()
    landing_page: str = ""
    version: str = ""
    generated_by: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()
    distributions: tuple[Distribution, ...] = ()
    proof: str = ""
    source_record: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Service:
    """A service through which datasets are had.

    Attributes:
        id: address or `urn:uuid`. endpoint_url: its address. title, description: by language.
    """

    id: str
    endpoint_url: str
    title: Text = field(default_factory=dict)
    description: Text = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one publisher offers.

    Attributes:
        id: address or `urn:uuid`. publisher: member id or a body's name. participant: the id under which the Dataspace
            Protocol knows it; empty outside of it.
    """

    id: str
    title: Text
    description: Text
    publisher: str
    datasets: tuple[Dataset, ...] = ()
    services: tuple[Service, ...] = ()
    participant: str = ""
    license: str = ""
    issued: str = ""
    modified: str = ""


def dataset_uuid(bloc: str, member: str, dataset: str) -> str:
    """The lasting name of a member's dataset: UUIDv5 of bloc, member and id (RFC 9562, section 5.5).

    >>> dataset_uuid("BRICS", "BRA", "ict-household-2025")[:14]
    'urn:uuid:ef2f1'
    """
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{bloc}/{member}/{dataset}')}"


def is_iri(text: str) -> bool:
    """Whether a text is an address in the sense of RDF: a scheme, and no character that no IRI holds."""
    return _IRI.fullmatch(text) is not None and _NOT_IN_IRI.search(text) is None


def iri_of(text: str) -> str:
    """An address as RDF may hold it: what no IRI holds is percent-encoded, nothing else changes.

    >>> iri_of("https://data.example/a file.csv")
    'https://data.example/a%20file.csv'
    """
    return _NOT_IN_IRI.sub(lambda m: "".join(f"%{b:02X}" for b in m.group().encode()), text)


def percent(text: str) -> str:
    """A text as a part of an address: all but unreserved characters percent-encoded (RFC 3986, section 2.1).

    >>> percent("a b/ç"), unpercent("a%20b%2F%C3%A7")
    ('a%20b%2F%C3%A7', 'a b/ç')
    """
    return "".join(c if c in _PLAIN else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


def unpercent(text: str) -> str:
    """The text that `percent` was given."""
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m.group(1).decode()), text.encode())
    return data.decode("utf-8", "replace")


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https address with a host."""
    return _WEB.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def check_profile(catalog: Catalog) -> Catalog:
    """The catalogue itself, once every mandatory field of the profile is there.

    Raises:
        InputError: the first field that is missing, of which dataset, and how to write it.
    """
    for name in ("title", "description", "publisher"):
        if not getattr(catalog, name):
            raise _missing("the catalogue", name)
    for dataset in catalog.datasets:
        what = f"dataset {dataset.identifier or dataset.id}"
        for name in ("title", "description", "publisher", "access", "policies", "distributions"):
            if not getattr(dataset, name):
                raise _missing(what, name)
        if not dataset.id.startswith("urn:uuid:"):
            raise InputError(f"{what}: the id is not a urn:uuid.", where="catalogue", code="profile")
        for distribution in dataset.distributions:
            for name in ("access_url", "format", "license", "sha256"):
                if not getattr(distribution, name):
                    raise _missing(f"{what}, distribution {distribution.access_url}", name)
            if distribution.bytes is None:
                raise _missing(f"{what}, distribution {distribution.access_url}", "bytes")
    return catalog


def _missing(what: str, name: str) -> InputError:
    hint = f"The profile {PROFILE} demands it; see docs/reference/exchange-catalogue.md."
    return InputError(f"{what} has no {name}.", where="catalogue", hint=hint, code="profile")


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that could not be read, and why.

    Attributes:
        key: its id at the source, or its place. reason: a sentence. named: whether `key` is the id.
    """

    key: str
    reason: str
    named: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What a source's bytes hold: the datasets that could be read, and the records that could not."""

    datasets: tuple[Dataset, ...]
    failed: tuple[Failure, ...] = ()


def to_value(thing: Any) -> Any:
    """A dataset or a part of one as plain data, without its source record."""
    if isinstance(thing, Mapping):
        return {str(k): to_value(v) for k, v in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [to_value(one) for one in thing]
    if isinstance(thing, (Dataset, Distribution)):
        return {f.name: to_value(getattr(thing, f.name)) for f in fields(thing) if f.name != "source_record"}
    return thing


def of_value(value: Mapping[str, Any], source_record: Mapping[str, Any] | None = None) -> Dataset:
    """A dataset from what `to_value` made of it."""
    made = {key: _tupled(found) for key, found in value.items()}
    made["policies"] = tuple(value["policies"])
    made["distributions"] = tuple(Distribution(**part) for part in value["distributions"])
    return Dataset(**made, source_record=source_record)


def _tupled(value: Any) -> Any:
    return tuple(_tupled(one) for one in value) if isinstance(value, list) else value
