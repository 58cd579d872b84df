"""What does a member offer: the file `concordat/offer@1`, read strictly, and the dataset that it becomes.

The file names files, terms and what people read; bytes and SHA-256 of the files are computed by whoever holds them and
handed in. The policy block is checked by `dataspace.odrl.from_offer`, which also says what each term means.

    offer = Offer.load(text, where="ict.yaml")
    document = offer.document(files, version=1)      # canonical: what the entry DatasetOffered names by its hash
    dataset = dataset_of(document, bloc="BRICS", base="https://node.example.br")
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat import canonical
from concordat.errors import InputError
from concordat.exchange._body import FintechArea, Id, Language, MediaType, MemberId
from concordat.exchange.catalogue.model import Dataset, Distribution, dataset_uuid, percent
from concordat.exchange.dataspace.odrl import TLP
from concordat.settings import parse_yaml, validate

SCHEMA = "concordat/offer-document@1"
DEFAULT_LABELS = {"public": "CLEAR", "restricted": "AMBER"}  # exchange.md 8.2: what has no label is AMBER

_Words = Annotated[str, Field(min_length=1, max_length=10_000)]
_Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^\S(.*\S)?$")]
_Texts = Annotated[dict[Language, _Words], Field(min_length=1, max_length=32)]
_Day = Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilePart(_Part):
    """One file of the offer; `path` is relative to the offer file."""

    path: Annotated[str, Field(min_length=1, max_length=1_000)]
    format: MediaType
    license: _Line
    title: dict[Language, _Words] = {}


class TemporalPart(_Part):
    """The time that the data speak of."""

    start: _Day | None = None
    end: _Day | None = None


class Offer(_Part):
    """An offer file as written."""

    schema_: Literal["concordat/offer@1"] = Field(alias="schema")
    id: Id
    title: _Texts
    description: _Texts
    publisher: MemberId
    files: Annotated[list[FilePart], Field(min_length=1, max_length=256)]
    conforms_to: _Line | None = None
    access: Literal["public", "restricted"]
    tlp: Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT"] | None = None
    policy: dict[str, Any]
    negotiation: Literal["automatic", "counter", "manual"] = "manual"
    keywords: list[_Line] = []
    themes: list[_Line] = []
    spatial: list[_Line] = []
    temporal: TemporalPart | None = None
    frequency: _Line | None = None
    issued: _Day | None = None
    generated_by: _Line | None = None
    related: list[_Line] = []
    fintech_area: list[FintechArea] = []

    @classmethod
    def load(cls, text: str | bytes, where: str = "offer") -> Offer:
        """Read an offer file.

        Raises:
            InputError: not the schema, an unknown key (with the nearest), a policy without a permission, an operand or
                operator outside the profile; with the line.
        """
        from concordat.exchange.dataspace.odrl import from_offer

        document = parse_yaml(text, where=where, schema="offer@1")
        offer = validate(document, cls)
        try:
            from_offer(offer.policy, where="policy")
        except InputError as error:
            error.where = f"{document.place(*_path(error.where))} ({error.where})"
            raise
        offer._check_label(document.place("tlp" if offer.tlp else "access"))
        names = [file.path.rpartition("/")[2] for file in offer.files]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f'two files are called "{twice[0]}".', where=document.place("files"), code="files")
        return offer

    def _check_label(self, where: str) -> None:
        """What is public is CLEAR, and the terms reach as far as the label lets the data go.

        The label keeps no member out by itself: terms without `member` are for every member (`when.member` names some).

        Raises:
            InputError: they don't: nobody could ever have the data under them.
        """
        label = self.tlp or DEFAULT_LABELS[self.access]
        if self.access == "public" and label != "CLEAR":
            what, hint = f"public data are TLP:CLEAR, not {label}.", "Leave tlp out, or write access: restricted."
            raise InputError(what, where=where, hint=hint, code="label")
        bound = (self.policy.get("when") or {}).get("tlp")
        if bound is not None and TLP.index(label) > TLP.index(bound):
            what = f"the dataset is TLP:{label}, and its terms go to TLP:{bound}: nobody could have it."
            raise InputError(what, where=where, hint="Change tlp, or when.tlp.", code="label")

    def document(self, files: Sequence[HeldFile], version: int) -> dict[str, Any]:
        """What is kept beside the log, and named by the hash of its canonical bytes.

        Args:
            files: what each file of the offer holds, in the same order.
        """
        assert len(files) == len(self.files)
        from concordat.exchange.dataspace.odrl import from_offer

        value: dict[str, Any] = {
            "access": self.access, "description": self.description, "id": self.id, "negotiation": self.negotiation,
            "policy": from_offer(self.policy), "publisher": self.publisher, "schema": SCHEMA, "title": self.title,
            "version": version,
        }  # fmt: skip
        value["files"] = [
            {
                "bytes": held.bytes, "format": part.format, "license": part.license,
                "name": part.path.rpartition("/")[2], "sha256": held.sha256, "title": part.title,
            }
            for part, held in zip(self.files, files, strict=True)
        ]  # fmt: skip
        for name in ("conforms_to", "fintech_area", "frequency", "generated_by", "issued", "keywords", "related",
                     "spatial", "themes"):  # fmt: skip
            if given := getattr(self, name):
                value[name] = given
        if self.tlp is not None:
            value["tlp"] = self.tlp
        if self.temporal is not None:
            value["temporal"] = [self.temporal.start or "", self.temporal.end or ""]
        return value


@dataclass(frozen=True, slots=True)
class HeldFile:
    """Bytes and SHA-256 of a file."""

    bytes: int
    sha256: str


def _path(where: str) -> list[str | int]:
    """`policy.must[1].by` as steps into the file."""
    steps: list[str | int] = []
    for part in where.replace("[", ".").replace("]", "").split("."):
        steps.append(int(part) if part.isdecimal() else part)
    return steps


def label_of(document: Mapping[str, Any]) -> str:
    """The TLP label of an offered dataset; without one of its own CLEAR where it is public, else AMBER."""
    return str(document.get("tlp") or DEFAULT_LABELS[document["access"]])


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an offer's document."""
    return canonical.dumps(dict(document))


