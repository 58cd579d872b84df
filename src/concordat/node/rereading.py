"""Are the entries on the disk still those that were logged? Asked once, when the start of a node is over.

A start reads the newest entries alone; its trees are made of the hashes in the tiles and held against the signed heads.
Every other entry is held against its tree when somebody asks for it, and here, in lots with rests between them. One
that was changed is given to nobody: the node says so, is not ready, and signs nothing more. From then on, what the
process has freed goes back to the system once a minute.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError, TrustError
from concordat.node.heap import give_back

if TYPE_CHECKING:
    from concordat.node.service import Service

AFTER_S = 20.0  # when a start is over
AT_ONCE, REST_S = 1_024, 0.05
GIVE_BACK_S = 60.0


async def reread(service: Service) -> None:
    """Read every log of a running node through, and then look after its memory."""
    await asyncio.sleep(AFTER_S)
    loop, readers = asyncio.get_running_loop(), service.readers
    shelf = service.node.replica.shelf
    held = await service.read(lambda _: [(each, each.entries.leaves.copy()) for each in shelf.logs.values()])
    for log, leaves in held:
        try:
            for start in range(0, len(leaves), AT_ONCE):
                await loop.run_in_executor(readers, _read, leaves[start : start + AT_ONCE])
                await asyncio.sleep(REST_S)
        except ConcordatError as error:
            if isinstance(error, TrustError) and shelf.logs.get(log.origin) is log:  # else it was replaced meanwhile
                service.damaged = service.alarms["entries"] = str(error)
            service.log("error", "entries", {"what": str(error)})
    while True:
        await loop.run_in_executor(readers, give_back)
        await asyncio.sleep(GIVE_BACK_S)


def _read(leaves: Iterable[bytes]) -> None:
    """Read leaves, for what their reading proves."""
    deque(leaves, maxlen=0)
