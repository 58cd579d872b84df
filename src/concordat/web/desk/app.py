"""The private pages as an ASGI application: who may see them, and everything around an answer.

A request finds its page in `addresses.PAGES`; the session of its cookie is looked up; it is counted against the limits
of an address or an account; a body is read under its bound and parsed; a POST must carry the token of the cookie it
came with and must not come from another site. A form that arrives after its session has ended is kept as a draft of
whose session it was, and the browser is led to the login. Errors are pages in the same frame (JSON where the script of
passkeys asks), with the words of the error tree, what to do, and the number of the request. Nothing is cached.
Source: node-web.md 3.1, 3.4, 4.6, 6 and 8.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.node.callers import Callers, LimitError
from concordat.node.csrf import origin_of
from concordat.node.edge import place_of
from concordat.node.guessing import WaitError
from concordat.node.limits import CERTIFICATE, cut_address, network_of
from concordat.node.opinions import VISITOR_AGE_S
from concordat.node.sessions import cookie_name, set_cookie
from concordat.web import headers
from concordat.web.bodies import CutError, TooLargeError, UnknownKindError, parse, read_body
from concordat.web.desk import act_forms, opinions_page
from concordat.web.desk.addresses import PAGES, DeskPage
from concordat.web.desk.asked import SESSION_FORM, VISITOR_FORM, Answer, At, Download, Json, Redirect
from concordat.web.desk.frame import render
from concordat.web.forms import Cell, Fact, Facts, Links, Screen
from concordat.web.languages import choose, words_of
from concordat.web.respond import problem

if TYPE_CHECKING:
    from concordat.node.accounts import Account
    from concordat.node.people import People
    from concordat.node.people_service import PeopleService
    from concordat.node.service import Service
    from concordat.node.sessions import Session

PRIVATE = "private, no-store"
GZIP_LEVEL = 6
ROUTE = "forms"
ADDRESS_MAX = 2_048
OPINIONS_AT_ONCE = 600  # what the limit of an hour holds
NOT_FOUND = ("unknown_id", "unknown_act", "unknown_type", "no_page")


@dataclass(frozen=True, slots=True)
class _Route:
    """What metrics and log lines call a request."""

    path: str


@dataclass(frozen=True, slots=True)
class _Made:
    """An answer as it is sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Desk:
    """All private pages over a running node.

    Args:
        service: the node. people: beside it. callers: the limits, shared with everything else that is served.
    """

    def __init__(self, service: Service, people: PeopleService, callers: Callers) -> None:
        self._service, self._people, self._callers = service, people, callers
        self._by_first: dict[str, list[tuple[DeskPage, re.Pattern[str]]]] = {}
        for page in PAGES:
            self._by_first.setdefault(page.path.split("/")[1], []).append((page, page.pattern))

    @property
    def prefix(self) -> str:
        """The path prefix of the site."""
        return urlsplit(self._service.public_url).path.rstrip("/")

    @property
    def tls(self) -> bool:
        """Whether browsers come by HTTPS."""
        return self._service.public_url.startswith("https:")

    def find(self, path: str) -> tuple[DeskPage, Mapping[str, str]] | None:
        """The page of a path, with its parts; None: not one of these.

        Args:
            path: percent-encoded, with the prefix or without it.
        """
        plain = _unquoted(path.removeprefix(self.prefix) if path.startswith(self.prefix + "/") else path)
        for page, pattern in self._by_first.get(plain[1:].partition("/")[0], ()):
            found = pattern.fullmatch(plain)
            if found:
                return page, found.groupdict()
        return None

    # --- ASGI ---------------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = _Route(ROUTE)
        raw = (scope.get("raw_path") or scope["path"].encode()).split(b"?")[0].decode("ascii", "replace")
        found = self.find(raw)
        assert found is not None, "asked for a page that is not ours"
        page, parts = found
        at = self._at(scope, raw.removeprefix(self.prefix), parts, page)
        try:
            made = await self._answered(scope, receive, page, at)
        except CutError:
            return
        said = [(name.encode(), value.encode("latin-1", "replace")) for name, value in made.headers]
        await send({"type": "http.response.start", "status": made.status, "headers": said})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else made.body})

    def _at(self, scope: Any, path: str, parts: Mapping[str, str], page: DeskPage) -> At:
        sent = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        query = dict(_pairs(scope))
        offered, asked = self._service.settings.languages, query.get("lang", "")
        language = asked if asked in offered else choose(sent.get("accept-language", ""), offered)
        client = scope["client"][0] if scope.get("client") else ""
        return At(
            self._service, self._people.people, 0, "POST" if scope["method"] == "POST" else "GET", path, parts, query,
            words_of(language), self.prefix, self._callers.address(client, sent.get("x-forwarded-for", "")),
            cookies=self._cookies(sent.get("cookie", "")), binding=SESSION_FORM if page.session else VISITOR_FORM,
            certificate=str(scope.get(CERTIFICATE, "")), json=page.json,
        )  # fmt: skip

    def _cookies(self, header: str) -> dict[str, str]:
        names = {cookie_name(kind, tls=self.tls, prefix=self.prefix): kind for kind in ("s", "v")}
        found: dict[str, str] = {}
        for part in header[:8_192].split(";"):
            name, _, value = part.strip().partition("=")
            if name in names:
                found.setdefault(names[name], value[:200])
        return found

    async def _answered(self, scope: Any, receive: Any, page: DeskPage, at: At) -> _Made:
        request_id = str(scope.get("request_id", ""))
        sent = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        zipped = "gzip" in sent.get("accept-encoding", "")
        try:
            if scope["method"] not in page.methods:
                return self._plain(405, (("allow", ", ".join(page.methods)),))
            if len(_pairs(scope)) > len(at.query):
                raise InputError("a key is given twice.", where="address", hint="Give it once.", code="duplicate")
            _check_language(at)
            await self._people.do(partial(_recognise, at))
            self._count(at)
            if at.method == "POST":
                content_type = sent.get("content-type", "")
                body = await read_body(receive, page.body_max(content_type))
                at.sent = parse(content_type, body, files=page.files)
                self._count_opinions(page, at)
            return await self._people.do(partial(self._made, page, at, sent, request_id, zipped))
        except ConcordatError as error:
            return self._failed(error, at, request_id)
        except CutError:
            raise
        except Exception as error:  # a fault of ours: named in the log, told to nobody in detail
            self._service.log("error", "desk", {"what": place_of(error), "id": request_id})
            fault = StateError(
                "something went wrong in this program.", hint="What you sent is kept as a draft if it came whole.",
                code="fault",
            )  # fmt: skip
            return self._failed(fault, at, request_id, status=500)

    def _count(self, at: At) -> None:
        now, limit = self._service.monotonic(), "forms" if at.method == "POST" else "pages"
        if at.account is not None:
            self._callers.count(f"{limit}_account", at.account.id, now)
        else:
            self._callers.anybody(limit, at.address, now)

    def _count_opinions(self, page: DeskPage, at: At) -> None:
        """What one address says in public consultations in an hour, one statement at a time or many at once."""
        if page.post is opinions_page.post_vote:
            said = max(1, sum(name.startswith("opinion.") for name in at.sent.fields))
            self._callers.count(
                "opinions", network_of(at.address), self._service.monotonic(), min(said, OPINIONS_AT_ONCE)
            )

    # --- One request, on a thread of the people -----------------------------------------------------------------------

    def _made(
        self, page: DeskPage, at: At, sent: Mapping[str, str], request_id: str, zipped: bool, people: People, now: int
    ) -> _Made:
        if at.method == "POST":
            _recognise(at, people, now)  # a body may take minutes: the session may have ended while it came
        answer = self._ask(page, at, sent)
        if isinstance(answer, Redirect):
            said = [("location", self.prefix + answer.path), *answer.headers, *self._set(at, answer)]
            return self._plain(303, tuple(said))
        if isinstance(answer, Download):
            return self._download(answer)
        if isinstance(answer, Json):
            return self._json(answer)
        return self._screen(answer, at, request_id, zipped)

    def _ask(self, page: DeskPage, at: At, sent: Mapping[str, str]) -> Answer:
        if page.keys is not None:
            _check_keys(at, page.keys)
        if at.method == "GET":
            assert page.get is not None
            if page.session and at.session is None:
                return Redirect(_with_next(at))
            return page.get(at)
        assert page.post is not None
        try:
            bound = at.cookies.get("s" if page.session else "v", "")
            at.people.check_form(bound, at.sent.one("token"), sent, self._origin())
        except RuleError as error:
            return self._not_ours(page, at, sent, error)
        if page.session and at.session is None:
            return self._ended(page, at)
        return page.post(at)

    def _origin(self) -> str:
        return origin_of(self._service.public_url)

    def _ended(self, page: DeskPage, at: At) -> Answer:
        """The session is over: what came is kept as a draft of whose it was; after the login it is there.

        Raises:
            RuleError: a script asks, which can be led nowhere.
        """
        if page.json:
            raise RuleError("you are not logged in.", hint="Open the page again, and log in.", code="no_session")
        act = at.sent.one("act-id") or at.parts.get("act", "")
        if page.keeps is not None:
            kind, answers = page.keeps(at)
            if not kind:
                return _copy(at, answers, at.t("desk.copy"))
            try:
                act = at.people.keep_after_end(
                    at.cookies.get("s", ""), act, kind, answers, at.now, version=at.sent.one("act-version")
                )
            except (InputError, RuleError) as error:  # nobody's act, or too many drafts: the words go back
                return _copy(at, answers, " ".join(part for part in (error.what, error.hint) if part))
            if not act:
                return _copy(at, answers, at.t("desk.copy"))
        onward = f"/act/{act}" if act else "/account"
        return Redirect(at.href("/login", next=onward).removeprefix(self.prefix))

    def _not_ours(self, page: DeskPage, at: At, sent: Mapping[str, str], error: RuleError) -> Answer:
        """A form with another token. One from our own page (the browser says so) is given back with its words.

        Raises:
            RuleError: it may come from anywhere: nothing of it is shown.
        """
        own = sent.get("sec-fetch-site") == "same-origin" or sent.get("origin") == self._origin()
        if error.code != "form_token" or not own or page.keeps is None:
            raise error
        kind, answers = page.keeps(at)
        if at.session is None or not kind:
            return _copy(at, answers, at.t("desk.copy"))
        screen = act_forms.give_back(at, kind, answers, at.parts.get("act", ""))
        return replace(screen, status=403, summary=(at.t("desk.other_session"),))

    # --- What is sent -------------------------------------------------------------------------------------------------

    def _screen(self, screen: Screen, at: At, request_id: str, zipped: bool) -> _Made:
        body = render(screen, at, request_id)
        said = [*headers.headers_for(headers.HTML, PRIVATE, tls=self.tls, scripted=screen.scripted)]
        said += [*screen.headers, *self._set(at, None)]
        said.append(("vary", "Accept-Encoding, Accept-Language, Cookie"))
        if zipped and not screen.secret:  # the token in it is masked anew each time
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            said.append(("content-encoding", "gzip"))
        return _Made(screen.status, [*said, ("content-length", str(len(body)))], body)

    def _download(self, answer: Download) -> _Made:
        said = list(headers.headers_for(headers.HTML, PRIVATE, tls=self.tls))
        said[0] = ("content-type", answer.content_type)
        said.append(("content-disposition", f'attachment; filename="{answer.name}"'))
        return _Made(200, [*said, ("content-length", str(len(answer.data)))], answer.data)

    def _json(self, answer: Json, more: Sequence[tuple[str, str]] = ()) -> _Made:
        """What a script asked for; like every private answer it is nobody else's to read."""
        said = list(headers.headers_for(headers.HTML, PRIVATE, tls=self.tls))
        said[0] = ("content-type", headers.PROBLEM if answer.status >= 400 else headers.JSON)
        return _Made(answer.status, [*said, *more, ("content-length", str(len(answer.data)))], answer.data)

    def _plain(self, status: int, more: tuple[tuple[str, str], ...]) -> _Made:
        said = [*headers.headers_for(headers.HTML, PRIVATE, tls=self.tls), *more, ("content-length", "0")]
        return _Made(status, said, b"")

    def _set(self, at: At, answer: Redirect | None) -> list[tuple[str, str]]:
        found = []
        if answer is not None and answer.session is not None:
            found.append(("set-cookie", set_cookie("s", answer.session, tls=self.tls, prefix=self.prefix)))
        if at.fresh is not None:
            line = set_cookie("v", at.fresh, tls=self.tls, prefix=self.prefix, max_age_s=VISITOR_AGE_S)
            found.append(("set-cookie", line))
        return found

    def _failed(self, error: ConcordatError, at: At, request_id: str, status: int = 0) -> _Made:
        """An error as a page: what, where, what to do, and the number of the request."""
        status = status or status_of(error)
        more: list[tuple[str, str]] = []
        wait = _wait(error)
        if wait:
            more.append(("retry-after", str(wait)))
        if isinstance(error, LimitError) and self._service.metrics is not None:
            self._service.metrics.rejected(error.limit)
        if status in (403, 429):
            self._tell_refused(error, at, request_id)
        if at.json:
            return self._json(Json(problem(status, error.what, error.hint, error.code), status), more)
        links = [Cell(at.t("web.home"), at.href("/"))]
        if at.account is None:
            links.insert(0, Cell(at.t("desk.log_in"), at.href("/login")))
        screen = Screen(
            at.t("web.error"), (Links(links),), " ".join(p for p in (error.what, error.hint) if p), status,
            (error.what,), headers=more,
        )  # fmt: skip
        return self._screen(screen, at, request_id, zipped=False)

    def _tell_refused(self, error: ConcordatError, at: At, request_id: str) -> None:
        """A line of log for whoever looks into attempts: why, which account, which network; nothing that was sent."""
        facts = {"code": error.code, "id": request_id, "from": cut_address(at.address) if at.address else "unknown"}
        facts["account"] = at.account.id if at.account is not None else ""
        self._service.log("warning", "refused", facts)


