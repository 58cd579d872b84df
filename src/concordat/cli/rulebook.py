"""`concordat rulebook`: which rules bind whom on a day, with the article in front of the reader.

Texts and codings are kept in the data folder (`rulebook.sqlite`). Results go to standard output as tables to read, or
in full with `--json` and `--csv`. Nothing here is legal advice, and the output says so where it could be taken for it.
"""

from __future__ import annotations

from pathlib import Path

import typer

from concordat.cli import _index_input as shared
from concordat.cli import _rulebook_store as kept
from concordat.errors import InputError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Which digital rules bind whom, how hard, with what evidence, and what is missing.",
)

INSTRUMENT = typer.Argument(..., help="An instrument's id, such as depa; see: concordat rulebook list")
ON = typer.Option("", "--on", help="The day, as 2026-11-22; default: today.")
TOPIC = typer.Option("", "--topic", help="A topic (DF) or provision (DF-FLOW); see: concordat rulebook provisions")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where the rulebook is kept; see: concordat settings")


@app.command("list")
def list_(
    topic: str = typer.Option("", "--topic", help="Only instruments of this topic."),
    party: str = typer.Option("", "--party", help="Only instruments that this country (or EU) has a row in."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """The instruments that are known, and whose text is loaded."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines, table = tables.listed(store, topic, party)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def provisions(topic: str = TOPIC, json: bool = JSON, csv: bool = CSV) -> None:
    """The provisions that articles are coded by, with their definitions and scales."""
    from concordat.cli import _rulebook_tables as tables

    facts, lines, table = tables.provisions(topic)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def load(
    files: list[Path] = typer.Argument(
        ..., help="Texts: plain, HTML, PDF, Akoma Ntoso, ToTA XML, or a catalogue (.yaml)."
    ),
    as_: str = typer.Option(
        "", "--as", help="The instrument that a text belongs to; needed where the file does not say."
    ),
    lang: str = typer.Option("", "--lang", help="Its language (en, es, fr, pt, zh, ru); guessed if left out."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Load texts of instruments, or a catalogue of your own."""
    from concordat.cli import _rulebook_load as loading

    if as_ and len(files) > 1:
        raise InputError("--as names one instrument, for one file.", hint="Load the files one by one.", code="as")
    with kept.opened(data_dir) as store, store.together():
        loaded = [loading.load(store, file, as_, lang) for file in files]
    shared.out({"loaded": [one.facts for one in loaded]}, [line for one in loaded for line in one.lines], json=json)


@app.command()
def show(
    instrument: str = INSTRUMENT,
    unit: str = typer.Option("", "--unit", help="One article in full, such as 4.3."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What is known of an instrument; its articles with their codings, if its text is loaded."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines = tables.shown(store, instrument, unit)
    shared.out(facts, lines, json=json)


@app.command()
def status(
    instrument: str = INSTRUMENT, on: str = ON, json: bool = JSON, csv: bool = CSV, data_dir: str | None = DATA_DIR
) -> None:
    """The table of an instrument's parties on a day: signed, ratified, in force, source, mark."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines, table = tables.status_table(store, instrument, kept.day(on))
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def binds(
    a: str = typer.Argument(..., help="A country (ISO alpha-3) or EU."),
    b: str = typer.Argument(..., help="Another."),
    on: str = ON,
    topic: str = TOPIC,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Which rules bind one towards the other on a day, how hard, with the article quoted."""
    from concordat.cli import _rulebook_binds as answers

    with kept.opened(data_dir) as store:
        facts, lines, table = answers.binds_table(store, a, b, kept.day(on), topic)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def gap(
    party: str = typer.Argument(..., help="A country (ISO alpha-3) or EU."),
    instrument: str = INSTRUMENT,
    on: str = ON,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What a country would have to change to join an agreement."""
    from concordat.cli import _rulebook_binds as answers

    with kept.opened(data_dir) as store:
        facts, lines, table = answers.gap_table(store, party, instrument, kept.day(on))
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def drafts(
    document: str = typer.Option(
        "", "--document", help="Only those of one source document, such as beijing-declaration-2023."
    ),
    agenda: bool = typer.Option(False, "--agenda", help="Only those proposed for the first agenda."),
    json: bool = JSON,
    csv: bool = CSV,
) -> None:
    """What the five source documents ask for, as drafts that council can take up by id."""
    from concordat.cli import _rulebook_tables as tables

    facts, lines, table = tables.drafts(document, agenda)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def code(
    instruments: list[str] = typer.Argument(
        None, help="Instruments whose text is loaded; all of them, if none is named."
    ),
    mode: str = typer.Option("shipped", "--mode", help="shipped (our own clauses) or lexicon (terms alone)."),
    labels: Path | None = typer.Option(
        None, "--labels", help="Your labelled articles (JSON lines) to fit the coder on."
    ),
    licence: str = typer.Option("", "--licence", help="Of these articles: own, or its name. It goes with the codings."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Code the articles of texts: which provision, how hard, how surely, which words say so."""
    from concordat.cli import _rulebook_code as coding

    with kept.opened(data_dir) as store:
        facts, lines = coding.code(store, instruments or (), mode, labels, licence)
    shared.out(facts, lines, json=json)


@app.command()
def review(
    instrument: str = typer.Argument("", help="One instrument; all, if left out."),
    decide: str = typer.Option("", "--decide", help="The id of a coding (or its beginning) to decide on."),
    provision: str = typer.Option("", "--provision", help="What the unit holds; OTHER: nothing digital."),
    depth: int = typer.Option(-1, "--depth", help="0 not addressed, 1 soft, 2 binding; as it was, if left out."),
    coder: str = typer.Option("", "--coder", help="Who decides."),
    reason: str = typer.Option("", "--reason", help="Why."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Codings that wait for a person, the most useful decision first; or a person's decision on one."""
    from concordat.cli import _rulebook_code as coding

    with kept.opened(data_dir) as store:
        if decide:
            facts, lines = coding.decide(store, decide, provision, None if depth < 0 else depth, coder, reason)
            shared.out(facts, lines, json=json)
            return
        facts, lines, table = coding.queue(store, instrument)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command("eval")
def eval_(
    file: Path = typer.Argument(..., help="Labelled articles, a JSON object a line."),
    mode: str = typer.Option("fitted", "--mode", help="fitted, shipped, lexicon; or a baseline: tfidf, minilm, mean."),
    cv: int = typer.Option(5, "--cv", min=2, help="Folds; agreements are held out as a whole."),
    split_year: int = typer.Option(0, "--split-year", help="Train up to this year, test after it, instead of folds."),
    by: str = typer.Option("agreement", "--by", help="What is held out as a whole: agreement or (drafting) family."),
    families: bool = typer.Option(
        False, "--families", help="Beside folds by agreement, folds that keep drafting families apart."
    ),
    wild: Path = typer.Option(None, "--wild", help="A folder of the agreements' whole texts: every article is judged."),
    headings: bool = typer.Option(
        False, "--headings", help="Let the coder see headings, from which labels often come."
    ),
    seed: int = typer.Option(0, "--seed", help="Of the intervals' draws."),
    json: bool = JSON,
) -> None:
    """How right a coder is on labelled articles, with the number of cases and an interval beside each figure."""
    from concordat.cli import _rulebook_code as coding

    if wild is not None:
        facts, lines = coding.in_the_wild(file, wild, cv, seed)
    elif families:
        facts, lines = coding.both_folds(file, mode, cv, split_year or None, headings, seed)
    else:
        facts, lines = coding.evaluated(file, mode, cv, split_year or None, by, headings, seed)
    shared.out(facts, lines, json=json)


@app.command()
def search(
    query: str = typer.Argument(..., help="A question in plain words."),
    party: str = typer.Option("", "--party", help="Only instruments that this country, or EU, joined or signed."),
    topic: str = TOPIC,
    depth: int = typer.Option(0, "--depth", min=0, max=2, help="Only articles at least this deep: 1 soft, 2 binding."),
    type_: str = typer.Option("", "--type", help="Only instruments of this type, such as digital_agreement."),
    since: int = typer.Option(0, "--since", help="Only instruments of this year or later."),
    until: int = typer.Option(0, "--until", help="Only instruments of this year or earlier."),
    in_force: str = typer.Option("", "--in-force", help="Only instruments in force on this day."),
    limit: int = typer.Option(10, "--limit", min=1, max=200, help="How many articles."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Articles that answer a question in plain words, each with the words that do."""
    from concordat.cli import _rulebook_texts as texts
    from concordat.rulebook.search import Filters

    filters = Filters(
        party=party,
        topic=topic,
        depth=depth,
        type=type_,
        since=since or None,
        until=until or None,
        in_force_on=kept.day(in_force) if in_force else None,
    )
    with kept.opened(data_dir) as store:
        facts, lines, table = texts.found(store, query, filters, limit)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def compare(
    instruments: list[str] = typer.Argument(..., help="Two or more instruments."),
    topic: str = TOPIC,
    words: bool = typer.Option(False, "--words", help="Show where the words of paired articles differ."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Agreements side by side: provisions, depth, articles that answer to each other."""
    from concordat.cli import _rulebook_texts as texts

    with kept.opened(data_dir) as store:
        facts, lines, table = texts.compared(store, instruments, topic, words)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def align(
    a: str = typer.Argument(..., help="An instrument."),
    b: str = typer.Argument(..., help="Another one."),
    words: bool = typer.Option(False, "--words", help="Show where the words of paired articles differ."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Which article of one agreement answers to which of another; what stands in one alone."""
    from concordat.cli import _rulebook_texts as texts

    with kept.opened(data_dir) as store:
        facts, lines, table = texts.paired(store, a, b, words)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def clause(
    provision: str = typer.Argument(..., help="A provision, such as DF-FLOW."),
    depth: int = typer.Option(-1, "--depth", help="Only 1 (soft) or 2 (binding)."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Model clauses of a provision: drafting families, each with its first user and variants."""
    from concordat.cli import _rulebook_texts as texts

    with kept.opened(data_dir) as store:
        facts, lines, table = texts.clause(store, provision, None if depth < 0 else depth)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command("import")
def import_(
    kind: str = typer.Argument(..., help="taped"),
    file: Path = typer.Argument(..., help="Your own copy, CSV or XLSX."),
    map_: Path = typer.Option(None, "--map", help="Columns and provisions, from your codebook (taped-map@1)."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Bring in codings of others: TAPED."""
    from concordat.cli import _rulebook_texts as texts

    if kind != "taped":
        raise InputError(f'"{kind}" is not a kind I can import.', hint="Write: import taped FILE", code="kind")
    with kept.opened(data_dir) as store:
        facts, lines = texts.imported(store, file, map_)
    shared.out(facts, lines, json=json)


@app.command()
def export(
    instruments: list[str] = typer.Argument(None, help="Instruments; all, if none is named."),
    form: str = typer.Option("csv", "--format", help="csv, csvw (its metadata), jsonld, akn (one text), taped."),
    everything: bool = typer.Option(
        False, "--i-have-the-rights", help="With codings whose licence forbids to hand them on."
    ),
    out: Path = typer.Option(None, "--out", help="Write to this file instead of the screen."),
    data_dir: str | None = DATA_DIR,
) -> None:
    """Codings and texts for other programs."""
    import sys

    from concordat.cli import _rulebook_texts as texts

    with kept.opened(data_dir) as store:
        text, withheld = texts.exported(store, instruments or (), form, everything)
    if withheld:
        print(f"concordat: {withheld} codings were held back for their licence.", file=sys.stderr)
    shared.out({}, text.rstrip("\n").split("\n"), out=out)


BLOC = typer.Argument("", help="A bloc, such as BRICS; see: concordat bloc list")
COUNTRIES = typer.Option("", "--countries", help="Instead of a bloc: countries, with commas.")
SEED = typer.Option(0, "--seed", help="Of the draws behind the intervals.")


@app.command()
def regime(
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    seed: int = SEED,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """The rules between the members of a bloc: matrix, depth, gaps, what is pending, what it rests on."""
    from concordat.cli import _rulebook_regime as together

    day = kept.day(on)
    name, members = together.members_of(bloc, countries, day)
    with kept.opened(data_dir) as store:
        facts, lines, table = together.regime(store, name, members, day, seed)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def reuse(
    instruments: list[str] = typer.Argument(None, help="Instruments; all with a text, if none is named."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Whose text later agreements copy, and how much of each is new."""
    from concordat.cli import _rulebook_regime as together

    with kept.opened(data_dir) as store:
        facts, lines, table = together.reuse(store, instruments or ())
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def measures(
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    seed: int = SEED,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What the rulebook counts for the source documents' lines that ask for it."""
    from concordat.cli import _rulebook_regime as together

    day = kept.day(on)
    _, members = together.members_of(bloc, countries, day)
    with kept.opened(data_dir) as store:
        facts, lines, table = together.measures(store, members, day, seed)
    shared.out(facts, lines, json=json, csv=csv, table=table)
