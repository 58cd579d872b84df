"""Keys and signatures: published vectors, and the odd encodings of Ed25519 built from the curve's own arithmetic.

The curve is written here a second time, from RFC 8032 section 5.1: points as pairs of numbers, no tables. From it come
the eight points of small order, and the twelve edge cases of Chalkias, Garillot and Nikolaenko, "Taming the many
EdDSAs" (2020), table 5, rebuilt from their description: which must pass follows from the equation without cofactor.
"""

from __future__ import annotations

import itertools
from base64 import b64decode, b64encode
from hashlib import sha256, sha512

import pytest

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger import keys
from concordat.ledger.keys import (
    ED25519_COSIGNATURE,
    ED25519_LOG,
    MLDSA44_COSIGNATURE,
    Ed25519Secret,
    MLDSA44Secret,
    VerifierKey,
    check_name,
    check_public,
    entry_keyid,
    has_mldsa,
    name_keyid,
    verify_ed25519,
    verify_mldsa44,
)

# --- The curve, RFC 8032 section 5.1 --------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 0x14DEF9DEA2F79CD65812631A5CF5D3ED
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
ZERO: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """The complete addition law of -x^2 + y^2 = 1 + d x^2 y^2."""
    t = D * a[0] * a[1] * b[0] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P
    return x, y


def times(n: int, a: Point) -> Point:
    out = ZERO
    while n:
        out, a, n = (add(out, a) if n & 1 else out), add(a, a), n >> 1
    return out


