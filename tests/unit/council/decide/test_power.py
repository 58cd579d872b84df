"""Power indices against published games and against their definitions over all coalitions of a referee."""

import random
from fractions import Fraction
from math import comb

import pytest

from concordat import canonical
from concordat.council.decide import _counting
from concordat.council.decide._dominance import Dominance
from concordat.council.decide._quota import gauss_legendre
from concordat.council.decide.game import game_of
from concordat.council.decide.power import possible_methods, power, power_of
from concordat.council.decide.rules import Rule, shipped
from concordat.errors import InputError, MethodError
from council_referee import Referee, Vote

PERMANENT = tuple(f"P{n}" for n in range(5))
ELECTED = tuple(f"E{n:02}" for n in range(10))


def vote_rule(adopt: str) -> str:
    return f"rule: r\nversion: 1\nmethod: vote\nadopt: {adopt}\n"


def quota_game(quota: int, weights: list[int]) -> tuple[Rule, dict[str, dict[str, int]]]:
    return Rule.load(vote_rule(f"{{count: w, at_least: {quota}}}")), {
        "w": {f"m{k:03}": w for k, w in enumerate(weights)}
    }


# --- Published games ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["", "table", "halves", "enumeration"])
def test_security_council(method: str) -> None:
    """Shapley and Shubik's value of the council of fifteen: 421/2145 and 4/2145."""
    found = power(
        shipped("unsc_veto"), {}, entitled=PERMANENT + ELECTED, groups={"permanent": PERMANENT}, method=method
    )
    assert {found.shapley[m] for m in PERMANENT} == {Fraction(421, 2145)}
    assert {found.shapley[m] for m in ELECTED} == {Fraction(4, 2145)}
    # By hand: all five permanent with at least four of ten. Winning: 2^10 - (1 + 10 + 45 + 120) = 848.
    assert found.act == Fraction(848, 2**15)
    assert found.banzhaf["P0"] == Fraction(848, 2**14)
    assert found.banzhaf["E00"] == Fraction(comb(9, 3), 2**14)
    assert found.prevent["P0"] == 1
    assert found.prevent["E00"] == Fraction(84, 848)
    assert found.initiate["P0"] == Fraction(848, 2**15 - 848)


@pytest.mark.parametrize("method", ["", "table", "halves", "enumeration"])
def test_the_economic_community_of_1958(method: str) -> None:
    """[12; 4, 4, 4, 2, 2, 1]: Banzhaf 5/21, 5/21, 5/21, 3/21, 3/21, 0 (Luxembourg never decides)."""
    rule, weights = quota_game(12, [4, 4, 4, 2, 2, 1])
    found = power(rule, weights, method=method)
    assert [found.banzhaf_share[m] for m in found.members] == [Fraction(k, 21) for k in (5, 5, 5, 3, 3, 0)]
    # Shapley by hand: Luxembourg 0; a small one is pivotal in 3/20 of the orders, a large one in 7/30.
    assert [found.shapley[m] for m in found.members] == [Fraction(k, 60) for k in (14, 14, 14, 9, 9, 0)]


def test_unanimity_and_dictator_and_majority() -> None:
    members = ("A", "B", "C")
    every = power(shipped("consensus"), {}, entitled=members)
    assert set(every.shapley.values()) == {Fraction(1, 3)}
    assert every.act == Fraction(1, 8)
    rule, weights = quota_game(5, [5, 1, 1, 1])
    assert power(rule, weights).shapley == {"m000": 1, "m001": 0, "m002": 0, "m003": 0}
    majority = power(shipped("simple_majority"), {}, entitled=members)
    assert set(majority.banzhaf.values()) == {Fraction(1, 2)}
    alone = power(shipped("simple_majority"), {}, entitled=("A",))
    assert alone.shapley == {"A": 1}


# --- By definition --------------------------------------------------------------------------------------------------


