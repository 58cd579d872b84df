"""The measures of a divide as Ibis expressions, for tables too large for arrays (engines: DuckDB, Spark).

A table here has the columns g (group), y, w, and where wanted h (stratum), c (primary unit), k (ranking variable); rows
with a weight above zero, y NULL where missing. Two kinds of measures:

- *moment measures* (GE, Theil, Atkinson, Hoover, means) are one GROUP BY over sums of w, wy, w ln y, wy ln y, wy^2;
- *order measures* (Gini, quantiles, Lorenz, concentration) need cumulative weights: a window ordered by y in each
  group. `Q = sum wy (2C - w)` gives the Gini as `Q / (W S) - 1`, ties in any order; a quantile is the least y whose C
  reaches it; a Lorenz ordinate is `GL(q) = qQ - sum p (Q - y)+`, a moment again once Q is known.

Errors need mid-ranks, so rows are first collapsed by distinct value, and each measure's influence function (`_scores`)
is written once more over columns: sums of its second, third and fourth powers are what `inference` makes an interval
of.

A window over a whole table puts everything in one task of Spark. With `edges` it is taken inside ranges of y, and the
ranges' totals are added as offsets: the same result exactly, whatever the edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import ibis  # type: ignore[import-untyped,import-not-found,unused-ignore]

from concordat.observatory.divide._scores import WOODRUFF

Table: TypeAlias = Any  # ibis has no types that mypy could check
Column: TypeAlias = Any

QUANTILES = (0.1, 0.2, 0.4, 0.5, 0.8, 0.9)
LORENZ = (0.2, 0.4, 0.5, 0.8, 0.9)
DENSITIES = (0.1, 0.5, 0.9)
SLACK = 1e-12
POWERS = (2, 3, 4)


def q_name(q: float) -> str:
    """What a quantile's column is called: q50."""
    return f"q{round(q * 100)}"


def cleaned(table: Table, columns: Mapping[str, str | None], *, once: bool = False) -> Table:
    """The columns g, y, w (h, c, k) of a table under their own names, NaN as NULL; all rows.

    Args:
        columns: of each of these letters the table's column; None: one group, weights of one.
        once: rows with a weight count once each.
    """
    made: dict[str, Column] = {}
    for letter, name in columns.items():
        if letter in "ywk" and name is not None:
            number = table[name].cast("float64")
            made[letter] = ibis.ifelse(number.isnan(), ibis.null("float64"), number)
        elif name is not None:
            made[letter] = table[name]
    if once and "w" in made:
        made["w"] = ibis.ifelse(made["w"] > 0, 1.0, made["w"])
    if columns.get("w") is None:
        made["w"] = ibis.literal("1").cast("float64")  # a bare 1.0 is a decimal in DuckDB, and so are its sums
    if columns.get("g") is None:
        made["g"] = ibis.literal(0)
    return table.select(**made)


def checks(rows: Table, bounds: tuple[float, float] | None) -> Table:
    """One row: how many rows there are, and how many of each kind that no figure can be made of."""
    bad_weight = rows.w.isnull() | rows.w.isinf() | (rows.w < 0)
    bad_value = rows.y.isinf()
    if bounds is not None:
        bad_value = bad_value | (rows.y < bounds[0]) | (rows.y > bounds[1])
    whole = rows.g.type().is_integer()
    return rows.agg(
        n=rows.count(),
        g_low=rows.g.min() if whole else ibis.literal(0),
        g_high=rows.g.max() if whole else ibis.literal(0),
        bad_weight=bad_weight.sum(),
        bad_value=bad_value.sum(),
        no_group=rows.g.isnull().sum(),
        weight=rows.w.sum(),
        distinct=rows.y.approx_nunique(),
        **{f"no_{letter}": rows[letter].isnull().sum() for letter in "hc" if letter in rows.columns},
    )


def _once(table: Table) -> Table:
    """The same table as a step of its own: Ibis writes the parts of a join again wherever the join is used, and the
    engine then sorts everything again; a filter that lets all pass stands as one named query."""
    return table.filter(table.g.notnull())


