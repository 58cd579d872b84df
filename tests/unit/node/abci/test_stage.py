"""A node's folder as an engine's application: feeding its own log, certificates through RPC, the command, kill -9."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat import canonical
from concordat.cli import main
from concordat.errors import InputError, RuleError, SourceError, StateError, TrustError
from concordat.node.abci import Address
from concordat.node.abci_rpc import EngineRpc
from concordat.node.abci_stage import EngineStage, missing, read_chain, verify_engine
from concordat.node.home import Node
from engine_kit import Count, Writer
from fakes.engine import START, Engine, Host
from unit_node import found

Serve = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Homes of two members, made once: keys take their time. Each test works on copies."""
    return found(tmp_path_factory.mktemp("homes"), ("BRA", "IND"))


@pytest.fixture
def homes(made: list[Path], tmp_path: Path) -> list[Path]:
    import shutil

    return [Path(shutil.copytree(home, tmp_path / home.parent.name)) for home in made]


class Rpc:
    """The RPC of the fake engine, as CometBFT answers."""

    def __init__(self, reply: Any) -> None:
        self.engine: Engine | None = None
        self._reply, self.fault = reply, ""
        self.seen: list[str] = []

    def __call__(self, asked: Any) -> Any:
        about = json.loads(asked.body)
        self.seen.append(about["method"])
        if self.fault:
            return self._reply(self.fault.encode())
        engine = self.engine
        assert engine is not None
        if about["method"] == "commit":
            height = int(about["params"]["height"])
            if height > engine.height:
                fault = {"code": -32603, "message": "Internal error", "data": f"height {height} must be less"}
                return self._reply(json.dumps({"jsonrpc": "2.0", "id": 1, "error": fault}).encode())
            answer = engine.commit(height)
        else:
            tx = base64.b64decode(about["params"]["tx"])
            if tx in engine.mempool:
                fault = {"code": -32603, "message": "Internal error", "data": "tx already exists in cache"}
                return self._reply(json.dumps({"jsonrpc": "2.0", "id": 1, "error": fault}).encode())
            (code,) = set(engine.broadcast(tx))
            answer = {"code": code, "log": "refused" if code else "", "hash": ""}
        return self._reply(json.dumps({"jsonrpc": "2.0", "id": 1, "result": answer}).encode())


@pytest.fixture
def rpc(local_service: Serve, reply: Any) -> tuple[Rpc, str]:
    answering = Rpc(reply)
    return answering, local_service(answering).url


class Staged:
    """What a `Host` needs of an application, over a node's folder."""

    def __init__(self, home: Path, url: str, reports: list[str]) -> None:
        self.stage = EngineStage(home, EngineRpc(url), 1_000, reports.append, Count)
        self.answer = self.stage.application.answer
        self.ledger = self.stage.application.ledger

    def close(self) -> None:
        self.stage.close()


def engine_over(homes: list[Path], rpc: tuple[Rpc, str]) -> Engine:
    hosts: list[Host] = []
    for home in homes:
        reports: list[str] = []
        hosts.append(Host(lambda home=home, reports=reports: Staged(home, rpc[1], reports)))  # type: ignore[misc]
        hosts[-1].reports = reports
    rpc[0].engine = Engine(hosts)
    return rpc[0].engine


def test_what_a_member_writes_is_fed_ordered_and_certified(homes: list[Path], rpc: tuple[Rpc, str]) -> None:
    for home, word in zip(homes, ("bom dia", "namaste"), strict=True):
        with Node(home) as node:  # written as ever, while no engine runs
            node.write("Said", {"word": word}, "council")
            node.write("Said", {"word": word + " again"}, "council")
    engine = engine_over(homes, rpc)
    engine.start()
    try:
        stages = [host.application.stage for host in engine.hosts]
        assert [stage.round() for stage in stages] == [(2, 0), (2, 0)]
        assert [stage.feed() for stage in stages] == [2, 2]  # known to the engine: no harm
        assert engine.block() is not None
        assert len(engine.blocks[-1].txs) == 4
        assert engine.block() is not None
        assert [stage.round() for stage in stages] == [(0, 2), (0, 2)]
        assert [missing(stage.application.ledger) for stage in stages] == [[], []]
        facts = [verify_engine(stage.application.ledger) for stage in stages]
        assert facts == [{"batches": 1, "entries": 4, "certified": 2, "uncertified": 0}] * 2
    finally:
        engine.close()
    for home in homes:
        assert main(["node", "abci", "--verify", "--home", str(home)]) == 5  # another meaning: another state


def test_a_signed_header_that_is_not_ours_is_never_kept(homes: list[Path], rpc: tuple[Rpc, str]) -> None:
    engine = engine_over(homes[:1], rpc)
    engine.start()
    try:
        with_words = engine.hosts[0].application.stage
        engine.hosts[0].application.ledger.store.put_paper(
            "block",
            f"{1:016d}",
            canonical.dumps({"after": "", "before": "", "data": "", "hash": "00" * 32, "time": START}),
        )
        engine.block()
        with pytest.raises(TrustError, match="another hash"):
            with_words.certify()
        assert engine.hosts[0].application.ledger.store.papers("commit") == {}
    finally:
        engine.close()


