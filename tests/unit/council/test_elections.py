"""Elections against published examples, hand counts and a referee that shares no code; bad input, case by case."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

import election_referee
from concordat import canonical
from concordat.council.decide import _election_result
from concordat.council.decide._election_contest import contest, rankings
from concordat.council.decide._ranking_rules import pairwise, strongest_paths
from concordat.council.decide.elections import SIZE_MAX, SYSTEMS, ElectionResult, check_size, elect
from concordat.errors import InputError, MethodError, RuleError
from effort import calls

APPROVAL = ("pav", "phragmen", "equal_shares")


def times(**papers: int) -> list[tuple[str, ...]]:
    """`times(AB=3)`: three ballots that name A, then B."""
    return [tuple(names) for names, number in papers.items() for _ in range(number)]


# --- Published and hand-counted ---


def test_stv_food_example() -> None:
    """The worked example of the English Wikipedia's "Single transferable vote" (2014 to 2022): 20 guests, 3 dishes."""
    papers = (
        [("Orange",)] * 4
        + [("Pear", "Orange")] * 2
        + [("Chocolate", "Strawberry")] * 8
        + [("Chocolate", "Sweets")] * 4
        + [("Strawberry",), ("Sweets",)]
    )
    found = elect("stv", papers, ["Orange", "Pear", "Chocolate", "Strawberry", "Sweets"], 3)
    assert set(found.elected) == {"Chocolate", "Orange", "Strawberry"}
    assert found.tied == ()
    first, surplus = dict(found.rounds[0].counts), dict(found.rounds[2].counts)
    assert first == {"Orange": 4, "Pear": 2, "Chocolate": 12, "Strawberry": 1, "Sweets": 1}
    assert (surplus["Strawberry"], surplus["Sweets"], surplus["Pear"]) == (5, 3, 2)  # 6 of 12 passed on, half of each
    assert "quota 6 of 20 votes." in found.notes


def test_schulze_example_of_the_paper() -> None:
    """Schulze 2011, the example with 45 voters: strengths of the strongest paths, ranking E > A > C > B > D."""
    papers = times(ACBED=5, ADECB=5, BEDAC=8, CABED=3, CAEBD=7, CBADE=2, DCEBA=7, EBADC=8)
    names = tuple("ABCDE")
    paths = strongest_paths(pairwise(5, rankings(papers, names, ties=True)))
    assert paths.tolist() == [
        [0, 28, 28, 30, 24],
        [25, 0, 28, 33, 24],
        [25, 29, 0, 29, 24],
        [25, 28, 28, 0, 24],
        [25, 28, 28, 31, 0],
    ]
    assert elect("schulze", papers, names, 1).elected == ("E",)
    assert elect("schulze", papers, names, 3).elected == ("A", "C", "E")
    assert [name for name, _, _ in elect("schulze", papers, names, 1).places] == list("EACBD")


def test_the_capital_of_tennessee() -> None:
    """The example of many pages on voting: Memphis 42, Nashville 26, Chattanooga 15, Knoxville 17 of 100."""
    papers = times(MNCK=42, NCKM=26, CKNM=15, KCNM=17)
    points = dict(elect("borda", papers, list("MNCK"), 1).rounds[0].counts)
    assert points == {"M": 126, "N": 194, "C": 173, "K": 107}
    assert elect("borda", papers, list("MNCK"), 1).elected == ("N",)
    assert elect("schulze", papers, list("MNCK"), 1).elected == ("N",)
    assert elect("stv", papers, list("MNCK"), 1).elected == ("K",)


def test_pav_by_hand() -> None:
    """5 approve A and B, 17 A and C, 8 D; AC: 5 + 17 * 3/2 = 61/2, AD: 22 + 8 = 30."""
    found = elect("pav", times(AB=5, AC=17, D=8), list("ABCD"), 2)
    assert found.elected == ("A", "C")
    assert found.rounds[-1].counts == (("score", Fraction(61, 2)),)


