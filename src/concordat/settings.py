"""How this machine runs (`Settings`), and the one YAML loader behind every declarative file.

Settings answer "where and how", never "what is measured": that is a study. Each value comes from, in this order, the
argument, the environment (`CONCORDAT_DATA_DIR`), `concordat.toml` in the working directory, the default; `concordat
settings` prints each with its origin. An unknown key, or an unknown variable `CONCORDAT_...`, is an error that suggests
the nearest one. The table `[node]` and the variables `CONCORDAT_NODE_...` are read by `concordat.node.settings`.

The loader reads YAML 1.2 the way people expect it: only `true` and `false` are booleans (`NO` is Norway, `on` is a
word), dates stay text for the schema to parse, and what makes a reviewed file ambiguous is an error: a duplicate key
(also one that only looks the same, by Unicode NFC), a number with leading zeros, an anchor or alias, a tag, more than
one document, more than 5 MB. Line numbers are kept for messages. Models check a document as strictly as JSON: the text
"no" is not a boolean, and the text "nan" is not a number.

    >>> document = parse_yaml("schema: concordat/demo@1\\ncountry: NO\\nyes: 0.5\\n", where="demo.yaml")
    >>> document.value
    {'schema': 'concordat/demo@1', 'country': 'NO', 'yes': 0.5}
    >>> document.place("yes")
    'demo.yaml, line 3'
"""

from __future__ import annotations

import json
import math
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)

YAML_BYTES_MAX = 5_000_000
YAML_DEPTH_MAX = 64
NEAR = 0.6  # how alike words are that are called near: 2 x letters in common / letters of both
COMPARED_MAX = 50
DIGITS_MAX = 400  # a double has at most 309 digits before the point

# Variables that begin like a setting and aren't one: the clock's, and three of the test suite's.
OTHER_VARIABLES = (
    "CONCORDAT_NOW",
    "CONCORDAT_CI",
    "CONCORDAT_SHARED_DATA",
    "CONCORDAT_FACTBOOK_2015",
    "CONCORDAT_TEST",
    "CONCORDAT_CLOCK_OFFSET_S",
)
# A table of the file, and the variables of its keys: the room that they belong to reads and checks them.
ROOM_TABLES = ("node",)

Path_ = tuple[str | int, ...]


