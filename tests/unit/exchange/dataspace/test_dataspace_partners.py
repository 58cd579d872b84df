"""Partners outside the bloc: who is listed may ask, until its last day, and with its own key."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError, TrustError
from concordat.exchange.dataspace.partners import read_partners
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
