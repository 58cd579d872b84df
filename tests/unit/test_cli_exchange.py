"""`concordat exchange offer`, `withdraw`, `catalog`, `check`, `harvest`, `runs`: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main
from concordat.node.demo import Demo
from exchange_catalogue_kit import OFFER, ckan_answer, ckan_record
from oai_kit import Held, Repository, dublin_core
from unit_node import found

CSV = b"state,households\nSP,1\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node of a bloc of one member, and an offer beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ict.yaml").write_text(OFFER, encoding="utf-8")
    (tmp_path / "ict_2025.csv").write_bytes(CSV)
    return found(tmp_path, ("BRA",))[0]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["exchange", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_offer_is_told_in_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "offer", "ict.yaml", "--home", home, "--as", "BRA")
    assert code == 0
    assert out.startswith("Offered ict-household-2025 v1: 1 file, 22 bytes, sha256 ")
    assert "Terms: members of BRICS, statistics or research, to 2027-12-31, 20 times" in out
    assert out.rstrip().endswith("Logged as BRA 1.")
    code, out, _ = run(capsys, "catalog", "--home", home)
    assert out.startswith("ict-household-2025 v1  restricted  1 file, 22 bytes  BRA 1  ")
    assert run(capsys, "catalog", "--home", home, "--public")[1].startswith("BRA offers nothing to everyone")
    code, out, _ = run(capsys, "withdraw", "ict-household-2025", "--reason", "error", "--home", home)
    assert (code, out) == (0, "Withdrawn ict-household-2025 v1 (error). Logged as BRA 2.\n")
    assert run(capsys, "withdraw", "ict-houshold-2025", "--home", home)[0] == 2


def test_check_only_looks(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "offer", "ict.yaml", "--check")
    assert (code, out[:47]) == (0, "ict-household-2025: the file is good. Terms: me")
    assert json.loads(run(capsys, "offer", "ict.yaml", "--check", "--json")[1])["id"] == "ict-household-2025"
    assert run(capsys, "catalog", "--home", home)[1].startswith("BRA offers nothing, as far")


def test_check_tells_that_a_description_is_too_large_for_a_catalogue(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be refused when it is offered, with the files copied by then."""
    tags = [f"{a}{b}" for a in "abcdef" for b in "abcdef"][:32]
    lines = "".join(f'  {tag}: "{"字" * 9_900}"\n' for tag in tags)
    text = Path("ict.yaml").read_text(encoding="utf-8")
    start = text.index("description:")
    Path("large.yaml").write_text(f"{text[:start]}description:\n{lines}{text[text.index('publisher:') :]}", "utf-8")
    for more in (["--check"], ["--check", "--json"], ["--home", home]):
        code, _, said = run(capsys, "offer", "large.yaml", *more)
        assert code == 2, more
        assert "fewer files, languages and words" in said, more


def test_a_dataset_that_another_member_spoils_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat.cli import _exchange_get

    row = {"id": "ict", "version": "1", "access": "restricted", "files": 1, "bytes": 5, "title": "t", "terms": "none"}
    found = {"datasets": [row], "refused": [["urn:uuid:b", "the list\x1b is empty."]], "refused_count": 3}
    monkeypatch.setattr(_exchange_get, "_order", lambda *_: found)
    code, out, _ = run(capsys, "catalog", "BRA", "--ask")
    assert code == 0
    assert out.splitlines()[0].startswith("ict v1")
    assert "Warning: urn:uuid:b is left out: the list" in out
    assert "\x1b" not in out
    assert "... and 2 more are left out." in out


def test_every_form_of_the_catalogue_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "offer", "ict.yaml", "--home", home)
    starts = {"--json": "{", "--ttl": "@prefix", "--xml": "<?xml", "--dsp": "{", "--ckan": "{", "--csv": "dataset_id,"}
    for form, start in starts.items():
        code, out, _ = run(capsys, "catalog", form, "--home", home)
        assert (code, out.startswith(start)) == (0, True), form
    assert run(capsys, "catalog", "--ttl", "--xml", "--home", home)[0] == 2
    assert run(capsys, "catalog", "BRA", "--ttl", "-o", "c.ttl", "--home", home)[1].startswith("c.ttl: ")
    pytest.importorskip("pyshacl", reason="needs the extra [exchange]")
    assert run(capsys, "check", "c.ttl")[:2] == (0, "c.ttl: conforms to DCAT-AP 3.0.1.\n")


