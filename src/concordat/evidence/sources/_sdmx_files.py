"""From files of SDMX on disk to a stored vintage, by a person's own map: any dataflow of any service, in any form."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from concordat import clock
from concordat.errors import InputError
from concordat.evidence.sources import sdmx_csv, sdmx_ml
from concordat.evidence.sources._base import Answer
from concordat.evidence.sources._sdmx_maps import read_map
from concordat.evidence.sources.tabular import read_file

if TYPE_CHECKING:
    from concordat.evidence.citation import Origin
    from concordat.evidence.loading import Loaded
    from concordat.evidence.sources._sdmx_model import SdmxFile
    from concordat.evidence.store import Store


def import_sdmx(store: Store, files: Sequence[Path], map_file: Path, *, skip_bad: bool = False) -> Loaded:
    """Read files of one dataset, and store them as one vintage; the same files and map again change nothing.

    The vintage is known from the day that the map or Eurostat's column LAST UPDATE says; without one, from the day on
    which the same files were first read.

    Raises:
        InputError: a file can't be read, or the map breaks its schema.
        SourceError: a file is no data of SDMX, or holds no figure that the map names.
        MethodError: a file is XML or JSON, and the extra is not installed.
    """
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.loading import load

    body = read_file(map_file)
    maps = read_map(body, map_file.name)
    version = f"{sdmx_ml.PARSER_VERSION}.{hashlib.sha256(body).hexdigest()[:8]}"  # another map is another reading
    answers = [Answer(read_file(f), f.name, f.name, clock.now(), method="FILE") for f in files]
    origin = origin_of_map(maps, map_file.name)
    return load(
        store,
        load_catalogue(),
        origin,
        answers,
        lambda data, meta: sdmx_ml.parse(data, meta, maps),
        parser_version=version,
        published=_published(origin, answers) or _known_before(store, origin, answers, version),
        skip_bad=skip_bad,
        notes={"map": maps.model_dump(mode="json", by_alias=True)},
    )


def origin_of_map(maps: SdmxFile, where: str) -> Origin:
    """Who made the data: the map's own words, or our row for the agency.

    Raises:
        InputError: the licence is not in the table, or the agency is none of ours and the map has no origin.
    """
    from concordat.evidence.citation import Origin, origin_of
    from concordat.evidence.licences import licence

    if maps.origin is None:
        return origin_of(sdmx_csv.name_of(maps))
    said = maps.origin
    licence(said.licence, where=where)
    return Origin(
        dataset_id=said.dataset_id,
        source_id=said.source_id,
        producer=said.producer,
        title=said.title,
        published=said.published,
        packaged_in="",
        url=said.url,
        licence=said.licence,
    )


def _published(origin: Origin, answers: Sequence[Answer]) -> date | None:
    days = [day for answer in answers if (day := sdmx_csv.last_update(answer.body))]
    if not origin.published:
        return max(days, default=None)
    try:
        return date.fromisoformat(origin.published)
    except ValueError:
        hint = "Write it as 2026-05-02, or leave it out."
        raise InputError(f'published: "{origin.published}" is no day.', hint=hint, code="invalid") from None


def _known_before(store: Store, origin: Origin, answers: Sequence[Answer], version: str) -> date | None:
    """Since when the same files, read by the same map, are known."""
    hashes = sorted(hashlib.sha256(a.body).hexdigest() for a in answers)
    for vintage in store.vintages():
        same = (vintage.dataset_id, vintage.parser_version, sorted(vintage.raw))
        if same == (origin.dataset_id, version, hashes):
            return vintage.known_from
    return None
