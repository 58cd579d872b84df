"""Who writes in a simulated run: honest instructions of every kind, and what a lying member sends beside them.

Signatures are stand-ins unless the plan asks for real ones: SHA-512 over public key and message, many times faster, and
as bound to both as a real one, so that what is altered or signed by another is found out by the same steps.
`MUST_FAIL` are the lies that no host may take past its door.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha512
from typing import Any

from concordat import canonical
from concordat.clearing.core.instructions import parse
from concordat.clearing.core.model import INSTRUCTION_BYTES_MAX
from concordat.clearing.core.signatures import Item, Signed, payload_type, sign, verify_all
from concordat.clearing.core.state import State
from concordat.clearing.simulate.made_certificates import one_more, trades_certificate
from concordat.clearing.simulate.operations import (
    BANKS,
    HOUR,
    ISSUERS,
    Draw,
    Maker,
    queue_certificate,
    secret_of,
    set_off_certificate,
)
from concordat.errors import TrustError
from concordat.ledger.entry import Envelope, pae
from concordat.ledger.keys import entry_keyid

Found = dict[str, Any] | None
MUST_FAIL = ("forge", "unsigned", "altered", "foreign", "garbage", "oversized")


@lru_cache(maxsize=256)
def public_of(bic8: str, number: int = 0) -> bytes:
    """The public key of a member."""
    found: bytes = secret_of(bic8, number).public
    return found


def stand_in(public: bytes, message: bytes) -> bytes:
    """Sixty-four bytes that only this key and this message give."""
    return sha512(b"stand-in" + public + message).digest()


def verify_stand_ins(items: Sequence[Item]) -> None:
    """As `signatures.verify_all`, for stand-ins.

    Raises:
        TrustError: at the first that is not what its key and message give.
    """
    for public, signature, message in items:
        if signature != stand_in(public, message):
            raise TrustError("the signature fails.", where="signature", code="signature")


def _as_it_is(one: Signed) -> tuple[bytes, bytes]:
    return one.data, one.digest


def verifier(real: bool) -> Any:
    """How a host of this run verifies."""
    return verify_all if real else verify_stand_ins


@dataclass
class Scribe(Maker):
    """The maker of operations, with stand-ins for signatures and a drawer of lies."""

    pending: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # sides of trades that cross, to be sent
    crossed: int = 0

    def one(self) -> Signed:
        """An operation; now and then a side of trades that can settle only together."""
        if not self.pending and self.draw.chance(5):
            self._cross()
        if self.pending and self.draw.chance(50):
            member, facts = self.pending.pop(self.draw.below(len(self.pending)))
            return self.signed("trade", member, facts)
        return super().one()

    def _cross(self) -> None:
        """Two or three banks in a ring, each selling to the next what it gets from the one before, or nearly that."""
        codes = self.draw.pick((("BRL", "INR"), ("BRL", "INR"), ("INR", "ZAR")))
        banks = [bic8 for bic8, (_, held) in BANKS.items() if set(codes) <= set(held)]
        ring = [banks.pop(self.draw.below(len(banks))) for _ in range(self.draw.pick((2, 3)))]
        size = [self.draw.pick((10_000, 1_000_000, 3_000_000)) for _ in codes]
        self.crossed += 1
        for place, one in enumerate(ring):
            other = ring[(place + 1) % len(ring)]
            less = [self.draw.below(100) if self.draw.chance(20) else 0 for _ in codes]
            legs = [
                {"payer": f"{a}/{code}", "payee": f"{b}/{code}", "amount_minor": str(base - part)}
                for (a, b), code, base, part in zip(((one, other), (other, one)), codes, size, less, strict=True)
            ]
            facts = {"trade_id": f"X{self.crossed}-{place}", "legs": legs}
            self.pending += [(member, {**facts, "legs": [dict(leg) for leg in legs]}) for member in (one, other)]

    def seal(self, facts: dict[str, Any], members: Sequence[str]) -> Signed:
        """The signed instruction."""
        payload = canonical.dumps(facts)
        one = self.envelope(payload, members)
        self.sent.append((one, frozenset(members)))
        for many in (self.payments, self.reservations, self.sent, self.held, self.debts, self.trades):
            del many[: max(0, len(many) - 400)]
        return one

    def envelope(self, payload: bytes, members: Sequence[str], scheme: str = "") -> Signed:
        """Bytes signed by members for a scheme; nothing is remembered."""
        name = scheme or self.place.scheme.name
        if self.real:
            return sign(payload, [secret_of(bic8, self.keys.get(bic8, 0)) for bic8 in members], name)
        message = pae(payload_type(name), payload)
        publics = [public_of(bic8, self.keys.get(bic8, 0)) for bic8 in members]
        pairs = tuple(sorted((entry_keyid(public), stand_in(public, message)) for public in publics))
        envelope = Envelope(payload_type(name), payload, pairs)
        return Signed(envelope, envelope.to_bytes(), name, parse(payload))

    # --- Lies ---------------------------------------------------------------------------------------------------------

    def lie(self, kind: str, liar: str) -> tuple[bytes, bytes]:
        """What a liar sends: the bytes, and the digest of the instruction in them (empty if there is none)."""
        payload, members = self._something(kind, liar)
        if kind == "replay":
            one = self.draw.pick(self.sent[-200:])[0] if self.sent else self.envelope(payload, members)
            return one.data, one.digest
        if kind == "foreign":
            one = self.envelope(payload, members, "another-room")
            return one.data, one.digest
        one = self.envelope(payload, [liar] if kind == "forge" else members)
        changed: tuple[bytes, bytes] = getattr(self, f"_{kind}", _as_it_is)(one)
        return changed

    def _something(self, kind: str, liar: str) -> tuple[bytes, Sequence[str]]:
        """A payload and who would have to sign it."""
        own = [one for one, members in self.sent[-200:] if members == {liar}]
        if kind == "reuse" and own:
            facts = json.loads(self.draw.pick(own).payload)
            facts["valid_until"] += 1 + self.draw.below(999)
            return canonical.dumps(facts), (liar,)
        others = [bic8 for bic8 in (*ISSUERS.values(), *BANKS) if bic8 != liar]
        named = self.draw.pick(others) if kind == "forge" else liar
        code = next((code for code, issuer in ISSUERS.items() if issuer == named), "") or BANKS[named][1][0]
        facts = {
            "kind": "transfer", "uetr": self.draw.uetr(), "member": named, "valid_from": max(0, self.now - HOUR),
            "valid_until": self.now + HOUR, "payer": f"{named}/{code}", "payee": f"{ISSUERS[code]}/{code}",
            "amount_minor": str(1 + self.draw.below(10_000)),
        }  # fmt: skip
        if facts["payer"] == facts["payee"]:
            facts["payee"] = f"{next(bic8 for bic8, (_, held) in BANKS.items() if code in held)}/{code}"
        return canonical.dumps(facts), (named,)

    def _unsigned(self, one: Signed) -> tuple[bytes, bytes]:
        envelope = Envelope(payload_type(one.scheme), one.payload, ())
        return envelope.to_bytes(), one.digest

    def _altered(self, one: Signed) -> tuple[bytes, bytes]:
        """Another amount or another payee under the old signature, or the signature itself with one bit changed."""
        if self.draw.chance(40):
            keyid, signature = one.signatures[0]
            place = self.draw.below(len(signature))
            changed = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
            return Envelope(payload_type(one.scheme), one.payload, ((keyid, changed),)).to_bytes(), one.digest
        facts = json.loads(one.payload)
        facts["amount_minor"] = str(int(facts["amount_minor"]) + 1)
        envelope = Envelope(payload_type(one.scheme), canonical.dumps(facts), one.signatures)
        return envelope.to_bytes(), b""

    def _garbage(self, one: Signed) -> tuple[bytes, bytes]:
        """Bytes that end early, go on too long, or are none of ours."""
        place = self.draw.below(len(one.data))
        options = (
            one.data[:place],
            one.data + b" ",
            b"\x00" * place,
            one.data[:place] + b"\xff" + one.data[place + 1 :],
        )
        return self.draw.pick(options), b""

    def _oversized(self, one: Signed) -> tuple[bytes, bytes]:
        facts = json.loads(one.payload)
        facts["payload_hash"] = "sha256:" + "0" * INSTRUCTION_BYTES_MAX
        pairs = one.signatures
        return Envelope(payload_type(one.scheme), canonical.dumps(facts), pairs).to_bytes(), b""

    # --- Certificates -------------------------------------------------------------------------------------------------

    def certificate(self, state: State, *, wrong: bool) -> Signed | None:
        """A certificate for this very state, as it should be or with one thing changed; None if nothing can settle."""
        codes = sorted(ISSUERS)
        first = self.draw.below(len(codes))
        found: Found = trades_certificate(state, self.now) if self.draw.chance(50) else None
        for code in codes[first:] + codes[:first]:
            makers = (partial(queue_certificate, state, code, self.now), partial(set_off_certificate, state, code))
            for make in makers[:: 1 if self.draw.chance(70) else -1]:
                found = found or make()
        if found is None or found["gained_minor"] == "0":
            found = trades_certificate(state, self.now)
        if found is None:
            return None
        if wrong:
            found = self._wrong(state, found)
        return self.signed("settle", self.draw.pick(tuple(ISSUERS.values())), {"certificate": found})

    def _wrong(self, state: State, found: dict[str, Any]) -> dict[str, Any]:
        """One thing changed; or a set that says of itself what is true, and has one member too many."""
        more = None
        if found["problem"] != "divisible" and self.draw.chance(50):
            more = one_more(state, found, self.now)
        return more or spoil(self.draw, found)


def spoil(draw: Draw, certificate: dict[str, Any]) -> dict[str, Any]:
    """The certificate with one thing changed that makes it false."""
    found: dict[str, Any] = json.loads(json.dumps(certificate))
    kind = draw.pick(("claim", "height", "root", "part", "extra", "double", "form"))
    if kind == "claim":
        _spoil_claim(draw, found)
    elif kind == "height":
        found["height"] += draw.pick((1, -1, 10**6))
    elif kind == "root":
        name = draw.pick([name for name in found if name.endswith("_root")])
        found[name] = found[name][:-1] + ("0" if found[name][-1] != "0" else "1")
    elif kind == "form":
        found[draw.pick(("sum", "mode2", "payments"))] = "1"
    elif found["problem"] != "divisible":
        _spoil_chosen(draw, found, kind)
    else:
        _spoil_set_off(draw, found, kind)
    return found


def _spoil_claim(draw: Draw, found: dict[str, Any]) -> None:
    """Another sum than what settles; of trades in one currency, or of their value."""
    change = draw.pick((1, -1, 10**6))
    if found["problem"] != "trades":
        found["gained_minor"] = str(int(found["gained_minor"]) + change)
    elif "gained_value" in found and draw.chance(50):
        found["gained_value"] = str(int(found["gained_value"]) + change)
    else:
        code = draw.pick(sorted(found["gained_minor"]))
        found["gained_minor"][code] = str(int(found["gained_minor"][code]) + change)


def _spoil_chosen(draw: Draw, found: dict[str, Any], kind: str) -> None:
    chosen = found["chosen"]
    if kind == "part":  # the rest of a set, with the claim of the whole
        chosen.pop(draw.below(len(chosen)))
    elif kind == "extra":
        chosen.append("ffffffff-ffff-4fff-bfff-ffffffffffff/ZZZZZAJJ")
    else:
        chosen.append(chosen[-1])


def _spoil_set_off(draw: Draw, found: dict[str, Any], kind: str) -> None:
    key = draw.pick(sorted(found["set_off"]))
    if kind == "part":  # one debt more is set off than comes back
        found["set_off"][key] = str(int(found["set_off"][key]) + 1)
        found["gained_minor"] = str(int(found["gained_minor"]) + 1)
    elif kind == "extra":
        found["set_off"]["ffffffff-ffff-4fff-bfff-ffffffffffff/ZZZZZAJJ"] = "1"
    else:
        member = draw.pick(sorted(found["potentials"]))
        found["potentials"][member] += draw.pick((1, -1))
