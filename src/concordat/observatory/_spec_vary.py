"""What an uncertainty analysis varies: paths of the file's key `uncertainty.vary`, each checked before anything runs.

    treat.winsorise_max: [1, 2, 3]                       levels of an option of a step
    normalise.method: {levels: [minmax, rank], probabilities: [0.8, 0.2], group: method}
    treat.skew: {uniform: [1.5, 2.5]}                    a continuous factor
    weights.noise: {plus_minus: 0.25, levels: [2, 3], draws: 100}
    weights.ballot: all                                  each member's ballot is a level
    impute.draw: all                                     each draw of multiple imputation is a level
    data.error: {draws: 256}                             draws of the errors that indicators state

A name that resolves to nothing, a step that the file lacks, or a level that is invalid for its step is an `InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.observatory._spec_model import STEP_MODELS
from concordat.observatory.stages import options as o
from concordat.settings import Document, nearest, validate

if TYPE_CHECKING:
    from concordat.observatory._spec_reader import Reader
    from concordat.observatory.spec import Indicator, Step, Vary
    from concordat.observatory.tree import Tree

SPECIAL = ("weights.noise", "weights.ballot", "impute.draw", "data.error")
DRAWS_MAX = 100_000


def read_vary(
    reader: Reader, path: str, given: Any, steps: Sequence[Step], indicators: Sequence[Indicator], tree: Tree
) -> Vary:
    """One line of `vary`.

    Raises:
        InputError: an unknown path, a step the file lacks, an invalid level; with the nearest name.
    """
    from concordat.observatory.spec import Vary

    keys = _keys(reader, path, given)
    group = keys.pop("group", "")
    head, _, tail = path.rpartition(".")
    if path == "data.error":
        _fit(reader, path, keys, ("draws",))
        return _data_error(reader, path, keys, indicators, group)
    step = _step_of(reader, path, head, tail, steps)
    number = steps.index(step)
    _fit(reader, path, keys, _fitting(step.stage, tail, keys))
    if step.stage == "weights" and tail == "noise":
        return _noise(reader, path, keys, number, tree, group)
    if step.stage == "impute" and tail == "draw":
        _only_all(reader, path, keys)
        assert isinstance(step.options, o.Impute)
        if not step.options.draws:
            raise _error(reader, path, "the step impute makes no draws.", 'Write "draws: 20" (method: em).')
        labels = tuple(f"draw {n + 1}" for n in range(step.options.draws))
        return Vary(path, "draw", number, labels=labels, draws=step.options.draws, group=group)
    if step.stage == "weights" and tail == "ballot":
        _only_all(reader, path, keys)
        assert isinstance(step.options, o.Weights)
        if not step.options.ballots:
            raise _error(reader, path, "the step weights has no ballots.", "Write method: ballots and file: ...")
        labels = tuple(f"{b[0]} ({b[1]})" for b in step.options.ballots)
        return Vary(path, "ballot", number, labels=labels, draws=len(labels), group=group)
    if step.stage == "impute" and tail == "group":
        raise _error(reader, path, "groups are read once, with the figures.", "Compare two files instead.")
    if step.stage == "weights" and tail == "file":
        raise _error(reader, path, "ballots are read once.", f"Vary each ballot instead: {head}.ballot: all.")
    if "uniform" in keys:
        return _continuous(reader, path, keys["uniform"], step, number, tail, group)
    levels = [_level(reader, path, {tail: value}, step, indicators, tree) for value in keys["levels"]]
    labels = tuple(str(v) for v in keys["levels"])
    if len(set(labels)) < len(labels):
        raise _error(reader, path, "a level stands twice.", "Name each once; give probabilities to weigh them.")
    probabilities = _probabilities(reader, path, keys.get("probabilities"), len(levels))
    return Vary(path, "option", number, tuple(levels), labels, probabilities, field=tail, group=group)


def _error(reader: Reader, path: str, what: str, hint: str = "", code: str = "vary") -> InputError:
    place = reader.document.place("uncertainty", "vary", path)
    return InputError(f"{path}: {what}", where=place, hint=hint, code=code)


def _keys(reader: Reader, path: str, given: Any) -> dict[str, Any]:
    """The line as a dictionary: a list stands for its levels, "all" for all draws."""
    if isinstance(given, list):
        given = {"levels": given}
    elif given == "all":
        given = {"all": True}
    if not isinstance(given, dict):
        raise _error(reader, path, f"{given!r} is neither a list of levels nor a mapping.", "Write [a, b, c].")
    known = ("levels", "probabilities", "uniform", "group", "all", "plus_minus", "draws")
    for key in given:
        if key not in known:
            close = nearest(str(key), known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known keys: {', '.join(known)}."
            raise _error(reader, path, f'"{key}" is not a key I know here.', hint, "unknown_key")
    if not isinstance(given.get("group", ""), str):
        raise _error(reader, path, f"group is {given['group']!r}.", "Write the group's name.")
    return dict(given)


def _fitting(stage: str, tail: str, keys: dict[str, Any]) -> tuple[str, ...]:
    """The keys that a line of this kind may hold."""
    if (stage, tail) in (("impute", "draw"), ("weights", "ballot")):
        return ("all",)
    if (stage, tail) == ("weights", "noise"):
        return ("plus_minus", "levels", "draws")
    return ("uniform",) if "uniform" in keys else ("levels", "probabilities")


def _fit(reader: Reader, path: str, keys: dict[str, Any], known: tuple[str, ...]) -> None:
    """Refuse what a line of this kind does not read: it would be ignored."""
    if "levels" in known and "probabilities" in known and not keys.get("levels"):
        if "levels" in keys:
            raise _error(reader, path, "the list of levels is empty.", "Give two or more.")
        raise _error(reader, path, "give levels or uniform.", "Write a list, or {uniform: [a, b]}.")
    if "levels" in known and not isinstance(keys.get("levels", []), list):
        raise _error(reader, path, f"levels is {keys['levels']!r}.", "Write a list: [a, b].")
    extra = [k for k in keys if k not in known]
    if extra:
        raise _error(reader, path, f"{' and '.join(extra)} can't be given here.", f"Keys: {', '.join(known)}.")


def _step_of(reader: Reader, path: str, head: str, tail: str, steps: Sequence[Step]) -> Step:
    found = [s for s in steps if s.name == head] or [s for s in steps if s.stage == head]
    stages = {s.name: s.stage for s in steps}
    known = [*SPECIAL[3:], *(f"{s.name}.{f}" for s in steps for f in _options_of(s))]
    if not found:
        close = nearest(path, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Steps of this file: {', '.join(stages)}."
        raise _error(reader, path, f'this file has no step "{head}".', hint, "unknown_step")
    if tail not in _options_of(found[-1]):
        close = nearest(tail, _options_of(found[-1]))
        known_text = ", ".join(_options_of(found[-1]))
        hint = f'Did you mean "{close[0]}"?' if close else f"Options of {head}: {known_text}."
        raise _error(reader, path, f'"{tail}" is not an option of {head}.', hint, "unknown_option")
    return found[-1]


def _options_of(step: Step) -> list[str]:
    extra = {"weights": ["noise", "ballot"], "impute": ["draw"]}.get(step.stage, [])
    return [*(STEP_MODELS[step.stage].model_fields if step.stage in STEP_MODELS else []), *extra]


def _level(
    reader: Reader, path: str, changes: dict[str, Any], step: Step, indicators: Sequence[Indicator], tree: Tree
) -> Any:
    """The step's options with some fields at other levels, checked as if the file said so."""
    place = reader.document.place("uncertainty", "vary", path)
    try:
        model = validate(Document({**_written(reader, step), **changes}, place, {}), STEP_MODELS[step.stage])
        values = model.model_dump()
        options = reader._from_model(step.stage, values, indicators, tree, ("uncertainty", "vary", path))
        changed = type(step)(step.name, step.stage, options)
        reader._check_step(changed, indicators, tree, "uncertainty", "vary", path)
        _check_distance(step.options, options, tree)
    except InputError as error:
        told = ", ".join(f"{value!r}" if len(changes) == 1 else f"{f}: {value!r}" for f, value in changes.items())
        what = error.what
        for field in changes:
            what = what.removeprefix(f"{field}: ")
        words = "level" if len(changes) == 1 else "with"
        raise InputError(f"{path}, {words} {told}: {what}", where=place, hint=error.hint, code="level") from None
    return options


