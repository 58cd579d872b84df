"""What a mirror asks of a batch: each rule broken once, and the words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import Batch, Certificate, CouncilLog, Missing, OvertakenError
from concordat.ledger.entry import Entry
from concordat.ledger.note import Checkpoint
from concordat.ledger.replica import Replica, utc
from simulation.keys import NAMES, chain, signer, stub_signatures

NOW, CHAIN = 1_900_000_000, chain(4)


@pytest.fixture(scope="module")
def world() -> Iterator[dict[str, Replica]]:
    """Four members that agree on the first batches; the queue is run dry."""
    with stub_signatures():
        members = {m: Replica(signer(m, stub=True), CHAIN) for m in NAMES[:4]}
        mail: list[Any] = []
        for m in NAMES[1:4]:
            mail += [(m, *one) for one in members[m].write("Said", {"by": m}, "council", NOW)[1]]
        while mail:
            sender, to, message = mail.pop(0)
            mail += [(to, *one) for one in members[to].handle(sender, message, NOW)]
        yield members


def before(world: dict[str, Replica], size: int) -> CouncilLog:
    """The council log without its last entries."""
    log = world["BRA"].councils[1]
    while log.size > size:
        log = log.without_last()
    return log


def entry(log: CouncilLog, batch: Batch, author: str = "ARE", **changes: Any) -> bytes:
    fields = {
        "author": author, "bloc": "BRICS", "membership": 1, "person": "node", "seq": log.size + 1,
        "prev": log.entries[-1].id if log.entries else "0" * 64, "scope": "order", "ts": utc(NOW), "type": "Batch",
        "body": batch.body(), "secret": signer(author, stub=True).node,
    } | changes  # fmt: skip
    return Entry.new(**fields).leaf


def ref(batch: Batch, **changes: Any) -> Batch:
    return replace(batch, refs=(replace(batch.refs[0], **changes), *batch.refs[1:]))


WRONG: list[tuple[str, Callable[[Batch], Batch], str]] = [
    ("number", lambda b: replace(b, number=7), "batch 7 of view 1 follows batch 0"),
    ("view", lambda b: replace(b, view=2), "of view 2 follows"),
    ("no refs", lambda b: replace(b, refs=()), "the entries .* are taken up, not"),
    ("cursor", lambda b: replace(b, cursors={}), "the cursor of .* goes from 0 to 0"),
    ("origin", lambda b: ref(b, origin="x"), "are taken up, not"),
    ("leaf", lambda b: ref(b, leaf="0" * 64), "another leaf hash"),
    ("time", lambda b: ref(b, time=b.refs[0].time + 1), "doesn't prove its time"),
    ("certificate", lambda b: replace(b, certificate=Certificate(1, 1, bytes(32), (), "0" * 64)), "carries no certif"),
]


@pytest.mark.parametrize(("name", "change", "words"), WRONG, ids=[w[0] for w in WRONG])
def test_a_batch_that_breaks_a_rule(world: dict, name: str, change: Callable[[Batch], Batch], words: str) -> None:
    log = before(world, 0)
    batch = world["BRA"].councils[1].batches[0]
    with pytest.raises(TrustError, match=words):
        log.check(entry(log, change(batch)), CHAIN, world["BRA"].shelf)


def test_an_entry_of_another_author_or_out_of_order(world: dict) -> None:
    log, batch = before(world, 0), world["BRA"].councils[1].batches[0]
    for changed in ({"author": "BRA"}, {"seq": 3, "prev": "1" * 64}, {"scope": "council"}, {"type": "Other"}):
        with pytest.raises(TrustError):
            log.check(entry(log, batch, **changed), CHAIN, world["BRA"].shelf)


def test_what_is_missing_is_named(world: dict) -> None:
    log, batch = before(world, 0), world["BRA"].councils[1].batches[0]
    with pytest.raises(Missing) as missing:
        log.check(entry(log, batch), CHAIN, Replica(signer("CHN", stub=True), CHAIN).shelf)
    assert missing.value.origin == batch.refs[0].origin


def test_lockstep_and_the_certificate_of_another_log(world: dict) -> None:
    log, second = before(world, 1), world["BRA"].councils[1].batches[1]
    assert second is not None
    with pytest.raises(TrustError, match="certificate of size 1 is missing"):
        log.check(entry(log, replace(second, certificate=None)), CHAIN, world["BRA"].shelf)
    head = Checkpoint(log.origin, 1, bytes(32))
    lines = tuple(signer(m, stub=True).cosign("mirror", head, NOW, bytes, 1)[0].line() for m in NAMES[:3])
    other = replace(second, certificate=Certificate(1, 1, bytes(32), lines, "0" * 64))
    with pytest.raises(TrustError, match="of another log"):
        log.check(entry(log, other), CHAIN, world["BRA"].shelf)
    with pytest.raises(OvertakenError):
        log.check(entry(log, other, prev="1" * 64), CHAIN, world["BRA"].shelf)


@pytest.mark.parametrize("change", [{"refs": 1}, {"number": 0}, {"cursors": {"x": 0}}, {"refs": [{}]}, {"more": 1}])
def test_a_batch_of_another_form(world: dict, change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Batch.parse(world["BRA"].councils[1].batches[0].body() | change, "x")