def test_phragmen_by_hand() -> None:
    """A at 1/3; then B would bring 3 voters to (1 + 2/3)/3 = 5/9, C 1 voter to 1, D 2 voters to 1/2: D."""
    found = elect("phragmen", [("A", "B"), ("A", "B"), ("A",), ("B", "C"), ("D",), ("D",)], list("ABCD"), 2)
    assert dict(found.rounds[0].counts)["B"] == Fraction(1, 3)
    assert set(found.elected) | set(found.tied) >= {"D"}
    assert found.committees == (("A", "D"), ("B", "D"))  # A and B are tied first; D follows either


def test_phragmen_loads_by_hand() -> None:
    found = elect("phragmen", times(AB=3, AC=2, C=1, D=2), list("ABCD"), 3)
    assert found.rounds[0].counts[0] == ("A", Fraction(1, 5))
    second = dict(found.rounds[1].counts)  # C: (1 + 2/5) / 3, B: (1 + 3/5) / 3, D: 1/2
    assert second == {"B": Fraction(8, 15), "C": Fraction(7, 15), "D": Fraction(1, 2)}
    third = dict(found.rounds[2].counts)  # B as before, D as before: D
    assert third == {"B": Fraction(8, 15), "D": Fraction(1, 2)}
    assert found.elected == ("A", "C", "D")


def test_equal_shares_by_hand() -> None:
    """4 voters, 2 seats, each holds 1/2: A costs its 3 supporters 1/3 each; then B 1/6 + 1/6 + 1/2 < 1, unpayable."""
    found = elect("equal_shares", [("A", "B"), ("A", "B"), ("A",), ("B",)], ["A", "B"], 2)
    assert found.elected == ("A", "B")
    single = elect("equal_shares", [("A", "B"), ("A", "B"), ("A",), ("C",)], ["A", "B", "C"], 2)
    assert single.rounds[0].counts == (("A", Fraction(1, 3)), ("B", Fraction(1, 2)))
    # Left: 1/6, 1/6, 1/6, 1/2; loads from -1/6, -1/6 (B) and -1/2 (C): B (1 - 1/3)/2 = 1/3, C (1 - 1/2)/1 = 1/2.
    assert single.rounds[2].counts == (("B", Fraction(1, 3)), ("C", Fraction(1, 2)))
    assert single.elected == ("A", "B")


def test_borda_shares_points_among_those_of_one_place_and_among_the_left_out() -> None:
    """m = 4: a ballot A > (B, C) gives 3, 3/2, 3/2, 0; a ballot D gives 3 and 1 to each other."""
    found = elect("borda", [("A", ("B", "C")), ("D",)], list("ABCD"), 1)
    assert dict(found.rounds[0].counts) == {"A": 4, "B": Fraction(5, 2), "C": Fraction(5, 2), "D": 3}


# --- Ties ---


def test_a_tie_goes_to_a_second_round_and_names_its_seats() -> None:
    found = elect("stv", times(A=3, B=2, C=2), list("ABC"), 2)
    assert (found.elected, found.tied, found.seats_left) == (("A",), ("B", "C"), 1)
    assert "Tied for 1 seat: B, C. A second round decides." in found.lines()


def test_a_tie_without_consequence_is_no_tie() -> None:
    """B and C are excluded in either order; A wins both ways."""
    found = elect("stv", times(A=3, BA=1, CA=1), list("ABC"), 1)
    assert (found.elected, found.tied, found.outcomes) == (("A",), (), 1)


def test_schulze_says_where_the_relation_is_silent() -> None:
    """A beats B, nothing links C to them (2 : 2 and 2 : 2): C is tied with A for one seat, with B for the second."""
    papers = [("A", "B", "C"), ("A", "B", "C"), ("C", "A", "B"), ("C", "A", "B")]
    assert elect("schulze", papers, list("ABC"), 1).tied == ("A", "C")
    two = elect("schulze", papers, list("ABC"), 2)
    assert (two.elected, two.tied) == (("A",), ("B", "C"))
    assert two.places == (("A", 1, 2), ("C", 1, 3), ("B", 2, 3))


