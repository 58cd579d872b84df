"""Our list of the commonest passwords against a measured one: the 30,000 of zxcvbn, counted in leaks.

229 of them are long enough for us (12 characters); each must be refused. Source: zxcvbn 4.5.0,
`zxcvbn/frequency_lists.py`, "passwords", after M. Burnett's ten million. The check is ASVS 5.0.0 V6.2.4.
"""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.node.passwords import LENGTH_MIN, check_new_password, common_passwords

zxcvbn = pytest.importorskip("zxcvbn.frequency_lists", reason="needs zxcvbn of the extra [oracles]")


def test_each_common_password_that_is_long_enough_is_refused() -> None:
    measured = list(zxcvbn.FREQUENCY_LISTS["passwords"])
    long = [password for password in measured if len(password) >= LENGTH_MIN]
    assert (len(measured), len(long)) == (30_000, 229)
    for password in long:
        for typed in (password, password.upper()):
            with pytest.raises(InputError, match="among those tried first"):
                check_new_password(typed, ())


def test_a_password_may_begin_with_the_sign_of_a_comment() -> None:
    assert {line for line in common_passwords() if line.startswith("#")}
    with pytest.raises(InputError, match="among those tried first"):
        check_new_password("#1231q2w3e4r5t6y", ())