# --- Settings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """How this machine runs. `origins` tells where each value came from.

    Attributes:
        data_dir: the store of evidence; by default `$XDG_DATA_HOME/concordat`, else `~/.local/share/concordat`.
        factbook: a folder with another copy of the Factbook's JSON files, loaded as its own vintage.
        language: the language of a report where neither its study nor `--language` says one: `en`, `zh`, `ru`, `pt`,
            `ar`, `hi`, `fr` or `es`.
    """

    data_dir: Path
    factbook: Path | None = None
    language: str = "en"
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        file: Path = Path("concordat.toml"),
    ) -> Settings:
        """Settings from argument, environment, file and default, in that order.

        Raises:
            InputError: the file is not TOML, or holds an unknown key or a value of the wrong type; or a variable that
                begins with `CONCORDAT_` is not a setting.
        """
        environment = os.environ if environment is None else environment
        _check_variables(environment)
        written = _read_toml(file)
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for name in SETTING_NAMES:
            variable = "CONCORDAT_" + name.upper()
            given = (arguments or {}).get(name)
            if given is not None:
                values[name], origins[name] = given, "argument"
            elif environment.get(variable):
                values[name], origins[name] = environment[variable], variable
            elif name in written:
                values[name], origins[name] = written[name], str(file)
            else:
                values[name], origins[name] = _default(name, environment), "default"
        for name in ("data_dir", "factbook"):
            if values[name] is not None:
                values[name] = _absolute(values[name], name, origins[name])
        return cls(origins=origins, **values)


SETTING_NAMES = tuple(f.name for f in fields(Settings) if f.name != "origins")


def _default(name: str, environment: Mapping[str, str]) -> object:
    if name == "data_dir":
        base = environment.get("XDG_DATA_HOME", "")
        # A relative path here is invalid and to be ignored (XDG Base Directory Specification, "Basics").
        return Path(base if Path(base).is_absolute() else "~/.local/share") / "concordat"
    return {"factbook": None, "language": "en"}[name]


def _check_variables(environment: Mapping[str, str]) -> None:
    known = ["CONCORDAT_" + name.upper() for name in SETTING_NAMES]
    for name in sorted(environment):
        of_room = any(name.startswith(f"CONCORDAT_{table.upper()}_") for table in ROOM_TABLES)
        if name.startswith("CONCORDAT_") and not of_room and name not in (*known, *OTHER_VARIABLES):
            raise unknown_key(name, known, where="environment")


def _absolute(path: Any, name: str, origin: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:  # "~" on a machine that knows no home
        hint = "Write it as an absolute path."
        raise InputError(f"{name} begins with ~, and no home folder is known.", where=origin, hint=hint) from None


def _read_toml(file: Path) -> dict[str, Any]:
    values = {key: value for key, value in _toml(file).items() if key not in ROOM_TABLES}
    for key, value in values.items():
        if key not in SETTING_NAMES:
            raise unknown_key(key, SETTING_NAMES, where=str(file))
        if not isinstance(value, str):
            raise InputError(f"{key} must be text.", where=str(file), hint=f'Write {key} = "...".', code="type")
        if not value:
            raise InputError(
                f"{key} is empty.", where=str(file), hint="Remove the line, or give a value.", code="empty"
            )
    return values


def room_table(name: str, file: Path = Path("concordat.toml")) -> dict[str, Any]:
    """A room's table of the settings file as it is written there; empty without one.

    Raises:
        InputError: the file is not TOML, or the name is not that of a table.
    """
    assert name in ROOM_TABLES
    table = _toml(file).get(name, {})
    if not isinstance(table, dict):
        hint = f"Write its keys under a line [{name}]."
        raise InputError(f"{name} must be a table.", where=str(file), hint=hint, code="type")
    return table


def _toml(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}.", where=str(file), code="unreadable") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}.", where=str(file), code="not_toml") from None


# --- Nearest keys -------------------------------------------------------------------------------------------------


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known words closest to a mistyped one, best first; empty when none is close.

    Only the 50 words that share most letters with it are compared letter by letter, so that long words, chosen to be
    alike, cost no more than milliseconds.
    """
    import difflib
    import heapq

    lowered = {c.casefold(): c for c in sorted(set(known))}
    matcher = difflib.SequenceMatcher()
    matcher.set_seq2(word.casefold())
    shared = []
    for candidate in lowered:
        matcher.set_seq1(candidate)
        if matcher.real_quick_ratio() >= NEAR:
            ratio = matcher.quick_ratio()
            if ratio >= NEAR:
                shared.append((ratio, candidate))
    few = [candidate for _, candidate in heapq.nlargest(COMPARED_MAX, shared)]
    return [lowered[f] for f in difflib.get_close_matches(word.casefold(), few, n=count, cutoff=NEAR)]