def _written(reader: Reader, step: Step) -> dict[str, Any]:
    """A step as the file has it."""
    index = next(i for i, keys in enumerate(reader.model.steps) if (keys.name or keys.stages()[0]) == step.name)
    return dict(reader.document.value["steps"][index][step.stage])


def check_together(
    reader: Reader, vary: Sequence[Vary], steps: Sequence[Step], indicators: Sequence[Indicator], tree: Tree
) -> None:
    """What several lines of `vary` say of one step: no option twice, and no pair of levels that can't be.

    Rules between options of a step concern two at most, so pairs of levels suffice.

    Raises:
        InputError: names both lines, and the levels.
    """
    seen: dict[tuple[int, str, str], str] = {}
    for factor in vary:
        key = (factor.step, factor.kind if not factor.field else "", factor.field)
        if key in seen:
            what = f"it varies what {seen[key]} varies."
            raise _error(reader, factor.path, what, "Keep one line for each option.", "duplicate")
        seen[key] = factor.path
    told = [f for f in vary if f.field]
    for first, second in ((a, b) for n, a in enumerate(told) for b in told[n + 1 :] if a.step == b.step):
        for one in _ends(reader, first):
            for other in _ends(reader, second):
                changes = {first.field: one, second.field: other}
                _level(reader, second.path, changes, steps[first.step], indicators, tree)


