"""Whatever is sent in whatever order: states move along the tables alone; more facts never undo a prohibition; a
narrower policy permits nothing that the wider one doesn't."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from concordat.errors import RuleError
from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.deciding import Context, Verdict, decide
from concordat.exchange.dataspace.messages import Kind, Role
from concordat.exchange.dataspace.narrowing import narrower
from concordat.exchange.dataspace.odrl import ONWARD, PURPOSES, TLP, operand_name
from concordat.exchange.dataspace.terms import agreement_of, same_terms, terms_of

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
COUNTRIES = ("BRA", "FRA", "IND", "ZAF")

# --- Policies and contexts ----------------------------------------------------------------------------------------


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def atom(name: str, operators: tuple[str, ...], right: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda operator, value: {"leftOperand": operand_name(name), "operator": operator, "rightOperand": value},
        st.sampled_from(operators),
        right,
    )


DATES = st.sampled_from(
    ["2026-11-26", "2026-11-27", "2026-11-28", "2026-11-27T12:00Z", "2026-11-27T12:00:01Z", "2026-11-28T01:00+03:00"]
)
ATOMS = st.one_of(
    atom("member", ("isAnyOf", "isNoneOf"), some((*COUNTRIES, "BRICS"))),
    atom("member", ("eq", "neq"), st.sampled_from((*COUNTRIES, "BRICS"))),
    atom("dateTime", ("lt", "lteq", "gt", "gteq"), DATES),
    atom("count", ("lteq",), st.sampled_from(["1", "2", "10"])),
    atom("tlp", ("lteq",), st.sampled_from(TLP)),
    atom("purpose", ("isAnyOf",), some(PURPOSES)),
    atom("residency", ("isAnyOf",), some(COUNTRIES)),
    atom("onward", ("eq",), st.sampled_from(ONWARD)),
    st.just({"leftOperand": "spatial", "operator": "eq", "rightOperand": "x"}),
)
CONSTRAINTS = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda key, parts: {key: parts},
        st.sampled_from(["and", "andSequence", "or", "xone"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
RULES = st.builds(
    lambda action, parts: {"action": action, "constraint": parts},
    st.sampled_from(["use", "read", "derive"]),
    st.lists(CONSTRAINTS, max_size=2),
)
POLICIES = st.builds(
    lambda permission, prohibition: {"@type": "Offer", "permission": permission, "prohibition": prohibition},
    st.lists(RULES, min_size=1, max_size=2),
    st.lists(RULES, max_size=2),
)


def sets(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), min_size=1, max_size=2)


CONTEXTS = st.builds(
    Context,
    member=st.sampled_from(COUNTRIES),
    at=st.sampled_from([NOON, NOON + timedelta(seconds=1), NOON + timedelta(hours=11)]),
    uses_before=st.integers(0, 3),
    label=st.sampled_from(TLP),
    purposes=sets(PURPOSES),
    residency=sets(COUNTRIES),
    onward=sets(ONWARD),
)
FACTS = [field.name for field in fields(Context) if field.name != "action"]


@rounds(max_examples=300)
@given(POLICIES, CONTEXTS, st.sets(st.sampled_from(FACTS)))
def test_a_fact_that_becomes_known_never_turns_the_answer(
    policy: dict[str, Any], known: Context, hidden: set[str]
) -> None:
    """Permit and deny stay when a fact becomes known: so a denied prohibition is never undone by learning more."""
    less = replace(known, **dict.fromkeys(hidden))
    before, after = decide(policy, less).verdict, decide(policy, known).verdict
    if before is not Verdict.UNDETERMINED:
        assert after is before


@rounds(max_examples=300)
@given(POLICIES, CONTEXTS, st.sampled_from(["purposes", "residency", "onward"]))
def test_a_wider_declaration_is_never_better(policy: dict[str, Any], context: Context, name: str) -> None:
    everything = frozenset({"purposes": PURPOSES, "residency": COUNTRIES, "onward": ONWARD}[name])
    if decide(policy, replace(context, **{name: everything})).verdict is Verdict.PERMIT:
        assert decide(policy, context).verdict is Verdict.PERMIT


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy and one made of it by changes that often narrow it, and sometimes don't."""
    wide = draw(POLICIES)
    extra = draw(st.lists(CONSTRAINTS, max_size=2))
    permission = [rule | {"constraint": [*rule["constraint"], *extra]} for rule in wide["permission"]]
    changed = [
        rule | {"constraint": [draw(ATOMS) if draw(st.booleans()) else part for part in rule["constraint"]]}
        for rule in permission
    ]
    kept = wide["prohibition"] if draw(st.booleans()) else wide["prohibition"][:1]
    looser = [rule | {"constraint": rule["constraint"][:1]} for rule in kept]
    return wide | {"permission": changed, "prohibition": draw(st.sampled_from([kept, looser]))}, wide


