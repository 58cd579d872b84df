"""The scorer of other people's tables: every wrong figure and malformed cell is named, and no other; any layout.

All tables here are made by hand after faults seen in published ones: averages that are not the mean of their row, lone
signs, dashes where a minus should be, blanks.
"""

from __future__ import annotations

import csv
import io
import random
from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council.review import foreign
from concordat.council.review._foreign_cells import read_cell, read_figure
from concordat.council.review.foreign import ForeignScores, score_table
from concordat.errors import InputError

MEMBERS = ("Argentina", "Brazil", "China", "India", "South Africa", "European Union")


def faults(found: ForeignScores) -> list[tuple[str, str, str]]:
    return [(m.row, m.column, m.fault) for m in found.malformed]


def wrong(found: ForeignScores) -> list[str]:
    return [line.name for line in found.wrong]


GOOD = """\
Commitment,Argentina,Brazil,China,India,Average
Macroeconomics: growth,+1,0,-1,+1,0.25
"Trade, investment",1,1,1,0,0.75
Climate change,0,N/A,+1,0,0.33
Health,-1,-1,0,-1,-0.75
Average,0.25,0.00,0.25,0.00,0.13
"""


def test_a_right_table_has_nothing_to_report() -> None:
    found = score_table(GOOD)
    assert found.wrong == found.doubtful == found.malformed == ()
    assert [line.mean for line in found.rows] == [Fraction(1, 4), Fraction(3, 4), Fraction(1, 3), Fraction(-3, 4)]
    assert [line.percent for line in found.rows][1] == Fraction(175, 2)
    assert [line.name for line in found.columns] == ["Argentina", "Brazil", "China", "India"]
    assert {line.verdict for line in found.lines} == {"agrees"}
    assert found.report() == "4 rows, 4 columns of codes.\nAll published figures agree."


def test_each_wrong_average_is_named_and_no_other() -> None:
    found = score_table(GOOD.replace("0.75\n", "0.57\n", 1).replace("0.00,0.25,0.00", "0.10,0.25,0.00"))
    assert wrong(found) == ["Trade, investment", "Brazil"]
    assert "line 3, Trade, investment: published average 0.57, mean of 4 codes 0.750: off by 0.180." in found.report()
    assert "column Brazil: published average 0.10, mean of 3 codes 0.000: off by 0.100." in found.report()


@pytest.mark.parametrize(
    ("average", "is_wrong"),
    [
        ("0.33", False), ("0.333", False), ("0.34", True), ("0.327", True), ("0.328", False), ("0.339", False),
        ("0.3", True), ("0.3394", True), (".33", False), ("+0.33", False), ("33", True),
    ],
)  # fmt: skip
def test_the_limit_is_six_thousandths(average: str, is_wrong: bool) -> None:
    found = score_table(f"c,A,B,C,Average\nx,0,0,1,{average}\ny,1,1,1,1\nz,0,0,0,0\n")
    assert wrong(found) == (["x"] if is_wrong else [])


@pytest.mark.parametrize(
    ("cell", "fault", "reading"),
    [
        ("+", "lone sign", 1), ("-", "lone sign", -1), ("–", "lone sign", -1), ("−", "lone sign", -1),
        ("–1", "dash for minus", -1), ("—1", "dash for minus", -1), ("−1", "dash for minus", -1),
        ("\u20111", "dash for minus", -1), ("- 1", "code with something beside it", -1),
        ("", "blank", None), ("   ", "blank", None), ("\u00a0", "blank", None),
        ("+1*", "code with something beside it", 1), ("0 [2]", "code with something beside it", 0),
        ("-0", "signed zero", 0), ("2", "not -1, 0 or +1", None), ("0.5", "not -1, 0 or +1", Fraction(1, 2)),
        ("yes", "not a code", None), ("+1+", "not a code", None), ("1 1", "not a code", None),
        ("50%", "not a code", None), ("O", "not a code", None), ("nan", "not a code", None),
        ("1e0", "not a code", None), ("--1", "not a code", None), ("١", "not a code", None),
    ],
)  # fmt: skip
def test_malformed_cells_are_flagged_with_a_reading_that_is_not_used(
    cell: str, fault: str, reading: int | Fraction | None
) -> None:
    found = score_table(f"c,A,B,C,D,Average\nx,1,0,1,{cell},0.67\ny,0,0,0,1,0.25\nz,1,1,1,-1,0.50\n")
    assert faults(found) == [("x", "D", fault)]
    assert found.malformed[0].reading == reading
    assert (found.malformed[0].line, found.malformed[0].text) == (2, cell.strip().replace("\u00a0", ""))
    assert found.rows[0].mean == Fraction(2, 3)  # of the three well-formed codes
    assert wrong(found) == []


