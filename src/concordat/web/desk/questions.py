"""What does an act's form ask, and what body do the answers come to: both from the council's own model of the entry.

`asks_of` reads the pydantic model of a type of entry (`council.events`): a literal becomes a choice, a boolean a box to
tick, a long text an area, a list one line an item, a table of keys `KEY: value` a line, a list of objects one line each
with ` | ` between its parts. A few fields are asked in their own way (`LAYOUT`): the texts of a proposal by language
with empty lines between paragraphs, the change of an amendment, a ballot by the vote's method, one commitment at a
time. What the node computes itself (`shown`, `made`) nobody types.

`body_of` builds the body and says what is wrong by field; the same model has the last word. Pure. What it does not do:
ask whether the body would have an effect (`node.council.check`), sign.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Union

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from concordat.council._body import Body
from concordat.council._registry import model_of

AskKind = Literal[
    "line", "words", "choice", "yes", "number", "lines", "pairs", "counts", "rows", "shown", "made",
    "texts", "change", "ballot", "pledge", "opinions", "whole",
]  # fmt: skip
Answers = Mapping[str, Sequence[str]]
LONG = 301  # characters, from which a text is asked for in an area
TEXTS = 3  # languages that the form of a proposal has room for
# Thousands may stand apart, in threes: a comma anywhere else is a decimal one, and there are no parts of a vote.
_COUNT = re.compile("[0-9]{1,15}|[0-9]{1,3}(?:[ ,\u00a0\u202f][0-9]{3}){1,4}")
NONE = "none"  # the answer that stands for no value, where a choice has one

# (type, field) -> how it is asked, where the model alone doesn't say. `shown` is computed when the form is made and
# sent back, so that what is signed is what was seen; `made` is computed when the body is built.
LAYOUT: Mapping[tuple[str, str], AskKind] = {
    ("ProposalTabled", "texts"): "texts",
    ("ProposalTabled", "authentic"): "made",
    ("AmendmentTabled", "base"): "shown",
    ("AmendmentTabled", "change"): "change",
    ("TranslationSupplied", "base"): "shown",
    ("BallotCast", "choice"): "ballot",
    ("BallotCast", "text"): "shown",
    ("BallotCast", "rule"): "shown",
    ("BallotCommitted", "text"): "shown",
    ("BallotCommitted", "rule"): "shown",
    ("BallotCommitted", "commitment"): "made",
    ("BallotRevealed", "nonce"): "made",
    ("BallotRevealed", "ballot"): "made",
    ("CommitmentRegistered", "commitments"): "pledge",
    ("OpinionVoted", "opinions"): "opinions",
    ("RuleAdopted", "rules"): "whole",
    ("SilenceStarted", "text"): "shown",
    ("TextCertified", "version"): "shown",
    ("TextCertified", "languages"): "made",
    ("VoteOpened", "text"): "made",
    ("ResultDeclared", "outcome"): "shown",
    ("ResultDeclared", "result"): "shown",
    ("ResultDeclared", "ballots"): "made",
}
# What is asked beside the fields of the body, to compute one of them.
BESIDE: Mapping[str, tuple[tuple[str, AskKind], ...]] = {
    "BallotCommitted": (("choice", "ballot"), ("nonce", "shown")),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        name: of the field in the body. kind: how it is asked. options: of a choice. max_length: in characters.
        columns: of rows, the parts of an object. nullable: a choice may be `none`.
    """

    name: str
    kind: AskKind
    required: bool
    options: tuple[str, ...] = ()
    max_length: int = 0
    columns: tuple[str, ...] = ()
    nullable: bool = False
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """A body, or what is wrong: field -> (code of the mistake, detail)."""

    body: dict[str, Any]
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)


class WrongError(Exception):
    """An answer that can't be read: its field, and why."""

    def __init__(self, name: str, code: str, detail: str = "") -> None:
        super().__init__(name, code, detail)
        self.name, self.code, self.detail = name, code, detail


# --- From the model to the questions ----------------------------------------------------------------------------------