def test_too_many_ties_are_not_followed_and_nobody_is_elected_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    papers = [("A", "B")] * 5 + [(name,) for name in "CDEFGH"]
    whole = elect("phragmen", papers, list("ABCDEFGH"), 5)
    monkeypatch.setattr(_election_result, "STATES_MAX", 3)
    cut = elect("phragmen", papers, list("ABCDEFGH"), 5)
    assert cut.outcomes is None
    assert cut.committees == ()
    assert set(cut.elected) <= set(whole.elected)
    assert set(cut.tied) >= set(whole.tied)
    assert "not all were followed" in " ".join(cut.notes)


@pytest.mark.parametrize("system", SYSTEMS)
def test_everyone_alike_is_one_tie(system: str) -> None:
    names = [f"c{n:02d}" for n in range(15)]
    found = elect(system, [(name,) for name in names], names, 4)
    assert (found.elected, found.tied, found.seats_left) == ((), tuple(names), 4)


def test_many_candidates_whom_nobody_supports_are_followed_as_one() -> None:
    names = [f"c{n:03d}" for n in range(200)]
    for system in ("pav", "phragmen", "equal_shares", "stv"):
        found = elect(system, [("c007",)] * 3, names, 9)
        assert found.elected == ("c007",), system
        assert len(found.tied) == 199
        assert found.outcomes is not None
        assert found.outcomes > 10**12  # 199 over 8, more than canonical integers hold
        canonical.dumps(found.to_value())


# --- Quotas of groups ---


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_quota_seats_the_best_of_its_group(system: str) -> None:
    papers = [("A", "B", "C")] * 7 + [("A", "B", "E")] + [("E", "D")]
    free = elect(system, papers, list("ABCDE"), 3)
    assert free.elected == ("A", "B", "C")
    kept = elect(system, papers, list("ABCDE"), 3, quotas={"africa": 1}, groups={"africa": ["D", "E"]})
    assert kept.elected == ("A", "B", "E")
    assert kept.to_value()["quotas"] == {"africa": 1}


def test_a_second_round_says_what_groups_are_still_owed() -> None:
    papers = times(A=4, B=2, C=2, D=1)
    found = elect("borda", papers, list("ABCD"), 2, quotas={"asia": 1}, groups={"asia": ["B", "C"]})
    assert (found.elected, found.tied, found.quotas_left) == (("A",), ("B", "C"), (("asia", 1),))
    assert found.lines()[2] == "Tied for 1 seat: B, C. A second round decides. At least 1 of asia."


def test_stv_excludes_the_others_when_all_seats_left_are_owed() -> None:
    papers = times(AB=9, BC=6, C=2, D=1)
    found = elect("stv", papers, list("ABCD"), 2, quotas={"g": 1}, groups={"g": ["C", "D"]})
    assert found.elected == ("A", "C")  # B has the quota of 7 with A's surplus, but the last seat is kept for C or D
    assert any("owed to groups" in entry.what for entry in found.rounds)


def test_pav_beyond_twenty_candidates_is_sequential_and_says_so() -> None:
    names = [f"c{n:02d}" for n in range(21)]
    papers = [tuple(random.Random(n).sample(names, 4)) for n in range(12)]
    found = elect("pav", papers, names, 3)
    assert found.method == "Sequential proportional approval voting"
    assert "21 candidates" in found.notes[0]
    wanted = election_referee.outcomes("sequential_pav", papers, names, 3)
    assert found.outcomes == len(wanted)
    assert elect("pav", papers, names[:20] + names[20:], 3).method != elect("pav", times(A=1), ["A"], 1).method


# --- The referee ---


def profile(rng: random.Random, system: str) -> dict[str, Any]:
    """A small random election, half of them with quotas."""
    names = list("abcdef")[: rng.randint(1, 6)]
    seats = rng.randint(1, len(names))
    papers: list[tuple[Any, ...]] = []
    for _ in range(rng.randint(1, 8)):
        order: list[Any] = rng.sample(names, rng.randint(0, len(names)))
        if system in ("borda", "schulze") and len(order) > 2 and rng.random() < 0.5:
            order = [order[0], tuple(order[1:3]), *order[3:]]
        papers.append(tuple(order))
    quotas: dict[str, int] = {}
    groups: dict[str, list[str]] = {}
    if rng.random() < 0.5:
        cut, shuffled = rng.randint(1, len(names)), rng.sample(names, len(names))
        for group, part in (("north", shuffled[:cut]), ("south", shuffled[cut:])):
            groups[group] = part
            quotas[group] = rng.randint(0, min(len(part), seats - sum(quotas.values())))
    return {"ballots": papers, "candidates": names, "seats": seats, "quotas": quotas, "groups": groups}


