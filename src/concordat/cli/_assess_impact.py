"""Impact's part of `assess`: the files that a study names under `impact`, opened and handed over as bytes.

A relative path stands from the study's folder, else from the working folder. What was read is named in the study that
`assess` writes, with its hash (`report.chapters.impact`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from concordat.report.impact_held import Opened
    from concordat.report.study import Study


def with_scenarios(study: Study, files: Sequence[Path]) -> Study:
    """The study with the scenarios that `--scenario` asks for, behind those that it has.

    Raises:
        InputError: more than a report takes.
    """
    if not files:
        return study
    value = dict(study.document.value)
    said: dict[str, Any] = dict(value.get("impact") or {}) if isinstance(value.get("impact", {}), dict) else {}
    named = [str(name) for name in said.get("scenarios") or []]
    said["scenarios"] = [*named, *(str(f) for f in files if str(f) not in named)]
    value["impact"] = said
    return replace(study, document=replace(study.document, value=value))


def open_impact(study: Study, file: Path | None) -> Opened | None:
    """The files that a study means; None where it names none.

    Raises:
        InputError: a file that can't be read, or a fault of a scenario.
    """
    from concordat.report.chapters.impact import read

    options = read(study)
    if not options.asks:
        return None
    from concordat.cli import _scenario_files as shared
    from concordat.cli._assess_council import place_of
    from concordat.report.impact_held import Opened

    scenarios = []
    for name in options.scenarios:
        scenario, files = shared.opened(place_of(name, file))
        scenarios.append((name, scenario, files))
    ids = [scenario.id for _, scenario, _ in scenarios]
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice is not None:
        raise InputError(f'two scenarios are called "{twice}".', hint="Rename one.", code="duplicate")
    tables = {t.area: {name: shared.read(place_of(name, file)) for name in t.files} for t in options.tables}
    plan = (options.plan, shared.read(place_of(options.plan, file))) if options.plan else None
    return Opened(tuple(scenarios), tables, plan)
