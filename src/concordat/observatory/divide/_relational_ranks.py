"""Ranks among other things as Ibis expressions: concentration by a ranking variable, and groups' ranks among all.

As in `_relational_sql`, a table has the columns g, y, w and, for concentration, the ranking variable k.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis  # type: ignore[import-untyped,import-not-found,unused-ignore]

from concordat.observatory.divide._relational_sql import POWERS, Column, Table, power, running


def concentration(rows: Table, edges: Sequence[float], *, errors: bool) -> Table:
    """Of rows with a rank: totals, the crossed sum of C, and sums of powers of its influence function, by group.

    The function is linear in r inside a tie, `z = a r + b` with `a = 2R - (1 + C)` and `b = 2A - (1 + C)`, so sums of
    `w^k r^j` over each tie are enough. Columns `z_k_j`: sums of `w^k z^(k-j) (r - 1)^j`, from which the errors of the
    bounded indices follow too.
    """
    valid = rows.filter(rows.y.notnull() & rows.k.notnull())
    tot = valid.group_by("g").agg(
        n=valid.count(), weight=valid.w.sum(), held=(valid.w * valid.y).sum(), squares=(valid.w * valid.w).sum(),
        zero=valid.w.sum(where=valid.y == 0),
        lowest=valid.y.min(),
        highest=valid.y.max(),
    )  # fmt: skip
    joined = valid.join(tot, "g")
    r = joined.y * joined.weight / joined.held
    sums = {"w": joined.w.sum(), "wy": (joined.w * joined.y).sum()}
    for k in POWERS if errors else ():
        for j in range(k + 1):
            term = power(joined.w, k)
            sums[f"m_{k}_{j}"] = (term * power(r, j) if j else term).sum()
    ties = joined.group_by(["g", "k"]).agg(**sums)
    t = running(ties, {"cum": ties.w, "cum_held": ties.wy}, "k", edges).join(tot, "g")
    crossed = t.group_by("g").agg(crossed=(t.wy * (2 * t.cum - t.w)).sum())
    made = tot.join(crossed, "g")
    if not errors:
        return made
    t = t.join(crossed, "g")
    c = t.crossed / (t.weight * t.held) - 1
    a = 2 * (t.cum - t.w / 2) / t.weight - (1 + c)
    b = 2 * (t.held - t.cum_held + t.wy / 2) / t.held - (1 + c)
    t = t.mutate(slope=a, level=b)
    found = {f"z_{k}_{j}": _mixed(t, t.slope, t.level, k, j).sum() for k in POWERS for j in range(k + 1)}
    return made.join(t.group_by("g").agg(**found), "g")


def _mixed(t: Table, a: Column, b: Column, k: int, j: int) -> Column:
    """`sum w^k (a r + b)^(k-j) (r - 1)^j` over a tie, from the sums of w^k r^i."""
    terms: dict[int, Column] = {0: ibis.literal(1.0)}
    for factor in [(a, b)] * (k - j) + [(1.0, -1.0)] * j:
        grown: dict[int, Column] = {}
        for i, term in terms.items():
            for up, coefficient in ((1, factor[0]), (0, factor[1])):
                part = term * coefficient
                grown[i + up] = grown[i + up] + part if i + up in grown else part
        terms = grown
    total: Column = None
    for i, term in terms.items():
        part = term * t[f"m_{k}_{i}"]
        total = part if total is None else total + part
    return total


def gini_by_groups(rows: Table, edges: Sequence[float]) -> Table:
    """Of each group: its weight and total, `sum w f` and `sum w y f` with f the mid-rank among all groups."""
    valid = rows.filter(rows.y.notnull())
    whole = valid.mutate(g=ibis.literal(0))
    collapsed = whole.group_by(["g", "y"]).agg(w=whole.w.sum())
    ordered = running(collapsed, {"cum": collapsed.w}, "y", edges)
    rank = ordered.select("y", f=ordered.cum - ordered.w / 2)
    joined = valid.join(rank, "y")
    return joined.group_by("g").agg(
        weight=joined.w.sum(), held=(joined.w * joined.y).sum(), ranks=(joined.w * joined.f).sum(),
        held_ranks=(joined.w * joined.y * joined.f).sum(),
    )  # fmt: skip


def distinct_ranges(rows: Table, by: str, parts: int) -> Table:
    """One row with the approximate quantiles that make ranges of about equal size."""
    return rows.agg(**{f"e{i}": rows[by].approx_quantile(i / parts) for i in range(1, parts)})
