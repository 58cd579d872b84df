"""Disputes: written procedures as stage machines, deadlines in a zone, and cases that every member recomputes alone.

    from concordat.council.disputes import Case, CaseEvent, Procedure, advance, calendar_ics, deadlines, receive
    case = Case.file(Procedure.shipped("odr"), "d-2026-001", "EGY", "IRN", submitted, roster=("KEN", "BRA"))
    case = receive(case, CaseEvent("ResponseFiled", "IRN", later, {}))      # kept, with or without effect
    case = advance(case, ledger_time, merge_delay=86400)                    # deadlines that are past for good
    duties, calendar = deadlines(case, now), calendar_ics(case, created=now)

`step` is `receive` for one who acts now: it raises the reason when an event would have no effect. Pure: no clock, no
files but the packaged procedures. Names are taken from their modules when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.council.disputes._state import CaseEvent
    from concordat.council.disputes.calendars import Calendar, Deadline, Period
    from concordat.council.disputes.duties import Ahead, Due, Kept, Statistics, ahead, deadlines, kept, statistics
    from concordat.council.disputes.ics import calendar_ics
    from concordat.council.disputes.machine import Case, advance, receive, step
    from concordat.council.disputes.procedure import SHIPPED, Procedure

__all__ = [
    "SHIPPED",
    "Ahead",
    "Calendar",
    "Case",
    "CaseEvent",
    "Deadline",
    "Due",
    "Kept",
    "Period",
    "Procedure",
    "Statistics",
    "advance",
    "ahead",
    "calendar_ics",
    "deadlines",
    "kept",
    "receive",
    "statistics",
    "step",
]

_HOMES = {
    "CaseEvent": "_state",
    **dict.fromkeys(("Calendar", "Deadline", "Period"), "calendars"),
    **dict.fromkeys(("Ahead", "Due", "Kept", "Statistics", "ahead", "deadlines", "kept", "statistics"), "duties"),
    "calendar_ics": "ics",
    **dict.fromkeys(("Case", "advance", "receive", "step"), "machine"),
    **dict.fromkeys(("SHIPPED", "Procedure"), "procedure"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
