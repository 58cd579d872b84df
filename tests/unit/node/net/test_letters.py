"""Messages as bytes: the same comes back, in one form only, and nothing else is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from concordat import canonical
from concordat.errors import ConcordatError, InputError
from concordat.ledger.council_log import Certificate
from concordat.ledger.messages import (
    Accusation,
    Certified,
    Cosigned,
    Entries,
    Hello,
    Message,
    Submitted,
    Vote,
    Want,
    WantNote,
)
from concordat.node.letters import MESSAGES_MAX, pack, pack_some, unpack

CERTIFICATE = Certificate(
    2, 5, bytes(32), ("— a.example/BRICS/mirror AAAA", "— b.example/BRICS/mirror BBBB"), "ab" * 32
)
MESSAGES: list[Message] = [
    Entries("a.example/BRICS/member", 7, (b"one", b"\x00\xff", b""), "head\n"),
    Cosigned("BRICS/council/1", 4, bytes(range(32)), ("— line",)),
    Submitted("note\n"),
    Certified(CERTIFICATE, ""),
    Vote(b"vote", None),
    Vote(b"vote", CERTIFICATE),
    Accusation(b'{"a":1}'),
    Want("BRICS/council/3", 0),
    WantNote("0f" * 32),
    Hello((("a", 1), ("b", 2)), (("a", 0),), (1, 5), 2),
]


def test_what_was_packed_comes_back() -> None:
    assert unpack(pack("BRA", MESSAGES)) == ("BRA", MESSAGES)
    assert unpack(pack("BRA", [])) == ("BRA", [])


def _raw() -> dict[str, Any]:
    return canonical.loads(pack("BRA", MESSAGES))


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_no_field_can_be_left_out_or_added_or_have_another_kind(number: int) -> None:
    for key in _raw()["messages"][number]:
        for wrong in ("left out", "other kind", "negative"):
            raw = _raw()
            message = raw["messages"][number]
            if wrong == "left out":
                if message[key] is None:
                    continue  # a vote without a certificate
                del message[key]
                if (key, message["kind"] if key != "kind" else "") == ("certificate", "Vote"):
                    continue  # optional
            else:
                message[key] = -1 if wrong == "negative" else {"x": 1}
            with pytest.raises(InputError):
                unpack(canonical.dumps(raw))
    raw = _raw()
    raw["messages"][number]["more"] = 1
    with pytest.raises(InputError, match="unknown field more"):
        unpack(canonical.dumps(raw))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(v=2),
        lambda raw: raw.update({"from": "bra"}),
        lambda raw: raw.update({"from": "BRA\n"}),
        lambda raw: raw.update(more=1),
        lambda raw: raw.update(messages={}),
        lambda raw: raw.update(messages=[1]),
        lambda raw: raw["messages"].__setitem__(0, {"kind": "Fold"}),
        lambda raw: raw["messages"].__setitem__(0, {"kind": ["Want"]}),
        lambda raw: raw.update(messages=raw["messages"] * 30),
        lambda raw: raw["messages"][0].update(leaves=["YQ==", "YR=="]),  # a second spelling of the same byte
        lambda raw: raw["messages"][1].update(lines=["x"] * 5),
        lambda raw: raw["messages"][8].update(digest="0F" * 32),
        lambda raw: raw["messages"][9].update(certified=[1]),
        lambda raw: raw["messages"][9].update(sizes=[["a", True]]),
    ],
)
def test_another_form_is_refused(change: Any) -> None:
    raw = _raw()
    change(raw)
    with pytest.raises(InputError):
        unpack(canonical.dumps(raw))


def test_bytes_that_are_not_canonical_are_refused() -> None:
    data = pack("BRA", MESSAGES)
    for wrong in (b" " + data, data + b"\n", data.replace(b'"v":1', b'"v": 1'), data[:-1], b"", b"[]", b"\xff"):
        with pytest.raises(InputError):
            unpack(wrong)


def test_every_cut_and_many_flips_are_refused_or_read_and_never_more() -> None:
    """No byte string raises anything but an error of ours."""
    data = pack("BRA", MESSAGES)
    for at in range(0, len(data), 3):
        for wrong in (data[:at], data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]):
            try:
                unpack(wrong)
            except ConcordatError:
                continue


def test_bounds() -> None:
    with pytest.raises(InputError, match="over 256 messages"):
        pack("BRA", [Want("a", 0)] * (MESSAGES_MAX + 1))
    with pytest.raises(InputError, match="over 16,777,216 bytes"):
        pack("BRA", [Accusation(bytes(13_000_000))])
    with pytest.raises(InputError, match="over 16,777,216 bytes"):
        unpack(b"x" * (16 * 2**20 + 1))
    large = [Accusation(bytes(4_000_000))] * 5
    data, count = pack_some("BRA", large)
    assert 1 <= count < 5
    assert unpack(data) == ("BRA", large[:count])


def test_a_real_replica_s_messages_come_back(tmp_path: Path) -> None:
    from concordat.node.home import Node
    from unit_node import found

    homes = found(tmp_path, ("BRA", "IND"))
    with Node(homes[0]) as node:
        _, out = node.write("Said", {"word": "é"}, "council")
        messages = [message for _, message in out]
        assert messages
        assert unpack(pack("BRA", messages)) == ("BRA", messages)
