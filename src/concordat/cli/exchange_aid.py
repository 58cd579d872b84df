"""`concordat exchange aid`: requests and offers of help, who fits whom and why; IATI files read and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _exchange_aid_log, _exchange_home
from concordat.cli._exchange_home import AS, DEMO, HOME, PASSPHRASE
from concordat.cli._node_home import JSON, plain, print_json, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.inclusion.aid import Fit, Offer, Request
    from concordat.exchange.inclusion.assignment import Match

FILES_MAX = 10_000
ON = typer.Option("", "--on", help="The day on which blocs and windows are looked at; default: today.")

app = typer.Typer(
    help="Requests and offers of help: how they fit, who is matched with whom; IATI files.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


app.command("request")(_exchange_aid_log.request)
app.command("offer")(_exchange_aid_log.offer)
app.command("list")(_exchange_aid_log.list_)
app.command("accept")(_exchange_aid_log.accept)


@app.command("match")
def match_(
    files: list[Path] = typer.Argument(
        None, help="Files of requests and offers, or folders of them (*.yaml). Without: what is on the record."
    ),
    on: str = ON,
    log: str = typer.Option("", "--log", help="Log what is computed from the record under this id (MatchComputed)."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Match requests with offers: a stable assignment, every term of every pair, and who got nothing and why."""
    from concordat.exchange.inclusion.assignment import match

    if files and log:
        hint = "Only what is on the record can be computed again by others."
        raise InputError("--log and files can't go together.", hint=hint, code="log")
    entry: Any = None
    missing: list[str] = []
    if files:
        made = match(*_load(files), on=_day(on))
    else:
        with _exchange_home.seat(home, passphrase_file, speaker, demo, reads=not log) as place:
            requests, offers, missing = _exchange_aid_log.logged(place)
            made = match(requests, offers, on=_day(on))
            if log:
                entry = _exchange_aid_log.log_match(place, made, match_facts(made), log, missing)
    if json:
        print_json({**match_facts(made), "entry": entry.id if entry else None, "files_missing": missing})
        return
    print("\n".join(_match_lines(made)))
    if missing:
        print(f"On the record, but their files are not here, so not matched: {', '.join(missing)}.")
    if entry is not None:
        print(f"Logged as {entry.author} {entry.seq}: {entry.id[:16]}.")


@app.command()
def fit(
    request: Path = typer.Argument(..., help="The request (concordat/aid-request@1)."),
    offer: Path = typer.Argument(..., help="The offer (concordat/aid-offer@1)."),
    on: str = ON,
    json: bool = JSON,
) -> None:
    """Show how one request and one offer fit: filters, points, every term with its reason."""
    from concordat.exchange.inclusion.aid import FILTER_WORDS
    from concordat.exchange.inclusion.aid import fit as fit_of
    from concordat.exchange.inclusion.aid_file import load_offer, load_request

    found = fit_of(load_request(read(request), where=str(request)), load_offer(read(offer), where=str(offer)), _day(on))
    if json:
        print_json(fit_facts(found))
        return
    lines = list(_fit_lines(found))
    if found.removed_by:
        lines.append(f"left out: {FILTER_WORDS[found.removed_by]}")
    print("\n".join(lines))


@app.command()
def iati(
    file: Path = typer.Argument(..., help="An IATI 2.03 activity file."),
    out: Path | None = typer.Option(
        None, "--out", help="Write what was read, in the schema's order, to this new file."
    ),
    json: bool = JSON,
) -> None:
    """Read an IATI 2.03 file: checked against the schema, sums checked, contact data of persons left out."""
    from concordat.exchange.inclusion.iati import parse_iati, print_iati
    from concordat.exchange.inclusion.iati_model import plain as as_plain

    found = parse_iati(read(file), where=str(file))
    if out is not None:
        if out.exists():
            raise InputError("is there already.", where=str(out), hint="Name a new file.", code="exists")
        out.write_bytes(print_iati(found.file))
    notes = [{"code": n.code, "what": n.what, "where": n.where} for n in found.notes]
    if json:
        print_json({"file": as_plain(found.file), "notes": notes})
        return
    print("\n".join(_iati_lines(found.file.activities, found.notes)))
    if out is not None:
        print(f"Wrote {out}: valid by the schema of IATI 2.03.")


def _day(text: str) -> Any:
    from datetime import date

    from concordat import clock

    try:
        return date.fromisoformat(text) if text else clock.today()
    except ValueError:
        raise InputError(f'"{text[:20]}" is not a day.', where="--on", hint="As 2027-01-31", code="day") from None


