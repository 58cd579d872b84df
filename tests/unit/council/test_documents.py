"""Texts, amendments, certification, silence, reservations: what changes the common text and what never does."""

from __future__ import annotations

import pytest

from concordat.council.standings import consolidated
from council_kit import DAY, HOUR, TEN, Bloc


@pytest.fixture
def bloc() -> Bloc:
    return Bloc().found()


def _amend(bloc: Bloc, proposal: str, author: str = "BRA", base: str = "", **change: object) -> str:
    base = base or bloc.council.get("proposal", proposal).text.hash
    bloc.say(author, "AmendmentTabled", proposal=proposal, base=base, change=change, reason="clearer")
    found = [a for a in bloc.council.all("amendment") if a.author == author]
    return found[-1].id if found else ""


def _adopt(bloc: Bloc, subject: str, choice: str = "yes") -> None:
    vote = bloc.open_vote(subject)
    bloc.cast(vote, dict.fromkeys(TEN, choice))
    bloc.finish(vote)


def test_an_adopted_amendment_makes_a_new_version(bloc: Bloc) -> None:
    proposal = bloc.table()
    amendment = _amend(bloc, proposal, op="replace", paragraph="p2", text={"en": "We report twice a year."})
    _adopt(bloc, amendment)
    found = bloc.council.get("proposal", proposal)
    assert [text for _, text in found.text.texts["en"]] == ["We share cases.", "We report twice a year."]
    assert len(found.versions) == 2
    assert bloc.council.get("amendment", amendment).status == "adopted"


def test_a_rejected_amendment_leaves_the_text(bloc: Bloc) -> None:
    proposal = bloc.table()
    amendment = _amend(bloc, proposal, op="delete", paragraph="p2")
    _adopt(bloc, amendment, "no")
    assert bloc.council.get("amendment", amendment).status == "rejected"
    assert len(bloc.council.get("proposal", proposal).versions) == 1


def test_an_amendment_to_an_old_version_is_refused_with_the_rebase(bloc: Bloc) -> None:
    proposal = bloc.table()
    old = bloc.council.get("proposal", proposal).text.hash
    _adopt(bloc, _amend(bloc, proposal, op="replace", paragraph="p2", text={"en": "We report twice a year."}))
    _amend(bloc, proposal, "RUS", old, op="replace", paragraph="p1", text={"en": "We share all cases."})
    assert "it stands against an old version" in bloc.refusal()
    assert "Proposed rebase: the same change holds against version" in bloc.refusal()
    _amend(bloc, proposal, "RUS", old, op="replace", paragraph="p2", text={"en": "Never."})
    assert "Proposed rebase: p2 says something else now." in bloc.refusal()


def test_two_amendments_on_one_paragraph_need_the_chairs_order(bloc: Bloc) -> None:
    proposal = bloc.table()
    near = _amend(bloc, proposal, "BRA", op="replace", paragraph="p2", text={"en": "We report every year."})
    far = _amend(bloc, proposal, "RUS", op="delete", paragraph="p2")
    other = _amend(bloc, proposal, "IND", op="insert_after", paragraph="p1", id="p1a", text={"en": "And incidents."})
    bloc.say("ARE", "VoteOpened", subject=near, rule="majority", closes="2026-01-09T00:00:00Z", text="0" * 64)
    assert "the chair has recorded no order" in bloc.refusal()
    bloc.say("BRA", "AmendmentsOrdered", proposal=proposal, order=[far, near, other], reason="furthest first")
    assert bloc.refusal() == "only the chair (ARE) may order amendments."
    bloc.say("ARE", "AmendmentsOrdered", proposal=proposal, order=[far, near], reason="furthest first")
    assert "must name each pending amendment once" in bloc.refusal()
    bloc.say("ARE", "AmendmentsOrdered", proposal=proposal, order=[far, near, other], reason="furthest first")
    bloc.say("ARE", "VoteOpened", subject=near, rule="majority", closes="2026-01-09T00:00:00Z", text="0" * 64)
    assert f"{far} is voted on first (p2: furthest first)" in bloc.refusal()
    _adopt(bloc, far)
    assert bloc.council.get("amendment", near).status == "fallen"
    assert bloc.council.get("amendment", other).status == "pending"  # another paragraph: it goes on
    _adopt(bloc, other)
    assert bloc.council.get("proposal", proposal).text.ids == ("p1", "p1a")