def _copy(at: At, answers: Mapping[str, tuple[str, ...]], why: str) -> Screen:
    """What somebody wrote, given back, where it can be kept for nobody."""
    facts = [Fact(name, "\n".join(v), long=True) for name, v in sorted(answers.items()) if any(v)]
    links = Links([Cell(at.t("desk.log_in"), at.href("/login", next=at.path))])
    return Screen(at.t("desk.login_first"), (Facts(facts), links), status=403, summary=(why,))


def _recognise(at: At, people: People, now: int) -> None:
    """Who asks: the session of the cookie, if it goes on; and the moment of this request."""
    at.now, at.account, at.session = now, None, None
    value = at.cookies.get("s", "")
    if not value:
        return
    try:
        found: tuple[Account, Session] = people.logins.of_session(value, now)
    except (RuleError, InputError):
        return
    at.account, at.session = found


def _pairs(scope: Any) -> list[tuple[str, str]]:
    """What stands behind `?`; an address is at most 2 kB long."""
    return parse_qsl(scope["query_string"].decode("ascii", "replace")[:ADDRESS_MAX])


def _check_keys(at: At, known: tuple[str, ...]) -> None:
    from concordat.settings import nearest

    for key in at.query:
        if key not in (*known, "lang"):
            close = nearest(key, (*known, "lang"))
            hint = f'Did you mean "{close[0]}"?' if close else f"This page knows: {', '.join((*known, 'lang'))}."
            raise InputError(f"{key[:40]!r} is not a key of this page.", where="address", hint=hint, code="unknown_key")


