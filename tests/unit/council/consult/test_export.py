"""What goes out: Polis's form, read back the same, and a result that canonical JSON can write."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council.consult import analyse, comments_csv, matrix_csv, read_matrix, result
from concordat.council.consult.export import decimal
from concordat.council.consult.votes import Statement
from concordat.errors import InputError
from consult_kit import consultation


def test_the_form_of_polis_is_read_back_to_the_same_votes() -> None:
    votes = consultation([12, 9], 10)
    listed = [
        replace(s, text='数字, "слова"\nдва', meta=n == 3, seed=n == 4, moderation=-1 if n == 2 else 1)
        for n, s in enumerate(votes.statements)
    ]
    votes = replace(votes, statements=tuple(listed))
    groups = analyse(votes, resamples=0).groups
    again = read_matrix(matrix_csv(votes, groups), comments_csv(votes, groups))
    assert again.hash == votes.hash
    assert again.statements == votes.statements
    assert again.given_groups == tuple("" if g < 0 else str(g) for g in groups)
    assert matrix_csv(again) == matrix_csv(votes, groups)
    head = comments_csv(votes, groups).partition("\n")[0]
    assert head == (
        "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,group-informed-consensus,comment-body"
    )


def test_the_consensus_goes_out_to_the_last_digit() -> None:
    votes = consultation([12, 9], 10)
    found = analyse(votes, resamples=0)
    rows = list(csv.DictReader(io.StringIO(comments_csv(votes, found.groups))))
    assert [float(r["group-informed-consensus"]) for r in rows] == pytest.approx(
        [float(b.consensus) for b in found.bridging], rel=1e-15
    )


def test_flags_that_are_not_known_have_no_column() -> None:
    votes = read_matrix("participant,0,1\n1,1,-1\n2,-1,1\n")
    assert "is-meta" not in comments_csv(votes)
    assert not read_matrix(matrix_csv(votes), comments_csv(votes)).meta_known


def test_a_statement_is_no_formula() -> None:
    votes = read_matrix("participant,0,1\n1,1,-1\n2,-1,1\n")
    votes = replace(votes, statements=(Statement("0", "=1+1"), Statement("1", "-x")))
    assert ",'=1+1" in comments_csv(votes)
    assert ",=1+1" in comments_csv(votes, guard=False)


def test_groups_must_fit() -> None:
    with pytest.raises(InputError, match="1 groups for 2 voters"):
        matrix_csv(read_matrix("participant,0\n1,1\n2,1\n"), [0])


@pytest.mark.parametrize("mode", ["concordat-1", "polis"])
@pytest.mark.parametrize("sizes", [[6, 5], [30, 20], [200]])
def test_the_result_is_canonical_and_says_what_it_comes_from(mode: str, sizes: list[int]) -> None:
    votes = consultation(sizes, 15)
    found = analyse(votes, mode, resamples=5)  # type: ignore[arg-type]
    written = canonical.dumps(result(found))
    back = canonical.loads(written, exact=True)
    assert back["schema"] == "concordat/consultation-result@1"
    assert back["votes_hash"] == votes.hash
    assert back["public"] == "public"
    assert back["warnings"] == list(found.warnings)
    assert bool(back["by_member"]) == (sum(sizes) < 30)
    assert back["priority"]["drawing"] == "unverified"
    inside = [p for g in back["groups"]["groups"] for p in g["people"]] + back["groups"]["no_group"]
    assert sorted(inside) == sorted(votes.participants)
    first = back["bridging"]["statements"][0]
    assert Fraction(first["consensus"]) == found.bridging[0].consensus


def test_numbers_are_rounded_half_to_even_and_zero_has_no_sign() -> None:
    assert decimal(Fraction(5, 10**10)) == "0.000000000"
    assert decimal(Fraction(15, 10**10)) == "0.000000002"
    assert decimal(-1.5) == "-1.500000000"
    assert decimal(-1e-10) == "0.000000000"
    assert decimal(0.9999999999) == "1.000000000"
