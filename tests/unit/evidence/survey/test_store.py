"""What a survey leaves in the store: rates, the survey file and hashes; never a row of its microdata."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import TrustError
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.citation import citation_of, cite
from concordat.evidence.loading import Loaded
from concordat.evidence.observation import Observation
from concordat.evidence.prov import RawTexts
from concordat.evidence.resolve import resolve
from concordat.evidence.store import Store, open_store
from concordat.evidence.survey import Survey, store_survey
from concordat.evidence.trace import trace

People = list[dict[str, Any]]
SEX = {"column": "sex", "values": {"1": "M", "2": "F"}}
# A cell no rate and no survey file would hold by itself.
NAME = "Nomvula Unmistakable"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def found(survey: Callable[..., Survey], crowd: Callable[..., People]) -> Survey:
    """900 men and 1,100 women, 64.5 % online, and a few of whom nothing may be seen."""
    people = crowd(640, 260, sex=1, name=NAME) + crowd(650, 450, sex=2, name=NAME)
    return survey(people, domains={"sex": SEX})


@pytest.fixture
def loaded(found: Survey, store: Store, catalogue: Catalogue) -> Loaded:
    return store_survey(store, catalogue, found)


def _rows(store: Store, loaded: Loaded) -> dict[str, Observation]:
    return {o.breakdown: o for o in store.observations(loaded.vintage)}


def test_a_rate_is_a_row_with_its_interval(store: Store, loaded: Loaded) -> None:
    o = _rows(store, loaded)[""]
    assert (o.indicator_id, o.area, o.year, o.freq, o.unit) == ("internet_users_pct", "ZAF", 2025, "A", "percent")
    assert (o.value, o.decimals, o.precision) == (64.5, 2, 0.005)
    k = 1.96**2 / 2000  # Wilson, for 1,290 of 2,000
    middle, half = (0.645 + k / 2) / (1 + k), (k * (0.645 * 0.355 + k / 4)) ** 0.5 / (1 + k)
    assert (o.lower, o.upper) == pytest.approx((100 * (middle - half), 100 * (middle + half)), abs=0.005)
    assert (o.conf_status, o.nature, o.processing_level, o.source_id) == ("F", "C", "major", "member_official")
    assert o.note == "Survey: 2,000 people, as sure as 2,000; the interval is Wilson's, 95 %."


def test_the_bytes_are_named_and_not_kept(store: Store, loaded: Loaded, found: Survey, tmp_path: Path) -> None:
    o = _rows(store, loaded)["sex=F"]
    assert (o.raw_sha256, o.raw_locator) == (found.sha256, "survey item online of people.csv")
    bodies = list((tmp_path / "data" / "raw").glob("*/*.gz"))
    assert [gzip.decompress(path.read_bytes()) for path in bodies] == [(tmp_path / "survey.yaml").read_bytes()]
    assert NAME in (tmp_path / "people.csv").read_text(encoding="utf-8")
    for path in (path for path in (tmp_path / "data").rglob("*") if path.is_file()):
        assert NAME.encode() not in path.read_bytes(), path.name


def test_a_withheld_cell_is_a_row_without_a_number(
    survey: Callable[..., Survey], crowd: Callable[..., People], store: Store, catalogue: Catalogue
) -> None:
    found = survey(crowd(60, 40, sex=1) + crowd(7, 4, sex=2), domains={"sex": SEX})
    rows = _rows(store, store_survey(store, catalogue, found))
    for breakdown in ("sex=M", "sex=F"):
        o = rows[breakdown]
        assert (o.value, o.lower, o.upper, o.note) == (None, None, None, "")
        assert (o.missing_reason, o.conf_status) == ("withheld", "C")
    chosen = resolve(rows.values(), catalogue, not_after=2026)
    assert chosen["internet_users_pct", "ZAF", "sex=F"].reason == "withheld"
    assert chosen["internet_users_pct", "ZAF", ""].value == pytest.approx(60.36)


@pytest.mark.parametrize(
    ("keys", "status"),
    [({}, "F"), ({"conf_status": "N"}, "N"), ({"licence": "member-confidential"}, "C"), ({"conf_status": "C"}, "C")],
)
def test_rows_carry_the_confidentiality_of_the_survey(
    survey: Callable[..., Survey],
    crowd: Callable[..., People],
    store: Store,
    catalogue: Catalogue,
    keys: dict[str, Any],
    status: str,
) -> None:
    rows = _rows(store, store_survey(store, catalogue, survey(crowd(60, 40), **keys)))
    assert rows[""].conf_status == status
    used = [c for c in resolve(rows.values(), catalogue, not_after=2026).values() if not c.missing]
    assert bool(used) == (status == "F")


def test_interviews_of_part_of_a_year_keep_their_days(
    survey: Callable[..., Survey], crowd: Callable[..., People], store: Store, catalogue: Catalogue
) -> None:
    days = {"start": "2025-03-01", "end": "2025-04-15"}
    o = _rows(store, store_survey(store, catalogue, survey(crowd(60, 40), period=None, interviews=days)))[""]
    assert (o.period_start.isoformat(), o.period_end.isoformat(), o.freq) == ("2025-03-01", "2025-04-15", "U")


def test_storing_twice_changes_nothing(store: Store, loaded: Loaded, found: Survey, catalogue: Catalogue) -> None:
    again = store_survey(store, catalogue, found)
    assert (loaded.new, again.new) == (True, False)
    assert again.vintage == loaded.vintage
    assert len(store.vintages()) == 1


def test_the_vintage_is_checked_and_cited_like_any_other(store: Store, loaded: Loaded, found: Survey) -> None:
    assert store.verify().faults == ()
    said = cite(citation_of(loaded.vintage))
    assert said.startswith("An office (2026-02-01). Invented ICT survey, 2026-02-01. Retrieved 2026-11-22. CC BY 4.0.")
    assert said.endswith(f"[{found.sha256[:12]}]")
    assert loaded.vintage.known_from.isoformat() == "2026-02-01"


# --- Trace ------------------------------------------------------------------------------------------------------------


def test_a_trace_names_the_file_and_shows_the_rule(store: Store, loaded: Loaded, found: Survey) -> None:
    o = _rows(store, loaded)["sex=F"]
    steps = dict(trace(o.obs_id, store).steps)
    assert steps["bytes"] == (
        f"SHA-256 {found.sha256}: microdata that stay at the member's node, so not here and not read again"
    )
    assert steps["place"] == "survey item online of people.csv"
    assert '"yes_codes":[1]' in steps["item"]
    assert "text" not in steps, "there is no text to show: saying so is the honest answer"
    assert "kept at the member's node: people.csv by survey@1" in steps["retrieved"]


def test_a_changed_survey_file_is_noticed(store: Store, loaded: Loaded) -> None:
    o = _rows(store, loaded)[""]
    path = store.raw.path(loaded.vintage.raw[0])
    path.write_bytes(gzip.compress(b"schema: concordat/survey@1\nitems: []\n"))
    with pytest.raises(TrustError, match="a kept body is not what it was"):
        trace(o.obs_id, store)


def test_no_other_row_passes_for_one_whose_bytes_stay_at_a_node(
    store: Store, observe: Callable[..., Observation]
) -> None:
    """A body that was lost must not be excused by a locator that looks like a survey's."""
    row = observe(50, raw_locator="survey item online of people.csv")
    with pytest.raises(TrustError, match="its vintage says nothing of the kind"):
        RawTexts(store).text_at(row)


def test_an_item_that_the_survey_file_lacks_is_noticed(
    store: Store, loaded: Loaded, observe: Callable[..., Observation]
) -> None:
    o = _rows(store, loaded)[""]
    about = {"dataset_id": o.dataset_id, "vintage_id": o.vintage_id, "raw_sha256": o.raw_sha256}
    with pytest.raises(TrustError, match='the kept survey file has no item "offline"'):
        RawTexts(store).text_at(observe(50, raw_locator="survey item offline of people.csv", **about))
    with pytest.raises(TrustError, match="its vintage says nothing of the kind"):
        RawTexts(store).text_at(observe(50, raw_locator=o.raw_locator, **about | {"raw_sha256": "cd" * 32}))
