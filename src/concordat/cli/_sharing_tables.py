"""A menu of sharing rules for people: shares, payments, promises, what would stabilise, inequality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from concordat.cli._evidence_tables import columns
from concordat.cli._sharing_input import Asked, Spread, stamp

if TYPE_CHECKING:
    from concordat.impact.inequality import Inequality
    from concordat.impact.monte_carlo import Quantiles
    from concordat.impact.sharing.correction import Corrected
    from concordat.impact.sharing.menu import Menu, Share

ACROSS_MAX = 8  # players that stand side by side
BLANK = "-"


def amount(value: float | None) -> str:
    """An amount to read: two decimals, or four digits where these say nothing.

    >>> amount(1420.7346), amount(-0.00012345), amount(0.0), amount(None)
    ('1,420.73', '-0.0001234', '0.00', '-')
    """
    if value is None:
        return BLANK
    if value == 0 or abs(value) >= 0.095:
        return f"{value + 0.0:,.2f}"
    return f"{value:.4g}"


def lines(found: Asked, menu: Menu, corrected: Corrected | None, spread: Spread) -> list[str]:
    """The whole answer."""
    return [
        *_title(found, menu),
        "",
        *_shares(menu),
        *_payments(menu),
        "",
        *_spread(menu, spread),
        "",
        *_promises(menu),
        "",
        *_game(menu),
        *_stabilising(menu),
        *_corrected(menu, corrected),
        *_inequality(menu),
        *_notes(found),
    ]


def _title(found: Asked, menu: Menu) -> Iterator[str]:
    game = menu.game
    marked = stamp(found)
    yield f"{found.id}: {found.title}{f'   {marked}' if marked else ''}"
    yield f"{', '.join(game.players)}: together {amount(game.total)} {game.unit}. Source: {found.source}."
    yield menu.outside.words()


def _shares(menu: Menu) -> Iterator[str]:
    players = menu.game.players
    across = len(players) <= ACROSS_MAX
    tail = ("in the core", ">largest excess", "of")
    rows: list[tuple[str, ...]] = []
    for share in menu.shares:
        if share.value is None:
            rows.append((share.rule.id, *[BLANK] * (len(players) if across else 0), share.reason, "", ""))
            continue
        excess = share.excess
        said = (BLANK, "", "") if excess is None else _core_words(share)
        rows.append((share.rule.id, *(map(amount, share.value.tolist()) if across else ()), *said))
    yield from columns(("share of each", *(f">{p}" for p in players if across), *tail), rows)
    if not across:
        yield ""
        made = [s for s in menu.shares if s.value is not None]
        body = [(p, *(amount(float(s.value[i])) for s in made if s.value is not None)) for i, p in enumerate(players)]
        yield from columns(("player", *(f">{s.rule.id}" for s in made)), body)


def _core_words(share: Share) -> tuple[str, str, str]:
    assert share.excess is not None
    return "yes" if share.excess.in_core else "no", amount(share.excess.value), "+".join(share.excess.coalition)


def _payments(menu: Menu) -> Iterator[str]:
    made = [s for s in menu.shares if s.payments is not None]
    if not made:
        yield from ("", "Payments: not computed: needs own gains (what each gains if nobody pays).")
        return
    players = menu.game.players
    yield ""
    if len(players) <= ACROSS_MAX:
        rows = [
            (s.rule.id, *(amount(p) for p in s.payments.tolist()), amount(s.to_largest))
            for s in made
            if s.payments is not None
        ]
        head = ("received (paid: below 0)", *(f">{p}" for p in players), f">to the largest, {menu.largest}")
        yield from columns(head, rows)
        return
    body = [(p, *(amount(float(s.payments[i])) for s in made if s.payments is not None)) for i, p in enumerate(players)]
    yield from columns(("received (paid: below 0)", *(f">{s.rule.id}" for s in made)), body)


def _spread(menu: Menu, spread: Spread) -> Iterator[str]:
    """Median and 90 % band of every share, and how often the division is in the core."""
    if not spread.bands:
        yield f"Bands of the shares: not computed: {spread.reason}."
    else:
        rows = [(b.rule, *map(_band, b.shares), _percent(b.in_core), f"{b.draws:,}") for b in spread.bands]
        head = ("median (5-95 %)", *(f">{p}" for p in menu.game.players), ">draws in the core", ">of")
        yield from columns(head, rows)
    if spread.dropped:
        yield f"{len(spread.dropped)} draws have no result and are left out."


def _band(found: Quantiles) -> str:
    low, high = amount(found.low), amount(found.high)
    return f"{amount(found.median)} ({low}{'-' if found.low >= 0 else ' to '}{high})"


def _percent(share: float) -> str:
    """Never rounded to all or none."""
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _promises(menu: Menu) -> Iterator[str]:
    """Each promise in words, then which rule keeps it: yes, no, or when."""
    from concordat.impact.sharing.rules import NO, PROMISES, YES

    names = list(PROMISES)
    conditions: list[str] = []
    rows = []
    for share in menu.shares:
        cells = []
        for name in names:
            kept = share.rule.keeps[name]
            if kept not in (YES, NO):
                if kept not in conditions:
                    conditions.append(kept)
                kept = f"({conditions.index(kept) + 1})"
            cells.append(kept)
        rows.append((share.rule.id, *cells))
    yield from columns(("promise", *(name.replace("_", " ") for name in names)), rows)
    yield from (f"({k}) {words}" for k, words in enumerate(conditions, start=1))
    yield from (f"{name.replace('_', ' ')}: {words}" for name, words in PROMISES.items())


def _game(menu: Menu) -> Iterator[str]:
    yield menu.core.words() if menu.core is not None else f"Core: {menu.core_reason}."
    if menu.convex:
        yield "Each adds the more, the larger the group (convex): the Shapley value is in the core."
    for share in menu.shares:
        if share.detail and share.detail.get("of") == "least_core":
            yield f"{share.rule.id}: the core is empty; this is of the least core."
        if share.detail and share.detail.get("over") == "preimputations":
            yield f"{share.rule.id}: there is not enough to give each what it has alone; that condition is dropped."
        if share.below_alone:
            yield f"{share.rule.id} leaves less than it has alone to {', '.join(share.below_alone)}."


def _stabilising(menu: Menu) -> Iterator[str]:
    from concordat.impact.sharing.transfers import GOALS

    yield ""
    if menu.stabilising:
        yield "Smallest transfers from the gains as they fall:"
    for found in menu.stabilising:
        what = GOALS[found.goals[0]] if len(found.goals) == 1 else f"all of it ({', '.join(found.goals)})"
        yield f"  {what}: {found.words()}"
    if menu.stabilising_reason:
        yield f"Smallest transfers: {menu.stabilising_reason}."


def _corrected(menu: Menu, found: Corrected | None) -> Iterator[str]:
    if found is None:
        return
    yield ""
    head = ("with moving prices", ">wanted", ">transfer", ">achieved", ">gap", ">through prices")
    numbers = (found.target, found.transfers, found.achieved, found.gap, found.secondary)
    rows = [(p, *(amount(float(a[i])) for a in numbers)) for i, p in enumerate(menu.game.players)]
    yield from columns(head, rows)
    yield found.words()


INEQUALITY = ("theil", "gini", "atkinson", "top10_bottom40")


def _inequality(menu: Menu) -> Iterator[str]:
    yield ""
    if menu.before is None:
        yield f"Inequality of income per person: {menu.before_reason}."
        return
    rows = [("before", *_measures(menu.before))]
    rows += [(s.rule.id, *_measures(s.inequality)) for s in menu.shares if s.inequality is not None]
    within = any(i.within is not None for i in menu.before)
    names = ("Theil", "Gini", "Atkinson(1)", "10/40", "Theil within", "Gini, each member once")
    yield from columns(("income per person", *(f">{name}" for name in names)), rows)
    yield f"Income: {menu.facts.income_means}. Between members, weighted by people, but for the last column."
    first = menu.before[0]
    if first.reason:
        yield f"Inequality: {first.reason}."
    yield f"Within members: {first.within_reason}." if not within else "Within members, between fifths: a lower bound."


def _measures(found: tuple[Inequality, Inequality]) -> tuple[str, ...]:
    people, once = found
    numbers = [*(getattr(people, name) for name in INEQUALITY), people.within, once.gini]
    return tuple(BLANK if n is None else f"{n:.6f}" for n in numbers)


def _notes(found: Asked) -> Iterator[str]:
    solved = found.solved
    if solved is not None:
        marked = stamp(found)
        yield ""
        yield (
            f"{2**solved.game.n:,} equilibria, worst residual {solved.residual:.1g}; grades {', '.join(solved.grades)}"
            f"{f': {marked}' if marked else ''}. Without a band, sizes are those at central values."
        )
    if found.notes:
        yield from ("", *found.notes)


HEAD = (
    "rule", "player", ">value", ">payment", ">max_excess", "worst_coalition", "in_core", ">to_largest", "reason",
    ">standard_error", ">median", ">low_5", ">high_95", ">draws_in_core", ">draws", "mark",
)  # fmt: skip


def rows(asked: Asked, menu: Menu, spread: Spread) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """A line for each rule and player; only a sampled share has a standard error (`_sharing_sampled`)."""
    marked, bands = stamp(asked), {b.rule: b for b in spread.bands}
    found: list[tuple[Any, ...]] = []
    for share in menu.shares:
        for i, player in enumerate(menu.game.players):
            excess, band = share.excess, bands.get(share.rule.id)
            of = None if band is None else band.shares[i]
            found.append(
                (
                    share.rule.id,
                    player,
                    None if share.value is None else float(share.value[i]),
                    None if share.payments is None else float(share.payments[i]),
                    None if excess is None else excess.value,
                    "" if excess is None else "+".join(excess.coalition),
                    None if excess is None else excess.in_core,
                    share.to_largest,
                    share.reason,
                    None,
                    *((None,) * 3 if of is None else (of.median, of.low, of.high)),
                    *((None,) * 2 if band is None else (band.in_core, band.draws)),
                    marked,
                )
            )
    return HEAD, found
