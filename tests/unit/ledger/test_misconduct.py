"""Proofs of misconduct: each kind holds, and none does once a part of it is another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from concordat.errors import ConcordatError, InputError
from concordat.ledger.misconduct import KINDS, Misconduct
from simulation.keys import NAMES, stub_signatures
from simulation.world import World, draw

SEEDS = (63, 102, 1896)  # in these three runs every kind occurs


@pytest.fixture(scope="module")
def proofs() -> Iterator[dict[str, tuple[Misconduct, str]]]:
    found: dict[str, tuple[Misconduct, str]] = {}
    with stub_signatures():
        for seed in SEEDS:
            world = World(draw(seed)).run()
            for m in world.plan.honest:
                for proof in world.nodes[m][0].accusations.values():
                    found.setdefault(proof.kind, (proof, world.chain.pinned))
        yield found


def test_every_kind_occurs_and_holds(proofs: dict[str, tuple[Misconduct, str]]) -> None:
    assert sorted(proofs) == sorted(KINDS)
    for proof, pinned in proofs.values():
        again = Misconduct.parse(proof.data()).check(pinned)
        assert again.id == proof.id
        assert proof.sentence().startswith(proof.accused)


@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_against_nobody_else_and_without_no_part(kind: str, proofs: dict) -> None:
    proof, pinned = proofs[kind]
    other = next(m for m in NAMES[:4] if m != proof.accused)
    with pytest.raises(ConcordatError, match="the evidence is against"):
        replace(proof, accused=other).check(pinned)
    for part in proof.evidence:
        with pytest.raises(InputError, match=r"the evidence is|lacks a part"):
            replace(proof, evidence={k: v for k, v in proof.evidence.items() if k != part}).check(pinned)
    for wrong in (set(KINDS) - {kind}) if kind in ("author_fork", "double_promise", "merge_delay") else ():
        with pytest.raises(ConcordatError):
            replace(proof, kind=wrong).check(pinned)
    with pytest.raises(ConcordatError, match="is pinned"):
        proof.check("0" * 64)


@pytest.mark.parametrize("kind", ["same_size", "inconsistent", "rollback"])
def test_the_same_note_twice_contradicts_nothing(kind: str, proofs: dict) -> None:
    proof, pinned = proofs[kind]
    for note in proof.evidence["notes"]:
        with pytest.raises(ConcordatError, match="it doesn't hold"):
            replace(proof, evidence=proof.evidence | {"notes": [note, note]}).check(pinned)


@pytest.mark.parametrize("data", [b"{}", b"[]", b"x", b'{"v":1}', b"\xff"])
def test_what_is_no_such_file(data: bytes) -> None:
    with pytest.raises(InputError):
        Misconduct.parse(data)
