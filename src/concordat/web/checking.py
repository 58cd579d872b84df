"""`POST /check`: a file is verified as anybody would, offline; the first thing that fails is named, nothing is kept.

Three kinds are known by what they hold: the proof bundle of an entry (`ledger.bundle`), the result of a vote
(`council.result`), a proof of misconduct (`ledger.misconduct`). They are verified under the hash of membership version
1 that the sender names, else that of the record here; the page says which. A file may have 8 MB.

No cookie is read and nothing is changed, so the form carries no token. Source: node-web.md 4.3, 4.6 and 6.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, MethodError, StateError
from concordat.report.chapter import Code, Note, Paragraph
from concordat.web import headers, html
from concordat.web.address import Asked
from concordat.web.bodies import BLOB_MAX, ROOM, CutError, TooLargeError, UnknownKindError, parse, read_body
from concordat.web.languages import words_of
from concordat.web.respond import Answer
from concordat.web.site import CheckForm, Laid, Said, Section, block, line

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from concordat.web.languages import Words
    from concordat.web.respond import Site

PATH = "/check"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Good:
    """A file that is what it says. words: the verdict; open: what the file alone can't show. entry: of its proof."""

    kind: str
    words: str
    open: tuple[str, ...] = ()
    entry: str = ""


def judge(data: bytes, trust: str) -> Good:
    """Verify a file.

    Args:
        trust: the hash of membership version 1.

    Raises:
        InputError: none of the three kinds. TrustError: the first thing that doesn't hold.
    """
    from concordat.council.result import verify
    from concordat.ledger.bundle import KEYS, Bundle
    from concordat.ledger.misconduct import Misconduct

    found = canonical.loads(data, exact=True)
    keys = set(found) if isinstance(found, dict) else set()
    if keys == KEYS:
        verdict = Bundle.parse(data, "file").verify(trust)
        return Good("bundle", verdict.sentence(), (), verdict.entry.id)
    if "vote" in keys and "evidence" in keys:
        checked = verify(data, trust, "file")
        return Good("result", checked.sentence(), checked.open)
    if isinstance(found, dict) and "kind" in keys:
        return Good("misconduct", Misconduct.parse(data, "file").check(trust).sentence())
    hint = "Send what /entry/<id>.proof or /decision/<id>.proof gave, or a proof of misconduct."
    raise InputError("it is neither a proof bundle, nor a result, nor a proof of misconduct.", hint=hint, code="kind")


def checked(site: Site, content_type: str, body: bytes) -> Answer:
    """The answer to a file that was sent: 200 where it is good, 422 where it isn't, with the first thing that fails."""
    try:
        sent = parse(content_type, body, files={"file": BLOB_MAX})
    except (InputError, ConcordatError) as error:
        return page(site, words_of(site.offered[0]), error, status_of(error))
    lang = sent.one("lang")
    words = words_of(lang if lang in site.offered else site.offered[0])
    try:
        trust = trusted(site, sent.one("trust").strip().lower())
        data = sent.files.get("file")
        if data is None:
            raise InputError("no file was sent.", where="file", hint="Choose one.", code="empty")
        return page(site, words, judge(data, trust), 200, trust)
    except ConcordatError as error:
        return page(site, words, error, status_of(error))


def trusted(site: Site, named: str) -> str:
    """The hash that a file is verified under.

    Raises:
        InputError: what was named is no hash, or nothing was and no record is loaded.
    """
    if named:
        if not _HASH.fullmatch(named):
            raise InputError(
                "that is no hash of 64 hexadecimal digits.", where="trust", hint="Copy it whole.", code="hash"
            )
        return named
    held = site.reader.council
    if held is None:
        hint = "Name the hash of membership version 1 that you trust."
        raise InputError("no record is loaded here to take a hash from.", where="trust", hint=hint, code="no_record")
    return held.trust


def status_of(error: ConcordatError) -> int:
    """The status of a file that could not be found good."""
    if isinstance(error, TooLargeError):
        return 413
    if isinstance(error, UnknownKindError):
        return 415
    return 503 if isinstance(error, (StateError, MethodError)) else 422


def page(site: Site, words: Words, found: Good | ConcordatError, status: int, trust: str = "") -> Answer:
    """The page `/check` with the verdict first."""
    check = site.addresses.by_name["check"]
    asked = Asked(check, check.query(), "html", words.language if words.language != site.offered[0] else "")
    reader = site.reader_for(asked)
    blocks: list[Any] = []
    if isinstance(found, Good):
        title = words.text(f"web.good_{found.kind}")
        lead: Any = (Said(found.words, "en"),)
        blocks.append(Paragraph(words.text("web.checked_under", trust=Code(trust))))
        if found.open:
            shown = "; ".join(found.open)
            blocks.append(Note(line(*words.text("web.not_shown"), " ", Said(shown, "en"))))
    else:
        title = words.text("web.title_bad")
        lead = (Said(str(found), "en"),)
    again = Section("again", (block(CheckForm()),), words.plain("web.check_another"))
    laid = Laid(title, (Section("verdict", tuple(blocks)), again), lead)
    body = html.render(laid, asked, reader, words, site.addresses, site.place(asked, reader), site.offered)
    said = headers.headers_for(headers.HTML, "no-store", tls=site.tls)
    return Answer(status, (*said, ("content-length", str(len(body)))), body)


def check_route(open_site: Callable[[], Site], admit: Callable[[Any], float]) -> BaseRoute:
    """The route.

    Args:
        open_site: gives the pages. admit: given the ASGI scope, how many seconds this caller has to wait.

    Raises:
        MethodError: Starlette is not installed.
    """
    try:
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError:
        from concordat.settings import need_extra

        raise need_extra("web", "serving pages") from None

    async def post(request: Request) -> Response:
        from anyio import to_thread

        wait = admit(request.scope)
        if wait:
            words = "Too many requests; try again a little later.\n"
            return Response(words, 429, {"retry-after": str(max(1, round(wait)))}, "text/plain; charset=utf-8")
        body, error = b"", None
        try:
            body = await read_body(request.receive, BLOB_MAX + ROOM)
        except TooLargeError as large:
            error = large
        except CutError:
            return Response(status_code=400)
        kind = request.headers.get("content-type", "")
        answer = await to_thread.run_sync(lambda: _answered(open_site(), kind, body, error))
        return Response(answer.body, answer.status, dict(answer.headers))

    return Route(PATH, post, methods=["POST"])


def _answered(site: Site, content_type: str, body: bytes, error: ConcordatError | None) -> Answer:
    if error is not None:
        return page(site, words_of(site.offered[0]), error, status_of(error))
    return checked(site, content_type, body)
