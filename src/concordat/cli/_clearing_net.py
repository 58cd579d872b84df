"""`concordat clearing net`: what cancels out, what of a queue can settle now, which trades settle together."""

from __future__ import annotations

import json as json_
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError, StateError

if TYPE_CHECKING:
    from concordat.clearing.core.certificates import TradesProblem
    from concordat.clearing.netting.circulation import Cleared
    from concordat.clearing.netting.pvp import Selected
    from concordat.clearing.netting.queue_release import Released
    from concordat.clearing.netting.rates_file import Rates

JSON = typer.Option(False, "--json", help="Print one JSON object.")
OUT = typer.Option(None, "--out", metavar="DIR", help="Write certificates and notices to this new folder.")
SEED = typer.Option(0, "--seed", help="Of everything that the search draws.")
WORKERS = typer.Option(2, "--workers", min=1, max=64, help="How many processes search.")
FILE_BYTES_MAX = 500_000_000


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("net")(net)


def net(
    obligations: Path | None = typer.Argument(
        None, metavar="OBLIGATIONS", help="CSV: id, payer, payee, currency, amount_minor or amount; priority, held."
    ),
    no_money: bool = typer.Option(False, "--no-money", help="Set off divisible debts: the exact optimum, no balances."),
    balances: Path | None = typer.Option(
        None,
        "--balances",
        metavar="CSV",
        help="Settle whole payments with these: participant, currency, balance_minor.",
    ),
    trades: Path | None = typer.Option(None, "--trades", metavar="CSV", help="Choose trades, both legs or none."),
    members: Path | None = typer.Option(
        None, "--members", metavar="CSV", help="With --trades: member, currency, balance_minor, short_limit_minor."
    ),
    rates: Path | None = typer.Option(None, "--rates", metavar="YAML", help="With --trades: the value of currencies."),
    time: float = typer.Option(10.0, "--time", min=0.5, max=86_400, help="Seconds to search; not used by --no-money."),
    work: float | None = typer.Option(
        None, "--work", min=1, help="Search for so much work instead of --time: the same result on every machine."
    ),
    mode: str = typer.Option("bypass", "--mode", help="bypass, strict_fifo or set."),
    classes: str = typer.Option("together", "--classes", help="together, or first: class 1 before 2 before 3."),
    engine: str = typer.Option("auto", "--engine", help="Of --no-money: auto, ortools, highs or none."),
    seed: int = SEED,
    workers: int = WORKERS,
    out: Path | None = OUT,
    json: bool = JSON,
) -> None:
    """Net a file: set off debts without money, settle a queue with balances, or choose trades; with certificates."""
    asked = bool(no_money) + (balances is not None) + (trades is not None)
    if asked != 1 or (obligations is None) != (trades is not None):
        hint = "Give OBLIGATIONS with --no-money or --balances CSV; or --trades, --members and --rates."
        raise InputError("It is not clear what to net.", hint=hint, code="which_problem")
    check_limit("--time", time)
    check_limit("--work", work)
    check_new(out)
    if out is not None:
        _check_names(obligations, balances, trades, members, rates)
    limits = {"work": work, "seed": seed, "deadline_s": None if work else time, "workers": workers}
    if trades is not None:
        _trades(trades, members, rates, limits, out, json=json)
    elif no_money:
        _set_off(read(obligations), str(obligations), engine, out, json=json)
    else:
        _queue(obligations, balances, mode, classes, limits, out, json=json)


def check_limit(name: str, value: float | None) -> None:
    """A bound of the search is a finite number: infinite work takes the place of the seconds, and never ends."""
    if value is not None and not math.isfinite(value):
        raise InputError(f"{value} is no bound.", where=name, hint="Give a finite number.", code="bad_limit")


def check_new(out: Path | None) -> None:
    """The folder to write does not exist, which is known before any work is done."""
    if out is not None and (out.exists() or out.is_symlink()):
        raise InputError(f"{out} exists.", hint="Name a new folder.", code="exists")


