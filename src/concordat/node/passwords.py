"""Is this the person: passwords under Argon2id, one-time codes of a telephone, recovery codes on paper.

Passwords: 12 to 256 characters, any, as Unicode NFC (RFC 8265 section 4.2.1 asks it of passwords); Argon2id (RFC 9106)
with 64 MiB, 3 passes, 1 lane, kept as a PHC string, hashed anew when our parameters rise. Refused: what is made of the
login, the bloc's or the member's name, and our own list of the commonest (`common_passwords.txt`), compared without
case, after NIST SP 800-63B-4 section 3.1.1.2; no rule asks for digits or signs.

Codes: TOTP (RFC 6238) with SHA-1, 6 digits, 30 seconds, one step before and after, each step once. Recovery codes:
ten of 80 random bits; their SHA-256 is stored, and each works once.

What this does not do: count failures (`guessing`), keep anything (`accounts`).

    >>> totp(b"12345678901234567890", 59 // 30, digits=8)  # RFC 6238, appendix B
    '94287082'
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from concordat.errors import InputError, RuleError, StateError
from concordat.settings import need_extra

LENGTH_MIN, LENGTH_MAX = 12, 256
SALT_BYTES = 16
STEP_S, DIGITS, WINDOW = 30, 6, 1
SECRET_BYTES = 20  # RFC 4226 section 4, R6: 160 bits are recommended
RECOVERY_CODES, RECOVERY_BYTES = 10, 15  # 120 bits: from 112 on a plain hash may be stored (ASVS 5.0.0, V6.5.2)
RECOVERY_LETTERS = RECOVERY_BYTES * 8 // 5
HASHES_AT_ONCE, HASHES_WAITING = 2, 32
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: memory in KiB, passes, lanes (RFC 9106 section 3.1)."""

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 1


COST = Cost()


class HashGate:
    """At most two hashes at once, at most 32 waiting: 64 MiB each must not become the memory of the machine."""

    def __init__(self, at_once: int = HASHES_AT_ONCE, waiting: int = HASHES_WAITING) -> None:
        self._running = threading.BoundedSemaphore(at_once)
        self._admitted = threading.BoundedSemaphore(at_once + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn.

        Raises:
            StateError: too many wait already.
        """
        if not self._admitted.acquire(blocking=False):
            raise StateError("too many people are logging in.", hint="Try again in a few seconds.", code="busy")
        try:
            with self._running:
                yield
        finally:
            self._admitted.release()


# --- Passwords --------------------------------------------------------------------------------------------------------


def normal(text: str, what: str = "the password") -> bytes:
    """The bytes that are hashed: NFC in UTF-8.

    Raises:
        InputError: half a surrogate pair, which no keyboard makes.
    """
    try:
        return unicodedata.normalize("NFC", text).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{what} holds half a character.", hint="Type it again.", code="password") from None


def hash_password(password: str, cost: Cost = COST) -> str:
    """The PHC string to store."""
    found: str = _argon2(cost, secrets.token_bytes(SALT_BYTES)).derive_phc_encoded(normal(password))
    return found


def dummy_hash(cost: Cost = COST) -> str:
    """A PHC string that no password gives, and that costs as much to refuse: for logins that don't exist."""
    salt, digest = (base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (SALT_BYTES, 32))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"


def verify_password(password: str, phc: str) -> None:
    """The password is the one of a stored hash.

    Raises:
        RuleError: it is not.
    """
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(normal(password), phc)
    except (InvalidKey, InputError):
        raise _wrong("the password is wrong.") from None


def _wrong(what: str) -> RuleError:
    return RuleError(what, code="wrong")


def needs_rehash(phc: str, cost: Cost = COST) -> bool:
    """Whether a stored hash is cheaper than what we ask today."""
    found = _PHC.fullmatch(phc)
    return not found or any(
        int(a) < b for a, b in zip(found.groups(), (cost.memory_kib, cost.passes, cost.lanes), strict=True)
    )


def derive_key(phrase: str, salt: bytes, cost: Cost = COST) -> bytes:
    """32 bytes from a signing phrase."""
    found: bytes = _argon2(cost, salt).derive(normal(phrase, "the phrase"))
    return found


def _argon2(cost: Cost, salt: bytes) -> Any:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)


