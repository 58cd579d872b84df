"""How long is a bloc of ten without finality once its chair is dead and the time-out has passed?

`python -m simulation.dead_chair` (from `tests/`) prints seconds. Ten members with real Ed25519 keys, and ML-DSA-44
where the library has it, run in this one process; messages arrive at once, in order. The members' clock is virtual
up to the time-out; from there on what counts is the time that this process needs, on one core, for all ten: votes, the
new view, the certificate of what was cut, the batch with the waiting entry, and the batch that makes it final at every
member. Nothing verified is remembered from one message to the next, so every member pays for every signature, more than
once. Real members share the work among ten machines and add four or five round trips of the network.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from typing import Any

from concordat.ledger.keys import has_mldsa
from concordat.ledger.replica import Replica
from concordat.ledger.views import patience
from simulation.keys import NAMES, chain, forget, signer

START, LIMIT_S = 1_900_000_000, 2.0


class Bloc:
    """Ten replicas, one of them dead from some moment on."""

    def __init__(self, members: int, *, mldsa: bool) -> None:
        self.chain = chain(members, mldsa=mldsa)
        self.now = START
        self.live = {m: Replica(signer(m, mldsa=mldsa), self.chain) for m in NAMES[:members]}
        self.mail: deque[tuple[str, str, Any]] = deque()
        self.messages = 0

    def send(self, sender: str, out: list[tuple[str, Any]]) -> None:
        self.mail.extend((sender, to, message) for to, message in out)

    def deliver(self) -> None:
        """Until nobody has anything to say."""
        while self.mail:
            sender, to, message = self.mail.popleft()
            if to in self.live:
                self.messages += 1
                forget()  # what another member verified counts for nothing here: each does its own work
                self.send(to, self.live[to].handle(sender, message, self.now))

    def write(self, member: str, word: str) -> str:
        entry, out = self.live[member].write("Said", {"word": word}, "council", self.now)
        self.send(member, out)
        self.deliver()
        return entry.id

    def final_everywhere(self, entry_id: str) -> bool:
        return all(entry_id in {e.id for _, _, e in r.events()} for r in self.live.values())

    def tick(self) -> None:
        for member, replica in self.live.items():
            self.send(member, replica.tick(self.now))
            self.deliver()


def measure(members: int = 10, *, mldsa: bool = False) -> dict[str, Any]:
    """One view change; seconds from the time-out until the waiting entry is final at every member alive."""
    forget()
    bloc = Bloc(members, mldsa=mldsa)
    assert bloc.final_everywhere(bloc.write(NAMES[1], "before"))
    del bloc.live[NAMES[0]]
    waiting = bloc.write(NAMES[1], "waits")
    bloc.tick()
    bloc.now += patience(0) - 1
    bloc.tick()
    assert all(r.view == 1 for r in bloc.live.values())
    assert not bloc.final_everywhere(waiting)
    bloc.now += 2
    before, wall, cpu = bloc.messages, time.perf_counter(), time.process_time()
    bloc.tick()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert bloc.final_everywhere(waiting)
    return {
        "members": members,
        "signatures": "Ed25519 and ML-DSA-44" if mldsa else "Ed25519",
        "view": max(r.view for r in bloc.live.values()),
        "messages": bloc.messages - before,
        "seconds": round(wall, 3),
        "seconds of one core": round(cpu, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10)
    members = parser.parse_args().members
    for mldsa in (False, True) if has_mldsa() else (False,):
        runs = sorted((measure(members, mldsa=mldsa) for _ in range(5)), key=lambda r: r["seconds"])
        print(f"{runs[2]}, median of five; the limit is {LIMIT_S} s")


if __name__ == "__main__":
    main()
