"""What may happen to a ledger, made up: instructions of every kind, most of them sensible and many of them not.

`operations(seed, count)` gives rounds (time and signed instructions) until `count` operations have been given; each row
of a batch counts as one. The same seed gives the same bytes on every machine: draws come from SHA-256 of seed and a
counter. Members, currencies, corridors with hours, caps and purposes are those of `world()`. About a third of what is
drawn is wrong on purpose: no money, another's account, a used id, time run out, closed hours, a stale certificate.

With `look` (a function that gives the state of the host being fed) valid certificates are among them, both kinds.
With `real_signatures=False` signatures are 64 zero bytes: for hosts whose verifier is told to let them pass.

    host = MemoryHost(world().scheme)
    for turn in operations(7, 1_000, look=lambda: host.state):
        for signed in turn.instructions:
            host.submit(signed)
        host.step(turn.time_ms)
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from concordat import canonical
from concordat.clearing.core.instructions import parse
from concordat.clearing.core.signatures import Item, Signed, payload_type, sign
from concordat.clearing.core.state import State
from concordat.clearing.simulate.draws import (
    BANKS,
    DAY,
    HOUR,
    ISSUERS,
    MINUTE,
    NEWCOMERS,
    START,
    Draw,
    World,
    secret_of,
    world,
)
from concordat.clearing.simulate.made_certificates import queue_certificate, set_off_certificate
from concordat.ledger.entry import Envelope
from concordat.ledger.keys import entry_keyid

__all__ = [
    "BANKS",
    "DAY",
    "HOUR",
    "ISSUERS",
    "MINUTE",
    "MIX",
    "NEWCOMERS",
    "START",
    "Draw",
    "Maker",
    "Turn",
    "World",
    "accept_all",
    "operations",
    "queue_certificate",
    "secret_of",
    "set_off_certificate",
    "world",
]


@dataclass(frozen=True)
class Turn:
    """One block's worth: when, what, and the payloads with who signed them (for the naive model)."""

    time_ms: int
    instructions: tuple[Signed, ...]
    signers: tuple[frozenset[str], ...]


def accept_all(items: Sequence[Item]) -> None:
    """A verifier that lets every signature pass: for speed, where signatures are not what is looked at."""