def root(y: int, odd: int) -> int | None:
    """x with x^2 = (y^2 - 1) / (d y^2 + 1) and that parity, by Euler's criterion and p = 5 mod 8."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return x if x % 2 == odd else -x % P


def encode(a: Point, shift: int = 0) -> bytes:
    """32 bytes; `shift` = P gives the form that is not canonical."""
    return (a[1] + shift | (a[0] & 1) << 255).to_bytes(32, "little")


BASE: Point = (root(4 * pow(5, -1, P) % P, 0) or 0, 4 * pow(5, -1, P) % P)


def torsion() -> list[Point]:
    """The eight points whose order divides 8: multiples of L * (a point), once one has order 8."""
    for y in itertools.count(2):
        x = root(y, 0)
        if x is not None and times(4, found := times(L, (x, y))) != ZERO:
            return [times(n, found) for n in range(8)]
    raise AssertionError


EIGHT = torsion()


def test_the_curve_written_here_is_the_curve() -> None:
    assert BASE[0] == 15112221349535400772501151409588531511454012693041857206046113283949847762202
    assert times(L, BASE) == ZERO
    assert Ed25519Secret(bytes(32)).public == encode(times(clamped(bytes(32)), BASE))


def clamped(seed: bytes) -> int:
    number = int.from_bytes(sha512(seed).digest()[:32], "little")
    return number & ((1 << 254) - 8) | 1 << 254


# --- Published signatures -------------------------------------------------------------------------------------------

# RFC 8032 section 7.1, tests 1 to 3: secret, public, message, signature.
RFC8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
)


@pytest.mark.parametrize("vector", RFC8032)
def test_the_vectors_of_rfc_8032(vector: tuple[str, str, str, str]) -> None:
    seed, public, message, signature = map(bytes.fromhex, vector)
    secret = Ed25519Secret(seed)
    assert secret.public == public
    assert secret.sign(message) == signature
    verify_ed25519(public, signature, message)
    for bit in (0, 7, 255, 256, 300, 503):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TrustError):
            verify_ed25519(public, bytes(changed), message)
    with pytest.raises(TrustError):
        verify_ed25519(public, signature, message + b"x")


# Verifier keys that others publish: the example of Go's x/mod/sumdb/note, and the key of sum.golang.org.
PUBLISHED = (
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
)


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_verifier_keys_are_read_and_written(text: str) -> None:
    key = VerifierKey.parse(text)
    assert str(key) == text
    assert key.kind == ED25519_LOG
    assert key.id.hex() == text.split("+")[1]


def test_the_id_of_a_key_is_a_hash_of_name_type_and_key() -> None:
    public = bytes.fromhex(RFC8032[0][1])
    for kind in (ED25519_LOG, ED25519_COSIGNATURE):
        wanted = sha256(b"example.com/a\n" + bytes([kind]) + public).digest()[:4]
        assert name_keyid("example.com/a", kind, public) == VerifierKey("example.com/a", kind, public).id == wanted
        assert entry_keyid(public, kind) == sha256(bytes([kind]) + public).hexdigest()[:16]
    assert VerifierKey("a", 1, public).id != VerifierKey("a", 4, public).id


def vkey(name: str, kind: int, public: bytes) -> str:
    return f"{name}+{name_keyid(name, kind, public).hex()}+{b64encode(bytes([kind]) + public).decode()}"


GOOD = PUBLISHED[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (GOOD.replace("+", "-"), InputError),
        (GOOD.replace("c74f20a3", "c74f20a4"), InputError),
        (GOOD.replace("c74f20a3", "C74F20A3"), InputError),
        (GOOD.replace("c74f20a3", "0c74f20a3"), InputError),
        (GOOD.replace("PeterNeumann", ""), InputError),
        (GOOD.replace("Peter", "Peter "), InputError),
        (GOOD.replace("Peter", "Peter\u2003"), InputError),
        (GOOD.replace("Peter", "Peter\n"), InputError),
        (GOOD.replace("PeterNeumann", "P" * 256), InputError),
        (GOOD + "=", InputError),
        (GOOD[:-1], InputError),
        (GOOD[:-1] + "é", InputError),
        (GOOD.replace("ARpc", "AB pc"), InputError),
        ("", InputError),
        ("a+b", InputError),
        ("a++", InputError),
        (vkey("a", 2, bytes(32)), InputError),
        (vkey("a", 1, bytes(31)), InputError),
        (vkey("a", 4, bytes(33)), InputError),
        (vkey("a", 6, bytes(32)), InputError),
        (vkey("a", 1, bytes(32)), TrustError),  # y = 0: order 4
        (vkey("a", 4, encode((0, 1))), TrustError),
        (vkey("a", 1, b"\xff" * 32), TrustError),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str, error: type[ConcordatError]) -> None:
    with pytest.raises(error):
        VerifierKey.parse(text)


def test_an_mldsa_verifier_key_is_read_and_written() -> None:
    public = MLDSA44Secret(bytes(32)).public
    assert len(public) == 1312
    text = vkey("w.example/x", MLDSA44_COSIGNATURE, public)
    assert str(VerifierKey.parse(text)) == text


@pytest.mark.parametrize("name", ["a", "node.example.br/BRICS/member", "é/ü", "名前", "a" * 255])
def test_names_that_may_be(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u2028b", "a\x00", "a\x7f", "é" * 128, "\ud800"]
)
def test_names_that_may_not_be(name: str) -> None:
    with pytest.raises(InputError):
        check_name(name)


# --- Small order, and encodings that are not canonical --------------------------------------------------------------


def test_the_table_of_small_orders_is_what_the_curve_says() -> None:
    assert len(set(EIGHT)) == 8
    assert all(times(8, point) == ZERO for point in EIGHT)
    assert {y for _, y in EIGHT} == keys.SMALL_ORDER_Y


def small_encodings() -> list[bytes]:
    """Every form in which 32 bytes may mean a point of small order: canonical, y + p, and a sign where x is 0."""
    out = set()
    for point in EIGHT:
        for shift in (0, P):
            for sign in (0, 1):
                if point[1] + shift < 2**255 and (point[0] == 0 or sign == point[0] & 1):
                    out.add((point[1] + shift | sign << 255).to_bytes(32, "little"))
    return sorted(out)


def test_there_are_14_encodings_of_small_order() -> None:
    """As the paper counts: 8 canonical ones, 6 that are not."""
    assert len(small_encodings()) == 14


@pytest.mark.parametrize("encoded", small_encodings(), ids=lambda e: e.hex()[:8] + e.hex()[-4:])
def test_points_of_small_order_are_neither_key_nor_commitment(encoded: bytes) -> None:
    with pytest.raises(TrustError):
        check_public(encoded)
    with pytest.raises(TrustError):
        verify_ed25519(encoded, encode(BASE) + bytes(32), b"")
    _, public, message, signature = map(bytes.fromhex, RFC8032[1])
    with pytest.raises(TrustError, match="first half"):
        verify_ed25519(public, encoded + signature[32:], message)


@pytest.mark.parametrize("extra", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_a_coordinate_of_p_or_more_is_refused(extra: int, sign: int) -> None:
    encoded = (P + extra | sign << 255).to_bytes(32, "little")
    with pytest.raises(TrustError, match="not canonical"):
        check_public(encoded)
    _, public, message, signature = map(bytes.fromhex, RFC8032[1])
    with pytest.raises(TrustError, match="not canonical"):
        verify_ed25519(public, encoded + signature[32:], message)


def test_32_bytes_that_are_no_point_are_refused_and_others_are_not() -> None:
    """The library takes any 32 bytes as a key; which of them are points is asked of the curve written here."""
    seen = set()
    for y, sign in itertools.product(range(2, 60), (0, 1)):
        encoded = (y | sign << 255).to_bytes(32, "little")
        on_curve = root(y, sign) is not None
        seen.add(on_curve)
        if on_curve:
            assert check_public(encoded).public_bytes_raw() == encoded
        else:
            with pytest.raises(TrustError, match="not a point"):
                check_public(encoded)
    assert seen == {True, False}


@pytest.mark.parametrize("times_l", [1, 2, 7, 15])
def test_the_second_half_stands_below_the_group_order(times_l: int) -> None:
    _, public, message, signature = map(bytes.fromhex, RFC8032[1])
    s = int.from_bytes(signature[32:], "little") + times_l * L
    assert s < 2**256
    with pytest.raises(TrustError, match="group order"):
        verify_ed25519(public, signature[:32] + s.to_bytes(32, "little"), message)


def test_the_group_order_itself_is_the_bound() -> None:
    _, public, message, signature = map(bytes.fromhex, RFC8032[1])
    for s, words in ((L, "group order"), (L - 1, "does not verify"), (2**252 - 1, "does not verify")):
        with pytest.raises(TrustError, match=words):
            verify_ed25519(public, signature[:32] + s.to_bytes(32, "little"), message)


def test_the_types_are_those_of_the_text() -> None:
    assert (ED25519_LOG, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE) == (0x01, 0x04, 0x06)


@pytest.mark.parametrize("size", [0, 32, 63, 65, 72])
def test_a_signature_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(TrustError):
        verify_ed25519(bytes.fromhex(RFC8032[0][1]), bytes(size), b"")
    with pytest.raises(TrustError):
        verify_ed25519(bytes(31), bytes(64), b"")
    with pytest.raises(InputError):
        check_public(bytes(size) if size != 32 else bytes(33))


# --- The twelve edge cases ------------------------------------------------------------------------------------------


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r + a + message).digest(), "little") % L


def signed(a: int, ta: Point, r: int, tr: Point, wanted: object) -> tuple[bytes, bytes, bytes]:
    """Key a B + ta, commitment r B + tr, S = r + h a, for the first message at which `wanted(h)` holds."""
    public, commitment = encode(add(times(a, BASE), ta)), encode(add(times(r, BASE), tr))
    for number in itertools.count():
        message = b"message %d" % number
        h = challenge(commitment, public, message)
        if wanted(h):  # type: ignore[operator]
            return public, commitment + ((r + h * a) % L).to_bytes(32, "little"), message
    raise AssertionError


def equation(public: Point, commitment: Point, signature: bytes, h: int) -> tuple[bool, bool]:
    """Whether S B = R + h A, and whether it holds times eight."""
    left = times(int.from_bytes(signature[32:], "little"), BASE)
    right = add(commitment, times(h, public))
    return left == right, times(8, left) == times(8, right)


A, R, T = 1234567, 7654321, EIGHT[1]


def always(_: int) -> bool:
    return True


def cancels(h: int) -> bool:
    return add(T, times(h % 8, T)) == ZERO


def remains(h: int) -> bool:
    return not cancels(h)


def verdict(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        verify_ed25519(public, signature, message)
    except TrustError:
        return False
    return True


def test_cases_0_to_2_small_order() -> None:
    """A and R of small order with S = 0; A alone; R alone: refused, though some of them satisfy the equation."""
    both = encode(T), encode(EIGHT[3]) + bytes(32), b"m"
    key = signed(0, T, R, ZERO, lambda h: h % 8 == 0)
    commitment = signed(A, ZERO, 0, T, always)
    assert [verdict(*case) for case in (both, key, commitment)] == [False] * 3
    h = challenge(key[1][:32], key[0], key[2])
    assert equation(T, times(R, BASE), key[1], h) == (True, True)


def test_case_3_mixed_order_that_satisfies_the_equation_passes() -> None:
    public, signature, message = signed(A, T, R, T, cancels)
    h = challenge(signature[:32], public, message)
    assert equation(add(times(A, BASE), T), add(times(R, BASE), T), signature, h) == (True, True)
    assert verdict(public, signature, message)


def test_cases_4_and_5_that_hold_only_times_eight_are_refused() -> None:
    """Verifiers with the cofactor take them: members must not differ, and the rule here is the equation without it."""
    for public, signature, message in (signed(A, T, R, T, remains), signed(A, T, R, ZERO, lambda h: h % 8)):
        h = challenge(signature[:32], public, message)
        point = add(times(A, BASE), T)
        commitment = add(times(R, BASE), T) if signature[:32] == encode(add(times(R, BASE), T)) else times(R, BASE)
        assert equation(point, commitment, signature, h) == (False, True)
        assert not verdict(public, signature, message)


def test_cases_6_and_7_large_s_are_refused() -> None:
    public, signature, message = signed(A, ZERO, R, ZERO, always)
    assert verdict(public, signature, message)
    s = int.from_bytes(signature[32:], "little")
    for larger in (s + L, s + L * ((2**256 - 1 - s) // L)):
        assert not verdict(public, signature[:32] + larger.to_bytes(32, "little"), message)


def test_cases_8_to_11_small_order_in_another_form_are_refused() -> None:
    """R, then A, as y + p: with the reduced hash and with the bytes as sent, whatever the verifier hashes."""
    odd = encode(ZERO, P)
    minus_zero = ((1 << 255) | 1).to_bytes(32, "little")
    for form in (odd, minus_zero):
        public = encode(times(A, BASE))
        for hashed in (form, encode(ZERO)):
            h = challenge(hashed, public, b"m")
            assert not verdict(public, form + (h * A % L).to_bytes(32, "little"), b"m")
        commitment = encode(times(R, BASE))
        assert not verdict(form, commitment + R.to_bytes(32, "little"), b"m")


# --- ML-DSA-44 ------------------------------------------------------------------------------------------------------


def test_mldsa_sizes_are_those_of_fips_204_and_changes_are_refused() -> None:
    """FIPS 204, table 2: ML-DSA-44 has public keys of 1,312 and signatures of 2,420 bytes."""
    assert has_mldsa()
    secret = MLDSA44Secret(bytes(32))
    signature = secret.sign(b"m")
    assert (len(secret.public), len(signature)) == (1312, 2420)
    verify_mldsa44(secret.public, signature, b"m")
    for changed in (signature[:-1], signature + b"x", bytes([signature[0] ^ 1]) + signature[1:], bytes(2420)):
        with pytest.raises(TrustError):
            verify_mldsa44(secret.public, changed, b"m")
    with pytest.raises(TrustError):
        verify_mldsa44(secret.public, signature, b"n")
    with pytest.raises(TrustError):
        verify_mldsa44(MLDSA44Secret(b"1" * 32).public, signature, b"m")


def test_secrets_don_t_show_themselves() -> None:
    seed = b"s" * 32
    for secret in (Ed25519Secret(seed), MLDSA44Secret(seed)):
        assert "sss" not in repr(secret)
        assert seed.hex() not in repr(secret)


def test_base64_of_published_keys_is_plain() -> None:
    """So that the tests above change what they mean to change."""
    for text in PUBLISHED:
        encoded = text.split("+", 2)[2]
        assert b64encode(b64decode(encoded)).decode() == encoded
