"""The council's part of `assess`: from an export, audited, to the state that the report prints from.

The export is found by the path that the study names (from the study's folder, else from the working folder), or where
`--council` says that it lies now. A study that names its last batch is given exactly that much of the record: the same
bytes from any later export. `report.chapters.council` then compares the hashes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, StateError

if TYPE_CHECKING:
    from concordat.council.record import Held
    from concordat.report.study import Study

_HEX = frozenset("0123456789abcdef")


def with_council(study: Study, folder: str, trust: str, other: str = "") -> Study:
    """The study with the key `council` that `--council` and `--trust` ask for.

    A study that says already which record it means, by its last batch, keeps the words it has: then `--council` tells
    no more than where that record lies. `other` is another record that the trust may be of (`--exchange`).

    Raises:
        InputError: a trust without a council, or that is no hash.
    """
    if trust and (len(trust) != 64 or not set(trust) <= _HEX):
        hint = "Give the 64 hexadecimal digits that concordat node verify prints."
        raise InputError(f'"{trust[:80]}" is no hash.', where="--trust", hint=hint, code="hash")
    value = dict(study.document.value)
    said: dict[str, Any] = dict(value.get("council") or {}) if isinstance(value.get("council", {}), dict) else {}
    if not folder and not trust:
        return study
    if not folder and not said and (other or value.get("exchange")):
        return study
    if not folder and not said:
        hint = "Name the export too: --council FOLDER"
        raise InputError("there is no council to trust.", where="--trust", hint=hint, code="council")
    if folder and not (said.get("final") and said.get("export")):
        said["export"] = folder
    if trust and not said.get("trust"):
        said["trust"] = trust
    value["council"] = said
    return replace(study, document=replace(study.document, value=value))


def open_council(study: Study, file: Path | None, folder: str, trust: str) -> Held | None:
    """The council that a study means; None where it names none.

    Raises:
        InputError: there is no such folder, or no export in it.
        TrustError: the export isn't what its signatures say, or not under the hash that it is trusted by.
        StateError: it ends before the batch that the study names.
    """
    from concordat.report.chapters.council import read

    options = read(study)
    if not options.export:
        return None
    from concordat.council.record import Held
    from concordat.node.audit import open_export
    from concordat.node.council import replay_of, steps_of

    place = Path(folder) if folder else place_of(options.export, file)
    if not place.is_dir():
        hint = "Name the folder that concordat node export wrote, with --council FOLDER."
        raise InputError("there is no such folder.", where=str(place), hint=hint, code="council")
    record = open_export(place, trust or options.trust or None)
    steps = steps_of(record.chain, record.shelf, record.councils, record.place)
    if options.final is not None:
        steps = [s for s in steps if (s.point.view, s.point.batch) <= options.final]
        last = (steps[-1].point.view, steps[-1].point.batch) if steps else (0, 0)
        if last != options.final:
            found = f"batch {last[1]} of view {last[0]}"
            what = f"it ends at {found}; the study is made up to batch {options.final[1]} of view {options.final[0]}."
            raise StateError(what, where=str(place), hint="Get a newer export of the same record.", code="council")
    council = replay_of(record.chain, steps).council
    batches = {e.entry.id: (s.point.view, s.point.batch) for s in steps for e in s.events}
    return Held(council, record.chain.pinned, batches)


def place_of(name: str, file: Path | None) -> Path:
    """A relative path stands from the study's folder, else from the working folder."""
    path = Path(name)
    beside = file.parent / path if file is not None and not path.is_absolute() else path
    return beside if beside.exists() else path
