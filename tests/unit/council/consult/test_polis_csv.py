"""Polis's files are read strictly: each error names the row as a spreadsheet counts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concordat.council.consult.polis_csv import read_comments, read_matrix, read_votes
from concordat.errors import InputError

HEAD = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,10,2\n"
MATRIX = HEAD + "11,1,0,3,1,1,1,-1,0\n9,0,0,2,2,0,1,,1\n3,,0,1,0,1,,-1,\n"
COMMENTS = (
    "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,comment-body\n"
    '5,0,1,2,0,1,false,true,"Fees, published"\n6,10,1,0,2,-1,false,false,No\n7,2,2,1,0,1,true,false,Why us?\n'
)
VOTES = "timestamp,comment-id,voter-id,vote\n" + "".join(
    f"{t},{c},{p},{v}\n"
    for t, c, p, v in [
        (9, 0, 11, 1), (1, 0, 11, -1), (2, 10, 11, -1), (3, 2, 11, 0), (4, 0, 9, 1), (5, 2, 9, 1), (6, 10, 3, -1),
    ]
)  # fmt: skip


def test_the_matrix_is_sorted_and_described() -> None:
    votes = read_matrix(MATRIX, COMMENTS)
    assert votes.participants == ("3", "9", "11")
    assert votes.ids == ("0", "2", "10")
    assert votes.matrix.tolist() == [[0, 0, -1], [1, 1, 0], [1, 0, -1]]
    assert votes.seen.tolist() == [[False, False, True], [True, True, False], [True, True, True]]
    assert votes.given_groups == ("", "0", "1")
    assert [(s.text, s.moderation, s.meta, s.seed) for s in votes.statements] == [
        ("Fees, published", 1, False, True),
        ("Why us?", 1, True, False),
        ("No", -1, False, False),
    ]
    assert votes.moderated_out.tolist() == [False, True, True]
    assert votes.meta_known


def test_single_votes_give_the_same_whatever_the_order_of_rows() -> None:
    votes = read_matrix(MATRIX, COMMENTS)
    lines = VOTES.splitlines(keepends=True)
    for text in (VOTES, lines[0] + "".join(reversed(lines[1:]))):
        single = read_votes(text, COMMENTS)
        assert single.matrix.tolist() == votes.matrix.tolist()
        assert single.hash == votes.hash


def test_bytes_a_byte_order_mark_and_windows_lines_are_read() -> None:
    text = ("\ufeff" + MATRIX.replace("\n", "\r\n")).encode()
    assert read_matrix(text, COMMENTS.encode()).hash == read_matrix(MATRIX, COMMENTS).hash


def test_without_the_statements_meta_is_not_known() -> None:
    votes = read_matrix(MATRIX)
    assert not votes.meta_known
    assert votes.moderated_out.tolist() == [False, False, False]
    old = "\n".join(",".join(c for n, c in enumerate(line.split(",")) if n not in (6, 7)) for line in (
        "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,comment-body",
        "5,0,1,2,0,1,false,true,a", "6,10,1,0,2,-1,false,false,b", "7,2,2,1,0,1,true,false,c"))  # fmt: skip
    assert not read_matrix(MATRIX, old).meta_known


def test_the_old_sign_is_found_and_asked_for() -> None:
    turned = HEAD + "11,1,0,3,1,1,-1,1,0\n9,0,0,2,2,0,-1,,-1\n3,,0,1,0,1,,1,\n"
    with pytest.raises(InputError) as error:
        read_matrix(turned, COMMENTS)
    assert str(error.value) == (
        "participants-votes.csv: agree is -1 here: the counted agrees are off by 10 as it stands, by 0 turned. "
        "Say which sign agree has: --sign -1 (old Polis files), or --sign 1 to keep it as it is."
    )
    assert error.value.code == "old_sign"
    assert read_matrix(turned, COMMENTS, sign=-1).hash == read_matrix(MATRIX, COMMENTS).hash
    assert read_matrix(turned, COMMENTS, sign=1).matrix.tolist() == (-read_matrix(MATRIX, COMMENTS).matrix).tolist()
    flipped = "".join(
        line if n == 0 else ",".join([*line.split(",")[:3], str(-int(line.split(",")[3]))]) + "\n"
        for n, line in enumerate(VOTES.splitlines(keepends=True))
    )
    with pytest.raises(InputError, match=r"votes\.csv: agree is -1 here"):
        read_votes(flipped, COMMENTS)
    assert read_votes(flipped, COMMENTS, sign=-1).hash == read_votes(VOTES, COMMENTS).hash


def test_changed_votes_that_polis_counts_do_not_look_like_the_old_sign() -> None:
    counted = COMMENTS.replace("5,0,1,2,0,1", "5,0,1,3,1,1")
    assert read_matrix(MATRIX, counted).count == 6


def matrix(text: str) -> Callable[[], Any]:
    return lambda: read_matrix(text, COMMENTS)


def votes(text: str) -> Callable[[], Any]:
    return lambda: read_votes(text, COMMENTS)


def comments(text: str) -> Callable[[], Any]:
    return lambda: read_comments(text)


BAD: list[tuple[Callable[[], Any], str]] = [
    (matrix(""), "participants-votes.csv: the file is empty."),
    (matrix("voter,0\n1,1\n"), 'participants-votes.csv, row 1: the first column is "voter", not "participant".'),
    (matrix("participant,0,0\n1,1,1\n"), 'participants-votes.csv, row 1: the column "0" stands twice.'),
    (matrix("participant,0,group-id\n1,1,1\n"), 'the column "group-id" stands behind the first statement, "0".'),
    (matrix(MATRIX.replace("3,,0", "9,,0")), 'participants-votes.csv, row 4: voter "9" stands twice.'),
    (matrix(MATRIX.replace(",1,,1\n", ",1,1\n")), "participants-votes.csv, row 3: there are 8 cells, and 9 columns."),
    (
        matrix(MATRIX.replace("1,-1,0\n", "1,2,0\n")),
        'participants-votes.csv, row 2: "2" is not a vote on statement "10"',
    ),
    (matrix(MATRIX.replace("1,-1,0\n", "1,NaN,0\n")), 'row 2: "NaN" is not a vote on statement "10".'),
    (matrix(MATRIX.replace("1,-1,0\n", "1,1.0,0\n")), 'row 2: "1.0" is not a vote on statement "10".'),
    (matrix(MATRIX.replace(",10,", ",99,")), 'there is a vote on statement "99", which comments.csv does not have.'),
    (matrix(MATRIX + '4,"0,0\n'), "participants-votes.csv, row 5: not CSV: unexpected end of data."),
    (matrix(MATRIX + " 4,,0,0,0,0,,,\n"), "participants-votes.csv, row 5: ' 4' is not the id of a voter."),
    (lambda: read_matrix(b"participant,0\n1,1\n\xff,1\n"), "participants-votes.csv: line 3 is not UTF-8."),
    (lambda: read_matrix(MATRIX, COMMENTS, sign=2), "2 is not a sign. Write 1 or -1: what agree is in the file."),
    (votes(VOTES + "8,99,3,1\n"), 'votes.csv, row 9: there is a vote on statement "99", which comments.csv does not'),
    (votes(VOTES + "8,0,3,2\n"), 'votes.csv, row 9: "2" is not a vote on statement "0".'),
    (votes(VOTES + "soon,0,3,1\n"), 'votes.csv, row 9: "soon" is not a time. Write a whole number.'),
    (votes(VOTES + "8,0,3\n"), "votes.csv, row 9: there are 3 cells, and 4 columns."),
    (votes("timestamp,comment-id,vote\n"), 'votes.csv, row 1: the column "voter-id" is missing or stands twice.'),
    (votes(""), 'votes.csv, row 1: the column "timestamp" is missing or stands twice.'),
    (comments(COMMENTS + "8,0,1,0,0,1,false,false,x\n"), 'comments.csv, row 5: statement "0" stands twice.'),
    (comments(COMMENTS + "8,7,1,0,0,5,false,false,x\n"), "comments.csv, row 5: 5 is not a moderation."),
    (comments(COMMENTS + "8,7,1,0,0,1,perhaps,false,x\n"), '"perhaps" in is-meta is neither true nor false.'),
    (comments(COMMENTS + "8,7,1,many,0,1,false,false,x\n"), 'comments.csv, row 5: "many" is not a count.'),
    (comments(COMMENTS + f"8,7,1,0,0,1,false,false,{'x' * 1_001}\n"), 'row 5: statement "7" has 1,001 characters.'),
    (comments("comment-id,moderated\n"), 'comments.csv, row 1: the column "comment-body" is missing or stands twice.'),
]


@pytest.mark.parametrize(("read", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_file_is_refused_with_its_row(read: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read()
    assert message in str(error.value)
    assert error.value.hint


def test_too_many_columns_and_rows_are_refused() -> None:
    wide = "participant," + ",".join(map(str, range(10_001))) + "\n"
    with pytest.raises(InputError, match="there are 10,001 statements"):
        read_matrix(wide)
    long = "participant,0\n" + "".join(f"{n},1\n" for n in range(100_001))
    with pytest.raises(InputError, match=r"there are 10\d,\d\d\d voters"):
        read_matrix(long)


def test_statements_in_any_language_and_over_lines_are_kept() -> None:
    text = 'comment-id,moderated,comment-body\n1,1,"数字鸿沟，\nдва ""слова"""\n'
    assert read_comments(text)["1"].statement.text == '数字鸿沟，\nдва "слова"'


def test_a_header_alone_is_a_consultation_without_voters() -> None:
    assert read_matrix(HEAD).matrix.shape == (0, 3)
