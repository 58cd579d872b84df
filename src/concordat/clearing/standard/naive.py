"""The same ledger a second time, as plainly as it can be said: what the core is held against.

Written from the rules (docs/reference/clearing-core.md), sharing no logic with `clearing.core`: plain dictionaries,
every list looked through from end to end, nothing indexed, nothing cached, nothing undone (it copies). It gives for
each block the sequence of (kind, uetr, member, code) of the receipts, and has balances and what waits to compare. It
has no signatures, roots or snapshots, and takes instructions as JSON with the set of who signed.

    model = Naive(document)                                    # the scheme's JSON
    receipts = model.block(seed, time_ms, [(payload, signers), ...])

One file because it is read from top to bottom against the rules. Of a settlement certificate it says only that it is
refused: accepted ones have their own second methods in the tests.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

DAY = 24 * 3600 * 1000
ADMIN = [
    "issue", "redeem", "line_set", "freeze", "unfreeze", "quota_set", "band_set", "limit_set", "hold",
    "member_add", "member_suspend", "member_leave", "key_rotate", "scheme_change", "day_close",
]  # fmt: skip
Row = tuple[str, str, str, str]


def _minutes(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        start, end = (int(t[:2]) * 60 + int(t[3:]) for t in part.strip().split("-"))
        found += [(start, end)] if start < end else [(start, 1440), (0, end)]
    return found


class Naive:
    """The model. `balances` and the other dictionaries are plain and may be looked at."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.height = self.now = 0
        self.seq = 0
        self.document: dict[str, Any] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.balances: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self.frozen: set[str] = set()
        self.issued: dict[str, int] = {}
        self.closed_days: dict[str, str] = {}
        self.certificates: dict[str, int] = {}
        self.limits: dict[tuple[str, str, str, str], int] = {}  # account, kind, payee, owner or issuer
        self.quotas: dict[tuple[str, str, bool], int] = {}
        self.moved: list[dict[str, Any]] = []  # every movement ever, for limits, quotas, caps and returns
        self.pair_since: dict[tuple[str, str], int] = {}  # from which movement on a bilateral limit counts
        self.quota_since: dict[tuple[str, str, bool], int] = {}
        self.waiting: list[dict[str, Any]] = []
        self.reservations: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.obligations: dict[tuple[str, str], dict[str, Any]] = {}
        self.holds: dict[str, list[dict[str, Any]]] = {}
        self.recalls: dict[tuple[str, str], str] = {}
        self.ended: dict[tuple[str, str], tuple[str, str, str, int]] = {}
        self.ids: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.later: tuple[int, dict[str, Any]] | None = None
        self.out: list[Row] = []
        self._adopt(document, first=True)

    # --- The rules in force -------------------------------------------------------------------------------------------

    def _adopt(self, document: dict[str, Any], *, first: bool = False) -> None:
        self.document = document
        issuers = {c["issuer"] for c in document["currencies"].values()}
        rows = {m["bic8"]: (m["supervisor"], m["currencies"]) for m in document["members"]}
        rows.update({bic: (bic, list(document["currencies"])) for bic in issuers})
        for code in document["currencies"]:
            self.issued.setdefault(code, 0)
            self.certificates.setdefault(code, 0)
            self.closed_days.setdefault(code, "")
            self.balances.setdefault(f"{self.issuer(code)}/{code}/issue", 0)
        for bic, (supervisor, held) in rows.items():
            old = self.members.get(bic, {"since": 0 if first else self.height, "leaves": None, "rotates": 0})
            keys = old.get("keys", [document["keys"][bic]])
            self.members[bic] = {**old, "supervisor": supervisor, "held": held, "suspended": None, "keys": keys}
        for bic, member in self.members.items():
            if bic not in rows and member["suspended"] is None:
                member["suspended"] = self.height

    def issuer(self, code: str) -> str | None:
        currency = self.document["currencies"].get(code)
        return currency["issuer"] if currency else None

    def _open(self, hours: str) -> bool:
        minute = self.now // 60000 % 1440
        return any(start <= minute < end for start, end in _minutes(hours))

    def _out_of_service(self, bic: str) -> bool:
        member = self.members[bic]
        return member["since"] > self.height or (member["suspended"] or self.height + 1) <= self.height

    def _has_left(self, bic: str) -> bool:
        leaves = self.members[bic]["leaves"]
        return leaves is not None and leaves <= self.height

    def _corridors(self, payer: str, payee: str, pair: tuple[str, str] | None) -> list[dict[str, Any]]:
        def ends(value: Any, bic: str) -> bool:
            listed = value if isinstance(value, list) else [value]
            return bic in listed or bic[4:6] in listed

        one, two, code = payer[:8], payee[:8], payer[9:12]
        found = []
        for c in self.document["corridors"]:
            there = ends(c["from"], one) and ends(c["to"], two)
            back = ends(c["from"], two) and ends(c["to"], one)
            if pair:
                fits = (there or back) and ("/".join(pair) in c["pairs"] or "/".join(pair[::-1]) in c["pairs"])
            else:
                fits = there and any(code in p.split("/") for p in c["pairs"])
            found += [c] if fits else []
        return found

    # --- May it settle ------------------------------------------------------------------------------------------------

    def available(self, account: str) -> int:
        reserved = sum(r["amount"] for r in self.reservations if r["payer"] == account)
        return int(self.balances.get(account, 0) + self.lines.get(account, 0) - reserved)

    def _today(self) -> list[dict[str, Any]]:
        return [m for m in self.moved if m["time"] // DAY == self.now // DAY]

    def _never(self, p: dict[str, Any], pair: tuple[str, str] | None = None) -> str:
        """The code for which no waiting helps; empty if there is none."""
        payer, payee, amount = p["payer"], p["payee"], p["amount"]
        code = payer[9:12]
        for account in (payer, payee):
            bic = account[:8]
            if bic not in self.members or code not in self.members[bic]["held"]:
                return "bad_member"
            if (account == payee and self._has_left(bic)) or self._out_of_service(bic):
                return "account_closed"
        if len(payer) > 12 and payer not in self.balances:
            return "unknown_account"
        if len(payee) > 12 and payee not in self.balances and payer[:8] != payee[:8]:
            return "unknown_account"
        if payer[:8] != payee[:8]:
            ways = self._corridors(payer, payee, pair)
            if not ways:
                return "no_corridor"
            ways = [c for c in ways if pair or not c.get("purposes") or p["purpose"] in c["purposes"]]
            if not ways:
                return "purpose_not_allowed"
            if all(amount > int(c.get("cap_minor", {}).get(code, amount)) for c in ways):
                return "over_limit"
        for (account, kind, _, _), figure in self.limits.items():
            if account == payer and kind == "payment" and amount > figure:
                return "over_limit"
        return "account_frozen" if payer in self.frozen else ""

    def _way(self, p: dict[str, Any], pair: tuple[str, str] | None) -> dict[str, Any] | None:
        code, amount = p["payer"][9:12], p["amount"]
        for c in self._corridors(p["payer"], p["payee"], pair):
            if not pair and c.get("purposes") and p["purpose"] not in c["purposes"]:
                continue
            if amount > int(c.get("cap_minor", {}).get(code, amount)) or not self._open(c["hours_utc"]):
                continue
            cap = c.get("cap_day_minor", {}).get(code)
            used = sum(m["amount"] for m in self._today() if m["corridor"] == c["id"] and m["payer"][9:12] == code)
            if cap is None or used + amount <= int(cap):
                return c
        return None

    def _not_now(self, p: dict[str, Any], pair: tuple[str, str] | None = None, freed: int = 0) -> str:
        """The code of what is in the way now and may pass; empty if there is nothing."""
        payer, payee, amount, code = p["payer"], p["payee"], p["amount"], p["payer"][9:12]
        if not self._open(self.document["currencies"][code]["hours_utc"]):
            return "window_closed"
        if payer[:8] != payee[:8] and self._way(p, pair) is None:
            ways = self._corridors(payer, payee, pair)
            for c in ways:
                cap = c.get("cap_day_minor", {}).get(code)
                used = sum(m["amount"] for m in self._today() if m["corridor"] == c["id"] and m["payer"][9:12] == code)
                if self._open(c["hours_utc"]) and cap is not None and used + amount > int(cap):
                    return "over_limit"
            return "window_closed"
        resident = (self.issuer(code) or "")[4:6] == payer[4:6]
        quota = self.quotas.get((code, p["purpose"], resident))
        if p["purpose"] and quota is not None:
            since = self.quota_since[code, p["purpose"], resident]
            used = sum(
                m["amount"]
                for m in self.moved[since:]
                if m["time"] // DAY == self.now // DAY
                and (m["payer"][9:12], m["purpose"]) == (code, p["purpose"])
                and (m["payer"][4:6] == (self.issuer(code) or "")[4:6]) == resident
            )
            if used + amount > quota:
                return "quota_full"
        for (account, kind, to, _), figure in self.limits.items():
            if account != payer or kind == "payment" or (to and to != payee):
                continue
            if self._spent(account, kind, to) + amount > figure:
                return "over_limit"
        return self._short(payer, amount, freed)

    def _spent(self, account: str, kind: str, to: str) -> int:
        today = self._today()
        if kind == "bilateral":
            since = self.pair_since[account, to]
            rows = [m for m in self.moved[since:] if m["time"] // DAY == self.now // DAY]
            out = sum(m["amount"] for m in rows if (m["payer"], m["payee"]) == (account, to))
            return int(out - sum(m["amount"] for m in rows if (m["payer"], m["payee"]) == (to, account)))
        out = sum(m["amount"] for m in today if m["payer"] == account)
        back = sum(m["amount"] for m in today if m["payee"] == account) if kind == "multilateral" else 0
        return int(out - back)

    def _short(self, payer: str, amount: int, freed: int = 0) -> str:
        available = self.available(payer)
        return "insufficient_funds" if available < 0 or available + freed < amount else ""

    def _debt(self, p: dict[str, Any]) -> str:
        if not p["obligation"]:
            return ""
        debt = self.obligations.get((p["obligation"], p["payer"][:8]))
        if debt is None or debt["creditor"] != p["payee"][:8] or debt["currency"] != p["payer"][9:12]:
            return "unknown_obligation"
        return "over_obligation" if p["amount"] > debt["left"] else ""

    def _move(self, p: dict[str, Any], pair: tuple[str, str] | None = None, corridor: bool = True) -> None:
        way = self._way(p, pair) if corridor and p["payer"][:8] != p["payee"][:8] else None
        self.balances[p["payer"]] = self.balances.get(p["payer"], 0) - p["amount"]
        self.balances[p["payee"]] = self.balances.get(p["payee"], 0) + p["amount"]
        facts = {name: p[name] for name in ("payer", "payee", "amount", "purpose")}
        self.moved.append({**facts, "time": self.now, "corridor": way["id"] if way else ""})
        if p.get("obligation"):
            key = (p["obligation"], p["payer"][:8])
            self.obligations[key]["left"] -= p["amount"]
            if not self.obligations[key]["left"]:
                del self.obligations[key]

    # --- A block ------------------------------------------------------------------------------------------------------

    def block(self, seed: str, time_ms: int, instructions: list[tuple[bytes, set[str]]]) -> list[Row]:
        """Take a block; its receipts as (kind, uetr, member, code), in order."""
        self.height, self.now, self.out = self.height + 1, time_ms, []
        if self.later and self.later[0] <= self.height:
            self._adopt(self.later[1])
            self.later = None
        for key in [key for key, one in self.ids.items() if one["day"] < time_ms // DAY]:
            del self.ids[key]
            other = "post" if key[2] == "transfer" else "transfer"
            if key[2] in ("transfer", "post") and (key[0], key[1], other) not in self.ids:
                self.ended.pop((key[0], key[1]), None)
                self.recalls.pop((key[0], key[1]), None)
        self._expire()

        def place(one: tuple[bytes, set[str]]) -> tuple[int, bytes]:
            kind = json.loads(one[0])["kind"]
            rank = 0 if kind in ADMIN else 1 if kind == "settle" else 2
            return rank, hashlib.sha256(bytes.fromhex(seed) + hashlib.sha256(one[0]).digest()).digest()

        for payload, signers in sorted(instructions, key=place):
            self._one(json.loads(payload), payload, signers)
        self._drain()
        return self.out

    def tell(self, kind: str, uetr: str, member: str, code: str) -> None:
        self.out.append((kind, uetr, member, code))

    def _one(self, said: dict[str, Any], payload: bytes, signers: set[str]) -> None:
        kind, uetr, member = said["kind"], said["uetr"], said["member"]
        known = self.ids.get((uetr, member, kind))
        if known:
            if known["payload"] == payload and not known["row"]:
                self.out.extend(known["told"])
            else:
                self.tell(kind, uetr, member, "id_reused")
            return None
        if said["valid_until"] < self.now:
            return self.tell(kind, uetr, member, "expired")
        if said["valid_from"] > self.now:
            return self.tell(kind, uetr, member, "not_yet_valid")
        place = len(self.out)
        if kind == "transfer_batch":
            rows = self._batch(said, payload)
            told = [self.out[place], *rows]
        else:
            if self._out_of_service(member):
                self.tell(kind, uetr, member, "bad_member")
            elif kind in ("owe", "scheme_change"):
                code = getattr(self, "_do_" + kind)(said, signers)
                self.tell(kind, uetr, member, code)
            elif kind in ("transfer", "cancel", "release", "trade", "day_close"):
                getattr(self, "_do_" + kind)(said)
            else:
                self.tell(kind, uetr, member, getattr(self, "_do_" + kind)(said))
            told = [self.out[place]]
        day = said["valid_until"] // DAY + 1
        self.ids[uetr, member, kind] = {"payload": payload, "row": False, "told": told, "day": day}
        return None

    def _payment(self, said: dict[str, Any], **own: Any) -> dict[str, Any]:
        facts = {"payer": said.get("payer"), "if_short": said.get("if_short", "reject")}
        more = {"priority": said.get("priority", 3), "purpose": said.get("purpose", ""), "until": said["valid_until"]}
        ids = {"uetr": said["uetr"], "member": said["member"], "obligation": said.get("obligation", "")}
        return {**facts, **more, **ids, **own}

    def _do_transfer(self, said: dict[str, Any]) -> None:
        p = self._payment(said, payee=said["payee"], amount=int(said["amount_minor"]))
        self.tell("transfer", p["uetr"], p["member"], self._take(p))

    def _take(self, p: dict[str, Any]) -> str:
        if p["payer"][:8] != p["member"]:
            return "not_yours"
        never = self._never(p) or self._debt(p)
        if never:
            return never
        now = self._not_now(p)
        if not now and p["if_short"] == "queue" and self.document.get("lsm", {}).get("mode") == "strict_fifo":
            same = [w for w in self.waiting if w["payer"] == p["payer"] and w["state"] == "queued"]
            now = "insufficient_funds" if any(self._class(w) == p["priority"] for w in same) else ""
        if self._held(p):
            return self._keep(p, "held")
        if not now:
            self._move(p)
            self.ended[p["uetr"], p["member"]] = ("settled", p["payer"], p["payee"], p["amount"])
            return "settled"
        return self._keep(p, "queued") if p["if_short"] == "queue" else now

    def _keep(self, p: dict[str, Any], state: str) -> str:
        self.seq += 1
        self.balances.setdefault(p["payer"], 0)
        passed = self.certificates[p["payer"][9:12]]
        self.waiting.append({**p, "state": state, "seq": self.seq, "passed": passed})
        return state

    def _class(self, p: dict[str, Any]) -> int:
        age = self.document.get("lsm", {}).get("age_certificates", 20)
        risen = (self.certificates[p["payer"][9:12]] - p["passed"]) // age
        return max(1, int(p["priority"]) - int(risen))

    def _held(self, p: dict[str, Any]) -> bool:
        may = {p["payer"][:8], p["payee"][:8], self.issuer(p["payer"][9:12])}
        return any(h["by"] in may for h in self.holds.get(f"{p['uetr']}/{p['member']}", []))

    def _batch(self, said: dict[str, Any], payload: bytes) -> list[Row]:
        if said["payer"][:8] != said["member"]:
            self.tell("transfer_batch", said["uetr"], said["member"], "not_yours")
            return []
        self.tell("transfer_batch", said["uetr"], said["member"], "processed")
        rows = list(zip(*(said["rows"][name] for name in ("uetr", "payee", "amount_minor")), strict=True))
        kept = copy.deepcopy({k: v for k, v in self.__dict__.items() if k not in ("out", "moved", "ids", "document")})
        moved = len(self.moved)
        codes = []
        for uetr, payee, amount in rows:
            known = (uetr, said["member"], "transfer") in self.ids
            p = self._payment(said, uetr=uetr, payee=payee, amount=int(amount))
            codes.append("id_reused" if known else self._take(p))
        if said.get("linked") and any(c not in ("settled", "queued", "held") for c in codes):
            self.__dict__.update(kept)
            del self.moved[moved:]
            codes = ["linked_refused" if c in ("settled", "queued", "held") else c for c in codes]
        told = []
        for (uetr, _, _), code in zip(rows, codes, strict=True):
            row = ("transfer", uetr, said["member"], code)
            self.out.append(row)
            if code != "id_reused":
                told.append(row)
                day = said["valid_until"] // DAY + 1
                self.ids[uetr, said["member"], "transfer"] = {
                    "payload": payload,
                    "row": True,
                    "told": [row],
                    "day": day,
                }
        return told

    # --- The issuer's and the owner's word ---

    def _do_issue(self, said: dict[str, Any]) -> str:
        return self._create(said, int(said["amount_minor"]))

    def _do_redeem(self, said: dict[str, Any]) -> str:
        return self._create(said, -int(said["amount_minor"]))

    def _create(self, said: dict[str, Any], amount: int) -> str:
        code, main = said["currency"], f"{said['member']}/{said['currency']}"
        if said["member"] != self.issuer(code):
            return "not_issuer"
        if amount > 0 and self.issued[code] + amount + self._lent(code) >= 9 * 10**18:
            return "currency_too_large"
        if amount < 0 and self._short(main, -amount):
            return "insufficient_funds"
        if amount < 0 and main in self.frozen:
            return "account_frozen"
        if amount < 0 and self.balances.get(main, 0) < -amount:
            return "insufficient_funds"
        self.issued[code] += amount
        self.balances[main] = self.balances.get(main, 0) + amount
        self.balances[main + "/issue"] -= amount
        return "settled"

    def _own(self, said: dict[str, Any]) -> str:
        account = said["account"]
        if said["member"] != self.issuer(account[9:12]):
            return "not_issuer"
        if account.endswith("/issue"):
            return "bad_account"
        held = self.members.get(account[:8], {"held": []})["held"]
        if account not in self.balances and (len(account) > 12 or account[9:] not in held):
            return "unknown_account"
        self.balances.setdefault(account, 0)
        return ""

    def _lent(self, code: str, without: str = "") -> int:
        named = [a for a in self.balances if a[9:12] == code and not a.endswith("/issue") and a != without]
        return sum(max(self.lines.get(a, 0), -self.balances[a]) for a in named)

    def _do_line_set(self, said: dict[str, Any]) -> str:
        bad = self._own(said)
        account, amount = said["account"], int(said["amount_minor"])
        if not bad and amount > self.lines.get(account, 0):
            code = account[9:12]
            lent = self._lent(code, without=account) + max(amount, -self.balances[account])
            if lent > (9 * 10**18 - 1) // 2 or lent + self.issued[code] >= 9 * 10**18:
                bad = "currency_too_large"
        if not bad:
            self.lines[account] = amount
        return bad or "accepted"

    def _do_freeze(self, said: dict[str, Any]) -> str:
        bad = self._own(said)
        if not bad:
            self.frozen.add(said["account"])
        return bad or "accepted"

    def _do_unfreeze(self, said: dict[str, Any]) -> str:
        bad = self._own(said)
        self.frozen -= set() if bad else {said["account"]}
        return bad or "accepted"

    def _do_band_set(self, said: dict[str, Any]) -> str:
        return "accepted" if said["member"] in [self.issuer(c) for c in said["pair"].split("/")] else "not_issuer"

    def _do_quota_set(self, said: dict[str, Any]) -> str:
        if said["member"] != self.issuer(said["currency"]):
            return "not_issuer"
        key = (said["currency"], said["purpose"], said["resident"])
        if said["amount_minor"] is None:
            self.quotas.pop(key, None)
            return "accepted"
        if key not in self.quotas:
            self.quota_since[key] = len(self.moved)
        self.quotas[key] = int(said["amount_minor"])
        return "accepted"

    def _do_limit_set(self, said: dict[str, Any]) -> str:
        account, kind, to = said["account"], said["limit"], said.get("payee", "")
        held = self.members.get(account[:8], {"held": []})["held"]
        if account not in self.balances and (len(account) > 12 or account[9:] not in held):
            return "unknown_account"
        if account.endswith("/issue"):
            return "bad_account"
        if said["member"] not in (account[:8], self.issuer(account[9:12])):
            return "not_yours"
        self.balances.setdefault(account, 0)
        who = "own" if said["member"] == account[:8] else "cap"
        if kind == "bilateral" and not any(key[:3] == (account, kind, to) for key in self.limits):
            self.pair_since[account, to] = len(self.moved)
        self.limits.pop((account, kind, to, who), None)
        if said["amount_minor"] is not None:
            self.limits[account, kind, to, who] = int(said["amount_minor"])
        return "accepted"

    def _do_day_close(self, said: dict[str, Any]) -> None:
        import datetime

        code, date = said["currency"], said["date"]
        bad = "" if said["member"] == self.issuer(code) else "not_issuer"
        if not bad:
            close = self.document["currencies"][code].get("day_close_utc", "24:00")
            days = (datetime.date.fromisoformat(date) - datetime.date(1970, 1, 1)).days
            early = self.now < days * DAY + (int(close[:2]) * 60 + int(close[3:])) * 60000
            bad = "wrong_day" if date <= self.closed_days[code] or early else ""
        self.tell("day_close", said["uetr"], said["member"], bad or "accepted")
        if not bad:
            self.closed_days[code] = date
            for _ in [a for a in self.balances if a[9:12] == code]:
                self.tell("day_close", said["uetr"], said["member"], "statement")

    # --- Members and the scheme ---

    def _do_member_add(self, said: dict[str, Any]) -> str:
        if said["member"] not in {c["issuer"] for c in self.document["currencies"].values()}:
            return "not_issuer"
        if said["from_height"] <= self.height:
            return "back_dated"
        if said["bic8"] in self.members or not set(said["currencies"]) <= set(self.document["currencies"]):
            return "bad_change"
        if said["bic8"] in self._coming() or self._taken(said["public"]):
            return "bad_change"
        self.members[said["bic8"]] = {
            "supervisor": said["member"], "held": said["currencies"], "since": said["from_height"], "suspended": None,
            "leaves": None, "rotates": 0, "keys": [said["public"]],
        }  # fmt: skip
        return "accepted"

    def _coming(self) -> dict[str, str]:
        return dict(self.later[1]["keys"]) if self.later else {}

    def _taken(self, public: str) -> bool:
        return public in self._coming().values() or any(public in m["keys"] for m in self.members.values())

    def _may_change(self, said: dict[str, Any], itself: bool) -> str:
        member = self.members.get(said["bic8"])
        if member is None:
            return "bad_member"
        if said["member"] != member["supervisor"] and not (itself and said["member"] == said["bic8"]):
            return "not_issuer"
        issuers = {c["issuer"] for c in self.document["currencies"].values()}
        if said["bic8"] in issuers and said["kind"] != "key_rotate":
            return "bad_change"
        return "back_dated" if said["from_height"] <= self.height else ""

    def _do_member_suspend(self, said: dict[str, Any]) -> str:
        bad = self._may_change(said, False)
        if not bad and self.members[said["bic8"]]["suspended"] is not None:
            bad = "bad_change"
        if not bad:
            self.members[said["bic8"]]["suspended"] = said["from_height"]
        return bad or "accepted"

    def _do_member_leave(self, said: dict[str, Any]) -> str:
        bad = self._may_change(said, True)
        if not bad and self.members[said["bic8"]]["leaves"] is not None:
            bad = "bad_change"
        if not bad:
            self.members[said["bic8"]]["leaves"] = said["from_height"]
        return bad or "accepted"

    def _do_key_rotate(self, said: dict[str, Any]) -> str:
        bad = self._may_change(said, True)
        if not bad and self._taken(said["public"]):
            bad = "bad_change"
        if not bad:
            member = self.members[said["bic8"]]
            if member["rotates"] > self.height or member["since"] >= said["from_height"]:
                return "bad_change"
            member["rotates"] = said["from_height"]
            member["keys"].append(said["public"])
        return bad or "accepted"

    def _do_scheme_change(self, said: dict[str, Any], signers: set[str]) -> str:
        validators = [v for v in self.document["validators"]["members"] if not self._out_of_service(v)]
        if len(signers & set(validators)) < 2 * len(self.document["validators"]["members"]) // 3 + 1:
            return "not_quorum"
        if said["from_height"] <= self.height:
            return "back_dated"
        new = said["document"]
        same = new.get("scheme") == self.document["scheme"] and new.get("version", 0) > self.document["version"]
        kept = all(
            new.get("currencies", {}).get(code, {}).get("issuer") == c["issuer"]
            for code, c in self.document["currencies"].items()
        )
        keys = {bic: m["keys"][-2 if m["rotates"] > self.height else -1 :] for bic, m in self.members.items()}
        known = all(public in keys[bic] for bic, public in new.get("keys", {}).items() if bic in keys)
        if self.later or not same or not kept or not known or new.get("decision", "") != said["decision"]:
            return "bad_change"
        self.later = (said["from_height"], new)
        return "accepted"

    # --- Two-phase, obligations, what follows a payment ---

    def _do_reserve(self, said: dict[str, Any]) -> str:
        p = self._payment(said, payee=said["payee"], amount=int(said["amount_minor"]))
        if p["payer"][:8] != said["member"]:
            return "not_yours"
        if any((r["uetr"], r["member"]) == (p["uetr"], p["member"]) for r in self.reservations):
            return "id_reused"
        if said["expires"] < self.now:
            return "expired"
        bad = self._never(p) or self._not_now(p)
        if bad:
            return bad
        self.balances.setdefault(p["payer"], 0)
        self.reservations.append({**p, "until": said["expires"]})
        return "reserved"

    def _reservation(self, said: dict[str, Any]) -> dict[str, Any] | None:
        for r in self.reservations:
            if (r["uetr"], r["member"]) == (said["reservation"], said["member"]):
                return r
        return None

    def _do_post(self, said: dict[str, Any]) -> str:
        r, amount = self._reservation(said), int(said["amount_minor"])
        if r is None:
            return "unknown_reservation"
        p = {**r, "amount": amount}
        bad = "over_reserved" if amount > r["amount"] else ""
        bad = bad or ("held" if self._held(r) or self._held({**r, "uetr": said["uetr"]}) else "")
        bad = bad or self._never(p) or self._not_now(p, freed=r["amount"])
        if bad:
            return bad
        self._free(r)
        self._move(p)
        self.ended[said["uetr"], said["member"]] = ("settled", p["payer"], p["payee"], amount)
        return "posted"

    def _do_void(self, said: dict[str, Any]) -> str:
        r = self._reservation(said)
        if r is None:
            return "unknown_reservation"
        self._free(r)
        return "voided"

    def _free(self, r: dict[str, Any]) -> None:
        self.reservations.remove(r)
        if self._find_waiting(r["uetr"], r["member"]) is None:
            self.holds.pop(f"{r['uetr']}/{r['member']}", None)

    def _do_owe(self, said: dict[str, Any], signers: set[str]) -> str:
        if said["creditor"] not in signers:
            return "not_countersigned"
        for bic in (said["member"], said["creditor"]):
            if (
                bic not in self.members
                or said["currency"] not in self.members[bic]["held"]
                or self._out_of_service(bic)
            ):
                return "bad_member"
        if (said["uetr"], said["member"]) in self.obligations:
            return "id_reused"
        facts = {"creditor": said["creditor"], "currency": said["currency"], "left": int(said["amount_minor"])}
        self.obligations[said["uetr"], said["member"]] = facts
        return "accepted"

    def _find_waiting(self, uetr: str, member: str) -> dict[str, Any] | None:
        return next((w for w in self.waiting if (w["uetr"], w["member"]) == (uetr, member)), None)

    def _do_cancel(self, said: dict[str, Any]) -> None:
        bad = self._not_queued(said)
        self.tell("cancel", said["uetr"], said["member"], bad or "accepted")
        if not bad:
            self._end(self._find_waiting(said["payment"], said["member"]), "cancelled", "cancelled_by_payer")

    def _not_queued(self, said: dict[str, Any]) -> str:
        w = self._find_waiting(said["payment"], said["member"])
        if w is not None:
            return "" if w["state"] == "queued" else "held"
        return "not_queued" if (said["payment"], said["member"], "transfer") in self.ids else "unknown_payment"

    def _do_reprioritise(self, said: dict[str, Any]) -> str:
        bad = self._not_queued(said)
        w = self._find_waiting(said["payment"], said["member"])
        if not bad and w:
            w["priority"] = said["priority"]
        return bad or "accepted"

    def _end(self, w: Any, state: str, code: str) -> None:
        self.waiting.remove(w)
        if not any((r["uetr"], r["member"]) == (w["uetr"], w["member"]) for r in self.reservations):
            self.holds.pop(f"{w['uetr']}/{w['member']}", None)
        self.ended[w["uetr"], w["member"]] = (state, w["payer"], w["payee"], w["amount"])
        if code == "settled":
            self._move(w)
        self.tell("transfer", w["uetr"], w["member"], code)

    def _original(self, uetr: str, member: str) -> tuple[str, str, str, int] | None:
        w = self._find_waiting(uetr, member)
        if w is not None:
            return (w["state"], w["payer"], w["payee"], w["amount"])
        if (uetr, member) in self.ended:
            return self.ended[uetr, member]
        known = any((uetr, member, kind) in self.ids for kind in ("transfer", "post"))
        return ("rejected", "", "", 0) if known else None

    def _do_return(self, said: dict[str, Any]) -> str:
        uetr, member, amount = said["payment"], said["payer_member"], int(said["amount_minor"])
        original = self._original(uetr, member)
        if original is None:
            return "unknown_payment"
        state, payee, payer, most = original
        if state != "settled":
            return "not_settled"
        if payer[:8] != said["member"]:
            return "not_yours"
        given = sum(m["amount"] for m in self.moved if m.get("returns") == (uetr, member))
        if given + amount > most:
            return "over_original"
        for account in (payer, payee):
            bic = account[:8]
            if (account == payee and self._has_left(bic)) or self._out_of_service(bic):
                return "account_closed"
        if payer in self.frozen:
            return "account_frozen"
        if not self._open(self.document["currencies"][payer[9:12]]["hours_utc"]):
            return "window_closed"
        if self._short(payer, amount):
            return "insufficient_funds"
        self._move({"payer": payer, "payee": payee, "amount": amount, "purpose": ""}, corridor=False)
        self.moved[-1]["returns"] = (uetr, member)
        return "settled"

    def _do_recall(self, said: dict[str, Any]) -> str:
        original = self._original(said["payment"], said["member"])
        if original is None:
            return "unknown_payment"
        if original[0] != "settled":
            return "not_settled"
        self.recalls[said["payment"], said["member"]] = ""
        return "accepted"

    def _do_recall_answer(self, said: dict[str, Any]) -> str:
        key = (said["payment"], said["payer_member"])
        original = self._original(*key)
        if key not in self.recalls or original is None:
            return "unknown_recall"
        if original[2][:8] != said["member"]:
            return "not_yours"
        self.recalls[key] = said["answer"]
        return "accepted"

    # --- Holds ---

    def _do_hold(self, said: dict[str, Any]) -> str:
        key, until = said["of"], said["until"]
        most = self.document.get("holds", {}).get("max_hours", 72) * 3600 * 1000
        if not 0 <= until - self.now <= most:
            return "hold_too_long"
        if said["target"] == "payment":
            uetr, _, member = key.partition("/")
            w = self._find_waiting(uetr, member)
            mine = [r for r in self.reservations if (r["uetr"], r["member"]) == (uetr, member)]
            if w is None and mine:
                r = mine[0]
                if said["member"] not in (r["payer"][:8], r["payee"][:8], self.issuer(r["payer"][9:12])):
                    return "not_yours"
            elif w is None and (uetr, member, "transfer") in self.ids:
                return "not_queued"
            if w and said["member"] not in (w["payer"][:8], w["payee"][:8], self.issuer(w["payer"][9:12])):
                return "not_yours"
        else:
            w = next((t for t in self.trades if t["key"] == key), None)
            if w and said["member"] not in self._may_hold(w):
                return "not_yours"
        rest = [h for h in self.holds.get(key, []) if h["by"] != said["member"]]
        self.holds[key] = [*rest, {"by": said["member"], "until": until}]
        if w:
            w["state"] = "held"
        return "accepted"

    def _may_hold(self, trade: dict[str, Any]) -> set[Any]:
        return {leg["payer"][:8] for leg in trade["legs"]} | {self.issuer(leg["payer"][9:12]) for leg in trade["legs"]}

    def _do_release(self, said: dict[str, Any]) -> None:
        key = said["of"]
        found = self.holds.get(key, [])
        rest = [h for h in found if h["by"] != said["member"]]
        self.tell("release", said["uetr"], said["member"], "accepted" if len(rest) < len(found) else "unknown_hold")
        if len(rest) == len(found):
            return
        self.holds[key] = rest
        if not rest:
            del self.holds[key]
        if said["target"] == "payment":
            w = self._find_waiting(*key.split("/")[:2]) if "/" in key else None
            if w and w["state"] == "held" and not self._held(w):
                self._release(w)
        for t in [t for t in self.trades if said["target"] == "trade" and t["key"] == key and t["state"] == "held"]:
            if not any(h["by"] in self._may_hold(t) for h in rest):
                t["state"] = "matched" if len(t["sides"]) == 2 else "half"
                if t["state"] == "matched":
                    self._settle_trade(t, None) if not self._trade_fault(t) else self._tell_trade(t, "matched", None)

    def _release(self, w: dict[str, Any]) -> None:
        bad = self._never(w) or self._not_now(w) or self._debt(w)
        if not bad:
            self._end(w, "settled", "settled")
        elif w["if_short"] == "queue":
            w["state"] = "queued"
            self.tell("transfer", w["uetr"], w["member"], "queued")
        else:
            self._end(w, "rejected", bad)

    # --- Trades ---

    def _trade_fault(self, trade: dict[str, Any]) -> str:
        pair = (trade["legs"][0]["payer"][9:12], trade["legs"][1]["payer"][9:12])
        for check in (self._never, self._not_now):
            for leg in trade["legs"]:
                bad = check({**leg, "purpose": ""}, pair)
                if bad:
                    return bad + ("" if check == self._not_now or bad == "account_frozen" else " for ever")
        return ""

    def _tell_trade(self, trade: dict[str, Any], code: str, first: str | None) -> None:
        for uetr, member in sorted(trade["sides"], key=lambda side: first is not None and side[1] != first):
            self.tell("trade", uetr, member, code)

    def _settle_trade(self, trade: dict[str, Any], first: str | None) -> None:
        pair = (trade["legs"][0]["payer"][9:12], trade["legs"][1]["payer"][9:12])
        for leg in trade["legs"]:
            self._move({**leg, "purpose": ""}, pair)
        self.trades.remove(trade)
        self.holds.pop(trade["key"], None)
        self._tell_trade(trade, "settled", first)

    def _do_trade(self, said: dict[str, Any]) -> None:
        legs = [{**leg, "amount": int(leg["amount_minor"])} for leg in said["legs"]]
        key = "/".join([said["trade_id"], *sorted(leg["payer"][:8] for leg in legs)])
        member, uetr = said["member"], said["uetr"]
        trade = next((t for t in self.trades if t["key"] == key), None)
        if trade is None:
            trade = {"key": key, "legs": legs, "sides": [(uetr, member)], "until": said["valid_until"], "state": "half"}
            bad = self._trade_fault(trade)
            if bad.endswith(" for ever"):
                return self.tell("trade", uetr, member, bad.removesuffix(" for ever"))
            self.seq += 1
            self.trades.append({**trade, "seq": self.seq})
            return self.tell("trade", uetr, member, "half")
        if member in [m for _, m in trade["sides"]]:
            return self.tell("trade", uetr, member, "trade_known")
        if legs != trade["legs"]:
            self.tell("trade", uetr, member, "trade_mismatch")
            self.trades.remove(trade)
            self.holds.pop(key, None)
            return self._tell_trade(trade, "trade_mismatch", None)
        trade["sides"].append((uetr, member))
        trade["until"] = min(trade["until"], said["valid_until"])
        held = any(h["by"] in self._may_hold(trade) for h in self.holds.get(key, []))
        trade["state"] = "held" if held else "matched"
        if held or self._trade_fault(trade):
            return self._tell_trade(trade, trade["state"], member)
        return self._settle_trade(trade, member)

    # --- Certificates: told what to expect, as the checks have their own second method ---

    def _do_settle(self, said: dict[str, Any]) -> str:
        if said["member"] not in self.document["validators"]["members"]:
            return "not_yours"
        return "certificate_refused"

    # --- Time, and what waits ---

    def _expire(self) -> None:
        names: list[tuple[str, Any]] = []
        names += [(f"payment/{w['uetr']}/{w['member']}", w) for w in self.waiting if w["until"] < self.now]
        names += [(f"reservation/{r['uetr']}/{r['member']}", r) for r in self.reservations if r["until"] < self.now]
        names += [("trade/" + t["key"], t) for t in self.trades if t["until"] < self.now]
        names += [("holds/" + k, k) for k, hs in self.holds.items() if any(h["until"] < self.now for h in hs)]
        for name, one in sorted(names, key=lambda pair: pair[0]):
            if name.startswith("payment/") and one in self.waiting:
                self._end(one, "expired", "expired")
            elif name.startswith("reservation/") and one in self.reservations:
                self._free(one)
                self.tell("reserve", one["uetr"], one["member"], "expired")
            elif name.startswith("trade/") and one in self.trades:
                self.trades.remove(one)
                self.holds.pop(one["key"], None)
                self._tell_trade(one, "expired", None)
            elif name.startswith("holds/") and one in self.holds:
                self._hold_over(one)

    def _hold_over(self, key: str) -> None:
        over = {h["by"] for h in self.holds[key] if h["until"] < self.now}
        self.holds[key] = [h for h in self.holds[key] if h["until"] >= self.now]
        if not self.holds[key]:
            del self.holds[key]
        for w in [w for w in self.waiting if f"{w['uetr']}/{w['member']}" == key and w["state"] == "held"]:
            if over & {w["payer"][:8], w["payee"][:8], self.issuer(w["payer"][9:12])}:
                self._end(w, "rejected", "hold_expired")
        for r in [r for r in self.reservations if f"{r['uetr']}/{r['member']}" == key]:
            if over & {r["payer"][:8], r["payee"][:8], self.issuer(r["payer"][9:12])}:
                self._free(r)
                self.tell("reserve", r["uetr"], r["member"], "hold_expired")
        for t in [t for t in self.trades if t["key"] == key and t["state"] == "held"]:
            if over & self._may_hold(t):
                self.trades.remove(t)
                self.holds.pop(key, None)
                self._tell_trade(t, "hold_expired", None)

    def _drain(self) -> None:
        while self._drain_payers() or self._drain_one_trade():
            pass

    def _drain_payers(self) -> bool:
        for payer in sorted({w["payer"] for w in self.waiting}):
            queue = [w for w in self.waiting if w["payer"] == payer and w["state"] == "queued"]
            stopped: set[int] = set()
            done = False
            for w in sorted(queue, key=lambda w: (self._class(w), w["seq"])):
                if self._class(w) in stopped:
                    continue
                if not (self._never(w) or self._not_now(w) or self._debt(w)):
                    self._end(w, "settled", "settled")
                    done = True
                elif self.document.get("lsm", {}).get("mode") == "strict_fifo":
                    stopped.add(self._class(w))
            if done:
                return True
        return False

    def _drain_one_trade(self) -> bool:
        for trade in sorted(self.trades, key=lambda t: t["seq"]):
            if trade["state"] == "matched" and not self._trade_fault(trade):
                self._settle_trade(trade, None)
                return True
        return False
