"""Who thought what of which statement: the votes of one consultation, in an order that no file or replica decides.

A vote is agree (+1), pass (0) or disagree (-1); no vote is not a pass. People and statements are sorted by id (whole
numbers by value, before other text), and of several votes of one person on one statement the last in council order
counts. So the same votes give the same object, however they arrived.

Two publics are never mixed: `delegations` (the members are the whole population) and `public` (those who came).
The limits are 10,000 statements of 1,000 characters and 100,000 voters. Files are read in `polis_csv`.

    >>> votes = from_opinions(
    ...     [Opinion("BRA", "1", 1, (1,)), Opinion("IND", "1", 1, (2,)), Opinion("IND", "1", -1, (3,))],
    ...     [Statement("1", "Fees are published."), Statement("2", "Fees are capped.")],
    ... )
    >>> votes.participants, votes.matrix.tolist(), votes.seen.tolist()
    (('BRA', 'IND'), [[1, 0], [-1, 0]], [[True, False], [True, False]])
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from concordat import canonical
from concordat.errors import InputError

Public = Literal["delegations", "public"]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

STATEMENTS_MAX = 10_000
CHARACTERS_MAX = 1_000
VOTERS_MAX = 100_000
WORDS = {1: "agree", 0: "pass", -1: "disagree"}
_UNSEEN = 2  # in the bytes that are hashed
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")  # the shape of a tag of RFC 5646
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What was voted on.

    Attributes:
        moderation: 1 accepted, 0 not reviewed, -1 rejected; the event that says so holds the reason.
        meta: about the speakers, not the matter; None where the source does not say.
        seed: put by whoever opened the consultation.
        language: of the text, as a tag ("zh"); "" where nobody said.
        translated_from: the language that the text was translated from; "" for an original.
    """

    id: str
    text: str = ""
    moderation: int = 1
    meta: bool | None = False
    seed: bool | None = False
    language: str = ""
    translated_from: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One vote; the one with the largest `order` (place in the council's order) counts."""

    voter: str
    statement: str
    vote: int
    order: tuple[int, ...]
    host: str = ""
    member: str = ""


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes of a consultation.

    Attributes:
        participants: ids, sorted.
        statements: sorted by key.
        matrix: `[person, statement]` +1, 0, -1; 0 where not seen.
        seen: `[person, statement]`, whether there is a vote.
        public: whose opinions these are.
        members: the member label of each person; the id itself where none was given.
        hosts: who batched the votes of each person; "" where nobody did.
        given_groups: the group that the source names, "" for none.
        events: ids of the events these votes come from, if they come from events.
    """

    participants: tuple[str, ...]
    statements: tuple[Statement, ...]
    matrix: Bytes
    seen: Bools
    public: Public = "public"
    members: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    given_groups: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        people = len(self.participants)
        for name, default in (
            ("members", self.participants),
            ("hosts", ("",) * people),
            ("given_groups", ("",) * people),
        ):
            if not getattr(self, name):
                object.__setattr__(self, name, default)
            assert len(getattr(self, name)) == people, name
        assert self.matrix.shape == self.seen.shape == (people, len(self.statements)), "one cell for each pair"
        assert self.matrix.dtype == np.int8, "votes are small integers"
        assert self.seen.dtype == np.bool_, "seen is true or false"
        for ids in (self.participants, self.ids):
            keys = [sort_key(key) for key in ids]
            assert all(a < b for a, b in pairwise(keys)), "sorted, and each once"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the statements."""
        return tuple(s.id for s in self.statements)

    @property
    def moderated_out(self) -> Bools:
        """`[statement]`: rejected, or meta. Their columns count as zero in what follows."""
        return np.array([s.moderation < 0 or s.meta is True for s in self.statements], dtype=bool)

    @property
    def meta_known(self) -> bool:
        """Whether the source says which statements are meta. Polis's exports of before 2024 mostly don't."""
        return all(s.meta is not None for s in self.statements)

    @property
    def count(self) -> int:
        """How many votes count."""
        return int(self.seen.sum())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what the votes come from: the set of event ids, or without events the votes themselves."""
        if self.events:
            return canonical.digest(["concordat/consultation-events@1", *sorted(self.events)])
        head = {
            "schema": "concordat/consultation-votes@1",
            "public": self.public,
            "participants": list(self.participants),
            "members": list(self.members),
            "hosts": list(self.hosts),
            "statements": [
                [s.id, s.moderation, s.meta, s.text, s.language, s.translated_from] for s in self.statements
            ],
        }
        cells = np.where(self.seen, self.matrix, np.int8(_UNSEEN)).astype(np.int8)
        return hashlib.sha256(canonical.dumps(head, floats=True) + b"\n" + cells.tobytes()).hexdigest()

    def with_public(self, public: Public) -> Votes:
        """The same votes, as those of another public."""
        return replace(self, public=_public(public))


def sort_key(key: str) -> tuple[int, int, str]:
    """The order of ids: whole numbers by value, then other text by code point.

    >>> sorted(["10", "9", "BRA", "010"], key=sort_key)
    ['9', '10', '010', 'BRA']
    """
    return (0, int(key), "") if _WHOLE.fullmatch(key) else (1, 0, key)


def from_opinions(
    opinions: Iterable[Opinion],
    statements: Iterable[Statement],
    *,
    public: Public = "public",
    events: Sequence[str] = (),
    where: str = "votes",
) -> Votes:
    """The votes that count, from single votes in any order.

    Raises:
        InputError: a vote that is not +1, 0 or -1, on an unknown statement, or two with one place in the order; a
            person with two hosts or members; over a limit. The row (from 1) is named.
    """
    listed = check_statements(statements)
    column = {s.id: n for n, s in enumerate(listed)}
    last: dict[tuple[str, int], Opinion] = {}
    people: dict[str, tuple[str, str]] = {}
    for row, opinion in enumerate(opinions, 1):
        at = f"{where}, row {row}"
        _check_opinion(opinion, column, at)
        said = (opinion.member, opinion.host)
        if people.setdefault(opinion.voter, said) != said:
            what = f'voter "{opinion.voter}" has another member or host than before.'
            raise InputError(what, where=at, hint="Give each voter one member and one host.", code="two_hosts")
        cell = (opinion.voter, column[opinion.statement])
        before = last.get(cell)
        if before is not None and before.order == opinion.order and before.vote != opinion.vote:
            what = f'voter "{opinion.voter}" has two votes on statement "{opinion.statement}" with the same order.'
            raise InputError(what, where=at, hint="Give each vote its own place in the order.", code="same_order")
        if before is None or opinion.order > before.order:
            last[cell] = opinion
    check_voters(len(people), where)
    ids = sorted(people, key=sort_key)
    row_of = {key: n for n, key in enumerate(ids)}
    matrix = np.zeros((len(ids), len(listed)), dtype=np.int8)
    seen = np.zeros(matrix.shape, dtype=bool)
    for (voter, c), opinion in last.items():
        matrix[row_of[voter], c] = opinion.vote
        seen[row_of[voter], c] = True
    return Votes(
        participants=tuple(ids),
        statements=listed,
        matrix=frozen(matrix),
        seen=frozen(seen),
        public=_public(public),
        members=tuple(people[key][0] or key for key in ids),
        hosts=tuple(people[key][1] for key in ids),
        given_groups=("",) * len(ids),
        events=tuple(sorted(events)),
    )


def _check_opinion(opinion: Opinion, column: dict[str, int], at: str) -> None:
    if type(opinion.vote) is not int or opinion.vote not in WORDS:
        what = f"{opinion.vote!r} is not a vote."
        raise InputError(what, where=at, hint="Write 1 (agree), 0 (pass) or -1 (disagree).", code="bad_vote")
    if opinion.statement not in column:
        what = f'there is a vote on statement "{opinion.statement}", which is not in the list of statements.'
        raise InputError(what, where=at, hint="Add the statement, or take the vote out.", code="unknown_statement")
    check_id(opinion.voter, "voter", at)
    for label, what in ((opinion.member, "member"), (opinion.host, "host")):
        if label:
            check_id(label, what, at)


def check_id(key: str, what: str, at: str) -> str:
    """An id: text in composed form, not empty, on one line.

    Raises:
        InputError: it is something else.
    """
    bad = not isinstance(key, str) or not key.strip() or key != key.strip() or len(key) > 200 or not key.isprintable()
    if bad or not unicodedata.is_normalized("NFC", key):
        hint = "An id is text of 1 to 200 printable characters in composed form (Unicode NFC)."
        raise InputError(f"{key!r} is not the id of a {what}.", where=at, hint=hint, code="bad_id")
    return key


def check_statements(statements: Iterable[Statement], where: str = "statements") -> tuple[Statement, ...]:
    """The statements, sorted by id.

    Raises:
        InputError: an id twice, a text that is too long, a moderation that is unknown, too many; the row is named.
    """
    found: dict[str, Statement] = {}
    for row, s in enumerate(statements, 1):
        at = f"{where}, row {row}"
        check_id(s.id, "statement", at)
        if s.id in found:
            raise InputError(f'statement "{s.id}" stands twice.', where=at, hint="Remove one.", code="duplicate")
        if len(s.text) > CHARACTERS_MAX:
            what = f'statement "{s.id}" has {len(s.text):,} characters.'
            raise InputError(what, where=at, hint=f"At most {CHARACTERS_MAX:,} are allowed.", code="limit")
        if any("\ud800" <= c <= "\udfff" for c in s.text):
            hint = "Write the statement again."
            raise InputError(f'statement "{s.id}" holds half a surrogate pair.', where=at, hint=hint, code="surrogate")
        for tag in (s.language, s.translated_from):
            if tag and not _LANGUAGE.fullmatch(tag):
                hint = 'Write a language tag ("en", "zh-Hant").'
                raise InputError(f"{tag!r} is not a language.", where=at, hint=hint, code="bad_language")
        if type(s.moderation) is not int or s.moderation not in WORDS:
            hint = "Write 1 (accepted), 0 (not reviewed) or -1 (rejected)."
            raise InputError(f"{s.moderation!r} is not a moderation.", where=at, hint=hint, code="bad_moderation")
        found[s.id] = s
    if len(found) > STATEMENTS_MAX:
        hint = f"At most {STATEMENTS_MAX:,} are allowed."
        raise InputError(f"there are {len(found):,} statements.", where=where, hint=hint, code="limit")
    return tuple(found[key] for key in sorted(found, key=sort_key))


def check_voters(count: int, where: str) -> None:
    """Refuse more voters than the limit.

    Raises:
        InputError: there are more.
    """
    if count > VOTERS_MAX:
        hint = f"At most {VOTERS_MAX:,} are allowed."
        raise InputError(f"there are {count:,} voters.", where=where, hint=hint, code="limit")


def _public(public: Public) -> Public:
    if public not in ("delegations", "public"):
        what = f'"{public}" is not a public.'
        raise InputError(what, hint='Write "delegations" or "public"; the two are never mixed.', code="bad_public")
    return public


def frozen(array: Any) -> Any:
    """The array, not to be written to any more."""
    array.setflags(write=False)
    return array
