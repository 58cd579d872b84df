"""`concordat exchange incident`, `due`, `question`, `exposure`, `sandbox`: a walk through a demo, and bad input."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")

from concordat.cli import main
from concordat.exchange.incidents.objects import IncidentFacts, bundle_bytes, with_facts
from concordat.exchange.incidents.tlp import TLP2, Tlp
from concordat.node.demo import Demo
from taxii_kit import name

NOW = "2026-11-22T00:00:00Z"  # as all tests have it
AWARE = "2026-11-21T04:48:00Z"
INCIDENT = name("incident", 1)


def bundle(label: Tlp | None, aware: str = AWARE) -> bytes:
    """An incident, GREEN, with an indicator under a label."""
    marks = {"object_marking_refs": [TLP2[Tlp.GREEN]]}
    times = {"spec_version": "2.1", "created": "2026-05-04T10:00:00.000Z", "modified": "2026-05-04T10:00:00.000Z"}
    incident: dict[str, Any] = {"type": "incident", "id": INCIDENT, "name": "Payment switch down", **times, **marks}
    if aware:
        incident = with_facts(incident, IncidentFacts(became_aware=aware, severity=4, sectors=("22040",)))
    indicator = {"type": "indicator", "id": name("indicator", 8), "pattern_type": "stix", **times,
                 "pattern": "[ipv4-addr:value = '203.0.113.7']", "valid_from": "2026-05-04T00:00:00Z"}  # fmt: skip
    if label is not None:
        indicator["object_marking_refs"] = [TLP2[label]]
    report = {"type": "report", "id": name("report", 9), "name": "r", "published": "2026-05-04T10:00:00Z", **times,
              **marks, "object_refs": [INCIDENT]}  # fmt: skip
    return bundle_bytes([incident, indicator, report])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of three members, and files."""
    folder = tmp_path_factory.mktemp("incidents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONCORDAT_NOW", NOW)
        Demo.found(folder / "demo", "BRICS", ("BRA", "IND", "ZAF")).close()
    for label in (None, *Tlp):
        (folder / f"{label.name.lower() if label is not None else 'bare'}.json").write_bytes(bundle(label))
    (folder / "unsaid.json").write_bytes(bundle(Tlp.AMBER, ""))
    (folder / "question.txt").write_text("What do you require of reserves?\n")
    return folder


