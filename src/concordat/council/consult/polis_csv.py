"""Polis's export files, read strictly: the matrix of votes, the statements, the single votes.

The form (agree = 1, pass = 0, disagree = -1, empty = not seen) is that of the public repository
`compdemocracy/openData`: `participants-votes.csv` has one row a person (`participant`, `group-id`, counts, then one
column a statement), `comments.csv` one row a statement, `votes.csv` one row a vote with its time, of which the last
counts. Polis's own store has the opposite sign (agree = -1), and so have files taken from there: the agrees that
`comments.csv` counts betray it, and then the reader asks for `sign` instead of guessing.

Every error names the row as a spreadsheet counts it: the header is row 1.

    >>> votes = read_matrix("participant,group-id,0,1\\n7,0,1,-1\\n3,,,0\\n")
    >>> votes.participants, votes.matrix.tolist(), votes.given_groups
    (('3', '7'), [[0, 0], [1, -1]], ('', '0'))
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from concordat.council.consult.votes import (
    CHARACTERS_MAX,
    STATEMENTS_MAX,
    Bytes,
    Opinion,
    Public,
    Statement,
    Votes,
    check_id,
    check_statements,
    check_voters,
    from_opinions,
    frozen,
    sort_key,
)
from concordat.errors import InputError

MATRIX, COMMENTS, VOTES = "participants-votes.csv", "comments.csv", "votes.csv"
_CELL = {"1": 1, "0": 0, "-1": -1, "": 2}
_TRUTH = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
_HEAD = ("participant", "xid", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Comment:
    """A statement, and the votes that Polis counted on it (also those that were changed later)."""

    statement: Statement
    agrees: int | None
    disagrees: int | None


def read_matrix(
    matrix: str | bytes,
    comments: str | bytes | None = None,
    *,
    sign: int | None = None,
    public: Public = "public",
    where: str = MATRIX,
    comments_where: str = COMMENTS,
) -> Votes:
    """The votes from `participants-votes.csv`, with what `comments.csv` says of the statements.

    Args:
        sign: 1 where agree is 1, -1 where it is -1 (old files of Polis); None checks against the counted agrees.
            Then a file with the other sign is refused, not turned.

    Raises:
        InputError: not the form above; an id twice; a voted statement that `comments.csv` lacks; agree is -1.
    """
    rows = _rows(matrix, where)
    head = next(rows, None)
    if head is None:
        raise InputError("the file is empty.", where=where, hint="Export it again.", code="empty")
    first = _statement_columns(head[1], where)
    ids = [check_id(key, "statement", f"{where}, row 1") for key in head[1][first:]]
    place = {name: head[1].index(name) for name in head[1][:first]}
    known = read_comments(comments, where=comments_where) if comments is not None else None
    listed = _described(ids, known, where, comments_where)
    people, groups, cells = _people(rows, place, first, len(ids), ids, where)
    order = sorted(range(len(people)), key=lambda i: sort_key(people[i]))
    columns = sorted(range(len(ids)), key=lambda c: sort_key(ids[c]))
    grid = np.array(cells, dtype=np.int8).reshape(len(people), len(ids))[np.ix_(order, columns)]
    seen = np.ascontiguousarray(grid != 2)
    values = np.where(seen, grid, np.int8(0)).astype(np.int8)
    values = _signed(values, known, listed, sign, where)
    return Votes(
        participants=tuple(people[i] for i in order),
        statements=listed,
        matrix=frozen(values),
        seen=frozen(seen),
        members=tuple(people[i] for i in order),
        hosts=("",) * len(people),
        given_groups=tuple(groups[i] for i in order),
    ).with_public(public)


def read_votes(
    votes: str | bytes,
    comments: str | bytes,
    *,
    sign: int | None = None,
    public: Public = "public",
    where: str = VOTES,
    comments_where: str = COMMENTS,
) -> Votes:
    """The votes from `votes.csv`: per person and statement the last in time counts, of equal times the later row.

    Statements without a vote are left out, as Polis does: the number of statements is part of its formulas.

    Raises:
        InputError: as `read_matrix`.
    """
    known = read_comments(comments, where=comments_where)
    rows = _rows(votes, where)
    head = next(rows, None)
    at = _places(head[1] if head else [], ("timestamp", "comment-id", "voter-id", "vote"), where)
    opinions = []
    for row, cells in rows:
        here = f"{where}, row {row}"
        _width(cells, len(head[1]) if head else 0, here)
        key, vote = cells[at["comment-id"]], cells[at["vote"]]
        if key not in known:
            raise _unknown(key, here, comments_where)
        if vote not in ("1", "0", "-1"):
            raise _bad_cell(vote, key, here)
        voter = check_id(cells[at["voter-id"]], "voter", here)
        opinions.append(Opinion(voter, key, int(vote), (_integer(cells[at["timestamp"]], "a time", here), row)))
    voted = {o.statement for o in opinions}
    found = from_opinions(
        opinions, (c.statement for key, c in known.items() if key in voted), public=public, where=where
    )
    return replace(found, matrix=frozen(_signed(found.matrix.copy(), known, found.statements, sign, where)))


def read_comments(text: str | bytes, *, where: str = COMMENTS) -> dict[str, Comment]:
    """The statements by id. `is-meta` and `is-seed` are None where the file has no such column.

    Raises:
        InputError: a column is missing, an id stands twice, a text is too long; the row is named.
    """
    rows = _rows(text, where)
    head = next(rows, None)
    names = head[1] if head else []
    at = _places(names, ("comment-id", "moderated", "comment-body"), where)
    at |= {name: names.index(name) for name in ("agrees", "disagrees", "is-meta", "is-seed") if name in names}
    found: dict[str, Comment] = {}
    for row, cells in rows:
        here = f"{where}, row {row}"
        _width(cells, len(names), here)
        key = check_id(cells[at["comment-id"]], "statement", here)
        if key in found:
            raise InputError(f'statement "{key}" stands twice.', where=here, hint="Remove one.", code="duplicate")
        body = cells[at["comment-body"]]
        if len(body) > CHARACTERS_MAX:
            hint = f"At most {CHARACTERS_MAX:,} are allowed."
            raise InputError(f'statement "{key}" has {len(body):,} characters.', where=here, hint=hint, code="limit")
        moderation = _integer(cells[at["moderated"]], "a moderation", here)
        if moderation not in (1, 0, -1):
            hint = "Write 1 (accepted), 0 (not reviewed) or -1 (rejected)."
            raise InputError(f"{moderation} is not a moderation.", where=here, hint=hint, code="bad_moderation")
        truth = {name: _truth(cells[at[name]], name, here) if name in at else None for name in ("is-meta", "is-seed")}
        counts = [_integer(cells[at[n]], "a count", here) if n in at else None for n in ("agrees", "disagrees")]
        found[key] = Comment(Statement(key, body, moderation, truth["is-meta"], truth["is-seed"]), *counts)
    if len(found) > STATEMENTS_MAX:
        hint = f"At most {STATEMENTS_MAX:,} are allowed."
        raise InputError(f"there are {len(found):,} statements.", where=where, hint=hint, code="limit")
    return found


# --- The matrix ---


def _statement_columns(head: Sequence[str], where: str) -> int:
    """Where the columns of statements begin."""
    first = next((n for n, name in enumerate(head) if name not in _HEAD), len(head))
    at = f"{where}, row 1"
    if not head or head[0] != "participant":
        what = f'the first column is "{head[0] if head else ""}", not "participant".'
        raise InputError(what, where=at, hint="Give Polis's participants-votes.csv.", code="bad_header")
    names = list(head)
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise InputError(f'the column "{twice}" stands twice.', where=at, hint="Remove one.", code="duplicate")
    late = next((name for name in names[first:] if name in _HEAD), None)
    if late is not None:
        what = f'the column "{late}" stands behind the first statement, "{names[first]}".'
        raise InputError(what, where=at, hint=f"Columns before the statements: {', '.join(_HEAD)}.", code="bad_header")
    if len(names) - first > STATEMENTS_MAX:
        hint = f"At most {STATEMENTS_MAX:,} are allowed."
        raise InputError(f"there are {len(names) - first:,} statements.", where=where, hint=hint, code="limit")
    return first


def _people(
    rows: Iterator[tuple[int, list[str]]], place: dict[str, int], first: int, width: int, ids: list[str], where: str
) -> tuple[list[str], list[str], bytes | bytearray]:
    """Ids, groups and cells of all rows; a cell that was not seen is 2."""
    people: list[str] = []
    groups: list[str] = []
    cells = bytearray()
    known: set[str] = set()
    code = {text: value & 0xFF for text, value in _CELL.items()}
    for row, found in rows:
        at = f"{where}, row {row}"
        _width(found, first + width, at)
        key = check_id(found[0], "voter", at)
        if key in known:
            raise InputError(f'voter "{key}" stands twice.', where=at, hint="Remove one.", code="duplicate")
        known.add(key)
        people.append(key)
        group = found[place["group-id"]] if "group-id" in place else ""
        groups.append(check_id(group, "group", at) if group else "")
        try:
            cells += bytes([code[cell] for cell in found[first:]])
        except KeyError:
            n = next(n for n, cell in enumerate(found[first:]) if cell not in _CELL)
            raise _bad_cell(found[first + n], ids[n], at) from None
        if len(people) % 1_000 == 0:
            check_voters(len(people), where)
    check_voters(len(people), where)
    return people, groups, cells


def _described(
    ids: list[str], known: dict[str, Comment] | None, where: str, comments_where: str
) -> tuple[Statement, ...]:
    if known is None:
        return check_statements((Statement(key, meta=None, seed=None) for key in ids), where)
    for key in ids:
        if key not in known:
            raise _unknown(key, f"{where}, row 1", comments_where)
    return check_statements((known[key].statement for key in ids), where)


def _signed(
    values: Bytes, known: dict[str, Comment] | None, listed: Sequence[Statement], sign: int | None, where: str
) -> Bytes:
    """The votes with agree = 1.

    The agrees and disagrees that were counted are compared with those in the votes, as they are and turned. They
    differ a little either way, as Polis counts votes that were changed later.
    """
    if sign not in (None, 1, -1):
        raise InputError(f"{sign!r} is not a sign.", hint="Write 1 or -1: what agree is in the file.", code="bad_sign")
    if sign is None and known is not None:
        kept = np.array([known[s.id].agrees is not None and known[s.id].disagrees is not None for s in listed], bool)
        counted = np.array([(known[s.id].agrees or 0, known[s.id].disagrees or 0) for s in listed], dtype=np.int64)
        votes = np.stack([(values == 1).sum(axis=0), (values == -1).sum(axis=0)], axis=1)
        if kept.any():
            as_is = int(np.abs(votes - counted)[kept].sum())
            turned = int(np.abs(votes[:, ::-1] - counted)[kept].sum())
            if turned < as_is:
                what = f"agree is -1 here: the counted agrees are off by {as_is:,} as it stands, by {turned:,} turned."
                hint = "Say which sign agree has: --sign -1 (old Polis files), or --sign 1 to keep it as it is."
                raise InputError(what, where=where, hint=hint, code="old_sign")
    return np.negative(values) if sign == -1 else values


# --- Cells ---


def _rows(text: str | bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, without empty lines."""
    if isinstance(text, bytes):
        try:
            text = str(text, "utf-8")
        except UnicodeDecodeError as error:
            row = bytes(error.object).count(b"\n", 0, error.start) + 1
            hint = "Save it as UTF-8."
            raise InputError(f"line {row} is not UTF-8.", where=where, hint=hint, code="not_utf8") from None
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    number = 0
    try:
        for cells in reader:
            number += 1
            if cells:
                yield number, cells
    except csv.Error as error:
        hint = "Export the file again, or mend the row."
        raise InputError(f"not CSV: {error}.", where=f"{where}, row {number + 1}", hint=hint, code="not_csv") from None