def test_a_catalogue_that_does_not_conform_is_told_place_by_place(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyshacl", reason="needs the extra [exchange]")
    Path("bad.ttl").write_text("<urn:x:1> a <http://www.w3.org/ns/dcat#Dataset> .", encoding="utf-8")
    code, out, err = run(capsys, "check", "bad.ttl")
    assert code == 2
    assert "urn:x:1: dct:title: expected at least 1. Add dct:title." in out
    assert "it doesn't conform to DCAT-AP 3.0.1 in 2 places" in err
    code, out, _ = run(capsys, "check", "bad.ttl", "--json")
    assert (code, json.loads(out)["conforms"], len(json.loads(out)["violations"])) == (2, False, 2)
    assert run(capsys, "check", "bad.ttl", "--form", "n3")[0] == 2


def test_a_harvest_is_told_listed_and_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, local_service: Any, reply: Any
) -> None:
    monkeypatch.setenv("CONCORDAT_NODE_PEERS_PRIVATE", "true")
    rows = [ckan_record(1), ckan_record(2), {**ckan_record(3), "title": ""}]
    service = local_service(lambda _: reply(json.dumps(ckan_answer(*rows)).encode()))
    command = ("harvest", "ckan", service.url, "--name", "portal", "--home", home)
    code, out, _ = run(capsys, *command)
    assert (code, out) == (0, "partial: 2 added, 0 changed, 0 removed, 1 failed (see exchange runs 1), 0 s\n")
    assert json.loads(run(capsys, *command, "--json")[1])["added"] == 0
    out = run(capsys, "runs", "--home", home)[1]
    assert out.splitlines()[0] == (
        "    1  2026-11-22 00:00 UTC  portal                   partial: 2 added, 0 changed, 0 removed, 1 failed"
    )
    out = run(capsys, "runs", 1, "--home", home)[1]
    assert "  added    urn:uuid:3dd1add8-4d2d-569e-d634-000000000001" in out
    assert "  failed   urn:uuid:3dd1add8-4d2d-569e-d634-000000000003: the record has no title." in out
    assert json.loads(run(capsys, "runs", "--json", "--home", home)[1])["runs"][1]["entry"]
    service.close()
    code, out, _ = run(capsys, *command)
    assert (code, out[:7]) == (3, "failed:")
    assert run(capsys, "runs", 9, "--home", home)[0] == 2


def test_a_repository_is_harvested_and_what_is_not_mapped_is_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, local_service: Any, reply: Any
) -> None:
    pytest.importorskip("lxml", reason="needs the extra [exchange]")
    monkeypatch.setenv("CONCORDAT_NODE_PEERS_PRIVATE", "true")
    repository = Repository()
    for n in range(3):
        metadata = dublin_core(("title", f"Rain {n}"), ("date", "2024"), ("type", "Dataset"))
        repository.items[f"oai:an.oa.org:{n}"] = Held(repository.now, {"oai_dc": metadata})
    service = local_service(lambda asked: reply(repository.answer(asked.query), kind="text/xml"))
    command = ("harvest", "oai-pmh", f"{service.url}/oai", "--name", "library", "--home", home)
    assert run(capsys, *command)[:2] == (0, "complete: 3 added, 0 changed, 0 removed, 0 failed, 0 s\n")
    out = run(capsys, "runs", 1, "--home", home)[1]
    assert out.splitlines()[-2:] == [
        "  added    oai:an.oa.org:2", "  kept, not mapped: date (3 records), type (3 records)",
    ]  # fmt: skip
    assert json.loads(run(capsys, "runs", 1, "--json", "--home", home)[1])["unmapped"] == {"date": 3, "type": 3}
    assert run(capsys, *command)[0] == 0
    assert run(capsys, *command, "--whole")[0] == 0
    starts = [asked.query.get("from") for asked in service.asked if "metadataPrefix" in asked.query]
    assert [start is not None for start in starts] == [False, True, False]
    code, _, err = run(capsys, "harvest", "oai-pmh", f"{service.url}/oai?verb=Identify", "--home", home)
    assert (code, "set and metadataPrefix at most" in err) == (2, True)


def test_in_a_demo_all_members_hear_of_an_offer(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Demo.found(tmp_path / "demo", "BRICS", ("BRA", "ZAF")):
        pass
    offered = ("offer", tmp_path / "ict.yaml", "--demo", tmp_path / "demo")
    assert run(capsys, *offered)[0] == 2
    assert run(capsys, *offered, "--as", "BRB")[2].rstrip().endswith('Did you mean "BRA"?')
    assert run(capsys, *offered, "--as", "ZAF")[0] == 6
    assert run(capsys, *offered, "--as", "BRA")[0] == 0
    out = run(capsys, "catalog", "BRA", "--as", "ZAF", "--demo", tmp_path / "demo")[1]
    assert out.startswith("ict-household-2025 v1  restricted  1 file, 22 bytes  BRA ")
    with Demo(tmp_path / "demo") as demo:
        from concordat.node.exchange import exchange_of

        states = {exchange_of(node.replica).state_hash for node in demo.nodes.values()}
        assert len(states) == 1
        (fact,) = exchange_of(demo.nodes["ZAF"].replica).all("dataset")
        assert fact.submitted == int(clock.now().timestamp())  # a quorum saw it


def test_a_seat_of_another_member_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "offer", "ict.yaml", "--home", home, "--as", "ZAF")
    assert (code, "this node is BRA's, not ZAF's" in err) == (2, True)
    code, _, err = run(capsys, "catalog", "XXX", "--home", home)
    assert (code, "XXX is in no membership version" in err) == (5, True)


def test_an_unknown_command_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "offr")
    assert (code, 'Did you mean "offer"?' in err) == (2, True)
