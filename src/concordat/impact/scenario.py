"""A scenario as it is written: what changes, for whom, on which data, with which sizes and seed.

A reviewed YAML file (`schema: concordat/scenario@1`) names a panel of trade flows with its hash, a model and closure,
the elasticity, shocks in the order in which they are applied, transfers, how many draws are made and from which seed.
This module reads and checks the file alone; it opens nothing. `files_of` says which files a run needs, by the names
under which `run` expects their bytes.

    >>> found = parse_scenario('''
    ... schema: concordat/scenario@1
    ... scenario: demo
    ... title: A common rule between two
    ... base: {panel: trade.csv, year: 2006, members: [ARG, URY]}
    ... elasticity: {value: 5, reason: "as in the published exercise"}
    ... shocks:
    ...   - {kind: rta_switch, pairs: members, parameter: rta_effect_goods}
    ... seed: 1
    ... ''', where="demo.yaml")
    >>> found.members, found.shocks[0].parameter, found.files_of()
    (('ARG', 'URY'), 'rta_effect_goods', ('trade.csv',))
"""

from __future__ import annotations

import hashlib
from typing import Any

from concordat.errors import InputError
from concordat.impact import _scenario_model as keys
from concordat.impact._scenario_types import (
    ALWAYS,
    OUTPUTS,
    Base,
    Pair,
    Scenario,
    Sharing,
    Shock,
    Term,
    Transfer,
    Who,
)
from concordat.settings import Document, nearest, parse_yaml, validate

__all__ = [
    "ALWAYS",
    "OUTPUTS",
    "Base",
    "Pair",
    "Scenario",
    "Sharing",
    "Shock",
    "Term",
    "Transfer",
    "Who",
    "parse_scenario",
]


def parse_scenario(text: str | bytes, *, where: str = "scenario.yaml") -> Scenario:
    """Read a scenario.

    Raises:
        InputError: an unknown key or kind of shock (the nearest is named), a value that can't be; with its line.
    """
    document = parse_yaml(text, where=where, schema="scenario@1")
    file = validate(document, keys.ScenarioFile)
    data = text.encode("utf-8") if isinstance(text, str) else text
    named = file.base.members
    bloc, as_of = (named.bloc, named.as_of) if isinstance(named, keys.BlocKeys) else ("", "")
    shocks = [_shock(document, n) for n in range(len(file.shocks))]
    transfers = [_transfer(t, document.place("transfers", n)) for n, t in enumerate(file.transfers)] + [
        _transfer_of(s) for s in shocks if s.kind == "transfer"
    ]
    _check_model(file, document)
    _check_rules(file, document)
    return Scenario(
        id=file.scenario,
        title=file.title,
        note=file.note,
        base=_base(file.base),
        members=_members(file.base.members, document),
        bloc=bloc,
        as_of=as_of,
        model=file.model,
        closure=file.closure,
        deficits=file.deficits,
        numeraire=file.numeraire,
        elasticity=file.elasticity.parameter or "",
        elasticity_value=file.elasticity.value,
        elasticity_reason=file.elasticity.reason,
        by_sector=dict(sorted(file.elasticity.by_sector.items())),
        parameter_files=tuple(file.parameters),
        shocks=tuple(s for s in shocks if s.kind != "transfer"),
        transfers=tuple(transfers),
        quote=tuple(file.quote),
        sharing=Sharing(file.sharing.game, tuple(file.sharing.rules), file.sharing.outsiders) if file.sharing else None,
        outputs=tuple(name for name in OUTPUTS if name in ALWAYS or name in file.outputs),
        draws=file.draws,
        seed=file.seed,
        starts=file.starts,
        on_failure=file.on_failure,
        missing_members=file.missing_members,
        allow_unverified=file.allow_unverified,
        sha256=hashlib.sha256(data).hexdigest(),
        where=where,
        document=document,
    )


