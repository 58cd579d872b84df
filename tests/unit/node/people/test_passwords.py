"""Passwords, one-time codes, recovery codes: published vectors, a second implementation, what is refused."""

from __future__ import annotations

import re
import threading
import time
from importlib import resources

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from hypothesis import given
from hypothesis import strategies as st

from concordat.errors import InputError, RuleError, StateError
from concordat.node.passwords import (
    COST,
    LENGTH_MAX,
    Cost,
    HashGate,
    check_new_password,
    common_passwords,
    dummy_hash,
    hash_password,
    needs_rehash,
    new_recovery_codes,
    totp,
    totp_step,
    totp_text,
    totp_uri,
    use_recovery_code,
    verify_password,
)
from people_kit import CHEAP

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, the rows of SHA-1.
RFC_6238 = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
# RFC 4226, appendix D: the codes of counters 0 to 9.
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]


@pytest.mark.parametrize(("time", "code"), RFC_6238.items())
def test_vectors_of_rfc_6238(time: int, code: str) -> None:
    assert totp(SECRET, time // 30, digits=8) == code


def test_vectors_of_rfc_4226() -> None:
    assert [totp(SECRET, counter) for counter in range(10)] == RFC_4226


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**40))
def test_codes_are_those_of_another_implementation(secret: bytes, time: int) -> None:
    other = TOTP(secret, 6, SHA1(), 30)
    assert totp(secret, time // 30) == other.generate(time).decode()


def test_one_step_before_and_after_is_taken_and_no_other() -> None:
    now = 1_000_000_000
    step = now // 30
    taken = [d for d in range(-4, 5) if _taken(totp(SECRET, step + d), now, -1)]
    assert taken == [-1, 0, 1]


def test_a_step_is_taken_once_and_none_before_it() -> None:
    now = 1_000_000_000
    used = totp_step(SECRET, totp(SECRET, now // 30), now, -1)
    assert used == now // 30
    for code in (totp(SECRET, used), totp(SECRET, used - 1)):
        with pytest.raises(RuleError, match="wrong, or was used"):
            totp_step(SECRET, code, now, used)
    assert totp_step(SECRET, totp(SECRET, used + 1), now, used) == used + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "-12345", "12 34"])
def test_what_is_no_code(typed: str) -> None:
    with pytest.raises(RuleError, match="the code is wrong"):
        totp_step(SECRET, typed, 59, -1)


def test_a_code_may_be_typed_with_spaces() -> None:
    code = totp(SECRET, 1)
    assert totp_step(SECRET, f" {code[:3]} {code[3:]} ", 59, -1) == 1


def _taken(code: str, now: int, last: int) -> bool:
    try:
        totp_step(SECRET, code, now, last)
    except RuleError:
        return False
    return True


def test_what_is_typed_into_a_telephone() -> None:
    assert totp_text(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"  # base32 of the RFC's key
    uri = totp_uri(SECRET, "maria", "Concordat BRA")
    assert uri.startswith("otpauth://totp/Concordat%20BRA%3Amaria?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")
    assert uri.endswith("issuer=Concordat%20BRA&algorithm=SHA1&digits=6&period=30")


def test_the_square_of_dots_has_no_style_attribute() -> None:
    pytest.importorskip("segno", reason="needs the extra [web]")
    from concordat.node.passwords import totp_svg

    svg = totp_svg(totp_uri(SECRET, "maria", "Concordat BRA"))
    assert svg.startswith("<svg")
    assert "style=" not in svg
    assert "<script" not in svg


# --- Passwords ---


def test_a_hash_is_argon2id_of_the_cost_that_the_specification_asks() -> None:
    assert (COST.memory_kib, COST.passes, COST.lanes) == (64 * 1024, 3, 1)
    phc = hash_password("seven otters on a tram")
    assert re.fullmatch(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", phc)
    verify_password("seven otters on a tram", phc)


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password("seven otters on a tram", CHEAP) != hash_password("seven otters on a tram", CHEAP)


def test_a_wrong_password_is_refused() -> None:
    phc = hash_password("seven otters on a tram", CHEAP)
    for wrong in ("", "seven otters on a tra", "Seven otters on a tram", "seven otters on a tram ", "\ud800"):
        with pytest.raises(RuleError, match="the password is wrong"):
            verify_password(wrong, phc)


def test_the_same_letters_typed_in_two_ways_are_one_password() -> None:
    phc = hash_password("café à la bonne heure", CHEAP)
    verify_password("cafe\u0301 a\u0300 la bonne heure", phc)


def test_dearer_parameters_ask_for_a_new_hash() -> None:
    phc = hash_password("seven otters on a tram", CHEAP)
    assert not needs_rehash(phc, CHEAP)
    for dearer in (Cost(128, 1, 1), Cost(64, 2, 1)):
        assert needs_rehash(phc, dearer)
    assert needs_rehash("$2b$12$something", CHEAP)


def test_the_dummy_has_the_form_and_cost_of_a_hash_and_no_password() -> None:
    real, dummy = hash_password("seven otters on a tram", CHEAP), dummy_hash(CHEAP)
    assert [len(part) for part in dummy.split("$")] == [len(part) for part in real.split("$")]
    assert dummy.split("$")[:4] == real.split("$")[:4]
    for password in ("", "seven otters on a tram"):
        with pytest.raises(RuleError, match="the password is wrong"):
            verify_password(password, dummy)
    assert dummy != dummy_hash(CHEAP)


WORDS = ("maria", "BRICS", "BRA", "Brazil")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("eleven char", "password_length"),
        ("x" * (LENGTH_MAX + 1), "password_length"),
        ("half \ud800 a character", "password"),
        ("maria-maria-maria", "password_words"),
        ("BRICS2026BRICS", "password_words"),
        ("bRaZiL 20 26 !!", "password_words"),
        ("Maria@BRICS:1", "password_words"),
        ("password1234", "password_common"),
        ("PassWord12345", "password_common"),
        ("qwertyuiop123", "password_common"),
        ("aaaaaaaaaaaa", "password_common"),
        ("123456789012", "password_common"),
    ],
)
def test_what_nobody_may_choose(password: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check_new_password(password, WORDS)
    assert caught.value.code == code
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["seven otters on a tram", "twelve chars", "дванадцать слов", "🦦" * 12, "x!" * 128]
)
def test_any_characters_may_be_chosen(password: str) -> None:
    assert check_new_password(password, WORDS) == password


def test_length_is_counted_in_composed_characters() -> None:
    with pytest.raises(InputError, match="11 characters"):
        check_new_password("e\u0301" * 11, WORDS)


def test_the_list_of_the_commonest_is_ours_and_says_so() -> None:
    text = (resources.files("concordat.node") / "common_passwords.txt").read_text(encoding="utf-8")
    lines = text.splitlines()
    head, rows = [x for x in lines if x.startswith("# ")], [x for x in lines if not x.startswith("# ")]
    assert len(lines) <= 10_000
    assert any("Licence" in line for line in head)
    assert any("Source" in line for line in head)
    assert rows == sorted(set(rows))
    assert all(len(row) >= 12 for row in rows)
    assert common_passwords() == frozenset(rows)


# --- Recovery codes ---


def test_a_recovery_code_works_once() -> None:
    printed, stored = new_recovery_codes()
    assert len(printed) == len(set(printed)) == len(set(stored)) == 10
    assert all(re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}", code) for code in printed)  # 120 bits
    left = use_recovery_code(f" {printed[3].upper().replace('-', ' ')}", stored)
    assert left == [one for i, one in enumerate(stored) if i != 3]
    with pytest.raises(RuleError, match="wrong, or was used"):
        use_recovery_code(printed[3], left)


# --- The gate ---


def test_two_hashes_at_once_a_few_waiting_and_the_next_is_sent_away() -> None:
    gate, running, go = HashGate(at_once=2, waiting=3), threading.Semaphore(0), threading.Event()
    most, now_running, lock = [0], [0], threading.Lock()

    def work() -> None:
        with gate.turn():
            with lock:
                now_running[0] += 1
                most[0] = max(most[0], now_running[0])
            running.release()
            go.wait(10)
            with lock:
                now_running[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        assert running.acquire(timeout=10)
    while gate._admitted._value:  # until all five are in
        time.sleep(0.001)
    with pytest.raises(StateError, match="too many people") as caught, gate.turn():
        pass
    assert caught.value.code == "busy"
    go.set()
    for thread in threads:
        thread.join(10)
    assert most[0] == 2
    with gate.turn():
        pass