def totals(rows: Table) -> Table:
    """Sums of each group that need no order and no logarithm."""
    has = rows.y.notnull()
    return rows.group_by("g").agg(
        n=has.sum(),
        weight=rows.w.sum(where=has),
        held=(rows.w * rows.y).sum(),
        squares=(rows.w * rows.w).sum(where=has),
        missing=rows.w.sum(where=rows.y.isnull()),
        zero=rows.w.sum(where=rows.y == 0),
        n_above=(rows.y > 0).sum(),
        squares_above=(rows.w * rows.w).sum(where=rows.y > 0),
        lowest=rows.y.min(),
        highest=rows.y.max(),
    )


def running(rows: Table, sums: Mapping[str, Column], by: str, edges: Sequence[float]) -> Table:
    """The table with cumulative sums along `by` in each group, by ranges of it if edges are given."""
    if not edges:
        window = ibis.window(group_by=rows.g, order_by=rows[by], rows=(None, 0))
        return rows.mutate(**{name: column.sum().over(window) for name, column in sums.items()})
    ranged = rows.mutate(
        range_=rows[by].bucket(list(edges), include_under=True, include_over=True).cast("int64"), **sums
    )
    window = ibis.window(group_by=[ranged.g, ranged.range_], order_by=ranged[by], rows=(None, 0))
    inside = ranged.mutate(**{name: ranged[name].sum().over(window) for name in sums})
    whole = ranged.group_by(["g", "range_"]).agg(**{f"of_{name}": ranged[name].sum() for name in sums})
    before = ibis.window(group_by=whole.g, order_by=whole.range_, rows=(None, -1))
    offsets = whole.select(
        "g", "range_", **{f"from_{name}": whole[f"of_{name}"].sum().over(before).fill_null(0.0) for name in sums}
    )
    joined = inside.join(offsets, ["g", "range_"])
    return joined.mutate(**{name: joined[name] + joined[f"from_{name}"] for name in sums})


def values(rows: Table, edges: Sequence[float], *, collapse: bool) -> Table:
    """What all values are made of, a row for each group.

    Args:
        collapse: rows of one value are joined before they are ordered; worth it where values repeat.
    """
    valid = rows.filter(rows.y.notnull()).select("g", "y", "w")
    tot = totals(rows)
    narrow = valid.group_by(["g", "y"]).agg(w=valid.w.sum()) if collapse else valid
    known = _once(tot.join(_order_sums(running(narrow, {"cum": narrow.w}, "y", edges).join(tot, "g")), "g"))
    return known.join(_moment_sums(valid.join(known, "g")), "g")


def _order_sums(t: Table) -> Table:
    """The Gini's sum and the quantiles, of a table with cumulative weights and its groups' totals."""
    return t.group_by("g").agg(
        crossed=(t.w * t.y * (2 * t.cum - t.w)).sum(),
        **{q_name(q): t.y.min(where=t.cum >= (q - SLACK) * t.weight) for q in QUANTILES},
    )


def _moment_sums(t: Table) -> Table:
    """Sums of powers and logarithms, and what lies under the mean and under the quantiles."""
    y, w, above = t.y, t.w, t.y > 0
    safe = ibis.ifelse(above, y, 1.0)
    return t.group_by("g").agg(
        logs=(w * safe.ln()).sum(),
        held_logs=ibis.ifelse(above, w * y * safe.ln(), 0.0).sum(),
        held_squares=(w * y * y).sum(),
        roots=(w * ibis.ifelse(above, y, 0.0).sqrt()).sum(),
        short=(w * ibis.greatest(t.held / t.weight - y, 0.0)).sum(),
        **{f"under_{q_name(q)}": (w * ibis.greatest(t[q_name(q)] - y, 0.0)).sum() for q in LORENZ},
    )


# --- Errors -------------------------------------------------------------------------------------------------------