def _check_names(*paths: Path | None) -> None:
    """A certificate names its files without their folders: two of one name could not be told apart."""
    names = [path.name for path in paths if path is not None]
    for name in names:
        if names.count(name) > 1 or not name.isprintable():
            hint = "With --out every file needs a printable name of its own; rename one."
            raise InputError(f"{name!r} can't be named in a certificate.", hint=hint, code="bad_file_name")


def read(path: Path | None) -> bytes:
    """The bytes of a user's file.

    Raises:
        InputError: it can't be read, or has more than 500 MB.
    """
    assert path is not None
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InputError("The file has more than 500 MB.", where=str(path), code="too_large",
                             hint="Split it by currency: currencies never mix.")  # fmt: skip
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"The file can't be read: {error.strerror}.", where=str(path), hint="Check the path.",
                         code="unreadable") from None  # fmt: skip


def text(content: bytes, where: str) -> str:
    """Bytes as UTF-8 text."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"Byte {error.start} is not UTF-8.", where=where, hint="Save the file as UTF-8.",
                         code="bad_text") from None  # fmt: skip


def money(minor: int, code: str) -> str:
    """Minor units as an amount with the currency's decimals."""
    from concordat.world import currency

    digits = currency(code).minor_units or 0
    whole, part = divmod(minor, 10**digits)
    return f"{whole:,}.{part:0{digits}d}" if digits else f"{whole:,}"


def gap(claimed: float) -> str:
    """A claimed gap in per cent; where nothing settles, no share of it can be told."""
    return f"{100 * claimed:.2f} %" if math.isfinite(claimed) else "unknown"


def gap_fact(claimed: float) -> float | None:
    """A claimed gap for JSON, which has no infinity."""
    return round(claimed, 6) if math.isfinite(claimed) else None


def share(part: int, whole: int) -> str:
    """A share in per cent, with two decimals."""
    return f"{100 * part / whole:.2f} %" if whole else "none"


def write_folder(out: Path, files: Mapping[str, str]) -> None:
    """A new folder with these files: all of them or, when interrupted or when the disk is full, none."""
    part = out.parent / f".{out.name}.{os.getpid()}.part"
    try:
        part.mkdir(parents=True)
        for name, content in files.items():
            (part / name).write_text(content, encoding="utf-8")
        if out.exists():  # somebody was faster; an empty folder would else be replaced
            raise FileExistsError(17, "The folder exists by now", str(out))
        part.rename(out)
    except OSError as error:
        raise StateError(f"{error.strerror}.", where=str(out), hint="Name another folder.", code="os_error") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def show(facts: Mapping[str, Any], lines: Sequence[str], *, json: bool) -> None:
    """One answer, to read or as JSON."""
    print(json_.dumps(facts, ensure_ascii=False, indent=1) if json else "\n".join(lines))


# --- A: without money ---------------------------------------------------------------------------------------------


def _set_off(content: bytes, where: str, engine: str, out: Path | None, *, json: bool) -> None:
    from concordat.clearing.netting import certificate_file
    from concordat.clearing.netting.circulation import clear_divisible
    from concordat.clearing.netting.notices import check_cleared, check_same_positions, notices_csv
    from concordat.clearing.netting.tables import parse_obligations

    cleared = clear_divisible(parse_obligations(text(content, where), where=where), engine=engine)
    check_cleared(cleared)
    check_same_positions(cleared.debts, cleared.set_off)
    if out is not None:
        files = {"obligations": (Path(where).name, content)}
        certificates = certificate_file.write(files, certificate_file.of_cleared(cleared))
        write_folder(out, {"notices.csv": notices_csv(cleared), "certificates.json": certificates})
    show(_set_off_facts(cleared), _set_off_lines(cleared, out), json=json)


def _set_off_lines(cleared: Cleared, out: Path | None) -> list[str]:
    debts = cleared.debts
    gross, total = sum(cleared.gross.values()), sum(cleared.cleared.values())
    both = share(sum(cleared.bilateral.values()), gross)
    notices = f"notices in {out}/notices.csv" if out else "notices: --out DIR"
    size = f"{len(debts):,} obligations, {len(debts.members):,} members, {len(debts.currencies):,} currencies."
    return [
        f"{size} Cleared without money: {share(total, gross)} of gross (bilateral alone: {both}).",
        f"Optimal: proven by potentials (checked, {cleared.arcs:,} arcs; engine {cleared.engine}). {notices}",
        *(_set_off_line(cleared, code) for code in debts.currencies),
    ]