def offered_body(document: Mapping[str, Any], bloc: str) -> dict[str, Any]:
    """The body of `DatasetOffered` for a document.

    A hash that is not salted: the catalogue publishes the same metadata and checksums, so a salt would hide nothing.
    """
    data = document_bytes(document)
    body: dict[str, Any] = {
        "access": document["access"],
        "dataset": document["id"],
        "document": {
            "hash": hashlib.sha256(data).hexdigest(), "media_type": "application/json", "salted": False,
            "size": len(data),
        },
        "files": [{"bytes": f["bytes"], "format": f["format"], "hash": f["sha256"]} for f in document["files"]],
        "policy": canonical.digest(document["policy"]),
        "uuid": dataset_uuid(bloc, document["publisher"], document["id"]),
        "version": document["version"],
    }  # fmt: skip
    if document.get("conforms_to") == "concordat/sandbox@1":
        body["kind"] = "sandbox"
    if document.get("fintech_area"):
        body["fintech_area"] = sorted(set(document["fintech_area"]))
    return body


def offer_id(uuid_urn: str, document: Mapping[str, Any]) -> str:
    """The `@id` of the ODRL offer of one version: UUIDv5 of the dataset's name and the policy's hash."""
    name = f"{uuid_urn}/{document['version']}/{canonical.digest(document['policy'])}"
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"


def parse_document(data: bytes, where: str = "offer") -> dict[str, Any]:
    """An offer's document from its canonical bytes.

    Raises:
        InputError: not canonical JSON, or another schema.
    """
    value = canonical.loads(data, exact=True)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise InputError(f"not a document of schema {SCHEMA}.", where=where, code="schema")
    return value


def dataset_of(document: Mapping[str, Any], *, bloc: str, base: str, service: str = "", entry: str = "") -> Dataset:
    """The dataset as catalogues show it.

    Args:
        document: as `Offer.document` makes it. base: the node's address, without a slash at its end. service: the id
            of the DSP service. entry: the entry `DatasetOffered`, whose proof is a second distribution.
    """
    name = dataset_uuid(bloc, document["publisher"], document["id"])
    policy = {"@id": offer_id(name, document), **document["policy"]}
    landing = f"{base}/exchange/dataset/{document['publisher']}/{document['id']}"
    distributions = [
        Distribution(
            access_url=f"{landing}#{percent(file['name'])}", title=file["title"] or {"": file["name"]},
            format=file["format"], media_type=file["format"], license=file["license"], bytes=file["bytes"],
            sha256=file["sha256"], service=service, id=f"{name}#{file['sha256'][:16]}",
        )
        for file in document["files"]
    ]  # fmt: skip
    temporal = document.get("temporal") or ("", "")
    return Dataset(
        id=name, identifier=f"{document['publisher']}/{document['id']}", title=document["title"],
        description=document["description"], publisher=document["publisher"], access=document["access"],
        keywords=tuple(sorted(("", word) for word in document.get("keywords", ()))),
        themes=tuple(document.get("themes", ())), issued=document.get("issued", ""),
        languages=tuple(sorted(document["title"])), frequency=document.get("frequency", ""),
        spatial=tuple(document.get("spatial", ())), temporal=(temporal[0], temporal[1]),
        conforms_to=(document["conforms_to"],) if document.get("conforms_to") else (), landing_page=landing,
        version=str(document["version"]),
        generated_by=(document["generated_by"],) if document.get("generated_by") else (),
        relations=tuple((address, "") for address in document.get("related", ())), policies=(policy,),
        distributions=tuple(distributions), proof=f"{base}/log/entry/{entry}.tlog-proof" if entry else "",
    )  # fmt: skip
