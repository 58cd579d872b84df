"""The order of a review: what may follow what, and what must be there before; recommendations and their answers."""

from __future__ import annotations

import itertools

import pytest

from concordat import canonical
from concordat.council.review.cycle import COMMENT_DAYS, DAY, TRANSITIONS, Cycle, Recommendation, check_transition
from concordat.errors import InputError, RuleError

ORDER = ("opened", "guidelines_fixed", "coding", "drafts", "comments", "final", "adopted")
HASH = "ab" * 32


def commented() -> Cycle:
    cycle = Cycle("2026", 104).selected({"t20-f1a": "measurable"}).fixed(HASH).coding(HASH)
    return cycle.drafted().opened_for_comments(1_000)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(ORDER, ORDER)))
def test_only_the_next_stage_follows(old: str, new: str) -> None:
    if (old, new) in itertools.pairwise(ORDER):
        check_transition(old, new)
    else:
        with pytest.raises(RuleError, match=f"^from {old} one goes (to|nowhere)"):
            check_transition(old, new)


def test_the_stages_are_those_of_the_specification() -> None:
    assert tuple(TRANSITIONS) == ORDER
    with pytest.raises(InputError, match='Did you mean "drafts"'):
        check_transition("coding", "draft")
    with pytest.raises(InputError, match="Stages: opened"):
        check_transition("?", "draft")


def test_a_whole_review() -> None:
    cycle = commented().commented("IND", "the year is wrong", 5_000)
    done = cycle.finished("cd" * 32, 1_000 + 14 * DAY).adopted()
    assert done.state == "adopted"
    assert done.coverage() == "assessed 1 of 104"
    assert [c.member for c in done.comments] == ["IND"]
    canonical.dumps(done.as_dict())
    with pytest.raises(RuleError, match="2026: from adopted one goes nowhere"):
        done.adopted()


def test_the_guideline_is_fixed_before_coding_and_the_release_at_coding() -> None:
    cycle = Cycle("2026", 104).selected({"t20-f1a": "measurable"})
    with pytest.raises(RuleError, match="2026: from opened one goes to guidelines_fixed, not to coding"):
        cycle.coding(HASH)
    with pytest.raises(RuleError, match="from coding one goes to drafts, not to guidelines_fixed"):
        cycle.fixed(HASH).coding(HASH).fixed(HASH)
    for bad in ("", "abc", "AB" * 32):
        with pytest.raises(InputError, match="is not the hash of a guideline"):
            cycle.fixed(bad)
        with pytest.raises(InputError, match="is not the hash of a release"):
            cycle.fixed(HASH).coding(bad)
    assert cycle.state == "opened"


def test_a_set_is_chosen_with_reasons_before_coding() -> None:
    cycle = Cycle("2026", 2)
    with pytest.raises(RuleError, match="no set was chosen"):
        cycle.fixed(HASH).coding(HASH)
    with pytest.raises(RuleError, match="b was chosen without a reason"):
        cycle.selected({"a": "central", "b": " "})
    with pytest.raises(InputError, match="no commitment was chosen"):
        cycle.selected({})
    with pytest.raises(InputError, match="3 of 2 can't have been assessed"):
        cycle.selected({"a": "x", "b": "x", "c": "x"})
    coding = cycle.selected({"a": "central"}).selected({"b": "balance"}).fixed(HASH).coding(HASH)
    assert dict(coding.selection) == {"b": "balance"}
    with pytest.raises(RuleError, match="the set is fixed once coding began"):
        coding.selected({"a": "central"})
    coding.check_codable("b")
    with pytest.raises(RuleError, match="a is not in the set"):
        coding.check_codable("a")
    with pytest.raises(RuleError, match="no codes are taken in the stage drafts"):
        coding.drafted().check_codable("b")


def test_members_have_fourteen_days_to_comment() -> None:
    cycle = commented()
    end = 1_000 + COMMENT_DAYS * DAY
    assert cycle.comments_end == end
    with pytest.raises(RuleError, match="members may comment for another 1 of 14 days"):
        cycle.finished(HASH, end - 1)
    with pytest.raises(RuleError, match="another 14 of 14 days"):
        cycle.finished(HASH, 1_000)
    assert cycle.finished(HASH, end).state == "final"
    assert cycle.commented("IND", "late but in time", end - 1).comments
    with pytest.raises(RuleError, match="the 14 days for comments are over"):
        cycle.commented("IND", "too late", end)
    with pytest.raises(RuleError, match="no comments are taken in the stage opened"):
        Cycle("2026", 1).commented("IND", "early", 0)


def test_a_recommendation_is_accepted_or_noted() -> None:
    made = Recommendation("r-1", "IND", "BRA", "Publish the register of algorithms.", specific=True)
    assert made.answered("BRA", "accepted").answer == "accepted"
    assert made.answered("BRA", "noted", "under review by the court").reason == "under review by the court"
    with pytest.raises(RuleError, match="noted without a reason"):
        made.answered("BRA", "noted", " ")
    with pytest.raises(RuleError, match="CHN answers what was recommended to BRA"):
        made.answered("CHN", "accepted")
    with pytest.raises(RuleError, match="it was accepted before"):
        made.answered("BRA", "accepted").answered("BRA", "noted", "second thoughts")
    with pytest.raises(InputError, match="A recommendation is accepted or noted"):
        made.answered("BRA", "rejected")
    with pytest.raises(RuleError, match="IND recommends to itself"):
        Recommendation("r-2", "IND", "IND", "Do more.", specific=False)
    done = made.answered("BRA", "accepted").followed("2027", "partly")
    assert (done.followed_in, done.outcome) == ("2027", "partly")
    with pytest.raises(InputError, match="It is done, partly or not done"):
        made.answered("BRA", "accepted").followed("2027", "mostly")
    with pytest.raises(RuleError, match="nothing to follow up"):
        made.followed("2027", "done")
    with pytest.raises(InputError, match="empty"):
        Recommendation("r-3", "IND", "BRA", " ", specific=False)
