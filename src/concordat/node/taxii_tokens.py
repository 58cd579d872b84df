"""Was a member's token used before, be it before this node started?

    seen = KeptSeen(store)
    seen.once(member, jti, until, now)      # raises when it was

A token is good once for the five minutes that it lives, and two more for clocks that differ. Which ones were used lies
on the disk before the request is answered: else whoever took one down could use it again after a crash. Source:
exchange.md, section 5.5. Tokens of the dataspace are kept by `exchange_store`.
"""

from __future__ import annotations

from concordat.errors import TrustError
from concordat.exchange.dataspace.token import SKEW_S, WHERE, Seen
from concordat.node.taxii_store import TaxiiStore


class KeptSeen(Seen):
    """The ids of tokens that were used and have not ended, in memory and in the store of incidents.

    Args:
        store: of this node; other processes may have it open as well.
    """

    def __init__(self, store: TaxiiStore) -> None:
        super().__init__(store.used())
        self._store = store

    def once(self, member: str, jti: str, until: int, now: int) -> None:
        """Remember a token.

        Raises:
            TrustError: it was used before, or so many are remembered that this can't be told. StateError: it can't be
                kept now.
        """
        super().once(member, jti, until, now)
        if not self._store.use(member, jti, until, now - SKEW_S):
            raise TrustError(f"this token of {member} was used before.", where=WHERE, code="replayed")