def test_an_engine_that_is_away_or_talks_nonsense(homes: list[Path], rpc: tuple[Rpc, str]) -> None:
    with Node(homes[0]) as node:
        node.write("Said", {"word": "x"}, "council")
    engine = engine_over(homes[:1], rpc)
    engine.start()
    try:
        host = engine.hosts[0]
        for fault, words in (
            ("not json", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ('{"result": 5}', "was refused"),
            ('{"result": {}}', "without a code"),
            ("x" * 5_000_000, "over 4,194,304 bytes"),
        ):
            rpc[0].fault = fault
            with pytest.raises(SourceError, match=words):
                host.application.stage.feed()
            assert host.application.stage.round() == (0, 0)
        assert len(host.reports) == 4  # each is told once
        rpc[0].fault = ""
        assert host.application.stage.round() == (1, 0)
    finally:
        engine.close()


def test_an_engine_that_took_up_what_this_member_did_not_write(homes: list[Path], rpc: tuple[Rpc, str]) -> None:
    from concordat.node.identity import read_signer

    member, chain = read_chain(homes[0])
    identity = chain.last.member(member)
    assert identity.origin == "bra.example/BRICS/member"
    with Node(homes[0]) as node:
        entry, _ = node.write("Said", {"word": "mine"}, "council")
        keys = node.signer.node
    assert read_signer(homes[0], node.identity).member == "BRA"
    other = Writer("BRA").make("another", secret=keys, membership=1).leaf
    engine = engine_over(homes[:1], rpc)
    engine.start()
    try:
        assert engine.block([other]) is not None
        with pytest.raises(TrustError, match="own log does not have") as caught:
            engine.hosts[0].application.stage.feed()
        assert caught.value.code == "forked"
    finally:
        engine.close()
    assert entry.seq == 1


def test_a_second_process_is_kept_out(homes: list[Path]) -> None:
    with EngineStage(homes[0], None), pytest.raises(StateError, match=f"number {os.getpid()}"):
        EngineStage(homes[0], None)
    with EngineStage(homes[0], None) as stage:
        assert stage.round() == (0, 0)


@pytest.mark.parametrize("url", ["", "127.0.0.1:1", "ftp://127.0.0.1/", "http://127.0.0.1:1/?x=1"])
def test_what_is_no_address_of_an_rpc(url: str) -> None:
    with pytest.raises(InputError):
        EngineRpc(url)


def test_plain_http_to_another_machine_is_refused() -> None:
    with pytest.raises(RuleError, match="plain HTTP"):
        EngineRpc("http://engine.example:26657")
    EngineRpc("https://engine.example:26657").close()


# --- The command ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_is_wrong(homes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(homes[0])]
    for words, arguments, code in (
        ("no authentication", ["--listen", "tcp://0.0.0.0:26658", *home], 6),
        ("not an address", ["--listen", "127.0.0.1", *home], 2),
        ("plain HTTP", ["--rpc", "http://engine.example", *home], 6),
        ("choose one", ["--genesis", "--verify", *home], 2),
        ("there is no node here", ["--home", str(tmp_path / "none")], 7),
        ("there is no node here", ["--genesis", "--home", str(tmp_path / "none")], 7),
    ):
        assert main(["node", "abci", *arguments]) == code
        assert words in capsys.readouterr().err
    assert main(["node", "abci", "--genesis", *home]) == 0
    assert json.loads(capsys.readouterr().out) == {"bloc": "BRICS", "membership": read_chain(homes[0])[1].pinned}
    assert main(["node", "abci", "--verify", *home]) == 0
    assert capsys.readouterr().out == "No engine has begun a chain here yet.\n"


class Process(Host):
    """The command in a process of its own, which can be killed."""

    def __init__(self, home: Path) -> None:
        super().__init__(lambda: None)
        self._home = home

    def start(self) -> None:
        words = [sys.executable, "-m", "concordat", "node", "abci", "--home", str(self._home), "--rpc", "none"]
        words += ["--listen", "tcp://127.0.0.1:0"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        match = re.search(r"tcp://127\.0\.0\.1:[0-9]+", self.line)
        assert match, self.line
        self.address = Address.parse(match[0])
        self.alive = True

    def crash(self) -> None:
        self.end(signal.SIGKILL)

    def close(self) -> None:
        if self.alive:
            self.end(signal.SIGTERM)

    def end(self, number: int) -> tuple[int, str, str]:
        self.alive = False
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def test_a_process_that_is_killed_between_finalize_and_commit(homes: list[Path]) -> None:
    with Node(homes[0]) as node:
        first, _ = node.write("Said", {"word": "one"}, "council")
        second, _ = node.write("Said", {"word": "two"}, "council")
    host = Process(homes[0])
    engine = Engine([host])
    try:
        engine.start()
        assert "no chain yet" in host.line
        assert engine.block([first.leaf]) is not None
        made = engine._made(2, [second.leaf], START + 20)
        asked = {"txs": made.txs, "hash": made.hash, "height": 2, "time": {"seconds": START + 20}}
        app_hash = engine.ask(0, "consensus", "finalize_block", asked).app_hash
        host.crash()
        engine.restart(0)  # Info says 1, with the app hash that the engine has
        assert "BRICS/council/concordat-test, height 1" in host.line
        assert engine.ask(0, "consensus", "finalize_block", asked).app_hash == app_hash
        engine.ask(0, "consensus", "commit")
        engine._hang_up(0)
        code, out, _ = host.end(signal.SIGTERM)
        assert (code, out) == (0, "Stopped at height 2.\n")
    finally:
        engine._hang_up(0)
        host.close()
    assert main(["node", "abci", "--verify", "--json", "--home", str(homes[0])]) == 0