@pytest.fixture(autouse=True)
def place(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(made / "demo")
    monkeypatch.setenv("CONCORDAT_NOW", NOW)
    return iter(())


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints."""
    assert main(["exchange", *words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and message of a command that is refused."""
    code = main(["exchange", *words])
    return code, capsys.readouterr().err


def test_an_incident_from_sharing_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(
        capsys, "incident", "share", "../amber.json", "--to", "BRA,IND", "--stage", "early_warning", "--as", "ZAF"
    )
    assert "TLP:AMBER by its strictest object (indicator--" in said
    assert "2 recipients." in said
    assert "Early warning 19 h 12 min after awareness: in time. Next: notification by 2026-11-24 04:48 UTC." in said
    assert "can't read it before it states a need" in said
    listed = run(capsys, "incident", "list")
    assert "early warning: in time" in listed
    assert "unverified" in listed
    owed = json.loads(run(capsys, "due", "--as", "ZAF", "--json"))["due"]
    assert [(row["what"], row["due"], row["late"]) for row in owed] == [
        ("notification", "2026-11-24 04:48 UTC", False), ("final report", "2026-12-22 00:00 UTC", False),
    ]  # fmt: skip
    said = run(capsys, "incident", "stage", INCIDENT[:12], "notification", "--waive", "by_authority", "--as", "ZAF")
    assert said.startswith("Notification waived: by authority.")
    assert "resolved" in run(capsys, "incident", "close", INCIDENT, "--outcome", "resolved", "--as", "ZAF")
    public = json.loads(run(capsys, "incident", "statistics", "--public", "--json"))
    assert all(table["withheld"] for table in public["tables"])
    assert "entries" not in public
    assert "entries" not in run(capsys, "incident", "statistics", "--public")
    mine = json.loads(run(capsys, "incident", "statistics", "--json"))
    assert mine["tables"][0]["cells"] == [{"count": 1, "hours": None, "key": "ZAF", "shown": "1"}]


def test_the_log_never_holds_the_body_nor_the_recipients_of_red(capsys: pytest.CaptureFixture[str], made: Path) -> None:
    run(capsys, "incident", "share", "../red.json", "--to", "IND:node", "--as", "BRA")
    with Demo(made / "demo") as demo:
        entries = [e for log in demo.nodes["IND"].replica.shelf.logs.values() for e in log.entries]
        (red,) = [e for e in entries if e.type == "IncidentShared" and e.author == "BRA"]
        assert red.body["label"] == "RED"
        assert "recipients" not in red.body
        assert red.body["document"]["salted"]
        leaves = b"".join(entry.leaf for entry in entries)
    import base64

    payloads = b"".join(base64.b64decode(json.loads(e.leaf)["payload"]) for e in entries)
    for secret in (b"Payment switch", b"203.0.113.7", b"IND:node"):
        assert secret not in leaves + payloads


ROWS: list[tuple[list[str], int, str]] = [
    (["incident", "share", "../amber.json", "--as", "ZAF"], 6, "AMBER needs --to"),
    (["incident", "share", "../red.json", "--as", "ZAF"], 6, "RED needs --to"),
    (["incident", "share", "../red.json", "--to", "IND", "--as", "ZAF"], 2, "persons' nodes"),
    (["incident", "share", "../amber.json", "--to", "USA", "--as", "ZAF"], 6, "USA is not a member"),
    (["incident", "share", "../green.json", "--to", "IND", "--as", "ZAF"], 6, "goes to every member"),
    (["incident", "share", "../question.txt", "--as", "ZAF"], 2, "not JSON"),
    (["incident", "share", "../amber.json", "--to", "IND", "--stage", "Early", "--as", "ZAF"], 2, "stage"),
    (["incident", "stage", "incident--0", "notification", "--as", "ZAF"], 2, "no incident here"),
    (["incident", "stage", INCIDENT, "notifcation", "--as", "ZAF"], 2, 'Did you mean "notification"'),
    (["incident", "stage", INCIDENT, "notification", "--waive", "lazy", "--as", "ZAF"], 2, "below_threshold"),
    (["incident", "close", INCIDENT, "--outcome", "done", "--as", "ZAF"], 2, "resolved"),
    (["incident", "account", "USA/cert", "--as", "ZAF"], 6, "not a member"),
    (["incident", "account", "IND/cert", "--end", "--as", "ZAF"], 2, "no password"),
    (["incident", "collection", "a", "--ceiling", "PINK", "--as", "ZAF"], 2, "not a TLP label"),
    (["incident", "subscribe", "nothing", "IND", "--need", "x", "--as", "ZAF"], 2, "no such collection"),
    (["question", "ask", "q-1", "../question.txt", "--as", "BRA"], 2, "--group"),
    (["question", "ask", "q-1", "../question.txt", "--to", "USA", "--as", "BRA"], 6, "not of this bloc"),
    (
        ["question", "ask", "q-1", "../question.txt", "--to", "IND", "--due", "2026-02-30", "--as", "BRA"],
        2,
        "not a day",
    ),
    (["question", "answer", "BRA", "q-9", "--decline", "other", "--as", "IND"], 2, "has asked no"),
    (["question", "answer", "BRA", "q-9", "--as", "IND"], 2, "--decline"),
    (["exposure", "CHN", "--bloc", "BRICS", "--components", "BRA=x"], 2, "Give both"),
    (["exposure", "Atlantis", "--bloc", "BRICS"], 2, "Atlantis"),
]


def test_what_is_wrong_is_said_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "incident", "share", "../clear.json", "--as", "ZAF")  # there is one incident now, if there was none
    before = run(capsys, "incident", "collection", "--as", "ZAF")
    for words, code, part in ROWS:
        found, message = refused(capsys, *words)
        assert found == code, (words, message)
        assert part in message, (words, message)
    assert run(capsys, "incident", "collection", "--as", "ZAF") == before  # nothing was stored meanwhile


