"""What private pages are made of: forms, steps, facts, notes, lists; and how a form tells what is wrong with it.

A `Screen` is a page of such blocks. Labels stand above their fields, help and mistakes are tied to a field by
`aria-describedby`, a summary of all mistakes with links to the fields stands first (`role="alert"`), the title then
begins with "Error:", and every value is kept (WCAG 2.2, 3.3.1 to 3.3.3 and 3.3.7; GOV.UK's error summary is the
pattern). A form carries its act, 128 bits made when it was shown, the version of the draft it was filled with, and a
token, masked anew in each answer (`node.csrf`). All works without a script; `required` and `maxlength` only help. The
one form that a script must fill in (`Asks`) says so as long as none runs, and shows nothing else.

Blocks hold plain text; the template escapes all of it. The one piece of markup is the square of dots for a telephone,
made by `segno` from an address of ours (`desk.frame.square`). Source: node-web.md 4.5 and 4.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from concordat.web.site import Group

FieldKind = Literal["text", "password", "area", "radio", "select", "check", "file", "hidden", "shown"]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose: what is sent, what is read, and a line below it."""

    value: str
    text: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form.

    Attributes:
        name: as sent. kind: `shown` is printed and sent, `hidden` only sent. values: what it is filled with; a check
            box sends `yes`. help: a line under the label. error: what is wrong with it. options: of radio and select.
        autocomplete: as HTML names it; `off` where a browser must not remember. rows: of an area.
        language: of what is to be written, if it is another than the page's. mono: letters and digits to compare.
    """

    name: str
    label: str
    kind: FieldKind = "text"
    values: Sequence[str] = ()
    help: str = ""
    error: str = ""
    options: Sequence[Option] = ()
    required: bool = False
    autocomplete: str = "off"
    max_length: int = 0
    rows: int = 5
    language: str = ""
    mono: bool = False
    inputmode: str = ""

    @property
    def value(self) -> str:
        """The first value, or nothing."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True)
class Button:
    """What sends the form: its words, and what it asks for (`do`), under which name."""

    text: str
    do: str = ""
    quiet: bool = False
    name: str = "do"


@dataclass(frozen=True, slots=True)
class Asks:
    """What `static/passkey.js` needs of the form that it fills in, and what is read where it does not run.

    Attributes:
        address: where it asks its question (POST), with prefix. off: the sentence while no script runs. help: the
            first sentence of the form once one does. words: what it may have to say, by name, in the page's language.
    """

    address: str
    off: str
    help: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """A form.

    Attributes:
        id: unique on its page. action: where it is sent, with prefix. title: its heading, if it needs one.
        token: fills the hidden field against forms of other sites. act, version: see the module. asks: of a form that
            a script fills in.
    """

    id: str
    action: str
    fields: Sequence[Field]
    buttons: Sequence[Button]
    token: str
    title: str = ""
    act: str = ""
    version: str = ""
    asks: Asks | None = None

    @property
    def multipart(self) -> bool:
        """Whether it brings a file."""
        return any(f.kind == "file" for f in self.fields)

    @property
    def errors(self) -> list[Field]:
        """The fields with something wrong, in order."""
        return [f for f in self.fields if f.error]


@dataclass(frozen=True, slots=True)
class Steps:
    """Where one is on a way of few steps; `at` counts from 1."""

    names: Sequence[str]
    at: int


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """What must be seen: `plain`, `warning` or `good`."""

    text: str
    kind: Literal["plain", "warning", "good"] = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the second level."""

    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of facts; `mono` for ids and hashes, `href` if it leads somewhere, `long` keeps its line breaks."""

    name: str
    value: str
    mono: bool = False
    href: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    rows: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a list; with `href` a link."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; the first cell of a row is its head."""

    id: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """A list of links."""

    rows: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Exact:
    """Text to be compared letter by letter, or noted down; folded under its title where it is long."""

    text: str
    title: str = ""
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Square:
    """An address as a square of dots for a telephone; `alt` says what it holds."""

    uri: str = field(repr=False)
    alt: str = ""


Block: TypeAlias = Form | Steps | Para | Note | Heading | Facts | Rows | Links | Exact | Square


@dataclass(frozen=True, slots=True)
class Screen:
    """A private page.

    Attributes:
        title: its heading. lead: the first paragraph. summary: what is wrong beside the fields. status: of HTTP.
        group: the entry of the frame. secret: holds a secret in plain text, so that it is never compressed.
        headers: more of them, in small letters.
    """

    title: str
    blocks: Sequence[Block] = ()
    lead: str = ""
    status: int = 200
    summary: Sequence[str] = ()
    group: Group = "decide"
    secret: bool = False
    headers: Sequence[tuple[str, str]] = ()

    @property
    def scripted(self) -> bool:
        """Whether the page needs the script of passkeys, and a policy that lets it run."""
        return any(isinstance(b, Form) and b.asks is not None for b in self.blocks)

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """(id of the field, or empty; what is wrong), in the order of the summary."""
        forms = [b for b in self.blocks if isinstance(b, Form)]
        found = [("", text) for text in self.summary]
        return found + [(f"{form.id}-{f.name}", f"{f.label}: {f.error}") for form in forms for f in form.errors]


def with_errors(fields: Iterable[Field], errors: Mapping[str, str]) -> tuple[Field, ...]:
    """Fields with what is wrong beside them."""
    return tuple(replace(f, error=errors.get(f.name, f.error)) for f in fields)


def filled(fields: Iterable[Field], values: Mapping[str, Sequence[str]]) -> tuple[Field, ...]:
    """Fields with what was sent in them; passwords and files are never sent back."""
    return tuple(
        f if f.kind in ("password", "file") or f.name not in values else replace(f, values=tuple(values[f.name]))
        for f in fields
    )
