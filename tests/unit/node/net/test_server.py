"""The protocol over HTTP: each address, what it answers and what it refuses; asked as an application, no socket."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

import httpx

from concordat.errors import SourceError, StateError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.merkle import MemoryHashes, consistency_proof, leaf_hash
from concordat.ledger.messages import Cosigned, Entries, Want
from concordat.ledger.mirror import request_for
from concordat.ledger.note import Checkpoint, Note, NoteSigner
from concordat.ledger.witness import AddCheckpoint, read_cosignatures
from concordat.node import service as service_module
from concordat.node import writer
from concordat.node.heads import Heads
from concordat.node.home import Node
from concordat.node.letters import pack, unpack
from concordat.node.limits import BODY_MAX
from concordat.node.server import application, ops_application
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.signed_request import RequestSigner
from unit_node import found

URL = "http://bra.example"
NOW = 1_795_305_600  # the suite's pinned day


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two members; the second one has written three entries."""
    made = found(tmp_path_factory.mktemp("two"), ("BRA", "IND"))
    with Node(made[1]) as node:
        for word in ("one", "two", "three"):
            node.write("Said", {"word": word}, "council")
    return made


class Asking:
    """A node of the first member, asked over HTTP, and what the second one's keys sign."""

    def __init__(self, service: Service, client: httpx.AsyncClient, other: Node, ops: httpx.AsyncClient) -> None:
        self.service, self.client, self.other, self.ops = service, client, other, ops
        self.signer = RequestSigner("IND", other.signer.node)

    async def get(self, path: str, *, member: bool = True, **headers: str) -> httpx.Response:
        """GET, as a member or as anybody."""
        signed = self.signer.headers("GET", URL + path, b"", NOW) if member else {}
        return await self.client.get(path, headers={**headers, **signed})

    async def post(self, path: str, body: bytes, *, member: bool = True, **headers: str) -> httpx.Response:
        """POST, as a member or as anybody."""
        signed = self.signer.headers("POST", URL + path, body, NOW) if member else {}
        return await self.client.post(path, content=body, headers={**headers, **signed})

    def entry(
        self, *, author: str = "BRA", seq: int = 1, prev: str = FIRST, secret: Ed25519Secret | None = None
    ) -> Entry:
        """An entry of the first member, signed outside its node."""
        return Entry.new(
            author=author, bloc="BRICS", membership=1, person="node", seq=seq, prev=prev, scope="council",
            ts="2026-11-22T00:00:00Z", type="Said", body={"word": f"outside {seq}"},
            secret=secret or self.service.node.signer.node,
        )  # fmt: skip


@asynccontextmanager
async def asking(homes: list[Path], root: Path, **settings: object) -> AsyncIterator[Asking]:
    """The first member's node, asked."""
    own, other = root / "own", root / "other"
    shutil.copytree(homes[0], own)
    shutil.copytree(homes[1], other)
    given = {"public_url": URL, "disk_reserve_mb": 0, "commit_gather_ms": 5, **settings}
    service = Service(Node(own), NodeSettings.load(given, environment={}, file=Path("absent.toml")))
    service.recovery.answered("IND", 0)
    await service.run(service._tick)
    transport, ops = httpx.ASGITransport(application(service)), httpx.ASGITransport(ops_application(service))
    with Node(other) as node:
        async with (
            httpx.AsyncClient(transport=transport, base_url=URL) as client,
            httpx.AsyncClient(transport=ops, base_url="http://127.0.0.1:8081") as operator,
        ):
            yield Asking(service, client, node, operator)
    await service.close()


def run(homes: list[Path], root: Path, work: Callable[[Asking], Any], **settings: object) -> None:
    """Ask a fresh copy of the node."""

    async def inner() -> None:
        async with asking(homes, root, **settings) as node:
            await work(node)

    asyncio.run(inner())


# --- Entries ---


