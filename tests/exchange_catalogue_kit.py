"""Offers, datasets and CKAN records for tests of the catalogue."""

from __future__ import annotations

from typing import Any

from concordat.exchange.catalogue.model import Catalog, Dataset, Service
from concordat.exchange.catalogue.offer import HeldFile, Offer, dataset_of

BASE = "https://node.example.br"
DSP_SERVICE = "urn:uuid:4aa2dcc8-4d2d-569e-d634-8394a8834d77"
OFFER = """\
schema: concordat/offer@1
id: ict-household-2025
title: {en: "Household ICT use by state, 2025", pt: "Uso de TIC nos domicílios por estado, 2025"}
description: {en: "Weighted counts, no person records."}
publisher: BRA
files: [{path: ict_2025.csv, format: text/csv, license: CC-BY-4.0}]
conforms_to: "urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=BRA:ICT_HH(1.0)"
access: restricted
policy:
  permit: use
  when: {member: [BRICS], purpose: [statistics, research], until: "2027-12-31", count: "20"}
  must: [{do: attribute}, {do: delete, by: "2028-06-30"}, {do: inform, on: publication}]
  never: [{onward: public}]
negotiation: automatic
"""
MORE = """\
keywords: [ict, households]
themes: ["http://publications.europa.eu/resource/authority/data-theme/TECH", skills]
spatial: [BRA]
temporal: {start: "2025-01", end: "2025-12-31"}
frequency: annual
generated_by: "urn:example:survey-2025"
related: ["urn:uuid:3dd1add8-4d2d-569e-d634-8394a8836a88"]
"""
UUID = "3dd1add8-4d2d-569e-d634-8394a8836a88"


def document(text: str = OFFER, *, size: int = 48_210, digest: str = "7c" * 32, version: int = 1) -> dict[str, Any]:
    """The document of an offer whose files all have one size and hash."""
    offer = Offer.load(text, "ict.yaml")
    return offer.document([HeldFile(size, digest)] * len(offer.files), version)


def a_dataset(text: str = OFFER + MORE, **more: Any) -> Dataset:
    """The dataset of an offer, as the node of BRA shows it."""
    return dataset_of(document(text, **more), bloc="BRICS", base=BASE, service=DSP_SERVICE, entry="ab" * 32)


def a_catalog(*datasets: Dataset) -> Catalog:
    """The catalogue of BRA."""
    service = Service(DSP_SERVICE, f"{BASE}/dsp/2025-1", {"en": "Dataspace Protocol 2025-1 of BRA"})
    return Catalog(
        id=f"{BASE}/catalog", title={"en": "Data offered by BRA"}, description={"en": "On its own terms."},
        publisher="BRA", datasets=datasets, services=(service,), participant="BRA",
    )  # fmt: skip


def ckan_record(number: int = 1, **more: Any) -> dict[str, Any]:
    """A record as a portal of CKAN gives it."""
    return {
        "id": f"3dd1add8-4d2d-569e-d634-{number:012d}", "name": f"bees-{number}", "title": f"Bees {number}",
        "notes": "Hives by region.", "organization": {"title": "Ministry of Agriculture", "name": "mapa"},
        "tags": [{"name": "bees"}, {"name": "honey"}], "groups": [{"name": "environment"}, {"name": "beekeepers"}],
        "license_id": "cc-by", "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "metadata_created": "2024-01-01T10:00:00.123456", "metadata_modified": "2025-02-03T11:12:13.000001",
        "url": "https://bees.example.br/", "version": "2", "author": "Unit of Bees",
        "author_email": "bees@example.br", "maintainer": "Maria da Silva", "maintainer_email": "maria@example.br",
        "creator_user_id": "c0ffee", "private": False,
        "extras": [
            {"key": "language", "value": '["pt", "en"]'}, {"key": "frequency", "value": "annual"},
            {"key": "spatial", "value": '{"type": "Point", "coordinates": [-47.9, -15.8]}'},
            {"key": "temporal_start", "value": "2020"}, {"key": "temporal_end", "value": "2024-12-31"},
            {"key": "conforms_to", "value": "https://example.br/schema"},
            {"key": "access_rights", "value": "public"}, {"key": "contact_email", "value": "x@example.br"},
            {"key": "internal_code", "value": "B-12"},
        ],
        "resources": [
            {"id": f"res-{number}", "url": "https://bees.example.br/a file.csv", "url_type": "upload",
             "name": "Hives", "description": "One row a hive", "format": "CSV", "mimetype": "text/csv",
             "size": "1234", "hash": "AB" * 32, "license": "cc-by", "datastore_active": True},
            {"id": f"api-{number}", "url": "https://bees.example.br/api", "name": "API", "format": "JSON",
             "size": None, "hash": "md5:abc"},
        ],
        **more,
    }  # fmt: skip


def ckan_answer(*rows: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    """An answer of `package_search`."""
    return {"success": True, "result": {"count": len(rows) if count is None else count, "results": list(rows)}}
