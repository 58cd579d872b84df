"""Where a number came from: records, the functions that derived them, and the book that a report keeps of both.

Everything printed has an id. The id leads to one of three records:

- an `Observation`: a publisher's figure, with the hash of its bytes and the place in them;
- a `Fact`: a row of a packaged table or a line of the study (who is a member since when), likewise with file and place;
- a `Derived` number: a registered function, its version, its inputs by id and its parameters.

A record has named *parts* (`value`, `lower`, `upper`, `year`, ...); what is printed is one part of one record. A
derived record is made only by running its function on its inputs, so the book can't hold a number that its inputs don't
give; `recompute` runs it again and raises when the parts differ.

    >>> book = Book()
    >>> a, b = (book.fact("demo.csv", "0" * 64, f"row {n}", {"value": n}) for n in (1, 2))
    >>> book.derive("evidence.provenance.count@1", [a, b]).parts
    {'value': 2}
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from concordat import canonical
from concordat.errors import ConcordatError, StateError, TrustError
from concordat.evidence.observation import Observation

Parts: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Sequence[Parts], Mapping[str, Any]], dict[str, Any]]

MEMORY_MAX = 2_048  # results that are remembered
SHOWN_MAX = 12  # parts that a message prints
_FUNCTIONS: dict[str, Function] = {}
_CHANGED = "The report or its inputs were changed after it was written."
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, StopIteration, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of a table that ships with the program, or a line of the study."""

    id: str
    file: str
    sha256: str
    locator: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class Derived:
    """A number made from others. `function` is `module.name@version` below `concordat.`."""

    id: str
    function: str
    inputs: tuple[str, ...]
    parameters: Parts
    parts: Parts


Record: TypeAlias = Observation | Fact | Derived


def derivation(name: str, version: int = 1) -> Callable[[Function], Function]:
    """Register a pure function that makes derived records.

    It takes the parts of its inputs, in order, and the parameters (plain JSON), and returns named parts. A change in
    what it computes needs a new version: stored reports name the one they used.
    """

    def register(function: Function) -> Function:
        full = f"{name}@{version}"
        assert full not in _FUNCTIONS or _FUNCTIONS[full].__module__ == function.__module__, full
        _FUNCTIONS[full] = function
        return function

    return register


def parts_of(record: Record) -> Parts:
    """The named parts of a record that may be printed or computed with."""
    if not isinstance(record, Observation):
        return record.parts
    return {
        "value": record.value,
        "lower": record.lower,
        "upper": record.upper,
        "year": record.year,
        "precision": record.precision,
        "censoring": record.censoring,
        "area": record.area,
        "unit_mult": record.unit_mult,
    }