def check_new_password(password: str, words: Sequence[str], what: str = "the password") -> str:
    """A password that somebody may choose.

    Args:
        password: as typed. words: the login, and the names of bloc and member, which it must not be made of.

    Raises:
        InputError: too short, too long, made of these words, or among the commonest.
    """
    normal(password, what)
    length = len(unicodedata.normalize("NFC", password))
    if not LENGTH_MIN <= length <= LENGTH_MAX:
        hint = "Three or four words that don't belong together are good."
        words_ = f"{what} has {length} characters; {LENGTH_MIN} to {LENGTH_MAX} are needed."
        raise InputError(words_, hint=hint, code="password_length")
    if _made_of(password, words):
        hint = "Choose words that have nothing to do with you or your office."
        raise InputError(f"{what} is made of the login, the bloc or the member.", hint=hint, code="password_words")
    if password.casefold() in common_passwords():
        raise InputError(f"{what} is among those tried first.", hint="Choose another.", code="password_common")
    return password


def _made_of(password: str, words: Sequence[str]) -> bool:
    """Whether fewer than four letters are left once the words are taken out."""
    plain = unicodedata.normalize("NFC", password).casefold()
    rest = plain
    for word in sorted({w.casefold() for w in words if len(w) >= 3}, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != plain and sum(c.isalpha() for c in rest) < 4


@cache
def common_passwords() -> frozenset[str]:
    """Our list of the commonest passwords, without case."""
    text = (resources.files("concordat.node") / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.casefold() for line in text.splitlines() if line and not line.startswith("# "))


# --- One-time codes ---------------------------------------------------------------------------------------------------


def totp(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step: HOTP of RFC 4226 section 5.3 with the step as counter."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    place = digest[-1] & 15
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def totp_step(secret: bytes, code: str, now: int, last_step: int) -> int:
    """The step whose code this is: within the window, and after the last one that was used.

    Args:
        code: as typed, spaces allowed. now: seconds since 1970. last_step: the newest step that was used, -1 if none.

    Raises:
        RuleError: it is no such step's code.
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not typed.isascii() or not typed.isdigit():
        raise _wrong("the code is wrong.")
    steps = range(max(now // STEP_S - WINDOW, 0), now // STEP_S + WINDOW + 1)
    good = [step for step in steps if hmac.compare_digest(totp(secret, step), typed) and step > last_step]
    if not good:
        raise _wrong("the code is wrong, or was used.")
    return good[0]


def totp_text(secret: bytes) -> str:
    """The secret in letters, in groups of four, for those who type it."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def totp_uri(secret: bytes, login: str, issuer: str) -> str:
    """The address that authenticator programs read from a square of dots."""
    label, text = quote(f"{issuer}:{login}"), base64.b32encode(secret).decode().rstrip("=")
    return f"otpauth://totp/{label}?secret={text}&issuer={quote(issuer)}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"


def totp_svg(uri: str) -> str:
    """The address as a square of dots, without style attributes.

    Raises:
        MethodError: the extra [web] is not installed.
    """
    try:
        import segno
    except ImportError:
        raise need_extra("web", "the square for the telephone") from None
    svg: str = segno.make(uri, error="m").svg_inline(scale=4, border=4, svgclass=None, lineclass=None)
    return svg


# --- Recovery codes ---------------------------------------------------------------------------------------------------


def new_recovery_codes() -> tuple[list[str], list[str]]:
    """(ten codes to print, what is stored of them)."""
    raw = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    return ["-".join(code[i : i + 4] for i in range(0, RECOVERY_LETTERS, 4)) for code in raw], [
        _recovery_hash(c) for c in raw
    ]


def use_recovery_code(typed: str, stored: Sequence[str]) -> list[str]:
    """What is left of the stored codes when this one is used.

    Raises:
        RuleError: it is none of them.
    """
    wanted = _recovery_hash(typed)
    left = [one for one in stored if not hmac.compare_digest(one, wanted)]
    if len(left) == len(stored):
        raise _wrong("the code is wrong, or was used.")
    return left


def _recovery_hash(code: str) -> str:
    plain = "".join(c for c in code.casefold() if c.isalnum())
    return hashlib.sha256(b"concordat recovery v1 " + plain.encode("utf-8", "replace")).hexdigest()
