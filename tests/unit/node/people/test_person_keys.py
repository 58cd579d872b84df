"""Person keys: held under a phrase, unlocked for a while, or away; what the membership must say before one counts."""

from __future__ import annotations

import base64
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat import canonical
from concordat.errors import InputError, RuleError, StateError, TrustError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.node.guessing import WaitError
from concordat.node.identity import read_seeds
from concordat.node.people import People
from concordat.node.person_keys import (
    UNLOCKED_MAX,
    UNLOCKED_S,
    UnlockedKeys,
    forbid_core_dumps,
    make_key_file,
    person_request,
    read_draft,
    read_request,
    require_certified,
    sign_draft,
)
from people_kit import CHEAP, PASSWORD, PHRASE, T0, bare, certify, join, make_home, opened

PUBLIC = Ed25519Secret(b"k" * 32).public


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    found = bare(tmp_path / "home")
    yield found
    found.close()


# --- Held ---


def test_a_key_is_made_and_opens_by_its_phrase(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    public = people.keys.make(account.id, PHRASE, T0)
    assert people.accounts.account(account.id).key_public == public
    assert people.keys.is_held(account.id)
    key = people.keys.open_once(account.id, PHRASE, T0)
    assert key.public == public
    assert Ed25519Secret(key.seed).sign(b"x") == key.sign(b"x")


def test_the_seed_stands_nowhere_in_the_clear(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    people.keys.make(account.id, PHRASE, T0)
    seed = people.keys.open_once(account.id, PHRASE, T0).seed
    (sealed,) = people.store.one("SELECT key_sealed FROM account WHERE id = ?", account.id)
    assert seed not in bytes(sealed)
    head = json.loads(bytes(sealed).partition(b"\n")[0])
    assert head == {"m": CHEAP.memory_kib, "t": CHEAP.passes, "p": CHEAP.lanes, "v": 1}


def test_a_sealed_key_belongs_to_its_account_and_label(people: People) -> None:
    """A row copied to another account, or under another label, does not open."""
    maria, _ = join(people, "maria", ["delegate"], label="del-04")
    joao, _ = join(people, "joao", ["delegate"], label="del-05")
    people.keys.make(maria.id, PHRASE, T0)
    people.keys.make(joao.id, "another phrase altogether", T0)
    (sealed,) = people.store.one("SELECT key_sealed FROM account WHERE id = ?", maria.id)
    people.store.run("UPDATE account SET key_sealed = ? WHERE id = ?", sealed, joao.id)
    with pytest.raises(RuleError, match="phrase is wrong"):
        people.keys.open_once(joao.id, PHRASE, T0)
    people.store.run("UPDATE account SET key_label = 'del-06' WHERE id = ?", maria.id)
    with pytest.raises(RuleError, match="phrase is wrong"):
        people.keys.open_once(maria.id, PHRASE, T0)


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("short", "12 to 256"),
        ("maria-maria-maria", "made of the login"),
        ("password1234", "tried first"),
        (PASSWORD, "must not be the password"),
    ],
)
def test_phrases_that_cannot_be(people: People, phrase: str, words: str) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    with pytest.raises(InputError, match=words):
        people.keys.make(account.id, phrase, T0)
    assert not people.keys.is_held(account.id)


