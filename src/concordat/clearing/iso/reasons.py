"""What the ledger's answer is called in ISO 20022: the status of a pacs.002 and its reason code.

The ledger's own codes live in `clearing.core.codes`, each with one sentence and its ISO reason; here they become what
a bank's system reads: ACSC for what settled, PDNG for what waits (queued or held), RJCT with a reason for the rest.
Reason codes are from ISO's external code sets; they are marked unverified in `core.codes`, and so they are here.
"""

from __future__ import annotations

from concordat.clearing.core.codes import CODES
from concordat.errors import InputError
from concordat.settings import nearest

SETTLED, PENDING, REJECTED = "ACSC", "PDNG", "RJCT"
_STATUS = {"done": SETTLED, "waiting": PENDING, "refused": REJECTED}
NARRATIVE = "NARR"  # the reason is in the text: what ISO has for a fault without a code of its own
TEXT_MAX = 105


def status_of(code: str) -> tuple[str, str, str]:
    """Status, reason and text for a receipt's code.

    A payment that its payer took back is rejected in ISO's terms, though the instruction to cancel was done.

    >>> status_of("settled"), status_of("insufficient_funds")[:2], status_of("queued")[:2]
    (('ACSC', '', ''), ('RJCT', 'AM04'), ('PDNG', ''))

    Raises:
        InputError: no receipt carries that code.
    """
    known = CODES.get(code)
    if known is None:
        close = nearest(code, CODES)
        hint = f'Did you mean "{close[0]}"?' if close else ""
        raise InputError(f'"{code}" is not a code of a receipt.', hint=hint, code="unknown_code")
    status = REJECTED if code == "cancelled_by_payer" else _STATUS[known.outcome]
    if status == SETTLED:
        return status, "", ""
    reason = known.iso or (NARRATIVE if status == REJECTED else "")
    return status, reason, known.sentence[:TEXT_MAX]