def test_certification_needs_every_authentic_language_and_no_open_amendment(bloc: Bloc) -> None:
    texts = {
        k: [{"id": "p1", "text": t}] for k, t in (("en", "We share."), ("ru", "Мы делимся."), ("zh", "我们共享。"))
    }
    proposal = bloc.table(texts=texts, authentic=["en", "ru", "zh"])
    amendment = _amend(
        bloc, proposal, op="replace", paragraph="p1", text={"en": "We share all.", "ru": "Мы делимся всем."}
    )
    bloc.certify(proposal)
    assert bloc.refusal() == f"{amendment} waits for a vote."
    _adopt(bloc, amendment)
    bloc.certify(proposal)
    assert "zh p1 has no words yet." in bloc.refusal()
    base = bloc.council.get("proposal", proposal).text.hash
    bloc.say("CHN", "TranslationSupplied", proposal=proposal, base=base, language="zh", words={"p1": "我们共享一切。"})
    bloc.certify(proposal)
    assert bloc.council.get("proposal", proposal).status == "certified"
    _amend(bloc, proposal, "IND", op="delete", paragraph="p1")
    assert bloc.refusal().startswith("a text keeps at least one paragraph") or "not open" in bloc.refusal()


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"en": [{"id": "p1", "text": "a"}, {"id": "p1", "text": "b"}]}, "paragraph p1 stands twice"),
        ({"en": [{"id": "p1", "text": "a"}], "fr": [{"id": "p2", "text": "b"}]}, "fr has other paragraphs than en"),
        ({"fr": [{"id": "p1", "text": "a"}]}, "en is to be authentic, and there is no en text"),
    ],
)
def test_texts_that_do_not_fit_are_refused(bloc: Bloc, texts: dict[str, object], words: str) -> None:
    bloc.say("IND", "ProposalTabled", title="x", rule="majority", texts=texts, authentic=["en"])
    assert words in bloc.refusal()
    assert bloc.council.all("proposal") == []


def test_reservations_and_opt_outs_never_change_the_common_text(bloc: Bloc) -> None:
    proposal = bloc.table()
    bloc.say("RUS", "ReservationMade", proposal=proposal, paragraphs=["p2"], reason="law")
    assert "one stands apart from what is adopted" in bloc.refusal()
    bloc.certify(proposal)
    _adopt(bloc, proposal)
    before = bloc.council.get("proposal", proposal).text
    bloc.say("RUS", "ReservationMade", proposal=proposal, paragraphs=["p9"], reason="law")
    assert "there is no paragraph p9" in bloc.refusal()
    bloc.say("RUS", "ReservationMade", proposal=proposal, paragraphs=["p2"], reason="law")
    bloc.say("IRN", "OptOutMade", proposal=proposal, reason="sanctions")
    standing = bloc.council.all("standing")
    bloc.say(
        "BRA", "ReservationObjected", reservation=next(s.id for s in standing if s.member == "RUS"), reason="object"
    )
    assert bloc.council.get("proposal", proposal).text == before
    assert [binds for _, _, binds in consolidated(bloc.council, proposal, "RUS")] == [True, False]
    assert [binds for _, _, binds in consolidated(bloc.council, proposal, "IRN")] == [False, False]
    assert [binds for _, _, binds in consolidated(bloc.council, proposal, "BRA")] == [True, True]


def test_withdrawal_by_the_author_until_deciding_then_by_leave(bloc: Bloc) -> None:
    proposal = bloc.table()
    bloc.say("BRA", "ProposalWithdrawn", proposal=proposal)
    assert bloc.refusal() == f"{proposal} is IND's to withdraw."
    bloc.certify(proposal)
    bloc.open_vote(proposal, hours=2000)
    bloc.say("IND", "ProposalWithdrawn", proposal=proposal)
    assert "by leave of the meeting" in bloc.refusal()
    vote = bloc.open_vote(f"withdraw {proposal}")
    bloc.cast(vote, dict.fromkeys(TEN, "yes"))
    bloc.finish(vote)
    bloc.say("IND", "ProposalWithdrawn", proposal=proposal, leave=vote)
    assert bloc.council.get("proposal", proposal).status == "withdrawn"


