"""What a node may still sign: its keys, and the floor below which they never sign again.

Two signatures that contradict each other are a proof of misconduct, and an honest node can make one by accident: its
database is restored from a backup, and it signs at sizes it has signed before. So the keys carry their own memory, kept
in another file than the log: the largest head signed in each role and log, the last time, the highest view promised.
It is saved before a signature leaves. A copied or restored database can't make the keys forget it.

Rules: no smaller size; at the same size no other root; at a larger size only a log that begins with the one signed
before; no time earlier than the last; no cosignature of a council log below a promised view; no vote that names less
than what was cosigned.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from concordat.errors import StateError
from concordat.ledger.council_log import Certificate
from concordat.ledger.keys import Ed25519Secret, MLDSA44Secret
from concordat.ledger.note import Checkpoint, Note, NoteSigner, Signature
from concordat.ledger.views import ViewVote

RootAt = Callable[[int], bytes]


@dataclass
class Floor:
    """What the keys of one node remember.

    Attributes:
        heads: (role, origin) -> size and root of the largest head signed. times: role -> the last time signed.
        promised: the highest view voted for, or cosigned in. council: (view, size) of the highest council head that a
            cosigned one carried the certificate of: no vote may name less. certificate: that one in full, so that a
            node whose database is older than its keys can still vote.
    """

    heads: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    promised: int = 1
    council: tuple[int, int] = (0, 0)
    certificate: Certificate | None = None

    def as_json(self) -> dict[str, Any]:
        """For the file beside the keys."""
        heads = [[role, origin, size, root.hex()] for (role, origin), (size, root) in sorted(self.heads.items())]
        kept = self.certificate.body() if self.certificate else None
        return {
            "certificate": kept,
            "council": list(self.council),
            "heads": heads,
            "promised": self.promised,
            "times": self.times,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Floor:
        """The other way round."""
        heads = {(role, origin): (size, bytes.fromhex(root)) for role, origin, size, root in raw["heads"]}
        view, size = raw["council"]
        numbers = [view, size, raw["promised"], *raw["times"].values(), *(size for size, _ in heads.values())]
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("numbers that are none")
        kept = raw.get("certificate")
        certificate = Certificate.parse(kept, "floor") if kept else None
        return cls(heads, dict(raw["times"]), raw["promised"], (view, size), certificate)


class Signer:
    """The keys of one node, and what they may sign.

    Args:
        member: the member's id. log, witness, mirror: its note signers, Ed25519 first. node: its person key `node`.
        floor: what was signed before. save: called with the floor before any signature leaves; must not return before
            it is on the disk.
    """

    def __init__(
        self,
        member: str,
        log: Sequence[NoteSigner],
        witness: Sequence[NoteSigner],
        mirror: Sequence[NoteSigner],
        node: Ed25519Secret,
        floor: Floor | None = None,
        save: Callable[[Floor], None] = lambda _: None,
    ) -> None:
        self.member = member
        self.node = node
        self.floor = floor or Floor()
        self._keys = {"log": tuple(log), "witness": tuple(witness), "mirror": tuple(mirror)}
        self._save = save
        self.held = ""  # why nothing may be signed for now, in words: a node that looks for what it lost

    def require_free(self) -> None:
        """Nothing keeps the keys from signing.

        Raises:
            StateError: what does.
        """
        if self.held:
            raise StateError(self.held, where="keys", hint="See: concordat node status", code="held")

    def size_signed(self, origin: str) -> int:
        """The largest size of a log that this node's log keys have signed."""
        return self.floor.heads.get(("log", origin), (0, b""))[0]

    def own_mark(self, *parts: bytes | memoryview) -> bytes:
        """32 bytes by which these keys know again what they kept for themselves: nobody else can make or check them.

        HMAC-SHA-256 under a key of its own, made from the seed of the log key (HMAC-SHA-256 again). It is no signature
        and promises nothing to anybody, so no floor stands under it.
        """
        key = hmac.digest(self._keys["log"][0].secret.seed, b"concordat own mark v1", "sha256")
        mark = hmac.new(key, digestmod="sha256")
        for part in parts:
            mark.update(part)
        return mark.digest()

    def head(self, checkpoint: Checkpoint, now: int, root_at: RootAt) -> Note:
        """Sign the head of a log that this node writes: its own, or a council log as chair.

        Raises:
            StateError: the floor forbids it.
        """
        time = self._allow("log", checkpoint, now, root_at)
        signers = [NoteSigner(checkpoint.origin, key.kind, key.secret) for key in self._keys["log"]]
        return Note(checkpoint.text(), tuple(signer.sign(checkpoint, time) for signer in signers))

    def cosign(
        self,
        role: str,
        checkpoint: Checkpoint,
        now: int,
        root_at: RootAt,
        view: int = 0,
        carried: Certificate | None = None,
    ) -> tuple[Signature, ...]:
        """Cosign as `witness` or `mirror`; `view` is that of a council log, `carried` what its last entry carries.

        Raises:
            StateError: the floor forbids it.
        """
        if view:
            self._allow_view(checkpoint.origin, view)
            if carried is not None and carried.place >= self.floor.council:
                self.floor.certificate = carried
        time = self._allow(role, checkpoint, now, root_at, (view, checkpoint.size - 1) if view else (0, 0))
        return tuple(signer.sign(checkpoint, time) for signer in self._keys[role])

    def may_cosign(self, view: int) -> bool:
        """Whether no later view was promised."""
        return view >= self.floor.promised

    def _allow_view(self, origin: str, view: int) -> None:
        if not self.may_cosign(view):
            what = f"this node promised to cosign nothing below view {self.floor.promised}."
            raise StateError(what, where=origin, code="promised")

    def promise(self, view: int) -> None:
        """Cosign nothing below a view from now on."""
        if view > self.floor.promised:
            self.floor.promised = view
            self._save(self.floor)

    def may_vote(self, view: int, certificate: Certificate | None) -> bool:
        """Whether a vote for a view that names this certificate contradicts nothing signed before."""
        return view >= self.floor.promised and (certificate.place if certificate else (0, 0)) >= self.floor.council

    def vote(self, bloc: str, view: int, certificate: Certificate | None) -> ViewVote:
        """Vote for a view and promise to cosign nothing in older ones.

        Raises:
            StateError: this node has promised a later view, or the certificate is lower than what it has cosigned.
        """
        self.require_free()
        if not self.may_vote(view, certificate):
            least = self.floor.council
            what = f"this node may not vote for view {view} naming less than view {least[0]}, size {least[1]}."
            raise StateError(what, hint="Fetch the council log from the other members first.", code="promised")
        self.floor.promised = view
        self._save(self.floor)
        secret = self._keys["mirror"][0].secret
        assert not isinstance(secret, MLDSA44Secret)
        return ViewVote.new(bloc, self.member, view, certificate, secret)

    def _allow(
        self, role: str, checkpoint: Checkpoint, now: int, root_at: RootAt, carried: tuple[int, int] = (0, 0)
    ) -> int:
        """Raise the floor to a head, and to the certificate that a council head carries, and save it; the time."""
        self.require_free()
        key = (role, checkpoint.origin)
        size, root = self.floor.heads.get(key, (0, b""))
        if checkpoint.size < size:
            missing = size - checkpoint.size
            raise StateError(
                f"this node's copy of the log has {checkpoint.size:,} entries, but its keys have signed {size:,}.",
                where=checkpoint.origin,
                hint=f"Fetch the missing {missing:,} from another member's folder: concordat node sync --from FOLDER",
                code="rollback",
            )
        if size and root_at(size) != root:
            what = f"this node has signed another log of {size:,} entries."
            raise StateError(what, where=checkpoint.origin, hint="Run: concordat node verify", code="contradiction")
        self.floor.heads[key] = (checkpoint.size, checkpoint.root)
        time = max(now, self.floor.times.get(role, 0))
        self.floor.times[role] = time
        self.floor.promised = max(self.floor.promised, carried[0])
        if carried[1]:
            self.floor.council = max(self.floor.council, carried)
        self._save(self.floor)
        return time
