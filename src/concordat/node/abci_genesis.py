"""How a chain under an engine begins, and what its entries come to: the genesis record and the fold.

The genesis is the first entry of a chain's log: bloc, chain, pinned membership, validators, first height, time. The app
hash covers it, so replicas that pin another membership, or whose engines list other validators, disagree before the
first block.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.fold import Event
from concordat.ledger.membership import MembershipChain, Point

HASH = 32
CHAIN_ID = re.compile(r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


class Meaning(Protocol):
    """What entries come to; `CouncilMeaning` is the one that runs."""

    @property
    def state_hash(self) -> str:
        """The hash that replicas compare."""
        ...

    def take(self, point: Point, time: int, events: Sequence[Event]) -> Mapping[str, str]:
        """Fold one batch; the ids that did not count, and why."""
        ...


class CouncilMeaning:
    """The council's state (`node.council`): entries of scope `council` whose key is valid at their batch."""

    def __init__(self, chain: MembershipChain) -> None:
        from concordat.node.council import replay_of

        self._chain = chain
        self.replay = replay_of(chain, [])

    @property
    def state_hash(self) -> str:
        return self.replay.council.state_hash

    def take(self, point: Point, time: int, events: Sequence[Event]) -> Mapping[str, str]:
        from concordat.council.fold import Step

        good, bad = [], {}
        for event in events:
            try:
                self._chain.check_taken_up(event.entry, point)
            except TrustError as error:
                bad[event.entry.id] = str(error)
            else:
                if event.entry.scope == "council":
                    good.append(event)
        council = self.replay.council
        before = len(council.no_effect)
        self.replay.step(Step(point, time, tuple(good)))
        bad.update({found.entry: found.reason for found in council.no_effect[before:]})
        return bad


@dataclass(frozen=True, slots=True)
class Genesis:
    """How a chain began: the first entry of its log.

    Attributes:
        validators: (Ed25519 key, power), sorted; they stay, since no block of ours changes them. time: in seconds.
    """

    bloc: str
    chain_id: str
    membership: str
    initial_height: int
    time: int
    validators: tuple[tuple[bytes, int], ...]

    def leaf(self) -> bytes:
        """Canonical JSON."""
        keys = [{"key": base64.b64encode(key).decode(), "power": power} for key, power in self.validators]
        return canonical.dumps(
            {
                "bloc": self.bloc, "chain": self.chain_id, "initial_height": self.initial_height,
                "membership": self.membership, "time": self.time, "v": 1, "validators": keys,
            }
        )  # fmt: skip

    @classmethod
    def parse(cls, leaf: bytes, where: str) -> Genesis:
        """Read one.

        Raises:
            InputError: other keys or types.
        """
        raw = canonical.loads(leaf, exact=True)
        try:
            keys = tuple((base64.b64decode(v["key"], validate=True), int(v["power"])) for v in raw["validators"])
            found = cls(raw["bloc"], raw["chain"], raw["membership"], raw["initial_height"], raw["time"], keys)
            if found.leaf() != leaf:
                raise ValueError("other keys")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("not the genesis of a chain.", where=where, code="genesis") from None
        if not CHAIN_ID.fullmatch(str(found.chain_id)) or any(len(k) != HASH or p < 1 for k, p in keys):
            raise InputError("a chain id or a validator that none may be.", where=where, code="genesis")
        return found