@cache
def asks_of(kind: str) -> tuple[Ask, ...]:
    """The questions of a type's form, in the order of its model.

    Raises:
        InputError: the council knows no such type.
    """
    found = [_ask(kind, name, info) for name, info in model_of(kind).model_fields.items()]
    found += [Ask(name, how, True) for name, how in BESIDE.get(kind, ())]
    return tuple(found)


def _ask(kind: str, name: str, info: FieldInfo) -> Ask:
    hint, metadata, nullable = _plain_hint(info.annotation, list(info.metadata))
    required = info.is_required()
    special = LAYOUT.get((kind, name))
    facts = _facts(metadata)
    if special is not None:
        return Ask(name, special, required, (), facts.get("max_length", 0))
    how, options, columns = _how(hint, facts)
    return Ask(name, how, required, options, facts.get("max_length", 0), columns, nullable, facts.get("pattern", ""))


def _plain_hint(hint: Any, metadata: list[Any]) -> tuple[Any, list[Any], bool]:
    """A hint without its wrappings: (what it is, what was noted on it, whether it may be nothing)."""
    nullable = False
    while True:
        origin = typing.get_origin(hint)
        if origin is typing.Annotated:
            hint, *more = typing.get_args(hint)
            metadata = [*metadata, *more]
        elif origin in (Union, types.UnionType):
            kept = [a for a in typing.get_args(hint) if a is not type(None)]
            if len(kept) != 1:
                return hint, metadata, nullable
            hint, nullable = kept[0], True
        else:
            return hint, metadata, nullable


