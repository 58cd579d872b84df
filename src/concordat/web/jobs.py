"""What takes longer than a page may: the closed table of kinds that a node's queue does, and who does them.

Each kind is a function of its arguments that runs in a process of its own (`node.job_worker`), tells how far it is, and
writes one file. Folders become a ZIP whose bytes depend on their content alone. A job asked for on one release ends in
words if the data have moved on, never in a result of another release. Source: node-web.md 2.4.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from concordat.errors import InputError, StateError
from concordat.node.jobs import Kind

Progress = Callable[[int, int, str], None]
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a ZIP: the time of packing is no part of a result


def assess(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """The yearly assessment of a bloc as one ZIP.

    Args:
        args: `bloc`; `on` and `language` if they are to be others than today and the setting's.

    Raises:
        InputError: no such bloc, day or language. StateError: the data are of another release by now.
    """
    from concordat.report.build import build
    from concordat.report.study import check_languages, study_for_bloc
    from concordat.settings import Settings

    settings = Settings.load()
    languages = check_languages([str(args.get("language") or settings.language)], where="language")
    study = study_for_bloc(_text(args, "bloc"), on=str(args.get("on", "")), languages=languages)
    folder = out.parent / "report"
    built = build(study, settings, folder, progress=progress)
    _require_release(args, built.study.release)
    pack(folder, out)


def export_site(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """All public pages of a bloc's release as one ZIP.

    Args:
        args: `bloc`; `on` if it is another day than today; `node`, the address of the live pages.

    Raises:
        InputError: no such bloc or day. StateError: the data are of another release by now.
    """
    from concordat.settings import Settings
    from concordat.web.export import export
    from concordat.web.reader import Reader
    from concordat.web.respond import Site
    from concordat.web.site import pages

    reader = Reader(Settings.load(), _text(args, "bloc"), on=str(args.get("on", "")))
    _require_release(args, reader.snapshot.release)
    folder = out.parent / "site"
    export(Site(reader, pages()), folder, node=str(args.get("node", "")), progress=progress)
    pack(folder, out)


def pack(folder: Path, out: Path) -> None:
    """A folder as a ZIP: same content, same bytes."""
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), EARLIEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"no {name} was named.", where=name, code="empty")
    return value


def _require_release(args: Mapping[str, Any], found: str) -> None:
    wanted = args.get("release", "")
    if wanted and wanted != found:
        what = f"the data are of release {found} by now; this was asked for {wanted}."
        raise StateError(what, where="release", hint="Ask for it again.", code="release")


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("assess", "concordat.web.jobs:assess", "Write the yearly assessment of a bloc"),
        Kind("export_site", "concordat.web.jobs:export_site", "Write all public pages as files"),
    )
}
