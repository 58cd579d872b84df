"""What every connector shares: how a fault in a publisher's data is told.

A publisher's text that can't be used as it stands is never dropped in silence and never stops the other 35,000 figures:
it becomes a `Problem`, kept with the vintage and listed in the report's annex. Faults of the whole source (bytes that
are not JSON, a hash that differs) are raised as `SourceError` instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing found wrong, odd or unusual in a publisher's data.

    Attributes:
        rule: the id of the rule that found it (`unit_unknown`, `year_inherited`, ...).
        severity: `info` changes nothing, `warning` asks for care, `error` means the text gave no usable figure.
        where: file and place in it, in the same form as an observation's `raw_locator`.
        text: what was found, in a sentence.
        indicator_id, area: what it is about, where it is about one indicator or area.
    """

    rule: str
    severity: Severity
    where: str
    text: str
    indicator_id: str = ""
    area: str = ""