def test_the_password_must_not_become_the_phrase(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"], label="del-04")
    people.keys.make(account.id, PHRASE, T0)
    _, _, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
    with pytest.raises(InputError, match="must not be the signing phrase"):
        people.logins.change_password(
            session,
            PASSWORD,
            PHRASE,
            T0 + 60,
            lambda text: people.keys.is_phrase(account.id, text),
            phone.code(T0 + 60),
        )
    assert not people.keys.is_phrase(account.id, PASSWORD)


def test_a_new_key_needs_a_new_label(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    first = people.keys.make(account.id, PHRASE, T0)
    with pytest.raises(RuleError, match="there is a key del-04 already"):
        people.keys.make(account.id, PHRASE, T0)
    assert people.keys.make(account.id, PHRASE, T0, label="del-14") != first
    other, _ = join(people, "joao", ["delegate"])
    with pytest.raises(RuleError, match="another account has the key label del-14"):
        people.keys.make(other.id, PHRASE, T0, label="del-14")
    with pytest.raises(InputError, match="no key label"):
        people.keys.make(other.id, PHRASE, T0)


def test_five_wrong_phrases_make_it_wait(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    people.keys.make(account.id, PHRASE, T0)
    for left in (4, 3, 2, 1):
        with pytest.raises(RuleError, match=f"{left} attempt") as caught:
            people.keys.open_once(account.id, "a wrong phrase, really", T0)
        assert caught.value.code == "wrong"
    with pytest.raises(WaitError):
        people.keys.open_once(account.id, "a wrong phrase, really", T0)
    with pytest.raises(WaitError):
        people.keys.open_once(account.id, PHRASE, T0 + 59)
    people.keys.open_once(account.id, PHRASE, T0 + 60)
    kinds = [row.kind for row in people.audit.of(account.id)]
    assert kinds[:6] == ["key_unlocked"] + ["key_refused"] * 5


def test_without_a_key_nothing_opens(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    for _ in range(6):  # and it is no guess
        with pytest.raises(RuleError, match="no key of yours is held here"):
            people.keys.open_once(account.id, PHRASE, T0)
    with pytest.raises(RuleError, match="you have no key yet"):
        people.keys.signing_key(account.id, "session", T0)


def test_an_unlocked_key_stays_15_minutes_for_its_session(people: People) -> None:
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    public = people.keys.make(account.id, PHRASE, T0)
    with pytest.raises(RuleError, match="your key is locked"):
        people.keys.signing_key(account.id, "session", T0)
    people.keys.unlock(account.id, "session", PHRASE, T0)
    assert people.keys.signing_key(account.id, "session", T0 + UNLOCKED_S - 1).public == public
    for session, now in (("other", T0), ("session", T0 + UNLOCKED_S)):
        with pytest.raises(RuleError) as caught:
            people.keys.signing_key(account.id, session, now)
        assert caught.value.code == "key_locked"


def test_a_logout_locks_the_key(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"], label="del-04")
    people.keys.make(account.id, PHRASE, T0)
    _, cookie, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
    people.keys.unlock(account.id, session.handle, PHRASE, T0 + 30)
    people.keys.signing_key(account.id, session.handle, T0 + 31)
    people.logout(cookie.value, T0 + 32)
    with pytest.raises(RuleError, match="your key is locked"):
        people.keys.signing_key(account.id, session.handle, T0 + 33)


def test_keys_in_memory_are_bounded_and_never_shown() -> None:
    keys = UnlockedKeys()
    for i in range(UNLOCKED_MAX):
        keys.unlock(str(i), bytes([i % 256]) * 32, T0)
    with pytest.raises(StateError, match="too many keys"):
        keys.unlock("one more", b"x" * 32, T0)
    assert repr(keys) == "UnlockedKeys(***)"
    keys.unlock("later", b"x" * 32, T0 + UNLOCKED_S)  # those of before are dropped
    assert len(keys._keys) == 1


def test_no_core_is_dumped() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        forbid_core_dumps()
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


# --- The membership file ---


def test_a_request_is_read_as_it_was_written() -> None:
    data = person_request("BRICS", "BRA", "del-04", PUBLIC, ("exchange", "council"))
    assert read_request(data, "f") == (
        "BRICS", "BRA", {"key": base64.b64encode(PUBLIC).decode(), "label": "del-04", "may": ["council", "exchange"]},
    )  # fmt: skip
    assert b"Name" not in data


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["person"].update(label="node"),
        lambda r: r["person"].update(may=["order"]),
        lambda r: r["person"].update(may=[]),
        lambda r: r["person"].update(key="AAAA"),
        lambda r: r["person"].update(key=base64.b64encode(bytes(32)).decode()),
        lambda r: r["person"].update(until=None),
        lambda r: r.update(name="Maria"),
        lambda r: r.pop("member"),
    ],
)
def test_what_is_no_request(change: object) -> None:
    raw = json.loads(person_request("BRICS", "BRA", "del-04", PUBLIC))
    change(raw)  # type: ignore[operator]
    with pytest.raises((InputError, TrustError)):
        read_request(json.dumps(raw).encode(), "f")
    for data in (b"", b"[]", b"\xff", b"[" * 100_000):
        with pytest.raises(InputError):
            read_request(data, "f")


def test_a_key_counts_once_the_membership_lists_it_for_its_scope(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with opened(home) as (node, _), pytest.raises(RuleError, match="waits for the root signatures") as caught:
        require_certified(node.chain.last, "BRA", "del-04", PUBLIC, "council")
    assert caught.value.code == "not_certified"
    certify(home, "del-04", PUBLIC, ("council",))
    with opened(home) as (node, _):
        last = node.chain.last
        require_certified(last, "BRA", "del-04", PUBLIC, "council")
        for label, public, scope, code in (
            ("del-05", PUBLIC, "council", "not_certified"),
            ("del-04", Ed25519Secret(b"x" * 32).public, "council", "not_certified"),
            ("del-04", PUBLIC, "exchange", "may"),
            ("del-04", PUBLIC, "clearing:x", "may"),
        ):
            with pytest.raises(RuleError) as caught:
                require_certified(last, "BRA", label, public, scope)
            assert caught.value.code == code


# --- Away ---


def _payload(**changes: object) -> bytes:
    fields = {
        "author": "BRA", "bloc": "BRICS", "body": {"word": "yes"}, "membership": 2, "person": "del-04", "prev": FIRST,
        "refs": [], "scope": "council", "seq": 1, "ts": "2026-11-22T00:00:00Z", "type": "Said", "v": 1,
    }  # fmt: skip
    return canonical.dumps({**fields, **changes})


def test_a_draft_signed_away_is_the_entry_that_would_have_been_signed_here() -> None:
    secret = Ed25519Secret(b"k" * 32)
    payload = _payload()
    draft = read_draft(payload)
    assert draft.sentence() == "BRA del-04 says Said, entry 1 of BRICS, scope council."
    here = Entry.new(
        author="BRA", bloc="BRICS", membership=2, person="del-04", seq=1, prev=FIRST, scope="council",
        ts="2026-11-22T00:00:00Z", type="Said", body={"word": "yes"}, secret=secret,
    )  # fmt: skip
    assert sign_draft(draft, secret) == here.leaf  # Ed25519 is deterministic: the same bytes
    assert Entry.parse(sign_draft(draft, secret)).verify(secret.public).payload == payload


LONG = {"x": "y" * 50_000}


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", _payload() + b" ", _payload(seq=2), _payload(extra=1), _payload(v=2), _payload(body=LONG)],
)
def test_what_is_no_draft(data: bytes) -> None:
    with pytest.raises((InputError, StateError)):
        read_draft(data, "draft.json")


def test_a_key_file_of_ones_own(tmp_path: Path) -> None:
    public = make_key_file(tmp_path / "k", "a passphrase")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert Ed25519Secret(read_seeds(tmp_path / "k", "a passphrase")["ed25519"]).public == public
    with pytest.raises(InputError, match="passphrase"):
        read_seeds(tmp_path / "k")
    with pytest.raises(StateError, match="there is a file already"):
        make_key_file(tmp_path / "k", "")
