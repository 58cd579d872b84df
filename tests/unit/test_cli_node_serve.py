"""`concordat node serve`, `node status`, `settings --node`: what they print, how a node is asked and ended."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from concordat.cli import _node_serve, main
from concordat.node.listening import holder_of, listen
from unit_node import found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = found(tmp_path_factory.mktemp("one"), ("BRA",))
    return made


def test_a_node_is_served_asked_and_ended(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command itself, in a process of its own: first line, status, a log line, SIGTERM, exit 0."""
    arguments = [
        "node",
        "serve",
        "--no-web",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--home",
        str(home),
    ]
    program = f"import sys; from concordat.cli import main; sys.exit(main({arguments!r}))"
    environment = {name: value for name, value in os.environ.items() if name != "CONCORDAT_NOW"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        said = re.fullmatch(
            r"Node BRA of BRICS on (http://127\.0\.0\.1:\d+), ops 127\.0\.0\.1:(\d+)\. Log 0, nothing final\."
            r" One node: no witness\. Ready in \d+\.\d s\.\n",
            line,
        )
        assert said, line
        ops = f"127.0.0.1:{said[2]}"
        assert main(["node", "status", "--ops-listen", ops]) == 0
        assert capsys.readouterr().out == "Node BRA of BRICS: normal, final to batch 0.\nOne node: no peers.\n"
        assert main(["node", "status", "--ops-listen", ops, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert (facts["member"], facts["url"], facts["failing"], facts["peers"]) == ("BRA", said[1], {}, [])
        assert main(["node", "verify", "--home", str(home)]) == 7
        assert f"another process (number {process.pid}) uses this node" in capsys.readouterr().err
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    events = [json.loads(text)["event"] for text in err.splitlines()]
    assert events[-2:] == ["stopping", "stopped"]
    assert main(["node", "verify", "--home", str(home)]) == 0


def test_a_port_that_is_taken_names_who_has_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = listen("127.0.0.1", 0, "listen")
    try:
        port = taken.getsockname()[1]
        assert holder_of(port) == os.getpid()
        assert main(["node", "serve", "--listen", f"127.0.0.1:{port}", "--home", str(home)]) == 7
        assert f"Port {port} is used by pid {os.getpid()}. Choose another: --listen." in capsys.readouterr().err
    finally:
        taken.close()
    assert main(["node", "verify", "--home", str(home)]) == 0, "the folder was given back"


def test_where_nobody_reads_that_it_is_up_what_is_garbage_is_collected_all_the_same() -> None:
    class Gone:
        def failing(self) -> dict[str, str]:
            raise BrokenPipeError("nobody reads")

    warmed = threading.Event()
    gc.disable()
    try:
        with pytest.raises(BrokenPipeError):
            asyncio.run(_node_serve._told(Gone(), None, 0.0, warmed.set))
        for thread in threading.enumerate():
            if thread.name == "first page":
                thread.join(30)
        assert (warmed.is_set(), gc.isenabled()) == (True, True)
    finally:
        gc.unfreeze()
        gc.enable()


def test_the_renderer_is_loaded_once_the_evidence_is_there() -> None:
    filled, order = threading.Event(), []

    class Filling:
        def join(self) -> None:
            filled.wait(30)
            order.append("filled")

    begun = threading.Event()
    _node_serve._before_drawing(Filling(), lambda: (order.append("drawing"), begun.set()))
    assert not order
    filled.set()
    assert begun.wait(30)
    assert order == ["filled", "drawing"]
    _node_serve._before_drawing(None, lambda: order.append("at once"))
    assert order[2:] == ["at once"]


def test_answers_wait_for_no_acknowledgement() -> None:
    """asyncio sets TCP_NODELAY only on sockets that say they are TCP; else each answer but the first takes 40 ms."""
    with listen("127.0.0.1", 0, "listen") as found:
        assert found.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (
            ["--listen", "0.0.0.0:8080"],
            6,
            "Refusing plain HTTP on 0.0.0.0. Set tls_cert, or behind_proxy with trusted_proxies.",
        ),
        (["--listen", "8080"], 2, "is not a host and a port"),
        (["--ops-listen", "0.0.0.0:1"], 6, "it would show metrics"),
        (["--public-url", "node.example"], 2, "is not the address of a site"),
    ],
)
def test_what_would_run_unsafely_is_refused(
    home: Path, more: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "serve", *more, "--home", str(home)]) == code
    assert words in capsys.readouterr().err


def test_the_settings_of_another_node_are_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "concordat.toml").write_text('[node]\nmember = "RUS"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["node", "serve", "--home", str(home)]) == 2
    assert "the settings say member RUS, this node is of BRA" in capsys.readouterr().err


def test_without_a_running_node_status_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", "status", "--ops-listen", "127.0.0.1:9"]) == 7
    assert "Start it: concordat node serve" in capsys.readouterr().err


def test_settings_show_the_table_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "concordat.toml").write_text("[node]\nsync_every_s = 9\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_NODE_LANGUAGES", "pt,en")
    assert main(["settings", "--node", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["node.sync_every_s"] == {"value": "9", "origin": "concordat.toml"}
    assert shown["node.languages"] == {"value": "pt en", "origin": "CONCORDAT_NODE_LANGUAGES"}
    assert shown["node.listen"] == {"value": "127.0.0.1:8080", "origin": "default"}
    assert main(["settings"]) == 0
    assert "node." not in capsys.readouterr().out.replace("/node.", "")
