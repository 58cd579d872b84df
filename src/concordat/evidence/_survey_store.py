"""A survey's figures as rows of evidence: what is stored, and what stays at the node."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from concordat import clock

if TYPE_CHECKING:
    from concordat.evidence._survey_cells import Rate
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.loading import Loaded
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import Store
    from concordat.evidence.survey import Survey

PARSER_VERSION = "1"
CONNECTOR = f"survey@{PARSER_VERSION}"
DECIMALS = 2  # of a stored percentage: more would help nobody but one who subtracts


def observations(survey: Survey, vintage_id: str, known_from: date, retrieved_at: datetime) -> list[Observation]:
    """The cells as rows of evidence; a withheld one has no number, and says so.

    Raises:
        SourceError: a row breaks an invariant of the record.
    """
    from concordat.evidence._survey_trace import survey_locator
    from concordat.evidence.sources._base import Meta

    spec = survey.spec
    start, end = spec.period
    whole_year = spec.model.period is not None
    dataset = spec.model.dataset
    meta = Meta(
        dataset.class_, dataset.id, vintage_id, known_from, retrieved_at, survey.sha256, survey.file, PARSER_VERSION
    )
    rows = []
    for rate in survey.rates:
        figures: dict[str, Any] = {"missing_reason": "withheld", "conf_status": "C"}
        if not rate.withheld:
            value, lower, upper = (_percent(number) for number in (rate.value, rate.lower, rate.upper))
            figures = {
                "value": value,
                "lower": lower,
                "upper": upper,
                "precision": 0.5 * 10.0**-DECIMALS,
                "decimals": DECIMALS,
                "conf_status": spec.conf_status,
                "note": _note(rate),
            }
        rows.append(
            meta.row(
                survey_locator(rate.item, survey.file),
                indicator_id=rate.indicator_id,
                area=spec.area,
                period_start=start,
                period_end=end,
                freq="A" if whole_year else "U",
                unit="percent",
                breakdown=rate.breakdown,
                nature="C",
                series_key=rate.item,
                processing_level="major",
                **figures,
            )
        )
    return rows


def store_survey(store: Store, catalogue: Catalogue, survey: Survey) -> Loaded:
    """Store the cells as a vintage of the survey's dataset; the microdata stay where they are.

    The survey file is kept as the vintage's only body. Storing the same figures again changes nothing.

    Raises:
        SourceError: a row breaks an invariant.
        StateError: the store can't be written.
    """
    from concordat.evidence._survey_trace import KEPT_AT_NODE
    from concordat.evidence.citation import Origin
    from concordat.evidence.licences import licence
    from concordat.evidence.loading import Loaded, require_past, vintage_id_of
    from concordat.evidence.store import Retrieval, VintageMeta
    from concordat.world import bloc_ids, table_hash

    dataset = survey.spec.model.dataset
    retrieved_at = clock.now()
    published = date.fromisoformat(dataset.published) if dataset.published else None
    require_past(published, retrieved_at.date(), dataset.id)
    known_from = published or retrieved_at.date()
    vintage_id = vintage_id_of(known_from, [survey.sha256, survey.spec.sha256], PARSER_VERSION)
    rows = observations(survey, vintage_id, known_from, retrieved_at)
    spec_sha256 = store.raw.put(survey.spec.body)
    url = f"kept at the member's node: {survey.file}"
    store.record_retrievals([
        Retrieval(sha256=sha256, method="FILE", url=name, retrieved_at=retrieved_at, connector=CONNECTOR)
        for sha256, name in ((survey.sha256, url), (spec_sha256, survey.spec.document.where))
    ])  # fmt: skip
    store.catalog.describe_blocs(table_hash("blocs.yaml"), bloc_ids())
    store.catalog.describe(catalogue.hash, [(i.id, i.unit, i.topic) for i in catalogue.indicators.values()])
    origin = Origin(
        dataset_id=dataset.id,
        source_id=dataset.class_,
        producer=dataset.producer,
        title=dataset.title,
        published=dataset.published or "",
        packaged_in="",
        url=dataset.url,
        licence=survey.spec.model.licence,
    )
    said = {**asdict(origin), "version": known_from.isoformat(), "sha256": survey.sha256, "kept": KEPT_AT_NODE}
    new = store.catalog.vintage(dataset.id, vintage_id) is None
    meta = VintageMeta(
        id=vintage_id,
        dataset_id=dataset.id,
        source_id=dataset.class_,
        published=published,
        known_from=known_from,
        retrieved_at=retrieved_at,
        parser_version=PARSER_VERSION,
        raw=(spec_sha256,),
        origin=said,
        licence=licence(origin.licence, where=dataset.id).as_dict(),
    )
    return Loaded(store.write_vintage(meta, rows), (), new)


def _percent(share: float | None) -> float:
    assert share is not None, "a cell that is shown has numbers"
    return round(100 * share, DECIMALS)


def _note(rate: Rate) -> str:
    assert rate.missing is not None, "a cell that is shown has numbers"
    said = f"Survey: {rate.n:,} people, as sure as {rate.n_eff:,.0f}; the interval is Wilson's, 95 %."
    return said + (f" {100 * rate.missing:.1f} % of those asked gave no answer." if rate.missing > 0 else "")
