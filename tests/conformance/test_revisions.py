"""Two editions of one series of internet use, six years apart, against the figures printed in the specification.

The editions: SDG series 17.8.1 of the UN (October 2020, file of open-numbers/ddf--unstats--sdg_indicators) and the same
series of the World Development Indicators in Gapminder's panel (2026-03-01), both CC BY 4.0. Measured in sections 1 and
15 of the specification of evidence: of 3,625 country-years in both, 313 differ by more than 0.05 and 143 by more than 5
points; Iraq in 2015 was 58.0 and became 15.2.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import Origin
from concordat.evidence.loading import load
from concordat.evidence.observation import Observation
from concordat.evidence.revisions import as_of, latest, revisions
from concordat.evidence.sources._base import Answer, Meta
from concordat.evidence.store import Store, open_store, views
from concordat.evidence.trace import trace

OLD, NEW = ("sdg_2020_internet_users.csv", date(2020, 10, 1)), ("wdi_panel_gapminder_2026.csv", date(2026, 3, 1))
COMMON, MOVED, FAR = 3625, 313, 143
ORIGIN = Origin(
    dataset_id="internet-use",
    source_id="un_sdg",
    producer="International Telecommunication Union",
    title="Individuals using the Internet",
    published="",
    packaged_in="",
    url="https://unstats.un.org/sdgs/",
    licence="CC-BY-4.0",
)


def parse(body: bytes, meta: Meta) -> Iterator[Observation]:
    """The rows of internet use; both files have iso3, year and value."""
    for number, row in enumerate(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))), 2):
        if row.get("indicator", "internet_users") == "internet_users" and row["value"]:
            year = int(row["year"])
            yield meta.row(
                f"row {number}, value",
                indicator_id="internet_users_pct",
                area=row["iso3"],
                period_start=date(year, 1, 1),
                period_end=date(year, 12, 31),
                unit="percent",
                value=float(row["value"]),
            )


@pytest.fixture(scope="module")
def store(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Both editions as two vintages of one dataset, the newer loaded first."""
    with open_store(tmp_path_factory.mktemp("revisions") / "data") as opened:
        for name, published in (NEW, OLD):
            body = (shared_data / name).read_bytes()
            answer = Answer(body, name, f"file:{name}", datetime(2026, 11, 22, tzinfo=UTC))
            load(opened, load_catalogue(), ORIGIN, [answer], parse, parser_version="1", published=published)
        yield opened


@pytest.fixture(scope="module")
def editions(store: Store) -> dict[date, list[Observation]]:
    return {v.known_from: store.observations(v) for v in store.vintages()}


def test_of_3625_common_figures_313_moved_by_over_0_05_and_143_by_over_5_points(
    editions: dict[date, list[Observation]],
) -> None:
    old, new = editions[OLD[1]], editions[NEW[1]]
    assert len({o.obs_id for o in old} & {o.obs_id for o in new}) == COMMON
    changed = [abs(r.size) for r in revisions(old, new) if r.kind == "changed" and r.size is not None]
    assert sum(size > 0.05 for size in changed) == MOVED
    assert sum(size > 5 for size in changed) == FAR


def test_every_figure_is_the_same_changed_added_or_withdrawn(editions: dict[date, list[Observation]]) -> None:
    old, new = editions[OLD[1]], editions[NEW[1]]
    found = revisions(old, new)
    kinds = {kind: {r.obs_id for r in found if r.kind == kind} for kind in ("changed", "added", "withdrawn")}
    before, after = {o.obs_id for o in old}, {o.obs_id for o in new}
    assert kinds["added"] == after - before
    assert kinds["withdrawn"] == before - after
    assert kinds["changed"] <= before & after


@pytest.mark.parametrize(("day", "value"), [(date(2024, 12, 31), 58.0), (date(2026, 2, 28), 58.0), (NEW[1], 15.2)])
def test_iraq_in_2015_is_what_was_known_on_the_day(store: Store, day: date, value: float) -> None:
    rows = [o for v in store.vintages() for o in store.observations(v, every_row=False)]
    found = [o.value for o in as_of(rows, day) if (o.area, o.year) == ("IRQ", 2015)]
    assert found == [value]
    with views.as_of(store, day) as relation:
        asked = relation.filter("area = 'IRQ' AND year(period_end) = 2015").select("value").fetchall()
    assert asked == [(value,)]


def test_the_latest_value_of_iraq_in_2015_leads_to_the_bytes_of_the_newer_edition(store: Store) -> None:
    rows = [o for v in store.vintages() for o in store.observations(v, every_row=False)]
    (iraq,) = [o for o in latest(rows) if (o.area, o.year) == ("IRQ", 2015)]
    steps = dict(trace(iraq.obs_id, store).steps)
    assert float(steps["text"]) == 15.2


def test_the_files_and_the_rows_agree_on_all_revisions(store: Store, editions: dict[date, list[Observation]]) -> None:
    old, new = store.vintages()
    assert revisions(*views.differing(store, [old], [new])) == revisions(editions[OLD[1]], editions[NEW[1]])
