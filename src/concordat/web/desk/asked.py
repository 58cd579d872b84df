"""One request to a private page: who asks, what was sent, and what a page may answer.

A page gets an `At` and answers a `Screen`, a `Redirect`, a `Download` or a `Json`. All of it runs on a thread of the
people (`PeopleService.do`), never on the event loop; the council is looked at on the writer's thread, where alone it
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlencode

from concordat.node.acts import Acts
from concordat.node.authorise import VISITOR, Grant, Person, Target, authorise, roles
from concordat.node.csrf import form_token
from concordat.node.opinions import new_visitor
from concordat.node.secret import Secret
from concordat.web.bodies import Sent
from concordat.web.forms import Screen

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.node.accounts import Account
    from concordat.node.people import People
    from concordat.node.service import Service
    from concordat.node.sessions import Session
    from concordat.web.languages import Words

T = TypeVar("T")
VISITOR_FORM, SESSION_FORM = "visitor", "session"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on there (303).

    Attributes:
        path: with its query, without the prefix. session: a fresh session's id for the cookie.
    """

    path: str
    session: Secret | None = None
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file to keep."""

    name: str
    data: bytes = field(repr=False)
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Json:
    """What the script of a page asked for, or what is wrong with that (RFC 9457)."""

    data: bytes = field(repr=False)
    status: int = 200


Answer: TypeAlias = Screen | Redirect | Download | Json


@dataclass(slots=True)
class At:
    """One request.

    Attributes:
        path: without the prefix, still percent-encoded. parts: of the path, by name. query: behind `?`.
        method: GET or POST.
        account, session: who is logged in, if anybody. cookies: values of the session's and the visitor's.
        binding: whose cookie the forms of this page are bound to. address: of the browser. fresh: a visitor's id that
            this answer sets. sent: what a POST brought. certificate: SHA-256 of the one that the browser showed.
        json: whether a script asks, so that also what is wrong is told as JSON.
    """

    service: Service
    people: People
    now: int
    method: str
    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    words: Words
    prefix: str
    address: str = ""
    account: Account | None = None
    session: Session | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    binding: str = SESSION_FORM
    sent: Sent = field(default_factory=Sent)
    fresh: Secret | None = None
    certificate: str = ""
    json: bool = False

    # --- Who ----------------------------------------------------------------------------------------------------------

    @property
    def who(self) -> Account:
        """The account that is logged in, on pages that ask for one."""
        assert self.account is not None
        return self.account

    @property
    def person(self) -> Person:
        """Whom a decision is about."""
        return self.account.person() if self.account is not None else VISITOR

    @property
    def acts(self) -> Acts:
        """The acts of this node."""
        assert self.people.acts is not None
        return self.people.acts

    def grant(self, act: str, kind: str = "") -> Grant:
        """Whether this person may do an act of the role table here, for this node's member.

        Args:
            kind: the type of entry, where there is one: of some, nothing is anybody's own.

        Raises:
            RuleError: no.
        """
        account = self.account.id if self.account is not None else ""
        if kind:
            account = roles().acts[act].owner(kind, account)
        return authorise(self.person, act, Target(self.service.member, self.service.member, account))

    def visitor(self) -> str:
        """The id of this browser; a fresh one is set with the answer."""
        if self.cookies.get("v"):
            return self.cookies["v"]
        self.fresh = self.fresh or new_visitor()
        return self.fresh.value

    def token(self) -> str:
        """A token for a form on this page."""
        return form_token(self.cookies.get("s", "") if self.binding == SESSION_FORM else self.visitor())

    # --- The node -----------------------------------------------------------------------------------------------------

    def look(self, ask: Callable[[Council], T]) -> T:
        """Ask the council something, as it stands after the last final batch; not to be changed.

        Raises:
            What the question raises; BusyError: too much waits, or the node is stopping.
        """
        return self.node(lambda _: ask(self.service.states.council))

    def node(self, ask: Callable[[Any], T]) -> T:
        """Ask the node something that changes nothing, on the thread that alone changes it."""
        return self.service.writer.read(ask).result()

    # --- Words and links ----------------------------------------------------------------------------------------------

    def t(self, key: str, **values: str | int) -> str:
        """A message in the language of this page."""
        return self.words.plain(key, **values)

    def href(self, path: str, **keys: str) -> str:
        """A link to a path of this site, in this page's language if the address named one."""
        if self.query.get("lang"):
            keys = {**keys, "lang": self.query["lang"]}
        joint = "&" if "?" in path else "?"
        return self.prefix + path + (f"{joint}{urlencode(sorted(keys.items()))}" if keys else "")

    def go(self, path: str, **more: Any) -> Redirect:
        """Lead on to a path, in this page's language."""
        return Redirect(self.href(path).removeprefix(self.prefix), **more)
