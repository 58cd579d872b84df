"""Sealed ballots: the hash as the specification writes it, and every way in which a ballot is void."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from concordat import canonical
from concordat.council.decide.sealed import Opened, Reveal, check_reveal, commitment, elect_sealed, open_ballots
from concordat.errors import InputError, TrustError

VOTE = "v-2026-014"
NONCE = bytes(range(32))
BALLOT = ["Chen", "Amara"]


def test_the_hash_is_of_the_bytes_that_the_specification_names() -> None:
    wanted = hashlib.sha256(b"concordat/ballot/1" + b"v-2026-014" + b"BRA" + NONCE + b'["Chen","Amara"]').hexdigest()
    assert commitment(VOTE, "BRA", NONCE, BALLOT) == wanted
    assert commitment(VOTE, "BRA", NONCE, {"b": 1, "a": [BALLOT]}) == (
        hashlib.sha256(b"concordat/ballot/1v-2026-014BRA" + NONCE + b'{"a":[["Chen","Amara"]],"b":1}').hexdigest()
    )


@pytest.mark.parametrize(
    ("vote", "member", "nonce", "ballot"),
    [
        ("v-2026-015", "BRA", NONCE, BALLOT),
        (VOTE, "IND", NONCE, BALLOT),
        (VOTE, "BRA", bytes(32), BALLOT),
        (VOTE, "BRA", NONCE, BALLOT[::-1]),
        (VOTE, "BRA", NONCE, []),
    ],
)
def test_another_ballot_than_the_sealed_one(vote: str, member: str, nonce: bytes, ballot: Any) -> None:
    with pytest.raises(TrustError, match="is not the one that was sealed"):
        check_reveal(commitment(VOTE, "BRA", NONCE, BALLOT), vote, member, nonce, ballot)


def test_the_sealed_one_passes() -> None:
    check_reveal(commitment(VOTE, "BRA", NONCE, BALLOT), VOTE, "BRA", NONCE, tuple(BALLOT))


@pytest.mark.parametrize(
    ("vote", "member", "nonce", "ballot", "message"),
    [
        ("V-2026", "BRA", NONCE, BALLOT, "not a vote's id"),
        ("", "BRA", NONCE, BALLOT, "not a vote's id"),
        ("1-2026", "BRA", NONCE, BALLOT, "not a vote's id"),
        (None, "BRA", NONCE, BALLOT, "not a vote's id"),
        (VOTE, "bra", NONCE, BALLOT, "not a member's id"),
        (VOTE, "BRA\n", NONCE, BALLOT, "not a member's id"),
        (VOTE, "BRA", NONCE[:31], BALLOT, "the nonce is 31 bytes"),
        (VOTE, "BRA", NONCE + b"0", BALLOT, "the nonce is 33 bytes"),
        (VOTE, "BRA", "0" * 32, BALLOT, "the nonce is a str"),
        (VOTE, "BRA", NONCE, "Chen", "not a str"),
        (VOTE, "BRA", NONCE, None, "not a NoneType"),
        (VOTE, "BRA", NONCE, [0.5], "is a float"),
        (VOTE, "BRA", NONCE, ["e\u0301"], "NFC"),
    ],
)
def test_what_can_not_be_sealed(vote: Any, member: Any, nonce: Any, ballot: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        commitment(vote, member, nonce, ballot)


@pytest.mark.parametrize("committed", ["", "ab", "A" * 64, "g" * 64, None, b"a" * 64])
def test_what_is_no_commitment(committed: Any) -> None:
    with pytest.raises(InputError, match="not a commitment"):
        check_reveal(committed, VOTE, "BRA", NONCE, BALLOT)


def sealed(**ballots: Any) -> dict[str, str]:
    return {member: commitment(VOTE, member, NONCE, ballot) for member, ballot in ballots.items()}


def opened() -> Opened:
    commitments = sealed(BRA=BALLOT, CHN=["Amara"], EGY=["Chen"], ETH=["Chen"], IND=["Nobody"], ZAF=["Chen"])
    reveals = [
        Reveal("BRA", NONCE, BALLOT),
        Reveal("CHN", NONCE, ["Chen"]),
        Reveal("ETH", NONCE, ["Chen"], in_time=False),
        Reveal("IND", NONCE, ["Nobody"]),
        Reveal("IRN", NONCE, ["Amara"]),
        Reveal("ZAF", bytes(31), ["Chen"]),
    ]
    return elect_sealed(VOTE, commitments, reveals, "stv", ["Chen", "Amara"], 1)[0]


def test_every_void_ballot_is_named_with_its_reason() -> None:
    found = opened()
    assert dict(found.ballots) == {"BRA": BALLOT}
    assert dict(found.void) == {
        "CHN": "the ballot is not the one that was sealed for v-2026-014.",
        "EGY": "not revealed in time.",
        "ETH": "revealed after the time for it.",
        "IND": "'Nobody' does not stand for election.",
        "ZAF": "the nonce is 31 bytes.",
    }
    assert found.strangers == ("IRN",)
    assert found.lines()[0] == "1 of 6 sealed ballots count."
    assert "Void: EGY, not revealed in time." in found.lines()
    assert found.lines()[-1] == "Not counted: IRN revealed a ballot without having sealed one."
    assert canonical.loads(canonical.dumps(found.to_value()))["void"]["EGY"] == "not revealed in time."


def test_a_wrong_reveal_before_the_right_one_changes_nothing() -> None:
    reveals = [Reveal("BRA", NONCE, []), Reveal("BRA", NONCE, BALLOT), Reveal("BRA", NONCE, ["Chen"])]
    for order in (reveals, reveals[::-1]):
        assert dict(open_ballots(VOTE, sealed(BRA=BALLOT), order).ballots) == {"BRA": BALLOT}


def test_a_late_right_reveal_does_not_spoil_one_in_time() -> None:
    late, good = Reveal("BRA", NONCE, BALLOT, in_time=False), Reveal("BRA", NONCE, BALLOT)
    for order in ([late, good], [good, late]):
        assert dict(open_ballots(VOTE, sealed(BRA=BALLOT), order).ballots) == {"BRA": BALLOT}


def test_the_count_is_that_of_the_ballots_that_count() -> None:
    ballots = {"BRA": ["Amara"], "CHN": ["Chen"], "IND": ["Amara"]}
    reveals = [Reveal(member, NONCE, ballot) for member, ballot in ballots.items()]
    found = elect_sealed(VOTE, sealed(**ballots), reveals, "pav", ["Chen", "Amara"], 1)[1]
    assert (found.elected, found.ballots) == (("Amara",), 3)


def test_no_valid_ballot_is_no_election() -> None:
    with pytest.raises(InputError, match="no ballot was cast"):
        elect_sealed(VOTE, sealed(BRA=BALLOT), [], "pav", ["Chen", "Amara"], 1)


def test_no_split_of_the_same_bytes_is_another_valid_ballot() -> None:
    """The parts are joined without separators: moving a border leaves an id, nonce or ballot that is refused."""
    for vote, member, nonce, ballot in [
        ("v-2026-014B", "RA", NONCE, BALLOT),
        ("v-2026-01", "4BRA", NONCE, BALLOT),
        (VOTE, "BR", b"A" + NONCE[:31], BALLOT),
    ]:
        with pytest.raises((InputError, TrustError)):
            check_reveal(commitment(VOTE, "BRA", NONCE, BALLOT), vote, member, nonce, ballot)


def test_a_wrong_system_is_the_election_s_fault_and_not_the_ballots() -> None:
    with pytest.raises(InputError, match='Did you mean "stv"'):
        elect_sealed(VOTE, sealed(BRA=BALLOT), [Reveal("BRA", NONCE, BALLOT)], "stvv", ["Chen", "Amara"], 1)


def test_the_reason_does_not_depend_on_the_order_of_reveals() -> None:
    reveals = [Reveal("BRA", bytes(3), []), Reveal("BRA", NONCE, []), Reveal("BRA", NONCE, 7)]
    found = {open_ballots(VOTE, sealed(BRA=BALLOT), order).void for order in (reveals, reveals[::-1])}
    assert len(found) == 1
