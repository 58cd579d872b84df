"""What does a CKAN catalogue offer, and how does one of ours look to CKAN: the JSON of `package_search`, both ways.

    parse_ckan(answer, where=address).datasets
    print_ckan(datasets)

Fields are mapped as exchange.md 4.1 lists them; what is not mapped stays in `source_record`, without the addresses and
ids of persons (`author`, `maintainer`, `creator_user_id`, e-mail and contact of any kind, however deep), which are
dropped before anything is kept. Groups become themes of the EU's list by a reviewed table, else keywords. Addresses are
written as RDF may hold them, so that CKAN -> DCAT-AP -> CKAN gives every mapped field back.

Source: CKAN 2.10 API guide, `package_search` (status: unverified against its text; the field names are those of the
answers that its portals give). Not read: datastore rows, revisions, users.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue.model import (
    Dataset,
    Distribution,
    Failure,
    Found,
    Text,
    iri_of,
    is_iri,
    is_sha256,
    is_web_address,
    percent,
    unpercent,
)

DROPPED = ("author", "author_email", "creator_user_id", "maintainer", "maintainer_email")
THEMES = "http://publications.europa.eu/resource/authority/data-theme/"
RECORD = "urn:concordat:record:"
SHOWN = 80  # characters of an answer that is none

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PERSONAL = re.compile(r"e-?mail|maintainer|contact|phone|telephone", re.IGNORECASE)
_EXTRAS = ("access_rights", "conforms_to", "frequency", "identifier", "language", "spatial", "temporal_end",
           "temporal_start", "theme")  # fmt: skip
_TABLE = Path(__file__).parents[1] / "_data" / "ckan_groups.csv"


def parse_ckan(data: bytes, where: str = "CKAN") -> Found:
    """The datasets of an answer to `package_search` (or of one to `package_show`).

    Raises:
        SourceError: HTML, not JSON, `success` is not true, or no results; with the address and the first characters.
    """
    rows, _ = results_of(data, where)
    found, failed = [], []
    for number, row in enumerate(rows, 1):
        try:
            found.append(dataset_of(row, f"{where}, record {number}"))
        except InputError as error:
            name = str(row.get("id") or row.get("name") or "") if isinstance(row, dict) else ""
            failed.append(Failure(id_of(name[:200]) if name else f"record {number}", error.what, bool(name)))
    return Found(tuple(found), tuple(failed))


def results_of(data: bytes, where: str) -> tuple[list[Any], int]:
    """The records of an answer and how many there are in all.

    Raises:
        SourceError: as `parse_ckan`.
    """
    try:
        value = canonical.loads(data.removeprefix(b"\xef\xbb\xbf"), floats=True)
    except InputError as error:
        raise _other(data, where, error.what.rstrip(".")) from None
    if not isinstance(value, dict) or value.get("success") is not True:
        raise _other(data, where, "success is not true")
    result = value.get("result")
    if isinstance(result, dict) and isinstance(result.get("results"), list):
        count = result.get("count")
        return result["results"], count if isinstance(count, int) else len(result["results"])
    if isinstance(result, dict) and "id" in result:
        return [result], 1
    raise _other(data, where, "it holds no results")


def _other(data: bytes, where: str, what: str) -> SourceError:
    head = " ".join(data[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
    hint = "The address is that of the portal: https://data.example.br"
    return SourceError(f"not an answer of CKAN: {what}. It begins: {head}", where=where, hint=hint, code="not_ckan")


def dataset_of(row: Any, where: str = "record") -> Dataset:
    """One record of CKAN.

    Raises:
        InputError: no record, or one without id or title.
    """
    if not isinstance(row, dict):
        raise InputError("the record is not an object.", where=where, code="record")
    record = _kept(row)
    key = _text(row, "id") or _text(row, "name")
    title = _texts(row, "title")
    if not key or not title:
        raise InputError(f"the record has no {'title' if key else 'id'}.", where=where, code="record")
    extras = _extras(row)
    themes, words = _grouped(row)
    words |= {_text(tag, "name") for tag in _objects(row, "tags")}
    return Dataset(
        id=id_of(key), identifier=_first(extras, "identifier") or key, title=title,
        description=_texts(row, "notes"), publisher=_publisher(row),
        keywords=tuple(sorted(("", word) for word in words - {""})),
        themes=tuple(sorted({*themes, *extras.get("theme", ())})),
        license=_address(row, "license_url") or _text(row, "license_id"),
        license_id=_text(row, "license_id") if _address(row, "license_url") else "",
        access=_first(extras, "access_rights"), issued=_text(row, "metadata_created"),
        modified=_text(row, "metadata_modified"), languages=_many(extras, "language"),
        frequency=_first(extras, "frequency"), spatial=_many(extras, "spatial"),
        temporal=(_first(extras, "temporal_start"), _first(extras, "temporal_end")),
        conforms_to=_many(extras, "conforms_to"), landing_page=_address(row, "url"), version=_text(row, "version"),
        distributions=tuple(_distribution(one) for one in _objects(row, "resources")), source_record=record,
    )  # fmt: skip


def id_of(key: str) -> str:
    """The lasting name of a record: `urn:uuid:` for a UUID, else a name of ours.

    >>> id_of("my dataset")
    'urn:concordat:record:my%20dataset'
    """
    if _UUID.fullmatch(key):
        return f"urn:uuid:{key}"
    return key if is_web_address(key) and is_iri(key) else RECORD + percent(key)


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what belongs to persons, however deep it stands."""
    kept: dict[str, Any] = _impersonal(dict(row))
    return kept


