"""Measures of the digital economy on random tables: identities, invariances, and a second way to the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import ConcordatError
from concordat.impact.accounts import digital_ladder, read_inputs
from concordat.impact.accounts.growth import logarithmic_mean, perpetual_inventory
from concordat.impact.accounts.io_csv import parse_io_csv
from concordat.impact.accounts.io_table import IOTable, of_country
from concordat.impact.accounts.linkages import digital_linkages, linkage_matrix
from concordat.impact.accounts.satellite import DigitalShares, satellite_account
from concordat.impact.accounts.supply_use import SupplyUse, industry_table
from concordat.impact.mrio_table import MrioTable

TERMS = ("total", "backward", "forward", "direct", "double_count", "extraction", "gdp")


@st.composite
def tables(draw: st.DrawFn) -> tuple[IOTable, list[str]]:
    """A productive table of 2 to 9 industries, some of whose cells are zero or negative, and its digital industries."""
    n = draw(st.integers(2, 9))
    random = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    a = random.uniform(0, 1, (n, n)) * (random.uniform(0, 1, (n, n)) < 0.7)
    a *= random.uniform(0.1, 0.95) / max(a.sum(axis=0).max(), 1e-9)
    a[0, n - 1] = -abs(a[0, n - 1]) / 50  # a negative domestic use, as real tables have
    x = random.uniform(1, 1e4, n)
    z = a * x
    value_added = (x - z.sum(axis=0)) * random.uniform(0.3, 1.0, n)  # the rest is imported
    names = tuple(f"i{k}" for k in range(n))
    digital = [name for name in names if random.uniform() < 0.4] or [names[-1]]
    return IOTable("AAA", names, z, value_added, x, 2020), digital


@given(tables())
def test_forward_is_direct_and_the_parts_are_of_one_whole(case: tuple[IOTable, list[str]]) -> None:
    table, digital = case
    found = digital_linkages(table, digital)
    assert found.forward == pytest.approx(found.direct, rel=1e-10)
    assert found.total == pytest.approx(found.backward + found.forward - found.double_count, rel=1e-12)
    everything = digital_linkages(table, table.industries)
    assert everything.total == pytest.approx(table.gdp, rel=1e-10)


@given(tables())
def test_the_terms_are_sums_of_the_matrix_and_of_a_power_series(case: tuple[IOTable, list[str]]) -> None:
    table, digital = case
    e = np.array([i in digital for i in table.industries])
    a = table.z / table.output
    inverse, term = np.zeros_like(a), np.eye(len(a))
    for _ in range(3000):
        inverse += term
        term = term @ a
        if np.abs(term).sum() < 1e-17:
            break
    series = (table.value_added / table.output)[:, None] * inverse * table.final
    np.testing.assert_allclose(linkage_matrix(table), series, rtol=1e-9, atol=1e-9 * table.gdp)
    found = digital_linkages(table, digital)
    tolerance = 1e-9 * table.gdp
    assert found.backward == pytest.approx(series[:, e].sum(), abs=tolerance)
    assert found.forward == pytest.approx(series[e].sum(), abs=tolerance)
    assert found.double_count == pytest.approx(series[np.ix_(e, e)].sum(), abs=tolerance)


@given(tables())
def test_extraction_is_gdp_with_the_digital_rows_and_columns_emptied(case: tuple[IOTable, list[str]]) -> None:
    """The same by its meaning: no deliveries between the two groups, no final demand for digital goods."""
    table, digital = case
    k = np.array([i not in digital for i in table.industries])
    a = np.where(np.outer(k, k), table.z / table.output, 0.0)
    made = np.linalg.inv(np.eye(len(a)) - a) @ np.where(k, table.final, 0.0)
    left = float((table.value_added / table.output) @ np.where(k, made, 0.0))
    assert digital_linkages(table, digital).extraction == pytest.approx(table.gdp - left, abs=1e-9 * table.gdp)


@given(tables(), st.randoms(use_true_random=False), st.floats(1e-6, 1e6))
def test_order_and_unit_change_nothing(case: tuple[IOTable, list[str]], random, scale: float) -> None:
    table, digital = case
    order = list(range(len(table.industries)))
    random.shuffle(order)
    other = replace(
        table,
        industries=tuple(table.industries[k] for k in order),
        z=table.z[np.ix_(order, order)] * scale,
        value_added=table.value_added[order] * scale,
        output=table.output[order] * scale,
    )
    one, two = digital_linkages(table, digital), digital_linkages(other, digital[::-1])
    for term in TERMS:
        assert getattr(two, term) == pytest.approx(getattr(one, term) * scale, rel=1e-9, abs=1e-9 * one.gdp * scale)


@given(tables())
def test_more_digital_industries_never_make_less(case: tuple[IOTable, list[str]]) -> None:
    table, digital = case
    more = [*digital, *[i for i in table.industries if i not in digital][:1]]
    z = np.abs(table.z)
    nonnegative = replace(table, z=z, value_added=np.minimum(table.value_added, table.output - z.sum(axis=0)), kept=())
    if (nonnegative.final >= 0).all():  # with negative final demand, what is counted may be negative
        small, large = digital_linkages(nonnegative, digital), digital_linkages(nonnegative, more)
        assert large.total >= small.total - 1e-9 * nonnegative.gdp
        assert large.extraction >= small.extraction - 1e-9 * nonnegative.gdp


@given(tables())
@settings(max_examples=40)
def test_a_table_survives_its_own_file(case: tuple[IOTable, list[str]]) -> None:
    """What is written in the users' layout is read as the same table."""
    table, digital = case
    n = len(table.industries)
    imports = table.output - table.z.sum(axis=0) - table.value_added
    lines = ["# kind: io_table", "# year: 2020", f"# digital: {', '.join(digital)}"]
    lines.append(",".join(["domestic", *table.industries, "final"]))
    for k, name in enumerate(table.industries):
        lines.append(",".join([name, *(repr(float(v)) for v in table.z[k]), repr(float(table.final[k]))]))
    for name, row in (("imports", imports), ("value_added", table.value_added), ("output", table.output)):
        lines.append(",".join([name, *(repr(float(v)) for v in row)]))
    found = parse_io_csv("\n".join(lines).encode(), area="AAA")
    assert found.industries == table.industries
    assert found.digital == tuple(digital)
    np.testing.assert_array_equal(found.z, table.z)
    assert digital_linkages(found, digital).total == pytest.approx(digital_linkages(table, digital).total, rel=1e-9)
    assert len(found.kept) == int((table.z < 0).sum())
    assert n == len(found.output)


