"""Secret ballots: the curve against published vectors and a library, proofs against changes, the whole count."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from concordat import canonical
from concordat.council.decide.private import (
    Ceremony,
    Dealing,
    EncryptedBallot,
    JointKey,
    KeyShare,
    Partial,
    PrivateVote,
    Sums,
    add_up,
    check_dealing,
    check_encrypted,
    check_opened,
    check_partial,
    check_share,
    deal,
    elect_by_counts,
    encrypt,
    join,
    key_share,
    open_sums,
    partial,
)
from concordat.council.decide.private._curve import (
    BASE,
    FIELD,
    NEUTRAL,
    ORDER,
    Point,
    fixed_multiple,
    multiple,
    read,
    read_scalar,
    total,
    write,
)
from concordat.council.decide.private._proofs import (
    Proof,
    check_known,
    check_one_of,
    check_same,
    encrypt_value,
    prove_known,
    prove_one_of,
    prove_same,
    scalar_of,
)
from concordat.errors import InputError, RuleError, TrustError

# --- The curve ---

# k, x, y of kG. First NIST's published multiples 1, 2, 3 of P-256's base point ("Mathematical routines for the NIST
# prime elliptic curves", 2010), then the key pair of RFC 6979, appendix A.2.5.
VECTORS = [
    (
        1,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    (
        2,
        0x7CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978,
        0x07775510DB8ED040293D9AC69F7430DBBA7DADE63CE982299E04B79D227873D1,
    ),
    (
        3,
        0x5ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C,
        0x8734640C4998FF7E374B06CE1A64A2ECD82AB036384FB83D9A79B127A27D5032,
    ),
    (
        0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
    ),
]


@pytest.mark.parametrize(("k", "x", "y"), VECTORS)
def test_published_multiples(k: int, x: int, y: int) -> None:
    assert multiple(k, BASE).affine() == fixed_multiple(k, BASE).affine() == (x, y)
    assert multiple(ORDER - k, BASE).affine() == (x, FIELD - y)


SCALARS = [1, 2, 15, 16, 17, 2**64, ORDER - 1, ORDER - 2, *(scalar_of(bytes([n]) * 32, "test") for n in range(8))]


@pytest.mark.parametrize("k", SCALARS)
def test_multiples_are_those_of_a_library(k: int) -> None:
    public = ec.derive_private_key(k, ec.SECP256R1()).public_key()
    assert write(fixed_multiple(k, BASE)) == public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint).hex()
    other = ec.derive_private_key((3 * k + 7) % ORDER, ec.SECP256R1())
    x = other.exchange(ec.ECDH(), public)  # x of a multiple of a point that is not the base
    found = multiple((3 * k + 7) % ORDER, read(write(fixed_multiple(k, BASE)), "test")).affine()
    assert found is not None
    assert found[0].to_bytes(32, "big") == x


def test_exceptional_sums() -> None:
    p, q = multiple(11, BASE), multiple(11, BASE) + NEUTRAL
    assert p + q == multiple(22, BASE)
    assert p - q == NEUTRAL == multiple(0, BASE) == multiple(ORDER, p) == fixed_multiple(0, p)
    assert NEUTRAL + p == p == p + NEUTRAL
    assert p != NEUTRAL
    assert p != -p
    assert total([]) == NEUTRAL
    assert multiple(5, NEUTRAL) == NEUTRAL
    scaled = Point(p.x * 4 % FIELD, p.y * 8 % FIELD, p.z * 2 % FIELD)
    assert scaled == p
    assert hash(scaled) == hash(p)
    assert scaled + p == multiple(22, BASE)


@pytest.mark.parametrize(
    "text",
    [
        "00",
        "",
        "04" + "0" * 64,
        "02" + "f" * 64,
        f"02{FIELD:064x}",
        "02" + "0" * 63 + "1" + "0",
        write(BASE).upper(),
        None,
        7,
        f"02{1:064x}",
    ],
)
def test_what_is_no_point(text: Any) -> None:
    """x = 1 has no y: the right side is 1 - 3 + b, no square (checked by Euler's criterion below)."""
    with pytest.raises(InputError):
        read(text, "test")


def test_reading_and_writing() -> None:
    square = (1 - 3 + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B) % FIELD
    assert pow(square, (FIELD - 1) // 2, FIELD) == FIELD - 1
    for k in SCALARS:
        assert read(write(multiple(k, BASE)), "test") == multiple(k, BASE)
    for bad in (f"{ORDER:064x}", "0", None, "g" * 64):
        with pytest.raises(InputError):
            read_scalar(bad, "test")


# --- Proofs ---

CONTEXT = ["v-1", "BRA"]
SEED = bytes(range(32))


def test_a_proof_of_knowledge_holds_for_its_statement_alone() -> None:
    public = multiple(77, BASE)
    proof = prove_known(77, CONTEXT, SEED)
    check_known(proof, public, CONTEXT, "BRA")
    for other, context in ((multiple(78, BASE), CONTEXT), (public, ["v-1", "IND"]), (NEUTRAL, CONTEXT)):
        with pytest.raises(TrustError, match="its secret is known"):
            check_known(proof, other, context, "BRA")


def test_a_proof_of_the_same_secret_holds_for_its_statement_alone() -> None:
    other = multiple(1234, BASE)
    proof = prove_same(77, other, CONTEXT, SEED)
    public, image = multiple(77, BASE), multiple(77, other)
    check_same(proof, public, other, image, CONTEXT, "BRA")
    for statement in (
        (public, other, multiple(78, other), CONTEXT),
        (multiple(78, BASE), other, image, CONTEXT),
        (public, other + BASE, image, CONTEXT),
        (public, other, image, [*CONTEXT, 1]),
        (public, NEUTRAL, NEUTRAL, CONTEXT),
    ):
        with pytest.raises(TrustError):
            check_same(proof, *statement, "BRA")


@pytest.mark.parametrize("values", [[0, 1], [2], [0, 1, 2, 3]])
def test_a_ciphertext_of_a_listed_value_and_of_no_other(values: list[int]) -> None:
    key = multiple(99, BASE)
    for value in values:
        cipher = encrypt_value(value, 55, key)
        proof = prove_one_of(values, value, 55, key, cipher, CONTEXT, SEED)
        check_one_of(proof, values, key, cipher, CONTEXT, "BRA")
        for n, (c, z) in enumerate(proof.branches):
            for changed in ((c + 1, z), (c, z + 1), (c, ORDER - z)):
                branches = [*proof.branches[:n], (changed[0] % ORDER, changed[1] % ORDER), *proof.branches[n + 1 :]]
                with pytest.raises(TrustError):
                    check_one_of(Proof(tuple(branches)), values, key, cipher, CONTEXT, "BRA")
        with pytest.raises(TrustError):
            check_one_of(proof, values, key, encrypt_value(value, 56, key), CONTEXT, "BRA")
        with pytest.raises(TrustError):
            check_one_of(proof, [*values[::-1], 9], key, cipher, CONTEXT, "BRA")
    outside = max(values) + 1
    cipher = encrypt_value(outside, 55, key)
    for claimed in values:  # the honest procedure run on a lie
        proof = prove_one_of(values, claimed, 55, key, cipher, CONTEXT, SEED)
        with pytest.raises(TrustError, match="the proof that it holds"):
            check_one_of(proof, values, key, cipher, CONTEXT, "BRA")


def test_the_same_bytes_for_two_statements_give_different_scalars() -> None:
    assert len({scalar_of(SEED, "a"), scalar_of(SEED, "b"), scalar_of(bytes(32), "a"), scalar_of(SEED, ["a"])}) == 4
    for bad in (b"", bytes(31), "x" * 32, None):
        with pytest.raises(InputError, match="too little randomness"):
            scalar_of(bad, "a")  # type: ignore[arg-type]


# --- Trustees ---

NAMES = ("BRA", "CHN", "IND", "RUS", "ZAF")
CEREMONY = Ceremony("v-2026-014", NAMES, 3)


@cache
def dealt() -> dict[str, tuple[Dealing, dict[str, int]]]:
    return {name: deal(CEREMONY, name, bytes([n + 1]) * 32) for n, name in enumerate(NAMES)}


@cache
def joint() -> JointKey:
    return join(CEREMONY, [dealing for dealing, _ in dealt().values()])


@cache
def shares() -> dict[str, KeyShare]:
    return {name: key_share(joint(), name, {d: sent[name] for d, (_, sent) in dealt().items()}) for name in NAMES}


def test_any_three_shares_are_the_key_and_two_are_not() -> None:
    """Lagrange interpolation written out over the integers modulo n."""

    def secret(names: tuple[str, ...]) -> int:
        found = 0
        for name in names:
            j, up, down = NAMES.index(name) + 1, 1, 1
            for other in names:
                m = NAMES.index(other) + 1
                up, down = (up * -m, down * (j - m)) if m != j else (up, down)
            found += shares()[name].secret * up * pow(down, -1, ORDER)
        return found % ORDER

    for three in combinations(NAMES, 3):
        assert multiple(secret(three), BASE) == joint().key
    for two in combinations(NAMES, 2):
        assert multiple(secret(two), BASE) != joint().key
    assert "secret" not in repr(shares()["BRA"])


def test_a_wrong_share_names_its_dealer() -> None:
    sent = {dealer: given["IND"] for dealer, (_, given) in dealt().items()}
    with pytest.raises(TrustError, match=r"^RUS: its share for IND does not fit"):
        key_share(joint(), "IND", sent | {"RUS": (sent["RUS"] + 1) % ORDER})
    with pytest.raises(TrustError, match=r"^CHN: no share for IND"):
        key_share(joint(), "IND", {d: s for d, s in sent.items() if d != "CHN"})
    for bad in (sent["RUS"] + ORDER, -1, True, "1"):
        with pytest.raises(TrustError):
            check_share(CEREMONY, dealt()["RUS"][0], "IND", bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a trustee"):
        check_share(CEREMONY, dealt()["RUS"][0], "EGY", 1)


def test_a_dealer_can_not_cancel_the_others_keys() -> None:
    """The last dealer publishes its key minus the others', and can't prove that it knows the secret."""
    dealings = [dealing for dealing, _ in dealt().values()]
    last = dealings[-1]
    rogue = last.commitments[0] - total(dealing.commitments[0] for dealing in dealings[:-1])
    forged = replace(last, commitments=(rogue, *last.commitments[1:]))
    with pytest.raises(TrustError, match=r"^ZAF: the proof that its secret is known"):
        join(CEREMONY, [*dealings[:-1], forged])


def test_a_ceremony_needs_each_trustee_once() -> None:
    dealings = [dealing for dealing, _ in dealt().values()]
    with pytest.raises(TrustError, match="no dealing of BRA"):
        join(CEREMONY, dealings[1:])
    with pytest.raises(TrustError, match="dealt twice"):
        join(CEREMONY, [*dealings, dealings[0]])
    with pytest.raises(TrustError, match="2 commitments where 3"):
        check_dealing(CEREMONY, replace(dealings[0], commitments=dealings[0].commitments[:2]))
    first, second, third = dealings[0].commitments
    with pytest.raises(TrustError, match="is known"):
        check_dealing(CEREMONY, replace(dealings[0], commitments=(first, second + BASE, third)))
    with pytest.raises(TrustError, match="is known"):  # a dealing of another vote
        check_dealing(replace(CEREMONY, vote="v-2026-015"), dealings[0])
    with pytest.raises(InputError, match="not a trustee"):
        check_dealing(CEREMONY, replace(dealings[0], dealer="EGY"))


@pytest.mark.parametrize(
    ("vote", "trustees", "threshold"),
    [
        ("V", NAMES, 3),
        ("v-1", NAMES[::-1], 3),
        ("v-1", ("BRA", "BRA"), 1),
        ("v-1", (), 1),
        ("v-1", ("bra",), 1),
        ("v-1", NAMES, 0),
        ("v-1", NAMES, 6),
        ("v-1", NAMES, True),
    ],
)
def test_ceremonies_that_can_not_be(vote: str, trustees: tuple[str, ...], threshold: int) -> None:
    with pytest.raises(InputError):
        Ceremony(vote, trustees, threshold)


# --- Ballots ---

CANDIDATES = ("Amara", "Chen", "Okoro")
CHOICES = {"BRA": ["Chen"], "CHN": ["Chen", "Amara"], "EGY": [], "IND": ["Okoro", "Chen"], "ZAF": ["Amara"]}


@cache
def vote() -> PrivateVote:
    return PrivateVote("v-2026-014", CANDIDATES, 0, 2, joint().key)


@cache
def ballots() -> dict[str, EncryptedBallot]:
    return {member: encrypt(vote(), member, chosen, bytes(32)) for member, chosen in CHOICES.items()}


@cache
def sums() -> Sums:
    return add_up(vote(), ballots().values())


@cache
def parts() -> dict[str, Partial]:
    return {name: partial(joint(), sums(), share) for name, share in shares().items()}


def test_ballots_decrypt_to_the_choices_with_the_whole_secret() -> None:
    """With the secret put together, which in an election nobody has."""
    secret = sum(scalar_of(bytes([n + 1]) * 32, "polynomial", CEREMONY.context(d), 0) for n, d in enumerate(NAMES))
    assert multiple(secret, BASE) == joint().key
    for member, ballot in ballots().items():
        opened = [e - multiple(secret, c) for c, e in ballot.ciphers]
        assert opened == [BASE if name in CHOICES[member] else NEUTRAL for name in CANDIDATES]


def test_a_ballot_is_bound_to_its_voter_vote_and_key() -> None:
    ballot = ballots()["BRA"]
    check_encrypted(vote(), ballot)
    with pytest.raises(TrustError, match=r"^IND, Amara: "):
        check_encrypted(vote(), replace(ballot, member="IND"))
    for other in (
        replace(vote(), vote="v-2026-015"),
        replace(vote(), key=joint().key + BASE),
        replace(vote(), most=3),
        replace(vote(), candidates=("Amara", "Chen", "Zhou")),
    ):
        with pytest.raises(TrustError):
            check_encrypted(other, ballot)
    with pytest.raises(TrustError, match="for 2 candidates"):
        check_encrypted(replace(vote(), candidates=("Amara", "Chen")), ballot)


def test_every_part_of_a_ballot_matters() -> None:
    ballot = ballots()["CHN"]
    c, e = ballot.ciphers[1]
    spoiled = [
        replace(ballot, ciphers=(ballot.ciphers[0], (c, e + BASE), ballot.ciphers[2])),
        replace(ballot, ciphers=(ballot.ciphers[0], (c + BASE, e), ballot.ciphers[2])),
        replace(ballot, ciphers=ballot.ciphers[::-1]),
        replace(ballot, proofs=ballot.proofs[::-1]),
        replace(ballot, proofs=(ballot.proofs[0], ballot.proofs[0], ballot.proofs[2])),
        replace(ballot, total=ballots()["BRA"].total),
        replace(ballot, ciphers=ballot.ciphers[:2]),
        replace(ballot, ciphers=((NEUTRAL, NEUTRAL), *ballot.ciphers[1:])),
    ]
    for one in spoiled:
        with pytest.raises(TrustError):
            check_encrypted(vote(), one)


def test_more_choices_than_allowed_can_not_be_proved() -> None:
    """Three honest ciphertexts of 1, with the sum's proof run on a lie."""
    loose = replace(vote(), most=3)
    ballot = encrypt(loose, "BRA", CANDIDATES, SEED)
    secrets = [scalar_of(SEED, "ballot", loose.context("BRA"), [1, 1, 1], i) for i in range(3)]
    context = vote().context("BRA")
    proofs = tuple(
        prove_one_of([0, 1], 1, r, vote().key, cipher, [*context, i], SEED)
        for i, (r, cipher) in enumerate(zip(secrets, ballot.ciphers, strict=True))
    )
    whole = (total(c for c, _ in ballot.ciphers), total(e for _, e in ballot.ciphers))
    lie = prove_one_of([0, 1, 2], 2, sum(secrets) % ORDER, vote().key, whole, [*context, "sum"], SEED)
    with pytest.raises(TrustError, match=r"^BRA, sum: the proof that it holds 0 or 1 or 2 is wrong"):
        check_encrypted(vote(), replace(ballot, proofs=proofs, total=lie))


def test_the_same_bytes_and_choices_give_the_same_ballot_and_others_another() -> None:
    again = encrypt(vote(), "BRA", ["Chen"], bytes(32))
    assert again.to_value() == ballots()["BRA"].to_value()
    other = encrypt(vote(), "BRA", ["Amara"], bytes(32))
    used = [{write(c) for c, _ in ballot.ciphers} for ballot in (*ballots().values(), other)]
    assert len(set.union(*used)) == 3 * len(used)  # no r stands twice, though the random bytes do


def test_ballots_dealings_and_parts_are_read_as_they_were_written() -> None:
    for made in (ballots()["IND"], dealt()["IND"][0], parts()["IND"]):
        value = canonical.loads(canonical.dumps(made.to_value()))
        assert type(made).from_value(value).to_value() == made.to_value()
        for key in value:
            for bad in (None, [], {}, "x", [["x"]]):
                if value[key] != bad:
                    with pytest.raises((InputError, TrustError)):
                        _use(type(made).from_value(value | {key: bad}))
        with pytest.raises(InputError):
            type(made).from_value(value | {"more": 1})
        with pytest.raises(InputError):
            type(made).from_value([value])


def test_any_changed_digit_of_a_published_ballot_is_found() -> None:
    """One hexadecimal digit at a time, drawn from all of them."""
    text = canonical.dumps(ballots()["IND"].to_value()).decode()
    digits = [m.start() for m in re.finditer(r"(?<=[0-9a-f])[0-9a-f](?=[0-9a-f]{2})", text)]
    rng = random.Random(4)
    for at in rng.sample(digits, 15):
        changed = text[:at] + rng.choice([d for d in "0123456789abcdef" if d != text[at]]) + text[at + 1 :]
        try:
            check_encrypted(vote(), EncryptedBallot.from_value(canonical.loads(changed)))
        except (InputError, TrustError):
            continue
        raise AssertionError(f"digit {at} was changed unseen")


def _use(made: Any) -> None:
    """What is of the right form but too short is found when it is checked."""
    if isinstance(made, EncryptedBallot):
        check_encrypted(vote(), made)
    elif isinstance(made, Dealing):
        check_dealing(CEREMONY, made)
    else:
        check_partial(joint(), sums(), made)


@pytest.mark.parametrize(
    ("member", "choices", "message"),
    [
        ("BRA", ["Nobody"], "'Nobody' does not stand"),
        ("BRA", ["Chen", "Chen"], "named twice"),
        ("BRA", list(CANDIDATES), "3 choices; 0 to 2"),
        ("BRA", "Zhou", "'Zhou' does not stand"),
        ("bra", ["Chen"], "not a member"),
    ],
)
def test_what_can_not_be_encrypted(member: str, choices: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encrypt(vote(), member, choices, SEED)


def test_votes_that_can_not_be() -> None:
    for more in ({"candidates": ("Chen", "Amara")}, {"least": 3}, {"most": 4}, {"least": -1}, {"most": True}):
        with pytest.raises(InputError):
            replace(vote(), **more)  # type: ignore[arg-type]


# --- The count ---


def test_any_three_trustees_open_the_same_counts() -> None:
    for three in combinations(NAMES, 3):
        found = open_sums(joint(), sums(), [parts()[name] for name in three])
        assert found.counts == (("Amara", 2), ("Chen", 3), ("Okoro", 1))
        assert found.trustees == three
    with pytest.raises(TrustError, match="2 parts hold, 3 are needed"):
        open_sums(joint(), sums(), [parts()["BRA"], parts()["IND"], parts()["BRA"]])


def test_a_false_part_is_refused_by_name_and_the_others_go_on() -> None:
    part = parts()["CHN"]
    false = replace(part, points=(part.points[0] + BASE, *part.points[1:]))
    good = [parts()[name] for name in ("BRA", "IND", "ZAF")]
    found = open_sums(joint(), sums(), [false, *good])
    assert found.counts == (("Amara", 2), ("Chen", 3), ("Okoro", 1))
    assert found.refused == (("CHN", "the proof that it was decrypted with the trustee's key does not hold."),)
    with pytest.raises(TrustError, match="CHN: the proof that it was decrypted"):
        open_sums(joint(), sums(), [false, *good[1:]])
    with pytest.raises(TrustError, match=r"^RUS, Amara"):
        check_partial(joint(), sums(), replace(part, trustee="RUS"))
    with pytest.raises(TrustError, match="without every candidate"):
        check_partial(joint(), sums(), replace(part, points=part.points[:2]))


def test_a_ballot_that_does_not_hold_is_void_by_name() -> None:
    copied = replace(ballots()["BRA"], member="RUS")
    found = add_up(vote(), [*ballots().values(), copied])
    assert found.void == (("RUS", "the proof that it holds 0 or 1 is wrong."),)
    assert found.ciphers == sums().ciphers
    with pytest.raises(InputError, match=r"^BRA: two ballots"):
        add_up(vote(), [*ballots().values(), ballots()["BRA"]])
    with pytest.raises(InputError, match="no ballot holds"):
        add_up(vote(), [copied])


def test_sums_of_few_ballots_are_not_opened() -> None:
    two = add_up(vote(), [ballots()["BRA"], ballots()["IND"]])
    with pytest.raises(RuleError, match="sums of 2 ballots would tell them"):
        partial(joint(), two, shares()["BRA"])


def test_another_key_share_or_key_is_refused() -> None:
    with pytest.raises(TrustError, match="not the one of the ceremony"):
        partial(joint(), sums(), replace(shares()["BRA"], trustee="IND"))
    other = replace(sums(), vote=replace(vote(), key=BASE))
    with pytest.raises(TrustError, match="not under the key of this ceremony"):
        open_sums(joint(), other, parts().values())


def test_anyone_repeats_the_count_and_finds_a_changed_result() -> None:
    three = [parts()[name] for name in ("BRA", "RUS", "ZAF")]
    found = open_sums(joint(), sums(), three)
    check_opened(joint(), vote(), ballots().values(), three, found)
    canonical.dumps(found.to_value())
    changed = replace(found, counts=(("Amara", 3), ("Chen", 3), ("Okoro", 1)))
    with pytest.raises(TrustError, match="counts is"):
        check_opened(joint(), vote(), ballots().values(), three, changed)


def test_who_is_elected_by_the_counts() -> None:
    found = open_sums(joint(), sums(), parts().values())
    assert elect_by_counts(found, 2).elected == ("Amara", "Chen")
    kept = elect_by_counts(found, 2, quotas={"africa": 1}, groups={"africa": ["Okoro"]})
    assert kept.elected == ("Chen", "Okoro")
