"""A replica against hostile peers: forks of long logs, floods, a slow clock; one member's state, bounded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concordat.errors import InputError
from concordat.ledger.catching_up import ENTRIES_MAX
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.messages import Cosigned, Entries, Hello, Submitted, Vote, Want, WantNote
from concordat.ledger.note import Checkpoint
from concordat.ledger.replica import REFUSALS_MAX, VIEWS_AHEAD, Replica, utc
from concordat.ledger.views import ViewVote
from simulation.keys import NAMES, chain, signer, stub_signatures

NOW = 1_900_000_000
CHAIN = chain(4)
ME, LIAR = NAMES[1], NAMES[0]
ORIGIN = CHAIN.last.member(LIAR).origin


@pytest.fixture(autouse=True)
def _stub() -> Iterator[None]:
    with stub_signatures():
        yield


def replica(member: str = ME) -> Replica:
    return Replica(signer(member, stub=True), CHAIN)


def log_of(words: list[str]) -> tuple[list[bytes], MemoryHashes]:
    """A log of the liar's, one entry a word."""
    node, leaves, tree, prev = signer(LIAR, stub=True).node, [], MemoryHashes(), FIRST
    for seq, word in enumerate(words, 1):
        entry = Entry.new(
            author=LIAR, bloc="BRICS", membership=1, person="node", seq=seq, prev=prev, scope="council", ts=utc(NOW),
            type="Said", body={"word": word}, secret=node,
        )  # fmt: skip
        prev = entry.id
        leaves.append(entry.leaf)
        tree.append(leaf_hash(entry.leaf))
    return leaves, tree


def head(leaves: list[bytes], tree: MemoryHashes, cosigners: tuple[str, ...] = ()) -> str:
    point = Checkpoint(ORIGIN, len(leaves), tree.root(len(leaves)))
    note = signer(LIAR, stub=True).head(point, NOW, tree.root)
    for member in cosigners:
        note = note.with_signatures(signer(member, stub=True).cosign("witness", point, NOW, tree.root))
    return str(note)


def feed(target: Replica, leaves: list[bytes], text: str, sender: str = LIAR) -> None:
    """Answer what the replica asks for, from one version of the log."""
    asked = [Want(ORIGIN, target.shelf.logs[ORIGIN].size)]
    for _ in range(20):
        if not asked:
            return
        start = asked.pop().start
        out = target.handle(sender, Entries(ORIGIN, start, tuple(leaves[start : start + ENTRIES_MAX]), text), NOW)
        asked = [m for to, m in out if isinstance(m, Want) and to == sender and m.start < len(leaves)]


MINE, RIVAL = log_of([str(i) for i in range(700)]), log_of([str(i) for i in range(650)] + ["x"] * 60)


def test_a_fork_of_a_log_of_700_entries_is_proved_and_a_quorum_decides() -> None:
    it = replica()
    feed(it, MINE[0], head(*MINE))
    assert it.shelf.logs[ORIGIN].size == 700
    quorum = head(*RIVAL, cosigners=NAMES[1:4])
    it.handle(NAMES[2], Submitted(quorum), NOW)
    feed(it, RIVAL[0], quorum, NAMES[2])
    assert it.shelf.logs[ORIGIN].tree.root() == RIVAL[1].root()
    assert {p.accused for p in it.accusations.values()} == {LIAR}
    assert "inconsistent" in {p.kind for p in it.accusations.values()}


def test_without_a_quorum_the_first_log_stays_and_the_fork_is_proved() -> None:
    it = replica()
    feed(it, MINE[0], head(*MINE))
    out = it.handle(NAMES[2], Entries(ORIGIN, 640, tuple(RIVAL[0][640:]), head(*RIVAL)), NOW)
    assert (NAMES[2], Want(ORIGIN, 0)) in out
    for start in (0, 256, 512):
        it.handle(NAMES[2], Entries(ORIGIN, start, tuple(RIVAL[0][start : start + 256]), head(*RIVAL)), NOW)
    assert {p.kind for p in it.accusations.values()} == {"author_fork", "inconsistent"}
    assert it.shelf.logs[ORIGIN].tree.root() == MINE[1].root()
    assert it.shelf.logs[ORIGIN].disowned
    assert not it.rivals.logs


def test_entries_that_the_owner_did_not_sign_prove_nothing() -> None:
    it = replica()
    feed(it, MINE[0][:3], head(MINE[0][:3], MINE[1]))
    forged = MINE[0][1].replace(b'"sig":"', b'"sig":"AAAA', 1)
    it.handle(NAMES[2], Entries(ORIGIN, 1, (forged, MINE[0][2]), head(MINE[0][:3], MINE[1])), NOW)
    assert not it.accusations
    assert not it.shelf.logs[ORIGIN].disowned