def ranked(rows: Table, edges: Sequence[float]) -> Table:
    """Rows collapsed by value: r = y / mu, mid-rank f, share held above, sums w, w2, w3, w4 of powers of weights, the
    heaviest weight."""
    valid = rows.filter(rows.y.notnull())
    powers = {f"w{k}": power(valid.w, k).sum() for k in POWERS}
    collapsed = valid.group_by(["g", "y"]).agg(w=valid.w.sum(), heaviest=valid.w.max(), **powers)
    ordered = running(collapsed, {"cum": collapsed.w, "cum_held": collapsed.w * collapsed.y}, "y", edges)
    t = ordered.join(totals(rows), "g")
    made = t.mutate(
        r=t.y * t.weight / t.held,
        f=(t.cum - t.w / 2) / t.weight,
        above=(t.held - t.cum_held + t.w * t.y / 2) / t.held,
        n_eff=t.weight * t.weight / t.squares,
    )
    return _once(made)


def power(column: Column, k: int) -> Column:
    """A small whole power by products: engines' own powers differ in the last place."""
    made = column
    for _ in range(k - 1):
        made = made * column
    return made


def _half(n_eff: Column, q: float) -> Column:
    """Half the width in ranks over which the density at a quantile is taken."""
    return ibis.least(WOODRUFF * (q * (1 - q) / n_eff).sqrt(), min(q, 1 - q))


def _places(t: Table) -> Table:
    """Of each group: quantiles on both sides of those whose density an error needs, shares below them, and the heaviest
    row that has their value."""
    found: dict[str, Column] = {"below_mean": t.w.sum(where=t.r < 1).fill_null(0.0) / t.weight.max()}
    for q in DENSITIES:
        for side, sign in (("low", -1), ("high", 1)):
            at = t.y.min(where=t.cum >= (q + sign * _half(t.n_eff, q) - SLACK) * t.weight)
            found[f"{side}_{q_name(q)}"] = at
        here = t.cum >= (q - SLACK) * t.weight
        found[f"heaviest_{q_name(q)}"] = t.heaviest.argmin(t.y, where=here)
        found[f"reached_{q_name(q)}"] = t.cum.min(where=here) / t.weight.max()
    return t.group_by("g").agg(**found)


def scored(rows: Table, edges: Sequence[float]) -> tuple[Table, Table]:
    """What values are made of (as `values`), and the ranked rows with all that scores need."""
    t = ranked(rows, edges)
    order = _once(_order_sums(t))
    sums = _moment_sums(t.join(order, "g"))
    made = _once(totals(rows).join(order, "g").join(sums, "g").join(_places(t), "g"))
    return made, t.join(given_of(made), "g")


def values_and_moments(rows: Table, edges: Sequence[float], names: Sequence[str], high: float | None) -> Table:
    """As `values`, with sums of the second to fourth powers of w z of each measure: `gini_2`, `gini_3`, `gini_4`."""
    made, t = scored(rows, edges)
    t = _once(t)
    found: dict[str, Column] = {}
    for name in names:
        z = scores(t, name, high)
        for k in POWERS:
            found[f"{name}_{k}"] = (t[f"w{k}"] * power(z, k)).sum()
    return made.join(t.group_by("g").agg(**found), "g")


def unit_totals(rows: Table, edges: Sequence[float], names: Sequence[str], high: float | None) -> Table:
    """Sums of w z of each measure by group, stratum (h) and primary unit (c), of rows with a value."""
    keys = [letter for letter in "ghc" if letter in rows.columns]
    _, t = scored(rows, edges)
    z = t.select("g", "y", **{f"z_{name}": scores(t, name, high) for name in names})
    joined = rows.filter(rows.y.notnull()).join(z, ["g", "y"])
    return joined.group_by(keys).agg(**{name: (joined.w * joined[f"z_{name}"]).sum() for name in names})