class Book:
    """All records that one report prints, by id, in the order they were first used.

    Attributes:
        entered: figures that were entered already (`resolve.enter`), by identity: the same one is used many times.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self.entered: dict[int, tuple[object, str]] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __getitem__(self, record_id: str) -> Record:
        return self._records[record_id]

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._records

    def items(self) -> Iterator[tuple[str, Record]]:
        """Ids and records."""
        return iter(self._records.items())

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self._records)

    def ids(self) -> Iterator[str]:
        """The ids of all records."""
        return iter(self._records)

    def observe(self, observation: Observation) -> str:
        """Enter an observation; returns its id."""
        known = self._records.setdefault(observation.obs_id, observation)
        assert known == observation, f"two vintages of {observation.obs_id} in one book: its numbers would be mixed"
        return observation.obs_id

    def fact(self, file: str, sha256: str, locator: str, parts: Parts) -> str:
        """Enter a row of a packaged table or of the study; returns its id."""
        record_id = canonical.digest([file, sha256, locator, dict(parts)], floats=True)[:32]
        self._records.setdefault(record_id, Fact(record_id, file, sha256, locator, parts))
        return record_id

    def derive(self, function: str, inputs: Iterable[str], parameters: Parts | None = None) -> Derived:
        """Run a registered function on records of this book and enter the result."""
        inputs = tuple(inputs)
        parameters = dict(parameters or {})
        record_id = canonical.digest([function, inputs, parameters], floats=True)[:32]
        known = self._records.get(record_id)
        if known is not None:
            assert isinstance(known, Derived)
            return known
        parts = self._computed(function, [parts_of(self._records[i]) for i in inputs], parameters)
        record = Derived(record_id, function, inputs, parameters, parts)
        self._records[record_id] = record
        return record

    def _computed(self, function: str, inputs: Sequence[Parts], parameters: Parts) -> dict[str, Any]:
        """What a registered function gives."""
        return _FUNCTIONS[function](inputs, parameters)


class RememberingBook(Book):
    """A book that begins as a copy of another, for whoever makes many alike: what was computed once is not again.

    Args:
        of: the book that it copies. memory: results by the hash of function, inputs and parameters, shared by all such
            books; of the latest `MEMORY_MAX`.
    """

    def __init__(self, of: Book, memory: OrderedDict[str, dict[str, Any]]) -> None:
        super().__init__()
        self._records, self.entered = dict(of._records), dict(of.entered)
        self._memory = memory

    def _computed(self, function: str, inputs: Sequence[Parts], parameters: Parts) -> dict[str, Any]:
        key = canonical.digest([function, [dict(i) for i in inputs], dict(parameters)], floats=True)
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = super()._computed(function, inputs, parameters)
            while len(self._memory) > MEMORY_MAX:
                self._memory.popitem(last=False)
        return dict(found)


class BookOfTwo(Book):
    """The same book for a comparison with an earlier release: a row of an older vintage gets an id of its own.

    What is entered here stands in the book that it was made from. Rows of the report's own vintages keep their ids, so
    a figure that did not move is one record, not two.
    """

    def __init__(self, book: Book, vintages: Iterable[tuple[str, str]]) -> None:
        """`vintages`: (dataset id, vintage id) of the report's own release."""
        super().__init__()
        self._records = book._records
        self._own = frozenset(vintages)

    def observe(self, observation: Observation) -> str:
        """Enter an observation of either release; returns the id of its record."""
        if (observation.dataset_id, observation.vintage_id) in self._own:
            return super().observe(observation)
        record_id = earlier_id(observation.obs_id, observation.dataset_id, observation.vintage_id)
        self._records.setdefault(record_id, observation)
        return record_id


def earlier_id(obs_id: str, dataset_id: str, vintage_id: str) -> str:
    """The id of the record of a figure as an earlier vintage gives it, beside that of the report's own release."""
    return canonical.digest([obs_id, dataset_id, vintage_id])[:32]


def recompute(record: Derived, lookup: Callable[[str], Record]) -> Parts:
    """Run a derived record's function again on its inputs.

    Raises:
        TrustError: the function now gives other parts than the record holds, or none; an input is missing.
        StateError: this program no longer has that version of the function.
    """
    function = _FUNCTIONS.get(record.function)
    if function is None:
        hint = "Install the version of concordat named in the report's manifest."
        raise StateError(f"this program has no {record.function}.", hint=hint, code="unknown_function")
    where = f"record {record.id}"
    try:
        inputs = [parts_of(lookup(i)) for i in record.inputs]
    except KeyError as error:
        what = f"{record.function} is made from {error.args[0]}, which is not in the report."
        raise TrustError(what, where=where, hint=_CHANGED, code="recompute") from None
    try:
        parts = function(inputs, record.parameters)
    except (*_FAULTS, ConcordatError) as error:  # right when it was written, so something was changed since
        what = f"{record.function} can't be computed from its inputs ({type(error).__name__}: {error})."
        raise TrustError(what, where=where, hint=_CHANGED, code="recompute") from error
    if canonical.dumps(dict(parts), floats=True) != canonical.dumps(dict(record.parts), floats=True):
        now, then = _differing(parts, record.parts)
        raise TrustError(
            f"{record.function} gives {now}, the record says {then}.",
            where=where,
            hint=_CHANGED,
            code="recompute",
        )
    return parts


def _differing(now: Parts, then: Parts) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts that differ, of a record with many the first few alone."""
    names = sorted(set(now) | set(then))
    if len(names) > SHOWN_MAX:
        names = [n for n in names if n not in now or n not in then or now[n] != then[n]][:SHOWN_MAX]
    return {n: now[n] for n in names if n in now}, {n: then[n] for n in names if n in then}


def text_hash(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


@derivation("evidence.provenance.count")
def count(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How many records there are."""
    return {"value": len(inputs)}
