"""Consultations and elections by form: one browser, one voice; nothing looks lost; sealed ballots are opened again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.council.decide.rules import Rule
from concordat.council.voting import question_hash
from desk_kit import PHRASE, World, run

PAGE = "/consult/c-2026-001/vote"
ELECT = "rule: elect\nversion: 1\nmethod: election\nsystem: borda\nseats: 1\n"


def test_one_statement_and_three_buttons(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        citizen = world.browser()
        shown = []
        for n, choice in enumerate(("agree", "disagree", "pass")):
            await citizen.get(PAGE)
            buttons = citizen.form("o").buttons
            name = buttons[0][0]
            shown.append(name)
            assert [value for _, value in buttons] == ["agree", "pass", "disagree", *(["skip"] if n < 2 else [])]
            answer = await citizen.raw(PAGE, {**citizen.form("o").fields, name: [choice]}, follow=False)
            assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
            await citizen.get(PAGE)
            assert f"Recorded here: {n + 1} of 3 statements" in citizen.text
        assert sorted(shown) == ["opinion.1", "opinion.2", "opinion.3"]
        assert "You have answered every statement" in citizen.text
        assert "goes into the record with the next batch" in citizen.text
        await world.people.do(lambda people, now: people.opinions.flush(now, all_now=True))
        await world.settle()
        await citizen.get(PAGE)
        assert len(re.findall(r'href="/entry/[0-9a-f]{64}"', citizen.text)) == 3
        cells = await world.council(
            lambda c: {k: dict(v) for k, v in c.__dict__["opinions"]["c-2026-001"].cells.items()}
        )
        assert len(cells) == 1
        assert sorted(next(iter(cells.values())).values()) == [-1, 0, 1]

    run(made, tmp_path, work)


def test_ten_on_one_page_and_the_last_voice_counts(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        citizen = world.browser()
        await citizen.get(f"{PAGE}?n=10")
        form = citizen.form("o")
        sent = {**form.fields, "opinion.1": ["agree"], "opinion.2": ["skip"], "opinion.3": ["disagree"]}
        for _ in range(2):  # sent twice on a bad link
            await citizen.raw(form.action, sent)
        assert "Recorded here: 2 of 3 statements" in citizen.text
        await citizen.raw(PAGE, {"token": form.fields["token"], "opinion.1": ["disagree"]})
        rows = await world.people.do(
            lambda people, _: people.store.rows("SELECT statement, choice FROM opinion ORDER BY 1")
        )
        assert rows == [(1, "disagree"), (3, "disagree")]
        other = world.browser()
        await other.get(PAGE)
        assert "Recorded here" not in other.text
        for bad in ({"opinion.9": ["agree"]}, {"opinion.1": ["maybe"]}):
            await citizen.get(PAGE)
            answer = await citizen.raw(PAGE, {"token": citizen.form("o").fields["token"], **bad})
            assert answer.status_code in (400, 404)
        assert (await citizen.get(f"{PAGE}?n=99")).status_code == 400

    run(made, tmp_path, work)


def test_the_order_is_drawn_for_each_browser_and_skipped_ones_come_last(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        firsts = set()
        for _ in range(12):
            citizen = world.browser()
            await citizen.get(PAGE)
            first = citizen.form("o").buttons[0][0]
            firsts.add(first)
            await citizen.get(PAGE)
            assert citizen.form("o").buttons[0][0] == first  # the same as long as nothing was said
            await citizen.raw(PAGE, {**citizen.form("o").fields, first: ["skip"]})
            assert citizen.form("o").buttons[0][0] != first
        assert len(firsts) > 1

    run(made, tmp_path, work)


def test_a_consultation_that_is_over_takes_nothing(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        citizen = world.browser()
        await citizen.get(PAGE)
        form = citizen.form("o")
        await world.service.write("ConsultationClosed", {"consultation": "c-2026-001"}, "council")
        await world.settle()
        found = await world.council(lambda c: c.get("consultation", "c-2026-001"))
        object.__setattr__(found, "closes", found.closes - 60)
        answer = await citizen.raw(PAGE, {**form.fields, "opinion.1": ["agree"]})
        assert answer.status_code == 409
        assert "closed 2026-11-21 23:59 UTC; it is 2026-11-22 00:00 UTC" in answer.text
        await citizen.get(PAGE)
        assert "This consultation closed" in citizen.text
        assert (await citizen.get("/consult/c-2026-009/vote")).status_code == 404

    run(made, tmp_path, work)


def test_a_node_that_takes_no_opinions(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        object.__setattr__(world.service.settings, "public_opinions", False)
        answer = await world.browser().get(PAGE)
        assert answer.status_code == 403
        assert "takes no opinions of the public" in answer.text

    run(made, tmp_path, work)


def test_a_delegation_says_it_by_a_signed_entry(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        anyone = world.browser()
        answer = await anyone.get("/consult/c-2026-002/vote")
        assert answer.headers["location"] == "/say/OpinionVoted?consultation=c-2026-002"
        maria = await world.logged_in("delegate")
        await maria.get(answer.headers["location"])
        await maria.send("f", "check", {"opinion.1": "agree", "opinion.2": "skip", "opinion.3": "disagree"})
        await maria.send("s", "sign", {"phrase": PHRASE})
        await world.settle()
        cells = await world.council(lambda c: dict(c.__dict__["opinions"]["c-2026-002"].cells))
        assert cells == {"BRA": {1: 1, 3: -1}}
        await maria.get("/say/OpinionVoted?consultation=c-2026-002")
        assert {n for n in maria.form("f").names if n.startswith("opinion.")} == {"opinion.2"}

    run(made, tmp_path, work)


def test_a_sealed_election_is_committed_to_and_opened_after_the_closing(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        from dataclasses import replace

        def adopt(council: Any) -> None:  # as a decision under `amend_rules` would
            rule, held = Rule.load(ELECT, where="elect"), council.get("rule", "simple_majority")
            council.put("rule", replace(held, id=rule.name, text=ELECT, hash=rule.hash))
            version = council.get("rule_version", held.hash)
            council.put("rule_version", replace(version, id=rule.hash, text=ELECT))

        await world.council(adopt)
        await world.service.write(
            "VoteOpened",
            {
                "subject": "who keeps the minutes",
                "rule": "elect",
                "closes": "2026-12-01T10:00Z",
                "candidates": ["Amara", "Chen", "Dara"],
                "reveal_until": "2026-12-05T10:00Z",
                "text": question_hash("who keeps the minutes", ""),
            },
            "council",
        )
        await world.settle()
        assert await world.council(lambda c: [n.reason for n in c.no_effect]) == []
        maria = await world.logged_in("delegate")
        await maria.get("/item/v-2026-002/vote")
        assert "This ballot is sealed" in maria.text
        seal = maria.form("f").fields["nonce"][0]
        assert len(set(seal)) > 1
        led = await maria.get(f"/item/v-2026-002/vote?nonce={'0' * 64}")  # whoever knows the seal can try each ranking
        assert led.status_code == 400
        await maria.get("/item/v-2026-002/vote")
        answer = await maria.send("f", "check", {"rank.Amara": "1", "rank.Chen": "1"})
        assert answer.status_code == 422
        assert "stands twice" in answer.text
        await maria.send("f", "check", {"rank.Amara": "2", "rank.Chen": "1"})
        assert "Chen" not in maria.text.partition("<dl>")[2].partition("</dl>")[0]  # the record will not show it
        assert "Chen, Amara" in maria.text  # but she reads what she seals
        await maria.send("s", "sign", {"phrase": PHRASE})
        await world.settle()
        vote = await world.council(lambda c: c.get("vote", "v-2026-002"))
        sealed = vote.sealed["BRA"]
        kept = await world.service.read(lambda node: node.store.papers("sealed"))
        assert list(kept) == [f"v-2026-002 {sealed.commitment}"]
        object.__setattr__(vote, "closes", vote.opened - 60)
        await maria.get("/item/v-2026-002/reveal")
        await maria.send("f", "check")
        assert "Chen, Amara" in maria.text, maria.text
        await maria.send("s", "sign", {"phrase": PHRASE})
        entry = [e for e in await world.entries() if e.type == "BallotRevealed"]
        assert [e.body["ballot"] for e in entry] == [["Chen", "Amara"]]
        await world.settle()
        object.__setattr__(await world.council(lambda c: c.get("vote", "v-2026-002")), "closes", vote.opened - 60)
        await maria.get("/say/ExplanationGiven?vote=v-2026-002")
        assert "1 / 1" in maria.text  # one member voted, though the ballot was sealed and opened

    run(made, tmp_path, work)
