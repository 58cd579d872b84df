"""Rules of C2SP for who runs a log, witness or mirror, which no format shows (docs/reference/c2sp-conformance.md)."""

from __future__ import annotations

import itertools

import pytest

from concordat.errors import InputError, StateError
from concordat.ledger.keys import VerifierKey
from concordat.ledger.membership import Membership
from concordat.ledger.note import Checkpoint
from ledger_kit import NOW, entries_of, mth
from simulation.keys import membership_payload, sign_membership, signer

ENTRIES = entries_of(9)
ROLES = ("log", "witness", "mirror")


def root_at(size: int) -> bytes:
    return mth(ENTRIES[:size])


def zeros(_: int) -> bytes:
    return bytes(32)


def checkpoint(size: int, origin: str = "o.example") -> Checkpoint:
    return Checkpoint(origin, size, root_at(size))


@pytest.mark.parametrize("role", ROLES)
def test_a_node_signs_no_head_that_contradicts_one_it_signed(role: str) -> None:
    node = signer("BRA")

    def sign(head: Checkpoint, roots: object = root_at) -> None:
        if role == "log":
            node.head(head, NOW, roots)  # type: ignore[arg-type]
        else:
            node.cosign(role, head, NOW, roots)  # type: ignore[arg-type]

    sign(checkpoint(5))
    sign(checkpoint(5))
    for wrong in (checkpoint(4), Checkpoint("o.example", 0, root_at(0))):
        with pytest.raises(StateError):
            sign(wrong)
    with pytest.raises(StateError):  # another history of size 9
        sign(checkpoint(9), zeros)
    with pytest.raises(StateError):  # another root of size 5
        sign(Checkpoint("o.example", 5, bytes(32)), zeros)
    sign(checkpoint(9))


def test_no_key_of_a_member_has_two_roles() -> None:
    """An Ed25519 cosignature does not name the cosigner: the same key as witness and mirror could be told as either."""
    payload = membership_payload(4)
    Membership.parse(sign_membership(payload, ("BRA",)))
    for to, taken_from in itertools.permutations(ROLES, 2):
        payload = membership_payload(4)
        member = payload["members"][0]
        key = VerifierKey.parse(member[to][0])
        public = VerifierKey.parse(member[taken_from][0]).public
        member[to][0] = str(VerifierKey(key.name, key.kind, public))
        with pytest.raises(InputError, match="the same key stands at"):
            Membership.parse(sign_membership(payload, ("BRA",)))


def test_witness_and_mirror_of_a_member_have_names_of_their_own() -> None:
    member = membership_payload(4)["members"][0]
    names = {role: {VerifierKey.parse(text).name for text in member[role]} for role in ROLES}
    assert all(len(found) == 1 for found in names.values())
    assert len(set.union(*names.values())) == 3
    payload = membership_payload(4)
    key = VerifierKey.parse(payload["members"][0]["mirror"][0])
    payload["members"][0]["mirror"][0] = str(VerifierKey(*names["witness"], key.kind, key.public))
    with pytest.raises(InputError):
        Membership.parse(sign_membership(payload, ("BRA",)))
