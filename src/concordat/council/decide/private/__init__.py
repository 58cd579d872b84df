"""Secret ballots that everybody can check: exponential ElGamal on P-256, k of n trustees (stage 2, optional).

**External review before use: no cryptographer outside has read it.** It is plain Python, so it takes longer for some
secrets than for others: encrypt on the voter's own machine, decrypt on the trustee's own.

Only sums leave the ballots: how many voters approve of each candidate. Who voted is public; a small or unanimous
council shows its ballots by the sums alone; nothing here resists coercion or a broken voter's machine. What it needs
from outside: a private channel between trustees, fresh random bytes, one key ceremony a vote.

    >>> from concordat.council.decide.private import Ceremony, PrivateVote, add_up, deal, encrypt, join, key_share
    >>> from concordat.council.decide.private import open_sums, partial
    >>> ceremony = Ceremony("v-2026-014", ("BRA", "IND", "ZAF"), 2)
    >>> dealt = {who: deal(ceremony, who, bytes([n]) * 32) for n, who in enumerate(ceremony.trustees)}
    >>> joint = join(ceremony, [public for public, _ in dealt.values()])
    >>> vote = PrivateVote(ceremony.vote, ("Amara", "Chen"), 0, 1, joint.key)
    >>> ballots = [encrypt(vote, m, c, bytes(32)) for m, c in (("BRA", ["Chen"]), ("CHN", ["Chen"]), ("EGY", []))]
    >>> sums = add_up(vote, ballots)
    >>> mine = {who: key_share(joint, who, {d: shares[who] for d, (_, shares) in dealt.items()}) for who in dealt}
    >>> open_sums(joint, sums, [partial(joint, sums, mine["ZAF"]), partial(joint, sums, mine["BRA"])]).counts
    (('Amara', 0), ('Chen', 2))
"""

from __future__ import annotations

from concordat.council.decide.private.ballot import EncryptedBallot, PrivateVote, check_encrypted, encrypt
from concordat.council.decide.private.count import (
    Opened,
    Partial,
    Sums,
    add_up,
    check_opened,
    check_partial,
    elect_by_counts,
    open_sums,
    partial,
)
from concordat.council.decide.private.trustees import (
    Ceremony,
    Dealing,
    JointKey,
    KeyShare,
    check_dealing,
    check_share,
    deal,
    join,
    key_share,
)

__all__ = [
    "Ceremony",
    "Dealing",
    "EncryptedBallot",
    "JointKey",
    "KeyShare",
    "Opened",
    "Partial",
    "PrivateVote",
    "Sums",
    "add_up",
    "check_dealing",
    "check_encrypted",
    "check_opened",
    "check_partial",
    "check_share",
    "deal",
    "elect_by_counts",
    "encrypt",
    "join",
    "key_share",
    "open_sums",
    "partial",
]