@pytest.mark.parametrize("cell", ["+1", "1", "0", "-1", "1.0", "+1.00", "-1,0", " 0 ", "'+1", "\u00a0-1"])
def test_well_formed_codes(cell: str) -> None:
    assert read_cell(cell).fault == ""
    assert read_cell(cell).value in (-1, 0, 1)


@pytest.mark.parametrize("cell", ["N/A", "n/a", "NA", "n.a.", "N / A", "Not applicable"])
def test_what_does_not_apply_is_neither_a_code_nor_malformed(cell: str) -> None:
    found = score_table(f"c,A,B,Average\nx,1,{cell},1.00\ny,0,1,0.5\n")
    assert found.malformed == ()
    assert found.rows[0].codes == 1


def test_a_published_average_that_needs_a_reading_is_doubtful_not_wrong() -> None:
    found = score_table("c,A,B,C,D,Average\nx,1,0,1,–1,0.25\ny,1,1,1,+,1.00\nz,1,0,0,–1,0.90\n")
    assert [line.name for line in found.doubtful] == ["x"]
    assert found.doubtful[0].note == "D –1 as -1"
    assert wrong(found) == ["z"]
    assert [line.verdict for line in found.rows] == ["doubtful", "agrees", "off"]
    assert found.rows[0].mean == Fraction(2, 3)
    assert "it agrees only if malformed cells are read so: D –1 as -1" in found.report()


def test_a_lone_sign_read_as_a_code_makes_an_average_doubtful() -> None:
    found = score_table("c,A,B,C,D,Average\nx,0,0,0,+,0.25\ny,1,1,1,1,1.00\n")
    assert [line.verdict for line in found.rows] == ["doubtful", "agrees"]
    assert faults(found) == [("x", "D", "lone sign")]


def test_an_average_that_counts_blanks_as_zero_is_wrong_and_explained() -> None:
    found = score_table("c,A,B,C,D,Average\nx,1,1,,1,0.75\ny,1,1,N/A,1,0.75\nz,1,1,0,1,0.75\n")
    assert wrong(found) == ["x", "y"]
    assert found.rows[0].note == "it is the mean if blanks count as 0"
    assert found.rows[1].note == "it is the mean if N/A count as 0"


# --- Layouts ---

CODES = [[1, 0, -1, 1, 1, 0], [1, 1, 1, 1, 0, 1], [-1, 0, 0, 1, -1, 1], [0, 0, 1, 1, 1, -1]]
TOPICS = ["Macroeconomics", "Trade, investment", "Climate", "Health"]