def _impersonal(value: Any) -> Any:
    if isinstance(value, list):
        return [_impersonal(one) for one in value if not (isinstance(one, dict) and _personal(one.get("key", "")))]
    if isinstance(value, dict):
        return {key: _impersonal(one) for key, one in value.items() if not _personal(key)}
    return value


def _personal(key: Any) -> bool:
    return str(key) in DROPPED or _PERSONAL.search(str(key)) is not None


def _distribution(row: Mapping[str, Any]) -> Distribution:
    url = _address(row, "url")
    digest = _text(row, "hash").lower()
    return Distribution(
        access_url=url, download_url=url if _text(row, "url_type") == "upload" else "",
        title=_named(row, "name"), description=_named(row, "description"), format=_text(row, "format"),
        media_type=_text(row, "mimetype"), license=_text(row, "license"), bytes=_size(row.get("size")),
        sha256=digest if is_sha256(digest) else "", id=_text(row, "id"),
    )  # fmt: skip


def _size(value: Any) -> int | None:
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _address(row: Mapping[str, Any], name: str) -> str:
    text = _text(row, name)
    return iri_of(text) if is_iri(iri_of(text)) else text


def _named(row: Mapping[str, Any], name: str) -> Text:
    text = _text(row, name)
    return {"": text} if text else {}


def _texts(row: Mapping[str, Any], name: str) -> Text:
    """A text and its translations, by language."""
    many = row.get(f"{name}_translated")
    pairs = many.items() if isinstance(many, dict) else ()
    found = {str(k): v.strip() for k, v in pairs if isinstance(v, str) and v.strip()}
    own = {k: v for k, v in _named(row, name).items() if v not in found.values()}
    return {**own, **{k: v for k, v in sorted(found.items()) if k}}


