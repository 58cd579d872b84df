"""Opinion groups that every replica computes to the same byte: the method `concordat-1`.

Order of votes, number of threads and the machine's BLAS change nothing, since everything that is summed is an integer
small enough to be exact, and everything else is done cell by cell (IEEE 754: each step rounded once).

1. People and statements are sorted by id. A has the votes (agree +1; unseen 0), B what was seen (0/1); the columns of
   moderated statements are left out here, and count as seen by all in n_i, as in `exact`.
2. A'A, A'B, B'B are whole numbers up to the number of people: exact even in single precision below 2^24. With the
   means m the entry of the covariance is A'A_jk - m_j (B'A)_jk - (A'B)_jk m_k + m_j m_k (B'B)_jk.
3. The covariance is scaled to integers up to 2^21, vectors to 2^20, and summed in blocks of 1,024 rows: sums stay
   below 2^53. Both components are iterated together from the rows of the largest diagonals, the second made orthogonal
   to the first each round, until no entry moves by more than 1, at most 300 rounds; the largest entry is positive.
4. Places, scaled as in `exact`, are rounded to 2^-16.
5. k-means of people with enough votes (`groups.enough_votes`), k = 2 .. 6, at most 100 rounds, from three starts:
   maximin (the person furthest from the mean, then each time the one furthest from those taken; ties: lowest id), and
   the people in the middle of k equal parts along each axis. One person is no opinion group: a result that leaves
   someone alone is taken only if all do, and its k then not at all; of the others the least sum of squares is kept.
   The mean silhouette decides on k: of all up to 2,000 people, else of the 2,000 with the lowest SHA-256 of their
   ids; distances rounded to 2^-16.
6. A best silhouette below 0.25 means "no groups", and none is drawn (Kaufman and Rousseeuw 1990, table 4: "no
   substantial structure" up to 0.25).

Groups are numbered by size, the largest first; equal ones by their lowest id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concordat.council.consult.exact import NO_GROUP, Array, Ints, check_enough
from concordat.council.consult.groups import Grouping, enough_votes, widths
from concordat.council.consult.votes import Bools, Bytes, Votes, frozen
from concordat.errors import MethodError

Floats32 = npt.NDArray[np.float32]

COVARIANCE_MAX = 2**21
VECTOR_MAX = 2**20
PLACE_UNIT = 2**16
BLOCK = 1_024
ROUNDS = 300
LLOYD_ROUNDS = 100
DISTANCE_ROWS = 64
GROUPS_MAX = 6
SILHOUETTE_PEOPLE = 2_000
SILHOUETTE_MIN = 0.25
_MEAN_UNIT = 2**10  # m_j c_j is summed in units of 2^-10 of a component's
_WIDTH_UNIT = 2**30


@dataclass(frozen=True, eq=False)
class Places:
    """Where people stand, in whole units.

    Attributes:
        people: `[person, 2]` in units of 2^-16.
        components: `[2, statement]` whole numbers up to 2^20 (not of unit length); 0 for moderated statements.
        means: `[statement]`, agree +1; 0 for moderated statements.
        rounds: how many the iteration took.
    """

    people: Ints
    components: Ints
    means: Array
    rounds: int


def places(matrix: Bytes, seen: Bools, out: Bools) -> Places:
    """Steps 2 to 4 for votes `[person, statement]`, seen or not, and columns that are moderated out."""
    statements = matrix.shape[1]
    kept = np.flatnonzero(~out)
    sums = matrix.sum(axis=0, dtype=np.int64)
    counts = seen.sum(axis=0, dtype=np.int64)
    means = np.where(out, 0.0, sums / np.maximum(1, counts))
    scaled = _covariance(matrix, seen, kept, means[kept])
    vectors, rounds = _components(scaled)
    components = np.zeros((2, statements), dtype=np.int64)
    components[:, kept] = vectors
    n = seen[:, kept].sum(axis=1, dtype=np.int64) + int(out.sum())
    found = _project(matrix, seen, kept, means[kept], vectors)
    length = np.sqrt(np.maximum(1, np.square(vectors).sum(axis=1)).astype(np.float64))
    scale = np.sqrt(statements / np.maximum(1, n).astype(np.float64))
    places_ = np.rint(found / length * scale[:, None] * PLACE_UNIT).astype(np.int64)
    return Places(frozen(places_), frozen(components), frozen(means), rounds)


def _covariance(matrix: Bytes, seen: Bools, kept: Ints, means: Array) -> Array:
    """Step 2, scaled to whole numbers up to 2^21."""
    a: Floats32 = matrix[:, kept].astype(np.float32)
    b: Floats32 = seen[:, kept].astype(np.float32)
    found = np.asarray((a.T @ a).astype(np.float64))
    cross = a.T @ b
    for start in range(0, len(kept), BLOCK):  # in blocks of rows: one temporary is small
        part = slice(start, start + BLOCK)
        found[part] -= means[part, None] * cross.T[part]
        found[part] -= cross[part] * means
    del a, cross
    square = b.T @ b
    for start in range(0, len(kept), BLOCK):
        part = slice(start, start + BLOCK)
        found[part] += means[part, None] * means * square[part]
    largest = float(np.abs(found).max(initial=0.0))
    if largest > 0:
        found *= COVARIANCE_MAX / largest
        np.rint(found, out=found)
    return found


def _components(scaled: Array) -> tuple[Ints, int]:
    """Step 3: two whole vectors `[2, statement]`, and the rounds."""
    size = len(scaled)
    vectors = np.zeros((2, size), dtype=np.int64)
    diagonal = np.diagonal(scaled)
    if not size or not diagonal.max() > 0:
        return vectors, 0
    first = int(diagonal.argmax())
    vectors[0] = _whole(scaled[first])
    left = diagonal - np.square(scaled[first]) / diagonal[first]  # the diagonal without the first row's share
    vectors[1] = _whole(_without(_whole(scaled[int(left.argmax())]), vectors[0]))
    rounds, step = 0, VECTOR_MAX
    while step > 1 and rounds < ROUNDS:
        rounds += 1
        moved = _times(scaled, vectors)
        one = _whole(moved[0])
        two = _whole(_without(_whole(moved[1]), one))
        step = max(int(np.abs(one - vectors[0]).max()), int(np.abs(two - vectors[1]).max()))
        vectors = np.stack([one, two])
    for vector in vectors:
        if vector[int(np.abs(vector).argmax())] < 0:
            np.negative(vector, out=vector)
    return vectors, rounds


def _times(scaled: Array, vectors: Ints) -> Array:
    """Both vectors times the scaled covariance, in blocks of rows.

    Each block's sums are below 2^52; their own sum is taken in 64 bits.
    """
    total = np.zeros(vectors.shape, dtype=np.int64)
    for start in range(0, len(scaled), BLOCK):
        rows = slice(start, start + BLOCK)
        total += (vectors[:, rows].astype(np.float64) @ scaled[rows]).astype(np.int64)
    return total.astype(np.float64)


def _without(vector: Ints, other: Ints) -> Array:
    """What of a vector is orthogonal to another: the products are summed in 64 bits."""
    share = float(vector @ other) / max(1.0, float(other @ other))
    return vector.astype(np.float64) - share * other.astype(np.float64)


def _whole(vector: Array) -> Ints:
    """The vector scaled so that its largest entry is 2^20, rounded; zero if it is (nearly) nothing."""
    largest = float(np.abs(vector).max())
    if largest < 1:
        return np.zeros(len(vector), dtype=np.int64)
    return np.rint(vector * (VECTOR_MAX / largest)).astype(np.int64)


def _project(matrix: Bytes, seen: Bools, kept: Ints, means: Array, vectors: Ints) -> Array:
    """Sum over seen statements of (vote - mean) times component, `[person, 2]`, before any scaling."""
    components = vectors.T.astype(np.float64)
    lifted = np.rint(means[:, None] * components * _MEAN_UNIT)
    found = np.empty((len(matrix), 2))
    for start in range(0, len(matrix), BLOCK):
        rows = slice(start, start + BLOCK)
        votes = matrix[rows][:, kept].astype(np.float64) @ components
        expected = seen[rows][:, kept].astype(np.float64) @ lifted
        found[rows] = votes - expected / _MEAN_UNIT
    return found


# --- Groups ---


def concordat_groups(votes: Votes) -> tuple[Grouping, Places]:
    """Groups by the steps above, and where people stand.

    Raises:
        MethodError: fewer than 2 voters or 2 statements, or no differences; with the counts.
    """
    check_enough(votes)
    found = places(votes.matrix, votes.seen, votes.moderated_out)
    rows = enough_votes(votes)
    groups = np.full(len(votes.participants), NO_GROUP, dtype=np.int64)
    clustered = np.zeros(len(groups), dtype=np.int64)
    clustered[rows] = 1
    if len(rows) < 2:
        what = f"{len(rows)} of {len(groups)} voters have votes to group by."
        raise MethodError(what, hint="Wait for more votes.", code="too_few")
    split = best_split(found.people[rows], [votes.participants[i] for i in rows.tolist()])
    several = [value for _, value, labels in split if np.bincount(labels).min() > 1]
    best = max(several, default=0.0)
    reason = ""
    if not split:
        reason = "all who voted enough stand at the same place"
    elif not several:
        reason = "each split leaves someone alone"
    elif best < SILHOUETTE_MIN:
        reason = f"the best mean silhouette is {best:.2f}, below {SILHOUETTE_MIN}"
    else:
        groups[rows] = next(labels for _, v, labels in split if v == best and np.bincount(labels).min() > 1)
    table = tuple((k, value) for k, value, _ in split)
    none = frozen(np.full(len(groups), NO_GROUP, dtype=np.int64))
    return Grouping(frozen(groups), none, table, best, frozen(clustered), reason), found


def best_split(points: Ints, ids: Sequence[str]) -> list[tuple[int, float, Ints]]:
    """For each k: k, mean silhouette, and the group of each point. Points are sorted by id."""
    distinct = len(np.unique(points, axis=0))
    most = min(GROUPS_MAX, distinct, max(2, len(points) - 1))
    splits = [(k, split_into(points, k)) for k in range(2, most + 1)]
    if not splits:
        return []
    sample = _sample(ids)
    silhouettes = _silhouettes(points[sample], [labels[sample] for _, labels in splits])
    return [(k, value, labels) for (k, labels), value in zip(splits, silhouettes, strict=True)]


def split_into(points: Ints, k: int) -> Ints:
    """k-means of whole points from three starts, see step 5; numbered by size, then by the lowest point."""
    x, y = (points[:, d].astype(np.float64) for d in range(2))
    starts = [_maximin(x, y, k)]
    for axis in ((x, y), (y, x)):
        order = np.lexsort((np.arange(len(x)), axis[1], axis[0]))
        starts.append([int(order[(2 * part + 1) * len(x) // (2 * k)]) for part in range(k)])
    runs = [_lloyd(x, y, [(float(x[i]), float(y[i])) for i in start]) for start in starts]
    best = min(range(len(runs)), key=lambda n: (bool(np.bincount(runs[n][1]).min() == 1), runs[n][0], n))
    return by_size(runs[best][1])


def _maximin(x: Array, y: Array, k: int) -> list[int]:
    """The point furthest from the mean, then each time the one furthest from those taken."""
    taken: list[int] = []
    away = _squares(x, y, float(x.sum()) / len(x), float(y.sum()) / len(x))
    for _ in range(k):
        furthest = int(away.argmax())
        near = _squares(x, y, float(x[furthest]), float(y[furthest]))
        away = np.minimum(away, near) if taken else near
        taken.append(furthest)
    return taken


def _lloyd(x: Array, y: Array, centres: list[tuple[float, float]]) -> tuple[int, Ints]:
    """Rounds until nobody changes, at most 100: the sum of squares in whole units, and the cluster of each point."""
    labels = np.full(len(x), -1, dtype=np.int64)
    for _ in range(LLOYD_ROUNDS):
        squares = np.stack([_squares(x, y, *centre) for centre in centres])
        now = squares.argmin(axis=0)
        if (now == labels).all():
            break
        labels = np.unique(now, return_inverse=True)[1].astype(np.int64)  # a cluster that vanished: the others move up
        size = np.bincount(labels)
        sums = [np.bincount(labels, part) for part in (x, y)]  # of whole numbers: exact
        centres = [(float(a) / n, float(b) / n) for a, b, n in zip(*sums, size.tolist(), strict=True)]
    total = int(np.rint(np.stack([_squares(x, y, *c) for c in centres]).min(axis=0)).astype(np.int64).sum())
    return total, labels


def by_size(labels: Ints) -> Ints:
    """The same groups numbered by size, the largest first; equal ones by their first point.

    >>> import numpy as np
    >>> by_size(np.array([2, 0, 0, 1])).tolist()
    [1, 0, 0, 2]
    """
    used, first, inverse, size = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -size))
    number = np.empty(len(used), dtype=np.int64)
    number[order] = np.arange(len(used))
    return np.asarray(number[inverse], dtype=np.int64)


def _squares(x: Array, y: Array, cx: float, cy: float) -> Array:
    return np.asarray(np.square(x - cx) + np.square(y - cy))


def _sample(ids: Sequence[str]) -> Ints:
    """All, or the 2,000 with the lowest SHA-256 of their ids; in the order of ids."""
    if len(ids) <= SILHOUETTE_PEOPLE:
        return np.arange(len(ids))
    hashes = sorted((hashlib.sha256(key.encode()).digest(), n) for n, key in enumerate(ids))
    return np.sort(np.array([n for _, n in hashes[:SILHOUETTE_PEOPLE]], dtype=np.int64))


def _silhouettes(points: Ints, splits: Sequence[Ints]) -> list[float]:
    """The mean silhouette of each split, from whole distances; each person's is rounded to 2^-30 before the sum."""
    members = [(labels[:, None] == np.arange(int(labels.max()) + 1)).astype(np.float64) for labels in splits]
    sums = _distances(points, np.concatenate(members, axis=1))
    found, start = [], 0
    for labels, member in zip(splits, members, strict=True):
        part = sums[:, start : start + member.shape[1]]
        start += member.shape[1]
        each = widths(part, member.sum(axis=0), labels) if member.shape[1] > 1 else np.zeros(len(labels))
        found.append(int(np.rint(each * _WIDTH_UNIT).astype(np.int64).sum()) / _WIDTH_UNIT / len(labels))
    return found


def _distances(points: Ints, member: Array) -> Array:
    """The sum of each point's distances, rounded to whole units, to the members of each group `[point, group]`."""
    x, y = (points[:, d].astype(np.float64) for d in range(2))
    sums = np.empty(member.shape)
    for start in range(0, len(x), DISTANCE_ROWS):  # a block stays in the cache
        rows = slice(start, start + DISTANCE_ROWS)
        away, up = x[rows, None] - x, y[rows, None] - y
        away *= away
        up *= up
        away += up
        sums[rows] = np.rint(np.sqrt(away, out=away), out=away) @ member
    return sums