def table(*, members_in: str, average: str, percents: bool = False, sep: str = ",", decimal: str = ".") -> str:
    """A right table of the codes above in some layout."""
    rows, names, labels = CODES, list(MEMBERS), list(TOPICS)
    if members_in == "rows":
        rows, names, labels = [list(c) for c in zip(*CODES, strict=True)], labels, names

    def figure(values: list[int], percent: bool = False) -> str:
        mean = sum(values) / len(values)
        return f"{50 * (mean + 1):.0f}%" if percent else f"{mean:.2f}".replace(".", decimal)

    out = io.StringIO()
    writer = csv.writer(out, delimiter=sep, lineterminator="\n")
    beside = "column" in average
    writer.writerow(["", *names, *(["Average"] if beside else []), *(["%"] if beside and percents else [])])
    for label, row in zip(labels, rows, strict=True):
        texts = [f"{v:+d}" if v else "0" for v in row]
        figures = [figure(row)] * beside + [figure(row, True)] * (beside and percents)
        writer.writerow([label, *texts, *figures])
    columns = [list(c) for c in zip(*rows, strict=True)]
    if "row" in average:
        writer.writerow(
            [
                "Average",
                *(figure(c) for c in columns),
                *[figure([v for row in rows for v in row])] * beside,
                *[""] * percents,
            ]
        )
        if percents:
            writer.writerow(["Percent", *(figure(c, True) for c in columns), *[""] * (2 * beside)])
    return out.getvalue()


@pytest.mark.parametrize("members_in", ["columns", "rows"])
@pytest.mark.parametrize("average", ["column", "row", "row and column"])
@pytest.mark.parametrize("percents", [False, True])
@pytest.mark.parametrize(("sep", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("|", ".")])
def test_any_layout_is_read(members_in: str, average: str, percents: bool, sep: str, decimal: str) -> None:
    text = table(members_in=members_in, average=average, percents=percents, sep=sep, decimal=decimal)
    found = score_table(text)
    assert (len(found.rows), len(found.columns)) == ((4, 6) if members_in == "columns" else (6, 4))
    assert found.wrong == found.malformed == found.doubtful == ()
    checked = found.rows if "column" in average else found.columns
    assert {line.verdict for line in checked} == {"agrees"}
    assert {line.percent_verdict for line in checked} == {"agrees" if percents else "not checked"}
    for line in found.rows:
        assert line.name in (TOPICS if members_in == "columns" else MEMBERS)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "\ufeff" + t,
        lambda t: ("\ufeff" + t).encode("utf-8"),
        lambda t: t.encode("utf-16"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "sep=,\n" + t,
        lambda t: "Final compliance scores\n\nSource: a research group\n" + t,
        lambda t: "Table 1,,,,,,,\n,,,,,,,\n" + t,
        lambda t: t.replace("\n", ",,\n"),
        lambda t: t + ",,,,,,,\n\nNote: codes by two coders\n",
        lambda t: t.replace("Climate", "Environment,,,,,,,\nClimate"),
        lambda t: t.replace("Climate", t.splitlines()[0] + "\nClimate"),
        lambda t: "\n".join(",".join(f'"{cell}"' for cell in row) for row in csv.reader(io.StringIO(t))),
        lambda t: "\n".join(f"{n or 'No.'},{line}" for n, line in enumerate(t.splitlines())),
        lambda t: "\n".join(f"{n or ''},{line}" for n, line in enumerate(t.splitlines())),
        lambda t: "\n".join(f"{line},{n or 'Rank'}" for n, line in enumerate(t.splitlines())),
        lambda t: "\n".join(f"{line},{'Notes' if not n else 'see annex' if n == 2 else ''}"
                            for n, line in enumerate(t.splitlines())),
        lambda t: t.replace("Average", "Commitment average"),
        lambda t: t.replace("Average", "AVERAGE SCORE"),
        lambda t: t.replace("Average", "2023 Avg."),
        lambda t: t.replace("Average", "Final score"),
        lambda t: t.replace("Average", "Mean"),
        lambda t: t.replace("Average", ""),
        lambda t: t.replace("European Union,", "European Union,,").replace(",0.", ",,0."),
    ],
)  # fmt: skip
def test_what_stands_around_the_codes_does_no_harm(change: object) -> None:
    text = change(table(members_in="columns", average="column"))  # type: ignore[operator]
    found = score_table(text)
    assert [line.mean for line in found.rows] == [Fraction(sum(r), 6) for r in CODES]
    assert {line.verdict for line in found.rows} == {"agrees"}
    assert found.wrong == found.malformed == ()
    assert [line.name for line in found.columns] == list(MEMBERS)