@pytest.mark.parametrize("system", SYSTEMS)
def test_equal_to_the_definition(system: str) -> None:
    rng = random.Random(7)
    for _ in range(120):
        case = profile(rng, system)
        if system == "stv" and not any(case["ballots"]):
            continue
        found = elect(system, **case)
        groups = [(set(case["groups"][group]), least) for group, least in case["quotas"].items() if least]
        wanted = election_referee.outcomes(system, case["ballots"], case["candidates"], case["seats"], groups)
        agree(found, wanted)


def agree(found: ElectionResult, wanted: set[frozenset[str]]) -> None:
    assert set(found.elected) == set(frozenset.intersection(*wanted)), wanted
    assert set(found.tied) == set(frozenset.union(*wanted)) - set(found.elected), wanted
    if found.outcomes is not None:
        assert found.outcomes == len(wanted)
        assert {frozenset(committee) for committee in found.committees} == wanted


# --- The form of a result ---


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_result_is_canonical_and_reads_as_text(system: str) -> None:
    found = elect(system, [("é", "日本"), ("日本",), ("é",)], ["é", "日本", "C"], 2)
    value = canonical.loads(canonical.dumps(found.to_value()))
    assert value["schema"] == "concordat/election-result@1"
    assert value["elected"] == ["é", "日本"]
    assert all(isinstance(number, str) for entry in value["rounds"] for _, number in entry["counts"])
    assert found.lines()[1] == "Elected: é, 日本."


def test_a_table_of_many_numbers_is_cut_in_text_and_whole_in_the_value() -> None:
    names = [f"c{n:02d}" for n in range(12)]
    found = elect("schulze", [tuple(names)], names, 1)
    assert "and 32 more" in found.lines()[2]
    assert len(found.to_value()["rounds"][0]["counts"]) == 132


# --- Bad input ---

BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("system", {"system": "shulze"}, InputError, 'Did you mean "schulze"?'),
    ("system of another type", {"system": None}, InputError, "Known systems: pav"),
    ("no candidates", {"candidates": []}, InputError, "nobody stands"),
    ("a text for candidates", {"candidates": "ABC"}, InputError, "not a list of names"),
    ("candidate twice", {"candidates": ["A", "B", "A"]}, InputError, '"A" stands twice'),
    ("candidate without a name", {"candidates": ["A", " "]}, InputError, "not a candidate's name"),
    ("candidate who is a number", {"candidates": ["A", 3]}, InputError, "3 is not a candidate's name"),
    ("name not composed", {"candidates": ["A", "e\u0301"]}, InputError, "NFC"),
    ("half a surrogate", {"candidates": ["A", "\ud800"]}, InputError, "surrogate"),
    ("too many candidates", {"candidates": [str(n) for n in range(501)]}, InputError, "501 candidates"),
    ("no seats", {"seats": 0}, InputError, "0 seats"),
    ("seats are true", {"seats": True}, InputError, "True seats"),
    ("a float of seats", {"seats": 2.0}, InputError, "2.0 seats"),
    ("more seats than candidates", {"seats": 4}, InputError, "4 seats for 3 candidates"),
    ("no ballots", {"ballots": []}, InputError, "no ballot was cast"),
    ("a text for ballots", {"ballots": "AB"}, InputError, "ballots are a str"),
    ("ballots by member", {"ballots": {"BRA": ("A",)}}, InputError, "ballots are a dict"),
    ("nothing for ballots", {"ballots": None}, InputError, "ballots are a NoneType"),
    ("a text for a ballot", {"ballots": [("A",), "AB"]}, InputError, "ballot 2: 'AB' is not a ballot"),
    ("a number for a ballot", {"ballots": [7]}, InputError, "ballot 1: 7 is not a ballot"),
    ("unknown candidate", {"ballots": [("A",), ("Chin",)], "candidates": ["A", "China"]}, InputError, '"China"'),
    ("a number for a candidate", {"ballots": [(1,)]}, InputError, "ballot 1: 1 does not stand"),
    ("twice on a ballot", {"ballots": [("A", "B", "A")]}, InputError, 'ballot 1: "A" is named twice'),
    ("unknown group", {"quotas": {"afrika": 1}, "groups": {"africa": ["A"]}}, InputError, 'Did you mean "africa"?'),
    ("quota of less than none", {"quotas": {"g": -1}, "groups": {"g": ["A"]}}, InputError, "-1 seats"),
    ("quota of half", {"quotas": {"g": 0.5}, "groups": {"g": ["A"]}}, InputError, "0.5 seats"),
    ("a text for a group", {"quotas": {"g": 1}, "groups": {"g": "A"}}, InputError, "list of candidates"),
    ("quotas in a list", {"quotas": ["g"]}, InputError, "quotas are given by the groups' names"),
    ("a number for a group's name", {"quotas": {1: 1}, "groups": {1: ["A"]}}, InputError, "by the groups' names"),
    ("a group's name not composed", {"quotas": {"e\u0301": 1}}, InputError, "NFC"),
    ("a group without a name", {"quotas": {"": 1}}, InputError, "not a group's name"),
    ("groups in a list", {"quotas": {"g": 1}, "groups": [("g", ["A"])]}, InputError, "groups are given by"),
    ("a number for a group", {"quotas": {"g": 1}, "groups": {"g": 3}}, InputError, "list of candidates"),
    ("a list in a group", {"quotas": {"g": 1}, "groups": {"g": [["A"]]}}, InputError, "['A'] does not stand"),
    ("stranger in a group", {"quotas": {"g": 1}, "groups": {"g": ["A", "Z"]}}, InputError, "'Z' does not stand"),
    ("quota beyond its group", {"quotas": {"g": 2}, "groups": {"g": ["A"]}}, RuleError, "where 1 candidates stand"),
    (
        "quotas beyond the seats",
        {"quotas": {"g": 1, "h": 1}, "groups": {"g": ["A"], "h": ["B"]}, "seats": 1},
        RuleError,
        "quotas keep 2 seats of 1",
    ),
    (
        "groups that overlap",
        {"quotas": {"g": 1, "h": 1}, "groups": {"g": ["A", "B"], "h": ["B"]}},
        RuleError,
        '"B" belongs to g and to h',
    ),
]