@st.composite
def worlds(draw: st.DrawFn) -> MrioTable:
    """A world of 1 to 4 economies with 2 to 4 industries."""
    c, i, k = draw(st.integers(1, 4)), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    random = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    f = random.uniform(5, 100, (c * i, c * k))
    z = random.uniform(0, 1, (c * i, c * i))
    z *= 0.6 * f.sum(axis=1)[None, :] / z.sum(axis=0)[None, :]
    countries = ("BRA", "CHN", "IND", "ZAF")[:c]
    output = z.sum(axis=1) + f.sum(axis=1)
    industries = tuple(f"s{n}" for n in range(i))
    return MrioTable(countries, industries, tuple(f"f{n}" for n in range(k)), z, f, output, "m", 2020, "", "world")


@given(worlds())
def test_value_added_of_all_economies_is_all_final_demand(world: MrioTable) -> None:
    national = [of_country(world, country) for country in world.countries]
    assert math.fsum(t.gdp for t in national) == pytest.approx(world.f.sum(), rel=1e-10)
    for table in national:
        found = digital_linkages(table, [table.industries[0]])
        assert found.forward == pytest.approx(found.direct, rel=1e-10)


@st.composite
def supply_uses(draw: st.DrawFn) -> SupplyUse:
    """Random make and use tables of 2 to 5 industries and as many or more products; inputs take less than output."""
    n = draw(st.integers(2, 5))
    p = n + draw(st.integers(0, 2))
    random = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    make = random.uniform(0, 5, (n, p)) + 50 * np.eye(n, p)
    x, q = make.sum(axis=1), make.sum(axis=0)
    use = random.uniform(0, 1, (p, n)) * q[:, None] / n / 3
    value_added = x - np.minimum(use.sum(axis=0), 0.9 * x)
    names = tuple(f"p{k}" for k in range(p))
    return SupplyUse("AAA", names[:n], names, make, use, value_added, 2020, imported=use * 0.3)