def _set_off_line(cleared: Cleared, code: str) -> str:
    done, owed = cleared.cleared[code], cleared.gross[code]
    return f"{code}  set off {money(done, code)} of {money(owed, code)} ({share(done, owed)})"


def _set_off_facts(cleared: Cleared) -> dict[str, Any]:
    currencies = {
        code: {
            "gross_minor": str(cleared.gross[code]), "cleared_minor": str(cleared.cleared[code]),
            "remaining_minor": str(cleared.gross[code] - cleared.cleared[code]),
            "bilateral_minor": str(cleared.bilateral[code]),
        }
        for code in cleared.debts.currencies
    }  # fmt: skip
    return {
        "problem": "divisible", "obligations": len(cleared.debts), "members": len(cleared.debts.members),
        "arcs": cleared.arcs, "engine": cleared.engine, "optimal": "proven", "currencies": currencies,
        "gross_minor": str(sum(cleared.gross.values())), "cleared_minor": str(sum(cleared.cleared.values())),
        "bilateral_minor": str(sum(cleared.bilateral.values())),
    }  # fmt: skip


# --- B: a queue ---------------------------------------------------------------------------------------------------


def _queue(
    obligations: Path | None, balances: Path | None, mode: str, classes: str, limits: Mapping[str, Any],
    out: Path | None, *, json: bool,
) -> None:  # fmt: skip
    from concordat.clearing.netting import certificate_file
    from concordat.clearing.netting.queue_release import release_queue
    from concordat.clearing.netting.tables import parse_balances, parse_obligations, write_csv

    owed, funds = read(obligations), read(balances)
    debts = parse_obligations(text(owed, str(obligations)), where=str(obligations))
    payments, available = certificate_file.queue_of(
        debts, parse_balances(text(funds, str(balances)), where=str(balances))
    )
    released = release_queue(payments, available, mode=mode, classes=classes, progress=_progress, **limits)
    if out is not None:
        assert obligations is not None
        assert balances is not None
        files = {"obligations": (obligations.name, owed), "balances": (balances.name, funds)}
        certificates = certificate_file.write(files, certificate_file.of_released(released))
        chosen = set(released.chosen)
        table = write_csv(("id", "settled"), ([p.id for p in payments], [int(p.id in chosen) for p in payments]))
        write_folder(out, {"settled.csv": table, "certificates.json": certificates})
    show(_queue_facts(released, classes), _queue_lines(released, out), json=json)


def _progress(code: str, gained: int, claim: int) -> None:
    if sys.stderr.isatty():
        print(f"{code}: {gained:,} minor units so far; the solver claims at most {claim:,}", file=sys.stderr)


def _queue_lines(released: Released, out: Path | None) -> list[str]:
    lines = []
    for code, one in released.by_currency.items():
        left = one.payments - len(one.chosen) - one.held
        lines.append(
            f"{code}  settled {money(one.gained, code)} in {len(one.chosen):,} of {one.payments:,} payments; "
            f"solver claims gap <= {gap(one.claimed_gap)}, certified bound {money(one.bound, code)}; "
            f"left: {left:,} for funds, {one.held:,} held"
        )
    gross = sum(one.gross for one in released.by_currency.values())
    bounds = f"the solver claims at most {released.claim:,}, certified bound {released.bound:,}"
    part = share(released.gained, gross)
    lines.append(f"All currencies, minor units added: settled {released.gained:,} ({part} of gross); {bounds}")
    return [*lines, f"Certificates in {out}/certificates.json" if out else "Certificates: --out DIR"]


def _queue_facts(released: Released, classes: str) -> dict[str, Any]:
    currencies = {
        code: {
            "payments": one.payments, "held": one.held, "settled": len(one.chosen), "gross_minor": str(one.gross),
            "gained_minor": str(one.gained), "certified_bound_minor": str(one.bound),
            "solver_claims_minor": str(one.claim), "solver_claims_gap": gap_fact(one.claimed_gap),
        }
        for code, one in released.by_currency.items()
    }  # fmt: skip
    return {
        "problem": "queue", "mode": released.mode, "classes": classes, "seed": released.seed, "currencies": currencies,
        "settled": len(released.chosen), "gained_minor": str(released.gained),
        "certified_bound_minor": str(released.bound), "solver_claims_minor": str(released.claim),
    }  # fmt: skip


