"""Signatures verified in other processes: the verdict is the core's own, also when a process dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor

import pytest

from clearing_hosts_kit import funded, pay, scheme
from concordat.clearing.core.signatures import Item, signer_of, verify_all
from concordat.clearing.host import MemoryHost
from concordat.clearing.verifiers import PooledVerifier
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
