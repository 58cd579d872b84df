"""The ISO 20022 gate: what comes in is safe, well-formed, complete and consistent, or it is refused by name.

Files go through six layers (`gate`); the numbered rules B01 to B24 are in `rules`; accepted messages become typed
values (`types`), and the ledger's answers are written back as messages (`write`). Reading needs the extra [clearing].

    from concordat.clearing.iso import Gate

    verdict = Gate().judge(data)                   # a report: layer, findings, notes, which schema judged
    message = verdict.admitted("payment.xml")      # the typed message, or the refusal as an error
    for payment in message.items:
        print(payment.uetr, payment.amount.minor, payment.amount.currency)
"""

from concordat.clearing.iso.findings import Finding, Verdict
from concordat.clearing.iso.gate import Gate
from concordat.clearing.iso.gate import read as read_message
from concordat.clearing.iso.reasons import status_of
from concordat.clearing.iso.rules import RULES, Corridor, KnownPayment, RuleSet, rule_settings
from concordat.clearing.iso.schemas import Schema, register
from concordat.clearing.iso.scheme_rules import rule_set
from concordat.clearing.iso.write import write as write_message

__all__ = [
    "RULES",
    "Corridor",
    "Finding",
    "Gate",
    "KnownPayment",
    "RuleSet",
    "Schema",
    "Verdict",
    "read_message",
    "register",
    "rule_set",
    "rule_settings",
    "status_of",
    "write_message",
]