def _places(head: Sequence[str], names: Sequence[str], where: str) -> dict[str, int]:
    missing = [name for name in names if list(head).count(name) != 1]
    if missing:
        what = f'the column "{missing[0]}" is missing or stands twice.'
        raise InputError(what, where=f"{where}, row 1", hint="Give the file as Polis exports it.", code="bad_header")
    return {name: list(head).index(name) for name in names}


def _width(cells: Sequence[str], width: int, at: str) -> None:
    if len(cells) != width:
        what = f"there are {len(cells):,} cells, and {width:,} columns."
        raise InputError(what, where=at, hint="Give each row a cell for each column.", code="ragged")


def _integer(text: str, what: str, at: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise InputError(f'"{text[:80]}" is not {what}.', where=at, hint="Write a whole number.", code="bad_number")
    return int(text)


def _truth(text: str, name: str, at: str) -> bool:
    if text.lower() not in _TRUTH:
        raise InputError(
            f'"{text[:80]}" in {name} is neither true nor false.',
            where=at,
            hint="Write true or false.",
            code="bad_truth",
        )
    return _TRUTH[text.lower()]


def _bad_cell(text: str, key: str, at: str) -> InputError:
    what = f'"{text[:80]}" is not a vote on statement "{key}".'
    return InputError(what, where=at, hint="Write 1 (agree), 0 (pass), -1 (disagree), or nothing.", code="bad_vote")


def _unknown(key: str, at: str, comments_where: str) -> InputError:
    what = f'there is a vote on statement "{key}", which {comments_where} does not have.'
    return InputError(what, where=at, hint="Export both files again, together.", code="unknown_statement")