@given(supply_uses())
def test_products_traced_to_industries_lose_nothing(tables: SupplyUse) -> None:
    """All domestic use is delivered by some industry, and the satellite account with shares 1 is GDP."""
    table = industry_table(tables)
    assert tables.imported is not None
    np.testing.assert_allclose(table.z.sum(axis=0), (tables.use - tables.imported).sum(axis=0), rtol=1e-12)
    everything = satellite_account(tables, DigitalShares(dict.fromkeys(tables.products, 1.0), {}))
    assert everything.value == pytest.approx(float(tables.value_added.sum()), rel=1e-12)
    half = satellite_account(tables, DigitalShares(dict.fromkeys(tables.products, 0.5), {}))
    assert half.value == pytest.approx(everything.value / 2, rel=1e-12)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 10)), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0, 1e3),
)
def test_a_stock_is_the_sum_of_what_is_left_of_each_year(pairs, depreciation: float, initial: float) -> None:
    investment, price = (np.array(side) for side in zip(*pairs, strict=True))
    _, stocks = perpetual_inventory(investment, price, depreciation, initial=initial)
    t = len(pairs)
    left = [(1 - depreciation) ** (t - 1 - s) * investment[s] / price[s] for s in range(t)]
    assert stocks[-1] == pytest.approx(math.fsum([*left, initial * (1 - depreciation) ** t]), rel=1e-9, abs=1e-9)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_the_logarithmic_mean_is_a_mean(a: float, b: float) -> None:
    found = float(logarithmic_mean(np.array([a]), np.array([b]))[0])
    assert min(a, b) * (1 - 1e-9) <= found <= max(a, b) * (1 + 1e-9)
    assert math.sqrt(a * b) <= found * (1 + 1e-6)
    assert found * math.log(b / a) == pytest.approx(b - a, rel=1e-6, abs=1e-9 * max(a, b))


# --- Damaged files ---

FILES = (
    b"# kind: io_table\n# year: 2019\n# digital: b\ndomestic,a,b,final\na,10,20,70\nb,30,10,60\nvalue_added,60,70,\n",
    b"# kind:services_trade\n#year: 2019\nitem,exports,imports\nS,9,9\nSF,1,1\nSG,1,1\nSH,1,1\nSI,1,1\nSJ,1,1\nSK,1,0",
    b"""# kind: growth_accounting
# year: 2019
# gdp: 9
item,industry,asset,year,value
value_added,f,,2018,5
value_added,f,,2019,6
depreciation,,h,,0.5
initial_stock,f,h,,4
investment,f,h,2018,2
investment,f,h,2019,3
price,,h,2018,1
price,,h,2019,1
capital_share,f,h,2018,0.1
capital_share,f,h,2019,0.1
""",
)


@given(
    st.sampled_from(FILES),
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 12), st.sampled_from(b'0129,.-ab\n#: "\xff')),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=150)
def test_a_damaged_file_is_read_or_refused_by_name(file: bytes, damage: list[tuple[int, int, int]]) -> None:
    """Whatever happens to a file, the answer is a ladder of plain numbers or one of our errors."""
    data = bytearray(file)
    for place, lost, letter in damage:
        at = place % len(data)
        data[at : at + lost] = bytes([letter])
    try:
        inputs = read_inputs({"file": bytes(data)}, area="BRA", year=2019)
        ladder = digital_ladder("BRA", table=inputs.table, services=inputs.services, growth=inputs.growth)
    except ConcordatError:
        return
    shares = [f.to_value()["percent"] for rung in ladder for f in rung.figures]
    assert all(share is None or math.isfinite(share) for share in shares)
