"""An act from form to entry: mistakes, drafts, other windows, ended sessions, signing here and away, one receipt."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.ledger.bundle import Bundle
from concordat.ledger.keys import Ed25519Secret
from concordat.node.acts import new_act
from concordat.node.person_keys import read_draft, sign_draft
from desk_kit import PHRASE, T0, Browser, Forms, World, run


def act_of(browser: Browser) -> str:
    found = re.search(r"/act/([0-9a-f]{32})", str(browser.page.url))
    assert found, browser.page.url
    return found[1]


async def fill_ballot(browser: Browser, choice: str = "yes") -> None:
    await browser.get("/item/p-2026-001/vote")
    await browser.send("f", "check", {"choice": choice})
    assert "not signed yet" in browser.text, browser.text


# --- Mistakes ---------------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_told_first_and_nothing_typed_is_lost(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        text = "One paragraph.\n\nAnother <b>one</b> & more."
        answer = await maria.send(
            "f", "check", {"title": "", "rule": "simple_majority", "text.1": text, "language.1": "english!"}
        )
        assert answer.status_code == 422
        title = re.search(r"<title>(.*?)</title>", answer.text)
        assert title
        assert title[1].startswith("Error: ")
        page = Forms(answer.text)
        main = answer.text.partition("<main")[2]
        assert main.index('role="alert"') < main.index("<h1")
        targets = [link[1:] for link in page.links if link.startswith("#f-")]
        ids = {found.get("id") for _, found in page.tags}
        assert "f-title" in targets
        assert set(targets) <= ids
        described = {found.get("aria-describedby", "") for _, found in page.tags if found.get("aria-invalid") == "true"}
        assert "f-title-e" in " ".join(described)
        form = page.forms["f"]
        assert form.fields["text.1"] == [text]
        assert form.fields["rule"] == ["simple_majority"]
        act = form.fields["act-id"][0]
        kept = await maria.get(f"/act/{act}")
        assert kept.status_code == 200
        assert "this can’t be said" in kept.text
        await maria.get(f"/act/{act}/change")
        assert maria.form("f").fields["text.1"] == [text]
        await maria.send("f", "check", {"title": "A title", "language.1": "en"})
        assert "not signed yet" in maria.text
        assert "&lt;b&gt;one&lt;/b&gt; &amp; more." in maria.text

    run(made, tmp_path, work)


def test_a_vote_that_closed_while_one_typed(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/item/v-2026-001/vote")
        await world.service.write(
            "BallotCast",
            {
                "vote": "v-2026-001",
                "choice": "no",
                **await world.council(
                    lambda c: {"text": c.get("vote", "v-2026-001").text, "rule": c.get("vote", "v-2026-001").rule_hash}
                ),
            },
            "council",
        )
        await world.settle()
        await world.service.write("VoteClosed", {"vote": "v-2026-001"}, "council")
        await world.settle()
        vote = await world.council(lambda c: c.get("vote", "v-2026-001"))
        vote_closes, object_setattr = vote.closes, object.__setattr__
        object_setattr(vote, "closes", vote_closes - 60)  # the tests' clock stands: the closing is put a minute back
        answer = await maria.send("f", "check", {"choice": "yes"})
        assert answer.status_code == 409
        assert "late: submitted" in answer.text
        assert "closed 2026-11-21 23:59 UTC" in answer.text
        assert "kept as a draft" in answer.text
        assert maria.form("f").fields["choice"] == ["yes"]
        assert len([e for e in await world.entries() if e.person == "del-04"]) == 0

    run(made, tmp_path, work)


def test_a_wrong_phrase_says_what_is_left_and_then_waits(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await fill_ballot(maria)
        act = act_of(maria)
        for left in (4, 3, 2, 1):
            answer = await maria.send("s", "sign", {"phrase": "not the right words"})
            assert answer.status_code == 422
            assert f"{left} attempt" in answer.text
            assert maria.form("s").fields.get("phrase", [""]) == [""]
        answer = await maria.send("s", "sign", {"phrase": "not the right words"})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 60
        assert (await maria.get(f"/act/{act}")).status_code == 200
        assert len([e for e in await world.entries() if e.person == "del-04"]) == 0

    run(made, tmp_path, work)


def test_a_key_that_waits_for_the_root_signatures(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.people.do(
            lambda people, now: people.keys.enrol(
                people.accounts.by_login("delegate").id, Ed25519Secret(b"n" * 32).public, now, "del-09"
            )
        )
        await world.service.write("FullPowersIssued", {"person": "del-09", "scope": ["all"]}, "council")
        await world.settle()
        maria = await world.logged_in("delegate")
        await maria.get("/item/p-2026-001/vote")
        await maria.send("f", "check", {"choice": "yes"})
        assert "is not in membership version" in maria.text
        assert "The request was made 2026-11-22 00:00 UTC." in maria.text
        assert "root signatures" in maria.text
        assert "s" not in Forms(maria.text).forms

    run(made, tmp_path, work)


def test_below_the_disk_reserve_nothing_is_signed_and_the_draft_stays(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await fill_ballot(maria)
        act = act_of(maria)
        object.__setattr__(world.service.settings, "disk_reserve_mb", 10**9)
        await world.service.run(world.service._tick)
        answer = await maria.send("s", "sign", {"phrase": PHRASE})
        assert answer.status_code == 503
        assert "This node can read but not sign:" in answer.text
        answer = await maria.get(f"/act/{act}")
        assert answer.status_code == 200
        assert "This node can read but not sign:" in answer.text  # the bar
        object.__setattr__(world.service.settings, "disk_reserve_mb", 0)
        await world.service.run(world.service._tick)
        await maria.get(f"/act/{act}")
        answer = await maria.send("s", "sign", {"phrase": PHRASE})
        assert answer.status_code == 200
        assert len([e for e in await world.entries() if e.type == "BallotCast"]) == 1

    run(made, tmp_path, work)


# --- Once -------------------------------------------------------------------------------------------------------------


def test_sent_again_it_is_the_same_receipt(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/item/v-2026-001/vote")
        first = maria.form("f")
        await maria.send("f", "check", {"choice": "yes"})
        sign = maria.form("s")
        sent = {k: list(v) for k, v in sign.fields.items()} | {"phrase": [PHRASE], "do": ["sign"]}
        places = [await maria.raw(sign.action, sent, follow=False) for _ in range(3)]
        assert {(p.status_code, p.headers["location"]) for p in places} == {(303, sign.action)}
        again = {k: list(v) for k, v in first.fields.items()} | {"choice": ["no"], "do": ["check"]}
        answer = await maria.raw(first.action, again, follow=False)
        assert (answer.status_code, answer.headers["location"]) == (303, sign.action)
        assert [e.body["choice"] for e in await world.entries() if e.type == "BallotCast"] == ["yes"]
        answer = await maria.raw(sign.action, {"token": sign.fields["token"], "do": ["drop"]}, follow=False)
        assert answer.status_code == 303
        await world.settle()
        await maria.get(sign.action)
        bundle = await maria.get(f"{sign.action}/proof.bundle")
        assert bundle.headers["content-disposition"].startswith("attachment")
        pinned = world.service.chain.pinned
        verdict = Bundle.parse(bundle.content).verify(pinned)
        assert verdict.final
        assert verdict.entry.person == "del-04"

    run(made, tmp_path, work)


def test_what_is_signed_is_what_was_shown(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await fill_ballot(maria, "yes")
        sign, act = maria.form("s"), act_of(maria)
        await maria.get(f"/act/{act}/change")
        await maria.send("f", "check", {"choice": "no"})  # in another window
        answer = await maria.raw(sign.action, {**sign.fields, "phrase": [PHRASE], "do": ["sign"]})
        assert answer.status_code == 409
        assert "no longer what this page showed" in answer.text
        assert not [e for e in await world.entries() if e.type == "BallotCast"]
        await maria.send("s", "sign", {"phrase": PHRASE})
        assert [e.body["choice"] for e in await world.entries() if e.type == "BallotCast"] == ["no"]

    run(made, tmp_path, work)


def test_a_draft_changed_in_two_windows_shows_both_texts(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        one = await world.logged_in("delegate")
        two = await world.logged_in("delegate")
        await one.get("/table")
        await one.send("f", "save", {"title": "First words", "rule": "simple_majority"})
        act = act_of(one)
        for window in (one, two):
            await window.get(f"/act/{act}/change")
        await one.send("f", "save", {"title": "Words of the first window"})
        answer = await two.send("f", "save", {"title": "Words of the second window"})
        assert answer.status_code == 409
        assert "Words of the first window" in answer.text
        assert "Words of the second window" in answer.text
        assert two.form("f").fields["title"] == ["Words of the second window"]
        await two.send("f", "save", {})
        await one.get(f"/act/{act}/change")
        assert one.form("f").fields["title"] == ["Words of the second window"]

    run(made, tmp_path, work)


# --- Sessions ---------------------------------------------------------------------------------------------------------


def test_a_form_shown_before_the_session_ended_survives(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/item/v-2026-001/amend")
        form = maria.form("f")
        values = {"change.op": ["replace"], "change.paragraph": ["p1"], "change.text.en": ["New words."]}
        await world.people.do(
            lambda people, now: people.accounts.sessions.end_all(people.accounts.by_login("delegate").id, now)
        )
        answer = await maria.raw(form.action, {**form.fields, **values, "do": ["check"]}, follow=False)
        act = form.fields["act-id"][0]
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?next=%2Fact%2F{act}"
        await maria.get(answer.headers["location"])
        assert "What you wrote is kept" in maria.text
        await world.forget_codes()
        login = {"login": "delegate", "password": "seven otters on a tram", "code": world.phones["delegate"].code(T0)}
        await maria.send("l", values=login)
        assert str(maria.page.url).endswith(f"/act/{act}")
        await maria.get(f"/act/{act}/change")
        assert maria.form("f").fields["change.text.en"] == ["New words."]

    run(made, tmp_path, work)


def test_a_form_of_a_session_that_nobody_knows_is_given_back_not_called_kept(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        form = maria.form("f")
        await world.people.do(lambda people, _: people.store.run("DELETE FROM session"))
        answer = await maria.raw(form.action, {**form.fields, "title": ["Long thought about"], "do": ["check"]})
        assert answer.status_code == 403
        assert "Long thought about" in answer.text
        assert "is kept" not in answer.text

    run(made, tmp_path, work)


def test_an_act_that_became_an_entry_is_never_shown_as_a_draft(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry was written, and only the word of it was lost on its way."""
    from concordat.errors import StateError
    from concordat.node.acts import Acts

    submit = Acts.submit

    def written_and_lost(self: Acts, *args: Any, **more: Any) -> Any:
        submit(self, *args, **more)
        raise StateError("the answer was lost.", code="store")

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await fill_ballot(maria)
        monkeypatch.setattr(Acts, "submit", written_and_lost)
        await maria.send("s", "sign", {"phrase": PHRASE})
        assert "recorded here" in maria.text.lower()
        assert f".bundle --trust {world.service.chain.pinned}" in maria.text  # the command asks for it
        assert "not signed yet" not in maria.text
        assert len([e for e in await world.entries() if e.person == "del-04"]) == 1

    run(made, tmp_path, work)