@dataclass
class Maker:
    """Makes one operation after the other, remembering a little of what it made."""

    draw: Draw
    place: World
    real: bool = True
    look: Callable[[], State] | None = None
    now: int = START
    height: int = 0
    payments: list[tuple[str, str, str]] = field(default_factory=list)  # uetr, member, payee's member
    reservations: list[tuple[str, str]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    debts: list[tuple[str, str, str]] = field(default_factory=list)
    sent: list[tuple[Signed, frozenset[str]]] = field(default_factory=list)
    held: list[tuple[str, str, str]] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    rotating: dict[str, int] = field(default_factory=dict)
    admitted: dict[str, int] = field(default_factory=dict)
    version: int = 1

    def member(self) -> str:
        """Somebody; newcomers once they are in."""
        ready = [bic8 for bic8, since in self.admitted.items() if since <= self.height]
        return str(self.draw.pick([*ISSUERS.values(), *BANKS, *BANKS, *ready]))

    def account(self, bic8: str, code: str) -> str:
        """Mostly the main one."""
        return f"{bic8}/{code}" + (self.draw.pick(("/ops", "/fx")) if self.draw.chance(8) else "")

    def amount(self) -> int:
        """Mostly small, sometimes beyond all means."""
        return 1 + self.draw.below(self.draw.pick((100, 10_000, 10_000, 10_000, 100_000, 100_000, 1_000_000, 10**9)))

    def currency(self) -> str:
        return str(self.draw.pick(("BRL", "BRL", "BRL", "INR", "INR", "ZAR")))

    def two(self, code: str = "") -> tuple[str, str]:
        """Payer and payee, mostly such as hold the currency; one payment in five is the issuer's."""
        holders = [bic8 for bic8, (_, held) in BANKS.items() if code in held] if self.draw.chance(94) else []
        while True:
            payer = self.draw.pick(holders) if holders and self.draw.chance(80) else ISSUERS.get(code) or self.member()
            payee = self.draw.pick(holders) if holders else self.member()
            if payer != payee:
                return payer, payee

    def signed(self, kind: str, member: str, facts: dict[str, Any], others: Sequence[str] = ()) -> Signed:
        """Sign an instruction of the member, mostly valid now."""
        since = self.now - self.draw.below(HOUR) if self.draw.chance(97) else self.now + DAY
        until = since + self.draw.pick((10 * MINUTE, 3 * HOUR, DAY, 3 * DAY))
        common = {"kind": kind, "uetr": facts.pop("uetr", None) or self.draw.uetr(), "member": member}
        times = {"valid_from": max(since, 0), "valid_until": max(until, 0)}
        if "expires" in facts:
            facts["expires"] = max(facts["expires"], times["valid_from"])
        return self.seal({**common, **times, **facts}, (member, *others))

    def seal(self, facts: dict[str, Any], members: Sequence[str]) -> Signed:
        """The signed instruction."""
        payload = canonical.dumps(facts)
        secrets = [secret_of(bic8, self.keys.get(bic8, 0)) for bic8 in members]
        name = self.place.scheme.name
        if self.real:
            one = sign(payload, secrets, name)
        else:
            pairs = tuple(sorted((entry_keyid(secret.public), bytes(64)) for secret in secrets))
            envelope = Envelope(payload_type(name), payload, pairs)
            one = Signed(envelope, envelope.to_bytes(), name, parse(payload))
        self.sent.append((one, frozenset(members)))
        return one

    # --- Each kind ----------------------------------------------------------------------------------------------------

    def issue(self) -> Signed:
        code = self.currency()
        member = ISSUERS[code] if self.draw.chance(90) else self.member()
        amount = self.amount() * self.draw.pick((1, 100, 100)) if self.draw.chance(99) else 9 * 10**17
        return self.signed("issue", member, {"currency": code, "amount_minor": str(amount)})

    def redeem(self) -> Signed:
        code = self.currency()
        member = ISSUERS[code] if self.draw.chance(90) else self.member()
        return self.signed("redeem", member, {"currency": code, "amount_minor": str(self.amount())})

    def line_set(self) -> Signed:
        code = self.currency()
        member = ISSUERS[code] if self.draw.chance(85) else self.member()
        amount = self.draw.pick((0, self.amount(), self.amount()))
        return self.signed(
            "line_set", member, {"account": self.account(self.member(), code), "amount_minor": str(amount)}
        )

    def freeze(self) -> Signed:
        code = self.currency()
        kind = self.draw.pick(("freeze", "unfreeze", "unfreeze", "unfreeze"))
        return self.signed(kind, ISSUERS[code], {"account": self.account(self.member(), code)})

    def quota_set(self) -> Signed:
        code = self.currency()
        facts = {"currency": code, "purpose": self.draw.pick(("GDDS", "SCVE")), "resident": self.draw.chance(50)}
        amount = None if self.draw.chance(40) else str(self.amount())
        return self.signed("quota_set", ISSUERS[code], {**facts, "amount_minor": amount})

    def band_set(self) -> Signed:
        facts = {"pair": "BRL/INR", "low": ["1", "20"], "high": ["1", "10"]}
        return self.signed("band_set", self.draw.pick(("AAAABRSP", "EEEEZAJJ")), facts)

    def limit_set(self) -> Signed:
        one, other = self.two(code := self.currency())
        kind = self.draw.pick(("payment", "day_out", "bilateral", "multilateral"))
        member = self.draw.pick((one, one, ISSUERS[code], self.member()))
        facts = {
            "account": f"{one}/{code}",
            "limit": kind,
            "amount_minor": None if self.draw.chance(45) else str(self.amount() * 5),
        }
        return self.signed(
            "limit_set", member, {**facts, **({"payee": f"{other}/{code}"} if kind == "bilateral" else {})}
        )

    def terms(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"if_short": self.draw.pick(("reject", "queue", "queue"))}
        if self.draw.chance(60):
            facts["priority"] = self.draw.pick((1, 2, 3))
        if self.draw.chance(40):
            facts["purpose"] = self.draw.pick(("GDDS", "SCVE", "TAXS"))
        return facts

    def transfer(self) -> Signed:
        payer, payee = self.two(code := self.currency())
        member = payer if self.draw.chance(97) else payee
        facts = {
            "payer": self.account(payer, code),
            "payee": self.account(payee, code),
            "amount_minor": str(self.amount()),
        }
        if self.draw.chance(4):
            facts["payee"] = f"{payer}/{code}/fx"
            facts["payer"] = f"{payer}/{code}"
        facts.update(self.terms())
        if self.debts and self.draw.chance(8):
            uetr, debtor, creditor = self.draw.pick(self.debts)
            facts.update(
                payer=f"{debtor}/{code}",
                payee=f"{creditor}/{code}",
                obligation=uetr,
                amount_minor=str(1 + self.draw.below(2_000)),
            )
            member = debtor
        one = self.signed("transfer", member, facts)
        self.payments.append((one.instruction.uetr, member, facts["payee"][:8]))
        return one

    def gridlock(self) -> Signed:
        """A large payment that waits, or one just as large the other way: together they could settle."""
        if self.unanswered is not None:
            (payer, payee, amount), self.unanswered = self.unanswered, None
        else:
            payer, payee = self.two(code := self.draw.pick(("BRL", "INR")))
            payer, payee, amount = f"{payer}/{code}", f"{payee}/{code}", 10**6 + self.draw.below(10**7)
            self.unanswered = (payee, payer, amount - self.draw.below(100))
        facts = {"payer": payer, "payee": payee, "amount_minor": str(amount), "if_short": "queue", "purpose": "GDDS"}
        one = self.signed("transfer", payer[:8], facts)
        self.payments.append((one.instruction.uetr, payer[:8], payee[:8]))
        return one

    unanswered: tuple[str, str, int] | None = None

    def transfer_batch(self) -> Signed:
        payer, _ = self.two(code := self.currency())
        uetrs = [self.draw.uetr() for _ in range(1 + self.draw.below(self.draw.pick((3, 12, 40))))]
        if self.payments and self.draw.chance(10):
            uetrs[0] = self.draw.pick(self.payments)[0]
        payees = [
            self.draw.pick([b for b in BANKS if b != payer and (code in BANKS[b][1] or self.draw.chance(1))])
            for _ in uetrs
        ]
        rows = {
            "uetr": list(dict.fromkeys(uetrs)),
            "payee": [f"{payee}/{code}" for payee in payees][: len(set(uetrs))],
            "amount_minor": [str(1 + self.draw.below(self.draw.pick((50, 5_000)))) for _ in set(uetrs)],
        }
        facts = {"payer": f"{payer}/{code}", "rows": rows, "linked": self.draw.chance(30), **self.terms()}
        self.payments.extend((uetr, payer, payee) for uetr, payee in zip(rows["uetr"], payees, strict=False))
        return self.signed("transfer_batch", payer, facts)

    def reserve(self) -> Signed:
        payer, payee = self.two(code := self.currency())
        facts = {"payer": f"{payer}/{code}", "payee": f"{payee}/{code}", "amount_minor": str(self.amount())}
        until = self.now + self.draw.pick((MINUTE, HOUR, DAY))
        one = self.signed("reserve", payer, {**facts, "expires": until})
        self.reservations.append((one.instruction.uetr, payer))
        return one

    def post(self) -> Signed:
        uetr, member = self.draw.pick(self.reservations) if self.reservations else (self.draw.uetr(), self.member())
        if self.draw.chance(30):
            return self.signed("void", member, {"reservation": uetr})
        one = self.signed("post", member, {"reservation": uetr, "amount_minor": str(1 + self.draw.below(9_000))})
        self.payments.append((one.instruction.uetr, member, member))
        return one

    def known_payment(self) -> tuple[str, str, str]:
        if not self.payments or self.draw.chance(5):
            return self.draw.uetr(), self.member(), self.member()
        found: tuple[str, str, str] = self.draw.pick(self.payments[-60:])
        return found

    def cancel(self) -> Signed:
        uetr, member, _ = self.known_payment()
        if self.draw.chance(40):
            return self.signed("reprioritise", member, {"payment": uetr, "priority": self.draw.pick((1, 2, 3))})
        return self.signed("cancel", member, {"payment": uetr})

    def give_back(self) -> Signed:
        uetr, member, payee = self.known_payment()
        who = payee if self.draw.chance(85) else self.member()
        return self.signed("return", who, {"payment": uetr, "payer_member": member, "amount_minor": str(self.amount())})

    def recall(self) -> Signed:
        uetr, member, payee = self.known_payment()
        if self.draw.chance(50):
            return self.signed("recall", member, {"payment": uetr, "reason": "DUPL"})
        answer = self.draw.pick(("accepted", "refused"))
        return self.signed("recall_answer", payee, {"payment": uetr, "payer_member": member, "answer": answer})

    def owe(self) -> Signed:
        debtor, creditor = self.two()
        facts = {"creditor": creditor, "currency": self.currency(), "amount_minor": str(1 + self.draw.below(5_000))}
        others = (creditor,) if self.draw.chance(90) and (creditor in BANKS or creditor in ISSUERS.values()) else ()
        one = self.signed("owe", debtor, {**facts, "due": "2027-06-30"}, others)
        self.debts.append((one.instruction.uetr, debtor, creditor))
        return one

    def trade(self) -> Signed:
        if self.trades and self.draw.chance(60):
            facts = self.trades.pop(self.draw.below(len(self.trades)))
            other = facts.pop("other")
            if self.draw.chance(10):
                facts["legs"][0]["amount_minor"] = str(int(facts["legs"][0]["amount_minor"]) + 1)
            return self.signed("trade", other, facts)
        codes = self.draw.pick((("BRL", "INR"), ("INR", "ZAR"), ("BRL", "INR"), ("BRL", "ZAR")))
        one, other = self.two(codes[0])
        legs = [
            {"payer": f"{a}/{code}", "payee": f"{b}/{code}", "amount_minor": str(self.amount())}
            for (a, b), code in zip(((one, other), (other, one)), codes, strict=True)
        ]
        facts = {"trade_id": f"T{self.draw.below(10**6)}", "legs": legs}
        self.trades.append({"other": other, "trade_id": facts["trade_id"], "legs": [dict(leg) for leg in legs]})
        key = "/".join((str(facts["trade_id"]), *sorted((one, other))))
        self.held.append(("trade", key, one))
        return self.signed("trade", one, facts)

    def hold(self) -> Signed:
        if self.held and self.draw.chance(40):
            target, key, member = self.draw.pick(self.held[-20:])
            return self.signed("release", member, {"target": target, "of": key})
        uetr, member, payee = self.known_payment()
        if self.draw.chance(30):  # a hold that comes before its payment
            payer, payee = self.two(code := self.currency())
            uetr, member = self.draw.uetr(), payer
            facts = {"payer": f"{payer}/{code}", "payee": f"{payee}/{code}", "amount_minor": str(self.amount())}
            self.later = (uetr, payer, {**facts, **self.terms()})
        by = self.draw.pick((member, payee, self.member()))
        target, key = "payment", f"{uetr}/{member}"
        if self.held and self.draw.chance(15):
            target, key, by = self.draw.pick(
                [one for one in self.held[-20:] if one[0] == "trade"] or [(target, key, by)]
            )
        self.held.append((target, key, by))
        facts = {"target": target, "of": key, "reason_class": "name_match", "list_hash": "sha256:" + "ab" * 32}
        return self.signed("hold", by, {**facts, "until": self.now + self.draw.pick((MINUTE, 5 * HOUR, DAY, 3 * DAY))})

    later: tuple[str, str, dict[str, Any]] | None = None

    def announced(self) -> Signed:
        """The payment for which a hold came first."""
        if self.later is None:
            return self.transfer()
        (uetr, payer, facts), self.later = self.later, None
        self.payments.append((uetr, payer, facts["payee"][:8]))
        return self.signed("transfer", payer, {"uetr": uetr, **facts})

    def change(self) -> Signed:
        """Members, keys and the scheme."""
        bic8 = self.draw.pick((*NEWCOMERS, *BANKS))
        supervisor = (
            BANKS[bic8][0] if bic8 in BANKS else {"BR": "AAAABRSP", "IN": "BBBBINBB"}.get(bic8[4:6], "EEEEZAJJ")
        )
        height = self.height + self.draw.pick((0, 2, 3, 40))
        decision = "sha256:" + "cd" * 32
        kind = self.draw.pick(
            ("member_add", "member_add", "key_rotate", "member_suspend", "member_leave", "scheme_change")
        )
        if kind == "member_add":
            facts = {
                "bic8": bic8,
                "lei": "0" * 20,
                "currencies": ["BRL", "INR", "ZAR"],
                "public": secret_of(bic8).public.hex(),
            }
            if bic8 not in BANKS and bic8 not in self.admitted and height > self.height + 1:
                self.admitted[bic8] = height
            return self.signed(kind, supervisor, {**facts, "from_height": max(height, 1), "decision": decision})
        if kind == "key_rotate":
            known = self.keys.get(bic8, 0)
            public = secret_of(bic8, known + 1).public.hex()
            return self.signed(kind, supervisor, {"bic8": bic8, "public": public, "from_height": self.height + 10**6})
        if kind == "scheme_change":
            self.version += 1
            document = {**self.place.scheme.document, "version": self.version, "decision": decision}
            signers = self.draw.pick((("BBBBINBB", "EEEEZAJJ"), ("BBBBINBB",)))
            facts = {"document": document, "from_height": max(height, 1), "decision": decision}
            return self.signed(kind, "AAAABRSP", facts, signers)
        who = self.draw.pick((supervisor, bic8)) if bic8 in BANKS else supervisor
        facts = {"bic8": bic8, "from_height": self.height + 10**6, "decision": decision}
        return self.signed(kind, who, facts)

    def day_close(self) -> Signed:
        code = self.currency()
        day = datetime.date(1970, 1, 1) + datetime.timedelta(days=self.now // DAY - self.draw.pick((0, 1, 1, 2)))
        return self.signed("day_close", ISSUERS[code], {"currency": code, "date": day.isoformat()})

    def settle(self) -> Signed:
        member = self.draw.pick((*ISSUERS.values(), *ISSUERS.values(), "CCCCBRSP"))
        state = self.look() if self.look else None
        if state is None or self.draw.chance(15):
            stale = {
                "problem": self.draw.pick(("queue", "divisible", "trades", "other")),
                "currency": "BRL",
                "height": 1,
            }
            return self.signed("settle", member, {"certificate": stale})
        codes = list(ISSUERS)
        first = self.draw.below(len(codes))
        found = None
        for code in codes[first:] + codes[:first]:
            found = found or queue_certificate(state, code, self.now)
        if found is None or self.draw.chance(30):
            found = set_off_certificate(state, codes[first])
        return self.signed("settle", member, {"certificate": found or {"problem": "queue"}})

    def again(self) -> Signed:
        """The same bytes once more, or another instruction under the same id."""
        if not self.sent:
            return self.issue()
        one, members = self.draw.pick(self.sent[-200:])
        if self.draw.chance(60):
            self.sent.append((one, members))
            return Signed.read(one.data, one.scheme)
        facts = json.loads(one.payload)
        facts["valid_until"] += 1
        return self.seal(facts, (facts["member"], *sorted(members - {facts["member"]})))

    def one(self) -> Signed:
        """An operation."""
        name = self.draw.pick(MIX)
        found: Signed = getattr(self, name)()
        return found


MIX = (
    *("transfer",) * 34, *("gridlock",) * 8, *("transfer_batch",) * 6, *("issue",) * 8, "redeem", *("line_set",) * 3,
    *("freeze",) * 2, "quota_set", "band_set", *("limit_set",) * 2, *("reserve",) * 4, *("post",) * 4, *("cancel",) * 3,
    *("give_back",) * 3, *("recall",) * 2, *("owe",) * 4, *("trade",) * 6, *("hold",) * 4, *("announced",) * 2,
    "change", "day_close", *("settle",) * 5, *("again",) * 4,
)  # fmt: skip


def operations(
    seed: int,
    count: int,
    *,
    mode: str = "bypass",
    look: Callable[[], State] | None = None,
    real_signatures: bool = True,
    a_turn: int = 25,
) -> Iterator[Turn]:
    """Rounds of made-up operations.

    Args:
        seed: of all draws. count: operations in all, rows of batches counted. mode: of the queue.
        look: the state of the host that is fed, for valid certificates. real_signatures: else 64 zero bytes.
        a_turn: how many instructions a block has at most.
    """
    draw = Draw(f"operations {seed}")
    maker = Maker(draw, world(mode), real_signatures, look)
    given = 0
    while given < count:
        maker.now += draw.pick((1_000, 20_000, 5 * MINUTE, 40 * MINUTE, 3 * HOUR))
        if draw.chance(1):
            maker.now += 2 * DAY
        maker.height += 1
        made: dict[bytes, Signed] = {}
        for _ in range(1 + draw.below(a_turn)):
            one = maker.one()
            made[one.digest] = one
            given += len(one.instruction.facts["rows"].uetr) if one.instruction.kind == "transfer_batch" else 1
        who = {one.digest: members for one, members in maker.sent[-4 * a_turn - 300 :]}
        yield Turn(maker.now, tuple(made.values()), tuple(who[digest] for digest in made))
        for many in (maker.payments, maker.reservations, maker.sent, maker.held, maker.debts, maker.trades):
            del many[: max(0, len(many) - 500)]
