"""Records: what was asked is found again, nothing is guessed, a changed body stops the work."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.evidence.sources import _cassette
from concordat.evidence.sources._base import Answer, Request
from concordat.evidence.sources._cassette import Player, Recorder
from concordat.evidence.sources._urls import normal_url

URL = "https://api.example.org/v2/data?page=1&date=2000:2025"


class Live:
    """Stands for the network: answers every request, and remembers what it was asked."""

    def __init__(self, body: bytes = b"[1]") -> None:
        self.body = body
        self.asked: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return Answer(
            body=self.body + request.body,
            name=request.file_name,
            url=normal_url(request.url),
            retrieved_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
            method=request.method,
            status=200,
            headers=(("content-type", "application/json"), ("etag", '"a"')),
            etag='"a"',
        )


def _entry(folder: Path, name: str = "0001.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def test_a_record_says_all_that_the_specification_asks_for(tmp_path: Path) -> None:
    request = Request(URL + "&api_key=SECRET", ("application/json", "text/json"), label="X", body=b"q", method="POST")
    Recorder(Live(), tmp_path / "c").send(request)
    assert _entry(tmp_path / "c") == {
        "schema": "concordat/cassette@1",
        "method": "POST",
        "url": "https://api.example.org/v2/data?date=2000:2025&page=1",
        "accept": "application/json, text/json",
        "request_body_sha256": hashlib.sha256(b"q").hexdigest(),
        "status": 200,
        "headers": {"content-type": "application/json", "etag": '"a"'},
        "retrieved_at": "2026-11-22T10:00:00+00:00",
        "body_sha256": hashlib.sha256(b"[1]q").hexdigest(),
    }
    assert (tmp_path / "c" / "bodies" / hashlib.sha256(b"[1]q").hexdigest()).read_bytes() == b"[1]q"
    assert b"SECRET" not in b"".join(p.read_bytes() for p in (tmp_path / "c").rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "asked",
    [URL, "https://API.example.org/v2/data?date=2000:2025&page=1", URL + "&token=OTHER", URL + "#part"],
)
def test_a_recorded_answer_comes_back_as_it_was_given(tmp_path: Path, asked: str) -> None:
    given = Recorder(Live(), tmp_path).send(Request(URL, label="X, page 1"))
    assert Player(tmp_path).send(Request(asked, label="X, page 1")) == given


def test_requests_that_differ_in_method_type_or_body_are_different(tmp_path: Path) -> None:
    recorder = Recorder(Live(), tmp_path)
    requests = [
        Request(URL),
        Request(URL, method="POST"),
        Request(URL, method="POST", body=b"a"),
        Request(URL, method="POST", body=b"b"),
        Request(URL, accept=("text/csv",)),
    ]
    for request in requests:
        recorder.send(request)
    assert sorted(p.name for p in tmp_path.glob("*.json")) == [f"000{n}.json" for n in range(1, 6)]
    player = Player(tmp_path)
    assert [player.send(r).body for r in requests] == [b"[1]", b"[1]", b"[1]a", b"[1]b", b"[1]"]


def test_recording_again_replaces_a_request_and_adds_the_others(tmp_path: Path) -> None:
    Recorder(Live(b"old"), tmp_path).send(Request(URL))
    again = Recorder(Live(b"new"), tmp_path)
    again.send(Request(URL))
    again.send(Request(URL.replace("page=1", "page=2")))
    assert sorted(p.name for p in tmp_path.glob("*.json")) == ["0001.json", "0002.json"]
    assert Player(tmp_path).send(Request(URL)).body == b"new"


def test_an_answer_that_did_not_come_leaves_no_record(tmp_path: Path) -> None:
    class Down:
        def send(self, request: Request) -> Answer:
            raise SourceError(f"{request.url} is down", code="offline")

    recorder = Recorder(Down(), tmp_path / "c")
    with pytest.raises(SourceError, match="is down"):
        recorder.send(Request(URL))
    with pytest.raises(InputError, match="holds no recorded answer"):
        Player(tmp_path / "c")


def test_an_interrupted_write_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(self: Path, data: bytes) -> int:
        self.open("wb").close()
        raise KeyboardInterrupt

    recorder = Recorder(Live(), tmp_path)
    monkeypatch.setattr(Path, "write_bytes", cut)
    with pytest.raises(KeyboardInterrupt):
        recorder.send(Request(URL))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == []


# --- What is not there ---


def test_an_unknown_request_names_the_nearest_that_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder(Live(), tmp_path)
    for url in (URL, "https://other.example.org/completely/different"):
        recorder.send(Request(url))
    with pytest.raises(SourceError) as caught:
        Player(tmp_path).send(Request(URL.replace("2025", "2026")))
    assert str(caught.value) == (
        f"{tmp_path}: no answer to GET https://api.example.org/v2/data?date=2000:2026&page=1 is recorded here. "
        "The nearest is https://api.example.org/v2/data?date=2000:2025&page=1. "
        "Ask for what was recorded, or record again with --record."
    )
    assert caught.value.code == "not_recorded"


def test_the_same_address_asked_otherwise_says_how_it_was_recorded(tmp_path: Path) -> None:
    Recorder(Live(), tmp_path).send(Request(URL))
    with pytest.raises(SourceError, match="is recorded as GET for application/json; asked was GET for text/csv"):
        Player(tmp_path).send(Request(URL, accept=("text/csv",)))


# --- What was changed ---


@pytest.mark.parametrize("change", ["edit", "lose"])
def test_a_body_that_is_not_what_was_recorded_stops_the_work(tmp_path: Path, change: str) -> None:
    Recorder(Live(), tmp_path).send(Request(URL))
    (body,) = (tmp_path / "bodies").iterdir()
    if change == "edit":
        body.write_bytes(b"[2]")
    else:
        body.unlink()
    expected = hashlib.sha256(b"[1]").hexdigest()
    with pytest.raises(TrustError, match=f"expected SHA-256 {expected}") as caught:
        Player(tmp_path).send(Request(URL))
    assert caught.value.where == str(body)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "concordat/cassette@2"}, "not a record of schema concordat/cassette@1"),
        ({"body_sha256": "../../secret"}, "body_sha256"),
        ({"body_sha256": None}, "body_sha256"),
        ({"status": "200"}, "status"),
        ({"headers": []}, "headers"),
        ({"url": 5}, "url"),
        ({"retrieved_at": "yesterday"}, 'retrieved_at "yesterday" is no time with a zone'),
        ({"retrieved_at": "2026-11-22T10:00:00"}, "no time with a zone"),
    ],
)
def test_a_record_that_lacks_something_is_an_error_that_names_it(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    Recorder(Live(), tmp_path).send(Request(URL))
    (tmp_path / "0001.json").write_text(json.dumps(_entry(tmp_path) | change))
    with pytest.raises(InputError) as caught:
        Player(tmp_path).send(Request(URL))
    assert said in str(caught.value)
    assert caught.value.where == str(tmp_path / "0001.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_a_file_that_is_no_record_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "0001.json").write_text(text)
    with pytest.raises(InputError):
        Player(tmp_path)


def test_other_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    Recorder(Live(), tmp_path).send(Request(URL))
    (tmp_path / "README.md").write_text("Recorded in Pretoria.")
    (tmp_path / "1.json").write_text("?")
    assert Player(tmp_path).send(Request(URL)).status == 200


def test_a_folder_that_is_not_there_or_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read: No such file or directory"):
        Player(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="can't be written") as caught:
        Recorder(Live(), tmp_path / "file")
    assert caught.value.hint == "Choose another folder for --record."


def test_a_full_cassette_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cassette, "ENTRIES_MAX", 1)
    recorder = Recorder(Live(), tmp_path)
    recorder.send(Request(URL))
    recorder.send(replace(Request(URL), label="the same again"))
    with pytest.raises(StateError, match="holds 1 answers already"):
        recorder.send(Request(URL + "&x=1"))
