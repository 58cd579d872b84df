"""A screen as HTML: the frame that every page of the site has, with a line that says who is logged in.

The same entries, languages and style sheet as `html`, without what only cached pages have (a release, a permanent
link). Nothing here is kept: each answer has a token of its own. Pure but for the template, which is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from concordat import __version__
from concordat.report.outline import own_name, right_to_left
from concordat.web.forms import Screen, Square
from concordat.web.html import ENTRANCES
from concordat.web.live import bars_of
from concordat.web.site import GROUPS, pages
from concordat.web.static_files import passkey_script, style_sheet

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from concordat.web.desk.asked import At


@dataclass(frozen=True, slots=True)
class Who:
    """The line of an account: where its links lead."""

    login: str
    member: str
    account: str
    drafts: str
    forms: str
    logout: str
    token: str


def render(screen: Screen, at: At, request_id: str = "") -> bytes:
    """The page.

    Args:
        at: the request that it answers. request_id: to be named when somebody asks what went wrong.
    """
    text = _template().render(
        screen=screen, words=at.words, t=at.words.plain, bloc=bloc_name(at.service.bloc, at.words.language),
        standing=_standing(at), groups=_groups(at), who=_who(at), bars=_bars(at, screen),
        sheet=at.prefix + style_sheet().path, script=at.prefix + passkey_script().path if screen.scripted else "",
        home=at.href("/"), languages=_languages(at),
        kind_of=lambda block: type(block).__name__, square=square,
        direction="rtl" if right_to_left(at.words.language) else "ltr", version=__version__,
        request_id=request_id if screen.status >= 400 else "",
    )  # fmt: skip
    return (text.strip() + "\n").encode("utf-8")


def bloc_name(bloc: str, language: str) -> str:
    """What the bloc is called at the head of a page; its id, where it is none that the tables know."""
    from concordat.errors import InputError
    from concordat.world import area_name

    try:
        return area_name(bloc, language)
    except InputError:
        return bloc


def _standing(at: At) -> str:
    alone = len(at.service.chain.last.active) == 1
    return at.t("desk.node_alone" if alone else "desk.node", member=at.service.member)


def _groups(at: At) -> list[tuple[str, str, str]]:
    paths = _paths()
    return [(g, at.t(f"frame.{g}"), at.href(paths[ENTRANCES[g]])) for g in GROUPS if g in ENTRANCES]


@lru_cache(maxsize=1)
def _paths() -> dict[str, str]:
    return {page.name: page.path for page in pages()}


def _who(at: At) -> Who | None:
    from concordat.node.csrf import form_token

    if at.account is None:
        return None
    return Who(
        at.account.login, at.account.member, at.href("/account"), at.href("/drafts"), at.href("/say"),
        at.href("/logout"), form_token(at.cookies.get("s", "")),
    )  # fmt: skip


def _bars(at: At, screen: Screen) -> Sequence[str]:
    # An error is told on the event loop, perhaps because the store of people can't be read: it isn't asked then.
    news = _news(at) if screen.status < 400 else ""
    return [words for words in (news, *bars_of(at.service)) if words]


def _news(at: At) -> str:
    """That something about her login is new, on every page but her own, which tells what."""
    if at.account is None or at.path == "/account":
        return ""
    count = len(at.people.audit.news(at.account.id))
    return at.t("desk.news_bar", n=count) if count else ""


def _languages(at: At) -> list[tuple[str, str, str]]:
    """A GET can be asked again in another language; the answer to a POST has no address of its own."""
    if at.method != "GET":
        return []
    keys = [{**at.query, "lang": code} for code in at.service.settings.languages]
    base = at.prefix + at.path
    return [(key["lang"], own_name(key["lang"]), f"{base}?{urlencode(sorted(key.items()))}") for key in keys]


def square(block: Square) -> Markup:
    """An address as a square of dots: drawn by `segno` from a text of ours, without style, script or link."""
    from markupsafe import Markup

    from concordat.node.passwords import totp_svg

    return Markup(totp_svg(block.uri))


@lru_cache(maxsize=1)
def _template() -> Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text = (resources.files("concordat.web") / "templates" / "desk.html").read_text(encoding="utf-8")
    return environment.from_string(text)