def by_definition(text: str, vote: Vote) -> tuple[list[Fraction], list[Fraction], bool]:
    """Shapley and Banzhaf over all coalitions of the referee's game; whether it is monotone."""
    n = len(vote.members)

    def wins(mask: int) -> bool:
        vote.ballots = {m: "yes" if mask >> i & 1 else "no" for i, m in enumerate(vote.members)}
        referee = Referee(text, vote)
        return referee.holds(referee.rule["adopt"], good=True, ties=False)

    table = [wins(mask) for mask in range(1 << n)]
    shapley, banzhaf, monotone = [Fraction(0)] * n, [Fraction(0)] * n, True
    for mask in range(1 << n):
        for i in range(n):
            if not mask >> i & 1:
                gained = table[mask | 1 << i] - table[mask]
                monotone = monotone and gained >= 0
                shapley[i] += Fraction(gained, n * comb(n - 1, mask.bit_count()))
                banzhaf[i] += Fraction(gained, 2 ** (n - 1))
    return shapley, banzhaf, monotone


def test_random_rules_against_the_definition() -> None:
    rng = random.Random("power")
    compared = refused = 0
    methods: list[str] = []
    for _ in range(120):
        n = rng.randint(1, 6)
        members = [f"m{i}" for i in range(n)]
        leaves = [
            f"{{share: a, {rng.choice(['at_least', 'more_than'])}: 0.{rng.randint(1, 99):02}}}",
            f"{{share: b, of: g, at_least: 0.{rng.randint(1, 99):02}}}",
            f"{{count: members, choice: {rng.choice(['no', 'not_yes'])}, at_most: {rng.randint(0, n)}}}",
            f"{{none_of: [{{against: g, at_least: {rng.randint(1, 3)}}}]}}",
            "{at_least_of: {n: 2, of: [{count: a, at_least: 4}, {count: b, at_least: 50}, {nobody: objects}]}}",
            f"{{count: members, at_most: {rng.randint(0, n)}}}",
        ]
        picked = rng.sample(leaves, rng.randint(1, 3))
        text = vote_rule(f"{{{rng.choice(['any_of', 'all_of'])}: [{', '.join(picked)}]}}")
        weights = {"a": {m: rng.randint(0, 5) for m in members}, "b": {m: rng.randint(0, 90) for m in members}}
        groups = {"g": [m for m in members if rng.random() < 0.6]}
        vote = Vote(members, {}, members, members, weights, groups)
        shapley, banzhaf, monotone = by_definition(text, vote)
        try:
            found = power(Rule.load(text), weights, entitled=members, groups=groups, method="enumeration")
        except MethodError as error:
            refused += 1
            rightly = {"not_monotone": not monotone, "no_power": not any(banzhaf)}
            if not rightly[error.code]:
                raise
            continue
        compared += 1
        assert monotone
        assert [found.shapley[m] for m in members] == shapley
        assert [found.banzhaf[m] for m in members] == banzhaf
        game = game_of(Rule.load(text), weights, entitled=members, groups=groups)
        for method in sorted({"table", "halves"} & set(possible_methods(game))):
            other = power_of(Rule.load(text), game, method=method)
            assert (other.shapley, other.banzhaf) == (found.shapley, found.banzhaf)
            methods.append(method)
    assert min(methods.count("table"), methods.count("halves")) > 20
    assert compared > 40
    assert refused > 20


def test_fourteen_members_under_the_double_majority_against_the_definition() -> None:
    """All 16,384 coalitions, counted here: 55 % of members with 65 % of weight, or all but three."""
    rng = random.Random(14)
    people = {f"m{i:02}": rng.randint(10**5, 10**8) for i in range(14)}
    members, total = sorted(people), sum(people.values())

    def wins(mask: int) -> bool:
        inside = [people[m] for i, m in enumerate(members) if mask >> i & 1]
        both = 100 * len(inside) >= 55 * 14 and 100 * sum(inside) >= 65 * total
        return both or 14 - len(inside) <= 3

    table = [wins(mask) for mask in range(1 << 14)]
    for method in ("halves", "enumeration"):
        found = power(shipped("eu_double_majority"), {"population": people}, method=method)
        for i, member in enumerate(members):
            pivots = [m for m in range(1 << 14) if not m >> i & 1 and table[m | 1 << i] and not table[m]]
            assert found.banzhaf[member] == Fraction(len(pivots), 2**13)
            assert found.shapley[member] == sum(Fraction(1, 14 * comb(13, m.bit_count())) for m in pivots)


