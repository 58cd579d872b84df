"""One call analyses: planted camps are found, few voters are warned of first, and what can't be said is not said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from concordat.council.consult import Opinion, Statement, Votes, analyse, from_opinions, summary
from concordat.council.consult.bridging import bridges, declared_groups, majority, root
from concordat.council.consult.exact import given_groups, group_counts, priorities, share_test, space, two_shares
from concordat.council.consult.groups import enough_votes, polis_order
from concordat.council.consult.polis_csv import read_matrix
from concordat.council.consult.stability import by_host, jaccard, only, stability
from concordat.errors import InputError, MethodError
from consult_kit import camp_of, camps, consultation, statements


@pytest.mark.parametrize("mode", ["concordat-1", "polis"])
@pytest.mark.parametrize("sizes", [[40, 30], [60, 8], [30, 30, 30]])
def test_planted_camps_are_found(mode: str, sizes: list[int]) -> None:
    votes = consultation(sizes, 40)
    found = analyse(votes, mode, resamples=0)  # type: ignore[arg-type]
    truth = camp_of(votes)
    pairs = {(t, g) for t, g in zip(truth, found.groups.tolist(), strict=True)}
    assert len(pairs) == len(sizes)  # one group for one camp
    assert found.grouping.count == len(sizes)
    if mode == "concordat-1":
        assert (np.diff([(found.groups == g).sum() for g in range(len(sizes))]) <= 0).all()  # the largest first


def test_no_camps_are_no_groups() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    said = [Opinion(str(p), str(s), int(rng.choice([1, 0, -1])), (p, s)) for p in range(300) for s in range(120)]
    found = analyse(from_opinions(said, statements(120)), resamples=5)
    if found.grouping.count:  # pure noise may be split, but what is drawn must be stable
        assert not any(found.shown)
    text = "\n".join(summary(found))
    assert "Group 0 (" not in text
    assert found.bridging_basis == "all"


def test_under_thirty_voters_the_warning_and_the_table_by_member_come_first() -> None:
    said = {"BRA": (1, 1, -1), "IND": (1, -1, 0), "RUS": (1, 1, 1), "ZAF": (1, -1, 1)}
    votes = from_opinions(
        [Opinion(m, str(s), v, (s,)) for m, vs in said.items() for s, v in enumerate(vs)],
        statements(3),
        public="delegations",
    )
    for mode in ("concordat-1", "polis"):
        found = analyse(votes, mode, resamples=10)  # type: ignore[arg-type]
        lines = summary(found)
        assert lines[0] == found.warnings[0] == "Opinion groups are unstable: 4 voters, fewer than 30."
        assert lines[1] == "BRA: agrees 0, 1; disagrees 2."
        assert lines[2] == "IND: agrees 0; disagrees 1."
        assert [row.passes for row in found.members] == [(), ("2",), (), ()]


def test_from_thirty_voters_on_there_is_no_table() -> None:
    assert analyse(consultation([15, 14], 12), resamples=0).members
    found = analyse(consultation([15, 15], 12), resamples=0)
    assert not found.members
    assert not found.warnings


def test_several_officials_of_a_member_stand_in_one_row() -> None:
    said = [
        Opinion("u1", "0", 1, (1,), member="BRA"),
        Opinion("u2", "0", -1, (2,), member="BRA"),
        Opinion("u3", "1", 1, (3,), member="IND"),
        Opinion("u3", "0", 1, (4,), member="IND"),
    ]
    found = analyse(from_opinions(said, statements(2), public="delegations"), resamples=0)
    assert [(row.member, row.agrees, row.disagrees) for row in found.members] == [
        ("BRA", ("0",), ("0",)),
        ("IND", ("0", "1"), ()),
    ]


# --- What can't be computed ---


@pytest.mark.parametrize(
    ("said", "count", "message"),
    [
        ([], 0, "too few to compare: 0 voters, 0 statements, 0 votes."),
        ([("A", "0", 1)], 2, "too few to compare: 1 voters, 2 statements, 1 votes."),
        ([("A", "0", 1), ("B", "0", -1)], 1, "too few to compare: 2 voters, 1 statements, 2 votes."),
        (
            [("A", "0", 1), ("B", "0", 1), ("A", "1", -1), ("B", "1", -1)],
            2,
            "no two voters differ on any statement: 2 voters, 2 statements, 4 votes.",
        ),
        ([("A", "0", 1), ("B", "1", -1)], 2, "no two voters differ on any statement: 2 voters, 2 statements, 2 votes."),
    ],
)
@pytest.mark.parametrize("mode", ["concordat-1", "polis"])
def test_too_few_or_all_alike_is_a_method_error_with_counts(
    said: list[tuple[str, str, int]], count: int, message: str, mode: str
) -> None:
    votes = from_opinions([Opinion(p, s, v, (1,)) for p, s, v in said], statements(count))
    with pytest.raises(MethodError) as error:
        analyse(votes, mode)  # type: ignore[arg-type]
    assert message in str(error.value)
    assert "Wait for more votes." in str(error.value)


def test_differences_on_moderated_statements_alone_are_none() -> None:
    said = [Opinion("A", "0", 1, (1,)), Opinion("B", "0", -1, (1,)), Opinion("A", "1", 1, (1,)), Opinion("B", "1", 1, (1,))]  # fmt: skip  # noqa: E501
    listed = [Statement("0", moderation=-1), Statement("1"), Statement("2")]
    with pytest.raises(MethodError, match="no two voters differ on any statement"):
        analyse(from_opinions(said, listed))
    with pytest.raises(MethodError, match="1 not moderated out"):
        analyse(from_opinions(said, listed[:2]))


def test_unknown_modes_groups_and_resamples_are_refused() -> None:
    votes = consultation([4, 4], 6)
    with pytest.raises(InputError, match=r'"polish" is not a mode of analysis\. Modes: concordat-1, polis'):
        analyse(votes, "polish")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="3 groups"):
        analyse(votes, given_groups=[0, 1, 1])
    with pytest.raises(InputError, match="-2 is not a group"):
        analyse(votes, given_groups=[-2] * 8)
    with pytest.raises(InputError, match="float64"):
        analyse(votes, given_groups=[0.5] * 8)  # type: ignore[list-item]
    with pytest.raises(InputError, match='"theirs" is not a grouping'):
        analyse(votes, given_groups="theirs")  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="nobody is in a group"):
        analyse(votes, given_groups=[-1] * 8)
    with pytest.raises(MethodError, match="nobody is in a group"):
        analyse(votes, given_groups="source")
    for bad in (-1, 2.5, True, 10_001):
        with pytest.raises(InputError, match="is not a number of resamples"):
            analyse(votes, given_groups=[0, 1] * 4, resamples=bad)  # type: ignore[arg-type]


# --- The published formulas, by hand ---


def test_the_two_tests_by_hand() -> None:
    # z(3, 4) = 2 sqrt(5) (4/5 - 1/2) = 0.6 sqrt(5)
    assert float(share_test(3, 4)) == pytest.approx(0.6 * 5**0.5, abs=1e-15)
    # 3 of 4 against 1 of 4, plus one: 4/5 and 2/5, p = 6/10: 0.4 / sqrt(0.24 * 0.4)
    assert float(two_shares(3, 1, 4, 4)) == pytest.approx(0.4 / (0.24 * 0.4) ** 0.5, abs=1e-15)
    assert float(two_shares(7, 5, 7, 5)) == 0.0  # everybody on one side


def test_priorities_by_hand() -> None:
    votes = read_matrix("participant,0,1,2\n1,1,1,-1\n2,0,-1,1\n3,1,-1,\n")
    votes = replace(votes, statements=tuple(replace(s, meta=n == 2) for n, s in enumerate(votes.statements)))
    found = priorities(votes, np.array([0.5, 0.25, 0.0]), [0, 0, 0])
    # statement 0: A 2, D 0, S 3, P 1; statement 1: A 1, D 2, S 3, P 0
    first = ((1 - 2 / 5) * 1.5 * (3 / 5) * (1 + 8 * 2 ** (-3 / 5))) ** 2
    second = ((1 - 1 / 5) * 1.25 * (2 / 5) * (1 + 8 * 2 ** (-3 / 5))) ** 2
    assert found.tolist() == pytest.approx([first, second, 49.0], rel=1e-14)


def test_counts_leave_out_people_in_no_group_and_zeroed_columns_are_seen_by_all() -> None:
    votes = read_matrix("participant,0,1\n1,1,-1\n2,,0\n3,-1,1\n4,1,1\n")
    counts = group_counts(votes, [0, 0, 1, -1])
    assert counts.agrees.tolist() == [[1, 0], [0, 1]]
    assert counts.disagrees.tolist() == [[0, 1], [1, 0]]
    assert counts.seen.tolist() == [[1, 2], [1, 1]]
    assert counts.passes.tolist() == [[0, 1], [0, 0]]
    out = replace(votes, statements=(replace(votes.statements[0], moderation=-1), votes.statements[1]))
    zeroed = group_counts(out, [0, 0, 1, -1], zeroed=True)
    assert zeroed.seen.tolist() == [[2, 2], [1, 1]]
    assert zeroed.agrees.tolist() == [[0, 0], [0, 1]]


def test_enough_votes_are_seven_or_the_fifteen_most_active() -> None:
    said = [Opinion(f"p{p:02d}", str(s), 1, (1,)) for p in range(20) for s in range(p)]
    votes = from_opinions(said, statements(20))
    assert [votes.participants[i] for i in enough_votes(votes)] == [f"p{p:02d}" for p in range(5, 20)]
    few = from_opinions([o for o in said if int(o.voter[1:]) < 10], statements(20))
    assert len(enough_votes(few)) == 9  # p00 has no votes, and is not in the list


def test_the_order_in_which_polis_reads_people() -> None:
    votes = read_matrix("participant,0,1,2\n5,,,1\n4,,1,1\n3,1,,\n2,,1,\n1,,,\n")
    assert [votes.participants[i] for i in polis_order(votes)] == ["3", "2", "4", "5", "1"]


def test_one_direction_leaves_the_second_at_zero() -> None:
    votes = read_matrix("participant,0,1\n1,1,1\n2,-1,-1\n3,1,1\n")
    found = space(votes)
    assert np.abs(found.components[1]).max() == 0
    assert np.abs(found.people[:, 1]).max() == 0
    assert analyse(votes, resamples=0).space.people[:, 1].tolist() == [0.0, 0.0, 0.0]


# --- Stability, hosts, bridging ---


def test_jaccard_by_hand() -> None:
    found = jaccard(np.array([0, 0, 0, 0, 1, 1]), np.array([2, 2, 0, 0, 0, 1]), 2)
    assert found.tolist() == pytest.approx([2 / 4, 1 / 2])


def test_clear_camps_are_stable_and_what_is_resampled_depends_on_the_public() -> None:
    votes = consultation([20, 15], 40)
    found = analyse(votes, resamples=40)
    assert found.stability is not None
    assert found.stability.resampled == "people"
    assert found.stability.words == ("stable", "stable")
    together = found.stability.together
    assert together is not None
    camp = np.array(camp_of(votes))
    assert np.nanmin(together[np.ix_(camp == 0, camp == 0)]) > 0.9
    assert np.nanmax(together[np.ix_(camp == 0, camp == 1)]) < 0.1
    delegations = analyse(votes.with_public("delegations"), resamples=40)
    assert delegations.stability is not None
    assert delegations.stability.resampled == "statements"
    assert not np.isnan(delegations.stability.together).any()  # everyone is in every resample
    assert delegations.groups.tolist() == found.groups.tolist()


def test_a_random_split_is_not_stable() -> None:
    votes = consultation([40], 30, noise=0.9)
    groups = np.arange(40) % 2
    assert max(stability(votes, groups, resamples=40).groups) < 0.75
    assert analyse(votes, given_groups=groups, resamples=40).shown == (True, True)  # but given ones are not judged


def test_a_stuffed_camp_shows_by_its_host() -> None:
    said = camps([40, 30, 25], 40)
    said = [replace(o, host="stuffed" if o.voter.startswith("2-") else f"host-{int(o.voter[2:]) % 3}") for o in said]
    votes = from_opinions(said, statements(40))
    found = analyse(votes, resamples=0)
    rows = {row.host: row for row in found.hosts}
    assert set(rows) == {"stuffed", "host-0", "host-1", "host-2"}
    assert rows["stuffed"].voters == 25
    assert rows["stuffed"].share == pytest.approx(25 / 95)
    camp = int(found.groups[votes.participants.index("2-000")])
    assert rows["stuffed"].jaccard is not None
    assert rows["stuffed"].jaccard[camp] == 0  # gone without its host
    others = [rows[f"host-{n}"].jaccard for n in range(3)]
    assert all(row is not None and min(row) > 0.9 for row in others)
    assert rows["stuffed"].consensus_moved > max(rows[f"host-{n}"].consensus_moved for n in range(3))
    assert by_host(only(votes, np.arange(95)), found.groups) == found.hosts


def test_the_posterior_is_that_of_the_beta_distribution() -> None:
    from scipy.stats import beta

    for seen in (0, 1, 5, 30, 401):
        for agrees in {0, seen // 3, seen // 2, seen}:
            expected = beta.sf(0.5, agrees + 1, seen - agrees + 1)
            assert float(majority(agrees, seen)) == pytest.approx(expected, rel=1e-9)
    assert majority(0, 0) == Fraction(1, 2)
    assert float(majority(5_100, 10_000)) == pytest.approx(beta.sf(0.5, 5_101, 4_901), rel=1e-9)
    assert majority(9_000, 10_000) == 1  # within 10^-21
    assert majority(1_000, 10_000) == 0


def test_a_statement_bridges_only_with_five_voters_and_ninety_percent_in_every_group() -> None:
    def column(agree: int, seen: int) -> list[int | None]:
        return [1] * agree + [-1] * (seen - agree) + [None] * (8 - seen)

    # 4 of 5: 1 - (1 + 6)/64 = 0.89; 5 of 6: 1 - (1 + 7)/128 = 0.94; 4 of 4 = 0.97, but only 4 saw it
    for (agree, seen), bridging in {(4, 5): False, (5, 6): True, (4, 4): False, (5, 5): True, (3, 8): False}.items():
        first, second = column(8, 8), column(agree, seen)
        said = [
            Opinion(f"{g}{n}", "0", v, (1,))
            for g, part in (("a", first), ("b", second))
            for n, v in enumerate(part)
            if v is not None
        ]
        said += [Opinion(f"{g}{n}", "1", 1, (1,)) for g in "ab" for n in range(8)]
        votes = from_opinions(said, statements(2))
        found = bridges(votes, [0] * 8 + [1] * 8)[0]
        assert found.bridging is bridging
        assert found.consensus == Fraction(9, 10) * Fraction(agree + 1, seen + 2)
        assert float(found.rooted) == pytest.approx(float(found.consensus) ** 0.5, rel=1e-12)
        assert found.weakest == (1 if Fraction(agree + 1, seen + 2) < Fraction(9, 10) else 0)
        out = replace(votes, statements=(replace(votes.statements[0], moderation=-1), votes.statements[1]))
        assert not bridges(out, [0] * 8 + [1] * 8)[0].bridging


def test_roots_of_any_degree() -> None:
    assert float(root(Fraction(1, 27), 3)) == pytest.approx(1 / 3, rel=1e-15)
    assert float(root(Fraction(2, 3), 1)) == pytest.approx(2 / 3, rel=1e-15)


def test_declared_groups_bridge_and_a_member_without_one_is_named() -> None:
    votes = consultation([20, 20], 30)
    regions = {name: "north" if name.startswith("0") else "south" for name in votes.participants}
    found = analyse(votes, resamples=0, declared=regions)
    assert found.bridging_basis == "declared"
    assert found.group_names == ("north", "south")
    assert len(found.bridging[0].shares) == 2
    with pytest.raises(InputError, match=r"1 members have no declared group: 0-000\. Give every member a group"):
        declared_groups(votes, {k: v for k, v in regions.items() if k != "0-000"})


def test_the_groups_of_the_source_are_taken_in_the_order_of_their_labels() -> None:
    votes = read_matrix("participant,group-id,0,1\n1,10,1,1\n2,9,-1,1\n3,,1,-1\n")
    groups, labels = given_groups(votes)
    assert labels == ("9", "10")
    assert groups.tolist() == [1, 0, -1]
    assert analyse(votes, given_groups="source", resamples=0).groups.tolist() == [1, 0, -1]


def test_what_the_source_does_not_say_is_warned_of() -> None:
    old: Votes = read_matrix("participant,0,1\n1,1,-1\n2,1,-1\n3,-1,1\n4,-1,1\n")
    assert any("which statements are meta" in line for line in analyse(old, resamples=0).warnings)
    assert any("no memory" in line for line in analyse(old, "polis", resamples=0).warnings)