def _objects(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = row.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _publisher(row: Mapping[str, Any]) -> str:
    body = row.get("organization")
    return _text(body, "title") if isinstance(body, dict) else ""


def _extras(row: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The extras that are mapped, by name; a list may be written as JSON."""
    found: dict[str, tuple[str, ...]] = {}
    for one in _objects(row, "extras"):
        name, value = _text(one, "key"), one.get("value")
        if name in _EXTRAS and isinstance(value, str) and value.strip():
            found[name] = _listed(value.strip())
    return found


def _listed(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return (text,)
        if isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value):
            return tuple(one.strip() for one in value)
    return (text,)


def _first(extras: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(extras.get(name, ())), "")


def _many(extras: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    return tuple(sorted(set(extras.get(name, ()))))


@cache
def _groups() -> tuple[dict[str, str], dict[str, str]]:
    """Group -> theme, and theme -> the first group of the table."""
    rows = list(csv.DictReader(_TABLE.read_text(encoding="utf-8").splitlines()))
    back: dict[str, str] = {}
    for row in rows:
        back.setdefault(THEMES + row["theme"], row["group"])
    return {row["group"]: THEMES + row["theme"] for row in rows}, back


def _grouped(row: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """(themes, keywords) of the groups."""
    table, _ = _groups()
    themes, words = set[str](), set[str]()
    for group in _objects(row, "groups"):
        name = _text(group, "name")
        if name in table:
            themes.add(table[name])
        else:
            words.add(_text(group, "title") or name)
    return themes, words


# --- Printing -----------------------------------------------------------------------------------------------------


def print_ckan(datasets: Sequence[Dataset]) -> bytes:
    """An answer of `package_search` that holds the datasets."""
    rows = [record_of(dataset) for dataset in datasets]
    value = {"result": {"count": len(rows), "results": rows}, "success": True}
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def record_of(dataset: Dataset) -> dict[str, Any]:
    """A dataset as CKAN has it; what its own record said beyond the mapped fields is put back."""
    key = key_of(dataset.id)
    _, back = _groups()
    row: dict[str, Any] = {k: v for k, v in (dataset.source_record or {}).items() if k not in _MAPPED}
    row |= {"id": key, **_printed("title", dataset.title), **_printed("notes", dataset.description)}
    given = {
        "metadata_created": dataset.issued, "metadata_modified": dataset.modified, "url": dataset.landing_page,
        "version": dataset.version,
        "license_id": dataset.license_id or ("" if is_iri(dataset.license) else dataset.license),
        "license_url": dataset.license if is_iri(dataset.license) else "",
    }  # fmt: skip
    row |= {name: value for name, value in given.items() if value}
    if dataset.publisher:
        row["organization"] = {"title": dataset.publisher}
    row["tags"] = [{"name": word} for word in sorted({word for _, word in dataset.keywords})]
    row["groups"] = [{"name": back[theme]} for theme in dataset.themes if theme in back]
    extras = {
        "access_rights": (dataset.access,), "conforms_to": dataset.conforms_to, "frequency": (dataset.frequency,),
        "identifier": (dataset.identifier if dataset.identifier != key else "",), "language": dataset.languages,
        "spatial": dataset.spatial, "temporal_end": (dataset.temporal[1],), "temporal_start": (dataset.temporal[0],),
        "theme": tuple(theme for theme in dataset.themes if theme not in back),
    }  # fmt: skip
    row["extras"] = [{"key": name, "value": _written(values)} for name, values in extras.items() if any(values)]
    row["extras"] += [
        one for one in (dataset.source_record or {}).get("extras") or []
        if isinstance(one, dict) and one.get("key") not in _EXTRAS
    ]  # fmt: skip
    row["resources"] = [_resource(one) for one in dataset.distributions]
    return row


_MAPPED = frozenset(
    ("extras", "groups", "id", "license_id", "license_url", "metadata_created", "metadata_modified", "notes",
     "notes_translated", "organization", "resources", "tags", "title", "title_translated", "url", "version")
)  # fmt: skip


def key_of(name: str) -> str:
    """The id that CKAN has for a dataset of that name."""
    if name.startswith(RECORD):
        return unpercent(name.removeprefix(RECORD))
    return name.removeprefix("urn:uuid:")


def _written(values: Sequence[str]) -> str:
    if len(values) == 1 and not values[0].startswith("["):
        return values[0]
    return json.dumps(list(values), ensure_ascii=False)


def _printed(name: str, texts: Text) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "" in texts:
        found[name] = texts[""]
    others = {language: text for language, text in texts.items() if language}
    if others:
        found[f"{name}_translated"] = others
        found.setdefault(name, others.get("en") or others[min(others)])
    return found


def _resource(one: Distribution) -> dict[str, Any]:
    row: dict[str, Any] = {
        "url": one.access_url or one.download_url, "url_type": "upload" if one.download_url else "",
        "name": one.title.get("") or next(iter(one.title.values()), ""),
        "description": one.description.get("") or next(iter(one.description.values()), ""), "format": one.format,
        "mimetype": one.media_type, "hash": one.sha256, "license": one.license, "id": one.id,
    }  # fmt: skip
    row = {key: value for key, value in row.items() if value}
    if one.bytes is not None:
        row["size"] = one.bytes
    return row
