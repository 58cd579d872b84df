"""The exchange's part of `assess`: from an export, audited, to the state that the report prints from.

It is the same export as the council's (`concordat node export`), found in the same way: by the path that the study
names, or where `--exchange` says that it lies now. Entries count up to the instant that the study names, else up to the
end of its day or of the logs. `report.chapters.exchange` then compares the hashes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.fold import Logged
    from concordat.exchange.record import Held
    from concordat.ledger.shelf import Shelf
    from concordat.report.study import Study


def with_exchange(study: Study, folder: str, trust: str) -> Study:
    """The study with the key `exchange` that `--exchange` and `--trust` ask for.

    A study that says already which state it means keeps the words it has: then `--exchange` tells no more than where
    that record lies.
    """
    value = dict(study.document.value)
    said: dict[str, Any] = dict(value.get("exchange") or {}) if isinstance(value.get("exchange", {}), dict) else {}
    if not folder and not (said and trust):
        return study
    if folder and not (said.get("state") and said.get("export")):
        said["export"] = folder
    if trust and not said.get("trust"):
        said["trust"] = trust
    value["exchange"] = said
    return replace(study, document=replace(study.document, value=value))


def open_exchange(study: Study, file: Path | None, folder: str, trust: str) -> Held | None:
    """The exchange that a study means; None where it names none.

    Raises:
        InputError: there is no such folder, or no export in it.
        TrustError: the export isn't what its signatures say, or not under the hash that it is trusted by.
    """
    from concordat.report.chapters.exchange import last_second, read

    options = read(study)
    if not options.export:
        return None
    from concordat.cli._assess_council import place_of
    from concordat.exchange.record import Held
    from concordat.node.audit import open_export

    place = Path(folder) if folder else place_of(options.export, file)
    if not place.is_dir():
        hint = "Name the folder that concordat node export wrote, with --exchange FOLDER."
        raise InputError("there is no such folder.", where=str(place), hint=hint, code="exchange")
    record = open_export(place, trust or options.trust or None)
    end = options.until if options.until is not None else last_second(study.on)
    bloc, pinned = record.chain.last.bloc, record.chain.pinned
    return Held.of(_logged(record.shelf), bloc, pinned, end, public=options.public)


def _logged(shelf: Shelf) -> list[Logged]:
    """The exchange's entries in all members' logs, each with its submission time if a quorum saw it."""
    from concordat.exchange.events import SCOPE
    from concordat.exchange.fold import Logged

    found = []
    for _, log in sorted(shelf.logs.items()):
        for index, entry in enumerate(log.entries):
            if entry.scope == SCOPE:
                proof = log.proof_of(index)
                found.append(Logged(entry, proof[1] if proof else None))
    return found
