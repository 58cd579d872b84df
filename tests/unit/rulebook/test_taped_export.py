"""The user's TAPED file comes in as it is, what may not be handed on stays, and exports are read back."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from concordat.errors import InputError
from concordat.rulebook.export import csvw, to_akn, to_csv, to_json_ld, to_taped
from concordat.rulebook.readers import parse
from concordat.rulebook.readers.taped import import_taped, read_map
from concordat.rulebook.store import RuleStore
from rulebook_build import coding, instrument, store_of

TEXT = instrument("a", "BRA, SGP", more='    signed: "2001-02"').replace("name: a", 'name: "Brazil - Singapore FTA"')
TEXT += instrument("b", "BRA, SGP", more='    signed: "2009"').replace("name: b", 'name: "Brazil - Singapore"')
TEXT += instrument("depa", "SGP", in_force="2021-01-07", more='    signed: "2020-06"')
TABLE = """\
taped_number,name,year,parties,data_prot_prov_2_1_1,data_free_flow_prov_2_2_1,data_flow_free_mov_outside2_3_1
17,Singapore - Brazil Free Trade Agreement,2001,BRA;SGP,2,0,1
18,Brazil - Singapore,,,3,,
19,DEPA,2020,SGP,NA,3,0
20,Somewhere Else,2001,,1,,
"""


def taken(store: RuleStore, text: str = TABLE):  # type: ignore[no-untyped-def]
    return import_taped(
        text.encode(),
        name="t.csv",
        instruments=store.instruments(),
        participations=store.participations(),
        columns=read_map(),
        coded_on="2026-01-01",
    )


def test_rows_that_match_for_certain_are_taken_and_the_others_are_listed() -> None:
    with store_of(TEXT) as store:
        found = taken(store)
        for name in {n for _, n in found.matched}:
            store.put_whole(name)
        assert store.add_codings(found.codings) == 3
        rows = {(c.unit, c.provision): (c.depth, c.method, c.licence) for c in store.codings()}
    assert found.matched == ((2, "a"), (4, "depa"))
    assert found.uncertain == ((3, "Brazil - Singapore", ("a", "b")), (5, "Somewhere Else", ()))
    licence = "CC BY-NC-SA 4.0"
    assert rows == {
        ("a/whole", "DF-PRIV"): (2, "import", licence),  # mixed: whether exceptions are listed is not known
        ("a/whole", "DF-FLOW"): (1, "import", licence),  # the deeper of two columns
        ("depa/whole", "DF-FLOW"): (2, "import", licence),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("what,x\n1,2\n", "no column of names"),
        ("name,x\na,2\n", "no column of the map"),
        (TABLE.replace("2,0,1", "7,0,1"), '"7" is not known'),
    ],
)
def test_tables_that_can_not_be_read_say_why(text: str, words: str) -> None:
    with store_of(TEXT) as store, pytest.raises(InputError, match=words):
        taken(store, text)


def test_a_map_names_the_provision_that_does_not_exist() -> None:
    text = "schema: concordat/taped-map@1\nvalues: {'0': none}\ncolumns:\n  - {column: x, provision: DF-FLOWS}\n"
    with pytest.raises(InputError, match="Did you mean") as told:
        read_map(text)
    assert told.value.where == "taped_map.yaml, line 4"


def filled() -> RuleStore:
    store = store_of(TEXT, {"a": [("1", "Each Party shall <let> data & more move."), ("2", "No spam.")]})
    store.add_codings([coding("a/1", "DF-FLOW", 2, flags={"exceptions": True}, probability=0.75)])
    found = taken(store)
    store.put_whole("a")
    store.add_codings(c for c in found.codings if c.unit == "a/whole")
    return store


def test_what_a_licence_forbids_stays_unless_asked_for() -> None:
    with filled() as store:
        plain, everything = to_csv(store), to_csv(store, everything=True)
        sheet = to_taped(store, ("a",))
    rows = list(csv.DictReader(io.StringIO(plain.text)))
    assert [(r["unit"], r["provision"], r["depth"], r["exceptions"], float(r["probability"])) for r in rows] == [
        ("a/1", "DF-FLOW", "2", "yes", 0.75)
    ]
    assert (plain.withheld, everything.withheld) == (2, 0)
    assert len(list(csv.DictReader(io.StringIO(everything.text)))) == 3
    row = next(csv.DictReader(io.StringIO(sheet.text)))
    assert (row["DF-FLOW"], row["DF-PRIV"], row["year"]) == ("hard", "none", "2001")


def test_metadata_names_every_column_of_the_table() -> None:
    with filled() as store:
        head = to_csv(store).text.split("\n")[0].split(",")
    assert [c["name"] for c in json.loads(csvw("codings.csv"))["tableSchema"]["columns"]] == head


def test_json_ld_holds_parties_with_their_marks() -> None:
    with filled() as store:
        made = json.loads(to_json_ld(store, ("a",)).text)
    node = made["@graph"][0]
    assert {p["party"]: p["mark"] for p in node["parties"]} == {"BRA": "verified", "SGP": "verified"}
    assert [c["unit"] for c in node["codings"]] == ["a/1"]


def test_akoma_ntoso_is_read_back_as_it_was() -> None:
    with filled() as store:
        text = to_akn(store, "a")
        before = [(u.number, " ".join(u.text.split())) for u in store.units("a", ("article",))]
    ElementTree.fromstring(text)  # well-formed
    again = parse(text.encode(), name="a.xml", id="a")
    assert [(u.number, " ".join(u.text.split())) for u in again.units if u.kind == "article"] == before


def test_imported_codings_outlive_a_new_text() -> None:
    from concordat.rulebook.model import ParsedInstrument
    from rulebook_build import unit

    with filled() as store:
        parsed = ParsedInstrument("a", "a", "en", (unit("a", "1", "Another text."),))
        store.put_text(parsed, b"new")
        assert {c.unit for c in store.codings("a")} == {"a/whole"}


def test_a_corrected_file_supersedes_what_was_imported() -> None:
    with filled() as store:
        steps = []
        for value in ("1", "3", "0", "0"):
            got = taken(store, TABLE.replace("BRA;SGP,2,0,1", f"BRA;SGP,{value},0,1"))
            for name in sorted({c.unit.split("/")[0] for c in got.codings}):
                store.put_whole(name)
            new = store.add_codings(got.beside(store.codings()))
            depth = {c.provision: c.depth for c in store.codings("a")}["DF-PRIV"]
            steps.append((new > 0, depth))
    assert steps == [(True, 1), (True, 2), (True, 0), (False, 0)]


def test_a_name_alone_is_not_certain() -> None:
    with filled() as store:
        got = taken(store, TABLE + "21,DEPA,,,3,,\n")
    assert [(row, who) for row, _, who in got.uncertain if row == 6] == [(6, ("depa",))]


TWO = """\
Chapter 1
Data

Article 1 Transfers
1. Each Party shall  allow transfers of information & data.
2. Save:
(a) to protect privacy;
(b) to tax <them>.

Article 2 Location
No Party shall ask for servers at home.

Annex A
Each Party shall list its exceptions here.
"""


def test_akoma_ntoso_of_ours_reads_as_the_units_it_was_made_from() -> None:
    parsed = parse(TWO.encode(), name="a.txt", id="a")
    with store_of(TEXT) as store:
        store.put_text(parsed, TWO.encode())
        text = to_akn(store, "a")
    again = parse(text.encode(), name="a.xml", id="a")

    def said(units):  # type: ignore[no-untyped-def]
        return [(u.id, u.kind, u.number, u.heading, u.text, u.parent, u.order, u.alternative_id) for u in units]

    assert said(again.units) == said(parsed.units)
    assert any(u.id == "a/1/2/b" for u in again.units)


def test_a_text_that_is_not_loaded_has_no_akoma_ntoso() -> None:
    with store_of(TEXT) as store, pytest.raises(InputError, match="not loaded"):
        to_akn(store, "depa")
