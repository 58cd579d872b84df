"""Who may do what at a node: each cell of the specification's table, by direct call, by envelope, as a stranger.

The table stands twice: `node/roles.yaml`, which the program reads, and `node_roles.yaml` beside this file, copied from
the specification by hand. Each cell is tried with the right member, with a wrong one, and with a foreign object.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.node.authorise import (
    VISITOR,
    Person,
    Target,
    act_of,
    authorise,
    authorise_entry,
    check_roles,
    needs_second_factor,
    read_roles,
    roles,
)
from concordat.settings import parse_yaml

ROLES = ("public", "expert", "delegate", "chair", "secretary", "supervisor", "operator")
SPEC: dict[str, Any] = parse_yaml(
    (Path(__file__).with_name("node_roles.yaml")).read_bytes(), where="node_roles.yaml", schema="node-roles@1"
).value
ACTS = list(SPEC["table"])
HERE = "BRA"


def _person(role: str, member: str = HERE) -> Person:
    return VISITOR if role == "public" else Person("a1", member, (role,), "del-04")


def test_the_shipped_table_is_that_of_the_specification() -> None:
    shipped = roles()
    assert shipped.roles == ROLES
    assert {name: [act.cells[role] for role in ROLES] for name, act in shipped.acts.items()} == SPEC["table"]
    assert shipped.never_together == {frozenset(pair) for pair in SPEC["forbidden"]}
    assert shipped.second_factor == set(SPEC["second_factor"])
    for act, named in SPEC["entries"].items():
        assert set(named.split()) <= set(shipped.acts[act].entries), act


@pytest.mark.parametrize("act", ACTS)
def test_each_cell_with_the_own_member_and_object(act: str) -> None:
    for role, cell in zip(ROLES, SPEC["table"][act], strict=True):
        _with_the_own_member_and_object(act, role, cell)


def _with_the_own_member_and_object(act: str, role: str, cell: str) -> None:
    target = Target(HERE, HERE, "a1")
    if cell == "-":
        with pytest.raises(RuleError) as caught:
            authorise(_person(role), act, target)
        assert caught.value.code == ("login_needed" if role == "public" else "role")
        return
    grant = authorise(_person(role), act, target)
    assert (grant.act, grant.role) == (act, role)
    assert grant.phrase == (cell == "!" or act in SPEC["phrase_beside"])


@pytest.mark.parametrize("act", ACTS)
def test_each_cell_by_a_person_of_another_member(act: str) -> None:
    for role, cell in zip(ROLES, SPEC["table"][act], strict=True):
        _by_a_person_of_another_member(act, role, cell)


def _by_a_person_of_another_member(act: str, role: str, cell: str) -> None:
    """An account of China's people at Brazil's node: she reads, comments as an expert, and acts at home."""
    person = _person(role, "CHN")
    for target in (Target(HERE, HERE, "a1"), Target(HERE, "CHN", "a1")):
        if act in SPEC["anywhere"] and cell != "-":
            authorise(person, act, target)
            continue
        with pytest.raises(RuleError) as caught:
            authorise(person, act, target)
        wanted = {"role", "other_member"} if act in SPEC["anywhere"] else {"other_member"}
        assert caught.value.code in ({"login_needed"} if role == "public" else wanted)
        if caught.value.code == "other_member":
            assert "CHN" in str(caught.value)


@pytest.mark.parametrize("act", ACTS)
def test_each_cell_in_the_name_of_another_member(act: str) -> None:
    for role, cell in zip(ROLES, SPEC["table"][act], strict=True):
        _in_the_name_of_another_member(act, role, cell)


def _in_the_name_of_another_member(act: str, role: str, cell: str) -> None:
    for member in ("CHN", ""):
        if act in SPEC["anywhere"] and cell != "-":
            authorise(_person(role), act, Target(HERE, member))
            continue
        with pytest.raises(RuleError):
            authorise(_person(role), act, Target(HERE, member, "a1"))


@pytest.mark.parametrize("act", [act for act in ACTS if "own" in SPEC["table"][act]])
def test_own_means_own(act: str) -> None:
    role = ROLES[SPEC["table"][act].index("own")]
    foreign = Target(HERE, HERE, "b2") if act in SPEC["own_account"] else Target(HERE, "CHN", "a1")
    assert (act in SPEC["own_account"]) != (act in SPEC["own_member"])
    with pytest.raises(RuleError) as caught:
        authorise(_person(role), act, foreign)
    assert caught.value.code in ("not_own", "other_member")
    for missing in (Target(HERE, HERE), Target(HERE)):
        if act in SPEC["own_account"] or not missing.member:
            with pytest.raises(RuleError):
                authorise(_person(role), act, missing)


ENVELOPES = [(kind, act) for act, named in SPEC["entries"].items() for kind in named.split()]


@pytest.mark.parametrize(("kind", "act"), ENVELOPES)
def test_each_cell_by_envelope(kind: str, act: str) -> None:
    """Who signs an envelope and posts it has no more rights than by the form."""
    for role, cell in list(zip(ROLES, SPEC["table"][act], strict=True))[1:]:
        _by_envelope(kind, role, cell)


def _by_envelope(kind: str, role: str, cell: str) -> None:
    persons = [_person(role), Person("b2", HERE, ("expert",), "del-09")]
    opinion = kind in ("OpinionVoted", "StatementSubmitted") and role in ("delegate", "chair")  # of delegations: table
    if cell == "-" and not opinion:
        with pytest.raises(RuleError) as caught:
            authorise_entry(persons, HERE, "del-04", kind, HERE)
        assert caught.value.code == "role", role
    elif cell == "own" and kind in SPEC["nobodys"]:
        with pytest.raises(RuleError) as caught:
            authorise_entry(persons, HERE, "del-04", kind, HERE)
        assert caught.value.code == "not_own", role
    else:
        authorise_entry(persons, HERE, "del-04", kind, HERE)
    for author, label, code in (("CHN", "del-04", "other_member"), (HERE, "del-77", "no_account")):
        with pytest.raises(RuleError) as caught:
            authorise_entry(persons, author, label, kind, HERE)
        assert caught.value.code == code


@pytest.mark.parametrize("kind", ["FullPowersIssued", "KeyRotated", "ClockTicked", "AuditHead", "Invented"])
def test_what_no_account_writes(kind: str) -> None:
    for role in ROLES[1:]:
        with pytest.raises(RuleError) as caught:
            authorise_entry([_person(role)], HERE, "del-04", kind, HERE)
        assert caught.value.code == "type", role
        with pytest.raises(InputError):
            act_of(kind, _person(role))


def test_pairs_of_roles() -> None:
    for pair in combinations(ROLES[1:], 2):
        _pair(pair)


def _pair(pair: tuple[str, str]) -> None:
    if list(pair) in SPEC["forbidden"] or list(reversed(pair)) in SPEC["forbidden"]:
        with pytest.raises(RuleError) as caught:
            check_roles(pair)
        assert caught.value.code == "never_together"
    else:
        assert check_roles(reversed(pair)) == pair


def test_two_roles_may_do_what_either_may_and_the_phrase_is_asked_if_the_row_asks() -> None:
    both = Person("a1", HERE, ("delegate", "secretary"), "del-04")
    target = Target(HERE, HERE, "x9")
    assert authorise(both, "offer", target).role == "delegate"
    assert authorise(both, "code", target).role == "secretary"
    assert authorise(both, "cast", target).phrase
    expert = Person("a1", HERE, ("expert", "secretary"))
    assert authorise(expert, "code", target).role == "secretary"  # not own as an expert, yes as a secretary
    with pytest.raises(RuleError):
        authorise(expert, "preside", target)


@pytest.mark.parametrize("role", ROLES[1:])
def test_a_second_factor_above_expert(role: str) -> None:
    assert needs_second_factor([role]) == (role in SPEC["second_factor"])
    assert needs_second_factor(["expert", role]) == (role in SPEC["second_factor"])


@pytest.mark.parametrize("found", [[], ["public"], ["delegat"], ["expert", "king"]])
def test_roles_that_are_none(found: list[str]) -> None:
    with pytest.raises(InputError):
        check_roles(found)


def test_an_unknown_act_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "cast"'):
        authorise(VISITOR, "casts", Target(HERE))


def test_the_act_of_a_type_is_one_that_the_person_may_do() -> None:
    assert act_of("OpinionVoted", VISITOR) == "opine_public"
    assert act_of("OpinionVoted", _person("delegate")) == "table"
    assert act_of("BallotCast", _person("expert")) == "cast"  # to be refused by name
    with pytest.raises(InputError, match='Did you mean "BallotCast"'):
        act_of("BalotCast", VISITOR)


BROKEN = [
    (b"roles: [public", "not YAML"),
    (b"schema: concordat/roles@1\nrolls: []\n", "roles"),
    (b"schema: concordat/roles@2\n", "schema"),
]


@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_a_table_that_is_none(data: bytes, words: str) -> None:
    with pytest.raises(ConcordatError) as caught:
        read_roles(data, "roles.yaml")
    assert words.split()[0] in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("cells: [y, y, y, y, y, y, y]", "cells: [y, y]", "read_pages needs 7 cells"),
        ("cells: [y, y, y, y, y, y, y]", "cells: [y, y, y, y, y, y, yes]", "read_pages needs 7 cells"),
        ("    own: account\n    phrase: true", "    phrase: true", "arbitrate must say what own compares"),
        ("    speaks: true\n    entries: [ProposalTabled", "    speak: true\n    entries: [ProposalTabled", "speaks"),
    ],
)
def test_a_table_that_is_changed_badly(before: str, after: str, words: str) -> None:
    from importlib import resources

    text = (resources.files("concordat.node") / "roles.yaml").read_text(encoding="utf-8")
    assert before in text
    with pytest.raises(InputError, match=words):
        read_roles(text.replace(before, after, 1).encode(), "roles.yaml")