def _ends(reader: Reader, factor: Vary) -> list[Any]:
    """The levels as written, or both ends of a range."""
    if factor.uniform is not None:
        return list(factor.uniform)
    assert reader.model.uncertainty is not None
    written = reader.model.uncertainty.vary[factor.path]
    return list(written if isinstance(written, list) else written["levels"])


def _check_distance(nominal: Any, level: Any, tree: Tree) -> None:
    """A method whose less is better can't be a level among methods whose more is."""
    if not isinstance(level, o.Aggregate):
        return
    from concordat.observatory.stages.aggregate import LOWER_IS_BETTER, check_methods, method_of

    check_methods(tree, level)
    sides = {method_of(tree, tree.root, options) in LOWER_IS_BETTER for options in (nominal, level)}
    if len(sides) > 1:
        raise InputError("a distance, of which less is better, and a score can't be varied together.", code="distance")


def _continuous(reader: Reader, path: str, ends: Any, step: Step, number: int, tail: str, group: str) -> Vary:
    from concordat.observatory.spec import Vary

    if not (isinstance(ends, list) and len(ends) == 2 and all(isinstance(e, (int, float)) for e in ends)):
        raise _error(reader, path, f"uniform is {ends!r}.", "Write {uniform: [a, b]}.")
    low, high = float(ends[0]), float(ends[1])
    floats = {f.name for f in fields(step.options) if f.type in ("float", "float | None")}
    if tail not in floats:
        raise _error(reader, path, f'"{tail}" is not a number that can vary continuously.', "Give levels: a list.")
    if not low < high:
        raise _error(reader, path, f"uniform runs from {low:g} to {high:g}.", "Write the lower end first.")
    for end in (low, high):
        _check_end(reader, path, step, tail, end)
    return Vary(path, "continuous", number, (step.options,), uniform=(low, high), field=tail, group=group)


def _check_end(reader: Reader, path: str, step: Step, tail: str, end: float) -> None:
    place = reader.document.place("uncertainty", "vary", path)
    validate(Document({**_written(reader, step), tail: end}, place, {}), STEP_MODELS[step.stage])


def _noise(reader: Reader, path: str, keys: dict[str, Any], number: int, tree: Tree, group: str) -> Vary:
    from concordat.observatory.spec import Vary

    share, draws = keys.get("plus_minus"), keys.get("draws")
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 < share < 1:
        raise _error(reader, path, f"plus_minus is {share!r}.", "Give a share between 0 and 1, as 0.25.")
    top = max(tree.levels)
    levels = keys.get("levels", list(range(1, top)))
    if not isinstance(levels, list) or not levels or not all(isinstance(v, int) and 1 <= v <= top for v in levels):
        hint = f"Levels of this tree: 1 (indicators) to {top} (the index)."
        raise _error(reader, path, f"levels is {levels!r}.", hint)
    return Vary(
        path,
        "noise",
        number,
        labels=tuple(f"draw {n + 1}" for n in range(_draws(reader, path, draws))),
        draws=_draws(reader, path, draws),
        noise=(float(share), tuple(sorted(set(levels)))),
        group=group,
    )


def _data_error(reader: Reader, path: str, keys: dict[str, Any], indicators: Sequence[Indicator], group: str) -> Vary:
    from concordat.observatory.spec import Vary

    if not any(k.error for k in indicators):
        raise _error(reader, path, "no indicator states an error.", "Add error: {sd: ...} to one.")
    draws = _draws(reader, path, keys.get("draws"))
    return Vary(path, "error", -1, labels=tuple(f"draw {n + 1}" for n in range(draws)), draws=draws, group=group)


def _draws(reader: Reader, path: str, draws: Any) -> int:
    if not isinstance(draws, int) or isinstance(draws, bool) or not 2 <= draws <= DRAWS_MAX:
        raise _error(reader, path, f"draws is {draws!r}.", f"Give a whole number from 2 to {DRAWS_MAX:,}.")
    return draws


def _only_all(reader: Reader, path: str, keys: dict[str, Any]) -> None:
    if "all" not in keys:
        raise _error(reader, path, "the draws are the levels.", f"Write {path}: all.")


def _probabilities(reader: Reader, path: str, given: Any, n: int) -> tuple[float, ...]:
    if given is None:
        return ()
    ok = isinstance(given, list) and len(given) == n and all(isinstance(p, (int, float)) and p >= 0 for p in given)
    if not ok or not math.isclose(math.fsum(given), 1.0, abs_tol=1e-9):
        raise _error(reader, path, f"probabilities {given!r} are not {n} shares that sum to 1.")
    return tuple(float(p) for p in given)
