"""An invented but realistic report: ten members, twelve indicators, names in five scripts, and every kind of trouble.

Missing and censored values, old ones, conflicts, text that looks like markup or like a spreadsheet formula. All numbers
are made by a fixed rule; none is a fact about a country.
"""

from __future__ import annotations

from concordat import canonical
from concordat.figures.dots import DotRow, Rule, dot_plot
from concordat.figures.heat import HeatCell, heat_table_spec
from concordat.figures.numbers import format_num
from concordat.figures.tiles import Tile, tile_map
from concordat.report.chapter import (
    Cell,
    Chapter,
    Cite,
    Code,
    Column,
    Figure,
    Headline,
    Missing,
    Note,
    Num,
    Paragraph,
    Report,
    Row,
    Source,
    Table,
)

MEMBERS = {
    "ARE": "United Arab Emirates", "BRA": "Brasil · Brazil", "CHN": "中国 China", "EGY": "مصر Egypt", "ETH": "Ethiopia",
    "IDN": "Indonesia", "IND": "भारत India", "IRN": "Iran", "RUS": "Россия Russia", "ZAF": "South Africa",
}  # fmt: skip
INDICATORS = {
    "internet_users_pct": ("People using the Internet", "percent"),
    "fixed_broadband_per_100": ("Fixed broadband subscriptions", "per_100"),
    "fixed_broadband_subscriptions": ("Fixed broadband subscriptions", "count"),
    "mobile_subscriptions_per_100": ("Mobile subscriptions", "per_100"),
    "mobile_subscriptions": ("Mobile subscriptions", "count"),
    "fixed_lines_per_100": ("Fixed telephone lines", "per_100"),
    "electricity_access_pct": ("Access to electricity", "percent"),
    "electricity_consumption_kwh": ("Electricity consumption", "kwh"),
    "gdp_ppp_intl_2021": ("GDP at purchasing power parity", "intl_usd_2021"),
    "gdp_current_usd": ("GDP at official exchange rates", "usd_current"),
    "education_expenditure_pct_gdp": ("Public spending on education, share of GDP", "percent"),
    "gini_index": ("Gini index of family income", "index_0_100"),
}
TILES = {
    "BRA": (3, 7), "RUS": (9, 1), "IND": (9, 4), "CHN": (10, 3), "ZAF": (6, 8), "EGY": (6, 4), "ETH": (7, 5),
    "IRN": (8, 3), "ARE": (8, 4), "IDN": (11, 6), "SAU": (7, 4), "KEN": (7, 6), "NGA": (5, 5), "MEX": (1, 4),
    "ARG": (3, 8), "USA": (1, 3), "FRA": (4, 2), "TUR": (7, 3),
}  # fmt: skip
INTERNET = {
    "ARE": 100.0, "BRA": 84.0, "CHN": 78.0, "EGY": 73.0, "ETH": 17.0, "IDN": 69.0, "IND": 56.0, "IRN": 80.0,
    "RUS": 92.0, "ZAF": 76.0,
}  # fmt: skip
SCALE = {"percent": 60.0, "per_100": 70.0, "count": 9.1e7, "kwh": 4.3e11, "index_0_100": 31.0}


def record(*what: str) -> str:
    """An id for an invented record."""
    return canonical.digest(list(what))[:32]


def value_of(area: str, indicator: str) -> float:
    """An invented value: fixed by the two names."""
    if indicator == "internet_users_pct":
        return INTERNET[area]
    share = int(canonical.digest([area, indicator])[:6], 16) / 0xFFFFFF
    unit = INDICATORS[indicator][1]
    size = SCALE.get(unit, 2.4e12) * (0.15 + share)
    return float(round(size)) if unit in ("per_100", "index_0_100") else round(size, 1 if size < 1e3 else 0)


