"""The fields of an act's form, from its questions, the council's state and the words of a language; and its mistakes.

A label is the message `ask.<field>`, help is `help.<Type>.<field>` or `help.<field>` where there is one. Pure over the
state. What each way of asking sends is `questions`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from concordat.web.desk.computed import options_of
from concordat.web.desk.documents import field_for, takes
from concordat.web.desk.questions import NONE, TEXTS, Answers, Ask, asks_of
from concordat.web.forms import Field, Option

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.web.desk.asked import At

_MISTAKES = ("missing", "too_long", "too_many", "number", "choose", "range", "twice", "pair", "parts", "unlike")
# Pattern of the model -> the message that says what is meant by it.
_PATTERNS = (
    ("^[0-9a-f]{64}$", "hash"), ("T[0-9]{2}", "instant"), ("^[0-9]{4}-", "day"), ("^[A-Z]", "member"),
    ("^[a-z]{2,3}", "language"), ("^[a-z0-9]", "id"), ("^[a-z]", "id"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Making:
    """A form in the making: for whom, from which state, of which type, filled with what."""

    at: At
    council: Council
    kind: str
    answers: Answers


def fields_of(
    at: At, council: Council, kind: str, answers: Answers, errors: Mapping[str, str], fixed: Collection[str] = ()
) -> tuple[Field, ...]:
    """The fields, filled and with their mistakes.

    Args:
        fixed: what the address says, so that nobody is asked.
    """
    made = _Making(at, council, kind, answers)
    found: list[Field] = []
    for ask in asks_of(kind):
        found += _FIELDS.get(ask.kind, _plain)(made, ask)
    found = [replace(f, kind="hidden") if f.name in fixed else f for f in found]
    return tuple(replace(f, error=errors.get(f.name, "")) for f in found)


def errors_of(at: At, errors: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Mistakes in words."""
    found = {}
    for name, (code, detail) in errors.items():
        if code == "pattern":
            meant = next((word for start, word in _PATTERNS if start in detail), "")
            found[name] = at.t(f"desk.form_{meant}") if meant else detail
        elif code in _MISTAKES:
            found[name] = at.t(f"desk.bad_{code}", **({"detail": detail} if code in _DETAILED else {}))
        else:
            found[name] = detail
    return found


RADIO_MAX = 5  # answers, up to which they are all shown
_DETAILED = ("too_long", "too_many", "range", "twice", "pair", "parts", "unlike")


def label_of(at: At, name: str) -> str:
    """The label of a field."""
    return at.t(f"ask.{name}")


def _help(made: _Making, ask: Ask) -> str:
    at = made.at
    for key in (f"help.{made.kind}.{ask.name}", f"help.{ask.name}"):
        if key in at.words:
            return at.t(key)
    if ask.kind in ("lines", "counts", "pairs", "rows", "whole"):
        columns = {"columns": " | ".join(ask.columns)} if ask.columns else {}
        return at.t(f"help.kind_{ask.kind}", **columns)
    meant = next((word for start, word in _PATTERNS if start in ask.pattern), "") if ask.pattern else ""
    return at.t(f"desk.form_{meant}") if meant in ("hash", "instant", "day") else ""


def _values(ask: Ask, answers: Answers) -> tuple[str, ...]:
    return tuple(answers.get(ask.name, ()))


def _plain(made: _Making, ask: Ask) -> list[Field]:
    label, text = label_of(made.at, ask.name), _help(made, ask)
    values = _values(ask, made.answers)
    choices = options_of(made.council, ask)
    if choices and (not values or any(values[0] == o.value for o in choices)):
        blank = [Option("", made.at.t("desk.choose"))]
        return [Field(ask.name, label, "select", values, text, options=[*blank, *choices], required=ask.required)]
    if takes(ask):
        line = Field(ask.name, label, "text", values, text, max_length=64, mono=True)
        return [line, field_for(made.at, ask)]
    return [Field(ask.name, label, "text", values, text, required=ask.required, max_length=ask.max_length or 400)]


def _words(made: _Making, ask: Ask) -> list[Field]:
    long = ask.max_length > 5_000
    return [
        Field(
            ask.name, label_of(made.at, ask.name), "area", _values(ask, made.answers), _help(made, ask),
            required=ask.required, max_length=ask.max_length if ask.kind == "words" else 0, rows=10 if long else 5,
        )
    ]  # fmt: skip


def _choice(made: _Making, ask: Ask) -> list[Field]:
    options = [Option(value, made.at.t(f"word.{value}")) for value in ask.options]
    values = _values(ask, made.answers) or (() if ask.required else ask.options[:1])
    few = len(options) <= RADIO_MAX
    if not few and ask.required:
        options.insert(0, Option("", made.at.t("desk.choose")))
    return [
        Field(
            ask.name, label_of(made.at, ask.name), "radio" if few else "select", values, _help(made, ask),
            options=options, required=ask.required,
        )
    ]  # fmt: skip


def _yes(made: _Making, ask: Ask) -> list[Field]:
    return [Field(ask.name, label_of(made.at, ask.name), "check", _values(ask, made.answers), _help(made, ask))]


def _number(made: _Making, ask: Ask) -> list[Field]:
    text = _help(made, ask) or (made.at.t("help.none", word=NONE) if ask.nullable and ask.required else "")
    return [
        Field(
            ask.name, label_of(made.at, ask.name), "text", _values(ask, made.answers), text, required=ask.required,
            max_length=16, inputmode="text" if ask.nullable else "numeric",
        )
    ]  # fmt: skip


