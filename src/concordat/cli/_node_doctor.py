"""`concordat node doctor`: what an operator should know before it matters: clock, disk, keys, expiry, ML-DSA, peers."""

from __future__ import annotations

import os
import shutil
from typing import Any

from concordat import clock
from concordat.ledger.keys import has_mldsa
from concordat.ledger.membership import WARN_DAYS

DISK_RESERVE = 512 * 2**20
CLOCK_S = 120


def findings(node: Any) -> list[tuple[str, str, str]]:
    """(good, warning or bad; what was looked at; what was found) for an opened node."""
    return [_clock(node), _disk(node), *_keys(node), _expiry(node), _mldsa(), _floor(node), *_accusations(node)]


def _clock(node: Any) -> tuple[str, str, str]:
    replica, now = node.replica, node.now
    view, size = replica.final()
    known = replica.councils[view].progress_at(size).time if view else 0
    if not known:
        return "good", "clock", f"{clock.now():%Y-%m-%d %H:%M:%S} UTC; no ledger time to compare it with yet"
    behind = known - now
    if behind > CLOCK_S:
        return "bad", "clock", f"{behind:,} s behind the last ledger time: this node cosigns nothing until it is set"
    return "good", "clock", f"{clock.now():%Y-%m-%d %H:%M:%S} UTC, {max(-behind, 0):,} s after the last ledger time"


def _disk(node: Any) -> tuple[str, str, str]:
    free = shutil.disk_usage(node.home).free
    mb = free // 2**20
    if free < DISK_RESERVE:
        return "bad", "disk", f"{mb:,} MB free: make room before {DISK_RESERVE // 2**20} MB become none"
    return "good", "disk", f"{mb:,} MB free"


def _keys(node: Any) -> list[tuple[str, str, str]]:
    found = []
    roots = sorted((node.home / "roots").glob("root-*.json"))
    if roots:
        found.append(
            ("warning", "root keys", f"{len(roots)} lie on this machine: move them to paper or offline machines")
        )
    else:
        found.append(("good", "root keys", "none on this machine"))
    sealed = [p for p in sorted((node.home / "keys").glob("*.json")) if b'"sealed"' in p.read_bytes()]
    words = "sealed by a passphrase" if sealed else "not sealed: whoever reads the disk can sign"
    found.append(("good" if sealed else "warning", "key files", words))
    member = node.chain.last.member(node.identity.member)
    mine = {str(key) for role in ("log", "witness", "mirror") for key in getattr(member, role)}
    have = {str(s.key) for role in node.signer._keys.values() for s in role}
    if not mine <= have | {k for k in mine if "+" not in k}:
        found.append(("bad", "membership keys", "the membership file names keys that this node does not have"))
    open_files = [p.name for p in (node.home / "keys").iterdir() if p.stat().st_mode & 0o077]
    if open_files and os.name == "posix":
        found.append(("bad", "key files", f"others can read {', '.join(sorted(open_files))}"))
    return found


def _expiry(node: Any) -> tuple[str, str, str]:
    last = node.chain.last
    days = last.days_left(clock.now())
    if days < 0:
        return "bad", "membership", f"version {last.version} expired on {last.expires[:10]}: nothing new is final"
    if days < WARN_DAYS:
        return (
            "warning",
            "membership",
            f"version {last.version} expires in {days} days: have version {last.version + 1} signed",
        )
    return "good", "membership", f"version {last.version}, {len(last.active)} members, expires in {days} days"


def _mldsa() -> tuple[str, str, str]:
    if has_mldsa():
        return "good", "ML-DSA-44", "available: heads are signed twice"
    return (
        "warning",
        "ML-DSA-44",
        "not in this installation: classical signatures only; install cryptography 50 or later",
    )


def _floor(node: Any) -> tuple[str, str, str]:
    signed, here = node.signer.size_signed(node.replica.own.origin), node.replica.own.size
    if here < signed:
        what = f"{here:,} entries here, {signed:,} signed: take the other members' folders before anything is written"
        return "bad", "own log", what
    return "good", "own log", f"{here:,} entries"


def _accusations(node: Any) -> list[tuple[str, str, str]]:
    return [("warning", "misconduct", proof.sentence()) for _, proof in sorted(node.replica.accusations.items())]
