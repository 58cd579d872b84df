"""Signatures verified in other processes: the verdict is the core's own, also when a process dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

import pytest

from clearing_hosts_kit import funded, pay, scheme
from concordat.clearing.core.signatures import Item, signer_of, verify_all
from concordat.clearing.host import MemoryHost
from concordat.clearing.verifiers import ODD, PooledVerifier, sodium, verify_fast
from concordat.errors import TrustError


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as made:
        yield made


def items(count: int, bad: Sequence[int] = ()) -> list[Item]:
    host = funded(MemoryHost(scheme()))
    found: list[Item] = []
    for number in range(count):
        signed = pay(10 + number)
        public, signature = signer_of(signed, host.state.member[signed.instruction.member], 4)  # type: ignore[misc]
        found.append((public, signature if number not in bad else bytes(64), signed.message()))
    return found


@pytest.mark.parametrize("bad", [(), (0,), (7,), (2, 9)])
@pytest.mark.parametrize("count", [1, 10])
def test_the_verdict_is_the_core_s(pool: ProcessPoolExecutor, count: int, bad: Sequence[int]) -> None:
    work = items(count, bad)
    mine, theirs = ([], [])
    for found, verify in ((mine, verify_all), (theirs, PooledVerifier(pool, piece=3))):
        try:
            verify(work)
        except TrustError as error:
            found.append(str(error))
    assert mine == theirs
    assert bool(mine) == any(number < count for number in bad)


def test_nothing_to_verify_is_verified(pool: ProcessPoolExecutor) -> None:
    PooledVerifier(pool)([])
    PooledVerifier(pool).begin([]).wait()


def test_a_process_that_dies_decides_nothing() -> None:
    """Whoever is short of memory kills a worker: the host goes on, and a bad signature is still refused."""
    with ProcessPoolExecutor(1) as pool:
        verifier = PooledVerifier(pool, piece=2)
        verifier(items(4))
        for worker in pool.submit(os.getpid).result(), *pool._processes:
            os.kill(worker, signal.SIGKILL)
        for _ in range(2):  # the first finds it dying, the second broken
            verifier(items(5))
            with pytest.raises(TrustError):
                verifier(items(5, bad=(4,)))
        host = funded(MemoryHost(scheme(), verify_signatures=verifier))
        assert host.submit_all([pay(4), pay(5)]) == [None, None]


def test_an_error_of_the_program_is_not_taken_for_a_broken_pool() -> None:
    class Odd(Executor):
        def submit(self, *_: object, **__: object) -> Future[None]:  # type: ignore[override]
            failed: Future[None] = Future()
            failed.set_exception(ZeroDivisionError())
            return failed

    with pytest.raises(ZeroDivisionError):
        PooledVerifier(Odd())(items(2))


# --- libsodium --------------------------------------------------------------------------------------------------------

L = 2**252 + 27742317777372353535851937790883648493


def verdict(verify: Any, item: Item) -> str:
    try:
        verify((item,))
    except TrustError as error:
        return str(error)
    return ""


@pytest.fixture
def libsodium() -> Iterator[None]:
    pytest.importorskip("nacl", reason="needs the extra [sign]")
    sodium.cache_clear()
    assert sodium() is not None
    yield
    sodium.cache_clear()


@pytest.mark.usefixtures("libsodium")
def test_both_libraries_judge_alike() -> None:
    (public, signature, message) = items(1)[0]
    one_more = (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")
    odd_ones = [
        (public, signature, message),
        ODD,
        (public, signature[:32] + one_more, message),  # the same equation, written otherwise
        (public, signature, message + b"!"),
        (public, signature[:40], message),
        (public[:31], signature, message),
        (public, bytes([1]) + bytes(31) + signature[32:], message),  # R is the neutral point
        (bytes([1]) + bytes(31), bytes([1]) + bytes(63), message),  # everything verifies under the neutral key
        (b"\xff" * 32, signature, message),
        *((public, _flipped(signature, bit), message) for bit in range(0, 512, 37)),
        *((_flipped(public, bit), signature, message) for bit in range(0, 256, 19)),
    ]
    mine, theirs = ([verdict(verify, item) for item in odd_ones] for verify in (verify_all, verify_fast))
    assert mine == theirs
    assert [bool(words) for words in mine] == [False, *[True] * (len(odd_ones) - 1)]


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.usefixtures("libsodium")
def test_a_libsodium_that_forgives_more_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import nacl.bindings

    monkeypatch.setattr(nacl.bindings, "crypto_sign_open", lambda signed, _key: signed[64:])
    sodium.cache_clear()
    assert sodium() is None
    assert verdict(verify_fast, ODD) == verdict(verify_all, ODD) != ""


def test_without_libsodium_the_core_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl.bindings", None)
    sodium.cache_clear()
    try:
        assert sodium() is None
        assert verdict(verify_fast, items(1)[0]) == ""
        assert verdict(verify_fast, items(1, bad=[0])[0]) != ""
    finally:
        sodium.cache_clear()