def _check_model(file: keys.ScenarioFile, document: Document) -> None:
    """Keys that belong to the other model."""
    several = file.model == "multi_sector"
    wrong = {
        "base": file.base.table is None if several else file.base.panel is None,
        "elasticity": bool(file.elasticity.by_sector) and not several,
        "deficits": file.deficits != "kept" and not several,
        "closure": file.closure != "multiplicative" and several,
    }
    hints = {
        "base": "multi_sector needs base.table, one_sector base.panel.",
        "elasticity": "by_sector belongs to multi_sector.",
        "deficits": "It belongs to multi_sector; in one_sector the closure says what happens to deficits.",
        "closure": "It belongs to one_sector; in multi_sector say deficits: kept or zero_first.",
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            what = f"{name} does not fit model: {file.model}."
            raise InputError(what, where=document.place(name), hint=hints[name], code="model")


def _check_rules(file: keys.ScenarioFile, document: Document) -> None:
    """Rules of sharing: an unknown one is refused here, not only when gains are divided."""
    from concordat.impact.sharing.rules import rules_named

    for n, name in enumerate(file.sharing.rules if file.sharing else ()):
        try:
            rules_named([name])
        except InputError as error:
            error.where = document.place("sharing", "rules", n)
            raise


def _base(found: keys.BaseKeys) -> Base:
    return Base(
        panel=found.panel or "",
        table=found.table or "",
        sha256=found.sha256 or "",
        year=found.year,
        flows=found.flows,
        terms=tuple(Term(t.column, t.parameter, t.log) for t in found.fit),
        output=found.output or "",
        unit=found.unit,
        missing=found.missing,
        covers=tuple(found.covers),
        aliases=dict(sorted(found.aliases.items())),
        tariffs=found.tariffs or "",
        merge_sectors={k: tuple(v) for k, v in found.merge_sectors.items()},
        merge_economies={k: tuple(v) for k, v in found.merge_economies.items()},
        drop=tuple((cell[0], cell[1]) for cell in found.drop),
        final_demand=found.final_demand,
    )


def _members(found: list[str] | keys.BlocKeys, document: Document) -> tuple[str, ...]:
    """The members, in the order of the file, or a bloc's on the day, by code.

    Raises:
        InputError: none, one twice, an unknown bloc or country.
    """
    from concordat.world import bloc, country, members, roles_on
    from concordat.world._dates import as_day

    place = document.place("base", "members")
    if isinstance(found, keys.BlocKeys):
        day = as_day(found.as_of, where=place)
        record = bloc(found.bloc)
        inside = {m.area for m in roles_on(record.id, day) if m.area_is_bloc}
        some = tuple(sorted(set(members(record.id, day)) - inside))
    else:
        some = tuple(country(code, scheme="iso3", where=place).iso3 for code in found)
    if not some or len(set(some)) != len(some):
        what = "no members." if not some else "a member stands twice."
        raise InputError(what, where=place, hint="Name each once.", code="members")
    return some


# --- Shocks -----------------------------------------------------------------------------------------------------------


def _shock(document: Document, n: int) -> Shock:
    """The nth shock, by the model of its kind."""
    place = document.place("shocks", n)
    kind = document.value["shocks"][n].get("kind")
    if kind not in keys.SHOCKS:
        close = nearest(str(kind), keys.SHOCKS)
        hint = f'Did you mean "{close[0]}"?' if close and kind else f"Kinds: {', '.join(keys.SHOCKS)}."
        what = f'"{kind}" is not a kind of shock.' if kind else "a shock without a kind."
        raise InputError(what, where=document.place("shocks", n, "kind"), hint=hint, code="unknown_shock")
    found: Any = validate(document, keys.SHOCKS[kind], "shocks", n)
    return Shock(
        kind=kind,
        place=place,
        who=_who(found, kind),
        country=getattr(found, "country", None) or getattr(found, "sender", None) or "",
        partners=_group(getattr(found, "partners", "all")) or "all",
        sectors=_sectors(getattr(found, "sector", None)),
        start=getattr(found, "start", None),
        end=found.end if hasattr(found, "end") else found.to if kind == "tariff" else None,
        percent=getattr(found, "percent", None),
        reason=getattr(found, "reason", ""),
        parameter=getattr(found, "parameter", None) or "",
        multiplier=getattr(found, "multiplier", None) or "",
        amount=getattr(found, "amount", None) or getattr(found, "budget", None),
        scope=getattr(found, "receiver", None) or getattr(found, "scope", None) or "",
        note=found.note,
    )


def _who(found: Any, kind: str) -> Who | None:
    pairs = getattr(found, "pairs", None)
    exporters, importers = getattr(found, "exporters", None), getattr(found, "importers", None)
    if pairs is None and exporters is None and importers is None:
        return None
    both = getattr(found, "both_ways", None)
    # An agreement binds both, and so does a link between two; any other change of cost is told for one direction.
    mutual = kind in ("rta_switch", "connectivity")
    listed = tuple((p[0], p[1]) for p in pairs) if isinstance(pairs, list) else pairs
    return Who(listed, _group(exporters), _group(importers), mutual if both is None else both)


def _sectors(found: Any) -> tuple[str, ...]:
    return tuple(found) if isinstance(found, list) else (found,) if found else ()


def _group(found: Any) -> str | tuple[str, ...] | None:
    return tuple(found) if isinstance(found, list) else found


def _transfer(found: keys.TransferKeys, place: str) -> Transfer:
    return _checked(Transfer(found.sender, found.receiver, found.amount, place))


def _transfer_of(shock: Shock) -> Transfer:
    assert shock.amount is not None
    return _checked(Transfer(shock.country, shock.scope, shock.amount, shock.place))


def _checked(transfer: Transfer) -> Transfer:
    if transfer.sender == transfer.receiver:
        what = f"a transfer from {transfer.sender} to itself."
        raise InputError(what, where=transfer.place, hint="Name two economies.", code="transfer")
    return transfer
