"""People of a node for tests: cheap hashes, a delegate with everything, a telephone that shows codes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from concordat import canonical
from concordat.node.accounts import Account
from concordat.node.found import adopt, init, read_root, renewed_payload, sign_payload
from concordat.node.home import Node
from concordat.node.identity import Identity
from concordat.node.own_log import NodeLog
from concordat.node.passwords import STEP_S, Cost, totp
from concordat.node.people import People
from concordat.node.person_keys import person_request, read_request

CHEAP = Cost(64, 1, 1)  # the method is the same; what it costs is measured in benchmarks
T0 = 1_795_305_600  # 2026-11-22 00:00 UTC, where the tests' clock stands
PASSWORD = "seven otters on a tram"
PHRASE = "nine lamps under water"


@dataclass
class Telephone:
    """What a person holds in her hand."""

    secret: bytes

    def code(self, now: int) -> str:
        """What it shows."""
        return totp(self.secret, now // STEP_S)


def join(people: People, login: str, roles: list[str], *, now: int = T0, label: str = "") -> tuple[Account, Telephone]:
    """An account whose link was used."""
    _, link = people.accounts.add(login, f"Name of {login}", roles, now, key_label=label)
    shown = people.accounts.welcome(link.value, now)
    phone = Telephone(base64.b32decode(shown.totp.value.replace(" ", "")) if shown.totp else b"")
    account, _ = people.accounts.accept(link.value, PASSWORD, phone.code(now) if shown.totp else "", now)
    return account, phone


def make_home(folder: Path, member: str = "BRA") -> Path:
    """The folder of a new node, alone in its bloc."""
    home = folder / member
    init(home, Identity("BRICS", member, f"{member.lower()}.example"))
    return home


def certify(home: Path, label: str, public: bytes, may: tuple[str, ...] = ("council", "exchange")) -> None:
    """Have the root signers of a lone node put a person's key into the membership file."""
    bloc, member, person = read_request(person_request("BRICS", home.name, label, public, may), "request")
    assert bloc == "BRICS"
    with Node(home) as node:
        last, number = node.chain.last, node.replica.councils[1].progress_at(node.replica.councils[1].size).number
    expires = last.expires
    batch = max(number + 1, last.effective.batch + 1)
    payload = canonical.dumps(renewed_payload(last, [], [], expires, (1, batch), [(member, person)]))
    roots = [read_root(path) for path in sorted((home / "roots").iterdir())[:2]]
    adopt(home, [sign_payload(payload, roots).to_bytes()])


@contextmanager
def opened(home: Path) -> Iterator[tuple[Node, People]]:
    """A node and its people, open."""
    with Node(home) as node:
        people = People.open(home, NodeLog(node), cost=CHEAP)
        try:
            yield node, people
        finally:
            people.close()


def bare(home: Path) -> People:
    """People without a log, in a folder that has an identity only."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "identity.json").write_text('{"bloc": "BRICS", "host": "node.example.br", "member": "BRA"}')
    return People.open(home, cost=CHEAP)