@pytest.mark.parametrize(("case", "kind", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input(case: dict[str, Any], kind: type[Exception], message: str) -> None:
    given = {"system": "pav", "ballots": [("A",)], "candidates": ["A", "B", "C"], "seats": 2} | case
    with pytest.raises(kind) as caught:
        elect(**given)
    assert message in str(caught.value)


def test_bad_rankings() -> None:
    with pytest.raises(InputError, match="share a place"):
        elect("stv", [("A", ("B", "C"))], list("ABC"), 1)
    with pytest.raises(InputError, match='"A" is named twice'):
        elect("borda", [("A", ("A", "C"))], list("ABC"), 1)
    with pytest.raises(InputError, match="is not a ballot"):
        elect("schulze", [{"A", "B"}], list("ABC"), 1)
    with pytest.raises(MethodError, match="all 2 ballots are blank"):
        elect("stv", [(), ((),)], list("ABC"), 1)


@pytest.mark.parametrize("system", ["pav", "phragmen", "equal_shares", "borda", "schulze"])
def test_blank_ballots_alone_leave_everyone_tied(system: str) -> None:
    found = elect(system, [(), ()], list("ABC"), 2)
    assert (found.elected, found.tied) == ((), ("A", "B", "C"))


def test_as_many_seats_as_candidates_elects_all() -> None:
    for system in SYSTEMS:
        assert elect(system, [("A",), ("B", "A")], list("ABC"), 3).elected == ("A", "B", "C"), system


def test_what_fits() -> None:
    frame = contest(["A", "B", "C", "D"], 2, {"g": 1}, {"g": ["C"], "unused": ["Z"]})
    assert [frame.fits(mask) for mask in (0b0001, 0b0011, 0b0101, 0b0111)] == [True, False, True, False]


# --- Size and time ---


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("candidates", "seats", "voters", "what"),
    [
        (201, 1, 1, "201 candidates"),
        (200, 101, 1, "101 seats|200 candidates"),
        (20, 5, 201, "201 voters"),
        (3, 4, 1, "4 seats for 3 candidates"),
    ],
)
def test_an_election_too_large_for_the_record_is_refused_with_its_bound(
    system: str, candidates: int, seats: int, voters: int, what: str
) -> None:
    with pytest.raises(InputError, match=what):
        check_size(system, candidates, seats, voters)
    check_size(system, 100, 100, 200)


def test_only_schulze_takes_fewer_candidates() -> None:
    assert [s for s in SYSTEMS if _too_large(s, 101)] == ["schulze"]
    with pytest.raises(InputError, match="not a system"):
        check_size("stw", 1, 1, 1)


def _too_large(system: str, candidates: int) -> bool:
    try:
        check_size(system, candidates, 1, 1)
    except InputError:
        return True
    return False


def ballots_of(kind: str, candidates: int, voters: int) -> list[tuple[str, ...]]:
    """All rank or approve of all in an order of their own; each of half of them; a few; or in a circle."""
    draw = random.Random(1)
    names = [f"c{n:03}" for n in range(candidates)]
    if kind == "all":
        return [tuple(draw.sample(names, candidates)) for _ in range(voters)]
    if kind == "few":
        return [tuple(draw.sample(names, draw.randint(1, 6))) for _ in range(voters)]
    if kind == "circle":
        return [tuple(names[(n * candidates // voters + k) % candidates] for k in range(candidates))
                for n in range(voters)]  # fmt: skip
    by: list[list[str]] = [[] for _ in range(voters)]
    for name in names:
        for voter in draw.sample(range(voters), voters // 2):
            by[voter].append(name)
    return [tuple(draw.sample(own, len(own))) for own in by]


@pytest.mark.parametrize("voters", [10, SIZE_MAX[2]])
@pytest.mark.parametrize("kind", ["all", "half", "few", "circle"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_largest_election_is_counted_with_little_work(system: str, kind: str, voters: int) -> None:
    candidates = 100 if system == "schulze" else SIZE_MAX[0]
    names = [f"c{n:03}" for n in range(candidates)]
    ballots = ballots_of(kind, candidates, voters)
    done: list[ElectionResult] = []
    assert calls(lambda: done.append(elect(system, ballots, names, 60))) < 5_000_000
    found = done[0]
    assert len(canonical.dumps(found.to_value())) < 5_000_000
    assert len(found.elected) <= 60 <= len(found.elected) + len(found.tied)


def test_values_of_stv_do_not_grow_without_end() -> None:
    """Nearly equal rankings: each surplus doubles the digits, and Python writes no number of over 4,300."""
    draw = random.Random(1)
    names = [f"c{n:03}" for n in range(100)]
    ballots = []
    for _ in range(200):
        place = {name: n + 2 * draw.random() for n, name in enumerate(names)}
        ballots.append(tuple(sorted(names, key=place.__getitem__)))
    found = elect("stv", ballots, names, 45)
    longest = max(len(str(number)) for each in found.rounds for _, number in each.counts)
    assert longest < 700  # two numbers of 308 digits and what voters multiply them by
    rounded = [each for each in found.rounds if "rounded down to 60 decimals" in each.what]
    assert rounded
    total = sum(number for _, number in rounded[0].counts)
    assert total <= 200


def test_up_to_308_digits_values_of_stv_are_exact() -> None:
    ballots = ballots_of("all", 12, 30)
    found = elect("stv", ballots, [f"c{n:03}" for n in range(12)], 4)
    assert not any("rounded" in each.what for each in found.rounds)
