"""Votes for a view and the entry that starts it: what is refused, and the words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import Certificate
from concordat.ledger.entry import sign_envelope
from concordat.ledger.keys import ED25519_COSIGNATURE
from concordat.ledger.note import Checkpoint
from concordat.ledger.views import SILENCE_MAX_S, VOTE_TYPE, ViewStarted, ViewVote, choose_votes, patience
from simulation.keys import NAMES, chain, secret, signer

NOW, CHAIN = 1_900_000_000, chain(4)


def certificate(size: int, members: Any = NAMES[:3], root: int = 7, view: int = 1) -> Certificate:
    head = Checkpoint(f"BRICS/council/{view}", size, bytes([root]) * 32)
    lines = [signer(m).cosign("mirror", head, NOW, lambda _: b"", view)[0].line() for m in members]
    return Certificate(view, size, head.root, tuple(lines), "0" * 64)


def vote(member: str, named: Certificate | None = None, view: int = 2, **changes: Any) -> ViewVote:
    return ViewVote.new(changes.get("bloc", "BRICS"), member, view, named, changes.get("key", secret(member, "mirror")))


def started(votes: list[ViewVote], cut: Certificate | None, view: int = 2) -> ViewStarted:
    return ViewStarted(view, 0, tuple(votes), cut)


HIGH, LOW = certificate(5), certificate(3)


def test_waiting_doubles_up_to_a_day() -> None:
    assert [patience(i) for i in (-1, 0, 1, 2, 6, 99)] == [1800, 1800, 3600, 7200, SILENCE_MAX_S, SILENCE_MAX_S]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (vote("BRA", bloc="OTHER"), "doesn't vote in BRICS"),
        (vote("BRA", key=secret("CHN", "mirror")), "is not signed by key"),
        (vote("ZAF"), "not in membership version 1"),
    ],
)
def test_a_vote_of_somebody_else_is_refused(wrong: ViewVote, words: str) -> None:
    with pytest.raises(TrustError, match=words):
        wrong.verify(CHAIN.last)


@pytest.mark.parametrize("change", [{"view": 1}, {"view": "2"}, {"v": 2}, {"highest": {}}, {"member": 3}, {"x": 1}])
def test_a_vote_of_another_form_is_refused(change: dict[str, Any]) -> None:
    raw = {"bloc": "BRICS", "highest": None, "member": "BRA", "v": 1, "view": 2} | change
    signed = sign_envelope(VOTE_TYPE, canonical.dumps(raw), [(ED25519_COSIGNATURE, secret("BRA", "mirror"))])
    with pytest.raises(InputError):
        ViewVote.parse(signed.to_bytes())


def _cases() -> Iterator[tuple[str, ViewStarted, str]]:
    three = [vote(m, HIGH) for m in NAMES[:3]]
    yield "two votes", started(three[:2], HIGH), "2 votes of membership version 1; 3 are needed"
    yield "one twice", started([three[0], three[0], three[1]], HIGH), "votes twice"
    yield "of another view", started([*three[:2], vote(NAMES[2], HIGH, view=3)], HIGH), "for another view"
    yield "a cut below", started(three, LOW), "holds a certificate that the cut leaves out"
    yield "no cut", started(three, None), "holds a certificate that the cut leaves out"
    yield "a cut above", started([vote(m, LOW) for m in NAMES[:3]], HIGH), "the cut is no certificate of the votes"
    weak = certificate(5, NAMES[:2])
    yield "a weak cut", started([vote(m, weak) for m in NAMES[:3]], weak), "2 mirrors cosigned; 3 are needed"
    other = certificate(5, root=8)
    yield "two roots", started([*three[:2], vote(NAMES[2], other)], HIGH), "that the cut leaves out"


@pytest.mark.parametrize(("name", "wrong", "words"), list(_cases()), ids=[c[0] for c in _cases()])
def test_what_no_mirror_takes_for_the_start_of_a_view(name: str, wrong: ViewStarted, words: str) -> None:
    with pytest.raises(TrustError, match=words):
        wrong.verify(CHAIN)


def test_a_good_start_has_the_time_of_its_cut_and_survives_its_bytes() -> None:
    good = started([vote(NAMES[0]), vote(NAMES[1], LOW), vote(NAMES[2], HIGH)], HIGH)
    assert good.verify(CHAIN) == NOW
    assert ViewStarted.parse(canonical.loads(canonical.dumps(good.body())), "x") == good
    assert choose_votes(good.votes[::-1], CHAIN, 2) == good.votes
    assert choose_votes(good.votes[:2], CHAIN, 2) is None
    assert started([vote(m) for m in NAMES[:3]], None).verify(CHAIN) == 0
