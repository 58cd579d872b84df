"""Passkeys against an authenticator of our own: what must be proved, and every part of an answer that is wrong."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, RuleError
from concordat.node.accounts import FOR_GOOD, Account
from concordat.node.guessing import WaitError
from concordat.node.login import Logins
from concordat.node.passkeys import CHALLENGE_S, PASSKEYS_MAX, Passkeys
from concordat.node.passwords import STEP_S, totp
from concordat.node.people import People
from concordat.node.secret import unseal
from concordat.node.sessions import Session
from passkey_kit import ORIGIN, PRESENT, Authenticator, b64
from people_kit import PASSWORD, T0, bare, join

pytest.importorskip("webauthn", reason="needs the extra [passkeys]")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    found = bare(tmp_path / "home")
    yield found
    found.close()


@pytest.fixture
def passkeys(people: People) -> Passkeys:
    return Passkeys(people.accounts, f"{ORIGIN}/concordat")


@pytest.fixture
def maria(people: People) -> tuple[Account, Session]:
    account, phone = join(people, "maria", ["delegate"])
    return account, people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)[2]


def _made(passkeys: Passkeys, maria: tuple[Account, Session]) -> Authenticator:
    phone = Authenticator()
    passkeys.make(maria[1], phone.make(_offer(passkeys, maria)), "my telephone", T0)
    return phone


def _offer(passkeys: Passkeys, owner: tuple[Account, Session]) -> str:
    """The question to make one, for somebody who proves once more who she is."""
    return passkeys.offer(owner[1], PASSWORD, T0, _code(passkeys, owner))


def _code(passkeys: Passkeys, owner: tuple[Account, Session]) -> str:
    """A code of her telephone that is good now: the tests' clock stands, so the last one is forgotten first."""
    accounts = passkeys._accounts
    accounts.store.run("UPDATE account SET totp_step = -1 WHERE id = ?", owner[0].id)
    sealed = accounts.account(owner[0].id).totp_sealed
    assert sealed is not None
    return totp(unseal(accounts.secrets.subkey("totp"), sealed, owner[0].id), T0 // STEP_S)


def test_a_passkey_lets_its_person_in(people: People, passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    phone = _made(passkeys, maria)
    options = json.loads(passkeys.ask(T0))
    assert (options["rpId"], options["userVerification"]) == ("node.example.br", "required")
    for now in (T0, T0 + 1):
        account, cookie, session = passkeys.login(phone.answer(passkeys.ask(now)), now, address="203.0.113.7")
        assert (account.id, session.how) == (maria[0].id, "passkey")
        assert people.logins.of_session(cookie.value, now)[0].login == "maria"
    assert [(p.label, p.made) for p in passkeys.of(maria[0].id)] == [("my telephone", T0)]
    assert [row.kind for row in people.audit.of(maria[0].id)][:3] == ["login", "login", "passkey_made"]


def test_asking_changes_nothing(people: People, passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    before = list(people.store._db.iterdump())
    assert passkeys.ask(T0) != passkeys.ask(T0)
    assert list(people.store._db.iterdump()) == before
    assert _offer(passkeys, maria) != _offer(passkeys, maria)
    assert passkeys.of(maria[0].id) == []


def _refused(passkeys: Passkeys, answer: str, now: int = T0) -> None:
    with pytest.raises(RuleError) as caught:
        passkeys.login(answer, now)
    assert caught.value.code in ("wrong", "wait")


def test_an_answer_is_good_once_and_for_five_minutes(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    phone = _made(passkeys, maria)
    answer = phone.answer(passkeys.ask(T0))
    passkeys.login(answer, T0 + CHALLENGE_S - 1)
    _refused(passkeys, answer, T0 + CHALLENGE_S - 1)
    _refused(passkeys, phone.answer(passkeys.ask(T0)), T0 + CHALLENGE_S)
    _refused(passkeys, phone.answer(passkeys.ask(T0 + 60)), T0)  # a question of the future


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://node.example.br"},
        {"rp": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"count": -1},
    ],
    ids=str,
)
def test_what_is_not_proved_is_refused(
    passkeys: Passkeys, maria: tuple[Account, Session], change: dict[str, Any]
) -> None:
    phone = _made(passkeys, maria)
    passkeys.login(phone.answer(passkeys.ask(T0)), T0)
    for name, value in change.items():
        setattr(phone, name, value if name != "count" else phone.count + value)  # a counter that stands: a copy
    _refused(passkeys, phone.answer(passkeys.ask(T0)))


@pytest.mark.parametrize("crossed", [True, "false", 1])
def test_what_a_page_of_another_site_asked_for_is_refused(
    passkeys: Passkeys, maria: tuple[Account, Session], crossed: Any
) -> None:
    """WebAuthn level 3, 7.1 and 7.2: here no page of ours stands in a frame."""
    phone, second = _made(passkeys, maria), Authenticator()
    phone.crossed = second.crossed = crossed
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    with pytest.raises(RuleError, match="another site"):
        passkeys.make(maria[1], second.make(_offer(passkeys, maria)), "", T0)
    assert len(passkeys.of(maria[0].id)) == 1


def test_an_answer_is_good_in_the_browser_that_asked(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    """WebAuthn level 2, 13.4.3: whoever got hold of an answer can't send it from elsewhere."""
    phone = _made(passkeys, maria)
    for browser in ("", "another"):
        with pytest.raises(RuleError, match="no question of ours"):
            passkeys.login(phone.answer(passkeys.ask(T0, "hers")), T0, browser=browser)
    assert passkeys.login(phone.answer(passkeys.ask(T0, "hers")), T0, browser="hers")[0].id == maria[0].id


@pytest.mark.parametrize("size", [300, 301, 1_023, 1_024])
def test_an_id_is_as_long_as_devices_may_make_it(passkeys: Passkeys, maria: tuple[Account, Session], size: int) -> None:
    """WebAuthn level 2, section 4: at most 1,023 bytes; what is kept must open."""
    phone = Authenticator()
    phone.id = bytes(n % 251 for n in range(size))
    answer = phone.make(_offer(passkeys, maria))
    if size > 1_023:
        with pytest.raises(RuleError, match="can't be taken"):
            passkeys.make(maria[1], answer, "", T0)
        assert passkeys.of(maria[0].id) == []
        return
    passkeys.make(maria[1], answer, "", T0)
    assert passkeys.login(phone.answer(passkeys.ask(T0)), T0)[0].id == maria[0].id


@pytest.mark.parametrize("name", ["\ud800", "\0", "", "ä", "A" * 1_365, 5, None, {}, ["\ud800"]], ids=ascii)
def test_an_id_that_no_store_knows_is_refused_like_any_other(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session], name: Any
) -> None:
    said = json.loads(_made(passkeys, maria).answer(passkeys.ask(T0)))
    said["id"] = name
    before = len(list(people.audit.rows()))
    _refused(passkeys, json.dumps(said))
    assert len(list(people.audit.rows())) == before + 1  # it counts as a failure


def test_an_answer_to_another_question_is_refused(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    phone = _made(passkeys, maria)
    _refused(passkeys, phone.answer(_offer(passkeys, maria)))
    _refused(passkeys, phone.answer(json.dumps({"challenge": b64(b"x" * 56)})))
    _refused(passkeys, phone.answer(passkeys.ask(T0), "webauthn.create"))
    _refused(passkeys, Authenticator().answer(passkeys.ask(T0)))  # nobody's
    other = Authenticator()
    other.id = phone.id  # another key under the same id
    _refused(passkeys, other.answer(passkeys.ask(T0)))


def test_a_passkey_is_made_with_the_password_once_more(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    """Before the device is asked; and what it then makes is taken from that session alone."""
    for password, code in (("not the password", _code(passkeys, maria)), (PASSWORD, "")):
        with pytest.raises(RuleError, match="password or code is wrong"):
            passkeys.offer(maria[1], password, T0, code)
    elsewhere = passkeys._accounts.sessions.open(maria[0].id, "totp", T0)[1]
    answer = Authenticator().make(_offer(passkeys, maria))
    with pytest.raises(RuleError, match="no question of ours"):
        passkeys.make(elsewhere, answer, "", T0)
    with pytest.raises(RuleError, match="no question of ours"):
        passkeys.make(maria[1], Authenticator().make(passkeys.ask(T0)), "", T0)  # of the login: nothing was proved
    assert passkeys.of(maria[0].id) == []
    passkeys.make(maria[1], answer, "", T0)
    with pytest.raises(RuleError, match="this answer was used"):
        passkeys.make(maria[1], answer, "", T0)


def test_a_certificate_that_is_asked_for_is_asked_of_a_passkey_too(
    passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    phone, mark = _made(passkeys, maria), "ab" * 32
    passkeys._accounts.store.run("UPDATE account SET certificate = ? WHERE id = ?", mark, maria[0].id)
    for shown in ("", "cd" * 32):
        with pytest.raises(RuleError, match="client certificate"):
            passkeys.login(phone.answer(passkeys.ask(T0)), T0, certificate=shown)
        with pytest.raises(RuleError, match="password or code is wrong"):
            passkeys.offer(maria[1], PASSWORD, T0, certificate=shown)
    assert passkeys.login(phone.answer(passkeys.ask(T0)), T0, certificate=mark.upper())[2].how == "passkey"
    second = Authenticator().make(passkeys.offer(maria[1], PASSWORD, T0, certificate=mark))
    passkeys.make(maria[1], second, "another", T0)
    passkeys.remove(maria[1], passkeys.of(maria[0].id)[0].id, PASSWORD, T0, certificate=mark)
    assert len(passkeys.of(maria[0].id)) == 1


def test_the_handle_of_a_passkey_names_its_account(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    """WebAuthn level 2, 7.2 step 6: whom the device names, and it must name somebody, must be whose passkey it is."""
    phone = _made(passkeys, maria)
    for handle, good in (("somebody else", False), ("", False), (None, False), (maria[0].id, True)):
        said = json.loads(phone.answer(passkeys.ask(T0)))
        said["response"]["userHandle"] = b64(handle.encode()) if handle is not None else None
        if good:
            assert passkeys.login(json.dumps(said), T0)[0].id == maria[0].id
        else:
            _refused(passkeys, json.dumps(said))


@pytest.mark.parametrize(
    ("url", "origin", "hindrance"),
    [
        ("https://Node.Example.br:443/concordat", "https://node.example.br", ""),
        ("http://localhost:8080", "http://localhost:8080", ""),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "number"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", "number"),
    ],
)
def test_the_address_is_taken_as_browsers_write_it(people: People, url: str, origin: str, hindrance: str) -> None:
    found = Passkeys(people.accounts, url)
    assert (found._origin, found.hindrance) == (origin, hindrance)


@pytest.mark.parametrize("flags", [PRESENT, 0])
def test_a_passkey_without_user_verification_is_not_taken(
    passkeys: Passkeys, maria: tuple[Account, Session], flags: int
) -> None:
    phone = Authenticator(flags=flags)
    with pytest.raises(RuleError, match="can't be taken"):
        passkeys.make(maria[1], phone.make(_offer(passkeys, maria)), "", T0)
    assert passkeys.of(maria[0].id) == []


def test_a_passkey_is_made_for_the_account_that_was_offered_one(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    joao, phone = join(people, "joao", ["delegate"])
    session = people.logins.login("joao", PASSWORD, phone.code(T0 + 30), T0 + 30)[2]
    answer = Authenticator().make(_offer(passkeys, maria))
    with pytest.raises(RuleError, match="no question of ours"):
        passkeys.make(session, answer, "", T0)
    made = _made(passkeys, maria)
    with pytest.raises(RuleError, match="it is known"):
        passkeys.make(session, made.make(_offer(passkeys, (joao, session))), "", T0)
    hers = passkeys.of(maria[0].id)[0].id
    with pytest.raises(InputError, match="no such passkey of yours"):
        passkeys.remove(session, hers, PASSWORD, T0, _code(passkeys, (joao, session)))
    assert len(passkeys.of(maria[0].id)) == 1


def test_a_removed_passkey_a_locked_or_reset_account(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    phone = _made(passkeys, maria)
    people.accounts.lock("maria", FOR_GOOD, T0)
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    people.accounts.lock("maria", 0, T0)
    maria = maria[0], people.accounts.sessions.open(maria[0].id, "totp", T0)[1]  # the lock ended the one of before
    passkeys.login(phone.answer(passkeys.ask(T0)), T0)
    hers = passkeys.of(maria[0].id)[0].id
    with pytest.raises(RuleError, match="password or code is wrong"):
        passkeys.remove(maria[1], hers, PASSWORD, T0)
    passkeys.remove(maria[1], hers, PASSWORD, T0, _code(passkeys, maria))
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    again = _made(passkeys, maria)
    people.accounts.reset("maria", T0)
    assert passkeys.of(maria[0].id) == []
    _refused(passkeys, again.answer(passkeys.ask(T0)))


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda people, session: people.accounts.reset("maria", T0),
        lambda people, session: people.accounts.lock("maria", FOR_GOOD, T0),
        lambda people, session: people.accounts.set_roles("maria", ["chair"], T0),
        lambda people, session: people.accounts.sessions.end_all(session.account, T0),
        lambda people, session: people.accounts.store.run("UPDATE account SET locked_until = ?", FOR_GOOD),
        lambda people, session: people.accounts.store.run("UPDATE account SET password_phc = ''"),
        lambda people, session: people.accounts.store.run("UPDATE session SET seen = seen - 1800"),  # idle too long
    ],
    ids=["reset", "lock", "roles", "ended", "locked", "closed", "idle"],
)
def test_no_passkey_is_made_by_a_session_that_has_ended_since_its_proof(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session], meanwhile: Callable[[People, Session], object]
) -> None:
    answer = Authenticator().make(_offer(passkeys, maria))
    meanwhile(people, maria[1])
    with pytest.raises(RuleError, match="session that asked for this has ended"):
        passkeys.make(maria[1], answer, "", T0 + 31)
    assert passkeys.of(maria[0].id) == []


def test_of_two_copies_that_answer_at_once_one_is_let_in(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are verified against the counter of before; what counts is the one that the transaction finds."""
    phone, verify = _made(passkeys, maria), passkeys._verify
    copied = copy.copy(phone)
    first, second = phone.answer(passkeys.ask(T0)), copied.answer(passkeys.ask(T0))

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(passkeys, "_verify", verify)
        found = verify(*given)
        passkeys.login(second, T0)
        return found

    monkeypatch.setattr(passkeys, "_verify", overtaken)
    _refused(passkeys, first)
    assert len([s for s in people.accounts.sessions.of(maria[0].id, T0) if s.how == "passkey"]) == 1


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda people: people.store.run("DELETE FROM passkey"), "does not prove"),
        (lambda people: people.accounts.reset("maria", T0), "locked"),
        (lambda people: people.accounts.lock("maria", FOR_GOOD, T0), "locked"),
    ],
    ids=["removed", "reset", "locked"],
)
@pytest.mark.parametrize("counts", [True, False])
def test_what_changes_while_an_answer_is_verified_counts(
    people: People,
    passkeys: Passkeys,
    maria: tuple[Account, Session],
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[People], object],
    why: str,
    counts: bool,
) -> None:
    phone, verify = _made(passkeys, maria), passkeys._verify
    if not counts:
        _stand(people, phone)

    def overtaken(*given: Any) -> Any:
        found = verify(*given)
        meanwhile(people)
        return found

    answer = phone.answer(passkeys.ask(T0))
    monkeypatch.setattr(passkeys, "_verify", overtaken)
    with pytest.raises(RuleError, match=why):
        passkeys.login(answer, T0)
    assert [s for s in people.accounts.sessions.of(maria[0].id, T0) if s.how == "passkey"] == []


def _stand(people: People, phone: Authenticator) -> None:
    """From now on the device does not count: it says 0."""
    people.store.run("UPDATE passkey SET count = 0")
    phone.count = -1


def test_a_device_that_does_not_count_lets_in_again_and_again(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    """WebAuthn level 2, 7.2 step 21: both are zero."""
    phone = _made(passkeys, maria)
    for _ in range(2):
        _stand(people, phone)
        assert passkeys.login(phone.answer(passkeys.ask(T0)), T0)[0].id == maria[0].id


def test_a_refusal_is_told_to_the_owner_of_the_passkey(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    """A copy, another's handle, a missing certificate, a lock; a device that nobody knows is nobody's news."""
    phone = _made(passkeys, maria)

    def told() -> int:
        return [row.kind for row in people.audit.news(maria[0].id)].count("login_failed")

    _refused(passkeys, Authenticator().answer(passkeys.ask(T0)))
    assert told() == 0
    phone.count -= 1
    _refused(passkeys, phone.answer(passkeys.ask(T0)))  # a counter that stands: a copy
    assert told() == 1
    said = json.loads(phone.answer(passkeys.ask(T0)))
    said["response"]["userHandle"] = b64(b"somebody else")
    _refused(passkeys, json.dumps(said))
    assert told() == 2
    people.store.run("UPDATE account SET certificate = ?", "ab" * 32)
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    assert told() == 3
    people.accounts.lock("maria", FOR_GOOD, T0)
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    assert told() == 4


def test_a_session_that_ended_meanwhile_removes_none(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its password is hashed, another browser of hers ends it; that one is not ended in turn."""
    _made(passkeys, maria)
    hers, other = passkeys.of(maria[0].id)[0].id, people.accounts.sessions.open(maria[0].id, "totp", T0)[1]
    prove = Logins.prove

    def late(*given: Any) -> Any:
        found = prove(*given)
        people.accounts.sessions.end(maria[1].handle, T0)
        return found

    monkeypatch.setattr(Logins, "prove", late)
    with pytest.raises(RuleError, match="session that asked for this has ended"):
        passkeys.remove(maria[1], hers, PASSWORD, T0, _code(passkeys, maria))
    assert [p.id for p in passkeys.of(maria[0].id)] == [hers]
    assert people.accounts.sessions.of(maria[0].id, T0) == [other]


def test_whoever_removes_a_passkey_ends_what_it_opened(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    phone = _made(passkeys, maria)
    _, lost, session = passkeys.login(phone.answer(passkeys.ask(T0)), T0)
    hers = passkeys.of(maria[0].id)[0].id
    assert passkeys.remove(maria[1], hers, PASSWORD, T0, _code(passkeys, maria)) == [session.handle]
    with pytest.raises(RuleError, match="not logged in"):
        people.logins.of_session(lost.value, T0)
    assert people.accounts.sessions.of(maria[0].id, T0) == [maria[1]]


def test_one_factor_never_becomes_two(people: People, passkeys: Passkeys) -> None:
    """A passkey that a password alone made is forgotten when a role asks for a second factor."""
    rui, _ = join(people, "rui", ["expert"])
    phone, owner = Authenticator(), (rui, people.logins.login("rui", PASSWORD, "", T0)[2])
    passkeys.make(owner[1], phone.make(passkeys.offer(owner[1], PASSWORD, T0)), "", T0)
    assert people.accounts.set_roles("rui", ["expert"], T0)[1] == 0
    assert len(passkeys.of(rui.id)) == 1
    assert people.accounts.set_roles("rui", ["delegate"], T0)[1] == 1
    assert passkeys.of(rui.id) == []
    _refused(passkeys, phone.answer(passkeys.ask(T0)))
    facts = next(row.facts for row in people.audit.of(rui.id) if row.kind == "roles_set")
    assert facts == {"before": ["expert"], "after": ["delegate"], "passkeys_removed": 1}


def test_a_passkey_of_two_factors_stays_with_other_roles(
    people: People, passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    phone = _made(passkeys, maria)
    people.accounts.set_roles("maria", ["chair"], T0)
    assert passkeys.login(phone.answer(passkeys.ask(T0)), T0)[0].roles == ("chair",)
    assert "passkeys_removed" not in next(r.facts for r in people.audit.of(maria[0].id) if r.kind == "roles_set")


def test_a_device_is_given_almost_as_long_as_a_question_holds(
    passkeys: Passkeys, maria: tuple[Account, Session]
) -> None:
    """In milliseconds (WebAuthn level 2, 5.4 and 5.5); without it browsers are told of one minute."""
    for question in (passkeys.ask(T0), _offer(passkeys, maria)):
        assert 280_000 <= json.loads(question)["timeout"] < CHALLENGE_S * 1_000 == 300_000


@pytest.mark.parametrize(
    "public", [[1, 2], [], {}, 5, "x", {1: 2}, {1: 2, 3: -7, -1: 1, -2: b"", -3: b""}, {1: 99, 3: -7}], ids=repr
)
def test_a_key_of_no_form_is_refused(passkeys: Passkeys, maria: tuple[Account, Session], public: Any) -> None:
    import cbor2

    phone = Authenticator()
    said = json.loads(phone.make(_offer(passkeys, maria)))
    text = said["response"]["attestationObject"]
    attested = cbor2.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    head = attested["authData"][: 37 + 16 + 2 + len(phone.id)]
    data = cbor2.dumps({**attested, "authData": head + cbor2.dumps(public)})
    said["response"]["attestationObject"] = b64(data)
    with pytest.raises(RuleError, match="can't be taken"):
        passkeys.make(maria[1], json.dumps(said), "", T0)
    assert passkeys.of(maria[0].id) == []


def test_a_statement_of_no_form_is_refused(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    """Attestation is not asked for, but the library reads what comes: here a number where it expects bytes."""
    import cbor2

    said = json.loads(Authenticator().make(_offer(passkeys, maria)))
    text = said["response"]["attestationObject"]
    attested = cbor2.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    wrong = {**attested, "fmt": "android-safetynet", "attStmt": {"ver": "1", "response": 1.5}}
    said["response"]["attestationObject"] = b64(cbor2.dumps(wrong))
    with pytest.raises(RuleError, match="can't be taken"):
        passkeys.make(maria[1], json.dumps(said), "", T0)


def test_passkeys_are_bounded(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    for _ in range(PASSKEYS_MAX):
        _made(passkeys, maria)
    with pytest.raises(RuleError, match="there are 10 already"):
        _made(passkeys, maria)


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", '{"response": {"clientDataJSON": "%%"}}', "x" * 30_000, "[" * 9_000]
)
def test_what_is_no_answer(passkeys: Passkeys, answer: str) -> None:
    with pytest.raises(InputError, match="not the answer of a browser"):
        passkeys.login(answer, T0)


def test_failures_make_the_address_wait(passkeys: Passkeys, maria: tuple[Account, Session]) -> None:
    for _ in range(20):
        _refused(passkeys, Authenticator().answer(passkeys.ask(T0)))
    phone = _made(passkeys, maria)
    with pytest.raises(WaitError):
        passkeys.login(phone.answer(passkeys.ask(T0)), T0)
