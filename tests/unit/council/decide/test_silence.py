"""The state of a silence procedure: in time, late, extended, broken, final; and local deadlines by hand."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from concordat import canonical
from concordat.council.decide.rules import Rule, shipped
from concordat.council.decide.silence import breaker, extender, local_instant, start
from concordat.errors import InputError, RuleError

RULE = shipped("silence")  # 24..72 hours, Asia/Shanghai, amendments break, the chair may extend once
DELAY = 6 * 3600


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = at("2026-05-04T12:00")


def test_it_is_adopted_only_after_deadline_and_merge_delay() -> None:
    silence = start(RULE, NOON, hours=24)
    end = at("2026-05-05T12:00")
    assert silence.deadline == end
    assert silence.local == "2026-05-05T20:00:00+08:00"
    names = [silence.state(t, merge_delay=DELAY).name for t in (NOON, end, end + 1, end + DELAY, end + DELAY + 1)]
    assert names == ["running", "running", "expired", "expired", "adopted"]
    last = silence.state(end + DELAY + 1, merge_delay=DELAY)
    assert (last.final, last.adopted, last.final_from) == (True, True, end + DELAY + 1)
    assert not silence.state(end + 1, merge_delay=DELAY).adopted


@pytest.mark.parametrize("kind", ["objection", "amendment"])
def test_an_objection_or_amendment_in_time_breaks_it(kind: str) -> None:
    silence = start(RULE, NOON, hours=24)
    in_time = getattr(silence, kind)("IND", silence.deadline)
    late = getattr(silence, kind)("IND", silence.deadline + 1)
    after = silence.deadline + DELAY + 1
    assert in_time.state(after, merge_delay=DELAY).name == "broken"
    assert [a.member for a in in_time.state(after, merge_delay=DELAY).broken_by] == ["IND"]
    state = late.state(after, merge_delay=DELAY)
    assert state.name == "adopted"
    assert state.no_effect[0][1] == "late: the deadline was 2026-05-05T20:00:00+08:00"


def test_an_amendment_need_not_break_it() -> None:
    rule = Rule.load("rule: s\nversion: 1\nmethod: silence\nhours: 24\ndeadline_zone: UTC\namendment_breaks: false\n")
    state = start(rule, NOON).amendment("IND", NOON + 5).state(NOON + 10, merge_delay=0)
    assert state.name == "running"
    assert "does not break" in state.no_effect[0][1]


def test_the_chair_extends_once_and_only_while_it_runs() -> None:
    silence = start(RULE, NOON, hours=24)
    longer = silence.extension("CHN", NOON + 100, 24)
    state = longer.state(silence.deadline + 5, merge_delay=DELAY)
    assert (state.name, state.deadline) == ("extended", silence.deadline + 24 * 3600)
    twice = longer.extension("CHN", NOON + 200, 24).state(silence.deadline + 5, merge_delay=DELAY)
    assert twice.deadline == state.deadline
    assert twice.no_effect[0][1] == "extended 1 of 1 times already"
    late = silence.extension("CHN", silence.deadline + 1, 24).state(silence.deadline + DELAY + 1, merge_delay=DELAY)
    assert late.name == "adopted"
    broken = silence.objection("IND", NOON + 50).extension("CHN", NOON + 100, 24).state(NOON + 200, merge_delay=DELAY)
    assert (broken.name, broken.no_effect[0][1]) == ("broken", "the silence was broken")


def test_the_order_of_arrival_does_not_matter() -> None:
    silence = start(RULE, NOON, hours=24)
    acts = [
        ("extension", "CHN", NOON + 100, 48),
        ("objection", "IND", silence.deadline + 7),
        ("amendment", "ZAF", NOON - 1),
    ]
    found = set()
    for order in permutations(acts):
        now = silence
        for kind, *arguments in order:
            now = getattr(now, kind)(*arguments)
        found.add(canonical.dumps(now.to_value()))
        assert now.state(silence.deadline + 10, merge_delay=DELAY).name == "broken"
        assert now.objection("IND", silence.deadline + 7) == now
    assert len(found) == 1


def test_announcing_is_a_duty_not_a_condition() -> None:
    silence = start(RULE, NOON, hours=24)
    end = silence.deadline + DELAY + 1
    with pytest.raises(RuleError, match="this is running"):
        silence.announce(NOON, merge_delay=DELAY)
    announced = silence.announce(end, merge_delay=DELAY)
    assert announced.state(end, merge_delay=DELAY).name == "announced"
    assert announced.journal(end + 5).state(end + 5, merge_delay=DELAY).name == "journalled"
    with pytest.raises(RuleError, match="journal"):
        silence.journal(end)
    with pytest.raises(RuleError, match="this is announced"):
        announced.announce(end, merge_delay=DELAY)


def test_who_may_break_and_extend() -> None:
    some = Rule.load(
        "rule: s\nversion: 1\nmethod: silence\nhours: 24\ndeadline_zone: UTC\nwho_may_break: founders\n"
        "extend: {times: 2, by: founders}\n"
    )
    groups = {"founders": ("BRA",)}
    assert breaker(RULE, "BRA", ("BRA",), {}) == ""
    assert breaker(RULE, "BRA", (), {}) == "has no vote"
    assert breaker(some, "IND", ("BRA", "IND"), groups) == "not in the group founders"
    assert extender(RULE, "IND", "BRA", {}) == "only the chair extends"
    assert extender(RULE, "BRA", "BRA", {}) == ""
    assert extender(some, "BRA", "IND", groups) == ""
    assert extender(some, "IND", "IND", groups) == "not in the group founders"


def test_a_local_deadline() -> None:
    silence = start(RULE, NOON, deadline="2026-05-06T18:00")  # 46 hours later in Shanghai, UTC+8
    assert silence.deadline == at("2026-05-06T10:00")
    assert local_instant("2026-05-06T18:00", "Asia/Shanghai") == (at("2026-05-06T10:00"), "")
    # New York, 8 March 2026: 02:00 becomes 03:00. 1 November 2026: 02:00 becomes 01:00.
    assert local_instant("2026-03-08T02:30", "America/New_York")[0] == at("2026-03-08T07:30")
    assert local_instant("2026-11-01T01:30", "America/New_York")[0] == at("2026-11-01T06:30")
    # Lord Howe moves its clock by half an hour only: 5 April 2026, 02:00 (+11) becomes 01:30 (+10:30).
    assert local_instant("2026-04-05T01:45", "Australia/Lord_Howe")[0] == at("2026-04-04T15:15")


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: start(RULE, NOON), InputError, "either hours or a deadline"),
        (lambda: start(RULE, NOON, hours=24, deadline="2026-05-06T18:00"), InputError, "either hours or a deadline"),
        (lambda: start(RULE, NOON, hours=23), RuleError, "23 hours are not within 24..72."),
        (lambda: start(RULE, NOON, hours=73), RuleError, "73 hours are not within 24..72."),
        (lambda: start(RULE, NOON, hours=24.0), InputError, "not whole hours"),
        (lambda: start(RULE, NOON, hours=True), InputError, "not whole hours"),
        (lambda: start(RULE, NOON, deadline="2026-05-09T18:00"), RuleError, "not within 24..72."),
        (lambda: start(RULE, NOON, deadline="2026-05-01T18:00"), RuleError, "not within 24..72."),
        (lambda: start(RULE, NOON, deadline="2026-05-06T18:00+08:00"), InputError, "not a local time"),
        (lambda: start(RULE, NOON, deadline="tomorrow"), InputError, "not a time"),
        (lambda: start(RULE, NOON, deadline="2026-05-06"), InputError, "not a local time"),
        (lambda: start(RULE, 1.5, hours=24), InputError, "not a time in whole UTC seconds"),
        (lambda: start(RULE, -1, hours=24), InputError, "not a time in whole UTC seconds"),
        (lambda: start(shipped("two_thirds"), NOON, hours=24), RuleError, "method vote, not of silence"),
        (lambda: start(RULE, NOON, hours=24).extension("CHN", NOON, 100), RuleError, "100 hours are not within"),
        (lambda: local_instant("2026-05-06T18:00", "Asia/Shanghia"), InputError, 'Did you mean "Asia/Shanghai"?'),
    ],
)  # fmt: skip
def test_what_is_refused(make, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert said in str(caught.value)


def test_a_rule_without_extension_refuses_one() -> None:
    rule = Rule.load("rule: s\nversion: 1\nmethod: silence\nhours: 24\ndeadline_zone: UTC\n")
    with pytest.raises(RuleError, match="allows no extension"):
        start(rule, NOON).extension("CHN", NOON, 24)