def test_a_text_withdrawn_under_silence_is_not_adopted_by_it(bloc: Bloc) -> None:
    proposal = bloc.table(rule="silence", amendment_rule="majority")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    bloc.say("ARE", "SilenceStarted", proposal=proposal, rule="silence", text=text, hours=72)
    bloc.say("ARE", "SilenceExtended", silence="s-2026-001", hours=72)
    vote = bloc.open_vote(f"withdraw {proposal}", hours=1)
    bloc.cast(vote, dict.fromkeys(TEN, "yes"))
    bloc.pass_time(26 * HOUR)
    bloc.pass_time(48 * HOUR)
    bloc.say("IND", "ProposalWithdrawn", proposal=proposal, leave=vote)
    bloc.pass_time(20 * DAY)
    assert bloc.council.get("proposal", proposal).status == "withdrawn"
    assert bloc.council.get("silence", "s-2026-001").status == "withdrawn"
    bloc.say("ARE", "SilenceAnnounced", silence="s-2026-001")
    assert bloc.refusal() == "s-2026-001 is withdrawn."


def test_an_unlisted_transition_is_refused_and_changes_nothing(bloc: Bloc) -> None:
    proposal = bloc.table()
    bloc.certify(proposal)
    bloc.certify(proposal)
    ways = "deciding, withdrawn, deferred, tabled"
    assert bloc.refusal() == f"{proposal} is certified; from there it goes to {ways}, not certified."
    bloc.say("ARE", "ProposalDeferred", proposal=proposal, reason="time", resumed=True)
    assert bloc.refusal() == f"{proposal} is certified; what is deferred is resumed."
    assert bloc.council.get("proposal", proposal).status == "certified"


# --- Silence ----------------------------------------------------------------------------------------------------------


def _silence(bloc: Bloc, hours: int = 24) -> tuple[str, str]:
    proposal = bloc.table(rule="silence")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    bloc.say("ARE", "SilenceStarted", proposal=proposal, rule="silence", text=text, hours=hours)
    return proposal, bloc.council.all("silence")[-1].id


def test_silence_adopts_after_deadline_and_merge_delay(bloc: Bloc) -> None:
    proposal, silence = _silence(bloc)
    bloc.pass_time(24 * HOUR)
    assert bloc.council.get("silence", silence).status == "running"
    bloc.say("ARE", "SilenceAnnounced", silence=silence)
    assert "only what is adopted can be announced" in bloc.refusal()
    bloc.pass_time(DAY + 1)
    assert bloc.council.get("silence", silence).status == "adopted"
    assert bloc.council.get("proposal", proposal).status == "adopted"
    bloc.say("ARE", "SilenceAnnounced", silence=silence)
    bloc.say("ARE", "SilenceAnnounced", silence=silence, journal=True)
    assert bloc.council.get("silence", silence).status == "journalled"


def test_an_objection_in_time_breaks_it_although_it_arrives_after_the_deadline(bloc: Bloc) -> None:
    proposal, silence = _silence(bloc)
    deadline = bloc.council.get("silence", silence).deadline
    bloc.now = deadline + 20 * HOUR
    bloc.say("IRN", "SilenceBroken", silence=silence, reason="no", at=deadline + 1)
    assert "late: the deadline was" in bloc.refusal()
    bloc.say("IRN", "SilenceBroken", silence=silence, reason="no", at=deadline)
    assert bloc.council.get("silence", silence).status == "broken"
    assert bloc.council.get("proposal", proposal).status == "certified"


def test_an_amendment_breaks_it_and_reopens_the_text(bloc: Bloc) -> None:
    proposal, silence = _silence(bloc)
    amendment = _amend(bloc, proposal, op="replace", paragraph="p1", text={"en": "We share some cases."})
    assert bloc.council.get("silence", silence).status == "broken"
    assert bloc.council.get("proposal", proposal).status == "tabled"
    assert bloc.council.get("amendment", amendment).status == "pending"


def test_an_extension_once_and_by_the_chair(bloc: Bloc) -> None:
    _, silence = _silence(bloc)
    bloc.say("BRA", "SilenceExtended", silence=silence, hours=24)
    assert "only the chair extends" in bloc.refusal()
    bloc.say("ARE", "SilenceExtended", silence=silence, hours=24)
    assert bloc.council.get("silence", silence).status == "extended"
    bloc.say("ARE", "SilenceExtended", silence=silence, hours=48)
    assert "extended 1 of 1 times already" in bloc.refusal()
    bloc.pass_time(24 * HOUR + DAY + 1)
    assert bloc.council.get("silence", silence).status == "extended"
    bloc.pass_time(24 * HOUR)
    assert bloc.council.get("silence", silence).status == "adopted"
