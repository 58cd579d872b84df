"""What a run rests on besides its numbers: parameters, the bytes of the base and their hash, words for the result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from concordat.errors import InputError, MethodError, TrustError
from concordat.impact.certificate import Hashes
from concordat.impact.parameters import Parameter, ParameterBook, load_parameters
from concordat.impact.scenario import Scenario, Shock

Progress = Callable[[int, int, str], None]


def bytes_of(files: Mapping[str, bytes], name: str, scenario: Scenario) -> bytes:
    """The bytes of a file that the scenario names.

    Raises:
        InputError: they were not handed in.
    """
    if name not in files:
        raise InputError(f"{name} was not given.", where=scenario.where, hint="Hand in its bytes.", code="file")
    return files[name]


def book_of(scenario: Scenario, files: Mapping[str, bytes]) -> ParameterBook:
    """The packaged parameters with those of the scenario's own files.

    Raises:
        InputError: a file is missing, faulty, or has an id that is taken.
    """
    from concordat.impact.parameter_file import parse_parameters

    book = load_parameters()
    for name in scenario.parameter_files:
        book = book.plus(parse_parameters(bytes_of(files, name, scenario), where=name))
    return book


def quoted_of(scenario: Scenario, book: ParameterBook) -> tuple[Parameter, ...]:
    """The records to quote beside the result.

    Raises:
        InputError: no such parameter, or one that is no published scenario.
    """
    place = scenario.document.place("quote")
    found = tuple(book.get(name, where=place) for name in scenario.quote)
    for parameter in found:
        if parameter.quantity != "published_scenario":
            what = f"{parameter.id} has quantity {parameter.quantity}: it is computed with, not quoted."
            raise InputError(what, where=place, hint="Quote records of quantity published_scenario.", code="quote")
    return found


def checked_bytes(scenario: Scenario, files: Mapping[str, bytes]) -> bytes:
    """The bytes of the base.

    Raises:
        TrustError: they are not those whose hash the scenario states.
    """
    data = bytes_of(files, scenario.base.file, scenario)
    found = hashlib.sha256(data).hexdigest()
    if scenario.base.sha256 and found != scenario.base.sha256:
        what = f"{scenario.base.file} has SHA-256 {found}, and the scenario states {scenario.base.sha256}."
        hint = "Get the file that was meant, or state the hash of this one."
        raise TrustError(what, where=scenario.document.place("base", "sha256"), hint=hint, code="sha256")
    return data


def in_dollars(scenario: Scenario, unit: str) -> None:
    """Transfers are told in USD million, so the base must be, too.

    Raises:
        MethodError: it is in another unit.
    """
    if scenario.transfers and unit != "USD million":
        what = f"the transfer is in USD million, and the base is in {unit}."
        hint = "Convert the base, with the rate and its source in the note."
        raise MethodError(what, where=scenario.transfers[0].place, hint=hint, code="unit")


def hashes_of(scenario: Scenario, used: tuple[Parameter, ...], book: ParameterBook, data: str) -> Hashes:
    """The hashes of all files behind a run, and the ids of its sources."""
    sources = tuple(sorted({p.source.id for p in used if p.source}))
    return Hashes(data, scenario.sha256, tuple(sorted(book.files.values())), sources)


def stated_words(shock: Shock) -> str:
    """A change that the scenario states itself, in words."""
    assert shock.percent is not None
    size = f"{shock.percent:+g} %"
    with_parameter = f", times {shock.parameter}" if shock.parameter else ""
    reason = f" ({shock.reason})" if shock.reason else ""
    return f"{shock.kind} {size}{with_parameter}{reason}"


def investment_words(shock: Shock) -> str:
    """Money that is spent beside the solver, in words."""
    assert shock.amount is not None
    return (
        f"{shock.country}: USD {shock.amount:,.10g} million on {shock.scope}, beside the gain and not in the solver; "
        "what it buys is the connectivity shock"
    )
