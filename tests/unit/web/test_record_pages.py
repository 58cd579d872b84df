"""Entry, log, proof and status over real nodes: what is shown of signatures is what anybody verifies from the files.

Three members vote, one entry waits for its witnesses; and one node by itself, as it runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.council import result as results
from concordat.council.decide.rules import FOLDER
from concordat.council.voting import question_hash
from concordat.ledger.bundle import Bundle
from concordat.node.demo import Demo
from concordat.web.checking import checked
from concordat.web.council_sources import Folder, Replicated
from concordat.web.respond import Site
from unit_node import found
from web_council_kit import site_with
from web_kit import get, reader_of, text

IDS = ("BRA", "IND", "ZAF")
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
RULES = {
    "rules": [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in ("amend_rules", "simple_majority")]
}
VOTE = "v-2026-001"


@dataclass
class Held:
    """A demo with a counted vote, and its pages as IND's node has them."""

    demo: Demo
    site: Site
    waiting: str

    @property
    def ballot(self) -> str:
        """The entry of ZAF's ballot."""
        return str(self.demo.council.get("vote", VOTE).ballots["ZAF"].entry)

    @property
    def trust(self) -> str:
        """The hash of membership version 1."""
        return self.demo.nodes["BRA"].chain.pinned


@pytest.fixture(scope="module")
def held(evidence_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with Demo.found(tmp_path_factory.mktemp("pages") / "demo", "BRICS", IDS) as demo:
        with clock.fixed(START):
            for member in IDS:
                demo.say(member, "RuleAdopted", RULES, dry=False)
            demo.settle()
            closes = (START + timedelta(hours=48)).strftime("%Y-%m-%dT%H:%MZ")
            said = {"subject": "tea", "rule": "simple_majority", "closes": closes, "text": question_hash("tea", "")}
            demo.say("BRA", "VoteOpened", said)
            demo.settle()
            vote = demo.council.get("vote", VOTE)
            for member, choice in zip(IDS, ("yes", "yes", "no"), strict=True):
                body = {"vote": VOTE, "text": vote.text, "rule": vote.rule_hash, "choice": choice}
                demo.say(member, "BallotCast", body)
            demo.settle()
        with clock.fixed(START + timedelta(days=4)):
            for _ in range(2):
                demo.say("BRA", "ClockTicked", {}, dry=False)
                demo.settle()
        demo.publish()
        with clock.fixed(START + timedelta(days=5)):
            entry = demo.say("IND", "AgendaSet", {"items": [{"item": "tea", "kind": "debate", "title": "Tea"}]})
        yield Held(demo, site_with(evidence_dir, Replicated(demo.nodes["IND"].replica)), entry.id)


def data(site: Site, address: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(get(site, address)))["data"]
    return found


def multipart(file: bytes, **fields: str) -> tuple[str, bytes]:
    """A form as a browser sends it (RFC 7578)."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="proof.json"\r\n\r\n'
    return "multipart/form-data; boundary=b", b"".join(parts) + head + file + b"\r\n--b--\r\n"


# --- Entries and proofs ---


def test_a_final_entry_is_shown_with_what_its_proof_proves(held: Held) -> None:
    said = data(held.site, f"/entry/{held.ballot}.json")
    proof = get(held.site, f"/entry/{held.ballot}.proof")
    verdict = Bundle.parse(proof.body).verify(held.trust)
    assert verdict.final
    assert said["stage"] == "final"
    assert (said["author"], said["type"], said["person"]) == ("ZAF", "BallotCast", "node")
    assert tuple(said["batch"]) == (verdict.point.view, verdict.point.batch)  # type: ignore[union-attr]
    assert said["submitted"] == verdict.submitted
    assert tuple(said["mirrors"]) == verdict.mirrors
    assert said["body"]["choice"] == "no"
    assert dict(proof.headers)["content-disposition"] == f'attachment; filename="{held.ballot}.json"'
    page = text(get(held.site, f"/entry/{held.ballot}"))
    assert f"concordat ledger verify {held.ballot}.json --trust {held.trust}" in page


def test_an_entry_that_waits_is_never_shown_as_final(held: Held) -> None:
    said = data(held.site, f"/entry/{held.waiting}.json")
    assert (said["stage"], said["batch"], said["submitted"]) == ("witnessing", None, 0)
    assert (said["have"], said["need"], said["missing"]) == (1, 3, ["BRA", "ZAF"])
    page = text(get(held.site, f"/entry/{held.waiting}"))
    assert "Pending: 1 of 3, missing Brazil, South Africa." in page  # node-web.md 3.4
    assert "Not final yet: 1." in page
    assert "pending: 1 of 3, missing Brazil, South Africa" in text(get(held.site, "/status"))
    assert "Tea" not in text(get(held.site, "/agenda"))


def test_an_entry_for_the_council_that_is_not_listed_is_not_called_kept(held: Held) -> None:
    """Passed over by the order, or beyond what is listed: it is not final, and it is for the council."""
    assert held.site.council is not None
    snapshot = held.site.council.current()
    place = snapshot.find(held.waiting)
    assert place is not None
    entry = place[1]
    listed = {w.id: w.stage for w in snapshot.waiting}
    assert (snapshot.stage_of(entry, listed), snapshot.stage_of(entry, {})) == ("witnessing", "not_final")
    assert snapshot.stage_of(replace(entry, scope="exchange"), {}) == "kept"


def test_the_file_of_a_result_is_counted_again_by_anybody(held: Held) -> None:
    answer = get(held.site, f"/decision/{VOTE}.proof")
    found = results.verify(answer.body, held.trust)
    assert (found.vote, found.outcome, found.ballots) == (VOTE, "adopted", 3)
    results.compare(answer.body, held.demo.council_of("ZAF"))


def test_a_page_from_an_export_says_what_the_node_says(held: Held, evidence_dir: Path) -> None:
    folder = site_with(evidence_dir, Folder(held.demo.folders["ZAF"], held.trust))
    at = held.site.reader.council.batch  # type: ignore[union-attr]
    for address in (f"/decision/{VOTE}.json?at={at}", f"/entry/{held.ballot}.json?at={at}", f"/due.json?at={at}"):
        ours, theirs = get(held.site, address), get(folder, address)
        assert ours.status == theirs.status == 200
        assert ours.body == theirs.body


def test_a_log_shows_its_head_and_who_cosigned_it(held: Held) -> None:
    said = data(held.site, "/log/BRA.json")
    assert said["size"] == len(said["lines"]) == held.demo.nodes["BRA"].replica.own.size
    assert said["cosigned"] == list(IDS)
    assert [line["stage"] for line in said["lines"]] == ["final"] * said["size"]
    council = data(held.site, "/log/council-1.json")
    assert sum(line["entries"] for line in council["lines"]) == len(held.demo.nodes["IND"].replica.events())


# --- /check ---


def test_what_is_good_is_found_good(held: Held) -> None:
    proof, result = (get(held.site, a).body for a in (f"/entry/{held.ballot}.proof", f"/decision/{VOTE}.proof"))
    for file, said in ((proof, "BallotCast of ZAF"), (result, "Same result (adopted)")):
        for fields in ({}, {"trust": held.trust}):
            answer = checked(held.site, *multipart(file, **fields))
            assert answer.status == 200
            assert said in text(answer)
            assert held.trust in text(answer)
    assert dict(answer.headers)["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("spoil", "fields", "status", "said"),
    [
        (lambda b: b.replace(b'"v":1', b'"v":2'), {}, 422, "not a proof bundle"),
        (lambda b: b, {"trust": "0" * 64}, 422, "0000"),
        (lambda b: b, {"trust": "tea"}, 422, "64 hexadecimal digits"),
        (lambda _: b"{}", {}, 422, "neither a proof bundle"),
        (lambda _: b"not json", {}, 422, ""),
        (lambda _: b"[" * 5_000, {}, 422, ""),
        (lambda _: b" " * (8 * 2**20 + 1), {}, 413, "the limit is"),
    ],
)
def test_the_first_thing_that_fails_is_named(
    held: Held, spoil: Any, fields: dict[str, str], status: int, said: str
) -> None:
    proof = get(held.site, f"/entry/{held.ballot}.proof").body
    answer = checked(held.site, *multipart(spoil(proof), **fields))
    assert answer.status == status
    assert said in text(answer)
    assert "The file is not good" in text(answer)


def test_a_proof_with_one_byte_changed_is_not_good(held: Held) -> None:
    proof = bytearray(get(held.site, f"/entry/{held.ballot}.proof").body)
    place = proof.index(b'"member_proof":"') + 400
    proof[place] = ord("A") if proof[place] != ord("A") else ord("B")
    assert checked(held.site, *multipart(bytes(proof))).status == 422


def test_the_form_is_known_by_its_own_kind_alone(held: Held) -> None:
    assert checked(held.site, "application/json", b"{}").status == 415
    assert checked(held.site, "multipart/form-data; boundary=b", b"--b--\r\n").status == 422


def test_an_entry_is_found_by_the_beginning_of_its_id(held: Held) -> None:
    assert "here, and final" in text(get(held.site, f"/check?id={held.ballot[:12]}"))
    assert "here, and not final" in text(get(held.site, f"/check?id={held.waiting[:12]}"))
    assert "No entry here" in text(get(held.site, "/check?id=00000000"))
    assert get(held.site, "/check?id=abc").status == 400


# --- A node as it runs ---


def test_the_pages_of_a_running_node_follow_it(evidence_dir: Path, tmp_path: Path) -> None:
    from concordat.node.home import Node
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from concordat.web.live import LiveSite

    (home,) = found(tmp_path, ("BRA",))

    async def run() -> None:
        service = Service(Node(home), NodeSettings(disk_reserve_mb=0))
        await service.start()
        live = LiveSite(service, lambda: reader_of(evidence_dir, "BRICS"))
        look = lambda address: asyncio.to_thread(lambda: text(get(live(), address)))  # noqa: E731
        try:
            first = await look("/agenda")
            assert "One node: no witness." in first
            assert "This node is well" in await look("/status")
            assert "One node: no witness." in await look("/about")
            item = {"items": [{"item": "tea", "kind": "debate", "title": "Tea with the neighbours"}]}
            taken = await service.write("AgendaSet", item, "council")
            await _until(lambda: service.states.council.find("item", "tea") is not None)
            assert "Tea with the neighbours" in await look("/agenda")
            assert '"stage":"final"' in await look(f"/entry/{taken.id}.json")
        finally:
            await service.close()

    asyncio.run(run())


def test_a_running_node_offers_the_languages_of_its_settings_and_says_what_is_wrong(
    evidence_dir: Path, tmp_path: Path
) -> None:
    from concordat.node.home import Node
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from concordat.web.live import LiveSite

    (home,) = found(tmp_path, ("BRA",))

    async def run() -> None:
        service = Service(Node(home), NodeSettings(disk_reserve_mb=0, languages=("pt", "en")))
        await service.start()
        opened = LiveSite(service, lambda: reader_of(evidence_dir, "BRICS"))
        site = opened()
        look = lambda address, **sent: asyncio.to_thread(get, site, address, **sent)  # noqa: E731
        try:
            page = text(await look("/about", accept_language="ar, fr"))
            assert '<html lang="pt"' in page
            assert 'href="/about?lang=en"' in page
            assert "lang=ar" not in page
            assert '<html lang="en"' in text(await look("/about", accept_language="en"))
            assert (await look("/about?lang=ar")).status == 400
            document = json.loads((await look("/openapi.json")).body)
            lang = next(p for p in document["paths"]["/about"]["get"]["parameters"] if p["name"] == "lang")
            assert lang["schema"]["enum"] == ["pt", "en"]
            assert opened.council.before is None
            service.alarms["database"] = "the record’s database is away."
            assert "database is away" in text(await look("/about"))
            del service.alarms["database"]
            assert "database is away" not in text(await look("/about"))
        finally:
            await service.close()

    asyncio.run(run())


def test_a_node_that_looks_on_has_its_first_page_and_its_newest_batch_before_anybody_asks(
    evidence_dir: Path, tmp_path: Path
) -> None:
    import gc

    from concordat.node.home import Node
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from concordat.web.live import LiveSite

    (home,) = found(tmp_path, ("BRA",))

    async def run() -> None:
        service = Service(Node(home), NodeSettings(disk_reserve_mb=0))
        await service.start()
        live = LiveSite(service, lambda: reader_of(evidence_dir, "BRICS"), looking=True)
        try:
            await asyncio.to_thread(live.first_page)
            assert gc.isenabled()
            assert [key[0] for key in live()._cache] == ["/"]
            live().asks.count(("/agenda", "en"))
            item = {"items": [{"item": "tea", "kind": "debate", "title": "Tea with the neighbours"}]}
            await service.write("AgendaSet", item, "council")
            await _until(lambda: live.council.last().council.find("item", "tea") is not None)
            assert "/agenda" in [key[0] for key in live()._cache]
        finally:
            gc.unfreeze()
            await service.close()

    asyncio.run(run())


async def _until(done: Any) -> None:
    """Wait, in steps that a test's own time limit bounds."""
    while not done():
        await asyncio.sleep(0.02)


# --- Without a server ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trust", "0" * 64), "--council"),
        (("--node-home", "{home}", "--council", "{folder}"), "--node-home goes without"),
        (("--council", "{none}"), "no such folder"),
        (("--council", "{folder}", "--trust", "0" * 64), "0000"),
        (("--node-home", "{folder}"), "node"),
    ],
)
def test_a_record_that_can_t_be_meant_is_refused(
    held: Held, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    from concordat.cli import main

    places = {"{home}": held.demo.nodes["BRA"].home, "{folder}": held.demo.folders["ZAF"], "{none}": tmp_path / "none"}
    code = main(["web", "check", "--page", "/agenda", *(str(places.get(word, word)) for word in words)])
    assert code in (2, 5, 7)
    assert said in capsys.readouterr().err


def test_a_node_s_folder_is_looked_at_while_the_node_has_it(held: Held) -> None:
    from concordat.web.council_reader import CouncilReader
    from concordat.web.council_sources import at_home

    found, running = CouncilReader(at_home(held.demo.nodes["IND"].home)).current(), held.site.reader.council
    assert running is not None
    assert (found.state, found.at, [w.id for w in found.waiting]) == (running.state, running.at, [held.waiting])