# --- The methods against each other ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "most"), [(63, 12), (130, 8), (200, 4)])
def test_a_table_of_many_members_by_symmetry_and_sum(n: int, most: int) -> None:
    """Over 61 members the counts pass 2^62 and are put together from several primes."""
    rng = random.Random(n)
    weights = [rng.randint(1, most) for _ in range(n)]
    rule, table = quota_game(sum(weights) * 2 // 3, weights)
    found = power(rule, table, method="table")
    assert sum(found.shapley.values()) == 1
    by_weight: dict[int, set[Fraction]] = {}
    for member, weight in table["w"].items():
        by_weight.setdefault(weight, set()).add(found.shapley[member])
    assert all(len(values) == 1 for values in by_weight.values())
    other = power(rule, table, method="quota")
    assert max(abs(float(found.shapley[m]) - other.shapley[m]) for m in found.members) < 1e-9
    assert max(abs(float(found.prevent[m]) - other.prevent[m]) for m in found.members) < 1e-9
    assert max(abs(float(found.initiate[m]) - other.initiate[m]) for m in found.members) < 1e-9
    assert other.act == pytest.approx(float(found.act), rel=1e-9)


def test_many_equal_members_by_formula() -> None:
    """A majority of 101 equal members: Shapley 1/101, Banzhaf C(100, 50) / 2^100."""
    members = tuple(f"m{k:03}" for k in range(101))
    found = power(shipped("simple_majority"), {}, entitled=members)
    assert set(found.shapley.values()) == {Fraction(1, 101)}
    assert set(found.banzhaf.values()) == {Fraction(comb(100, 50), 2**100)}
    other = power(shipped("simple_majority"), {}, entitled=members, method="quota")
    assert other.shapley["m000"] == pytest.approx(1 / 101, abs=1e-12)
    assert other.banzhaf["m000"] == pytest.approx(comb(100, 50) / 2**100, rel=1e-12)


@pytest.mark.parametrize("share", ["1/2", "0.85", "0.2"])
def test_one_quota_with_large_weights_against_halves(share: str) -> None:
    rng = random.Random(share)
    table = {"w": {f"m{k:02}": rng.randint(1, 60_000) for k in range(24)}}
    rule = Rule.load(vote_rule(f"{{share: w, at_least: {share}}}"))
    exact = power(rule, table, method="halves")
    found = power(rule, table, method="quota")
    for column in ("shapley", "banzhaf_share", "banzhaf", "prevent", "initiate"):
        values = [abs(float(getattr(exact, column)[m]) - getattr(found, column)[m]) for m in exact.members]
        assert max(values) < 1e-9, column
    assert found.error < 1e-8


def test_two_criteria_of_many_values_against_enumeration() -> None:
    rng = random.Random(2)
    members = [f"m{k:02}" for k in range(15)]
    weights = {t: {m: rng.randint(1, 10**9) for m in members} for t in ("a", "b")}
    text = vote_rule(
        "{any_of: [{all_of: [{share: a, at_least: 0.55}, {share: b, at_least: 0.5}, {count: members, at_least: 6}]},"
        " {share: b, at_least: 0.8}, {all_of: [{share: a, at_least: 0.4}, {share: b, at_least: 0.7}]}]}"
    )
    rule = Rule.load(text)
    assert len(_counting.wide_criteria(game_of(rule, weights))) == 2
    one, two = (power(rule, weights, method=m) for m in ("halves", "enumeration"))
    assert one.shapley == two.shapley
    assert one.banzhaf == two.banzhaf


@pytest.mark.parametrize("count", [1, 2, 24, 32, 48, 64, 96])
def test_the_nodes_of_the_integral(count: int) -> None:
    import numpy as np

    nodes, shares = gauss_legendre(count)
    theirs = np.polynomial.legendre.leggauss(count)
    assert sorted(nodes) == pytest.approx(theirs[0].tolist(), abs=1e-15)
    assert sorted(shares) == pytest.approx(sorted(theirs[1].tolist()), abs=1e-13)
    # Exact for polynomials up to degree 2n - 1: the integral of x^(2n-2) over [-1, 1] is 2 / (2n - 1).
    power_of_x = sum(share * node ** (2 * count - 2) for node, share in zip(nodes, shares, strict=True))
    assert power_of_x == pytest.approx(2 / (2 * count - 1), rel=1e-12)


def test_points_above_a_corner() -> None:
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(1))
    for count in (1, 2, 7, 100):
        points = rng.integers(0, 12, (2, count))
        points = points[:, np.argsort(points[0], kind="stable")]
        corners = rng.integers(-2, 14, (2, 50))
        found = Dominance(points).at_least(corners[0], corners[1])
        plain = [int(((points[0] >= x) & (points[1] >= y)).sum()) for x, y in corners.T]
        assert found.tolist() == plain


