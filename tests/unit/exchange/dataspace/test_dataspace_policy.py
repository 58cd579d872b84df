"""The short form of an offer file, three-valued logic, terms that are equal, and words that tell promise from lock."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.exchange.dataspace.deciding import Context, Truth, Verdict, _and, _or, _xone, decide, declared
from concordat.exchange.dataspace.narrowing import narrower
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.terms import (
    agreement_hash,
    agreement_of,
    duties_of,
    same_terms,
    split_of,
    terms_words,
)

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
# The policy of the specification's example (exchange.md 4.1).
EXAMPLE: dict[str, Any] = {
    "permit": "use",
    "when": {"member": ["BRICS"], "purpose": ["statistics", "research"], "until": "2027-12-31", "count": "20"},
    "must": [{"do": "attribute"}, {"do": "delete", "by": "2028-06-30"}, {"do": "inform", "on": "publication"}],
    "never": [{"onward": "public"}],
}


def test_example_of_the_specification_is_written_in_odrl() -> None:
    policy = from_offer(EXAMPLE)
    permission = policy["permission"][0]
    assert [c["leftOperand"] for c in permission["constraint"]] == [
        "urn:concordat:odrl:member",
        "purpose",
        "dateTime",
        "count",
    ]
    assert permission["constraint"][3] == {"leftOperand": "count", "operator": "lteq", "rightOperand": "20"}
    assert [duty["action"] for duty in policy["obligation"]] == ["attribute", "delete", "inform"]
    assert not {"@id", "target"} & set(policy)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"when": {}}, "permits nothing"),
        ({"permit": "use", "wen": {}}, '"when"'),
        ({"permit": "use", "when": {"purposes": ["research"]}}, '"purpose"'),
        ({"permit": "use", "when": {"purpose": ["reserch"]}}, "statistics, research"),
        ({"permit": "use", "when": {"count": 20}}, 'Write it in quotes: "20"'),
        ({"permit": "use", "when": {"count": "0"}}, "whole number"),
        ({"permit": "use", "when": {"member": ["Brazil"]}}, "alpha-3"),
        ({"permit": "use", "when": {"until": "2027-02-30"}}, "a day such as"),
        ({"permit": "use", "when": {"until": "2027-01-01T10:00"}}, "an instant with its zone"),
        ({"permit": "use", "when": {"member": []}}, "not empty"),
        ({"permit": "sell"}, "Known:"),
        ({"permit": "use", "must": [{"do": "inform", "by": "2027-01-01"}]}, "only the duty `delete`"),
        ({"permit": "use", "must": [{"do": "delete", "on": "publication"}]}, "only the duty `inform`"),
        ({"permit": "use", "never": [{}]}, "leaves nothing to offer"),
        ({"permit": "use", "never": {"onward": "public"}}, "not a list"),
    ],
    ids=range(15),
)
def test_offer_outside_the_profile_is_refused_by_name(policy: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        from_offer(policy)
    assert words in str(caught.value)


def test_kleene_tables() -> None:
    t, f, u = Truth(True), Truth(False), Truth(None)
    assert [_and([a, b]).value for a in (t, u, f) for b in (t, u, f)] == [
        True, None, False, None, None, False, False, False, False,
    ]  # fmt: skip
    assert [_or([a, b]).value for a in (t, u, f) for b in (t, u, f)] == [
        True, True, True, True, None, None, True, None, False,
    ]  # fmt: skip
    assert [_xone([a, b]).value for a in (t, u, f) for b in (t, u, f)] == [
        False, None, True, None, None, None, True, None, False,
    ]  # fmt: skip
    assert _xone([t, t, u]).value is False
    assert (_and([]).value, _or([]).value) == (True, False)


def foreign(**changed: Any) -> dict[str, Any]:
    policy = {"@type": "Offer", "permission": [{"action": "use", "constraint": []}]}
    return copy.deepcopy(policy) | changed


def constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


@pytest.mark.parametrize(
    "policy",
    [
        foreign(permission=[{"action": "use", "constraint": [constraint("spatial", "eq", "http://example.org/EU")]}]),
        foreign(permission=[{"action": "use", "constraint": [constraint("member", "eq", "ZAF")]}]),
        foreign(permission=[{"action": "use", "constraint": [constraint("purpose", "gt", "research")]}]),
        foreign(permission=[{"action": "use", "constraint": [constraint("dateTime", "term-lteq", "2027-01-01")]}]),
        foreign(permission=[{"action": "anonymize"}]),
        foreign(permission=[{"action": "use", "duty": [{"action": "compensate"}]}]),
        foreign(profile="http://example.org/profile"),
        foreign(profile=["urn:concordat:odrl:1", "http://example.org/profile"]),
        foreign(conflict="perm"),
        foreign(prohibition=[{"action": "use", "constraint": [constraint("spatial", "eq", "x")]}]),
        foreign(prohibition=[{"action": "compensate"}]),
        foreign(permission=[{"action": "use", "constraint": [{"or": [constraint("spatial", "eq", "x")]}]}]),
        foreign(permission=[{"action": "use", "constraint": [{"or": [], "and": []}]}]),
    ],
    ids=range(13),
)
def test_foreign_term_is_never_skipped(policy: dict[str, Any]) -> None:
    decision = decide(policy, Context(member="ZAF", at=NOON, uses_before=0, purposes=frozenset({"research"})))
    assert decision.verdict is Verdict.UNDETERMINED
    assert decision.reasons


def test_compound_constraints_are_read_to_a_bound() -> None:
    member = constraint("urn:concordat:odrl:member", "eq", "ZAF")
    nested: dict[str, Any] = member
    for _ in range(20):
        nested = {"and": [nested]}
    policy = foreign(permission=[{"action": "use", "constraint": [nested]}])
    assert decide(policy, Context(member="ZAF", at=NOON)).verdict is Verdict.UNDETERMINED
    both = foreign(permission=[{"action": "use", "constraint": [{"or": [constraint("spatial", "eq", "x"), member]}]}])
    assert decide(both, Context(member="ZAF", at=NOON)).verdict is Verdict.PERMIT
    one = foreign(permission=[{"action": "use", "constraint": [{"xone": [member, member]}]}])
    assert decide(one, Context(member="ZAF", at=NOON)).verdict is Verdict.DENY


def test_request_declares_by_narrowing() -> None:
    asked = from_offer(EXAMPLE | {"when": EXAMPLE["when"] | {"purpose": ["research"], "onward": "none"}})
    assert narrower(asked, from_offer(EXAMPLE), on=NOON.date())
    assert not narrower(from_offer(EXAMPLE), asked, on=NOON.date())
    facts = declared(asked)
    assert facts == {"purposes": {"research"}, "residency": None, "onward": {"none"}}
    use = Context(member="ZAF", at=NOON, uses_before=0, **facts)
    assert decide(asked, use).verdict is Verdict.PERMIT
    two = {"permission": [*asked["permission"], {"action": "read"}]}
    assert declared(two)["purposes"] is None  # the second permission leaves the purpose open


WIDER = from_offer(EXAMPLE)


@pytest.mark.parametrize(
    ("changed", "inside"),
    [
        ({"member": ["ZAF", "IND"]}, True),
        ({"member": ["ZAF", "FRA"]}, False),
        ({"member": ["BRICS", "ZAF"]}, True),
        ({"until": "2027-12-30"}, True),
        ({"until": "2027-12-31T23:59Z"}, True),
        ({"until": "2028-01-01T00:00Z"}, False),
        ({"until": "2028-01-01"}, False),
        ({"count": "19"}, True),
        ({"count": "21"}, False),
        ({"purpose": ["supervision"]}, False),
        ({"residency": ["ZAF"]}, True),
    ],
    ids=range(11),
)
def test_subset_earlier_smaller_is_narrower(changed: dict[str, Any], inside: bool) -> None:
    asked = from_offer(EXAMPLE | {"when": EXAMPLE["when"] | changed})
    assert narrower(asked, WIDER, on=NOON.date()) is inside


def test_dropping_a_duty_or_a_prohibition_is_not_narrower() -> None:
    for key in ("must", "never"):
        asked = from_offer({k: v for k, v in EXAMPLE.items() if k != key})
        assert not narrower(asked, WIDER, on=NOON.date())
    sooner = [EXAMPLE["must"][0], {"do": "delete", "by": "2028-01-01"}, EXAMPLE["must"][2]]
    later = [EXAMPLE["must"][0], {"do": "delete", "by": "2029-01-01"}, EXAMPLE["must"][2]]
    assert narrower(from_offer(EXAMPLE | {"must": sooner}), WIDER, on=NOON.date())
    assert not narrower(from_offer(EXAMPLE | {"must": later}), WIDER, on=NOON.date())


def test_terms_are_sets_but_sequences_and_repetitions_stay() -> None:
    other = copy.deepcopy(WIDER) | {"@id": "urn:uuid:1", "target": "x", "profile": ["urn:concordat:odrl:1"]}
    other["permission"][0]["constraint"].reverse()
    other["permission"][0]["constraint"][2]["rightOperand"].reverse()
    other["obligation"].reverse()
    assert same_terms(other, WIDER)
    first, second = constraint("count", "lteq", "1"), constraint("count", "lteq", "2")
    assert not same_terms(
        foreign(permission=[{"action": "use", "constraint": [{"andSequence": [first, second]}]}]),
        foreign(permission=[{"action": "use", "constraint": [{"andSequence": [second, first]}]}]),
    )
    assert not same_terms(
        foreign(permission=[{"action": "use", "constraint": [{"xone": [first, first]}]}]),
        foreign(permission=[{"action": "use", "constraint": [{"xone": [first]}]}]),
    )
    assert same_terms(foreign(), foreign(permission=[{"action": "use"}]))
    assert not same_terms(WIDER, {k: v for k, v in WIDER.items() if k != "profile"})


def test_agreement_keeps_terms_and_names_both() -> None:
    agreement = agreement_of(WIDER, "urn:uuid:1", "urn:uuid:2", "BRA", "ZAF", NOON)
    assert same_terms(agreement, WIDER)
    assert (agreement["assigner"], agreement["assignee"], agreement["timestamp"]) == (
        "BRA",
        "ZAF",
        "2026-11-27T12:00:00Z",
    )
    # Printed by hand in the form of RFC 8785 and hashed with another program.
    small = agreement_of({"permission": [{"action": "use"}]}, "a", "t", "BRA", "ZAF", NOON)
    assert agreement_hash(small) == "1d0bca8d3d486fd84b1b7cd362e1b6816e8603019d1b1d331db22ecb93f144c4"
    rows = duties_of(agreement)
    assert [(row.number, row.action, row.due) for row in rows] == [
        (1, "attribute", None),
        (2, "delete", date(2028, 6, 30)),
        (3, "inform", None),
    ]


def test_words_tell_promise_from_lock() -> None:
    assert terms_words(WIDER) == (
        "members of BRICS, statistics or research, to 2027-12-31, 20 times; never made public."
        " Must: attribute; delete by 2028-06-30; inform on publication"
    )
    split = split_of(WIDER)
    assert split.enforced == ("members of BRICS", "to 2027-12-31", "20 times")
    assert split.promised == (
        "attribute", "delete by 2028-06-30", "inform on publication", "statistics or research", "never made public",
    )  # fmt: skip
    odd = foreign(permission=[{"action": "use", "constraint": [constraint("spatial", "eq", "x")]}])
    assert split_of(odd).unknown == ("spatial eq x",)