def _shown(made: _Making, ask: Ask) -> list[Field]:
    values = _values(ask, made.answers)
    if ask.name == "nonce":
        return [Field(ask.name, label_of(made.at, ask.name), "hidden", values)]
    if not values:
        return []
    return [Field(ask.name, label_of(made.at, ask.name), "shown", values, _help(made, ask), mono=True)]


def _texts(made: _Making, _ask: Ask) -> list[Field]:
    found = []
    for n in range(1, TEXTS + 1):
        language, text = f"language.{n}", f"text.{n}"
        help_text = made.at.t("help.texts") if n == 1 else made.at.t("help.texts_more")
        found.append(
            Field(
                language, made.at.t("ask.language_n", n=n), "text", tuple(made.answers.get(language, ())),
                made.at.t("desk.form_language"), required=n == 1, max_length=12,
            )
        )  # fmt: skip
        found.append(
            Field(
                text, made.at.t("ask.text_n", n=n), "area", tuple(made.answers.get(text, ())), help_text,
                required=n == 1, rows=12 if n == 1 else 5,
            )
        )  # fmt: skip
    return found


def _change(made: _Making, _ask: Ask) -> list[Field]:
    proposal = made.council.find("proposal", (made.answers.get("proposal") or ("",))[0])
    ids = proposal.text.ids if proposal is not None else ()
    languages = sorted(proposal.text.texts) if proposal is not None else ["en"]
    ops = [Option(op, made.at.t(f"word.{op}")) for op in ("replace", "insert_after", "delete")]
    places = [Option("start", made.at.t("word.start")), *(Option(key, key) for key in ids)]
    op = tuple(made.answers.get("change.op", ("replace",)))
    found = [
        Field("change.op", made.at.t("ask.change.op"), "radio", op, options=ops, required=True),
        Field(
            "change.paragraph", made.at.t("ask.change.paragraph"), "select" if ids else "text",
            tuple(made.answers.get("change.paragraph", ())), options=places, required=True,
        ),
        Field(
            "change.id", made.at.t("ask.change.id"), "text", tuple(made.answers.get("change.id", ())),
            made.at.t("help.change.id"), max_length=40,
        ),
    ]  # fmt: skip
    for language in languages:
        name = f"change.text.{language}"
        found.append(
            Field(
                name, made.at.t("ask.change.text", language=language), "area", tuple(made.answers.get(name, ())),
                made.at.t("help.change.text"), language=language,
            )
        )  # fmt: skip
    return found


def _ballot(made: _Making, _ask: Ask) -> list[Field]:
    from concordat.council.voting import CHOICES

    vote = made.council.find("vote", (made.answers.get("vote") or ("",))[0])
    if vote is not None and vote.method == "election":
        return [
            Field(
                f"rank.{c}", c, "text", tuple(made.answers.get(f"rank.{c}", ())),
                made.at.t("help.rank") if n == 0 else "", max_length=3, inputmode="numeric",
            )
            for n, c in enumerate(vote.candidates)
        ]  # fmt: skip
    consensus = vote is None or vote.method == "consensus"
    t = made.at.t
    options = [Option(c, t(f"word.{c}"), t(f"help.choice_{c}")) for c in CHOICES if c != "object" or consensus]
    label = t("ask.choice")
    return [Field("choice", label, "radio", tuple(made.answers.get("choice", ())), options=options, required=True)]


def _pledge(made: _Making, _ask: Ask) -> list[Field]:
    from concordat.council.commitments import PledgeBody

    found = []
    for name, info in PledgeBody.model_fields.items():
        area = name in ("what", "measures")
        found.append(
            Field(
                name, made.at.t(f"ask.pledge_{name}"), "area" if area else "text", tuple(made.answers.get(name, ())),
                made.at.t("help.measures") if name == "measures" else "", required=info.is_required(), max_length=1000,
            )
        )  # fmt: skip
    return found


def _opinions(made: _Making, _ask: Ask) -> list[Field]:
    from concordat.council.consultations import votes_of

    consultation = made.council.find("consultation", (made.answers.get("consultation") or ("",))[0])
    if consultation is None:
        return []
    seen = votes_of(made.council, consultation.id).cells.get(made.at.service.member, {})
    asked = [n.removeprefix("opinion.") for n in made.answers if n.startswith("opinion.")]
    rows = [s for s in consultation.statements if s.moderated >= 0 and (s.number not in seen or str(s.number) in asked)]
    return [opinion_field(made.at, s.number, s.text, made.answers.get(f"opinion.{s.number}", ())) for s in rows[:50]]


def opinion_field(at: At, number: int, text: str, values: Sequence[str]) -> Field:
    """One statement with three answers, and a fourth that says nothing."""
    options = [Option(c, at.t(f"word.{c}")) for c in ("agree", "pass", "disagree", "skip")]
    return Field(f"opinion.{number}", f"{number}. {text}", "radio", tuple(values), options=options)


def _none(_made: _Making, _ask: Ask) -> list[Field]:
    return []


_FIELDS = {
    "words": _words, "choice": _choice, "yes": _yes, "number": _number, "lines": _words, "pairs": _words,
    "counts": _words, "rows": _words, "whole": _words, "shown": _shown, "made": _none, "texts": _texts,
    "change": _change, "ballot": _ballot, "pledge": _pledge, "opinions": _opinions,
}  # fmt: skip
