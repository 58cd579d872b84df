"""The points of P-256 are a group in which multiples behave, and what is encrypted adds up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.council.decide.private._curve import BASE, NEUTRAL, ORDER, fixed_multiple, multiple, read, write
from concordat.council.decide.private._proofs import check_one_of, encrypt_value, prove_one_of

scalars = st.one_of(st.integers(0, 40), st.integers(0, ORDER - 1), st.integers(ORDER - 40, ORDER - 1))


@given(scalars, scalars, scalars)
def test_the_laws_of_a_group(a: int, b: int, c: int) -> None:
    p, q, r = (fixed_multiple(k, BASE) for k in (a, b, c))
    assert p + q == q + p == fixed_multiple(a + b, BASE)
    assert (p + q) + r == p + (q + r)
    assert p + (-p) == NEUTRAL
    assert multiple(a, q) == multiple(b, p) == multiple(a * b % ORDER, BASE)
    if p != NEUTRAL:
        assert read(write(p), "test") == p


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, ORDER - 1)), min_size=1, max_size=4), st.binary(min_size=32)
)
def test_ciphertexts_add_up_and_their_sum_can_be_proved(secrets: list[tuple[int, int]], seed: bytes) -> None:
    key = fixed_multiple(987654321, BASE)
    c, e, r, value = NEUTRAL, NEUTRAL, 0, 0
    for v, own in secrets:
        one = encrypt_value(v, own, key)
        c, e, r, value = c + one[0], e + one[1], (r + own) % ORDER, value + v
    assert e - multiple(987654321, c) == multiple(value, BASE)
    if r:
        values = list(range(value + 1))
        proof = prove_one_of(values, value, r, key, (c, e), ["v-1"], seed)
        check_one_of(proof, values, key, (c, e), ["v-1"], "sum")