def test_own_entries_that_came_back_while_the_keys_were_held_are_shown_to_the_witnesses_later() -> None:
    """A node brought back from a backup hears of its entries before it may sign: their head still wants a quorum."""
    it, (leaves, tree) = replica(LIAR), log_of(["a", "b", "c"])
    it.signer.held = "This node was brought back from a backup."
    feed(it, leaves, head(leaves, tree), NAMES[2])
    it.tick(NOW)
    assert (it.own.size, it.own.submitted_size, list(it.open)) == (3, 0, [])
    it.signer.held = ""
    it.tick(NOW + 1)
    assert list(it.open) == [3]
    point = Checkpoint(ORIGIN, 3, tree.root())
    for name in NAMES[1:3]:
        line = signer(name, stub=True).cosign("witness", point, NOW, tree.root)[0].line()
        it.handle(name, Cosigned(ORIGIN, 3, point.root, (line,)), NOW + 1)
    assert (it.own.submitted_size, list(it.open)) == (3, [])
    it.tick(NOW + 2)
    assert list(it.open) == []


def test_many_entries_at_once_are_those_of_one_after_the_other_under_one_head() -> None:
    single, many = replica(), replica()
    said = [("Said", {"word": word}, "council") for word in ("a", "b", "c")]
    single.write("Said", {"word": "first"}, "council", NOW)
    many.write("Said", {"word": "first"}, "council", NOW)
    for kind, body, scope in said:
        single.write(kind, body, scope, NOW)
    entries, out = many.write_all(said, NOW)
    assert [entry.leaf for entry in entries] == list(single.own.entries.leaves[1:])
    assert many.own.checkpoint() == single.own.checkpoint()
    sent = {message for _, message in out if isinstance(message, Entries)}
    assert [(m.start, m.leaves, m.head) for m in sent] == [(1, tuple(e.leaf for e in entries), str(many.own.head))]
    assert {to for to, message in out if isinstance(message, Entries)} == set(many.peers)


@pytest.mark.parametrize("bad", [("Said", {"a": 0.5}, "council"), ("Said", {}, "order")], ids=["float", "order"])
def test_of_many_entries_at_once_none_is_added_if_one_can_t_be(bad: tuple[str, dict[str, float], str]) -> None:
    it = replica()
    with pytest.raises(InputError):
        it.write_all([("Said", {"word": "a"}, "council"), bad], NOW)
    assert (it.own.size, it.own.head, it.signer.size_signed(it.own.origin)) == (0, None, 0)


def test_a_slow_clock_cosigns_nothing_and_says_both_times() -> None:
    members = {m: replica(m) for m in NAMES[:4]}
    mail = [(LIAR, to, message) for to, message in members[LIAR].write("Said", {}, "council", NOW)[1]]
    for _ in range(200):
        if not mail:
            break
        sender, to, message = mail.pop(0)
        mail += [(to, *one) for one in members[to].handle(sender, message, NOW - 1000 if to == ME else NOW)]
    assert members[NAMES[2]].final() == (1, 1)
    assert members[ME].refusals[-1].what.startswith("BRICS/council/1: ")
    assert f"clock says {utc(NOW - 1000)}, the ledger {utc(NOW)}: 1000 s behind" in members[ME].refusals[-1].what


def test_a_flood_leaves_everything_bounded() -> None:
    it = replica()
    sizes = lambda: (  # noqa: E731
        len(it.shelf.notes), sum(len(v) for v in it.votes.values()), len(it._stalled), len(it.rivals.logs),
        len(it.certificates), len(it.watch.tops), sum(len(log.submitted) for log in it.shelf.logs.values()),
    )  # fmt: skip
    mirror = signer(LIAR, stub=True)._keys["mirror"][0].secret
    for i in range(2, 1500):
        vote = ViewVote.new("BRICS", LIAR, i, None, mirror)
        it.handle(LIAR, Vote(vote.data, None), NOW)
        it.handle(LIAR, Submitted(f"BRICS/council/{i}\n{i}\nAA==\n\n— x AAAA\n"), NOW)
        it.handle(LIAR, WantNote("0" * 64), NOW)
        it.handle(LIAR, Hello(tuple((f"o{j}", 9) for j in range(5)), (), (i, i), i), NOW)
        it.handle(LIAR, Cosigned(it.own.origin, i, bytes(32), ("— nobody AAAAAAAA",)), NOW)
        it.handle("XXX", Want(ORIGIN, 0), NOW)
    assert len(it.refusals) <= REFUSALS_MAX
    notes, votes, stalled, rivals, certificates, tops, submitted = sizes()
    assert votes <= VIEWS_AHEAD + 1
    assert (notes, certificates, submitted) == (0, 0, 0)
    assert stalled <= 4
    assert rivals <= 4
    assert tops <= 32
