"""Certificates: signed headers as an engine's RPC gives them, held against the ledger; what is changed is found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat import canonical
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.node.abci_commit import SignedHeader, Stamp
from concordat.node.abci_genesis import Genesis
from concordat.node.abci_ledger import EngineLedger
from engine_kit import Writer, running
from fakes.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    writers = [Writer("BRA"), Writer("CHN")]
    with running(tmp_path, 4) as found:
        for _ in range(2):
            for writer in writers:
                found.broadcast(writer.say())
            found.block()
        found.block()
        yield found


def ledger_of(engine: Engine) -> EngineLedger:
    found: EngineLedger = engine.hosts[0].application.ledger
    return found


def paper(engine: Engine, height: int) -> dict[str, Any]:
    found: dict[str, Any] = canonical.loads(ledger_of(engine).store.papers("block")[f"{height:016d}"])
    return found


def genesis_of(engine: Engine) -> Genesis:
    found = ledger_of(engine).genesis
    assert found is not None
    return found


def test_signed_headers_of_every_batch_and_the_block_after_it(engine: Engine) -> None:
    assert sorted(int(height) for height in ledger_of(engine).store.papers("block")) == [1, 2, 3]
    for height in (1, 2, 3):
        raw = engine.commit(height)["signed_header"]
        found = SignedHeader.parse(raw).verify(genesis_of(engine))
        found.require_block(paper(engine, height))
        again = SignedHeader.parse(canonical.loads(found.data))  # as it is kept
        assert again.verify(genesis_of(engine)).header == found.header
    assert found.header.hashes["app_hash"] == engine.app_hash  # behind batch 2


@pytest.mark.parametrize(("signers", "good"), [([0, 1, 2], True), ([1, 3], False), ([0], False), ([], False)])
def test_more_than_two_thirds_of_the_power_must_have_signed(engine: Engine, signers: list[int], good: bool) -> None:
    found = SignedHeader.parse(engine.commit(1, signers)["signed_header"])
    if good:
        found.verify(genesis_of(engine))
        return
    with pytest.raises(TrustError, match="more than two thirds"):
        found.verify(genesis_of(engine))


def test_one_validator_is_counted_once(engine: Engine) -> None:
    raw = engine.commit(1, [0, 1])["signed_header"]
    signed = [one for one in raw["commit"]["signatures"] if one["signature"]]
    raw["commit"]["signatures"] = [signed[0], signed[1], signed[0], signed[1]]
    with pytest.raises(TrustError, match="signed by 20 of 40"):
        SignedHeader.parse(raw).verify(genesis_of(engine))


def flips(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The signed header with one text or number changed, one after the other."""

    def walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict):
            for key in value:
                yield from walk(value[key], (*path, key))
        elif isinstance(value, list):
            for index in range(len(value)):
                yield from walk(value[index], (*path, index))
        elif value not in (None, "", "0001-01-01T00:00:00Z"):
            yield path

    for path in walk(raw, ()):
        changed = copy.deepcopy(raw)
        at = changed
        for key in path[:-1]:
            at = at[key]
        old = at[path[-1]]
        at[path[-1]] = old + 1 if isinstance(old, int) else other(old)
        yield "/".join(map(str, path)), changed


def other(text: str) -> str:
    """Another text of the same kind: one letter or digit changed."""
    swap = {"0": "1", "A": "B", "a": "b"}
    for place, letter in enumerate(text):
        if letter in swap:
            return text[:place] + swap[letter] + text[place + 1 :]
    return text[:-1] + ("2" if text[-1] != "2" else "3")


def test_every_changed_field_is_found(engine: Engine) -> None:
    """Nothing in a signed header is there for show, but which validators are absent."""
    raw = engine.commit(2)["signed_header"]
    unnoticed = []
    for path, changed in flips(raw):
        try:
            SignedHeader.parse(changed).verify(genesis_of(engine)).require_block(paper(engine, 2))
        except ConcordatError:
            continue
        unnoticed.append(path)
    # A flag or an address of one of four: three remain, which is more than two thirds.
    assert {path.rpartition("/")[2] for path in unnoticed} <= {"block_id_flag", "validator_address"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.update(hash="00" * 32), "another hash"),
        (lambda p: p.update(time=1), "another time"),
        (lambda p: p.update(data="00" * 32), "another transactions"),
        (lambda p: p.update(before="00" * 32), "another app hash"),
    ],
)
def test_a_header_of_a_block_that_we_do_not_hold(engine: Engine, change: Callable[[Any], None], words: str) -> None:
    held = paper(engine, 2)
    change(held)
    with pytest.raises(TrustError, match=words):
        SignedHeader.parse(engine.commit(2)["signed_header"]).require_block(held)


def test_validators_of_another_genesis(engine: Engine, tmp_path: Path) -> None:
    found = SignedHeader.parse(engine.commit(1)["signed_header"])
    known = genesis_of(engine)
    fewer = Genesis(known.bloc, known.chain_id, known.membership, 1, known.time, known.validators[:3])
    with pytest.raises(TrustError, match="not those of the genesis"):
        found.verify(fewer)
    elsewhere = Genesis(known.bloc, "other", known.membership, 1, known.time, known.validators)
    with pytest.raises(TrustError, match="of the chain concordat-test"):
        found.verify(elsewhere)


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"header": {}}, {"header": {}, "commit": {}}, {"header": {"version": {}}, "commit": {"x": 1}}]
)
def test_what_is_no_signed_header(raw: Any) -> None:
    with pytest.raises(InputError):
        SignedHeader.parse(raw)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("header", "height"), "-1"),
        (("header", "height"), 2**63),
        (("header", "height"), True),
        (("header", "time"), "2026-13-01T00:00:00Z"),
        (("header", "time"), "2026-06-01 00:00:00"),
        (("header", "app_hash"), "xyz"),
        (("header", "app_hash"), "A" * 3),
        (("header", "chain_id"), 5),
        (("commit", "signatures"), {}),
        (("commit", "height"), "7"),
        (("commit", "block_id"), None),
    ],
)
def test_a_field_that_can_not_be_read_is_named(engine: Engine, path: tuple[str, str], value: Any) -> None:
    raw = engine.commit(1)["signed_header"]
    raw[path[0]] = {**raw[path[0]], path[1]: value}
    with pytest.raises(InputError):
        SignedHeader.parse(raw)


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),  # Go's zero time
        ("2017-12-25T03:00:01.234Z", 1_514_170_801, 234_000_000),
        ("2026-06-01T00:00:00.000000007Z", 1_780_272_000, 7),
    ],
)
def test_times_as_an_engine_writes_them(text: str, seconds: int, nanos: int) -> None:
    assert Stamp.parse(text, "") == Stamp(seconds, nanos)