def test_what_was_assumed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "incident", "share", "../bare.json", "--check")
    assert said.startswith("TLP:AMBER by its strictest object")
    assert "without a marking, so AMBER: indicator--" in said


def test_without_a_time_of_awareness_no_deadline_runs(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "incident", "share", "../unsaid.json", "--to", "ZAF", "--as", "IND")
    assert "No deadline runs" in said


def test_collections_needs_and_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(run(capsys, "incident", "collection", "indicators", "--as", "BRA", "--json"))["collections"]
    one = next(c for c in made if c["topic"] == "indicators")
    assert (one["ceiling"], one["writers"], one["subscribers"]) == ("AMBER", ["BRA"], {})
    run(capsys, "incident", "subscribe", one["id"], "IND", "--need", "protects payments", "--as", "BRA")
    assert "IND (protects payments)" in run(capsys, "incident", "collection", "--as", "BRA")
    run(capsys, "incident", "account", "IND/cert", "--organisation", "cert-in", "--as", "BRA")
    assert "IND/cert of cert-in" in run(capsys, "incident", "account", "--as", "BRA")
    run(capsys, "incident", "account", "IND/cert", "--end", "--as", "BRA")
    assert "ended" in run(capsys, "incident", "account", "--as", "BRA")


def test_a_question_is_asked_declined_and_owed(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "question", "ask", "q-reserves", "../question.txt", "--group", "bloc", "--area",
               "blockchain_currency", "--as", "BRA")  # fmt: skip
    assert "due 2026-12-06" in said
    code, message = refused(capsys, "question", "ask", "q-reserves", "../question.txt", "--to", "IND", "--as", "BRA")
    assert (code, "asked before" in message) == (6, True)
    run(capsys, "question", "answer", "BRA", "q-reserves", "--decline", "no_mandate", "--as", "IND")
    assert "ZAF owes an answer" in run(capsys, "question", "list")
    owed = json.loads(run(capsys, "due", "ALL", "--json"))["due"]
    assert [r["member"] for r in owed if r["what"] == "answer to BRA"] == ["ZAF"]
    run(capsys, "question", "answer", "BRA", "q-reserves", "../question.txt", "--as", "ZAF")
    code, message = refused(capsys, "question", "answer", "BRA", "q-reserves", "../question.txt", "--as", "BRA")
    assert (code, "was not asked" in message) == (6, True)


def test_sandbox_records_are_counted(capsys: pytest.CaptureFixture[str], made: Path) -> None:
    (made / "s.yaml").write_text(
        f"schema: concordat/sandbox@1\nmember: BRA\nrecords:\n  - {{firm_ref: {'a' * 64}, product: Loans, "
        'fintech_area: crowd_p2p, start: "2025-01-10", outcome: running, incidents: 1}\n'
    )
    assert run(capsys, "sandbox", "../s.yaml") == "BRA crowd_p2p (FIN-d): 1 running; 1 incidents\n"


