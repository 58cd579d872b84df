"""Which page an address asks for, and how the address of a page is written: there is one spelling, others lead to it.

    /place/BRA            the page          /place/BRA.json, .csv   the same answer for programs
    ?bloc=G20&year=2020   keys sorted, defaults left out            ?lang=pt   the language, wins over the browser's
    /r/<release>/place/BRA   the same from a named release: its JSON and CSV never change
    ?at=1.543                the council's record as it was behind batch 543 of view 1: likewise

An unknown key, a key given twice or a value that the page can't read is refused with the nearest right one (400), an
unknown page with the nearest addresses (404). Old addresses lead on (308).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import ValidationError

from concordat.errors import InputError
from concordat.settings import nearest
from concordat.web.site import Page, Query

Form = str  # "html", "json", "csv", or an ending of the page's own files
FORMS: tuple[Form, ...] = ("json", "csv")
LANGUAGE_KEY = "lang"
BATCH_KEY = "at"
RELEASE_PREFIX = "r"
HOME = "/home"  # what the first page is called where an ending stands behind it
ADDRESS_MAX = 2_048
WORDS_MAX = 200
KEYS_MAX = 32
_RELEASE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_BATCH = re.compile(r"[1-9][0-9]{0,8}\.[1-9][0-9]{0,11}")
_SAFE = re.compile(r"[A-Za-z0-9_.~+:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for.

    Attributes:
        language: as written in the address, else empty. release: the pinned release, else empty.
        at: the pinned final batch of the council's record, `1.543`, else empty.
    """

    page: Page
    query: Query
    form: Form = "html"
    language: str = ""
    release: str = ""
    at: str = ""


class NotFoundError(InputError):
    """No page has this address (404)."""


@dataclass(frozen=True, slots=True)
class MovedError(Exception):
    """The address has another spelling, to which the reader is led (308)."""

    address: str


class Addresses:
    """The addresses of all pages.

    Args:
        pages: the registry. moved: old paths and where they lead now; the table only grows.
    """

    def __init__(self, pages: Iterable[Page], moved: Mapping[str, str] | None = None) -> None:
        self.pages = tuple(pages)
        self.by_name = {page.name: page for page in self.pages}
        self._moved = dict(moved or {})
        self._patterns = [(page, _pattern(page.path)) for page in self.pages]
        endings = {ending for page in self.pages for ending in page.files} | set(FORMS)
        self._endings = sorted(endings, key=lambda ending: (-len(ending), ending))  # `vl.json` before `json`

    def parse(self, path: str, query: str = "") -> Asked:
        """The page that is asked for.

        Args:
            path: still percent-encoded. query: what stands behind `?`.

        Raises:
            NotFoundError: no such page. InputError: a key or a value is wrong. MovedError: it is spelled otherwise.
        """
        if len(path) + len(query) > ADDRESS_MAX:
            raise InputError(f"the address is longer than {ADDRESS_MAX} characters.", code="too_long")
        plain = _plain(path)
        if plain in self._moved:
            raise MovedError(self._moved[plain] + (f"?{query}" if query else ""))
        release, rest = _pinned(plain)
        if rest != "/" and rest.endswith("/"):
            # Encoded, one slash in front: `//other.example` and `/\\other.example` are other sites to a browser.
            one = "/" + quote(rest.strip("/"), safe="/+:~")
            raise MovedError((f"/{RELEASE_PREFIX}/{release}" if release else "") + one)
        rest, form = self._form(rest)
        page, parts = self._page(rest)
        if form not in ("html", *FORMS, *page.files):
            hint = f"There are: {', '.join((*FORMS, *page.files))}."
            raise NotFoundError(f"this page is not to be had as .{form}.", hint=hint, code="no_form")
        keys, language, at = _keys(page, query)
        asked = Asked(page, _model(page, {**parts, **keys}), form, language, release, at)
        right = self.address(asked)
        given = path + (f"?{query}" if query else "")
        if right != given and unquote(right) != unquote(given):
            raise MovedError(right)
        return asked

    def address(self, asked: Asked) -> str:
        """The one spelling of an address."""
        values = {k: str(v) for k, v in asked.query.model_dump(exclude_defaults=True).items()}
        path = asked.page.path
        for key in asked.page.keys:
            path = path.replace(f"{{{key}}}", quote(values.pop(key), safe="+:~"))
        if asked.form != "html":
            path = (HOME if path == "/" else path) + f".{asked.form}"
        if asked.release:
            path = f"/{RELEASE_PREFIX}/{asked.release}{path}"
        if asked.language:
            values[LANGUAGE_KEY] = asked.language
        if asked.at:
            values[BATCH_KEY] = asked.at
        return path + (f"?{urlencode(sorted(values.items()), safe=':~')}" if values else "")  # `+` would be a blank

    def to(self, name: str, query: Mapping[str, str], like: Asked, form: Form = "html") -> Asked:
        """Another page, in the language, the release and at the batch of this one."""
        page = self.by_name[name]
        at = like.at if "council" in page.reads else ""
        return Asked(page, _model(page, dict(query)), form, like.language, like.release, at)

    def in_form(self, asked: Asked, form: Form) -> str:
        """The same answer in another form."""
        return self.address(replace(asked, form=form))

    def _form(self, path: str) -> tuple[str, Form]:
        for form in self._endings:
            if path.endswith(f".{form}"):
                rest = path.removesuffix(f".{form}")
                return ("/" if rest == HOME else rest), form
        return path, "html"

    def _page(self, path: str) -> tuple[Page, dict[str, str]]:
        for page, pattern in self._patterns:
            found = pattern.fullmatch(path)
            if found:
                return page, found.groupdict()
        known = sorted({page.path.split("/{")[0] or "/" for page in self.pages})
        close = nearest(path, known, 3)
        hint = f"Near it are: {', '.join(close)}." if close else f"The pages begin with: {', '.join(known)}."
        raise NotFoundError(f"there is no page {path[:80]!r}.", hint=hint, code="no_page")


