"""Partners outside the bloc: who is listed may ask, until its last day, and with its own key."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.exchange.dataspace.deciding import Context, Verdict
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.partners import decide_outside, read_partners
from concordat.ledger.keys import Ed25519Secret, entry_keyid

SECRET = Ed25519Secret(b"p" * 32)
KEYID = entry_keyid(SECRET.public)
FILE = f"""schema: concordat/partners@1
partners:
  - {{id: IDN, key: "{SECRET.public.hex()}", host: node.example.id, until: "2027-12-31"}}
"""


def test_a_partner_has_its_key_until_its_last_day() -> None:
    partner = read_partners(FILE, {"BRA", "ZAF"})["IDN"]
    assert (partner.host, partner.bloc) == ("node.example.id", "")
    assert (partner.end.isoformat(timespec="seconds")) == "2027-12-31T23:59:59+00:00"
    assert partner.public("node", KEYID, date(2027, 12, 31)) == SECRET.public
    with pytest.raises(TrustError, match="was good until 2027-12-31"):
        partner.public("node", KEYID, date(2028, 1, 1))
    for label, keyid in (("del-04", KEYID), ("node", "0" * len(KEYID))):
        with pytest.raises(TrustError, match="not a member"):
            partner.public(label, keyid, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("id: IDN", "id: ZAF"), InputError, "ZAF is a member of the bloc"),
        (("id: IDN", "name: IDN"), InputError, "name"),
        (("node.example.id", "https://node.example.id"), InputError, "host"),
        (("2027-12-31", "2027-02-30"), InputError, "not in the calendar"),
        ((SECRET.public.hex(), "00" * 32), TrustError, "key"),
        ((SECRET.public.hex(), "xyz"), InputError, "key"),
        (("partners@1", "partners@2"), InputError, "partners@1"),
        (("partners:\n", "partners:\n  - {id: IDN, key: " + '"' + SECRET.public.hex() + '"'
          + ', host: a.example, until: "2027-01-01"}\n'), InputError, "IDN is listed twice"),
    ],
    ids=["member", "key", "host", "day", "weak", "hex", "schema", "twice"],
)  # fmt: skip
def test_files_that_are_not_as_they_must_be_are_refused(
    change: tuple[str, str], error: type[Exception], words: str
) -> None:
    assert change[0] in FILE
    with pytest.raises(error, match=words):
        read_partners(FILE.replace(*change), {"BRA", "ZAF"})


@pytest.mark.parametrize(
    ("when", "label", "verdict"),
    [
        ({}, "AMBER", Verdict.DENY),
        ({}, "GREEN", Verdict.DENY),
        ({}, None, Verdict.DENY),
        ({"not_member": ["ZAF"]}, "AMBER", Verdict.DENY),
        ({"member": ["ASEAN"]}, "AMBER", Verdict.DENY),
        ({"member": ["ASEAN", "IDN"]}, "AMBER", Verdict.PERMIT),
        ({"member": ["IDN"], "until": "2026-11-26"}, "AMBER", Verdict.DENY),
        ({}, "CLEAR", Verdict.PERMIT),
        ({"member": ["ZAF"]}, "CLEAR", Verdict.DENY),
    ],
    ids=range(9),
)
def test_a_partner_has_only_what_names_it_or_is_clear(when: dict[str, Any], label: str, verdict: Verdict) -> None:
    policy = from_offer({"permit": "use", "when": when})
    context = Context(member="IDN", at=datetime(2026, 11, 27, tzinfo=UTC), label=label)
    assert decide_outside(policy, context).verdict is verdict


def test_a_permission_that_names_nobody_does_not_help_one_that_has_ended() -> None:
    ended = from_offer({"permit": "use", "when": {"member": ["IDN"], "until": "2026-11-26"}})
    policy = ended | {"permission": [*ended["permission"], {"action": "use"}]}
    context = Context(member="IDN", at=datetime(2026, 11, 27, tzinfo=UTC), label="AMBER")
    assert decide_outside(policy, context).verdict is Verdict.DENY
