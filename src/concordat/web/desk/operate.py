"""For the operator: who has an account, what the node is doing, and how it stands; in plain words.

Adding an account, giving a new link, roles and locks are what `concordat node account` does; a link is shown once, in
the answer to the form, and stored nowhere. The operator sees no unlocked key, no draft and no opinion. Health is the
words of readiness and of each peer; figures are on the operator's own address (`ops_listen`). Source: node-web.md 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.node.accounts import FOR_GOOD
from concordat.node.authorise import needs_second_factor, roles
from concordat.web.desk import job_page
from concordat.web.desk.asked import Answer, At
from concordat.web.forms import (
    Block,
    Button,
    Cell,
    Exact,
    Fact,
    Facts,
    Field,
    Form,
    Heading,
    Links,
    Note,
    Option,
    Rows,
    Screen,
)

PLACES = ("login", "name", "key label", "kind", "bloc", "file")  # where a mistake is told beside its field


def get_operate(at: At) -> Answer:
    """The page.

    Raises:
        RuleError: not an operator.
    """
    at.grant("operate")
    return _screen(at)


def _screen(
    at: At, *, status: int = 200, errors: Mapping[str, str] | None = None, summary: tuple[str, ...] = ()
) -> Screen:
    blocks: list[Block] = [Heading(at.t("desk.health")), *_health(at)]
    blocks += [*_accounts(at, errors or {}), *_jobs(at, errors or {})]
    return Screen(at.t("desk.operate"), blocks, status=status, summary=summary, group="decide")


# --- Health -----------------------------------------------------------------------------------------------------------


def _health(at: At) -> list[Block]:
    service = at.service
    failing = service.failing()
    blocks: list[Block] = [
        Note(at.t("desk.not_ready"), "warning") if failing else Note(at.t("desk.ready"), "good")
    ]  # fmt: skip
    facts = [Fact(name, words, long=True) for name, words in sorted(failing.items())]
    facts.append(Fact(at.t("desk.log"), f"{at.node(lambda node: node.replica.own.size):,}"))
    facts.append(Fact(at.t("desk.final_batch"), f"{service.states.batch:,}"))
    facts.append(Fact(at.t("desk.membership"), f"{service.chain.last.version}, {service.chain.last.expires}"))
    blocks.append(Facts(facts))
    rows = []
    now = service.monotonic()
    for peer in service.peers:
        machine = peer.machine
        seen = at.t("desk.never") if machine.last_contact is None else f"{round(now - machine.last_contact):,} s"
        rows.append([Cell(peer.member), Cell(machine.state.value), Cell(seen), Cell(machine.note)])
    columns = (at.t("desk.member"), at.t("desk.state"), at.t("desk.last_contact"), at.t("desk.details"))
    blocks.append(Rows("peers", at.t("desk.peers"), columns, rows, at.t("desk.no_peers")))
    return blocks


# --- Accounts ---------------------------------------------------------------------------------------------------------


def _accounts(at: At, errors: Mapping[str, str]) -> list[Block]:
    found = at.people.accounts.all()
    rows = [
        [Cell(a.login), Cell(a.name), Cell(", ".join(a.roles)), Cell(_state(at, a)), Cell(a.key_label or "-")]
        for a in found
    ]  # fmt: skip
    columns = (
        at.t("desk.login_name"),
        at.t("desk.name"),
        at.t("desk.roles"),
        at.t("desk.state"),
        at.t("desk.key_label"),
    )
    table = Rows("accounts", at.t("desk.accounts"), columns, rows, at.t("desk.no_rows"))
    names = [Option("", at.t("desk.choose")), *(Option(a.login, a.login) for a in found)]
    return [table, _add_form(at, errors), _change_form(at, errors, names)]


def _state(at: At, account: Any) -> str:
    if account.locked_until > at.now:
        return at.t("desk.locked")
    return at.t("desk.is_open" if account.open else "desk.link_unused")


def _role_fields(at: At, prefix: str) -> list[Field]:
    chosen = at.sent.fields
    return [
        Field(f"{prefix}.{role}", role, "check", chosen.get(f"{prefix}.{role}", ()))
        for role in roles().roles if role != "public"
    ]  # fmt: skip


def _add_form(at: At, errors: Mapping[str, str]) -> Form:
    sent = at.sent.one
    fields = (
        Field("login", at.t("desk.login_name"), "text", (sent("login"),), at.t("help.login"), errors.get("login", ""),
              required=True, max_length=32),
        Field("name", at.t("desk.name"), "text", (sent("name"),), at.t("help.name"), errors.get("name", ""),
              required=True, max_length=200),
        Field("key_label", at.t("desk.key_label"), "text", (sent("key_label"),), at.t("help.key_label"),
              errors.get("key_label", ""), max_length=32),
        *_role_fields(at, "role"),
    )  # fmt: skip
    title = at.t("desk.add_account")
    return Form("add", at.href("/operate"), fields, (Button(title, "add"),), at.token(), title)


def _change_form(at: At, errors: Mapping[str, str], names: list[Option]) -> Form:
    fields = (
        Field("who", at.t("desk.login_name"), "select", (at.sent.one("who"),), "", errors.get("who", ""), names,
              required=True),
        *_role_fields(at, "new"),
    )  # fmt: skip
    buttons = (
        Button(at.t("desk.set_roles"), "roles"), Button(at.t("desk.reset"), "reset", quiet=True),
        Button(at.t("desk.lock_account"), "lock", quiet=True),
        Button(at.t("desk.unlock_account"), "unlock", quiet=True),
    )  # fmt: skip
    return Form("chg", at.href("/operate"), fields, buttons, at.token(), at.t("desk.change_account"))


# --- Jobs -------------------------------------------------------------------------------------------------------------


def _jobs(at: At, errors: Mapping[str, str]) -> list[Block]:
    queue = job_page.queue(at)
    found = queue.list(limit=30)
    columns = (at.t("desk.number"), at.t("desk.what"), at.t("desk.state"), at.t("desk.when"))
    rows = job_page.rows(at, found, queue)
    blocks: list[Block] = [Rows("jobs", at.t("desk.jobs"), columns, rows, at.t("desk.no_jobs"))]
    waiting = [j for j in found if j.state in ("queued", "running")]
    if waiting:
        options = [Option(j.id, f"{j.kind} {j.id[:8]}") for j in waiting]
        field = Field("job", at.t("desk.job"), "select", (), options=options, required=True)
        cancel = Button(at.t("desk.cancel_job"), "cancel", quiet=True)
        blocks.append(Form("job", at.href("/operate"), (field,), (cancel,), at.token()))
    return [*blocks, job_page.start_form(at, errors)]


# --- What is done here ------------------------------------------------------------------------------------------------


def post_operate(at: At) -> Answer:
    """Add or change an account, or start or cancel a job.

    Raises:
        RuleError: not an operator. InputError: nothing of these.
    """
    at.grant("operate")
    work = _DO.get(at.sent.one("do"))
    if work is None:
        raise InputError("this form asks for nothing that can be done.", where="do", code="form")
    try:
        return work(at)
    except (InputError, RuleError) as error:
        words = " ".join(part for part in (error.what, error.hint) if part)
        place = error.where.replace(" ", "_") if error.where in PLACES else ""
        return _screen(at, status=422, errors={place: words} if place else {}, summary=() if place else (words,))


def _ticked(at: At, prefix: str) -> list[str]:
    return [role for role in roles().roles if at.sent.one(f"{prefix}.{role}") == "yes"]


def _add(at: At) -> Answer:
    account, link = at.people.accounts.add(
        at.sent.one("login").strip(), at.sent.one("name"), _ticked(at, "role"), at.now,
        key_label=at.sent.one("key_label").strip(),
    )  # fmt: skip
    return _link_screen(at, account.login, link.value)


def _link_screen(at: At, login: str, token: str) -> Screen:
    address = f"{at.service.public_url.rstrip('/')}/welcome/{token}"
    blocks = (
        Note(at.t("desk.link_once"), "warning"),
        Exact(address),
        Links([Cell(at.t("desk.operate"), at.href("/operate"))]),
    )
    return Screen(at.t("desk.link_for", login=login), blocks, secret=True)


def _known(at: At) -> str:
    login = at.sent.one("who")
    if not login:
        raise InputError("choose an account.", code="missing")
    return login


def _reset(at: At) -> Answer:
    with _locking_keys(at):
        account, link = at.people.accounts.reset(_known(at), at.now)
    return _link_screen(at, account.login, link.value)


def _roles(at: At) -> Answer:
    with _locking_keys(at):
        account, gone = at.people.accounts.set_roles(_known(at), _ticked(at, "new"), at.now)
    notes: list[Block] = [Note(at.t("desk.passkeys_removed", n=gone), "plain")] if gone else []
    if needs_second_factor(account.roles) and account.totp_sealed is None and not account.certificate and account.open:
        notes.append(Note(at.t("desk.needs_link", login=account.login), "warning"))
    if notes:
        return Screen(at.t("desk.set_roles"), (*notes, Links([Cell(at.t("desk.operate"), at.href("/operate"))])))
    return at.go("/operate")


@contextmanager
def _locking_keys(at: At) -> Iterator[None]:
    """What ends sessions of the chosen account locks the keys that they unlocked."""
    account, sessions = at.people.accounts.by_login(_known(at)), at.people.accounts.sessions
    before = [s.handle for s in sessions.of(account.id, at.now)]
    yield
    going_on = {s.handle for s in sessions.of(account.id, at.now)}
    at.people.lock_keys(handle for handle in before if handle not in going_on)


def _lock(at: At) -> Answer:
    with _locking_keys(at):
        at.people.accounts.lock(_known(at), FOR_GOOD, at.now)
    return at.go("/operate")


def _unlock(at: At) -> Answer:
    at.people.accounts.lock(_known(at), 0, at.now)
    return at.go("/operate")


def _cancel(at: At) -> Answer:
    try:
        job_page.queue(at).cancel(at.sent.one("job"))
    except ConcordatError as error:
        raise InputError(error.what, hint=error.hint, code=error.code) from None
    return at.go("/operate")


_DO: Mapping[str, Callable[[At], Answer]] = {
    "add": _add, "reset": _reset, "roles": _roles, "lock": _lock, "unlock": _unlock, "cancel": _cancel,
    "start": job_page.start,
}  # fmt: skip
