"""Which private pages there are: the address of each, what answers it, and what it takes.

Whoever adds one adds it to the tests of the gates too (`tests/unit/web/desk/test_gates.py`), which try each of them
without a token, with another's, from another site, and by each role. Source: node-web.md 3.4 and 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from concordat.node.limits import BODY_MAX
from concordat.web.bodies import MULTIPART, ROOM
from concordat.web.desk import (
    account,
    act_forms,
    act_page,
    documents,
    job_page,
    keeping,
    login,
    operate,
    opinions_page,
    passkeys,
)
from concordat.web.desk.asked import Answer, At

Handler = Callable[[At], Answer]


@dataclass(frozen=True, slots=True)
class DeskPage:
    """One private page.

    Attributes:
        path: parts in braces are names. get, post: what answers; None: the method is not known here. session: whether
            somebody must be logged in. keys: behind `?`, besides `lang`; None: the page checks its own.
        files: its file fields, and how many bytes each takes. keeps: what of a form is kept after its session's end.
        json: it is asked by a script alone, and answers as JSON, also what is wrong.
    """

    path: str
    get: Handler | None = None
    post: Handler | None = None
    session: bool = True
    keys: tuple[str, ...] | None = ()
    files: Mapping[str, int] | None = None
    keeps: keeping.Kept | None = None
    json: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be asked here."""
        return (*(("GET", "HEAD") if self.get else ()), *(("POST",) if self.post else ()))

    def body_max(self, content_type: str) -> int:
        """The bound of a body, in bytes: a file has its own, everything else 1 MB."""
        if not self.files or not content_type.lower().startswith(MULTIPART):
            return BODY_MAX
        return max(self.files.values()) + ROOM

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its addresses look like."""
        parts = [f"(?P<{p[1:-1]}>[^/]+)" if p.startswith("{") else re.escape(p) for p in self.path.split("/")]
        return re.compile("/".join(parts))


def _addressed(address: act_forms.Address) -> DeskPage:
    return DeskPage(
        address.path, partial(_get_address, address), partial(_post_address, address), keys=None,
        files=documents.UPLOADS, keeps=partial(keeping.address, address),
    )  # fmt: skip


def _get_address(address: act_forms.Address, at: At) -> Answer:
    return act_forms.get_address(at, address)


def _post_address(address: act_forms.Address, at: At) -> Answer:
    return act_forms.post_address(at, address)


def _get_change(at: At) -> Answer:
    return act_forms.change(at, at.parts["act"])


def _post_change(at: At) -> Answer:
    return act_forms.take_change(at, at.parts["act"])


PAGES = (
    DeskPage("/login", login.get_login, login.post_login, session=False, keys=("next",)),
    DeskPage("/login/passkey", None, passkeys.post_ask, session=False, json=True),
    DeskPage("/logout", None, login.post_logout),
    DeskPage("/welcome/{token}", login.get_welcome, login.post_welcome, session=False),
    DeskPage("/account", account.get_account, account.post_account),
    DeskPage("/account/passkey", None, passkeys.post_offer, json=True),
    DeskPage("/drafts", act_page.get_drafts),
    DeskPage("/act/{act}", act_page.get_act, act_page.post_act),
    DeskPage("/act/{act}/change", _get_change, _post_change, files=documents.UPLOADS, keeps=keeping.change),
    DeskPage("/act/{act}/draft.json", act_page.get_draft_file),
    DeskPage("/act/{act}/proof.bundle", act_page.get_proof),
    DeskPage("/act/{act}/upload", None, act_page.post_upload, files=act_page.UPLOADS),
    DeskPage("/say", act_page.get_forms),
    DeskPage("/preside", act_page.get_forms),
    DeskPage(
        "/say/{type}",
        act_forms.get_say,
        act_forms.post_say,
        keys=None,
        files=documents.UPLOADS,
        keeps=keeping.say,
    ),
    DeskPage("/file/{hash}", documents.get_file),
    DeskPage("/consult/{id}/vote", opinions_page.get_vote, opinions_page.post_vote, session=False, keys=("n", "skip")),
    DeskPage("/operate", operate.get_operate, operate.post_operate),
    DeskPage("/job/{id}", job_page.get_job),
    DeskPage("/job/{id}/result", job_page.get_result),
    *map(_addressed, act_forms.ADDRESSES),
)