def cell_of(area: str, indicator: str) -> Cell:
    """A member's cell: mostly a number; some are missing, censored, stale or in conflict."""
    key = record(area, indicator)
    if (area, indicator) in (("ZAF", "gini_index"), ("IRN", "gdp_current_usd")):
        return Cell(text="not published by the source")
    if (area, indicator) == ("ETH", "fixed_broadband_per_100"):
        main = Num(None, 0, 1, "per_100", key, ("censored",))
    else:
        marks = {"EGY": ("stale",), "CHN": ("conflict",), "IDN": ("estimate",)}.get(area, ())
        main = Num(value_of(area, indicator), unit=INDICATORS[indicator][1], id=key, marks=marks)
    year = Num(2016 if area == "EGY" else 2023, unit="year", id=key, part="year")
    place = int(key[:2], 16) % 8 + 1
    rank = Num(None, place, place + (area in ("BRA", "IND")), "rank", record("rank", area, indicator))
    return Cell(main, year=year, rank=rank, source="itu" if indicator == "gini_index" else "cia_factbook")


def topic_table(name: str, title: str, indicators: list[str], *, on_page: bool = True) -> Table:
    columns = tuple(Column(i, *INDICATORS[i]) for i in indicators)
    rows = [Row(a, MEMBERS[a], tuple(cell_of(a, i) for i in indicators), "member") for a in MEMBERS]
    for kind, title_, row_id in (("bloc", "BRICS (10), weighted", "BRICS"), ("world", "World", "WLD")):
        cells = []
        for i in indicators:
            key = record(row_id, i)
            mean = sum(value_of(a, i) for a in MEMBERS) / len(MEMBERS)
            if i == "gdp_current_usd":
                cells.append(Cell(text="not shown: 4 of 10 members, 21% of people"))
                continue
            main = Num(mean, mean * 0.99, mean * 1.02, INDICATORS[i][1], key)
            cells.append(Cell(main, text="10 of 10 members", source="cia_factbook"))
        rows.append(Row(row_id, title_, tuple(cells), kind))  # type: ignore[arg-type]
    note = ("Weights are the population of each value's year, from ", Cite("cia_factbook"), ".")
    return Table(name, title, "Member", columns, tuple(rows), (note,), on_page)


def internet_figure(table: Table) -> Figure:
    rows = []
    for area in sorted(INTERNET, key=lambda a: -INTERNET[a]):
        num = Num(INTERNET[area], unit="percent", id=record(area, "internet_users_pct"))
        upper = 90.6 if area == "CHN" else INTERNET[area] + 0.5
        rows.append(DotRow(MEMBERS[area], num.value, INTERNET[area] - 0.5, upper, format_num(num), num.id))
    rows.append(DotRow("Saudi Arabia (invited)", 99.0, 98.5, 99.5, "99%", record("SAU"), kind="invited"))
    rows.append(DotRow("Kenya", None, 0, 35, "< 35%", record("KEN"), "upper"))
    rules = (
        Rule("BRICS, weighted", 68.13, "68.1%", record("BRICS", "internet_users_pct")),
        Rule("World", 66.2, "66.2%", record("WLD", "internet_users_pct")),
    )
    spec = dot_plot(rows, unit="percent", rules=rules, bounds=(0, 100))
    alt = "Dot plot of internet use by member, from 100% in the United Arab Emirates to 17% in Ethiopia. BRICS: 68.1%."
    caption = ("Bars behind the dots: what rounding and conflicting sources leave open.",)
    return Figure("internet-dots", "People using the Internet, % of population", spec, table, alt, caption)