def _plain(path: str) -> str:
    """A path without its percent signs.

    Raises:
        NotFoundError: it is not UTF-8.
    """
    try:
        return unquote(path, errors="strict") if "%" in path else path
    except UnicodeDecodeError:
        raise NotFoundError(f"there is no page {path[:80]!r}.", hint="An address is UTF-8.", code="no_page") from None


def _pattern(path: str) -> re.Pattern[str]:
    parts = [f"(?P<{p[1:-1]}>[^/]+)" if p.startswith("{") else re.escape(p) for p in path.split("/")]
    return re.compile("/".join(parts))


def _pinned(path: str) -> tuple[str, str]:
    head, _, rest = path.removeprefix(f"/{RELEASE_PREFIX}/").partition("/")
    if not path.startswith(f"/{RELEASE_PREFIX}/"):
        return "", path
    if not _RELEASE.fullmatch(head):
        raise NotFoundError(f"{head[:80]!r} is not the name of a release.", code="no_release")
    return head, f"/{rest}"


def _keys(page: Page, query: str) -> tuple[dict[str, str], str, str]:
    """The keys behind `?`, each once, each known; and the language and the batch among them."""
    pins = [BATCH_KEY] if "council" in page.reads else []
    known = [*sorted(set(page.query.model_fields) - set(page.keys)), LANGUAGE_KEY, *pins]
    found: dict[str, str] = {}
    if query.count("&") >= KEYS_MAX:
        raise InputError(f"the address has over {KEYS_MAX} keys.", where="address", code="too_many")
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            close = nearest(key, known)
            hint = f'Did you mean "{close[0]}"?' if close else f"This page knows: {', '.join(known)}."
            raise InputError(f"{key[:40]!r} is not a key of this page.", where="address", hint=hint, code="unknown_key")
        if key in found:
            raise InputError(f"{key} is given twice.", where="address", hint="Give it once.", code="duplicate")
        found[key] = value
    found = {key: value for key, value in found.items() if value}  # a form sends what was left empty, too
    language, at = found.pop(LANGUAGE_KEY, ""), found.pop(BATCH_KEY, "") if pins else ""
    if at and not _BATCH.fullmatch(at):
        hint = "Give view and batch, as at=1.543."
        raise InputError(f"{at[:40]!r} names no batch.", where="at", hint=hint, code="unreadable")
    return found, language, at


def _words(page: Page, key: str, value: str) -> bool:
    """Whether a value is words, and words may stand there."""
    said = page.query.model_fields[key].json_schema_extra if key in page.query.model_fields else None
    return isinstance(said, dict) and bool(said.get("words")) and value.isprintable() and len(value) <= WORDS_MAX


def _model(page: Page, values: dict[str, str]) -> Query:
    for key, value in values.items():
        if not _SAFE.fullmatch(value) and not _words(page, key, value):
            raise InputError(f"{value[:40]!r} can't be a value of {key}.", where="address", code="unreadable")
    try:
        return page.query.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "string_pattern_mismatch":  # whose words would be the pattern
            what = f"{str(first['input'])[:40]!r} has not the form of {place}."
        else:
            what = f"{place}: {first['msg']}."
        raise InputError(what, where="address", code="unreadable") from None
