"""The council's pages over a year of its record: they answer, agree with it, lead on, and never go stale.

The year is `tests/council_year.py`, said in logs that nobody signed; what needs signatures: `test_record_pages`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import council_year
from concordat.council.due import due
from concordat.web.check import check
from concordat.web.respond import Site
from concordat.web.site import pages
from council_kit import DAY, Bloc
from web_council_kit import Said, chain_of_ten, site_with, year_record, year_site
from web_kit import get, numbers_in, printed, site_of, text

ADDRESSES = [
    "/agenda", "/due", "/due?member=ZAF", "/item/p-2026-001", "/item/p-2026-006", "/consult/c-2026-001",
    "/decision/v-2026-004", "/decision/v-2026-001", "/commitment/t20-f4a", "/commitment/t20-g1", "/disputes",
    "/dispute/d-2026-001", "/log/BRA", "/log/BRA?before=20", "/log/council-1", "/check", "/status", "/api", "/help",
    "/cite/agenda", "/agenda?at=1.200",
]  # fmt: skip
WITH_NUMBERS = ["/decision/v-2026-004", "/consult/c-2026-001", "/disputes", "/commitment/t20-f4a"]


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    return year_site(evidence_dir)


def header(answer: Any, name: str) -> str:
    return dict(answer.headers).get(name, "")


def data(site: Site, address: str) -> dict[str, Any]:
    path, _, query = address.partition("?")
    found: dict[str, Any] = json.loads(text(get(site, f"{path}.json{'?' + query if query else ''}")))
    return found


@pytest.mark.parametrize("language", ["en", "pt", "ar"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_answers_in_each_language(site: Site, address: str, language: str) -> None:
    answer = get(site, address, accept_language=language)
    page = text(answer)
    assert answer.status == 200, page
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    assert not re.search(r"\{[a-z_]+\}", re.sub(r"<(code|table).*?</\1>", "", page, flags=re.DOTALL))
    assert "web." not in re.sub(r"<code>.*?</code>", "", page)


def test_each_page_is_light_well_formed_and_leads_somewhere(site: Site) -> None:
    asked = [site.addresses.parse(*address.partition("?")[::2]) for address in ADDRESSES]
    found, faults = check(site, asked)
    assert faults == ()
    assert len(found) == len(ADDRESSES)


@pytest.mark.parametrize("address", WITH_NUMBERS)
def test_html_json_and_csv_give_the_same_numbers(site: Site, address: str) -> None:
    from concordat.figures.numbers import agrees

    held = {(n["obs"], n["part"]): n["value"] for n in numbers_in(data(site, address)["data"])}
    said = printed(text(get(site, address)))
    assert len(said) >= 4
    for record, part, number in said:
        values = [v for (obs, own), v in held.items() if obs.startswith(record) and own == part]
        assert any(agrees(number, v) for v in values), (record, part, number)
    rows = [row for row in csv.DictReader(io.StringIO(text(get(site, f"{address}.csv")))) if row["value"]]
    assert rows
    for row in rows:
        assert float(row["value"]) == held[row["obs"], row["part"]]


# --- What they say, against the record ---


def test_a_decision_has_the_record_s_own_count_and_roll_call(site: Site) -> None:
    vote = council_year.council().get("vote", "v-2026-004")
    said = data(site, "/decision/v-2026-004")["data"]
    assert {name: num["value"] for name, num in said["counts"]} == vote.result["tally"]["counts"]
    assert {row["member"]: row["choice"] for row in said["roll"]} == {m: b.choice for m, b in vote.ballots.items()}
    assert [row["entry"] for row in said["roll"]] == [vote.ballots[m].entry for m in vote.entitled]
    assert said["outcome"] == vote.outcome == "adopted"
    page = text(get(site, "/decision/v-2026-004"))
    assert "7/10" in page  # node-web.md 4.3: the verdict with its fractions
    assert "≥ 11/20" in page


def test_what_is_due_is_what_the_council_says(site: Site) -> None:
    council = council_year.council()
    owed = due(council, council.ledger_time)
    said = data(site, "/due")["data"]["duties"]
    assert [(o["member"], o["what"], o["subject"], o["until"]) for o in said] == [
        (o.member, o.what, o.subject, o.until) for o in owed
    ]
    assert len(data(site, "/due?member=BRA")["data"]["duties"]) == sum(o.member == "BRA" for o in owed)


def test_the_first_page_has_the_next_deadlines(evidence_dir: Path) -> None:
    from concordat.web.pages.home import _deadlines

    reader = year_site(evidence_dir).reader
    found = _deadlines(reader, "BRICS")
    assert found is not None
    council = council_year.council()
    first = next(o for o in due(council, council.ledger_time) if o.until)
    assert (found[0].until, found[0].subject) == (first.until, first.subject)
    assert found[0].members == ("EGY", "ZAF")  # one line for what both owe
    assert _deadlines(site_of(evidence_dir).reader, "BRICS") is None


def test_bridging_statements_are_those_of_the_analysis(site: Site) -> None:
    from concordat.council.consult.analysis import analyse
    from concordat.council.consultations import as_votes

    found = analyse(as_votes(council_year.council(), "c-2026-001"), resamples=2)
    said = data(site, "/consult/c-2026-001")["data"]["statements"]
    assert {s["number"] for s in said if s["bridges"]} == {int(b.statement) for b in found.bridging if b.bridging}
    assert said[-1]["number"] == 7  # the one that the chair left out, with its reason
    assert said[-1]["reason"] == "off topic"


def test_members_words_are_marked_as_theirs_and_never_run(site: Site) -> None:
    page = text(get(site, "/item/p-2026-001", accept_language="ar"))
    assert '<bdi lang="en">We report each year.</bdi>' in page
    assert "<bdi>National law forbids it.</bdi>" in page


def test_a_calendar_is_a_calendar(site: Site) -> None:
    for address in ("/dispute/d-2026-001.ics", "/due.ics"):
        answer = get(site, address)
        assert header(answer, "content-type") == "text/calendar; charset=utf-8"
        assert header(answer, "content-disposition").startswith("attachment")
        lines = answer.body.decode().split("\r\n")  # RFC 5545, 3.1
        assert lines[0] == "BEGIN:VCALENDAR"
        assert lines[-2:] == ["END:VCALENDAR", ""]
        assert max(len(line.encode()) for line in lines) <= 75
        assert answer.body.count(b"BEGIN:VEVENT") == answer.body.count(b"END:VEVENT") >= 1


# --- Addresses ---


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/item/p-2026-01", 404, "p-2026-001"),
        ("/decision/v-2026-04", 404, "v-2026-004"),
        ("/commitment/t20-f4", 404, "t20-f4a"),
        ("/dispute/d-2025-001", 404, "d-2026-001"),
        ("/log/XXX", 404, "BRA"),
        ("/entry/" + "0" * 64, 404, "no entry"),
        ("/entry/abc", 400, "id"),
        ("/agenda?at=1.9999", 404, "1.543"),
        ("/agenda?at=latest", 400, "1.543"),
        ("/about?at=1.5", 400, "key"),
        ("/log/BRA?at=1.5", 400, "key"),
        ("/agenda.proof", 404, "json"),
        ("/trace/00000000", 404, "page"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_right_thing(site: Site, address: str, status: int, said: str) -> None:
    answer = get(site, address)
    assert (answer.status, said in text(answer)) == (status, True), text(answer)


def test_what_belongs_to_a_proposal_leads_to_it(site: Site) -> None:
    for address in ("/item/a-2026-001", "/item/s-2026-001"):
        answer = get(site, address)
        assert answer.status == 308
        assert header(answer, "location").startswith("/item/p-2026-00")


def test_without_a_record_the_pages_say_what_loads_it(evidence_dir: Path) -> None:
    bare = site_of(evidence_dir)
    for address in ("/agenda", "/due", "/disputes", "/status", "/check"):
        answer = get(bare, address)
        assert answer.status == 200
        if address != "/check":
            assert "concordat node serve" in text(answer)
    assert get(bare, "/decision/v-2026-001").status == 404
    assert data(bare, "/agenda")["batch"] == ""


def test_a_number_leads_to_its_record_and_to_the_entries_behind_it(site: Site) -> None:
    said = data(site, "/decision/v-2026-004")["data"]
    found = data(site, f"/trace/{said['counts'][0][1]['obs']}")["data"]
    assert found["kind"] == "derived"
    assert found["title"] == "council.record.decision@1"
    fact = data(site, f"/trace/{found['inputs'][0][0]}")["data"]
    vote = council_year.council().get("vote", "v-2026-004")
    assert {b.entry for b in vote.ballots.values()} | {vote.entry} <= set(fact["entries"])


def test_the_description_of_all_addresses_names_every_page_and_every_route(site: Site) -> None:
    from concordat.node.server import PATTERNS

    found = json.loads(text(get(site, "/openapi.json")))
    assert found["openapi"] == "3.1.0"
    assert {page.path for page in pages()} <= set(found["paths"])
    assert {path.replace(":path", "") for path in PATTERNS} <= set(found["paths"])
    names = [op["operationId"] for path in found["paths"].values() for op in path.values() if "operationId" in op]
    assert len(names) == len(set(names))
    for path, methods in found["paths"].items():
        for operation in methods.values():
            inside = (
                {p["name"] for p in operation["parameters"] if p["in"] == "path"}
                if "parameters" in operation
                else set()
            )
            assert inside == set(re.findall(r"\{(\w+)\}", path)), path


# --- Batches that come ---


@pytest.fixture
def growing(evidence_dir: Path) -> tuple[Site, Said, Bloc]:
    """A site whose council goes on."""
    bloc = Bloc().found()
    source = Said(list(bloc.history), chain_of_ten())
    return site_with(evidence_dir, source), source, bloc


def go_on(bloc: Bloc, source: Said) -> None:
    for step in bloc.history[len(source.steps) :]:
        source.take(step)


def test_a_batch_between_two_requests_is_on_the_second(growing: tuple[Site, Said, Bloc]) -> None:
    site, source, bloc = growing
    before, tag = get(site, "/agenda"), header(get(site, "/about"), "etag")
    kept = [key for key in site._cache if key[0] == "/about"]
    bloc.table(title="Sharing of tide tables")
    go_on(bloc, source)
    after = get(site, "/agenda", if_none_match=header(before, "etag"))
    assert after.status == 200
    assert "Sharing of tide tables" in text(after)
    assert "Sharing of tide tables" not in text(before)
    assert get(site, "/agenda", if_none_match=header(after, "etag")).status == 304
    assert header(get(site, "/about"), "etag") == tag
    assert [key for key in site._cache if key[0] == "/about"] == kept  # pages of the evidence alone aren't made again


def test_a_pin_never_changes(growing: tuple[Site, Said, Bloc]) -> None:
    site, source, bloc = growing
    proposal = bloc.table()
    go_on(bloc, source)
    at = site.reader.council.batch  # type: ignore[union-attr]
    address = f"/item/{proposal}.json?at={at}"
    before = get(site, address)
    assert "immutable" in header(before, "cache-control")
    state = json.loads(before.body)["state"]
    bloc.certify(proposal)
    go_on(bloc, source)
    assert data(site, f"/item/{proposal}")["data"]["status"] == "certified"
    assert get(site, address).body == before.body
    fresh = site_with(site._evidence._settings.data_dir, source)  # folded again from the beginning
    again = get(fresh, address)
    assert again.body == before.body
    assert json.loads(again.body)["state"] == state
    page = text(get(site, f"/item/{proposal}?at={at}"))
    assert f"at={at}" in page
    assert "As it was" in page


def test_a_snapshot_is_not_touched_by_what_comes_after(growing: tuple[Site, Said, Bloc]) -> None:
    site, source, bloc = growing
    first = site.reader.council
    assert first is not None
    hashed, things = first.council.state_hash, {kind: len(found) for kind, found in first.council.things.items()}
    bloc.say("BRA", "ConsultationOpened", title="Tides", closes="2026-02-01T00:00:00Z")
    bloc.say("IND", "StatementSubmitted", consultation="c-2026-001", text="More gauges.")
    bloc.say("IND", "OpinionVoted", consultation="c-2026-001", opinions=[[1, "agree"]])
    bloc.pass_time(DAY)
    go_on(bloc, source)
    second = site.reader.council
    assert second is not None
    assert second is not first
    assert (first.council.state_hash, {k: len(v) for k, v in first.council.things.items()}) == (hashed, things)
    assert first.council.state_hash == first.state != second.state
    assert second.state == bloc.council.state_hash


def test_the_record_of_a_year_folds_to_its_own_hash_at_each_batch_that_is_asked() -> None:
    record, bloc = year_record(), council_year.year()
    hashes = {(p.view, p.batch): found for p, found in bloc.replay.fold.hashes}
    assert record.current().state == hashes[1, 543]
    for batch in (1, 77, 310):
        assert record.at(1, batch).state == hashes[1, batch]