def heat_figure(table: Table) -> Figure:
    cells = []
    for i, (title, _) in INDICATORS.items():
        for a in MEMBERS:
            key = record("rank", a, i)
            place = int(key[:2], 16) % 10 + 1
            if a == "ZAF" and i == "gini_index":
                cells.append(HeatCell(title, a, None, "·"))
            else:
                cells.append(HeatCell(title, a, (10 - place) // 2, str(place), key, "lower"))
    spec = heat_table_spec(cells, low="behind", high="ahead", title="Best possible rank among the members")
    return Figure("heat", "Best rank of each member on each indicator", spec, table, "Heat table of ranks.")


def tile_figure(table: Table) -> Figure:
    tiles = [Tile(a, int(v // 20.1), f"{v:.0f}", record(a, "internet_users_pct")) for a, v in sorted(INTERNET.items())]
    words = ("under 20%", "20–40%", "40–60%", "60–80%", "over 80%")
    spec = tile_map(tiles, TILES, words=words)
    return Figure(
        "tiles", "Internet use, a tile of equal size for each member", spec, table, "Tile map of internet use."
    )


def sample_report() -> Report:
    """The whole report."""
    connectivity = topic_table("connectivity", "Connectivity", list(INDICATORS)[:8])
    economy = topic_table("economy", "Energy, economy, inclusion", list(INDICATORS)[6:])
    long = topic_table("all", "Every indicator", list(INDICATORS), on_page=False)
    small = Table(
        "divide",
        "The divide between members",
        "Measure",
        (Column("internet_users_pct", "People using the Internet"), Column("gini", "Where from")),
        (
            Row("gini_weighted", "Gini, weighted", (
                Cell(Num(0.10897, 0.105, 0.113, "ratio", record("g"))), Cell(text="=SUM(A1:A9)"))),
            Row("gap", "Gap, points", (
                Cell(Num(83, unit="points", id=record("gap"))), Cell(text="<b>#1</b> & $x_1$ *_@a"))),
            Row("without", "People without", (
                Cell(Num(1_232_300_000.0, unit="count", id=record("w"))), Cell(text="study.yaml", code=True))),
            Row("change", "Change", (Cell(Num(-0.25, unit="points", id=record("c"))), Cell(text="-1+2"))),
        ),
    )  # fmt: skip
    lead = internet_figure(connectivity)
    members = Num(10, unit="count", id=record("n"))
    standing = Chapter(
        "standing",
        "Where the members stand",
        (
            Paragraph(("The ten members are compared on ", members, " figures ", Cite("cia_factbook"), ".")),
            lead,
            connectivity,
            tile_figure(connectivity),
            economy,
            heat_figure(long),
            long,
            Note(("No source is loaded for prices. Run ", Code("concordat evidence pull worldbank"), "."), "warning"),
        ),
        (Headline(1, ("one",)),),
        ("cia_factbook", "itu"),
    )
    bars = Figure(
        "gap", "The gap, by measure", dot_plot([DotRow("Gap", 83, None, None, "83", record("gap"))], unit="points"),
        small, "The gap between the first and the last member is 83 points.",
    )  # fmt: skip
    divide = Chapter("divide", "The divide", (bars, Note(("Rates above 100 are not shortfalls.",))))
    half = Num(68.1345, 67.6, 72.9, "percent", record("BRICS", "internet_users_pct"), ("conflict",))
    low = Num(17, unit="percent", id=record("ETH", "internet_users_pct"))
    high = Num(100, unit="percent", id=record("ARE", "internet_users_pct"))
    summary = (
        ("In BRICS, ", half, " of people use the Internet: from ", low, " in Ethiopia to ", high, " in the Emirates."),
        (Num(1_232_300_000.0, unit="count", id=record("w")), " people do not, half of them in India."),
        ("The distance between first and last member is ", Num(83, unit="points", id=record("gap")), " points."),
        ("Inequality between members (Gini) is ", Num(0.10897, 0.105, 0.113, "ratio", record("g")), "."),
        (Num(2, unit="count", id=record("n2")), " figures are older than they should be; each is marked."),
        ("The unit of account is ", Num(2.171e12, unit="usd_current", id=record("gdp")), " of output."),
    )
    return Report(
        title="State of digital governance in BRICS 2026",
        subtitle="Ten members on 22 November 2026, from the sources at hand",
        language="en",
        summary=summary,
        meta=(
            ("Bloc", ("BRICS on 2026-11-22; its table is as of 2026-07-01",)),
            ("Release", (Code("auto-5c1e09aa"),)),
            ("Study", (Code("sha256 9f2b6a0c11d4"),)),
            ("Made with", ("concordat 0.1.0",)),
        ),
        chapters=(
            standing,
            divide,
            Missing("rules", "Rules in force among members", "the rulebook is not built yet.", ""),
            Missing("scenarios", "Who gains and who pays", "no scenario in the study.", "add a scenario to study.yaml"),
        ),
        sources=(
            Source("cia_factbook", "Central Intelligence Agency (2025). The World Factbook. Public domain.", {}),
            Source("itu", "ITU (2026). DataHub <b>&amp; co</b>. https://datahub.itu.int/", {}),
        ),
        id_length=8,
        stamp="2026-11-22T00:00:00Z",
        lead_figure=lead,
    )
