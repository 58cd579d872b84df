"""What one hostile entry may cost: no honest member is stopped by it, nor kept busy, and all come to one state."""

from __future__ import annotations

import random
import shutil
import zoneinfo
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat.council.fold import Step, fold
from concordat.ledger.fold import HELD_MAX_EACH, Event
from concordat.ledger.membership import Point
from council_kit import DAY, SILENCE, TEN, Bloc, entry
from effort import calls

FEW = 400_000  # calls for an entry


@pytest.fixture
def bloc() -> Bloc:
    return Bloc().found()


def waiting(bloc: Bloc, refs: tuple[str, ...], count: int, authors: tuple[str, ...] = ("RUS",)) -> Step:
    point = Point(1, bloc.seq + 1)
    made = [replace(entry(authors[n % len(authors)], "Whatever", {}, 10**5 + n), refs=refs) for n in range(count)]
    return Step(point, bloc.now, tuple(Event(e, point, bloc.now, bloc.now) for e in made))


def took(bloc: Bloc, author: str, kind: str, **body: Any) -> int:
    return calls(lambda: bloc.say(author, kind, **body))


# --- The ledger ---


def test_ten_thousand_entries_that_wait_for_nothing_stop_nobody(bloc: Bloc) -> None:
    bloc.step(waiting(bloc, ("f" * 64,), 10_001))
    bloc.seq += 1
    assert len(bloc.replay.fold.held) == HELD_MAX_EACH
    assert len(bloc.replay.fold.refused) == 10_001 - HELD_MAX_EACH
    assert took(bloc, "BRA", "ProposalTabled", title="x", rule="majority", texts={"en": [{"id": "p1", "text": "x"}]},
                authentic=["en"]) < FEW  # fmt: skip
    assert bloc.council.all("proposal")


def test_releasing_waiting_entries_takes_work_in_proportion_to_them(bloc: Bloc) -> None:
    first, point = entry("RUS", "ClockTicked", {}, 99_999), Point(1, bloc.seq + 2)
    bloc.step(waiting(bloc, (first.id,), 10_000, TEN))
    step = Step(point, bloc.now, (Event(first, point, bloc.now, bloc.now),))
    assert calls(lambda: bloc.step(step)) < 2_000_000  # looked through again after each it would be 10,000 squared
    assert bloc.replay.fold.held == []


# --- Disputes ---

PROCEDURE = """schema: concordat/procedure@1
procedure: mine
calendar: {{zone: Asia/Shanghai, weekend: [sat, sun], holidays: [{holidays}]}}
stages:
  one: {{deadline: 1d, on_expiry: two}}
  two: {{deadline: 7d, on_expiry: three}}
  three: {{events: {{SettlementReached: settled}}}}
"""


def test_a_members_own_procedure_with_a_year_of_holidays_is_refused(bloc: Bloc) -> None:
    days = ", ".join((date(2026, 1, 5) + timedelta(days=n)).isoformat() for n in range(800))
    text = PROCEDURE.format(holidays=days)
    bloc.say("ETH", "DisputeFiled", procedure="mine", text=text, respondent="CHN", subject="x")
    assert "no working day in the 800 days from 2026-01-05 on" in bloc.refusal()
    for _ in range(6):
        bloc.pass_time(DAY)


def test_a_procedure_with_many_holidays_costs_little(bloc: Bloc) -> None:
    days = ", ".join((date(2026, 1, 5) + timedelta(days=2 * n)).isoformat() for n in range(2_000))
    text = PROCEDURE.format(holidays=days)
    assert took(bloc, "ETH", "DisputeFiled", procedure="mine", text=text, respondent="CHN", subject="x") < FEW
    for _ in range(30):
        bloc.pass_time(DAY)
    assert bloc.council.all("dispute")[0].case.stage == "three"


# --- Targets ---


def test_a_target_of_four_hundred_digits_is_refused(bloc: Bloc) -> None:
    pledge = {"id": "c1", "document": "d", "kind": "k", "who": "w", "what": "w"}
    bloc.say("RUS", "CommitmentRegistered", commitments=[pledge])
    head = "schema: concordat/target@1\ncommitment: c1\nindicator: x\ndirection: up\n"
    big = "9" * 390
    target = head + f"baseline: {{year: 2023, value: {big}}}\ntarget: {{year: 2030, by: all, value: {big}}}\n"
    bloc.say("RUS", "TargetSet", commitment="c1", target=target)
    assert "a number of 390 characters; at most 40" in bloc.refusal()


# --- Elections ---


@pytest.mark.parametrize("system", ["phragmen", "equal_shares", "pav", "stv", "borda"])
def test_an_election_of_sixty_seats_is_counted(system: str) -> None:
    rule = f"schema: concordat/rule@1\nrule: elect\nversion: 1\nmethod: election\nsystem: {system}\nseats: 60\n"
    bloc = Bloc()
    bloc.all_say("RuleAdopted", rules=[rule])
    names = [f"c{n}" for n in range(200)]
    vote, draw = bloc.open_vote("who", "elect", candidates=names), random.Random(1)
    bloc.cast(vote, {m: draw.sample(names, 100) for m in TEN})
    assert calls(lambda: bloc.finish(vote)) < 6_000_000


# --- Time zones ---


def test_the_state_does_not_depend_on_the_machines_list_of_zones(bloc: Bloc, monkeypatch: pytest.MonkeyPatch) -> None:
    bloc.say("RUS", "RuleAdopted", rules=[SILENCE.replace("Asia/Shanghai", "America/Coyhaiqu")])
    assert "America/Coyhaique" in bloc.refusal()
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: {"America/Coyhaiquo"})
    assert fold(bloc.history, bloc="BRICS", founders=TEN).state_hash == bloc.council.state_hash


def test_a_zone_means_the_same_on_every_machine(tmp_path: Path) -> None:
    place = next((Path(p) for p in zoneinfo.TZPATH if (Path(p) / "Asia/Tokyo").is_file()), None)
    if place is None:
        pytest.skip("this machine has no files of time zones")
    hashes = []
    try:
        for name in ("Asia/Tokyo", "America/New_York"):
            folder = tmp_path / name.replace("/", "_")
            (folder / "Asia").mkdir(parents=True)
            for to in ("localtime", "Asia/Shanghai"):
                shutil.copy(place / name, folder / to)
            zoneinfo.reset_tzpath([str(folder), str(place)])
            zoneinfo.ZoneInfo.clear_cache()
            bloc = Bloc().found()
            bloc.say("RUS", "RuleAdopted", rules=[SILENCE.replace("Asia/Shanghai", "localtime")])
            assert '"localtime" is not a time zone' in bloc.refusal()
            proposal = bloc.table(rule="silence")
            bloc.certify(proposal)
            text = bloc.council.get("proposal", proposal).certified
            body = {"proposal": proposal, "rule": "silence", "text": text, "deadline": "2026-01-03T00:00"}
            bloc.say(bloc.council.chair, "SilenceStarted", **body)
            assert bloc.council.all("silence")[0].deadline == 1_767_369_600  # 2 January, 16:00 UTC
            hashes.append(bloc.council.state_hash)
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()
    assert hashes[0] == hashes[1]