def test_exposure_says_first_that_it_is_of_all_goods(
    capsys: pytest.CaptureFixture[str], made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path))
    times = {"spec_version": "2.1", "created": "2026-05-04T10:00:00.000Z", "modified": "2026-05-04T10:00:00.000Z"}
    hole = {"type": "vulnerability", "id": name("vulnerability", 1), "name": "CVE-2026-0001", **times}
    software = {"type": "software", "spec_version": "2.1", "id": name("software", 1), "name": "Switch OS"}
    (made / "hole.json").write_bytes(bundle_bytes([hole, software]))
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "switch-os", "version": "4"}]}
    (made / "bra.json").write_text(json.dumps(bom))
    said = run(capsys, "exposure", "CHN", "--countries", "BRA,RUS,IND", "--vulnerability", "../hole.json",
               "--components", "BRA=../bra.json")  # fmt: skip
    lines = said.splitlines()
    assert lines[0].startswith("Partner shares are of all goods, not ICT")
    assert "CVE-2026-0001: BRA holds it: switch-os 4" in lines
    assert any(line.startswith("CVE-2026-0001: RUS: hint only:") for line in lines)
    facts = json.loads(run(capsys, "exposure", "CHN", "--countries", "BRA,RUS,IND", "--json"))
    assert [row["area"] for row in facts["rows"]] == ["BRA", "IND", "RUS"]
    assert all(row["hhi"][0] <= row["hhi"][1] <= 1 and row["ids"] for row in facts["rows"])


def test_nothing_can_be_read_before_it_is_on_the_log(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is written while no reader sees the objects; where it can't be, none ever will."""
    from concordat.cli._exchange_home import Seat

    home = made / "demo" / "ZAF" / "home"
    seen: list[int] = []

    def rows() -> int:
        sql = "SELECT count(*) FROM taxii_object o JOIN taxii_collection c ON c.id = o.collection WHERE topic = 'crash'"
        with contextlib.closing(sqlite3.connect(home / "exchange.sqlite")) as db:
            return int(db.execute(sql).fetchone()[0])

    def failing(*_: Any) -> Any:
        seen.append(rows())
        raise RuntimeError("cut off")

    monkeypatch.setattr(Seat, "say", failing)
    with pytest.raises(RuntimeError, match="cut off"):
        main(["exchange", "incident", "share", str(made / "amber.json"), "--to", "IND", "--topic", "crash",
              "--as", "ZAF"])  # fmt: skip
    assert seen == [0]
    assert rows() == 0


def readable(home: Path, topic: str) -> tuple[int, int]:
    """How many objects of a topic can be read, and how many wait."""
    sql = "SELECT count(*) FROM taxii_object o JOIN taxii_collection c ON c.id = o.collection WHERE topic = ?"
    with contextlib.closing(sqlite3.connect(home / "exchange.sqlite")) as db:
        waiting = db.execute("SELECT count(*) FROM taxii_pending").fetchone()[0]
        return int(db.execute(sql, (topic,)).fetchone()[0]), int(waiting)


def test_a_crash_after_the_entry_leaves_nothing_logged_that_can_not_be_read(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the log and the collection: the next one makes readable what was logged, once."""
    from concordat.node import incidents

    home, words = made / "demo" / "ZAF" / "home", ("--to", "IND", "--as", "ZAF")
    with monkeypatch.context() as patch:
        patch.setattr(incidents, "_release", lambda *_: (_ for _ in ()).throw(SystemExit(9)))
        main(["exchange", "incident", "share", str(made / "amber.json"), "--topic", "cut", *words])
    assert readable(home, "cut") == (0, 1)
    assert main(["exchange", "incident", "share", str(made / "green.json"), "--topic", "later", "--as", "ZAF"]) == 0
    assert readable(home, "cut") == (3, 0)
    assert readable(home, "later") == (3, 0)


def test_a_crash_before_the_entry_leaves_nothing_that_can_be_read(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.cli._exchange_home import Seat
    from concordat.node.incidents import mend
    from concordat.node.taxii_routes import open_taxii

    home = made / "demo" / "ZAF" / "home"
    with monkeypatch.context() as patch:
        patch.setattr(Seat, "say", lambda *_: (_ for _ in ()).throw(SystemExit(9)))
        main(
            ["exchange", "incident", "share", str(made / "amber.json"), "--to", "IND", "--topic", "gone", "--as", "ZAF"]
        )
    assert readable(home, "gone") == (0, 1)
    store = open_taxii(home)
    with Demo(made / "demo") as demo:
        assert mend(demo.nodes["ZAF"], store) == 0
    store.close()
    assert readable(home, "gone") == (0, 0)
