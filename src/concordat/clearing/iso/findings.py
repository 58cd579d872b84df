"""What a gate says about one file: findings, and the verdict they make.

A finding names its layer, a stable code (`doctype`, `schema`, `B02`), the place and what is wrong, in words that
never quote the file unescaped: whatever comes from outside is cut to 80 letters, and only printable ASCII letters are
shown as they are. A verdict is a report; whoever wants to go on with the message calls `Verdict.admitted`, which
raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError, InputError, RuleError

if TYPE_CHECKING:
    from concordat.clearing.iso.tree import Parts
    from concordat.clearing.iso.types import Message

LAYERS = ("bytes", "safety", "parse", "schema", "rules", "typed")
FINDINGS_MAX = 50
SHOWN_MAX = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or, as a note, one thing worth a look.

    Attributes:
        layer: one of LAYERS. code: stable for programs; of the rules layer the rule's number.
        path: the element, as `/Document/FIToFICstmrCdtTrf/GrpHdr/NbOfTxs`; empty when the file as a whole is meant.
        line: in the file, 0 where there is none. what: a sentence. hint: what to do about it, or empty.
    """

    layer: str
    code: str
    path: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{self.code}, {place}{self.what}" if self.layer == "rules" else f"{place}{self.what}"

    def as_dict(self) -> dict[str, str | int]:
        """The same facts for a program."""
        return {name: getattr(self, name) for name in ("layer", "code", "path", "line", "what", "hint")}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found in one file.

    Attributes:
        layer: the first layer that failed; empty when the message passed all of them.
        findings: what was wrong in that layer, at most 50. more: how many were left out.
        notes: what a rule would refuse if the scheme turned that rule on; never a reason to refuse here.
        message: the version, as `pacs.008.001.08`; empty when it did not come that far.
        schemas: which schema judged which part: `Document` and `AppHdr` to `xsd sha256:…`, `profile` or
            `profile, unverified`.
        parts: of an accepted message, what `admitted` reads.
    """

    layer: str
    findings: tuple[Finding, ...] = ()
    more: int = 0
    notes: tuple[Finding, ...] = ()
    message: str = ""
    schemas: dict[str, str] = field(default_factory=dict)
    parts: Parts | None = field(default=None, repr=False, compare=False)

    def admitted(self, where: str = "") -> Message:
        """The typed message. The decision stands without it, so it is read when it is asked for.

        Raises:
            RuleError: a rule of the rules layer refuses it. InputError: any other layer does.
        """
        if self.layer:
            raise self.error(where)
        from concordat.clearing.iso.read import typed

        assert self.parts is not None
        return typed(self.parts)

    def error(self, where: str = "") -> ConcordatError:
        """The refusal as an error of the tree, for the first finding."""
        first = self.findings[0]
        kind = RuleError if self.layer == "rules" else InputError
        more = len(self.findings) - 1 + self.more
        tail = f" {more} more finding{'s' if more > 1 else ''}." if more else ""
        return kind(
            f"refused at layer {self.layer}: {first}", where=where, hint=first.hint + tail, code=first.code.lower()
        )

    def as_dict(self) -> dict[str, object]:
        """The verdict for a program; the message itself stays out."""
        return {
            "verdict": "refused" if self.layer else "accepted",
            "layer": self.layer,
            "message": self.message,
            "schemas": dict(self.schemas),
            "findings": [f.as_dict() for f in self.findings],
            "more": self.more,
            "notes": [f.as_dict() for f in self.notes],
        }


def shown(text: str, most: int = SHOWN_MAX) -> str:
    """A stranger's text, safe to print: cut, and anything but plain printable letters as an escape."""
    plain = "".join(c if " " <= c <= "~" and c not in '<>&"\\' else _escape(c) for c in text[:most])
    return plain + ("..." if len(text) > most else "")


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