def test_a_form_of_an_earlier_session_comes_back_filled(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        form = maria.form("f")
        await maria.send("logout")
        await world.forget_codes()
        await maria.login("delegate", world.phones["delegate"])
        answer = await maria.raw(form.action, {**form.fields, "title": ["Long thought about"], "do": ["check"]})
        assert answer.status_code == 403
        assert "made for another session" in answer.text
        assert maria.form("f").fields["title"] == ["Long thought about"]
        await maria.send("f", "save")
        assert "Long thought about" in maria.text
        strange = await maria.raw(
            form.action,
            {**form.fields, "title": ["Not ours"]},
            headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        )
        assert strange.status_code == 403
        assert "Not ours" not in strange.text

    run(made, tmp_path, work)


def test_the_form_of_a_draft_keeps_its_version_through_another_session(made: Any, tmp_path: Path) -> None:
    """Given back and sent again, it still doesn't take the place of what another window kept meanwhile."""

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        await maria.send("f", "save", {"title": "First words", "rule": "simple_majority"})
        act = act_of(maria)
        await maria.get(f"/act/{act}/change")
        old = maria.form("f")
        await maria.send("logout")
        await world.forget_codes()
        await maria.login("delegate", world.phones["delegate"])
        await maria.get(f"/act/{act}/change")
        await maria.send("f", "save", {"title": "Words of the other window"})
        for version in (old.fields["act-version"], [""]):
            sent = {**old.fields, "act-version": version, "title": ["Long thought about"], "do": ["save"]}
            answer = await maria.raw(old.action, sent)
            assert answer.status_code == 403
            assert "made for another session" in answer.text
            assert maria.form("f").fields["title"] == ["Long thought about"]
            answer = await maria.send("f", "save")
            assert answer.status_code == 409
            assert "Words of the other window" in answer.text
        await maria.send("f", "save")  # now both were shown
        await maria.get(f"/act/{act}/change")
        assert maria.form("f").fields["title"] == ["Long thought about"]

    run(made, tmp_path, work)


def test_the_form_of_a_draft_that_is_somebody_elses_now_is_given_back_as_words(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        await maria.send("f", "save", {"title": "First words"})
        await maria.get(f"/act/{act_of(maria)}/change")
        form = maria.form("f")
        sent = {**form.fields, "title": ["Long thought about"], "do": ["save"]}
        await maria.send("logout")
        await world.forget_codes()
        await maria.login("chair", world.phones["chair"])  # the same browser
        answer = await maria.raw(form.action, sent)
        assert answer.status_code == 403
        assert "Long thought about" in answer.text
        assert "First words" not in answer.text
        await world.people.do(lambda people, _: people.store.run("DELETE FROM session"))
        answer = await maria.raw(form.action, sent)
        assert answer.status_code == 403
        assert "Long thought about" in answer.text

    run(made, tmp_path, work)


def test_another_person_sees_no_act_of_mine(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria, chair = await world.logged_in("delegate"), await world.logged_in("chair")
        await maria.get("/table")
        await maria.send("f", "save", {"title": "Secret plans"})
        act = act_of(maria)
        for path in (f"/act/{act}", f"/act/{act}/change", f"/act/{act}/draft.json", f"/act/{act}/proof.bundle"):
            mine, theirs, none = (
                await maria.get(path),
                await chair.get(path),
                await chair.get(path.replace(act, new_act())),
            )
            assert theirs.status_code == none.status_code == 404, path
            assert "Secret plans" not in theirs.text
            assert mine.status_code in (200, 403), path

    run(made, tmp_path, work)


# --- Away, and by another hand ----------------------------------------------------------------------------------------


def test_signed_on_ones_own_machine(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        seed = await world.people.do(
            lambda people, now: people.keys.open_once(people.accounts.by_login("delegate").id, PHRASE, now).seed
        )
        await fill_ballot(maria)
        act = act_of(maria)
        await maria.send("a", "away")
        payload = (await maria.get(f"/act/{act}/draft.json")).content
        assert json.loads(payload)["body"]["choice"] == "yes"
        other = json.loads(payload) | {"body": {**json.loads(payload)["body"], "choice": "no"}}
        from concordat import canonical

        secret = Ed25519Secret(seed)
        wrong = sign_draft(read_draft(canonical.dumps(other)), secret)
        await maria.get(f"/act/{act}")
        answer = await maria.send("u", files={"envelope": wrong})
        assert answer.status_code == 422
        assert "the signed file is not this draft: body differs" in answer.text
        answer = await maria.send("u", files={"envelope": b"no envelope"})
        assert answer.status_code == 422
        answer = await maria.send("u")
        assert answer.status_code == 422
        too_large = await maria.raw(
            f"/act/{act}/upload", {"token": maria.form("u").fields["token"]}, files={"envelope": b"x" * 70_000}
        )
        assert too_large.status_code == 413
        await maria.get(f"/act/{act}")
        good = sign_draft(read_draft(payload), secret)
        answer = await maria.send("u", files={"envelope": good})
        assert "Download the proof bundle" in answer.text
        assert [e.body["choice"] for e in await world.entries() if e.type == "BallotCast"] == ["yes"]

        await maria.get("/table")
        await maria.send("f", "check", {"title": "Later", "rule": "simple_majority", "text.1": "One."})
        act = act_of(maria)
        await maria.send("a", "away")
        late = sign_draft(read_draft((await maria.get(f"/act/{act}/draft.json")).content), secret)
        await world.service.write("Said", {"word": "first"}, "council")
        await maria.get(f"/act/{act}")
        answer = await maria.send("u", files={"envelope": late})
        assert answer.status_code == 409
        assert "destroy this file" in answer.text
        assert "Later" in answer.text

    run(made, tmp_path, work)


def test_a_secretary_prepares_and_a_delegate_signs(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        secretary, maria = await world.logged_in("secretary"), await world.logged_in("delegate")
        await secretary.get("/item/v-2026-001/vote")
        assert "a delegate signs it" in secretary.text
        await secretary.send("f", "check", {"choice": "abstain"})
        act = act_of(secretary)
        assert "s" not in Forms(secretary.text).forms
        to = await world.people.do(lambda people, _: people.accounts.by_login("delegate").id)
        nobody = await world.people.do(lambda people, _: people.accounts.by_login("operator").id)
        assert (await secretary.send("h", "hand", {"to": nobody})).status_code == 400
        await secretary.get(f"/act/{act}")
        await secretary.send("h", "hand", {"to": to})
        assert (await secretary.get(f"/act/{act}")).status_code == 404
        await maria.get("/drafts")
        assert f"/act/{act}" in maria.text
        await maria.get(f"/act/{act}")
        await maria.send("s", "sign", {"phrase": PHRASE})
        assert [(e.person, e.body["choice"]) for e in await world.entries() if e.type == "BallotCast"] == [
            ("del-04", "abstain")
        ]

    run(made, tmp_path, work)


def test_the_key_stays_open_for_acts_that_need_no_phrase_each_time(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        for title in ("One", "Two"):
            await maria.get("/table")
            await maria.send("f", "check", {"title": title, "rule": "simple_majority", "text.1": f"{title}."})
            names = maria.form("s").names
            assert ("phrase" in names) == (title == "One")
            await maria.send("s", "sign", {"phrase": PHRASE} if title == "One" else {})
            assert "Download the proof bundle" in maria.text
        await fill_ballot(maria)
        assert "phrase" in maria.form("s").names  # `!`: each time, although the key is open
        answer = await maria.send("s", "sign", {"phrase": ""})
        assert answer.status_code == 422

    run(made, tmp_path, work)


# --- Final, and what comes of it --------------------------------------------------------------------------------------


def test_nobody_is_told_that_an_act_is_final_before_the_council_here_has_come_so_far(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat.node.states import States

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        before = await world.council(lambda c: c.frozen())
        await fill_ballot(maria)
        await maria.send("s", "sign", {"phrase": PHRASE})
        await world.settle()
        address = f"/act/{act_of(maria)}"
        with monkeypatch.context() as behind:
            behind.setattr(States, "council", property(lambda _: before))
            await maria.get(address)
            assert "Final:" not in maria.text
            assert "Taken up" in maria.text
            assert "this node is still working out what comes of it" in maria.text
        await maria.get(address)
        assert "Final: it can’t be undone." in maria.text
        assert "working out" not in maria.text

    run(made, tmp_path, work)