def _check_language(at: At) -> None:
    """As on the public pages: a language that is not on offer is refused, not left out."""
    asked, offered = at.query.get("lang", ""), at.service.settings.languages
    if asked and asked not in offered:
        hint = f"There are: {', '.join(offered)}."
        raise InputError(f"no pages in {asked[:40]!r}.", where="lang", hint=hint, code="lang")


def _with_next(at: At) -> str:
    keys = {k: v for k, v in at.query.items() if k != "lang"}
    onward = at.path + (f"?{urlencode(sorted(keys.items()))}" if keys else "")
    return at.href("/login", next=onward).removeprefix(at.prefix)


def _wait(error: ConcordatError) -> int:
    if isinstance(error, WaitError):
        return error.retry_after_s
    if isinstance(error, LimitError):
        return max(1, round(error.wait_s))
    return 5 if isinstance(error, StateError) else 0


def status_of(error: ConcordatError) -> int:
    """The HTTP status of an error on a private page.

    >>> status_of(RuleError("x")), status_of(StateError("x")), status_of(InputError("x", code="unknown_act"))
    (403, 503, 404)
    """
    if isinstance(error, (LimitError, WaitError)):
        return 429
    if isinstance(error, TooLargeError):
        return 413
    if isinstance(error, UnknownKindError):
        return 415
    if isinstance(error, InputError):
        return 404 if error.code in NOT_FOUND else 400
    if isinstance(error, RuleError):
        return 409 if error.code in ("stale", "recorded", "act_used", "gone_on", "no_effect") else 403
    if isinstance(error, TrustError):
        return 409
    return 503


def _unquoted(path: str) -> str:
    try:
        return unquote(path, errors="strict") if "%" in path else path
    except UnicodeDecodeError:
        return path