def given_of(sums: Table) -> Table:
    """The measures' values by group as columns v_name, and quantiles over the mean as columns at_q, from `values`."""
    # DuckDB refuses roots and logarithms of what is not above zero, in any branch: such groups get NULL, or 1.
    mean = ibis.ifelse(sums.held > 0, sums.held, ibis.null("float64")) / sums.weight
    weight_above = sums.weight - sums.zero.fill_null(0.0)
    mean_above = ibis.ifelse(weight_above > 0, mean * sums.weight / weight_above, 1.0)
    logs = sums.logs / weight_above
    made: dict[str, Column] = {
        "v_gini": sums.crossed / (sums.weight * sums.held) - 1,
        "v_theil_t": sums.held_logs / sums.held - mean_above.ln(),
        "v_theil_l": mean_above.ln() - logs,
        "v_m2": sums.held_squares * sums.weight / (sums.held * sums.held),
        "v_root": sums.roots / sums.weight / mean.sqrt(),
        "v_hoover": sums.short / sums.held,
        "above_share": weight_above / sums.weight,
        "mu": mean,
        **{f"at_{q_name(q)}": sums[q_name(q)] / mean for q in QUANTILES},
        **{f"is_{q_name(q)}": sums[q_name(q)] for q in DENSITIES},
        **{
            f"{word}_{q_name(q)}": sums[f"{word}_{q_name(q)}"] for q in DENSITIES for word in ("low", "high", "reached")
        },
        "below_mean": sums.below_mean,
        **{f"l_{q_name(q)}": q * sums[q_name(q)] / mean - sums[f"under_{q_name(q)}"] / sums.held for q in LORENZ},
    }
    return sums.select("g", **made)


def scores(t: Table, name: str, high: float | None) -> Column:
    """The influence function of a measure over the columns r, f, above and its group's values (see `_scores`)."""
    step = t.r - 1
    if name in ("gini", "gini_shortfall"):
        z = 2 * (t.r * t.f + t.above) - (1 + t.v_gini) * (1 + t.r)
        if name == "gini":
            return z
        ratio = t.mu / (high - t.mu)
        return ratio * (z + t.v_gini * step) + ratio * ratio * t.v_gini * step
    if name in ("theil_t", "theil_l", "atkinson_1"):
        r = ibis.ifelse((t.y > 0) & (t.held > 0), t.r * t.above_share, 1.0)
        if name == "theil_t":
            z = r * (r.ln() - t.v_theil_t - 1) + 1
        else:
            z = r - 1 - r.ln() - t.v_theil_l
            z = z * (-t.v_theil_l).exp() if name == "atkinson_1" else z
        return ibis.ifelse(t.y > 0, z, 0.0)
    if name in ("ge2", "cv"):
        z = (t.r * t.r - t.v_m2 - 2 * t.v_m2 * step) / 2
        return z if name == "ge2" else z / ibis.greatest(t.v_m2 - 1, 0.0).sqrt()
    if name == "atkinson_05":
        return -(t.v_root * t.v_root) * ((ibis.greatest(t.r, 0.0).sqrt() - t.v_root) / (0.5 * t.v_root) - step)
    if name == "hoover":
        return ibis.greatest(-step, 0.0) - t.v_hoover + (t.below_mean - t.v_hoover) * step
    if name in ("palma", "s80_s20"):
        bottom, top = (0.4, 0.9) if name == "palma" else (0.2, 0.8)
        low, value = t[f"l_{q_name(bottom)}"], (1 - t[f"l_{q_name(top)}"]) / t[f"l_{q_name(bottom)}"]
        return -_lorenz(t, top) / low - value * _lorenz(t, bottom) / low
    if name == "p90_p10":
        ratio = t.at_q90 / t.at_q10
        return _quantile(t, 0.9) / t.at_q10 - ratio * _quantile(t, 0.1) / t.at_q10
    if name == "wolfson":
        value = 2 * (1 - 2 * t.l_q50 - t.v_gini) / t.at_q50
        inner = -2 * _lorenz(t, 0.5) - scores(t, "gini", high)
        return 2 * inner / t.at_q50 + value * step - value * _quantile(t, 0.5) / t.at_q50
    if name == "offline":
        return (t.mu - t.y) / high
    assert name == "mean", name
    return t.y - t.mu


def _lorenz(t: Table, q: float) -> Column:
    at, held = t[f"at_{q_name(q)}"], t[f"l_{q_name(q)}"]
    return ibis.least(t.r - at, 0.0) + q * at - held - held * (t.r - 1)


def _quantile(t: Table, q: float) -> Column:
    span = (t[f"high_{q_name(q)}"] - t[f"low_{q_name(q)}"]) * t.weight / t.held
    below = ibis.ifelse(t.y <= t[f"is_{q_name(q)}"], 1.0, 0.0)  # not by r: engines may divide otherwise
    return span / (2 * _half(t.n_eff, q)) * (t[f"reached_{q_name(q)}"] - below)