# --- C: trades ----------------------------------------------------------------------------------------------------


def trades_problem(
    trades: tuple[str, bytes], members: tuple[str, bytes], rates: tuple[str, bytes]
) -> tuple[TradesProblem, Rates]:
    """The problem of three files, each as (name, content)."""
    from concordat.clearing.core.certificates import TradesProblem
    from concordat.clearing.netting.rates_file import parse_rates
    from concordat.clearing.netting.tables import parse_members, parse_trades

    swaps = parse_trades(text(trades[1], trades[0]), where=trades[0])
    held, limits = parse_members(text(members[1], members[0]), where=members[0])
    valued = parse_rates(text(rates[1], rates[0]), where=rates[0])
    return TradesProblem(swaps, held, limits, valued.numerators, valued.haircut_bp), valued


def _trades(
    trades: Path, members: Path | None, rates: Path | None, limits: Mapping[str, Any], out: Path | None, *, json: bool
) -> None:
    from concordat.clearing.netting import certificate_file
    from concordat.clearing.netting.pvp import select_trades
    from concordat.clearing.netting.tables import write_csv

    if members is None or rates is None:
        raise InputError("Trades need their members and rates.", hint="Give --members CSV and --rates YAML.",
                         code="which_problem")  # fmt: skip
    contents = {role: (path, read(path)) for role, path in (("trades", trades), ("members", members), ("rates", rates))}
    given = [(str(path), content) for path, content in contents.values()]
    problem, valued = trades_problem(given[0], given[1], given[2])
    selected = select_trades(problem, **limits)
    if out is not None:
        files = {role: (path.name, content) for role, (path, content) in contents.items()}
        certificates = certificate_file.write(files, certificate_file.of_selected(selected))
        chosen = set(selected.chosen)
        table = write_csv(("id", "settled", "reason"), (
            [t.id for t in problem.trades], [int(t.id in chosen) for t in problem.trades],
            [selected.left_out.get(t.id, "") for t in problem.trades],
        ))  # fmt: skip
        write_folder(out, {"settled.csv": table, "certificates.json": certificates})
    show(_trade_facts(problem, selected, valued), _trade_lines(problem, selected, valued, out), json=json)


def _worth(value: int, valued: Rates, *, up: bool = False) -> str:
    """Units of value with two decimals, rounded down, or up where it is a bound."""
    cents = -(-value * 100 // valued.denominator) if up else value * 100 // valued.denominator
    return f"{cents // 100:,}.{cents % 100:02d}"


def _trade_lines(problem: TradesProblem, selected: Selected, valued: Rates, out: Path | None) -> list[str]:
    worth, bound = _worth(selected.gained, valued), _worth(selected.bound, valued, up=True)
    settled = (
        f"Settled {len(selected.chosen):,} of {len(problem.trades):,} trades, both legs worth {worth} {valued.unit}"
    )
    claimed = gap(selected.claimed_gap)
    lines = [f"{settled}; solver claims gap <= {claimed}, certified bound {bound} {valued.unit}"]
    reasons: dict[str, int] = {}
    for reason in selected.left_out.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    lines += [f"Not considered: {count:,} ({reason})" for reason, count in sorted(reasons.items())]
    return [*lines, f"Certificate in {out}/certificates.json" if out else "Certificate: --out DIR"]


def _trade_facts(problem: TradesProblem, selected: Selected, valued: Rates) -> dict[str, Any]:
    return {
        "problem": "trades", "trades": len(problem.trades), "settled": len(selected.chosen), "unit": valued.unit,
        "value_denominator": str(valued.denominator), "gained_value": str(selected.gained),
        "certified_bound_value": str(selected.bound), "solver_claims_value": str(selected.claim),
        "solver_claims_gap": gap_fact(selected.claimed_gap), "left_out": dict(selected.left_out), "seed": selected.seed,
    }  # fmt: skip