def unknown_key(key: str, known: Iterable[str], *, where: str) -> InputError:
    """The error for a key that a file may not hold; it suggests the nearest one, or lists them all."""
    known = list(known)
    close = nearest(key, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"Known keys: {', '.join(known)}."
    return InputError(f'"{key}" is not a key I know here.', where=where, hint=hint, code="unknown_key")


# --- YAML ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    """A parsed YAML file: its value, and the line on which each part of it stands."""

    value: Any
    where: str
    lines: Mapping[Path_, int]

    def place(self, *path: str | int) -> str:
        """`study.yaml, line 7` for the part at `path`, or for the nearest part around it that has a line."""
        for end in range(len(path), -1, -1):
            line = self.lines.get(tuple(path[:end]))
            if line is not None:
                return f"{self.where}, line {line}"
        return self.where


def parse_yaml(text: str | bytes, *, where: str, numbers_as_text: bool = False, schema: str = "") -> Document:
    """Read one YAML document.

    Args:
        text: the file's content.
        where: how messages call the file.
        numbers_as_text: leave plain numbers as the text that was written (for exact decimals).
        schema: if given (`blocs@1`), the first key must be `schema: concordat/blocs@1`.

    Raises:
        InputError: not YAML, or one of the ambiguities the module docstring names, with its line.
    """
    import yaml

    try:
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        if len(data) > YAML_BYTES_MAX:
            raise InputError(f"over {YAML_BYTES_MAX:,} bytes.", where=where, hint="Split the file.", code="too_large")
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, code="not_utf8") from None
    except UnicodeEncodeError as error:
        raise InputError(f"character {error.start} is half a surrogate pair.", where=where, code="surrogate") from None
    loader = getattr(yaml, "CLoader", yaml.SafeLoader)
    builder = _Builder(where, numbers_as_text)
    try:
        value = builder.document(yaml.parse(text.removeprefix("\ufeff"), Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        if "nesting depth" in str(error):  # newer versions of the parser stop before we do
            problem = f"nested deeper than {YAML_DEPTH_MAX} levels"
        raise InputError(f"not YAML: {problem}.", where=where + line, code="not_yaml") from None
    document = Document(value, where, builder.lines)
    if schema:
        _check_schema(document, schema)
    return document


def _check_schema(document: Document, schema: str) -> None:
    wanted = f"concordat/{schema}"
    if not isinstance(document.value, dict):
        raise InputError("holds no keys.", where=document.where, hint=f"Begin with: schema: {wanted}", code="schema")
    found = document.value.get("schema")
    if found != wanted:
        said = f'says schema "{found}"' if found else "does not say its schema"
        place = document.place("schema")
        raise InputError(
            f"{said}; this must be {wanted}.", where=place, hint=f"Begin with: schema: {wanted}", code="schema"
        )


# YAML 1.2 core schema, section 10.3.2.
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class _Builder:
    """Builds plain Python values from libyaml's events, keeping the line of every key and item."""

    def __init__(self, where: str, numbers_as_text: bool) -> None:
        self.where = where
        self.numbers_as_text = numbers_as_text
        self.lines: dict[Path_, int] = {}

    def document(self, events: Any) -> Any:
        import yaml

        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error("a second document begins here", event, hint="Keep one per file.")
                value = self._node(next(events), events, (), 0)
        if documents == 0:
            return None
        return value

    def _error(self, what: str, event: Any, hint: str = "", code: str = "not_yaml") -> InputError:
        return InputError(f"{what}.", where=f"{self.where}, line {event.start_mark.line + 1}", hint=hint, code=code)

    def _node(self, event: Any, events: Any, path: Path_, depth: int) -> Any:
        import yaml

        self.lines[path] = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._error("anchors and aliases are not allowed", event, hint="Write the value out.")
        if event.tag is not None:
            raise self._error(f"the tag {event.tag} is not allowed", event, hint="Write a plain value.")
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style else self._plain(event)
        if depth >= YAML_DEPTH_MAX:
            raise self._error(f"nested deeper than {YAML_DEPTH_MAX} levels", event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path, depth)
        return self._mapping(events, path, depth)

    def _sequence(self, events: Any, path: Path_, depth: int) -> list[Any]:
        import yaml

        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, events: Any, path: Path_, depth: int) -> dict[str, Any]:
        import yaml

        result: dict[str, Any] = {}
        seen: set[str] = set()
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                raise self._error("a key must be plain text", event)
            key = event.value
            if not key or (key == "<<" and not event.style):
                raise self._error(
                    "a key is missing before the colon" if not key else "merging with << is not allowed", event
                )
            same = unicodedata.normalize("NFC", key)
            if same in seen:
                raise self._error(f'the key "{key}" stands twice', event, code="duplicate_key")
            seen.add(same)
            result[key] = self._node(next(events), events, (*path, key), depth + 1)
            self.lines[(*path, key)] = event.start_mark.line + 1
        return result

    def _plain(self, event: Any) -> Any:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "0123456789+-.":
            return text
        if self.numbers_as_text:
            return text
        if _INTEGER.fullmatch(text):
            return self._integer(text, event)
        if _FLOAT.fullmatch(text):
            return self._finite(text, event)
        return text

    def _integer(self, text: str, event: Any) -> int:
        if len(text) > DIGITS_MAX:
            raise self._error(f"a number of {len(text)} digits", event, hint="Write it as text, in quotes.")
        if _LEADING_ZERO.match(text):  # 8 in one reader, 10 in another, a code in the eyes of a third
            raise self._error(
                f"{text} begins with zero", event, hint=f'Write "{text}" if it is a code, or drop the zero.'
            )
        return int(text, 8 if text.startswith("0o") else 16) if text[1:2] in ("o", "x") else int(text)

    def _finite(self, text: str, event: Any) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise self._error(f"{text} is too large for a number", event)
        return number


# --- Models -------------------------------------------------------------------------------------------------------


def validate(document: Document, model: type[Model], *path: str | int, packaged: bool = False) -> Model:
    """Check a document, or the part of it at `path`, against a pydantic model, as strictly as JSON.

    The model should forbid extra keys. The first fault is raised, with its line, the key, and the nearest known key.
    `packaged` says that the file is ours: its validators may leave to the tests what takes long (as their context).

    Raises:
        InputError: the first fault found.
    """
    from pydantic import ValidationError

    value = document.value
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise InputError(
                f'the key "{step}" is missing.', where=document.place(*path), hint="Add it.", code="missing_key"
            ) from None
    try:
        return model.model_validate_json(json.dumps(value), strict=True, context={"packaged": packaged})
    except ValidationError as error:
        raise _explain(error, document, model, path) from None


def _explain(error: Any, document: Document, model: type[BaseModel], prefix: Path_) -> InputError:
    faults = error.errors(include_url=False, include_context=False)
    # A misspelt key is two faults, one unknown and one missing: the unknown one names what was written.
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    location: Path_ = (*prefix, *first["loc"])
    place = document.place(*location)
    name = ".".join(str(step) for step in location)
    if first["type"] == "extra_forbidden":
        return unknown_key(str(location[-1]), _known_keys(model, first["loc"][:-1]), where=place)
    if first["type"] == "missing":
        return InputError(f'the key "{name}" is missing.', where=place, hint="Add it.", code="missing_key")
    given = first.get("input")
    shown = f" (found {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    more = f"{len(faults) - 1} more after this one." if len(faults) > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    said = f"{name}: {message}{shown}." if name else f"{message}{shown}."  # of the whole file, no key is at fault
    return InputError(said, where=place, hint=more, code="invalid")


def _known_keys(model: Any, path: Path_) -> list[str]:
    """The keys that the model allows at a path; follows fields, lists, dictionaries and optional models."""
    import typing

    current: Any = model
    for step in path:
        inner = _model_in(current)
        if inner is not None:
            found = (f for name, f in inner.model_fields.items() if step in (name, f.alias))
            current = next((f.annotation for f in found), None)
        elif typing.get_args(current):  # a list or a dictionary: on to what it holds
            current = typing.get_args(current)[-1]
    inner = _model_in(current)
    return [f.alias or name for name, f in inner.model_fields.items()] if inner else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or is optionally; lists and dictionaries of models are not."""
    import types
    import typing

    from pydantic import BaseModel

    if isinstance(annotation, type) and typing.get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return next((m for m in map(_model_in, typing.get_args(annotation)) if m), None)
    return None


def need_extra(extra: str, feature: str) -> MethodError:
    """The error when an optional library is missing; the caller raises it from its `ImportError`."""
    return MethodError(
        f"{feature} needs the extra [{extra}], which is not installed.",
        hint=f"Install it with: pip install 'concordat[{extra}]'",
        code="missing_extra",
    )
