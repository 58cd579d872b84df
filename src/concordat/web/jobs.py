"""What takes longer than a page may: the closed table of kinds that a node's queue does, and who does them.

Each kind is a function of its arguments that runs in a process of its own (`node.job_worker`), tells how far it is, and
writes one file: a report, figures, the site, an index questioned, a scenario, or what the search was given. Folders
become a ZIP whose bytes depend on their content alone. A job asked for on one release ends in
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
SCENARIOS = "scenarios"  # the folder of this machine's data in which scenario files lie
FILE_MAX = 1_000_000_000  # bytes of one
RUNS_MAX = 100_000
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


def figures(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """Every figure that the pages of a bloc show, as one ZIP: `<id>.svg`, and `<id>.vl.json` with its numbers.

    Args:
        args: `bloc`; `on` and `language` if they are to be others than today and English.

    Raises:
        InputError: no such bloc, day or language. StateError: the data are of another release by now.
    """
    from concordat.settings import Settings
    from concordat.web.languages import OFFERED, words_of
    from concordat.web.pages.figure import SHOWING, picture, shown, spec
    from concordat.web.reader import Reader
    from concordat.web.site import pages

    language = str(args.get("language") or OFFERED[0])
    if language not in OFFERED:
        raise InputError(f"there are no pages in {language[:20]!r}.", where="language", code="language")
    reader = Reader(Settings.load(), _text(args, "bloc"), on=str(args.get("on", "")))
    _require_release(args, reader.snapshot.release)
    folder, words = out.parent / "figures", words_of(language)
    folder.mkdir()
    by_name = {page.name: page for page in pages()}
    asked = [(by_name[name], values) for name in SHOWING for values in by_name[name].instances(reader)]
    for done, (page, values) in enumerate(asked):
        progress(done, len(asked), f"page {page.name}")
        for view in shown(page, dict(values), reader, words):
            (folder / f"{view.id}.svg").write_bytes(picture(view, reader, words))
            (folder / f"{view.id}.vl.json").write_bytes(spec(view, reader, words))
    pack(folder, out)


def index(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """The index that a bloc's report prints, questioned: ranks with intervals and what moves the order, as JSON.

    Args:
        args: `bloc`; `on` if it is another day than today; `runs`, a number of runs other than the index's own.

    Raises:
        InputError: no such bloc or day, or nothing to make an index of. StateError: the data are of another release by
            now. MethodError: a step can't be computed honestly.
    """
    from concordat.canonical import dumps
    from concordat.evidence.catalogue import load_catalogue
    from concordat.observatory.bind import bind
    from concordat.observatory.record import pruned
    from concordat.observatory.run import run
    from concordat.observatory.uncertainty import uncertainty
    from concordat.report.chapters.observatory import read
    from concordat.settings import Settings
    from concordat.web.reader import Reader

    runs = args.get("runs", 0)
    if type(runs) is not int or not 0 <= runs <= RUNS_MAX:
        raise InputError(f"runs must be from 1 to {RUNS_MAX:,}, or 0 for the index's own.", where="runs", code="range")
    reader = Reader(Settings.load(), _text(args, "bloc"), on=str(args.get("on", "")))
    _require_release(args, reader.snapshot.release)
    inputs, last = reader.inputs(), reader.options().not_after
    progress(0, 2, "the index")
    spec, lost, _ = pruned(read(inputs.study).index, inputs.chosen, inputs.who.members)
    if spec is None:
        hint = "Load a source; see: concordat evidence coverage"
        raise InputError("too few members have a figure of any indicator.", hint=hint, code="no_figures")
    panel = bind(spec, inputs.observations, load_catalogue(), units=inputs.who.members, not_after=last)
    result = run(spec, panel)
    progress(1, 2, "its uncertainty")
    facts = {
        **result.as_data(), "bloc": reader.bloc, "left_out": lost, "release": reader.snapshot.release,
        "uncertainty": uncertainty(result, runs=runs or None).as_data() if spec.uncertainty is not None else None,
    }  # fmt: skip
    out.write_bytes(dumps(facts, floats=True) + b"\n")


def scenario(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """A scenario with its draws, as JSON.

    Args:
        args: `file`, the name of a scenario file in the folder `scenarios` of this machine's data; what the scenario
            names lies beside it. No other place is read.

    Raises:
        InputError: no such file, or a fault of the scenario. MethodError, TrustError: as a run of it.
    """
    from concordat.canonical import dumps
    from concordat.impact.run import run
    from concordat.impact.scenario import parse_scenario
    from concordat.settings import Settings

    folder, name = Settings.load().data_dir / SCENARIOS, _text(args, "file")
    found = parse_scenario(beside(folder, name, "file"), where=name)
    files = {one: beside(folder, one, name) for one in found.files_of()}
    result = run(found, files, progress=progress)
    out.write_bytes(dumps(result.to_value(), floats=True) + b"\n")


def search(_args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """Sentence vectors of every text of the rulebook, kept in its store, so that a search finds them made.

    Raises:
        MethodError: the extra [text] is not installed. StateError: the rulebook's store can't be written.
    """
    from concordat.canonical import dumps
    from concordat.report.chapters.rulebook import STORE
    from concordat.rulebook.coder import minilm
    from concordat.rulebook.packaged import refresh
    from concordat.rulebook.search import index as embed
    from concordat.rulebook.store import RuleStore
    from concordat.settings import Settings

    encoder = minilm.load()
    with RuleStore.open(Settings.load().data_dir / STORE) as store:
        refresh(store)
        texts, new = embed(store, encoder, progress)
    out.write_bytes(dumps({"new": new, "texts": texts, "weights": encoder.sha256}) + b"\n")


def beside(folder: Path, name: str, where: str) -> bytes:
    """A file of a folder by its bare name: no other folder, no link.

    Raises:
        InputError: there is none of that name, or it is too large.
    """
    path = folder / name
    if Path(name).name != name or name.startswith(".") or path.is_symlink() or not path.is_file():
        what = f"there is no file {name[:80]!r} in the folder {SCENARIOS}."
        raise InputError(what, where=where, hint=f"Put it into {folder}.", code="unreadable")
    if path.stat().st_size > FILE_MAX:
        raise InputError(f"over {FILE_MAX:,} bytes.", where=name, code="size")
    return path.read_bytes()


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
        Kind("figures", "concordat.web.jobs:figures", "Draw every figure of a bloc"),
        Kind("export_site", "concordat.web.jobs:export_site", "Write all public pages as files"),
        Kind("index", "concordat.web.jobs:index", "Question the index of a bloc: its uncertainty"),
        Kind("scenario", "concordat.web.jobs:scenario", "Run a scenario with its draws"),
        Kind("search", "concordat.web.jobs:search", "Make the rulebook's sentence vectors for the search"),
    )
}
