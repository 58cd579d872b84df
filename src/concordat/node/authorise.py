"""May this person do this: one table (`roles.yaml`), one function, asked by every form, every POST, every envelope.

`authorise(account, act, target)` reads one cell of the table for each role of the account: `y`, `!` (yes, with the
signing phrase each time), `own` (the own account's or member's only), `-`. An act that is the word of a member is open
to that member's people at that member's node alone; elsewhere the message says where to go. What is not in the table is
refused. It opens forms and takes entries in; whether an entry has effect is decided by the ledger (certified key), the
fold (chair, full powers) and the scheme (issuer).

Source: node-web.md 3.3. The table is data; tests hold it to the specification's own copy, cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

from concordat.errors import InputError, RuleError
from concordat.settings import nearest, parse_yaml, unknown_key

YES, PHRASE, OWN, NO = "y", "!", "own", "-"
PUBLIC = "public"
_KEYS = {"cells", "entries", "also", "own", "owned", "phrase", "speaks"}


@dataclass(frozen=True, slots=True)
class Act:
    """One row of the table.

    Attributes:
        cells: by role. speaks: it is the member's word. own: what `own` compares, `account` or `member`.
        phrase: asked each time. entries, also: the types of entry it may write. owned: those of them that are by their
            nature the author's own; the others are nobody's own.
    """

    name: str
    cells: Mapping[str, str]
    speaks: bool
    own: str
    phrase: bool
    entries: tuple[str, ...]
    also: tuple[str, ...]
    owned: tuple[str, ...] = ()

    def owner(self, entry_type: str, account: str) -> str:
        """Whose an entry of a type is, if this account writes it: its own, or nobody's."""
        return account if entry_type in self.owned else ""


@dataclass(frozen=True, slots=True)
class Roles:
    """The whole table.

    Attributes:
        roles: in order. acts: by name. second_factor: roles that need one. never_together: pairs no account has.
        by_root_keys, by_the_node: types of entry that no account writes.
    """

    roles: tuple[str, ...]
    acts: Mapping[str, Act]
    second_factor: frozenset[str]
    never_together: frozenset[frozenset[str]]
    by_root_keys: frozenset[str]
    by_the_node: frozenset[str]

    def acts_of(self, entry_type: str) -> list[Act]:
        """The acts that may write a type of entry."""
        return [act for act in self.acts.values() if entry_type in (*act.entries, *act.also)]


@dataclass(frozen=True, slots=True)
class Person:
    """What of an account the decision rests on: `accounts.Account.person()`; a visitor is `VISITOR`."""

    account: str
    member: str
    roles: tuple[str, ...]
    key_label: str = ""


VISITOR = Person("", "", ())


