"""Points of the curve P-256 and multiples of them, in plain integers: what the ballots' mathematics stands on.

y^2 = x^3 - 3x + b over the field of p elements; a group of prime order n, so every point but the neutral one generates
it and no small subgroup has to be looked for. Points are kept in Jacobian coordinates (X, Y, Z) for x = X/Z^2,
y = Y/Z^3, Z = 0 being the neutral element; formulas "dbl-2001-b" and "add-2007-bl" of the Explicit-Formulas Database.
Exceptional cases (equal points, opposite points, the neutral one) are handled one by one.

Points are written in the compressed form of SEC 1 version 2.0, section 2.3.3, as hexadecimal text; reading one checks
that it is on the curve. Source of the parameters: NIST SP 800-186, section 3.2.1.3 (P-256), SEC 2 (secp256r1).
The standard library alone. Not constant in time: see the package's warning.

    >>> write(multiple(2, BASE))
    '037cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978'
    >>> multiple(ORDER, BASE) == NEUTRAL
    True
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from concordat.errors import InputError

FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_POINT = re.compile(r"0[23][0-9a-f]{64}")
_SCALAR = re.compile(r"[0-9a-f]{64}")
_WINDOW = 4


class Point:
    """A point; equal to another when it is the same element, whatever its coordinates. Do not change one."""

    __slots__ = ("x", "y", "z")

    def __init__(self, x: int, y: int, z: int) -> None:
        self.x, self.y, self.z = x, y, z

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        if not self.z or not other.z:
            return not self.z and not other.z
        z, w = self.z * self.z % FIELD, other.z * other.z % FIELD
        same_x = (self.x * w - other.x * z) % FIELD == 0
        return same_x and (self.y * w * other.z - other.y * z * self.z) % FIELD == 0

    def __hash__(self) -> int:
        return hash(self.affine())

    def __repr__(self) -> str:
        return f"Point({write(self)})"

    def __add__(self, other: Point) -> Point:
        return _add(self, other)

    def __neg__(self) -> Point:
        return Point(self.x, -self.y % FIELD, self.z)

    def __sub__(self, other: Point) -> Point:
        return _add(self, -other)

    def affine(self) -> tuple[int, int] | None:
        """x and y, or nothing for the neutral element."""
        if not self.z:
            return None
        inverse = pow(self.z, -1, FIELD)
        square = inverse * inverse % FIELD
        return self.x * square % FIELD, self.y * square * inverse % FIELD


NEUTRAL = Point(1, 1, 0)
BASE = Point(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)


def _double(p: Point) -> Point:
    if not p.z or not p.y:
        return NEUTRAL
    delta, gamma = p.z * p.z % FIELD, p.y * p.y % FIELD
    beta = p.x * gamma % FIELD
    alpha = 3 * (p.x - delta) * (p.x + delta) % FIELD
    x = (alpha * alpha - 8 * beta) % FIELD
    z = ((p.y + p.z) * (p.y + p.z) - gamma - delta) % FIELD
    return Point(x, (alpha * (4 * beta - x) - 8 * gamma * gamma) % FIELD, z)


def _add(p: Point, q: Point) -> Point:
    if not p.z:
        return q
    if not q.z:
        return p
    z1, z2 = p.z * p.z % FIELD, q.z * q.z % FIELD
    u1, u2 = p.x * z2 % FIELD, q.x * z1 % FIELD
    s1, s2 = p.y * q.z * z2 % FIELD, q.y * p.z * z1 % FIELD
    h = (u2 - u1) % FIELD
    r = 2 * (s2 - s1) % FIELD
    if not h:
        return NEUTRAL if r else _double(p)
    i = 4 * h * h % FIELD
    j, v = h * i % FIELD, u1 * i % FIELD
    x = (r * r - j - 2 * v) % FIELD
    z = ((p.z + q.z) * (p.z + q.z) - z1 - z2) * h % FIELD
    return Point(x, (r * (v - x) - 2 * s1 * j) % FIELD, z)


def multiple(scalar: int, point: Point) -> Point:
    """scalar * point, by windows of four bits."""
    scalar %= ORDER
    small = [NEUTRAL, point]
    for _ in range(2, 1 << _WINDOW):
        small.append(_add(small[-1], point))
    found = NEUTRAL
    for shift in range(252, -1, -_WINDOW):
        for _ in range(_WINDOW):
            found = _double(found)
        found = _add(found, small[scalar >> shift & 15])
    return found


def fixed_multiple(scalar: int, point: Point) -> Point:
    """scalar * point for a point that is used often (the base, a public key): its table is kept."""
    scalar %= ORDER
    found = NEUTRAL
    for row in _table(point):
        found = _add(found, row[scalar & 15])
        scalar >>= _WINDOW
    return found


@lru_cache(maxsize=32)
def _table(point: Point) -> tuple[tuple[Point, ...], ...]:
    """Per window of four bits the multiples 0 to 15."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL, point]
        for _ in range(2, 1 << _WINDOW):
            row.append(_add(row[-1], point))
        rows.append(tuple(row))
        point = _add(row[-1], point)
    return tuple(rows)


def total(points: Iterable[Point]) -> Point:
    """The sum of points."""
    found = NEUTRAL
    for point in points:
        found = _add(found, point)
    return found


# --- Text ---------------------------------------------------------------------------------------------------------


def write(point: Point) -> str:
    """SEC 1's compressed form in hexadecimal; `00` for the neutral element, which `read` refuses."""
    affine = point.affine()
    if affine is None:
        return "00"
    return f"{2 + (affine[1] & 1):02x}{affine[0]:064x}"


def read(text: object, where: str) -> Point:
    """A point from its compressed form.

    Raises:
        InputError: another form, or no point of the curve.
    """
    if not isinstance(text, str) or not _POINT.fullmatch(text):
        hint = "Give 66 lower-case hexadecimal digits, compressed form."
        raise InputError(f"{text!r:.80} is not a point.", where=where, hint=hint, code="point")
    x = int(text[2:], 16)
    square = (x * x * x - 3 * x + B) % FIELD
    y = pow(square, (FIELD + 1) // 4, FIELD)  # p = 3 mod 4
    if x >= FIELD or y * y % FIELD != square:
        raise InputError(f"{text} is not on the curve.", where=where, hint="It was changed on its way.", code="point")
    return Point(x, y if y & 1 == int(text[1]) & 1 else FIELD - y, 1)


def write_scalar(scalar: int) -> str:
    """64 hexadecimal digits."""
    assert 0 <= scalar < ORDER
    return f"{scalar:064x}"


def read_scalar(text: object, where: str) -> int:
    """A number below the order.

    Raises:
        InputError: another form, or too large (so that a proof has one text only).
    """
    if not isinstance(text, str) or not _SCALAR.fullmatch(text) or int(text, 16) >= ORDER:
        hint = "Give 64 lower-case hexadecimal digits, below the order of the curve."
        raise InputError(f"{text!r:.80} is not a scalar.", where=where, hint=hint, code="scalar")
    return int(text, 16)
