"""What does a time zone mean: the files of the package `tzdata`, and nothing that a machine may have beside them.

A zone is a name on the list of that package (IANA names: `Asia/Shanghai`, `UTC`), and its rules come from its file
there. Names that systems add (`localtime`, `posixrules`, `right/...`, `posix/...`) mean something else on each machine
and are refused. So all members who pin one version of the package come to the same instants, and are told the same
words. Source: IANA Time Zone Database, as packed by https://github.com/python/tzdata.

    >>> zone("Asia/Shanghai").key
    'Asia/Shanghai'
    >>> zone("Asia/Shangai")
    Traceback (most recent call last):
    ...
    concordat.errors.InputError: "Asia/Shangai" is not a time zone I know. Did you mean "Asia/Shanghai"?
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from concordat.errors import InputError, MethodError
from concordat.settings import nearest

_PACKAGE = "tzdata"


@cache
def zone_names() -> tuple[str, ...]:
    """The names that the package lists, sorted.

    Raises:
        MethodError: the package is not installed.
    """
    try:
        return tuple(sorted(files(_PACKAGE).joinpath("zones").read_text(encoding="utf-8").split()))
    except (ModuleNotFoundError, OSError):
        what, hint = (
            "the package tzdata, which knows the time zones, is missing.",
            "Install it with: pip install tzdata",
        )
        raise MethodError(what, hint=hint, code="no_zones") from None


def zone(name: object, *, where: str = "") -> ZoneInfo:
    """The zone of a name.

    Raises:
        InputError: no such zone; the nearest name is suggested.
        MethodError: the package is not installed.
    """
    known = zone_names()
    if isinstance(name, str) and name in _known():
        return _read(name)
    shown = str(name)[:60]
    cities = [k.rpartition("/")[2] for k in known]
    close = nearest(shown, known) or nearest(shown.replace(" ", "_"), cities)
    full = [k for k in known if close and k.rpartition("/")[2] == close[0] and k not in close] or close
    hint = f'Did you mean "{full[0]}"?' if full else "Write an IANA name, such as Asia/Shanghai."
    raise InputError(f'"{shown}" is not a time zone I know.', where=where, hint=hint, code="unknown_zone")


@cache
def _known() -> frozenset[str]:
    return frozenset(zone_names())


@cache
def _read(name: str) -> ZoneInfo:
    with files(_PACKAGE).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
