"""Prove once more who you are: the fields that stand in each form that changes by what somebody proves herself.

Password and, where her roles ask a second factor, a code of the telephone or a recovery code; `Logins.prove` counts a
mistake like one at the login. A form that only ends sessions asks one factor (`Logins.confirm`). Each form has its own
errors, `<do>.old`, since several of them stand on one page. Source: node-web.md 3.1; OWASP ASVS 5.0.0 V7.5.
"""

from __future__ import annotations

from collections.abc import Mapping

from concordat.node.authorise import needs_second_factor
from concordat.web.desk.asked import At
from concordat.web.forms import Field

PASSWORD_MAX = 256


def asks_code(at: At) -> bool:
    """Whether a code is asked beside the password: of every role above expert that isn't bound to a certificate."""
    return needs_second_factor(at.who.roles) and not at.who.certificate


def proof_fields(at: At, do: str, errors: Mapping[str, str], *, whole: bool = True) -> list[Field]:
    """The fields `old` and `code`.

    Args:
        do: what the form asks for. whole: every factor; else the password alone.
    """
    found = [
        Field("old", at.t("desk.password_now"), "password", (), "", errors.get(f"{do}.old", ""), required=True,
              autocomplete="current-password", max_length=PASSWORD_MAX)
    ]  # fmt: skip
    if whole and asks_code(at):
        found.append(
            Field("code", at.t("desk.code"), "text", (), at.t("help.code_again"), required=True,
                  autocomplete="one-time-code", max_length=40)
        )  # fmt: skip
    return found
