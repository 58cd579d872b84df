"""The gate: bytes, safety, parse, schema, rules, typed; the first layer that fails ends it.

    >>> from concordat.clearing.iso import Gate
    >>> verdict = Gate().judge(b'<!DOCTYPE z []><Document/>')
    >>> verdict.layer, str(verdict.findings[0])
    ('safety', 'DOCTYPE at byte 0. This gate accepts no DOCTYPE, used or not.')

Within a layer all findings are reported, at most 50. The same bytes get the same verdict, whatever came before: a gate
keeps nothing of a message. It opens no file and no connection. One gate serves one thread; each thread makes its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from concordat.clearing.iso import rules, safety, tree
from concordat.clearing.iso.findings import FINDINGS_MAX, Finding, Verdict
from concordat.clearing.iso.read import check_amounts
from concordat.clearing.iso.rules import RuleSet
from concordat.clearing.iso.schemas import Schema, Schemas
from concordat.clearing.iso.tree import Refused
from concordat.clearing.iso.types import Message

_NO_RULES = RuleSet()


class Gate:
    """A gate with the user's schemas and a scheme's rules.

    Args:
        schemas: registered XSDs; a version without one is checked by our own profile.
        rules: which rules refuse; by default those that no scheme needs to agree on.
        notes: whether to look for what a scheme might refuse. Notes cost time and never refuse.

    Raises:
        MethodError: the extra [clearing] (lxml) is not installed.
    """

    def __init__(self, schemas: Iterable[Schema] = (), rules: RuleSet = _NO_RULES, *, notes: bool = False) -> None:
        self._schemas = Schemas(schemas)
        self._rules = rules
        self._notes = notes
        self._read_xml = tree.reader()

    def judge(self, data: bytes) -> Verdict:
        """What the layers find in one file."""
        found = safety.scan(data)
        if found is not None:
            return Verdict(found.layer, (found,))
        used: dict[str, str] = {}
        version = ""
        try:
            parts = tree.parse(data, self._read_xml)
            version = parts.version
            tree.collect(parts)
            txs = rules.payments(parts)
            findings = self._structure(parts, txs, used)
            if findings:
                return _refusal(findings[0].layer, findings, version, used)
            findings, more, notes = rules.run(parts, txs, self._rules, notes=self._notes)
            if findings:
                return _refusal("rules", findings, version, used, more, notes[:FINDINGS_MAX])
            check_amounts(parts, txs)
            return Verdict("", (), 0, tuple(notes[:FINDINGS_MAX]), version, used, parts)
        except Refused as refused:
            return _refusal(refused.finding.layer, [refused.finding], version if used else "", used)

    def _structure(self, parts: tree.Parts, txs: list[tree.Group], used: dict[str, str]) -> list[Finding]:
        """The schema layer, and the number of payments before it: a validator should not see a million of them."""
        if len(txs) > safety.TRANSACTIONS_MAX:
            what = f"{len(txs):,} transactions; at most {safety.TRANSACTIONS_MAX:,} are read."
            return [Finding("safety", "transactions", "", 0, what, "Split the message.")]
        findings = self._schemas.check(parts, used)
        allowed = self._rules.messages
        if not findings and allowed and parts.version not in allowed:
            hint = f"It allows: {', '.join(sorted(allowed))}."
            findings.append(
                Finding("schema", "not_in_scheme", "/Document", 0, f"the scheme has no {parts.version}.", hint)
            )
        return findings


def _refusal(
    layer: str,
    findings: list[Finding],
    version: str,
    used: dict[str, str],
    more: int = 0,
    notes: Iterable[Finding] = (),
) -> Verdict:
    more += max(0, len(findings) - FINDINGS_MAX)
    return Verdict(layer, tuple(findings[:FINDINGS_MAX]), more, tuple(notes), version, used)


def read(data: bytes, gate: Gate | None = None) -> Message:
    """The typed message of a file that passes the gate (by default one without schemas and scheme).

    Raises:
        InputError, RuleError: the gate refuses it. MethodError: lxml is not installed.
    """
    return (gate or Gate()).judge(data).admitted()
