"""Why did it settle, wait or fail: every code that a receipt may carry, one sentence each, with its ISO 20022 reason.

A code's name never changes its meaning. `outcome` says what the instruction came to: `done` (it has its effect),
`waiting` (it may still have one), `refused` (it has none and never will). ISO reason codes are those of the External
Code Sets (payment status and return reasons); all are marked unverified, since the code sets were not at hand.

    >>> CODES["insufficient_funds"].iso, CODES["insufficient_funds"].outcome
    ('AM04', 'refused')
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One code: its outcome, what it says to a person, and the ISO 20022 reason (None where nothing failed)."""

    name: str
    outcome: str
    sentence: str
    iso: str | None = None


ISO_UNVERIFIED = "ISO reason codes were written from memory and not checked against the External Code Sets."

_ALL = (
    # What has its effect.
    Code("settled", "done", "The money has moved; this is final."),
    Code("accepted", "done", "The instruction is in force."),
    Code("processed", "done", "The batch was taken row by row; each row has its own receipt."),
    Code("reserved", "done", "The money is set aside and can't be spent otherwise."),
    Code("posted", "done", "The reserved money has moved; the rest of the reservation is free again."),
    Code("voided", "done", "The reservation is given up and its money is free again."),
    Code("set_off", "done", "The obligation is reduced by set-off; no money moved."),
    Code("statement", "done", "The business date of this account is closed with these figures."),
    Code("cancelled_by_payer", "done", "The payer took the payment back before it settled.", "DS02"),
    # What may still have one.
    Code("queued", "waiting", "The payment waits until it can settle."),
    Code("held", "waiting", "A bank or the issuer holds it; if nobody releases it in time it is rejected.", "RR04"),
    Code("half", "waiting", "The other party has not sent its side of the trade yet."),
    Code("matched", "waiting", "Both sides agree; the trade settles when both legs can."),
    # What has none.
    Code("insufficient_funds", "refused", "The payer has less available than the payment needs.", "AM04"),
    Code("id_reused", "refused", "This id was used for another instruction; the first one stands.", "AM05"),
    Code("account_closed", "refused", "The account's member has left or is suspended.", "AC04"),
    Code("account_frozen", "refused", "The issuer froze the account: it may receive, not pay.", "AC06"),
    Code("over_limit", "refused", "A limit of the payer would be passed.", "AM02"),
    Code("no_corridor", "refused", "No corridor leads from this payer to this payee in this currency.", "AG01"),
    Code("purpose_not_allowed", "refused", "The corridor does not take this purpose code.", "AG01"),
    Code("quota_full", "refused", "The issuer's quota for this purpose is used up today.", "RR04"),
    Code("window_closed", "refused", "The currency or the corridor is closed at this hour.", "TM01"),
    Code("bad_member", "refused", "The member is unknown, or does not hold this currency.", "RC01"),
    Code("unknown_account", "refused", "No such account; a tagged one is opened by its owner's own money.", "AC01"),
    Code("bad_account", "refused", "This account can't be used in this way.", "AC02"),
    Code("expired", "refused", "Its time had passed when the block was made.", "TM01"),
    Code("not_yet_valid", "refused", "Its time had not come when the block was made; it may be sent again.", "TM01"),
    Code("hold_expired", "refused", "Nobody released the hold in time: the payment is rejected back.", "RR04"),
    Code("not_issuer", "refused", "Only the issuer of the currency may do this.", "AG01"),
    Code("not_yours", "refused", "The signing member may not do this to that payment or account.", "AG01"),
    Code("currency_too_large", "refused", "More of the currency would exist than a balance can hold.", "AM02"),
    Code("full", "refused", "A bound of the ledger is reached; the receipt names it.", "AM02"),
    Code("linked_refused", "refused", "Another row of a linked batch failed, so none was taken.", "AM04"),
    Code("unknown_payment", "refused", "No such payment is known (any more).", "AM09"),
    Code("not_queued", "refused", "The payment does not wait in the queue.", "ARDT"),
    Code("not_settled", "refused", "The payment has not settled, so it can't be returned.", "ARDT"),
    Code("over_original", "refused", "More would be returned than was paid.", "AM09"),
    Code("unknown_reservation", "refused", "No such reservation stands.", "AM09"),
    Code("over_reserved", "refused", "More would be posted than is reserved.", "AM02"),
    Code("unknown_obligation", "refused", "No such obligation stands.", "AM09"),
    Code("over_obligation", "refused", "More would be paid than is owed.", "AM02"),
    Code("not_countersigned", "refused", "The creditor has not signed the obligation.", "AG01"),
    Code("trade_mismatch", "refused", "The two sides of the trade differ in the field named.", "AM09"),
    Code("trade_known", "refused", "This side of the trade was given already.", "AM05"),
    Code("unknown_hold", "refused", "There is no hold that this member may release.", "AG01"),
    Code("hold_too_long", "refused", "The hold would last longer than the scheme allows.", "AG01"),
    Code("unknown_recall", "refused", "There is no recall to answer.", "AM09"),
    Code("back_dated", "refused", "It must take force at a later height than this block's."),
    Code("not_quorum", "refused", "Fewer validators signed than the scheme asks for.", "AG01"),
    Code("bad_change", "refused", "The change would leave the ledger inconsistent; the receipt says how."),
    Code("wrong_day", "refused", "The date is not the next business date to close."),
    Code("certificate_refused", "refused", "The settlement certificate fails a check; nothing of it was applied."),
)
CODES: dict[str, Code] = {code.name: code for code in _ALL}
assert len(CODES) == len(_ALL)


def outcome(name: str) -> str:
    """`done`, `waiting` or `refused`."""
    return CODES[name].outcome