def test_an_envelope_is_taken_once_and_stands_in_the_log(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        first = node.entry()
        made = await node.post("/entries", first.leaf, member=False)
        assert (made.status_code, made.json()) == (201, {"id": first.id, "index": 0})
        again = await node.post("/entries", first.leaf, member=False)
        assert (again.status_code, again.json()) == (200, {"id": first.id, "index": 0})
        second = node.entry(seq=2, prev=first.id)
        assert (await node.post("/entries", second.leaf, member=False)).json()["index"] == 1
        bundle = await node.get("/log/BRICS/BRA/tile/entries/000.p/2")
        assert bundle.content == b"".join(len(e.leaf).to_bytes(2, "big") + e.leaf for e in (first, second))
        head = Checkpoint.parse(
            (await node.get("/log/BRICS/BRA/checkpoint")).text, node.service.chain.last.member("BRA").log
        )
        tree = MemoryHashes([leaf_hash(first.leaf), leaf_hash(second.leaf)])
        assert (head.checkpoint.size, head.checkpoint.root) == (2, tree.root())

    run(homes, tmp_path, work)


def test_what_may_not_stand_here_is_refused_with_words(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        stranger = Ed25519Secret(bytes(32))
        cases: list[tuple[bytes, int, str]] = [
            (node.entry(author="IND", secret=node.other.signer.node).leaf, 403, "Send it to the node of IND"),
            (node.entry(secret=stranger).leaf, 403, "doesn't list for BRA"),
            (node.entry(seq=2, prev="2" * 64).leaf, 409, 'Sign it again with \\"seq\\": 1'),
            (node.entry(seq=9, prev="1" * 64).leaf, 409, "it is number 9; the next one here is 1"),
            (b"{}", 400, "envelope"),
            (b"", 400, "JSON"),
            (b"x" * 65_536, 413, "65,535"),
        ]
        for body, status, words in cases:
            answer = await node.post("/entries", body, member=False)
            assert (answer.status_code, words in answer.text) == (status, True), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.json()["status"] == status
        assert await node.service.read(lambda n: n.replica.own.size) == 0

    run(homes, tmp_path, work)


def test_a_caller_that_leaves_in_the_middle_is_no_fault_of_the_program(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        leaf = node.entry().leaf
        came = [{"type": "http.request", "body": leaf[:99], "more_body": True}, {"type": "http.disconnect"}]
        said: list[Any] = []

        async def receive() -> Any:
            return came.pop(0)

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/entries", "raw_path": b"/entries", "query_string": b"",
            "headers": [], "client": ("192.0.2.7", 5), "server": ("bra.example", 443), "scheme": "https",
        }  # fmt: skip
        await application(node.service)(scope, receive, send)
        assert said[0]["status"] == 400
        assert await node.service.read(lambda n: n.replica.own.size) == 0

    run(homes, tmp_path, work)


def test_two_for_one_place_one_is_taken(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        leaves = [node.entry().leaf, node.entry(prev=FIRST).leaf]
        other = Entry.new(
            author="BRA", bloc="BRICS", membership=1, person="node", seq=1, prev=FIRST, scope="council",
            ts="2026-11-22T00:00:01Z", type="Said", body={}, secret=node.service.node.signer.node,
        )  # fmt: skip
        answers = await asyncio.gather(*(node.post("/entries", leaf, member=False) for leaf in (*leaves, other.leaf)))
        assert sorted(a.status_code for a in answers) == [200, 201, 409]
        assert await node.service.read(lambda n: n.replica.own.size) == 1

    run(homes, tmp_path, work)


def test_while_nothing_may_be_signed_nothing_is_acknowledged(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        node.service.disk_low = "This node can read but not sign: 3 MB free, 512 needed."
        node.service.node.signer.held = node.service.disk_low
        answer = await node.post("/entries", node.entry().leaf, member=False)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "3 MB free, 512 needed" in answer.json()["detail"]
        assert (await node.get("/health/ready")).status_code == 503
        assert (await node.get("/health/live")).status_code == 200
        detail = (await node.ops.get("/ready")).json()
        assert list(detail["failing"]) == ["disk"]

    run(homes, tmp_path, work)


def test_who_finds_its_log_too_short_signs_nothing_though_the_disk_refuses_the_mark(
    homes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StateError("not written: Input/output error.", code="not_written")

    async def work(node: Asking) -> None:
        monkeypatch.setattr(service_module, "put_mark", refuse)
        node.service.recovery.shown(9)
        with pytest.raises(StateError, match="not written"):
            await node.service.run(node.service._tick)
        answer = await node.post("/entries", node.entry().leaf, member=False)
        assert (answer.status_code, "This node's log has 0 entries" in answer.json()["detail"]) == (503, True)
        monkeypatch.undo()

    run(homes, tmp_path, work)


def test_a_batch_that_cannot_be_folded_is_told_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(step: object) -> str:
        raise KeyError("a fault of the program")

    async def work() -> None:
        (home,) = found(tmp_path, ("BRA",))
        given = {"public_url": URL, "disk_reserve_mb": 0}
        service = Service(Node(home), NodeSettings.load(given, environment={}, file=Path("absent.toml")))
        await service.run(service._tick)
        monkeypatch.setattr(service.states._replay, "step", refuse)
        for word in ("one", "two"):
            await service.write("Said", {"word": word}, "council")
            for _ in range(3):
                await service.run(service._tick)
        assert await service.read(lambda node: len(node.replica.events())) == 2, "the log goes on"
        assert (service.states.behind, service.states.batch, service.states.hashes) == (True, 0, {})
        assert "can't be folded (KeyError" in service.failing()["council"]
        assert service.alarms["fold"] == service.failing()["council"]
        await service.close()

    asyncio.run(work())


# --- Files ---


def test_files_say_how_long_they_may_be_kept(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        last = FIRST
        entries = []
        for seq in range(1, 258):
            entries.append(node.entry(seq=seq, prev=last))
            last = entries[-1].id
        await asyncio.gather(*(node.service.submit(entry.leaf) for entry in entries))
        full = await node.get("/log/BRICS/BRA/tile/0/000")
        assert full.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert full.content == b"".join(leaf_hash(entry.leaf) for entry in entries[:256])
        assert (await node.get("/log/BRICS/BRA/tile/0/000")).content == full.content, "from memory"
        part = await node.get("/log/BRICS/BRA/tile/0/001.p/1")
        assert (part.headers["cache-control"], len(part.content)) == ("no-store", 32)
        bundle = await node.get("/log/BRICS/BRA/tile/entries/000")
        assert bundle.headers["cache-control"] == full.headers["cache-control"]
        head = await node.get("/log/BRICS/BRA/checkpoint")
        assert head.headers["cache-control"] == "public, max-age=5"
        assert (await node.get("/log/BRICS/BRA/tile/0/000.p/100")).content == full.content[:3200]

    run(homes, tmp_path, work)


@pytest.mark.parametrize(
    "path",
    [
        "/log/BRICS/XXX/checkpoint", "/log/G20/BRA/checkpoint", "/log/BRICS/council/9/checkpoint",
        "/log/BRICS/BRA/tile/0/000", "/log/BRICS/BRA/tile/0/0", "/log/BRICS/BRA/tile/9/000",
        "/log/BRICS/BRA/tile/0/../../../lock", "/log/BRICS/BRA/tile/0/%2e%2e/lock", "/log/BRICS/BRA/tile/entries/001",
        "/log/BRICS/%00/checkpoint", "/log/BRICS/BRA/tile/0/000.p/256", "/log/BRICS/BRA/tile/0/000.p/0",
        "/sync/notes/" + "0" * 64, "/sync/votes/x", "/sync/keys/log", "/sync/states/99999999999999999999",
        "/sync/states/-1", "/nothing", "/log/BRICS//checkpoint", "/identity.json",
    ],
)  # fmt: skip
def test_an_address_that_names_nothing_is_404(homes: list[Path], tmp_path: Path, path: str) -> None:
    async def work(node: Asking) -> None:
        answer = await node.client.get(path)
        assert answer.status_code == 404
        assert "key" not in answer.text

    run(homes, tmp_path, work)


def test_heads_say_what_is_here_and_304_that_nothing_changed(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        first = await node.get("/sync/heads")
        heads = Heads.parse(first.content, "x")
        assert (heads.bloc, heads.member, heads.logs, heads.recovery) == ("BRICS", "BRA", (), "normal")
        tag = first.headers["etag"]
        assert (await node.get("/sync/heads", **{"if-none-match": tag})).status_code == 304
        await node.service.submit(node.entry().leaf)
        second = await node.get("/sync/heads", **{"if-none-match": tag})
        (line,) = Heads.parse(second.content, "x").logs
        assert (line.origin, line.size) == ("bra.example/BRICS/member", 1)
        assert second.headers["date"].endswith("GMT")

    run(homes, tmp_path, work)


# --- Members ---


def test_messages_are_answered(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        log = node.other.replica.own
        note = str(log.head)
        body = pack("IND", [Entries(log.origin, 0, tuple(e.leaf for e in log.entries), note), Want("x", 0)])
        answer = await node.post("/sync/messages", body)
        assert answer.status_code == 200
        sender, (reply,) = unpack(answer.content)
        assert sender == "BRA"
        assert isinstance(reply, Cosigned)
        assert (reply.origin, reply.size, reply.root) == (log.origin, 3, log.tree.root())
        kept = await node.get("/log/BRICS/IND/checkpoint")
        names = {s.name for s in Note.parse(kept.text).signatures}
        assert names == {"ind.example/BRICS/member", "bra.example/BRICS/witness"}

    run(homes, tmp_path, work)


@pytest.mark.parametrize("way", ["messages", "heads"])
def test_a_member_that_speaks_is_waited_for_no_longer(homes: list[Path], tmp_path: Path, way: str) -> None:
    async def work(node: Asking) -> None:
        machine, now = node.service.peers.by_member["IND"].machine, node.service.monotonic()
        machine.begin(now)
        machine.fail(SourceError("no answer."), now)
        assert not machine.may_begin(now)
        await node.get("/sync/heads", member=False)
        assert not machine.may_begin(now), "anybody else is no sign of it"
        answer = await (node.get("/sync/heads") if way == "heads" else node.post("/sync/messages", pack("IND", [])))
        assert answer.status_code == 200
        assert machine.may_begin(node.service.monotonic())

    run(homes, tmp_path, work)


def test_only_a_member_sends_messages_and_only_its_own(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        body = pack("IND", [])
        assert (await node.post("/sync/messages", body, member=False)).status_code == 403
        assert (await node.post("/sync/messages", pack("BRA", []))).status_code == 403
        headers = node.signer.headers("POST", f"{URL}/sync/messages", body, NOW)
        changed = await node.client.post("/sync/messages", content=pack("IND", [Want("x", 0)]), headers=headers)
        assert changed.status_code == 403
        again = await node.client.post("/sync/messages", content=body, headers=headers)
        assert again.status_code == 403, "its number was used"
        assert (await node.post("/sync/messages", b"{}")).status_code == 400
        old = node.signer.headers("POST", f"{URL}/sync/messages", body, NOW - 700)
        assert (await node.client.post("/sync/messages", content=body, headers=old)).status_code == 400

    run(homes, tmp_path, work)


def test_anybody_may_look_at_the_heads_once_a_second_a_member_200_times(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        answers = [await node.get("/sync/heads", member=False) for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 429, 429]
        assert answers[2].headers["retry-after"] == "1"
        assert [(await node.get("/sync/heads")).status_code for _ in range(20)] == [200] * 20

    run(homes, tmp_path, work)


# --- Witness and mirror ---


def _other_log(node: Asking) -> tuple[list[bytes], Note]:
    log = node.other.replica.own
    assert log.head is not None
    return [e.leaf for e in log.entries], Note.parse(str(log.head))


def _head(node: Asking, leaves: list[bytes]) -> bytes:
    """A head of the second member's log over some leaves, whatever its keys have signed before."""
    origin = node.other.replica.own.origin
    head = Checkpoint(origin, len(leaves), MemoryHashes(map(leaf_hash, leaves)).root())
    key = node.other.signer._keys["log"][0]
    signature = NoteSigner(origin, key.kind, key.secret).sign(head)
    return str(Note(head.text(), (signature,))).encode()


def test_the_witness_answers_as_the_published_rules_say(homes: list[Path], tmp_path: Path) -> None:
    """C2SP tlog-witness in its order: 400, 404, 403, 400, 409, 409, 422, 200."""

    async def work(node: Asking) -> None:
        leaves, _ = _other_log(node)
        tree = MemoryHashes(map(leaf_hash, leaves))
        keys = node.service.chain.last.member("BRA").witness
        unknown = _head(node, leaves).replace(b"ind.example", b"xxx.example")
        unsigned = _head(node, leaves).replace(b"\n3\n", b"\n4\n")

        async def add(old: int, proof: tuple[bytes, ...], head: bytes) -> httpx.Response:
            return await node.post("/witness/add-checkpoint", AddCheckpoint(old, proof, head).to_bytes())

        assert (await node.post("/witness/add-checkpoint", b"old x\n\n")).status_code == 400
        assert (await add(0, (), unknown)).status_code == 404
        assert (await add(0, (), unsigned)).status_code == 403
        assert (await add(4, (), _head(node, leaves))).status_code == 400
        first = await add(0, (), _head(node, leaves[:1]))
        assert first.status_code == 200
        head = Checkpoint(node.other.replica.own.origin, 1, tree.root(1))
        assert len(read_cosignatures(first.content, head, keys)) == len(keys)
        behind = await add(0, (), _head(node, leaves))
        assert (behind.status_code, behind.text, behind.headers["content-type"]) == (409, "1\n", "text/x.tlog.size")
        good = tuple(consistency_proof(1, 3, tree))
        assert (await add(1, good[::-1], _head(node, leaves))).status_code == 422
        assert (await add(1, good, _head(node, leaves))).status_code == 200
        fork = await add(3, (), _head(node, [*leaves[:2], b"another"]))
        assert fork.status_code == 409
        (found_proof,) = await node.service.read(lambda n: list(n.replica.accusations.values()))
        assert (found_proof.kind, found_proof.accused) == ("same_size", "IND")
        published = await node.service.published()
        (key,) = published.misconduct
        assert (await node.get(f"/sync/misconduct/{key}")).content == found_proof.data()

    run(homes, tmp_path, work)


def test_what_was_witnessed_over_http_binds_the_replica_after_a_restart(homes: list[Path], tmp_path: Path) -> None:
    """The memory of the keys is one: a smaller head is witnessed by nobody of this node any more."""

    async def work(node: Asking) -> None:
        leaves, _ = _other_log(node)
        body = AddCheckpoint(0, (), _head(node, leaves)).to_bytes()
        assert (await node.post("/witness/add-checkpoint", body)).status_code == 200

    run(homes, tmp_path, work)
    with Node(tmp_path / "own") as node:
        assert node.signer.floor.heads["witness", "ind.example/BRICS/member"][0] == 3


def test_the_mirror_takes_entries_and_cosigns_once_it_holds_all(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        leaves, _ = _other_log(node)
        origin, tree = node.other.replica.own.origin, MemoryHashes(map(leaf_hash, leaves))
        body = request_for(origin, 0, 3, lambda a, b: leaves[a:b], tree).to_bytes()
        early = await node.post("/mirror/add-entries", body)
        assert (early.status_code, early.text) == (409, "0\n0\n\n")
        assert early.headers["content-type"] == "text/x.tlog.mirror-info"
        pending = AddCheckpoint(0, (), _head(node, leaves)).to_bytes()
        taken = await node.post("/mirror/add-checkpoint", pending)
        assert (taken.status_code, taken.content) == (200, b"")
        wrong = request_for(origin, 0, 3, lambda a, b: [*leaves[a : b - 1], leaves[0]], tree).to_bytes()
        assert (await node.post("/mirror/add-entries", wrong)).status_code == 422
        done = await node.post("/mirror/add-entries", gzip.compress(body), **{"content-encoding": "gzip"})
        assert done.status_code == 200
        keys = node.service.chain.last.member("BRA").mirror
        assert len(read_cosignatures(done.content, Checkpoint(origin, 3, tree.root()), keys)) == len(keys)
        assert await node.service.read(lambda n: n.replica.shelf.logs[origin].size) == 3
        assert (await node.post("/mirror/add-entries", b"\x00")).status_code == 400
        assert (await node.post("/mirror/add-entries", b"\x00\x01x" + bytes(18))).status_code == 404
        large = bytes(BODY_MAX + 1)
        assert (await node.post("/mirror/add-entries", large)).status_code == 404, "a member may send so much"
        assert (await node.post("/mirror/add-entries", large, member=False)).status_code == 413

    run(homes, tmp_path, work)


# --- Everything ---


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_405(homes: list[Path], tmp_path: Path, method: str) -> None:
    async def work(node: Asking) -> None:
        for path in ("/sync/heads", "/entries", "/log/BRICS/BRA/checkpoint", "/health/live"):
            answer = await node.client.request(method, path)
            assert answer.status_code == 405
            assert answer.headers["allow"]

    run(homes, tmp_path, work)


def test_no_answer_holds_a_secret(homes: list[Path], tmp_path: Path) -> None:
    async def work(node: Asking) -> None:
        seeds = []
        for file in sorted((tmp_path / "own" / "keys").glob("*.json")):
            found_seeds = json.loads(file.read_text()).get("seeds", {})
            seeds += [base64.b64decode(seed) for seed in found_seeds.values()]
        assert len(seeds) >= 4
        await node.service.submit(node.entry().leaf)
        for path in ("/sync/heads", "/log/BRICS/BRA/checkpoint", "/log/BRICS/BRA/tile/entries/000.p/1"):
            data = (await node.get(path)).content
            for seed in seeds:
                assert seed not in data
                assert base64.b64encode(seed) not in data
                assert seed.hex().encode() not in data
        assert "peers" in (await node.ops.get("/status")).json()

    run(homes, tmp_path, work)


def test_a_full_queue_says_when_to_come_back(
    homes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(node: Asking) -> None:
        monkeypatch.setattr(writer, "QUEUE_MAX", 0)
        answer = await node.post("/entries", node.entry().leaf, member=False)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        monkeypatch.undo()
        assert (await node.post("/entries", node.entry().leaf, member=False)).status_code == 201

    run(homes, tmp_path, work)