@rounds(max_examples=400)
@given(pairs(), st.lists(CONTEXTS, min_size=1, max_size=4), st.sets(st.sampled_from(FACTS), max_size=2))
def test_what_the_narrower_permits_the_wider_permits(
    pair: tuple[dict[str, Any], dict[str, Any]], contexts: list[Context], hidden: set[str]
) -> None:
    narrow, wide = pair
    if not narrower(narrow, wide, on=NOON.date()):
        return
    for context in contexts:
        seen = replace(context, **dict.fromkeys(hidden))
        if decide(narrow, seen).verdict is Verdict.PERMIT:
            assert decide(wide, seen).verdict is Verdict.PERMIT


@rounds(max_examples=100)
@given(POLICIES)
def test_every_policy_is_narrower_than_itself_and_equal_to_its_agreement(policy: dict[str, Any]) -> None:
    assert narrower(policy, policy, on=NOON.date())
    agreement = agreement_of(policy, "a", "t", "BRA", "ZAF", NOON)
    assert same_terms(policy, agreement)
    assert terms_of(terms_of(policy)) == terms_of(policy)


# --- Sessions -----------------------------------------------------------------------------------------------------

OFFERS = [
    {"@id": "o", "@type": "Offer", "target": target, "permission": [{"action": action}]}
    for target in ("d", "e")
    for action in ("use", "read")
]
PIDS = st.sampled_from(["c", "c", "c", "x"])


@st.composite
def talk(draw: st.DrawFn) -> tuple[dict[str, Any], Role]:
    """Any message of a negotiation from any sender, mostly of the right process."""
    c, p = draw(PIDS), draw(st.sampled_from(["p", "p", "p", "x"]))
    offer = draw(st.sampled_from(OFFERS))
    agreement = agreement_of(offer, "a", draw(st.sampled_from(["d", "e"])), "BRA", "ZAF", NOON)
    made = draw(
        st.sampled_from(
            [
                messages.contract_request(c, offer, callback="https://zaf.example"),
                messages.contract_request(c, offer, provider_pid=p),
                messages.contract_offer(p, offer, callback="https://bra.example"),
                messages.contract_offer(p, offer, consumer_pid=c),
                messages.contract_agreement(c, p, agreement),
                messages.verification(c, p),
                messages.event(c, p, Kind.ACCEPTED),
                messages.event(c, p, Kind.FINALIZED),
                messages.stopped(Kind.TERMINATION, c, p, "user"),
            ]
        )
    )
    return made, draw(st.sampled_from(list(Role)))


FACTS_OF = st.builds(
    negotiation.Facts, st.just("ZAF"), st.just("BRA"), st.sampled_from(["p", "c"]), st.booleans(), st.booleans(),
    st.booleans(),
)  # fmt: skip


@rounds(max_examples=300)
@given(st.lists(st.tuples(talk(), FACTS_OF), max_size=12))
def test_a_negotiation_moves_along_its_table_alone(
    said: list[tuple[tuple[dict[str, Any], Role], negotiation.Facts]],
) -> None:
    now: negotiation.Negotiation | None = None
    accepted: list[tuple[dict[str, Any], Role, negotiation.Facts]] = []
    for (message, sender), facts in said:
        before = None if now is None else now.state
        try:
            after = negotiation.step(now, message, sender, facts)
        except RuleError:
            continue
        assert negotiation.TABLE[before, messages.kind_of(message), sender] is after.state
        if after.state in ("AGREED", "VERIFIED", "FINALIZED"):
            assert after.agreement is not None
            assert same_terms(after.agreement, after.offer)
        accepted.append((message, sender, facts))
        now = after
        again: negotiation.Negotiation | None = None
        for one, by, known in accepted:  # a replay of what was accepted comes to the same
            again = negotiation.step(again, one, by, known)
        assert again == now


MOVES = [
    messages.start("c", "p", messages.data_address("https://bra.example", "t")),
    messages.completion("c", "p"),
    messages.stopped(Kind.SUSPENSION, "c", "p", "user"),
    messages.stopped(Kind.TRANSFER_TERMINATION, "c", "p", "user"),
    messages.transfer_request("c", "a", messages.PULL, "https://zaf.example"),
]


@rounds(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from(list(Role)), st.booleans()), max_size=12))
def test_a_transfer_moves_along_its_table_alone(said: list[tuple[dict[str, Any], Role, bool]]) -> None:
    now: transfer.Transfer | None = None
    for message, sender, permitted in said:
        facts = transfer.Facts("ZAF", "BRA", "p", True, permitted, True, True)
        before = now
        try:
            now = transfer.step(before, message, sender, facts)
        except RuleError:
            continue
        assert transfer.TABLE[before.state if before else None, messages.kind_of(message), sender] is now.state
        assert (now.suspended_by is not None) == (now.state == "SUSPENDED")
        if before and before.suspended_by and before.suspended_by is not sender and now.state == "STARTED":
            assert permitted
