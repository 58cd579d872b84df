"""Panels and named specifications: what is read, what is refused, what a result says of itself."""

from __future__ import annotations

import gzip
import itertools
import sys

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.estimation import FORMULAS, NO_HOME, NOT_CORRECTED, estimate
from concordat.impact.estimation_panel import parse_trade_panel
from concordat.impact.estimation_records import parameter_book, parameter_text

CODES = ("ARG", "BRA", "CHN", "IND", "ZAF")
YEARS = (1998, 2000, 2002, 2006)
HEAD = "exporter,importer,year,trade,dist,cntg,lang,clny,rta"


def rows(seed: int = 1) -> list[str]:
    """A panel of five economies and four years."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for (a, i), (b, j), year in itertools.product(enumerate(CODES), enumerate(CODES), YEARS):
        dist = 100 + 900 * abs(a - b) + 37 * (a + b)
        rta = int(i != j and {i, j} <= {"ARG", "BRA", "CHN"} and year >= 2000 + (a + b) % 3)
        flow = rng.gamma(2.0) * (50 if i == j else 5) * np.exp(0.5 * rta) * (1 + a) * (2 + b)
        words = [
            i,
            j,
            year,
            f"{flow:.4f}",
            dist,
            int(abs(a - b) == 1),
            int((a * b) % 3 == 1),
            int((a + b) % 4 == 1),
            rta,
        ]
        found.append(",".join(map(str, words)))
    return found


def data(lines: list[str] | None = None, head: str = HEAD) -> bytes:
    return "\n".join([head, *(rows() if lines is None else lines)]).encode()


@pytest.mark.parametrize("name", FORMULAS)
def test_each_formula_takes_its_sample(name: str) -> None:
    found = estimate(parse_trade_panel(data(), where="p.csv"), name)
    formula = FORMULAS[name]
    assert found.years == {"latest": (2006,), "every_fourth": (1998, 2002, 2006), "all": YEARS}[formula.years]
    assert found.rows + len(found.dropped) == len(found.years) * (25 if formula.domestic else 20)
    assert (NOT_CORRECTED in found.notes) == formula.three_way
    assert found.covariance.shape == (len(formula.regressors),) * 2
    low, high = found.interval().T
    assert (low < found.values).all()
    assert (found.values < high).all()
    assert found.economies == 5


def test_years_of_ones_own() -> None:
    panel = parse_trade_panel(data())
    assert estimate(panel, "rta_all_years", years=[2006, 1998, 2000]).years == (1998, 2000, 2006)
    with pytest.raises(InputError, match=r"no rows of 1999\. It has 1998, 2000"):
        estimate(panel, "rta_all_years", years=[1999])
    with pytest.raises(InputError, match="no year was named"):
        estimate(panel, "rta_all_years", years=[])


def test_small_sample_factors() -> None:
    """5 economies, 4 years, 15 pairs: K = 1 + 20 + 20 - 1, for pair effects are nested in pairs."""
    panel = parse_trade_panel(data())
    both = estimate(panel, "rta_all_years")
    plain = estimate(panel, "rta_all_years", factor="clusters")
    assert (both.rows, both.clusters) == (100, 15)
    assert both.covariance[0, 0] / plain.covariance[0, 0] == pytest.approx(99 / (100 - 40))
    assert "K = 40" in both.covariance_of
    robust = estimate(panel, "rta_all_years", covariance="robust")
    assert robust.clusters is None
    assert "not clustered" in robust.covariance_of


def test_pairs_are_unordered_and_the_file_s_own_pair_column_is_left_out() -> None:
    lines = [f"{row},{n}" for n, row in enumerate(rows())]
    found = estimate(parse_trade_panel(data(lines, HEAD + ",pair_id")), "rta_all_years")
    assert found.clusters == 15


def test_a_gzipped_file_is_the_same_panel_with_the_hash_of_its_own_bytes() -> None:
    plain, packed = parse_trade_panel(data()), parse_trade_panel(gzip.compress(data(), mtime=0))
    assert (plain.trade == packed.trade).all()
    assert plain.sha256 != packed.sha256


def test_former_codes_and_countries_that_are_no_more() -> None:
    lines = [row.replace("ZAF", "ROM").replace("IND", "SUN") for row in rows()]
    panel = parse_trade_panel(data(lines))
    assert panel.economies == ("ARG", "BRA", "CHN", "ROU", "SUN")
    assert panel.notes == ("ROM read as ROU",)


def test_a_panel_without_deliveries_at_home() -> None:
    panel = parse_trade_panel(data([row for row in rows() if row[:3] != row[4:7]]))
    assert NO_HOME in estimate(panel, "rta_all_years").notes
    with pytest.raises(InputError, match=r"no row is a delivery at home\. Add deliveries at home"):
        estimate(panel, "border_cross_section")


def _changed(line: int, cell: int, text: str) -> list[str]:
    lines = rows()
    words = lines[line - 2].split(",")
    words[cell] = text
    lines[line - 2] = ",".join(words)
    return lines


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (_changed(9, 3, "-1.5"), r"p\.csv, line 9: trade is negative\."),
        (_changed(9, 3, ""), r"p\.csv, line 9: trade is blank\. Give it: 0 where there was none"),
        (_changed(9, 8, "NA"), r"p\.csv, line 9: rta is blank"),
    ],
)
def test_rows_that_the_formula_cant_use_are_refused_with_their_lines(lines: list[str], said: str) -> None:
    panel = parse_trade_panel(data(lines), where="p.csv")
    with pytest.raises(InputError, match=said):
        estimate(panel, "rta_all_years")


def test_only_what_the_formula_needs_is_checked() -> None:
    assert estimate(parse_trade_panel(data(_changed(9, 4, ""))), "rta_all_years").rows == 100  # a distance
    with pytest.raises(InputError, match="line 9: dist is not above 0"):
        estimate(parse_trade_panel(data(_changed(9, 4, "0"))), "border_cross_section", years=[2006, 1998, 2000, 2002])
    without = [",".join(row.split(",")[:4]) for row in rows()]
    panel = parse_trade_panel(data(without, "exporter,importer,year,trade"), where="p.csv")
    with pytest.raises(InputError, match='no column "rta", which the formula needs'):
        estimate(panel, "rta_all_years")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (_changed(9, 0, "BRZ"), r'p\.csv, line 9: "BRZ" is no economy I know\. Did you mean'),
        (_changed(9, 3, "many"), r'p\.csv, line 9: trade "many" is no number'),
        (_changed(9, 3, "1_000"), r'p\.csv, line 9: trade "1_000" is no number'),
        (_changed(9, 3, "inf"), r'p\.csv, line 9: trade "inf" is no number'),
        (_changed(9, 2, "2006.5"), r"p\.csv, line 9: year is blank or no whole number"),
        ([*rows(), rows()[7]], r"p\.csv, line 102: the same exporter, importer and year again"),
        ([*rows(), "ARG,BRA"], r"p\.csv, line 102: not 9 cells"),
        ([], r"p\.csv: no rows below the head"),
    ],
)
def test_files_that_cant_be(lines: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_trade_panel(data(lines), where="p.csv")


def test_heads_that_cant_be() -> None:
    with pytest.raises(InputError, match=r'no column "trade"\. Is it "trades"\? Rename it'):
        parse_trade_panel(data(head=HEAD.replace("trade", "trades")))
    with pytest.raises(InputError, match='two columns "rta"'):
        parse_trade_panel(data(head=HEAD.replace("clny", "rta")))
    with pytest.raises(InputError, match="byte 0 is not UTF-8"):
        parse_trade_panel(b"\xff\xfe")


def test_an_unknown_formula_suggests_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r'"rta_every_forth_year" is not a formula I know\. Did you mean "rta_every_four'
    ):
        estimate(parse_trade_panel(data()), "rta_every_forth_year")


def test_without_pyfixest_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyfixest", None)
    with pytest.raises(MethodError, match=r"needs the extra \[gravity\].*pip install 'concordat\[gravity\]'"):
        estimate(parse_trade_panel(data()), "rta_all_years", engine="pyfixest")
    assert estimate(parse_trade_panel(data()), "rta_all_years").engine == "own"


def test_records_say_where_they_come_from_and_read_back() -> None:
    found = estimate(parse_trade_panel(data(), where="p.csv"), "rta_all_years")
    text = parameter_text(found, covers=["goods"])
    assert NOT_CORRECTED in text
    record = parameter_book(found)["rta_all_years_rta"]
    assert record.value == found.values[0]
    assert record.distribution is not None
    assert record.distribution.sd == found.standard_errors[0]
    assert (record.quantity, record.grade, record.scope, record.year) == ("flow_effect_log", "C", "pair", 2006)
    assert record.associational
    assert record.source is not None
    assert record.source.url_or_doi == f"sha256:{found.sha256}"


def test_one_pair_alone_has_no_clusters() -> None:
    lines = [f"ARG,BRA,{y},{f},500,1,1,0,{r}" for y, f, r in ((1990, 5, 0), (1994, 6, 0), (1998, 9, 1), (2002, 12, 1))]
    with pytest.raises(MethodError):
        estimate(parse_trade_panel(data(lines)), "rta_all_years")
