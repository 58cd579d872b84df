"""`concordat rulebook code`, `review`, `eval`: texts to codings, a person's word on them, how right a coder is."""

from __future__ import annotations

import hashlib
import json as json_
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.cli import _rulebook_store as kept
from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_tables import Answer, coding_facts
from concordat.errors import InputError
from concordat.rulebook._decisions import rejected
from concordat.rulebook.store import RuleStore

if TYPE_CHECKING:
    from concordat.rulebook.coder import Coder, Labelled
    from concordat.rulebook.evaluate import Figure
    from concordat.rulebook.review import Queued

OWN_LICENCE = "own"  # the labels are the user's own, and bind nobody
MODEL_METHODS = ("lexicon", "model", "few_shot")


def code(
    store: RuleStore, names: Sequence[str], mode: str, labels: Path | None = None, licence: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Code the texts of instruments; what people coded stays.

    Args:
        labels: a file of labelled articles to fit the coder on, beside our clauses. licence: of these articles.
    """
    from concordat import clock
    from concordat.cli._rulebook_vectors import StoredVectors
    from concordat.rulebook.coder import Coder

    chosen = list(names) or list(store.with_text())
    for name in chosen:
        if name not in store.with_text():
            _ = store[name]
            hint = f"Load it: concordat rulebook load FILE --as {name}"
            raise InputError(f"{name} has no text here.", hint=hint, code="no_text")
    if not chosen:
        raise InputError("no text is loaded.", hint="concordat rulebook load FILE --as ID", code="no_text")
    vectors = StoredVectors(store)
    if labels is None:
        coder = Coder.load(mode, vectors=vectors)
    elif not licence:
        hint = "Say which, such as --licence own or --licence 'CC BY-NC 4.0'; it goes with every coding."
        raise InputError("the labelled articles have no licence.", where="--licence", hint=hint, code="licence")
    else:
        free = "" if licence == OWN_LICENCE else licence
        coder = Coder.fit(labelled(kept.read(labels), str(labels)), licence=free, vectors=vectors)
    today = clock.today().isoformat()
    facts: list[dict[str, Any]] = []
    lines: list[str] = []
    for number, name in enumerate(chosen, 1):
        if sys.stderr.isatty():
            print(f"concordat: {number} of {len(chosen)}: {name}", file=sys.stderr)
        made = coder.code(store.units(name), instrument=store[name], coded_on=today)
        store.replace_codings(name, MODEL_METHODS, made)
        provisions = {c.provision for c in made}
        review = sum(c.state == "review" for c in made)
        facts.append({"instrument": name, "codings": len(made), "provisions": sorted(provisions), "review": review})
        lines.append(f"{name}: {len(made)} codings of {len(provisions)} provisions, {review} to review.")
    vectors.flush()
    lines.append(coder.about.words())
    return {"coded": facts, "coder": about(coder)}, lines


def about(coder: Coder) -> dict[str, Any]:
    """What a coder is, for a program."""
    told = coder.about
    return {
        "mode": told.mode,
        "version": told.version,
        "licence": told.licence or None,
        "minilm": told.minilm,
        "labels": told.labels,
        "measured": dict(told.measured),
    }


def queue(store: RuleStore, instrument: str) -> Answer:
    """Codings that a person should look at, those that change most first."""
    from concordat.rulebook.review import agreement
    from concordat.rulebook.review import queue as ordered

    rows, agreed = ordered(store, instrument), agreement(store, instrument)
    head = ("coding", "unit", "provision", ">probability", "depth", "reason", ">pairs")
    table = [
        (
            r.coding.id[:12],
            r.coding.unit,
            r.coding.provision,
            "" if r.coding.probability is None else f"{r.coding.probability:.2f}",
            "" if r.coding.depth is None else str(r.coding.depth),
            _said(r) or r.coding.reason or r.coding.state,
            str(r.pairs),
        )
        for r in rows
    ]
    lines = [*columns(head, table[:60])] if table else ["Nothing to review."]
    if len(table) > 60:
        lines.append(f"... and {len(table) - 60} more; see --csv.")
    for g in agreed:
        sure = "not defined (one code alone)" if g.kappa is None else f"{g.kappa:.2f}"
        lines.append(f"{g.a} and {g.b} decided on {g.n} alike, {g.same} the same way: Cohen's kappa {sure}.")
    queue = [
        coding_facts(r.coding) | {"pairs": r.pairs, "quote": r.quote, "said": [coding_facts(c) for c in r.said]}
        for r in rows
    ]
    facts = {"queue": queue, "agreement": [asdict(g) for g in agreed]}
    return facts, lines, (head, table)


def _said(queued: Queued) -> str:
    """Who says what of a coding in dispute."""
    depths = {None: "", 0: "", 1: " soft", 2: " binding"}
    words = [f"{c.coder}: {'not ' if rejected(c) else ''}{c.provision}{depths[c.depth]}" for c in queued.said]
    return f"disputed ({'; '.join(words)})" if words else ""


def decide(
    store: RuleStore, coding: str, provision: str, depth: int | None, coder: str, reason: str
) -> tuple[dict[str, Any], list[str]]:
    """A person's word on a coding: the coding that replaces it, and the payload that may be signed."""
    from concordat import clock
    from concordat.rulebook.review import override

    made, payload = override(
        store, coding, provision=provision, depth=depth, coder=coder, reason=reason, on=clock.today().isoformat()
    )
    text = canonical.dumps(payload).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    lines = [f"{made.unit}: {made.provision}, by {coder}. Payload rulebook.coding/v1, SHA-256 {digest}:", text]
    return {"coding": coding_facts(made), "payload": payload, "sha256": digest}, lines


# --- Evaluation -----------------------------------------------------------------------------------------------------


def evaluated(
    path: Path, mode: str, cv: int, split_year: int | None, by: str, headings: bool, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """The accuracy table of a coder on a file of labelled articles (JSON lines)."""
    from concordat.rulebook.evaluate import evaluation

    articles = labelled(kept.read(path), str(path))
    found = evaluation(
        articles, mode=mode, cv=None if split_year else cv, split_year=split_year, by=by, strict=not headings, seed=seed
    )
    codes = [(c, str(n), f"{v:.3f}") for c, n, v in found.by_code]
    lines = [found.words(), "", *columns(("provision", ">n", ">F1"), codes)]
    facts = {
        "mode": found.mode,
        "how": found.how,
        "seed": seed,
        "figures": [{"name": r.name, "n": r.n, "value": r.value, "low": r.low, "high": r.high} for r in found.rows],
        "by_provision": [{"provision": c, "n": n, "f1": v} for c, n, v in found.by_code],
    }
    return facts, lines


def both_folds(
    path: Path, mode: str, cv: int, split_year: int | None, headings: bool, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """The same figures with agreements held out and with whole drafting families held out, side by side.

    Raises:
        InputError: a split by year, or a mode that is fitted on none of the articles: there are no folds then.
    """
    from concordat.rulebook.coder.features import Vectors
    from concordat.rulebook.evaluate import evaluation

    if split_year or mode in ("shipped", "lexicon"):
        hint = "Leave out --families, or use --cv and a mode that is fitted on your articles."
        raise InputError("there are no folds to keep families apart in.", where="--families", hint=hint, code="folds")
    articles = labelled(kept.read(path), str(path))
    vectors: Vectors = {}
    one, two = (
        evaluation(articles, mode=mode, cv=cv, by=by, strict=not headings, seed=seed, vectors=vectors)
        for by in ("agreement", "family")
    )
    names = [r.name for r in one.rows] + [r.name for r in two.rows if r.name not in {x.name for x in one.rows}]
    found = {e.how: {r.name: r for r in e.rows} for e in (one, two)}
    table = [
        (name, *(_of(rows.get(name)) for rows in found.values()))  # n differs where it counts what is novel
        for name in names
    ]
    lines = [
        f"Coder {mode}; {one.how}, beside {two.how}: agreements that share 40% of the shorter one's runs of 8 words.",
        "",
        *columns(("figure", "agreements apart", "families apart"), table),
    ]
    facts = {
        "mode": mode,
        "seed": seed,
        "folds": [
            {
                "how": e.how,
                "figures": [{"name": r.name, "n": r.n, "value": r.value, "low": r.low, "high": r.high} for r in e.rows],
            }
            for e in (one, two)
        ],
    }
    return facts, lines


def _of(figure: Figure | None) -> str:
    return figure.words().partition(": ")[2] if figure is not None else ""


def in_the_wild(path: Path, folder: Path, cv: int, seed: int) -> tuple[dict[str, Any], list[str]]:
    """The figures over every article of whole agreements: a folder of files named as the agreements in the labels."""
    from concordat.rulebook._wild import wild
    from concordat.rulebook.readers import parse

    articles = labelled(kept.read(path), str(path))
    wanted = {a.agreement for a in articles}
    files = [f for f in sorted(folder.glob("*")) if f.stem in wanted]
    if not files:
        hint = "Name each file as its agreement is named in the labels."
        raise InputError("none of the labelled agreements is there.", where=str(folder), hint=hint, code="no_text")
    whole = [parse(kept.read(f), name=str(f), id=f.stem) for f in files]
    found, _ = wild(whole, articles, cv=cv, seed=seed)
    figures = [{"name": r.name, "n": r.n, "value": r.value, "low": r.low, "high": r.high} for r in found.rows]
    return {"mode": found.mode, "how": found.how, "seed": seed, "figures": figures}, [found.words()]


def labelled(data: bytes, where: str) -> list[Labelled]:
    """Labelled articles of a JSON-lines file: id, agreement, year, lang, chapter, heading, text, code, code_alt.

    Raises:
        InputError: a line that is not such an object; with its number.
    """
    from concordat.rulebook.coder import Labelled

    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        place = f"{where}, line {number}"
        try:
            row = json_.loads(line)
            alt = row.get("code_alt") or ()
            year = int(row["year"])
            lang, chapter, heading = (str(row.get(k, "")) for k in ("lang", "chapter", "heading"))
            article = Labelled(
                id=str(row["id"]),
                agreement=str(row["agreement"]),
                year=year,
                lang=lang,
                chapter=chapter,
                heading=heading,
                text=str(row["text"]),
                code=str(row["code"]),
                code_alt=tuple(alt),
                human=bool(row.get("human", False)),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            hint = 'A line is {"id", "agreement", "year", "lang", "chapter", "heading", "text", "code", "code_alt"}.'
            raise InputError(f"not a labelled article: {error!r}.", where=place, hint=hint, code="labelled") from None
        found.append(article)
    if not found:
        raise InputError("no labelled article.", where=where, hint="One JSON object a line.", code="empty")
    return found