def test_other_summaries_are_named_as_not_checked() -> None:
    text = "c,A,B,Average,Rank\nx,1,0,0.5,2\ny,1,1,1,1\nTotal,2,1,,\nStandard deviation,0,0.5,,\n"
    assert score_table(text).notes == ("not checked: Rank.", "not checked: Total.", "not checked: Standard deviation.")


def test_averages_may_stand_before_the_codes() -> None:
    found = score_table("Commitment,Average,Percent,A,B\nx,0.50,75%,1,0\ny,0.90,100%,1,1\nz,0.00,50%,-1,1\n")
    assert [line.name for line in found.rows] == ["x", "y", "z"]
    assert [(line.verdict, line.percent_verdict) for line in found.rows] == [
        ("agrees", "agrees"), ("off", "agrees"), ("agrees", "agrees"),
    ]  # fmt: skip


def test_a_legend_and_a_second_table_below_are_no_rows() -> None:
    text = (
        "+1,full compliance\n0,work in progress\n-1,no compliance\n\nc,A,B,Average\nx,1,0,0.50\ny,1,1,1.00\n"
        "Interim,A,B,Average score\nx,0,0,0.00\nNote: -1 is a failure, 0 is work, +1 is full\n"
    )
    found = score_table(text)
    assert [(line.name, line.line, line.verdict) for line in found.rows] == [
        ("x", 6, "agrees"), ("y", 7, "agrees"), ("x", 9, "agrees"),
    ]  # fmt: skip
    assert found.malformed == ()


def test_percentages_under_no_name_stand_beside_the_average() -> None:
    found = score_table("c,A,B,C,Average,\nx,1,0,0,+0.33,67%\ny,1,1,1,+1.00,90%\nAverage,1.00,0.50,0.50,+0.67,83%\n")
    assert [line.percent_verdict for line in found.rows] == ["agrees", "off"]
    assert wrong(found) == ["y"]


def test_flags_of_0_and_1_beside_the_members_are_no_codes() -> None:
    text = (
        "Year,ID,Issue,Binding,Deadline,Argentina,Brazil,Chinese Taipei,India,European Union,AU,Average,Funded\n"
        "2023,23-1,Trade,1,0,1,0,-1,1,0,-1,0.00,1\n2023,23-2,Health,0,1,1,1,1,,1,1,1.00,0\n2023,23-3,Tax,1,1,0,0,0,0,1,1,0.5,1\n"
    )
    found = score_table(text)
    assert [line.name for line in found.columns] == [
        "Argentina", "Brazil", "Chinese Taipei", "India", "European Union", "AU",
    ]  # fmt: skip
    assert [line.name for line in found.rows] == ["2023 23-1 Trade", "2023 23-2 Health", "2023 23-3 Tax"]
    assert wrong(found) == ["2023 23-3 Tax"]
    assert faults(found) == [("2023 23-2 Health", "India", "blank")]
    assert found.notes == ("not checked: Funded.",)


def test_averages_within_groups_are_left_out_and_the_last_is_checked() -> None:
    text = "c,A,B,G7 average,C,D,Average\nx,1,1,1.00,0,0,0.50\ny,0,1,0.50,1,1,0.75\nz,-1,0,-0.50,1,0,0.10\n"
    found = score_table(text)
    assert [line.name for line in found.columns] == ["A", "B", "C", "D"]
    assert wrong(found) == ["z"]
    assert "not checked: G7 average." in found.notes