# --- What is refused, and what doesn't matter -----------------------------------------------------------------------


def test_weights_with_a_common_factor_are_one_game() -> None:
    rule, small = quota_game(7, [5, 3, 2])
    _, large = quota_game(7, [5 * 10**30, 3 * 10**30, 2 * 10**30])
    ten = Rule.load(vote_rule("{share: w, at_least: 0.7}"))
    assert power(ten, large).shapley == power(ten, small).shapley == power(rule, small).shapley
    uneven = {"w": {"a": 10**19, "b": 10**19 + 1}}
    with pytest.raises(MethodError, match=r"over 2\^62"):
        power(ten, uneven)


def test_suspended_members_and_observers_have_no_power() -> None:
    table = {"quota": {"A": 4, "B": 3, "C": 2, "Observer": 100}}
    found = power(shipped("imf_70"), table, entitled=("A", "B", "C"))
    assert found.members == ("A", "B", "C")
    assert "Observer" not in found.shapley


@pytest.mark.parametrize(
    ("adopt", "said"),
    [
        ("{count: members, at_most: 2}", "one more yes can turn adopted into rejected"),
        ("{all_of: [{share: w, at_least: 0.3}, {share: w, less_than: 0.9}]}", "one more yes can turn adopted"),
        ("{count: members, choice: no, at_least: 1}", "one more yes can turn adopted"),
        ("{count: members, at_least: 0}", "is always adopted"),
        ("{count: members, at_least: 9}", "is never adopted"),
        ("{count: members, choice: abstain, at_least: 1}", "is never adopted"),
        ("{share: members, of: g, at_least: 0.5}", "is never adopted"),
    ],
)
def test_a_rule_that_is_no_simple_game(adopt: str, said: str) -> None:
    table = {"w": {"A": 1, "B": 2, "C": 3}}
    with pytest.raises(MethodError, match=said):
        power(Rule.load(vote_rule(adopt)), table, groups={"g": ()})


def test_what_else_is_refused() -> None:
    with pytest.raises(MethodError, match="elects"):
        power(shipped("election"), {}, entitled=("A",), groups={"africa": ()})
    rule, table = quota_game(7, [5, 3, 2])
    with pytest.raises(InputError, match='Did you mean "halves"'):
        power(rule, table, method="halfs")
    with pytest.raises(InputError, match="no weight for X"):
        power(rule, table, entitled=("m000", "X"))
    with pytest.raises(InputError, match="nobody is entitled"):
        power(shipped("simple_majority"), {})
    many = {"population": {f"m{k:03}": 10**6 + k * k for k in range(60)}}
    with pytest.raises(MethodError, match="60 members, 2 criteria and a total weight of"):
        power(shipped("eu_double_majority"), many)
    with pytest.raises(MethodError, match='the method "quota" can\'t take'):
        power(shipped("eu_72"), {"population": {"A": 1, "B": 2}}, method="quota")


def test_a_result_can_be_written() -> None:
    rule, table = quota_game(7, [5, 3, 2])
    value = power(rule, table).to_value()
    assert value["members"]["m000"]["shapley"] == "2/3"
    assert value["error"] == "0"
    assert canonical.dumps(value)
    floating = power(rule, table, method="quota").to_value()
    assert floating["members"]["m000"]["shapley"] == "0.6666666667"
    assert canonical.dumps(floating)
