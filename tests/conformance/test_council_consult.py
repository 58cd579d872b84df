"""Consultations against what Polis published: three conversations of `compdemocracy/openData` (CC BY 4.0).

The figures are those of the files themselves (the group-informed consensus of all 371 statements of bg2050, the groups)
or come from a second method: plain loops over the formulas, NumPy's SVD, scikit-learn's indices, and the package
`red-dwarf` where it is installed (it brings pandas; in CI, where nothing may skip, its test is not collected then).
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from concordat import canonical
from concordat.council.consult import analyse, exact, repness, result
from concordat.council.consult.deterministic import PLACE_UNIT, places
from concordat.council.consult.groups import polis_groups, silhouette
from concordat.council.consult.polis_csv import read_matrix, read_votes
from concordat.council.consult.votes import Votes

NAMES = ["bg2050-volunteers", "scoop-hivemind.taxes", "american-assembly.bowling-green"]


def texts(shared_data: Path, name: str) -> tuple[str, str]:
    folder = shared_data / "polis" / name
    return tuple((folder / f).read_text(encoding="utf-8") for f in ("participants-votes.csv", "comments.csv"))  # type: ignore[return-value]


@pytest.fixture(scope="session", params=NAMES)
def conversation(request: pytest.FixtureRequest, shared_data: Path) -> Votes:
    return read_matrix(*texts(shared_data, request.param))


def test_all_371_published_values_of_the_group_informed_consensus(shared_data: Path) -> None:
    matrix, comments = texts(shared_data, "bg2050-volunteers")
    published = {r["comment-id"]: float(r["group-informed-consensus"]) for r in csv.DictReader(io.StringIO(comments))}
    votes = read_matrix(matrix, comments)
    groups, _ = exact.given_groups(votes)
    counts = exact.group_counts(votes, groups)
    found = exact.group_informed_consensus(counts)
    assert len(found) == 371
    assert max(abs(published[s] - v) for s, v in zip(votes.ids, found.tolist(), strict=True)) <= 1e-12
    as_fractions = exact.group_informed_consensus_exact(counts)
    assert max(abs(published[s] - float(v)) for s, v in zip(votes.ids, as_fractions, strict=True)) <= 1e-12


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_single_votes_give_the_matrix(shared_data: Path, name: str) -> None:
    matrix, comments = texts(shared_data, name)
    votes = read_matrix(matrix, comments)
    single = read_votes((shared_data / "polis" / name / "votes.csv").read_text(encoding="utf-8"), comments)
    assert single.participants == votes.participants
    assert single.statements == votes.statements
    assert (single.matrix == votes.matrix).all()
    assert (single.seen == votes.seen).all()
    assert single.hash == votes.hash


def test_means_and_components_are_those_of_the_svd(conversation: Votes) -> None:
    found = exact.space(conversation)
    out = conversation.moderated_out
    matrix = np.where(conversation.seen, -conversation.matrix.astype(float), np.nan)
    matrix[:, out] = 0
    means = np.nanmean(matrix, axis=0)
    filled = np.where(np.isnan(matrix), means, matrix) - means
    right = np.linalg.svd(filled, full_matrices=False)[2][:2]
    assert np.abs(found.means - means).max() <= 1e-12
    for one, other in zip(found.components, right, strict=True):
        assert min(np.abs(one - other).max(), np.abs(one + other).max()) <= 1e-9


def test_places_of_people_and_statements_by_plain_loops(shared_data: Path) -> None:
    votes = read_matrix(*texts(shared_data, "bg2050-volunteers"))
    found = exact.space(votes)
    out = votes.moderated_out
    size = len(votes.statements)
    for i in range(0, len(votes.participants), 9):
        place, seen = [0.0, 0.0], 0
        for j in range(size):
            if not (votes.seen[i, j] or out[j]):
                continue
            seen += 1
            value = 0.0 if out[j] else -float(votes.matrix[i, j])
            for k in range(2):
                place[k] += (value - found.means[j]) * found.components[k, j]
        for k in range(2):
            assert found.people[i, k] == pytest.approx(math.sqrt(size / max(1, seen)) * place[k], abs=1e-10)
    for j in range(0, size, 17):
        c1, c2 = found.components[:, j]
        expected = math.sqrt(size) * abs(-1 - found.means[j]) * math.hypot(c1, c2)
        assert found.extremity[j] == pytest.approx(expected, abs=1e-12)


def test_representative_statements_and_consensus_by_plain_loops(conversation: Votes) -> None:
    groups, _ = exact.given_groups(conversation)
    plain = Plain(conversation, groups.tolist())
    for g, chosen in enumerate(repness.representative(conversation, groups)):
        expected = plain.representative(g)
        assert [(r.statement, r.side, r.best_agree) for r in chosen] == [row[:3] for row in expected]
        for r, row in zip(chosen, expected, strict=True):
            assert (r.p, r.p_test, r.ratio, r.ratio_test) == pytest.approx(row[3:], abs=1e-9)
    for side, found in zip(("agree", "disagree"), exact.consensus(conversation), strict=True):
        assert [s.statement for s in found] == plain.consensus(side)


# --- Groups ---


@pytest.mark.parametrize(
    ("name", "index"),
    [("bg2050-volunteers", 1.0), ("scoop-hivemind.taxes", 0.81), ("american-assembly.bowling-green", 0.56)],
)
def test_groups_from_a_batch_are_as_near_to_polis_as_the_specification_accepts(
    shared_data: Path, name: str, index: float
) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs the extra [oracles]")
    votes = read_matrix(*texts(shared_data, name))
    theirs, _ = exact.given_groups(votes)
    found = polis_groups(votes, exact.space(votes)).groups
    both = (found >= 0) & (theirs >= 0)
    assert both.sum() >= (theirs >= 0).sum() - 2  # people whom Polis kept because they came first
    assert metrics.adjusted_rand_score(theirs[both], found[both]) >= index


def test_the_silhouette_is_that_of_scikit_learn(shared_data: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs the extra [oracles]")
    votes = read_matrix(*texts(shared_data, "scoop-hivemind.taxes"))
    found = analyse(votes, resamples=0)
    inside = found.groups >= 0
    points, groups = found.space.people[inside], found.groups[inside]
    expected = metrics.silhouette_score(points, groups)
    assert silhouette(points, groups) == pytest.approx(expected, abs=1e-12)
    assert dict(found.grouping.silhouettes)[found.grouping.count] == pytest.approx(expected, abs=1e-4)


def test_whole_numbers_place_people_where_the_svd_does(conversation: Votes) -> None:
    real = exact.space(conversation)
    found = places(conversation.matrix, conversation.seen, conversation.moderated_out)
    length = np.linalg.norm(found.components, axis=1)
    for k in range(2):
        assert abs(found.components[k] @ real.components[k]) / length[k] >= 1 - 1e-9
        assert np.abs(np.abs(found.people[:, k]) / PLACE_UNIT - np.abs(real.people[:, k])).max() <= 1e-3
    assert np.abs(found.means + real.means).max() <= 1e-12


DIGEST = """
import hashlib, pathlib, sys
from concordat import canonical
from concordat.council.consult import analyse, read_matrix, result
folder = pathlib.Path(sys.argv[1])
votes = read_matrix(*((folder / f).read_bytes() for f in ("participants-votes.csv", "comments.csv")))
print(hashlib.sha256(canonical.dumps(result(analyse(votes, resamples=1)))).hexdigest())
"""


def test_threads_and_kernels_of_the_machine_do_not_change_a_byte(shared_data: Path) -> None:
    folder = shared_data / "polis" / "american-assembly.bowling-green"
    here = analyse(read_matrix(*texts(shared_data, folder.name)), resamples=1)
    expected = hashlib.sha256(canonical.dumps(result(here))).hexdigest()
    source = str(Path(exact.__file__).parents[3])
    for threads, kernel in (("1", "Haswell"), ("2", ""), ("2", "Nehalem")):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": source}
        if kernel:
            environment["OPENBLAS_CORETYPE"] = kernel
        done = subprocess.run(
            [sys.executable, "-c", DIGEST, str(folder)], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected, (threads, kernel)


if importlib.util.find_spec("reddwarf") or not os.environ.get("CONCORDAT_CI"):

    @pytest.mark.filterwarnings("ignore")  # pandas' own warnings are not ours to mend
    def test_lists_are_those_of_red_dwarf(conversation: Votes) -> None:
        stats = pytest.importorskip("reddwarf.utils.stats", reason="red-dwarf is not installed")
        from pandas import DataFrame
        from reddwarf.utils.consensus import select_consensus_statements

        groups, _ = exact.given_groups(conversation)
        out = [int(conversation.ids[n]) for n in np.flatnonzero(conversation.moderated_out)]
        frame = DataFrame(
            np.where(conversation.seen, conversation.matrix.astype(float), np.nan),
            columns=[int(s) for s in conversation.ids],
        )
        frame[out] = 0.0
        frame.columns.name, frame.index.name = "statement_id", "participant_id"
        grouped, _ = stats.calculate_comment_statistics_dataframes(frame[groups >= 0], groups[groups >= 0])
        theirs = stats.select_representative_statements(grouped, mod_out_statement_ids=out)
        for g, ours in enumerate(repness.representative(conversation, groups)):
            names = ("tid", "repful-for", "p-success", "p-test", "repness", "repness-test")
            rows = [[row[name] for name in names] for row in theirs[g]]
            assert [(int(r.statement), r.side) for r in ours] == [tuple(row[:2]) for row in rows]
            for r, row in zip(ours, rows, strict=True):
                assert (r.p, r.p_test, r.ratio, r.ratio_test) == pytest.approx(row[2:], abs=1e-12)
        found = select_consensus_statements(frame, mod_out_statement_ids=out)
        for side, ours_shared in zip(("agree", "disagree"), exact.consensus(conversation), strict=True):
            assert [int(s.statement) for s in ours_shared] == [row["tid"] for row in found[side]]


class Plain:
    """The formulas of the specification, 3.1, statement by statement."""

    def __init__(self, votes: Votes, groups: list[int]) -> None:
        self.votes, self.groups = votes, groups
        self.kept = [j for j, s in enumerate(votes.statements) if not (s.moderation == -1 or s.meta)]
        self.rows = [[v if s else None for v, s in zip(*row, strict=True)] for row in self._rows()]

    def _rows(self) -> list[tuple[list[int], list[bool]]]:
        return list(zip(self.votes.matrix.tolist(), self.votes.seen.tolist(), strict=True))

    def count(self, j: int, wanted: object) -> tuple[int, int, int]:
        cells = [row[j] for row, g in zip(self.rows, self.groups, strict=True) if wanted(g)]  # type: ignore[operator]
        return cells.count(1), cells.count(-1), len(cells) - cells.count(None)

    @staticmethod
    def z(s: int, n: int) -> float:
        return 2 * math.sqrt(n + 1) * ((s + 1) / (n + 1) - 0.5)

    @staticmethod
    def z2(a: int, b: int, n: int, k: int) -> float:
        a, b, n, k = a + 1, b + 1, n + 1, k + 1
        p = (a + b) / (n + k)
        return 0.0 if p == 1 else (a / n - b / k) / math.sqrt(p * (1 - p) * (1 / n + 1 / k))

    def numbers(self, j: int, g: int) -> dict[str, float]:
        a, d, s = self.count(j, lambda other: other == g)
        ao, do, so = self.count(j, lambda other: other not in (g, -1))
        pa, pd = (a + 1) / (s + 2), (d + 1) / (s + 2)
        return {
            "j": j, "a": a, "d": d,
            "pa": pa, "pat": self.z(a, s), "ra": pa / ((ao + 1) / (so + 2)), "rat": self.z2(a, ao, s, so),
            "pd": pd, "pdt": self.z(d, s), "rd": pd / ((do + 1) / (so + 2)), "rdt": self.z2(d, do, s, so),
        }  # fmt: skip

    def form(self, m: dict[str, float]) -> tuple[str, float, float, float, float]:
        side = "a" if m["rat"] > m["rdt"] else "d"
        word = "agree" if side == "a" else "disagree"
        return word, m[f"p{side}"], m[f"p{side}t"], m[f"r{side}"], m[f"r{side}t"]

    def representative(self, g: int) -> list[tuple[object, ...]]:
        z90, sufficient, best, b = 1.2816, [], None, None
        for j in self.kept:
            m = self.numbers(j, g)
            if (m["rat"] > z90 and m["pat"] > z90) or (m["rdt"] > z90 and m["pdt"] > z90):
                sufficient.append(m)
            if not sufficient and (best is None or max(m["rat"], m["rdt"]) > self.form(best)[4]):
                best = m
            if m["a"] == 0 and m["d"] == 0:
                continue
            if b is not None and b["ra"] > 1:
                if math.prod(m[k] for k in ("ra", "rat", "pa", "pat")) > math.prod(
                    b[k] for k in ("ra", "rat", "pa", "pat")
                ):
                    b = m
            elif b is not None:
                if m["pa"] * m["pat"] > b["pa"] * b["pat"]:
                    b = m
            elif m["pat"] > z90 or (m["ra"] > 1 and m["pa"] > 0.5):
                b = m
        if not sufficient:
            chosen = [b or best]
        else:
            rest = sorted((m for m in sufficient if m is not b and m != b), key=lambda m: -math.prod(self.form(m)[1:]))
            chosen = ([b] if b else []) + rest
            chosen = chosen[:5]
            words = [self.form(m)[0] for m in chosen]
            chosen = [m for word in ("agree", "disagree") for m, w in zip(chosen, words, strict=True) if w == word]
        return [(self.votes.ids[int(m["j"])], self.form(m)[0], m == b, *self.form(m)[1:]) for m in chosen if m]

    def consensus(self, side: str) -> list[str]:
        found = []
        for j in self.kept:
            a, d, s = self.count(j, lambda other: True)
            n = a if side == "agree" else d
            p, z = (n + 1) / (s + 2), self.z(n, s)
            if p > 0.5 and z > 1.2816:
                found.append((-p * z, j))
        return [self.votes.ids[j] for _, j in sorted(found)[:5]]