def test_commitments_whose_names_speak_of_averages_are_rows_all_the_same() -> None:
    text = (
        "c,A,B,Average\nMean years of schooling,1,0,0.50\nAverage tariff on goods,1,1,1.00\nScore for skills,0,1,0.5\n"
    )
    found = score_table(text)
    assert [line.name for line in found.rows] == [
        "Mean years of schooling", "Average tariff on goods", "Score for skills",
    ]  # fmt: skip
    assert found.wrong == ()


def test_percentages_are_checked_against_the_mean_or_the_published_average() -> None:
    head = "c,A,B,C,Average,Percent\n"
    assert wrong(score_table(head + "x,1,0,0,0.33,67%\ny,1,1,1,1.00,100\nz,0,0,0,0,50\n")) == []
    assert wrong(score_table(head + "x,1,0,0,0.33,69%\ny,1,1,1,1.00,100%\n")) == ["x"]
    assert wrong(score_table(head + "x,1,0,0,0.33,66.5\ny,1,1,1,1.00,100.0\n")) == []  # from 0.33, not from 1/3
    shares = score_table("c,A,B,C,Percent\nx,1,0,0,0.667\ny,1,1,1,1\nz,-1,-1,0,0.25\n")
    assert wrong(shares) == ["z"]  # 0.167
    assert shares.rows[2].published_percent == 25
    only = score_table("c,A,B,C,Average\nx,1,0,0,67%\ny,1,1,1,90%\n")
    assert [line.percent_verdict for line in only.rows] == ["agrees", "off"]
    assert "published percentage 90%, computed 100.0 %." in only.report()
    read = score_table("c,A,B,Percent\nx,1,–1,50%\ny,,,50%\n")
    assert [line.percent_verdict for line in read.rows] == ["doubtful", "off"]
    assert "published percentage 50%, computed 100.0 %: it agrees only if malformed cells are read so: B –1 as -1." in (
        read.report()
    )
    assert "y: published percentage 50%, no codes." in read.report()


def test_the_corner_may_be_any_of_the_means_that_people_take() -> None:
    head = "c,A,B,Average\nx,1,N/A,1.00\ny,0,0,0.00\nz,-1,-1,-1.00\n"
    for corner in ("-0.20", "0.00", "-0.25"):  # of all codes; of row means; of column means
        assert wrong(score_table(head + f"Average,0.00,-0.50,{corner}\n")) == []
    found = score_table(head + "Average,0.00,-0.50,0.80\n")
    assert [line.axis for line in found.wrong] == ["all"]


def test_malformed_figures_are_flagged_and_not_taken_as_right() -> None:
    found = score_table("c,A,B,Average\nx,-1,0,–0.50\ny,1,0,\nz,1,1,good\nw,1,0,-\n")
    assert faults(found) == [
        ("x", "Average", "dash for minus"), ("y", "Average", "blank"), ("z", "Average", "not a number"),
        ("w", "Average", "lone sign"),
    ]  # fmt: skip
    assert [line.verdict for line in found.rows] == ["agrees", "not checked", "not checked", "not checked"]
    assert read_figure("0.65").half_unit == Fraction(1, 200)


def test_a_row_without_any_code_but_with_an_average_is_off() -> None:
    found = score_table("c,A,B,Average\ny,1,1,1.00\nx,,,0.5\n")
    assert wrong(found) == ["x"]
    assert faults(found) == [("x", "A", "blank"), ("x", "B", "blank")]
    assert found.rows[1].mean is None
    assert "x: published average 0.5, no codes" in found.report()


def test_short_rows_have_blanks_and_a_member_nobody_assessed_is_blank_throughout() -> None:
    found = score_table("c,A,B,C,D\nx,1,0,,1\ny,0,1\nz,1,1,,0\n")
    assert [f[:2] for f in faults(found)] == [("x", "C"), ("y", "C"), ("y", "D"), ("z", "C")]
    assert found.report().splitlines()[1] == "No average was published."


