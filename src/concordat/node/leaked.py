"""Is this password known from leaks: looked up in a file of the operator's, by its SHA-1, without asking anybody.

The file has one hash a line, in hexadecimal digits, optionally `:count` behind it, sorted: the form in which lists of
leaked passwords are given out (Have I Been Pwned, "Pwned Passwords", ordered by hash). Such a list has about a thousand
million lines, so it is never read whole: lines are found by halving the file, some forty looks of a few hundred bytes.
No list ships with the program. Source: NIST SP 800-63B-4 section 3.1.1.2; OWASP ASVS 5.0.0 V6.2.12. SHA-1 only names a
line here; nothing is protected by it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from concordat.errors import InputError, StateError
from concordat.node.passwords import normal

LINE_MAX = 128  # bytes; a hash has 40, its count up to a dozen
_LINE = re.compile(rb"([0-9A-Fa-f]{40})(:[0-9]{1,15})?\r?")


def check_not_leaked(place: str, password: str, what: str = "the password") -> None:
    """A password stands in no list of leaked ones.

    Args:
        place: the file; empty: there is none.

    Raises:
        InputError: it does. StateError: the file can't be read, or isn't such a list.
    """
    if not place:
        return
    wanted = hashlib.sha1(normal(password, what), usedforsecurity=False).hexdigest().upper().encode()
    try:
        found = _find(Path(place), wanted)
    except OSError as error:
        raise StateError(f"can't be read: {error.strerror}.", where=place, hint=_HINT, code="leaked") from None
    if found:
        raise InputError(f"{what} is known from a leak.", hint="Choose another.", code="password_leaked")


_HINT = "Set leaked_passwords to a list of SHA-1 sums, sorted by them, or leave it out."


def _find(path: Path, wanted: bytes) -> bool:
    """Whether a sorted file has a line of this hash."""
    with path.open("rb", buffering=0) as file:
        low, high = 0, os.fstat(file.fileno()).st_size  # the line begins in [low, high)
        while low < high:
            middle = (low + high) // 2
            file.seek(max(middle - LINE_MAX, 0))
            before = file.read(min(middle, LINE_MAX))
            start = middle - (len(before) - before.rfind(b"\n") - 1)
            file.seek(start)
            text = file.read(LINE_MAX + 1)
            line, end, _ = text.partition(b"\n")
            match = _LINE.fullmatch(line)
            if match is None:
                raise StateError(
                    f"byte {start:,} begins no line of a hash.", where=str(path), hint=_HINT, code="leaked"
                )
            found = match[1].upper()
            if found == wanted:
                return True
            if found < wanted:
                low = start + len(line) + len(end)
            else:
                high = start
    return False
