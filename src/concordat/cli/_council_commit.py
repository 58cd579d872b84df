"""`concordat council import-seed`, `target`, `bind`: what was promised, by when, measured how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._council_home import AS, DEMO, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json, read, read_text
from concordat.errors import InputError

ITEMS_A_ENTRY = 25


def import_seed(
    file: Path = typer.Argument(None, help="A list of commitments (YAML); default: the packaged five documents'."),
    document: list[str] = typer.Option([], "--document", help="A document's own text, to find anchors in: ID=FILE."),
    dry: bool = typer.Option(False, "--dry", help="Read and check it, write nothing."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Register what the source documents propose, and put the marked items on the agenda."""
    from concordat.cli.council import _pair
    from concordat.council.commit.register import Register

    texts = {}
    for pair in document:
        name, path = _pair(pair, "--document")
        texts[name] = read(Path(path)).decode("utf-8-sig", "replace")
    register = Register.load_seed(read(file) if file else None, documents=texts or None, known_codes=_known_codes())
    facts = {
        "agenda": len(register.agenda),
        "commitments": len(register.commitments),
        "items": len(register),
        "unresolved": [c.code for c in register.unresolved()],
    }
    if not dry:
        with seat(home, passphrase_file, speaker, demo) as place:
            known = place.council.things.get("commitment", {})
            fresh = [c for c in register.commitments if c.id not in known]
            if not fresh:
                raise InputError(
                    "all of them are registered already.", hint="See: concordat council show commitment", code="twice"
                )
            said: list[tuple[str, dict[str, Any]]] = [
                ("CommitmentRegistered", {"commitments": [_body(c) for c in fresh[i : i + ITEMS_A_ENTRY]]})
                for i in range(0, len(fresh), ITEMS_A_ENTRY)
            ]
            items = [_item(n, item) for n, item in enumerate(register.agenda)]
            on = place.council.things.get("item", {})
            said.append(("AgendaSet", {"items": [i for i in items if i["item"] not in on]}))
            entries = place.say_all(said)
            facts["entries"] = [e.id for e in entries]
    if json:
        print_json(facts)
        return
    print(register.summary())
    print("\n".join(register.checks()))


def _body(item: Any) -> dict[str, Any]:
    return {
        "anchor": item.anchor.words, "beneficiary": item.beneficiary, "document": item.document, "due": item.due or "",
        "id": item.id, "kind": item.kind,
        "measures": [{"code": m.code, "note": m.note, "source": m.source, "tells": m.tells} for m in item.measures],
        "review_level": item.review_level, "topic": item.topic, "what": item.what, "who": item.who,
    }  # fmt: skip


def _item(n: int, item: Any) -> dict[str, Any]:
    if len(item.about) == 1:
        return {"item": item.about[0], "kind": "debate", "subject": item.about[0], "title": item.title[:300]}
    return {"item": "set-targets" if n == 0 else f"item-{n}", "kind": "debate", "title": item.title[:300]}


def _known_codes() -> dict[str, str]:
    """The World Bank codes that the evidence's catalogue knows, and the indicators they stand for."""
    from concordat.evidence.catalogue import load_catalogue

    found: dict[str, str] = {}
    for indicator, known in sorted(load_catalogue().indicators.items()):
        place = known.maps.get("worldbank_wdi")
        if place is not None and place.code:
            found.setdefault(place.code, indicator)
    return found


def target(
    file: Path = typer.Argument(..., help="A target (concordat/target@1)."),
    decision: str = typer.Option("", "--decision", help="The vote that adopted it: the commitment becomes active."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Propose a commitment's baseline, target and date, or set what a decision adopted."""
    from concordat.cli.council import told
    from concordat.council.commit.targets import Target

    text = read_text(file)
    found = Target.load(text, where=str(file))
    body: dict[str, Any] = {"commitment": found.commitment, "target": text}
    if decision:
        body["decision"] = decision
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("TargetSet", body)
        pledge = place.council.find("commitment", found.commitment)
        words = f"Target of {found.commitment} by {entry.author}: {found.indicator} by {found.year}; {pledge.state}."
        told(place, entry, words, json, state=pledge.state)


def bind(
    commitment: str = typer.Argument(..., help="The commitment's id."),
    measure: int = typer.Argument(..., help="Which of its measures, from 1."),
    indicator: str = typer.Argument(..., help="An indicator's id; see: concordat evidence indicators"),
    unit: str = typer.Option("", "--unit", help="Its unit; default: as the catalogue has it."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Bind a measure of a commitment to an indicator of the evidence."""
    from concordat.cli._council_words import unknown
    from concordat.cli.council import told
    from concordat.evidence.catalogue import load_catalogue

    known = load_catalogue().indicators
    if indicator not in known:
        raise unknown(indicator, known, "an indicator of the catalogue")
    body = {"commitment": commitment, "indicator": indicator, "measure": measure, "unit": unit or known[indicator].unit}
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("IndicatorBound", body)
        told(place, entry, f"{commitment}, measure {measure}: {indicator} ({body['unit']}).", json)


def extract(
    file: Path = typer.Argument(..., help="A communique as plain text (English)."),
    every: bool = typer.Option(False, "--all", help="Welcomes and reaffirmations too, which promise nothing."),
    json: bool = JSON,
) -> None:
    """Propose the sentences of a text that may be commitments, by their verbs; a person confirms each."""
    from concordat.council.commit.extract import sentences

    try:
        text = read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(file), code="not_utf8") from None
    found = [c for c in sentences(text) if every or c.proposed]
    if json:
        rows = [
            {
                "end": c.end,
                "proposed": c.proposed,
                "start": c.start,
                "strength": c.strength,
                "text": c.text,
                "verb": c.verb,
            }
            for c in found
        ]
        print_json({"sentences": rows})
        return
    for c in found:
        print(f"{c.strength:5} {c.verb:14} {' '.join(c.text.split())}")
    if not found:
        print("No sentence with a verb of promising.")