def test_the_result_is_plain_data() -> None:
    made = score_table("c,A,B,Average\nx,1,–1,0.9\n").as_dict()
    canonical.dumps(made)
    assert made["lines"][0] == {
        "axis": "row", "name": "x", "line": 2, "mean": "1/1", "codes": 1, "published": "0.9", "verdict": "off",
        "published_percent": "", "percent_verdict": "not checked", "note": "",
    }  # fmt: skip
    assert made["malformed"][0]["reading"] == "-1/1"


def test_names_that_stand_twice_keep_their_lines() -> None:
    found = score_table("c,A,B,Average\nx,1,0,0.9\nx,1,1,0.9\n")
    assert [(line.name, line.line) for line in found.wrong] == [("x", 2), ("x", 3)]


def test_bytes_that_are_not_utf8_are_read_and_it_is_said() -> None:
    text = "c,Côte d’Ivoire,B,Average\nx,–1,0,-1.00\ny,1,1,1.00\n".encode("cp1252")
    found = score_table(text)
    assert found.columns[0].name == "Côte d’Ivoire"
    assert faults(found) == [("x", "Côte d’Ivoire", "dash for minus")]
    assert found.notes == ("not UTF-8: read as Windows-1252",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table"),
        ("\n\n", "no table"),
        ("only words\n", "no table"),
        ("a,b,c\nd,e,f\n", "no codes"),
        ("c,GDP,Population\nx,2.5,300\n", "no codes"),
        ('c,A,B\n"x,1,0\ny,1,1\n', "line 2: not CSV"),
        ("c,A\0,B\nx,1,0\n", "zero byte"),
        (b"\xff\xfe\x00", "not UTF-16"),
    ],
)
def test_what_is_no_table_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        score_table(text)


def test_a_table_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concordat.council.review._foreign_layout.BYTES_MAX", 20)
    with pytest.raises(InputError, match="over 20 bytes"):
        score_table(GOOD)
    monkeypatch.setattr("concordat.council.review._foreign_layout.BYTES_MAX", 10_000)
    monkeypatch.setattr("concordat.council.review._foreign_layout.CELLS_MAX", 5)
    with pytest.raises(InputError, match="over 5 cells"):
        score_table(GOOD)


@pytest.mark.parametrize("members_in", ["columns", "rows"])
def test_thrown_in_faults_are_all_found_and_nothing_else(members_in: str) -> None:
    """200 tables of 20 by 40 with faults put in at random: the list of faults is known beforehand."""
    rng = random.Random(2026)
    bad = {"+": "lone sign", "-": "lone sign", "–1": "dash for minus", "−1": "dash for minus", "": "blank"}
    for _ in range(100):
        width, height = (20, 30) if members_in == "columns" else (30, 20)
        rows = [[rng.choice([-1, 0, 1, 1]) for _ in range(width)] for _ in range(height)]
        expected, broken, lines = [], [], ["," + ",".join(f"M{n}" for n in range(width)) + ",Average"]
        for r, row in enumerate(rows):
            texts = [rng.choice([f"{v:+d}" if v else "0", str(v)]) for v in row]
            average = sum(row) / width
            if rng.random() < 0.15:
                n = rng.randrange(width)
                texts[n] = rng.choice(sorted(bad))
                expected.append((f"C{r}", f"M{n}", bad[texts[n]]))
                average = sum(row[:n] + row[n + 1 :]) / (width - 1)
            if rng.random() < 0.15:
                average += rng.choice([-0.05, 0.02, 0.3])
                broken.append(f"C{r}")
            lines.append(f"C{r}," + ",".join(texts) + f",{average:.2f}")
        found = score_table("\n".join(lines))
        assert faults(found) == expected
        assert [line.name for line in found.wrong] + [line.name for line in found.doubtful] == broken or (
            set(wrong(found)) | {line.name for line in found.doubtful} == set(broken)
        )


def test_the_limits_are_those_of_the_specification() -> None:
    assert float(foreign.TOLERANCE) == 0.006
