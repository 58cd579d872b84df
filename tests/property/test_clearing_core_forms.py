"""Whatever stands in an instruction, scheme or certificate, it is taken or refused by name; nothing else is raised."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing_core_kit import A, Room, document
from concordat import canonical
from concordat.clearing.core.apply import Header, split_body
from concordat.clearing.core.instructions import _parse, _plain_transfer, parse
from concordat.clearing.core.receipts import check_proof
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.settle import queue_root
from concordat.clearing.core.signatures import Signed, _one_signature, payload_type
from concordat.clearing.simulate.operations import operations
from concordat.errors import ConcordatError
from concordat.ledger.entry import Envelope

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**53, 1.5, "", "x", "0", "-1", "1", "9" * 30, "BRL", "AAAABRSP", [], [None], ["x",
    "x"], {}, {"a": {}}, [[]], [{"payer": 1}], "\u0000", "\ud800", "é", "e\u0301", "00:00-24:00",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in steps:
        yield from places(part, (*path, step))


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """A value with one to three of its parts replaced, removed, or given a neighbour."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        odd = copy.deepcopy(draw(st.sampled_from(ODD)))
        if not path:
            return odd if draw(st.integers(0, 9)) == 0 else value
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "replace":
            holder[path[-1]] = odd
        elif how == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(["a", "kind", "rows", "chosen"]))] = odd
        else:
            holder.insert(0, odd)
    return value


def examples() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for turn in operations(5, 1_500, real_signatures=False):
        for one in turn.instructions:
            facts = json.loads(one.payload)
            if facts["kind"] != "scheme_change" and len(one.payload) < 2_000:
                found.setdefault(facts["kind"], facts)
    return found


EXAMPLES = examples()


@given(st.sampled_from(sorted(EXAMPLES)).flatmap(lambda kind: spoilt(EXAMPLES[kind])))
@settings(max_examples=250)
def test_instructions(value: Any) -> None:
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        said = parse(data)
    except ConcordatError:
        assert _plain_transfer(data) is None
        return
    assert said == _parse(data)  # the shorter way of plain transfers gives what the long way gives
    assert canonical.dumps(value) == data
    assert said.kind in EXAMPLES


@given(spoilt(document()))
@settings(max_examples=150)
def test_schemes(value: Any) -> None:
    try:
        scheme = Scheme.from_document(value)
    except ConcordatError:
        return
    assert scheme.hash == canonical.digest(value)


_OPTIONAL: dict[str, list[Any]] = {
    "if_short": ["reject", "queue", "x"],
    "payload_hash": ["sha256:" + "0a" * 32, "sha256:"],
    "priority": [1, 3, 4],
    "purpose": ["GDDS", "gdds"],
    "obligation": ["00000000-0000-4000-8000-000000000001"],
}
_TIMES = [0, 1, 9, 10**13, 10**13 + 35 * 86_400_000, 10**15, 2**53 - 1, 2**53]


@given(
    st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in _OPTIONAL.items()}),
    st.sampled_from(["CCCCBRSP/BRL", "CCCCBRSP/BRL/ops", "CCCCBRSP/INR", "CCCCBRSP/BRL/issue", "CCCCBRSP/BRL/issues"]),
    st.sampled_from(["DDDDINBB/BRL", "DDDDINBB/BRL/issue", "CCCCBRSP/BRL", "DDDDINBB"]),
    st.sampled_from(_TIMES),
    st.sampled_from(_TIMES),
    st.sampled_from(["1", "10", "0", "9" * 18, "9" * 19]),
)
def test_transfers_are_read_in_two_ways_alike(
    optional: dict[str, Any], payer: str, payee: str, since: int, until: int, amount: str
) -> None:
    facts = {
        "kind": "transfer", "uetr": "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11", "member": "CCCCBRSP", "valid_from": since,
        "valid_until": until, "payer": payer, "payee": payee, "amount_minor": amount, **optional,
    }  # fmt: skip
    data = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    short = _plain_transfer(data)
    try:
        long = _parse(data)
    except ConcordatError:
        assert short is None
        return
    assert short == (None if "obligation" in optional else long)


