"""The ladder: always all rungs, with status and reason; rungs a and e from a user's files; inputs put together."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.accounts import digital_ladder, product_sets, read_inputs
from concordat.impact.accounts.deliverable import deliverable_services, parse_services_csv
from concordat.impact.accounts.ict_sector import ict_sector_account, parse_ict_csv
from concordat.impact.accounts.io_table import IOTable
from concordat.impact.accounts.rungs import RUNGS
from concordat.impact.mrio_table import MrioTable

ICT = (
    "# kind: ict_value_added\n# area: BRA\n# year: 2019\n# unit: BRL million\n# gdp: 1000\nisic4,value_added\n"
    + "".join(
        f"{code},5\n" for code in ("261", "2620", "263", "264", "268", "4651", "4652", "582", "611", "612", "613")
    )
    + "619,5\n62,5\n6311,2\n6312,3\n951,5\n"
)
SERVICES = """# kind: services_trade
# year: 2019
# unit: USD million
# gdp: 2000
item,exports,imports
S,200,400
SF,1,2
SG,2,3
SH,3,4
SI,4,5
SJ,80,100
SK,10,6
SD,100,280
"""
Z = np.array([[10.0, 20.0], [30.0, 10.0]])
TABLE = IOTable("BRA", ("a", "b"), Z, np.array([60.0, 70.0]), np.full(2, 100.0), 2019, digital=("b",))


def test_without_any_data_every_rung_says_why_and_what_to_load() -> None:
    ladder = digital_ladder("BRA")
    assert [rung.id for rung in ladder] == ["a", "b", "c", "d", "e"]
    for rung in ladder:
        assert rung.status == "not available"
        assert rung.figures == ()
        assert "no published figure of BRA" in rung.reason
        assert rung.needs
        assert rung.error is None


def test_four_answers_for_one_country_and_year_stand_side_by_side() -> None:
    ladder = {rung.id: rung for rung in digital_ladder("CHN", year=2018)}
    shares = {f.percent for rung in ladder.values() for f in rung.figures if f.percent is not None}
    assert shares == {7.14, 17.16, 32.58, 34.8}
    assert ladder["b"].status == "published"
    assert ladder["other"].figures[0].percent == 32.58
    assert "no published figure" in ladder["d"].reason


def test_a_year_without_figures_names_the_years_that_have_some() -> None:
    ladder = {rung.id: rung for rung in digital_ladder("CHN", year=2015)}
    assert ladder["c"].reason == "no figure of 2015; published for 2016, 2018, 2019, 2020, 2021"
    assert "other" not in ladder


def test_two_releases_of_one_year_are_both_given() -> None:
    satellite = next(rung for rung in digital_ladder("USA", year=2019) if rung.id == "d")
    assert sorted((f.percent, f.mark) for f in satellite.figures) == [(9.3, "verified"), (9.6, "unverified")]


def test_computed_and_published_stand_together() -> None:
    rung = digital_ladder("BRA", table=TABLE)[1]
    assert rung.status == "computed"
    figure = rung.figures[0]
    assert figure.percent == pytest.approx(100 * 79.6 / 130, rel=1e-12)
    assert (figure.status, figure.mark, figure.of) == ("computed", "user", "GDP")
    assert set(figure.parts) == {"direct", "backward", "forward", "double_count", "extraction"}


def test_what_a_program_gets_is_plain_rounded_and_complete() -> None:
    value = [rung.to_value() for rung in digital_ladder("BRA", table=TABLE)]
    assert json.loads(json.dumps(value)) == value
    assert value[1]["figures"][0]["percent"] == 61.23076923
    assert value[1]["figures"][0]["parts"]["forward"] == {"percent": 53.84615385, "amount": 70.0}
    assert value[0]["error"] is None
    assert value[1]["unverified"] == list(RUNGS[1].unverified)


def test_a_table_that_cannot_give_its_rung_leaves_the_error_on_it() -> None:
    rung = digital_ladder("BRA", table=replace(TABLE, flows="total"))[1]
    assert rung.status == "not available"
    assert rung.error is not None
    assert rung.error.code == "no_imports_matrix"
    assert "imports: proportional" in rung.reason
    assert rung.to_value()["error"]["exit_code"] == 4


def test_the_rule_for_imports_is_stamped_on_the_label() -> None:
    total = replace(TABLE, flows="total", treatment="", imports=np.array([10.0, 5.0]), exports=np.zeros(2))
    assert (
        digital_ladder("BRA", table=total, imports="proportional")[1].figures[0].label.endswith("imports: proportional")
    )


def test_data_of_another_year_leave_the_rung_empty_and_say_so() -> None:
    rung = digital_ladder("BRA", table=TABLE, year=2018)[1]
    assert rung.status == "not available"
    assert "are of 2019, and 2018 was asked for" in rung.reason


def test_without_a_set_the_rung_says_how_to_name_one() -> None:
    rung = digital_ladder("BRA", table=replace(TABLE, digital=()))[1]
    assert "--digital-set" in rung.reason


def test_what_was_asked_wrongly_is_raised() -> None:
    with pytest.raises(InputError, match="a table of BRA, asked for IND"):
        digital_ladder("IND", table=TABLE)
    with pytest.raises(InputError, match='Did you mean "wiod-wide"'):
        digital_ladder("BRA", table=TABLE, digital_set="wiod-wid")
    with pytest.raises(InputError, match="no industry c27"):
        digital_ladder("BRA", table=TABLE, digital_set="wiod-narrow")
    with pytest.raises(InputError, match="data of BRA, asked for IND"):
        digital_ladder("IND", ict=parse_ict_csv(ICT.encode(), area="BRA"))


def world() -> MrioTable:
    """Two economies of 35 industries: every industry sells 1 to every other, and 100 to its own households."""
    z = np.ones((70, 70))
    f = np.kron(np.eye(2), np.full((35, 1), 100.0))
    industries = tuple(f"c{n}" for n in range(1, 36))
    return MrioTable(
        ("BRA", "IND"), industries, ("f",), z, f, z.sum(1) + f.sum(1), "USD million", 2019, "0" * 64, "world"
    )


def test_a_world_table_gives_every_set_of_its_classification() -> None:
    figures = digital_ladder("IND", table=world())[1].figures
    sets = [f.label.split()[1] for f in figures if f.status == "computed"]
    assert sets == ["wiod-narrow", "wiod-medium", "wiod-wide"]
    assert figures[0].parts["direct"][1] == pytest.approx(100.0)


def test_an_economy_that_the_world_table_lacks_is_told_on_the_rung() -> None:
    rung = digital_ladder("ZAF", table=world())[1]
    assert "ZAF is not one of the 2 economies" in rung.reason
    assert rung.error is not None
    assert rung.error.code == "country"


def test_sets_of_ones_own_are_taken() -> None:
    own = replace(product_sets().get("us-core"), id="mine", codes=("a",))
    figures = digital_ladder("BRA", table=TABLE, digital_set=[own])[1].figures
    assert figures[0].label == "set mine (a)"
    assert figures[0].parts["direct"][1] == 60.0


# --- Rung a ---


def test_the_ict_sector_from_classes_and_their_parts() -> None:
    found = ict_sector_account(parse_ict_csv(ICT.encode(), area="BRA"))
    assert found.by_class["61"] == 20.0
    assert found.by_class["631"] == 5.0
    assert found.by_class["5820"] == 5.0
    assert found.value == 75.0
    assert found.percent == 7.5
    rung = digital_ladder("BRA", ict=parse_ict_csv(ICT.encode(), area="BRA"))[0]
    assert rung.status == "computed"
    assert rung.figures[0].mark == "secondary"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("613,5\n", "", r"no value added of 61, neither whole nor by all parts"),
        ("268,5\n", "", "no value added of 268"),
        ("268,5\n", "268,5\n268,5\n", "268 stands twice"),
        ("# gdp: 1000\n", "", "no GDP"),
        ("268,5", "268,", "Write 0 where there is none"),
        ("isic4", "isic", 'Did you mean "isic4"'),
    ],
)
def test_an_incomplete_ict_sector_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ict_sector_account(parse_ict_csv(ICT.replace(old, new).encode(), area="BRA"))


# --- Rung e ---


def test_deliverable_services_by_hand() -> None:
    found = deliverable_services(parse_services_csv(SERVICES.encode(), area="BRA"))
    assert (found.exports, found.imports) == (100.0, 120.0)
    assert (found.percent_exports, found.percent_imports) == (50.0, 30.0)
    figures = digital_ladder("BRA", services=parse_services_csv(SERVICES.encode(), area="BRA"))[4].figures
    assert [(f.percent, f.of, f.mark) for f in figures] == [
        (50.0, "exports of services", "unverified"), (30.0, "imports of services", "unverified"),
    ]  # fmt: skip
    assert figures[0].parts["of GDP"][0] == 5.0


def test_without_all_services_there_is_an_amount_and_no_share() -> None:
    text = SERVICES.replace("S,200,400\n", "")
    figure = digital_ladder("BRA", services=parse_services_csv(text.encode(), area="BRA"))[4].figures[0]
    assert (figure.percent, figure.amount) == (None, 100.0)
    assert "no share" in figure.notes[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SK,10,6\n", "", r"no trade in SK \(personal, cultural"),
        ("S,200,400", "S,99,400", "exports of the items are 100, more than all services"),
        ("SK,10,6", "SZ,10,6", '"SZ" is not a key I know'),
        ("SK,10,6", "SJ,10,6", "SJ stands twice"),
    ],
)
def test_incomplete_services_are_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        deliverable_services(parse_services_csv(SERVICES.replace(old, new).encode(), area="BRA"))


# --- Files put together ---


def test_files_are_put_together_by_what_they_are() -> None:
    inputs = read_inputs({"x.csv": ICT.encode(), "y.csv": SERVICES.encode()}, area="BRA", year=2019)
    assert inputs.ict is not None
    assert inputs.services is not None
    assert inputs.table is None
    assert [(name, kind) for name, kind, _ in inputs.files] == [
        ("x.csv", "ict_value_added"),
        ("y.csv", "services_trade"),
    ]


def test_files_that_do_not_go_together_are_refused() -> None:
    io_table = b"# kind: io_table\n# year: 2019\ndomestic,a,final\na,1,9\nimports,1\n"
    make = b"code,P,Total Industry Output\nA,1,1\n"
    for files, said in (
        ({"a": io_table, "b": make}, "several input-output tables"),
        ({"b": make}, "no use table"),
        ({"c": b"# kind: io_tabel\nx,y\n1,2\n"}, 'Did you mean "io_table"'),
        ({"a": io_table, "d": io_table}, "same kind"),
    ):
        with pytest.raises(InputError, match=said):
            read_inputs(files, area="BRA", year=2019)


def test_an_area_that_a_file_does_not_speak_of_is_refused() -> None:
    with pytest.raises(InputError, match="it is of BRA, not of IND"):
        read_inputs({"x.csv": ICT.encode()}, area="IND")