def _load(paths: Sequence[Path]) -> tuple[list[Request], list[Offer]]:
    from concordat.exchange.inclusion.aid import Request
    from concordat.exchange.inclusion.aid_file import load_aid

    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if len(files) > FILES_MAX:
        raise InputError(f"{len(files):,} files, of at most {FILES_MAX:,}.", hint="Match one sector at a time.")
    loaded = [load_aid(read(file), where=str(file)) for file in files]
    requests = [one for one in loaded if isinstance(one, Request)]
    return requests, [one for one in loaded if not isinstance(one, Request)]


# --- As text and JSON ----------------------------------------------------------------------------------------------


def fit_facts(found: Fit) -> dict[str, Any]:
    """One pair for JSON; points in ten-thousandths, whole numbers."""
    terms = [{"high": t.high, "low": t.low, "name": t.name, "why": t.why} for t in found.terms]
    return {
        "high": found.high,
        "low": found.low,
        "offer": found.offer,
        "open": list(found.open_filters),
        "removed_by": found.removed_by or None,
        "request": found.request,
        "terms": terms,
        "unit": "1/10000 point",
    }


def match_facts(made: Match) -> dict[str, Any]:
    """A matching for JSON."""
    return {
        "blocking_pairs": 0 if made.pairs_checked else None,
        "free": made.free,
        "inputs": made.inputs,
        "offers": made.offers,
        "offers_propose": [list(p) for p in made.offers_propose],
        "on": made.on.isoformat(),
        "only_here": [list(p) for p in made.only_here],
        "only_there": [list(p) for p in made.only_there],
        "pairs": [fit_facts(p) for p in made.pairs],
        "pairs_checked": made.pairs_checked,
        "requests": made.requests,
        "result": made.result,
        "unknown_ranked": list(made.unknown_ranked),
        "unmatched": [
            {"acceptable": u.acceptable, "reason": u.reason, "removed": u.removed, "request": u.request}
            for u in made.unmatched
        ],
    }


def _fit_lines(found: Fit) -> Iterator[str]:
    from concordat.exchange.inclusion.aid import WEIGHTS, points_text

    yield f"{found.request} and {found.offer}: {points_text(found.low, found.high)} of 100 points"
    for term in found.terms:
        yield f"  {term.name:9} {points_text(term.low, term.high):>12} of {WEIGHTS[term.name]:2}  {term.why}"
    for words in found.open_filters:
        yield f"  open: {words}"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _match_lines(made: Match) -> Iterator[str]:
    yield (
        f"{_many(made.requests, 'request')}, {_many(made.offers, 'offer')}; blocs as on {made.on}. "
        f"{len(made.pairs)} matched, {len(made.unmatched)} not."
    )
    if made.pairs_checked:
        yield f"No blocking pair: {_many(made.pairs_checked, 'pair')} looked at, each one."
    else:
        yield "Too many pairs to look at each for a blocking one; the method excludes them."
    for pair in made.pairs:
        yield ""
        yield from _fit_lines(pair)
    if made.unmatched:
        yield ""
    for one in made.unmatched:
        from concordat.exchange.inclusion.aid import FILTER_WORDS

        counts = "; ".join(f"{count} because {FILTER_WORDS[name]}" for name, count in one.removed.items())
        tail = f" Offers left out: {counts}." if counts else ""
        yield f"{one.request} is not matched: {one.reason}.{tail}"
    for key, count in made.free.items():
        yield f"{key} has {_many(count, 'place')} left."
    yield ""
    if made.offers_propose:
        yield "With offers proposing the assignment is another one that is stable as well:"
        yield from (f"  only here:  {r} and {o}" for r, o in made.only_here)
        yield from (f"  only there: {r} and {o}" for r, o in made.only_there)
    else:
        yield "With offers proposing the assignment is the same."
    for key in made.unknown_ranked:
        yield f"Ranked, but not among the files: {key}."
    yield f"inputs {made.inputs[:16]}, result {made.result[:16]}. Nothing binds until both sides accept."


def _iati_lines(activities: Sequence[Any], notes: Sequence[Any]) -> Iterator[str]:
    yield f"{len(activities)} {'activity' if len(activities) == 1 else 'activities'}, valid by the schema of IATI 2.03."
    for activity in activities:
        title = activity.title.narratives[0].text if activity.title and activity.title.narratives else ""
        sectors = ", ".join(s.code for s in activity.sectors if s.vocabulary in ("", "1", "2"))
        places = ", ".join(c.code for c in (*activity.countries, *activity.regions))
        yield f"{plain(activity.id)}: {plain(title)[:80]} (sectors {plain(sectors) or '-'}; {plain(places) or '-'})"
    for note in notes:
        yield f"note: {plain(note.where)}: {plain(note.what)}"