@given(st.binary(max_size=40), st.binary(min_size=64, max_size=64), st.integers(0, 300), st.integers(0, 255))
def test_envelopes_are_read_in_two_ways_alike(payload: bytes, signature: bytes, place: int, byte: int) -> None:
    kind = payload_type("test-room")
    good = Envelope(kind, payload, (("0123456789abcdef", signature),)).to_bytes()
    assert _one_signature(good, "test-room") == Envelope.parse(good, kind)
    changed = good[: place % len(good)] + bytes([byte]) + good[place % len(good) + 1 :]
    short = _one_signature(changed, "test-room")
    if short is not None:
        assert short == Envelope.parse(changed, kind)


def gridlock() -> tuple[Room, dict[str, Any]]:
    room = Room()
    room.fund("CCCCBRSP/BRL", 10)
    one = room.transfer("CCCCBRSP/BRL", "DDDDINBB/BRL", 15, if_short="queue")
    two = room.transfer("DDDDINBB/BRL", "CCCCBRSP/BRL", 12, if_short="queue")
    room.block(one, two)
    certificate = {
        "problem": "queue", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
        "queue_root": queue_root(room.state, "BRL"), "mode": "bypass", "gained_minor": "27", "bound_minor": "27",
        "prices_e6": {}, "solver": "by hand",
        "chosen": sorted([f"{one.instruction.uetr}/CCCCBRSP", f"{two.instruction.uetr}/DDDDINBB"]),
    }  # fmt: skip
    return room, certificate


ROOM, CERTIFICATE = gridlock()


def settled_by(certificate: Any) -> bool:
    """Whether the room settles by it; the room is as it was behind."""
    from concordat.clearing.core.apply import build, undo

    root = ROOM.state.root()
    try:
        one = ROOM.say("settle", A, certificate=certificate)
    except ConcordatError:
        return False
    _, applied = build(ROOM.state, ROOM.now + 1, [one])
    told = applied.receipts[0].code
    undo(ROOM.state, applied)
    assert ROOM.state.root() == root
    assert told in ("settled", "certificate_refused")
    return told == "settled"


def test_the_certificate_is_good_as_it_stands() -> None:
    assert settled_by(CERTIFICATE)


@given(spoilt(CERTIFICATE))
@settings(max_examples=200)
def test_every_change_of_a_certificate_is_refused(value: Any) -> None:
    """Only what claims nothing may change: the solver's name, or the bound with its prices."""
    if settled_by(value):
        free = ("solver", "bound_minor", "prices_e6")
        rest = {key: part for key, part in CERTIFICATE.items() if key not in free}
        assert {key: part for key, part in value.items() if key not in free} == rest
        assert value.get("bound_minor", "27") == "27"


@given(st.binary(max_size=60))
def test_bodies_headers_and_envelopes(data: bytes) -> None:
    for read in (split_body, Header.parse, parse, lambda d: Signed.read(d, "x")):
        try:
            read(data)
        except ConcordatError:
            continue


@given(st.data())
@settings(max_examples=150)
def test_every_change_of_a_proof_is_refused(data: st.DataObject) -> None:
    _, proof, block_hash = PROVED
    changed = data.draw(spoilt(proof))
    try:
        check_proof(changed, block_hash)
    except ConcordatError:
        return
    assert changed == proof


def proved() -> tuple[Room, dict[str, Any], str]:
    from concordat.clearing.core.receipts import prove

    room = Room()
    room.fund("CCCCBRSP/BRL", 10_000)
    room.block(room.batch("CCCCBRSP/BRL", [("DDDDINBB/BRL", n) for n in range(1, 38)]))
    header = room.blocks[-1].header
    return room, prove(room.leaves[-1], 20, header.as_dict()), header.hash


PROVED = proved()


def test_every_receipt_of_a_block_is_proved_and_no_other() -> None:
    from concordat.clearing.core.receipts import prove

    room, _, block_hash = PROVED
    header = room.blocks[-1].header.as_dict()
    for index, leaf in enumerate(room.leaves[-1]):
        proof = prove(room.leaves[-1], index, header)
        assert canonical.dumps(dict(check_proof(proof, block_hash).facts)) == leaf
        assert len(proof["path"]) <= 6  # 38 receipts: at most six levels
        assert json.loads(canonical.dumps(proof)) == proof