@dataclass(frozen=True, slots=True)
class Target:
    """What an act is about.

    Attributes:
        node: the member whose node is asked. member: in whose name. account: whose cell, case or currency it is, where
            the table says `own`.
    """

    node: str
    member: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer yes: by which role, and whether the phrase is asked before signing."""

    act: str
    role: str
    phrase: bool


def authorise(person: Person, act: str, target: Target, table: Roles | None = None) -> Grant:
    """Whether a person may do an act: yes, as a grant.

    Raises:
        RuleError: no, and why (HTTP: 403). InputError: there is no such act.
    """
    table = table or roles()
    if act not in table.acts:
        raise unknown_key(act, table.acts, where="act")
    row = table.acts[act]
    if row.speaks and person.account and not person.member == target.member == target.node:
        raise _elsewhere(person, target)
    refusal: RuleError | None = None
    for role in person.roles or (PUBLIC,):
        cell = row.cells[role]
        if cell == NO:
            continue
        if cell == OWN and not _own(person, row, target):
            refusal = RuleError(f"{act} is open to you for your own {row.own} only.", code="not_own")
            continue
        return Grant(act, role, cell == PHRASE or row.phrase)
    if refusal is not None:
        raise refusal
    if not person.account:
        raise RuleError("this needs an account.", hint="Log in first.", code="login_needed")
    who = " or ".join(role for role, cell in row.cells.items() if cell != NO)
    raise RuleError(f"{act} is for {who}; you are {', '.join(person.roles) or PUBLIC}.", code="role")


def authorise_entry(persons: Iterable[Person], author: str, label: str, entry_type: str, node: str) -> Grant:
    """Whether an envelope may enter the member's log here: the person behind its key label has a role for its type.

    Args:
        persons: of this node's accounts. author, label, entry_type: as the entry says. node: this node's member.

    Raises:
        RuleError: the entry of another member, of a label that no account has, or of a type its roles don't write.
    """
    table = roles()
    if author != node:
        what = f"{author} writes at its own node, not at {node}'s."
        raise RuleError(what, hint=f"Send it to the node of {author}.", code="other_member")
    person = next((p for p in persons if p.key_label == label), None)
    if person is None:
        raise RuleError(f"no account here has the key label {label}.", hint="Ask the operator.", code="no_account")
    acts = table.acts_of(entry_type)
    if not acts:
        raise RuleError(f"no person writes {entry_type[:64]} by a form or an envelope.", code="type")
    refusal: RuleError | None = None
    for act in acts:
        try:
            return authorise(person, act.name, Target(node, author, act.owner(entry_type, person.account)), table)
        except RuleError as error:
            refusal = error
    assert refusal is not None
    raise refusal


def act_of(entry_type: str, person: Person) -> str:
    """The act under which a person would write a type of entry: the first that a role of hers opens.

    Raises:
        InputError: no act writes that type.
    """
    table = roles()
    found = table.acts_of(entry_type)
    if not found:
        known = [t for act in table.acts.values() for t in act.entries]
        close = nearest(entry_type, known)
        hint = f'Did you mean "{close[0]}"?' if close else "See: concordat council events"
        raise InputError(f'"{entry_type[:64]}" is not written by a form.', hint=hint, code="unknown_type")
    open_ = [a for a in found if any(a.cells[role] != NO for role in person.roles or (PUBLIC,))]
    return (open_ or found)[0].name


def check_roles(found: Iterable[str]) -> tuple[str, ...]:
    """Roles that one account may have together, in the order of the table.

    Raises:
        InputError: none, or an unknown one. RuleError: two that never go together.
    """
    table = roles()
    wanted = set(found)
    for role in sorted(wanted):
        if role not in table.roles or role == PUBLIC:
            raise unknown_key(role, [r for r in table.roles if r != PUBLIC], where="role")
    if not wanted:
        known = ", ".join(r for r in table.roles if r != PUBLIC)
        raise InputError("an account has at least one role.", where="role", hint=f"Roles: {known}.", code="role")
    for pair in combinations(sorted(wanted), 2):
        if frozenset(pair) in table.never_together:
            what = f"{pair[0]} and {pair[1]} are never one person's."
            raise RuleError(what, where="role", hint="Give one of them to somebody else.", code="never_together")
    return tuple(role for role in table.roles if role in wanted)


def needs_second_factor(found: Iterable[str]) -> bool:
    """Whether one of the roles asks for a second factor."""
    return not roles().second_factor.isdisjoint(found)


@cache
def roles() -> Roles:
    """The shipped table."""
    return read_roles((resources.files("concordat.node") / "roles.yaml").read_bytes(), "roles.yaml")


def read_roles(data: bytes, where: str) -> Roles:
    """Read a table.

    Raises:
        InputError: not such a file; with its line.
    """
    document = parse_yaml(data, where=where, schema="roles@1")
    raw = document.value
    wanted = {"schema", "roles", "second_factor", "never_together", "acts", "by_root_keys", "by_the_node"}
    for key in raw:
        if key not in wanted:
            raise unknown_key(key, wanted, where=document.place(key))
    missing = sorted(wanted - set(raw))
    if missing:
        raise InputError(f"{missing[0]} is missing.", where=where, code="roles")
    names = tuple(raw["roles"])
    acts = {}
    for name, row in raw["acts"].items():
        acts[name] = _act(name, row, names, document.place("acts", name))
    return Roles(
        names, acts, frozenset(raw["second_factor"]), frozenset(frozenset(pair) for pair in raw["never_together"]),
        frozenset(raw["by_root_keys"]), frozenset(raw["by_the_node"]),
    )  # fmt: skip


def _act(name: str, row: Mapping[str, Any], names: tuple[str, ...], where: str) -> Act:
    for key in row:
        if key not in _KEYS:
            raise unknown_key(key, sorted(_KEYS), where=where)
    cells = row.get("cells") or []
    if len(cells) != len(names) or not set(cells) <= {YES, PHRASE, OWN, NO}:
        raise InputError(f'{name} needs {len(names)} cells of y, "!", own, "-".', where=where, code="roles")
    own = row.get("own", "")
    if (OWN in cells) != bool(own) or own not in ("", "account", "member"):
        raise InputError(f"{name} must say what own compares: account or member.", where=where, code="roles")
    return Act(
        name, dict(zip(names, cells, strict=True)), bool(row.get("speaks", False)), own,
        bool(row.get("phrase", False)), tuple(row.get("entries", ())), tuple(row.get("also", ())),
        tuple(row.get("owned", row.get("entries", ()))),
    )  # fmt: skip


def _own(person: Person, row: Act, target: Target) -> bool:
    if row.own == "account":
        return bool(person.account) and person.account == target.account
    return bool(person.member) and person.member == target.member


def _elsewhere(person: Person, target: Target) -> RuleError:
    if person.member != target.node:
        what = f"you are of {person.member}, and this is the node of {target.node}: you can read here, not act."
        return RuleError(what, hint=f"Go to the node of {person.member}.", code="other_member")
    named = target.member or "no member"
    return RuleError(f"you speak for {person.member}, not for {named}.", code="other_member")