def _facts(metadata: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        for one in getattr(item, "metadata", None) or (item,):  # a `Field(...)` inside an optional keeps its own list
            for key in ("max_length", "pattern"):
                value = getattr(one, key, None)
                if value is not None:
                    found[key] = value
    return found


def _how(hint: Any, facts: Mapping[str, Any]) -> tuple[AskKind, tuple[str, ...], tuple[str, ...]]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "choice", tuple(arguments), ()
    if hint is bool:
        return "yes", (), ()
    if hint is int:
        return "number", (), ()
    if origin is list:
        inner = _plain_hint(arguments[0], [])[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return "rows", (), tuple(inner.model_fields)
        return "lines", (), ()
    if origin is dict:
        return ("counts" if _plain_hint(arguments[1], [])[0] is int else "pairs"), (), ()
    assert hint is str, f"no way to ask for {hint}"
    return ("words" if facts.get("max_length", 0) >= LONG else "line"), (), ()


def names_of(kind: str) -> tuple[str, ...]:
    """Every field that a type's form may send, for those that are known without the council; others by prefix."""
    found: list[str] = []
    for ask in asks_of(kind):
        match ask.kind:
            case "made":
                continue
            case "texts":
                found += [f"{part}.{n}" for n in range(1, TEXTS + 1) for part in ("language", "text")]
            case "change":
                found += ["change.op", "change.paragraph", "change.id"]
            case "pledge":
                found += list(_pledge_model().model_fields)
            case _:
                found.append(ask.name)
    return tuple(found)


PREFIXES: Mapping[str, str] = {"change": "change.text.", "ballot": "rank.", "opinions": "opinion."}


def kept_answers(kind: str, sent: Answers) -> dict[str, tuple[str, ...]]:
    """What of a sent form belongs to it: known fields, and those that the council's state makes (`rank.1`)."""
    names = set(names_of(kind))
    prefixes = tuple(PREFIXES[a.kind] for a in asks_of(kind) if a.kind in PREFIXES)
    return {k: tuple(v) for k, v in sent.items() if k in names or (prefixes and k.startswith(prefixes))}


def _pledge_model() -> type[Body]:
    from concordat.council.commitments import PledgeBody

    return PledgeBody


# --- From the answers to the body -------------------------------------------------------------------------------------


def body_of(kind: str, answers: Answers, made: Mapping[str, Any]) -> Built:
    """The body that answers come to.

    Args:
        made: values of the fields that the node computes.
    """
    raw: dict[str, Any] = {}
    errors: dict[str, tuple[str, str]] = {}
    beside = {name for name, _ in BESIDE.get(kind, ())}
    for ask in asks_of(kind):
        if ask.name in made:
            raw[ask.name] = made[ask.name]
        elif ask.kind != "made" and ask.name not in beside:
            try:
                value = _READ[ask.kind](ask, answers)
            except WrongError as wrong:
                errors[wrong.name] = (wrong.code, wrong.detail)
                continue
            said_none = ask.nullable and ask.required and _first(answers, ask.name) == NONE
            if value is not None or said_none:
                raw[ask.name] = value
    errors.update({k: v for k, v in _checked(kind, raw).items() if k not in errors and k.split(".")[0] not in errors})
    return Built(raw, errors)


def _checked(kind: str, raw: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What the model says is wrong, by field of the form."""
    try:
        model_of(kind).model_validate(dict(raw))
    except ValidationError as error:
        asks = {a.name: a for a in asks_of(kind)}
        found: dict[str, tuple[str, str]] = {}
        for one in error.errors(include_url=False):
            place = _place(asks, tuple(one["loc"]))
            found.setdefault(place, _mistake(one))
        return found
    return {}


def _mistake(one: Any) -> tuple[str, str]:
    context = one.get("ctx", {})
    match one["type"]:
        case "missing" | "string_too_short" | "too_short":
            return "missing", ""
        case "string_too_long":
            return "too_long", str(context["max_length"])
        case "too_long":
            return "too_many", str(context["max_length"])
        case "string_pattern_mismatch":
            return "pattern", str(context["pattern"])
        case "literal_error":
            return "choose", ""
        case "greater_than_equal" | "less_than_equal":
            return "range", str(context.get("ge", context.get("le")))
    return "other", str(one["msg"])


def _place(asks: Mapping[str, Ask], loc: tuple[Any, ...]) -> str:
    """The field of the form that a path in the body belongs to."""
    ask = asks.get(str(loc[0]))
    if ask is None:
        return str(loc[0])
    if ask.kind == "texts":
        return "text.1" if len(loc) < 2 else f"text.{loc[1]}"
    if ask.kind == "change":
        rest = [str(p) for p in loc[1:3]]
        return ".".join(["change", *rest]) if rest else "change.op"
    if ask.kind == "pledge":
        return str(loc[2]) if len(loc) > 2 else "id"
    return ask.name


def _first(answers: Answers, name: str) -> str:
    values = answers.get(name, ())
    return values[0].strip() if values else ""


def _line(ask: Ask, answers: Answers) -> str | None:
    return _first(answers, ask.name) or None


def _yes(ask: Ask, answers: Answers) -> bool:
    return _first(answers, ask.name) == "yes"


def _number(ask: Ask, answers: Answers) -> int | None:
    text = _first(answers, ask.name)
    if not text or (ask.nullable and text == NONE):
        return None
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise WrongError(ask.name, "number")
    return int(text)


def _lines(ask: Ask, answers: Answers) -> list[str] | None:
    """One item a line; a box that was ticked is an item as well."""
    found = [line.strip() for value in answers.get(ask.name, ()) for line in value.split("\n") if line.strip()]
    return found or ([] if ask.required else None)


def _whole(ask: Ask, answers: Answers) -> list[str] | None:
    """The whole text as the only item of a list."""
    text = _first(answers, ask.name)
    return [text + "\n"] if text else None


def _pairs(ask: Ask, answers: Answers) -> dict[str, str] | None:
    """`KEY: text` a line; a line without a key goes on with the text before it."""
    found: dict[str, str] = {}
    last = ""
    for line in _first(answers, ask.name).split("\n"):
        key, colon, rest = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z0-9._-]{1,40}", key.strip()):
            last = key.strip()
            if last in found:
                raise WrongError(ask.name, "twice", last)
            found[last] = rest.strip()
        elif line.strip() and not last:
            raise WrongError(ask.name, "pair", line.strip()[:40])
        elif last:
            found[last] = f"{found[last]}\n{line.strip()}".strip()
    return found or None


def _counts(ask: Ask, answers: Answers) -> dict[str, int] | None:
    found = {}
    for key, text in (_pairs(ask, answers) or {}).items():
        if not _COUNT.fullmatch(text):
            raise WrongError(ask.name, "number", key)
        found[key] = int(re.sub("[^0-9]", "", text))
    return found or None


def _rows(ask: Ask, answers: Answers) -> list[dict[str, str]] | None:
    """One object a line, its parts in order with ` | ` between them."""
    found = []
    for line in _first(answers, ask.name).split("\n"):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) > len(ask.columns):
            raise WrongError(ask.name, "parts", line.strip()[:40])
        found.append({key: part for key, part in zip(ask.columns, parts, strict=False) if part})
    return found or ([] if ask.required else None)


def _texts(_ask: Ask, answers: Answers) -> dict[str, list[dict[str, str]]] | None:
    """Language -> paragraphs; empty lines stand between them, and their ids are p1, p2, ... in every language."""
    found: dict[str, list[dict[str, str]]] = {}
    for n in range(1, TEXTS + 1):
        language, text = _first(answers, f"language.{n}"), _first(answers, f"text.{n}")
        if not text:
            continue
        if not language:
            raise WrongError(f"language.{n}", "missing")
        if language in found:
            raise WrongError(f"language.{n}", "twice", language)
        parts = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text) if p.strip()]
        found[language] = [{"id": f"p{i}", "text": part} for i, part in enumerate(parts, start=1)]
    if not found:
        raise WrongError("text.1", "missing")
    lengths = {language: len(rows) for language, rows in found.items()}
    if len(set(lengths.values())) > 1:
        raise WrongError("text.2", "unlike", ", ".join(f"{k}: {v}" for k, v in sorted(lengths.items())))
    return found


def _change(_ask: Ask, answers: Answers) -> dict[str, Any]:
    op = _first(answers, "change.op")
    texts = {k.removeprefix("change.text."): _first(answers, k) for k in answers if k.startswith("change.text.")}
    found: dict[str, Any] = {"paragraph": _first(answers, "change.paragraph")}
    if op:
        found["op"] = op
    if op != "delete":
        found["text"] = {language: text for language, text in sorted(texts.items()) if text}
    if op == "insert_after" and _first(answers, "change.id"):
        found["id"] = _first(answers, "change.id")
    return found


def ballot_of(answers: Answers) -> str | list[str] | None:
    """A choice, or of an election the candidates by the numbers that were given them.

    Raises:
        WrongError: a number twice, or none.
    """
    ranked: dict[int, str] = {}
    for name in sorted(k for k in answers if k.startswith("rank.")):
        text, candidate = _first(answers, name), name.removeprefix("rank.")
        if not text:
            continue
        if not re.fullmatch(r"[0-9]{1,3}", text):
            raise WrongError(name, "number")
        if int(text) in ranked:
            raise WrongError(name, "twice", text)
        ranked[int(text)] = candidate
    if ranked:
        return [ranked[n] for n in sorted(ranked)]
    return _first(answers, "choice") or None


def _ballot(_ask: Ask, answers: Answers) -> str | list[str] | None:
    return ballot_of(answers)


def _pledge(_ask: Ask, answers: Answers) -> list[dict[str, Any]]:
    found: dict[str, Any] = {}
    for name in _pledge_model().model_fields:
        if name == "measures":
            rows = _rows(Ask(name, "rows", False, (), 0, ("source", "code", "tells", "note")), answers)
            if rows:
                found[name] = rows
        elif _first(answers, name):
            found[name] = _first(answers, name)
    return [found]


def _opinions(_ask: Ask, answers: Answers) -> list[list[Any]]:
    """[statement, choice] of each statement that something was said of."""
    found: list[list[Any]] = []
    for name in answers:
        number, choice = name.removeprefix("opinion."), _first(answers, name)
        if name.startswith("opinion.") and number.isdecimal() and len(number) < 6 and choice not in ("", "skip"):
            found.append([int(number), choice])
    return sorted(found)


_READ: Mapping[str, Callable[[Ask, Answers], Any]] = {
    "line": _line, "words": _line, "choice": _line, "shown": _line, "yes": _yes, "number": _number, "lines": _lines,
    "pairs": _pairs, "counts": _counts, "rows": _rows, "texts": _texts, "change": _change, "ballot": _ballot,
    "pledge": _pledge, "opinions": _opinions, "whole": _whole,
}  # fmt: skip
