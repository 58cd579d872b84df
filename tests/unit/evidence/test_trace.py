"""From a number to the bytes it came from: every step shown was checked, and what does not agree raises."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical
from concordat.errors import InputError, StateError, TrustError
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Cell, provenance
from concordat.evidence.provenance import Book
from concordat.evidence.resolve import enter, resolve
from concordat.evidence.store import Retrieval, Store, VintageMeta, open_store
from concordat.evidence.trace import Trace, find_id, id_length, lines, trace

BODY = json.dumps({"Internet users": {"ETH": "17% (2021 est.)", "BRA": "84% (2023 est.)"}}).encode()
BODY_SHA256 = hashlib.sha256(BODY).hexdigest()


@dataclass(frozen=True)
class Report:
    """A store and a small report made from it: a folder with `provenance.json`, and the records in it."""

    store: Store
    folder: Path
    rows: dict[str, Observation]
    combined: str
    chosen: str
    count: str
    study: str

    def trace(self, wanted: str) -> Trace:
        return trace(wanted, self.store, self.folder)

    def rewrite(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the report's account of its numbers, as somebody with an editor would."""
        path = self.folder / "provenance.json"
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")
        self.list_files()

    def list_files(self) -> None:
        """Make the manifest fit the files, as a careful forger would."""
        found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.folder.iterdir()}
        found.pop("manifest.json", None)
        said = {"schema": "concordat/manifest@1", "concordat": "0.1.0", "release": "", "study_sha256": ""}
        (self.folder / "manifest.json").write_text(json.dumps({**said, "files": found}), encoding="utf-8")


def _meta() -> VintageMeta:
    return VintageMeta(
        id="demo-1", dataset_id="demo", source_id="demo", published=None, known_from=date(2026, 3, 1),
        retrieved_at=datetime(2026, 3, 2, tzinfo=UTC), parser_version="1", raw=(BODY_SHA256,),
        origin={"producer": "An office", "title": "A table", "url": "https://example.org"},
        licence=licence("CC-BY-4.0").as_dict(),
    )  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, observe: Callable[..., Observation], catalogue: Catalogue) -> Iterator[Report]:
    def of(value: float, area: str, year: int) -> Observation:
        place = f"a.json#/Internet users/{area}"
        return observe(value, area, year, source="demo", precision=0.5, raw_sha256=BODY_SHA256, raw_locator=place)

    rows = {"ETH": of(17.0, "ETH", 2021), "BRA": of(84.0, "BRA", 2023)}
    ids = tuple(o.obs_id for o in rows.values())
    whole = observe(
        50.5, "PSE", 2023, source="demo", raw_sha256="", raw_locator="", derived_from=ids,
        derived_by="evidence.derive.combine@1", processing_level="minor",
    )  # fmt: skip
    book = Book()
    chosen = enter(book, resolve([rows["ETH"]], catalogue, not_after=2026)["internet_users_pct", "ETH", ""])
    book.observe(whole)
    count = book.derive("evidence.provenance.count@1", [chosen, whole.obs_id]).id
    study = book.fact("study.yaml", "", "#/countries/1", {"area": "ETH"})
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "study.yaml").write_text("countries: [BRA, ETH]\n", encoding="utf-8")
    with open_store(tmp_path / "data") as store:
        store.raw.put(BODY)
        store.record_retrievals([
            Retrieval(sha256=BODY_SHA256, method="GET", url="https://example.org/a.json",
                      retrieved_at=_meta().retrieved_at, connector="demo@1")
        ])  # fmt: skip
        store.write_vintage(_meta(), [*rows.values(), whole])
        cells = {
            "T1:ETH:internet_users_pct": Cell(chosen, "value"),
            "T1:ETH:internet_users_pct:year": Cell(chosen, "year"),
        }
        said = provenance(book, cells=cells, store=store, observations=[*rows.values(), whole])
        (folder / "provenance.json").write_bytes(said)
        report = Report(store, folder, rows, whole.obs_id, chosen, count, study)
        report.list_files()
        yield report


# --- Followed ---


def test_an_observation_shows_its_row_its_retrieval_its_bytes_and_the_text_in_them(made: Report) -> None:
    o = made.rows["ETH"]
    found = trace(o.obs_id[:8], made.store)
    assert (found.id, found.kind) == (o.obs_id, "observation")
    assert found.title == f"observation {o.obs_id[:12]}  internet_users_pct ETH 2021 = 17 percent"
    steps = dict(found.steps)
    assert steps["row"] == f"demo/demo-1, row hash {o.row_hash}, checked"
    assert steps["retrieved"] == "2026-03-02T00:00:00+00:00 GET https://example.org/a.json by demo@1"
    assert steps["bytes"] == f"raw/{BODY_SHA256[:2]}/{BODY_SHA256}.gz, SHA-256 checked"
    assert steps["place"] == "a.json#/Internet users/ETH"
    assert steps["text"] == "17% (2021 est.)"


def test_a_cell_leads_through_the_function_to_the_bytes(made: Report) -> None:
    found = made.trace("T1:ETH:internet_users_pct")
    assert found.title.startswith("value = 17: derived ")
    assert dict(found.steps)["made by"] == "evidence.resolve.chosen@1 from 1 inputs, computed again: equal"
    assert [dict(o.steps)["text"] for o in found.observations()] == ["17% (2021 est.)"]
    assert made.trace("T1:ETH:internet_users_pct:year").title.startswith("year = 2021: ")


def test_a_combined_row_leads_to_the_rows_it_was_made_from(made: Report) -> None:
    found = trace(made.combined, made.store)
    assert dict(found.steps)["made by"] == "evidence.derive.combine@1 from 2 rows"
    assert [dict(i.steps)["text"] for i in found.inputs] == ["17% (2021 est.)", "84% (2023 est.)"]


def test_a_fact_shows_the_line_of_the_study(made: Report) -> None:
    assert dict(made.trace(made.study).steps) == {
        "file": "study.yaml (the report's own study, as its manifest has it, checked)",
        "place": "#/countries/1",
        "text": "ETH",
        "part": "area = ETH",
    }


def test_the_text_shows_each_record_once_and_the_tree_keeps_all(made: Report) -> None:
    found = made.trace(made.count)
    shown = list(lines(found))
    eth = made.rows["ETH"].obs_id[:12]
    assert sum(line.strip().startswith(f"observation {eth}") for line in shown) == 2
    assert sum(line.endswith("(shown above)") for line in shown) == 1
    assert [o.id for o in found.observations()].count(made.rows["ETH"].obs_id) == 2
    tree = found.as_dict()
    assert json.loads(json.dumps(tree)) == tree
    assert tree["inputs"][0]["inputs"][0]["id"] == made.rows["ETH"].obs_id


def test_without_a_report_the_newest_vintage_speaks(made: Report) -> None:
    newer = replace(made.rows["ETH"], vintage_id="demo-2", note="newer", known_from=date(2026, 9, 1))
    meta = replace(_meta(), id="demo-2", known_from=date(2026, 9, 1))
    made.store.write_vintage(meta, [newer])
    assert "demo/demo-2" in dict(trace(newer.obs_id, made.store).steps)["row"]
    assert "demo/demo-1" in dict(made.trace(newer.obs_id).steps)["row"], "a report keeps to its own"


# --- Named wrongly ---


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("", "is not the beginning of an id"),
        ("abcdef1", "Give at least 8 digits"),
        ("zzzzzzzz", "is not the beginning of an id"),
        ("a" * 65, "is not the beginning of an id"),
        ("00000000", "no record has an id that begins with 00000000"),
        ("T1:ETH:internet", 'Did you mean "T1:ETH:internet_users_pct"?'),
        ("T9:XXX:nothing", "is not a cell of this report"),
        (":", "is not a cell of this report"),
    ],
)
def test_a_wrong_name_says_what_names_are_like(made: Report, wanted: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        made.trace(wanted)
    assert words in str(caught.value)


def test_a_cell_without_a_report_asks_for_one(made: Report) -> None:
    with pytest.raises(InputError, match="Name the report's folder with --report"):
        trace("T1:ETH:internet_users_pct", made.store)


def test_a_folder_that_is_no_report_says_so(made: Report, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Name the folder that assess wrote"):
        trace("00000000", made.store, tmp_path)


def test_a_beginning_that_several_share_lists_them() -> None:
    with pytest.raises(
        InputError, match=r"2 records begin with aaaaaaaa\. Give more: aaaaaaaa1, aaaaaaaa2\."
    ) as caught:
        find_id("AAAAAAAA ", ["aaaaaaaa2", "aaaaaaaa1", "bbbbbbbb"])
    assert caught.value.code == "ambiguous"


@pytest.mark.parametrize(
    ("ids", "length"),
    [
        ([], 8),
        (["a" * 32], 8),
        (["a" * 32, "a" * 32], 8),
        (["a" * 9 + "b", "a" * 9 + "c"], 10),
        (["b", "a" * 20], 8),
        (["a" * 12 + "b", "a" * 12 + "c", "a" * 9 + "d", "b" * 20, "b" * 20 + "c"], 21),
    ],
)
def test_ids_are_printed_as_long_as_they_must_be(ids: list[str], length: int) -> None:
    assert id_length(ids) == length


# --- What does not agree raises ---


@pytest.mark.parametrize("damage", [b"", gzip.compress(BODY.replace(b"17%", b"18%"), mtime=0), b"not gzip"])
def test_changed_bytes_stop_the_trace(made: Report, damage: bytes) -> None:
    path = made.store.raw.path(BODY_SHA256)
    path.write_bytes(damage)
    for folder in (made.folder, None):
        with pytest.raises(TrustError, match=f"expected SHA-256 {BODY_SHA256}"):
            trace(made.rows["ETH"].obs_id, made.store, folder)


def test_a_changed_table_stops_the_trace(made: Report) -> None:
    path = made.store.path(made.store.vintage("demo-1"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(TrustError, match="the file is not what was stored"):
        made.trace("T1:ETH:internet_users_pct")


def _record(document: dict[str, Any], record_id: str) -> dict[str, Any]:
    return document["records"][record_id]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d, r: _record(d, r.rows["ETH"].obs_id).update(value=18), "record"),
        (lambda d, r: _record(d, r.rows["ETH"].obs_id).update(note="a note that nobody wrote"), "row"),
        (lambda d, r: _record(d, r.rows["ETH"].obs_id).update(raw_locator="a.json#/Internet users/BRA"), "row"),
        (lambda d, r: _record(d, r.rows["ETH"].obs_id).update(text="18% (2021 est.)"), "text"),
        (lambda d, r: _record(d, r.chosen)["parts"].update(value=18.5), "recompute"),
        (lambda d, r: _record(d, r.chosen)["parameters"].update(not_after=2020), "record"),
        (lambda d, r: _record(d, r.chosen).update(function="evidence.resolve.other@1"), "record"),
        (lambda d, r: _record(d, r.chosen).update(inputs=[r.rows["BRA"].obs_id]), "record"),
        (lambda d, _: d["cells"]["T1:ETH:internet_users_pct"].update(part="none"), "record"),
        (lambda d, r: d["records"].pop(r.rows["ETH"].obs_id), "record"),
    ],
    ids=[
        "value", "note", "place", "text", "result", "parameter", "function", "inputs", "a cell's part", "a record lost",
    ],
)  # fmt: skip
def test_a_report_that_says_something_else_than_the_store_raises(
    made: Report, change: Callable[[dict[str, Any], Report], Any], code: str
) -> None:
    made.rewrite(lambda document: change(document, made))
    with pytest.raises(TrustError) as caught:
        made.trace("T1:ETH:internet_users_pct")
    assert caught.value.code == code


def test_a_study_changed_after_the_report_gives_no_such_line(made: Report) -> None:
    (made.folder / "study.yaml").write_text("countries: [BRA]\n", encoding="utf-8")
    made.list_files()
    with pytest.raises(TrustError, match="nothing stands at #/countries/1"):
        made.trace(made.study)


def test_a_store_without_the_reports_vintage_names_it(made: Report, tmp_path: Path) -> None:
    with (
        open_store(tmp_path / "other") as other,
        pytest.raises(StateError, match="the vintage demo/demo-1 is not in this"),
    ):
        trace("T1:ETH:internet_users_pct", other, made.folder)


@pytest.mark.parametrize("file", ["../secret.txt", "/etc/passwd", "concordat/../../x", ""])
def test_a_fact_can_not_lead_out_of_the_report(made: Report, file: str, tmp_path: Path) -> None:
    book = Book()
    fact = book.fact(file, "", "line 1", {"area": "ETH"})
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    (made.folder / "provenance.json").write_bytes(provenance(book, cells={}, store=made.store))
    made.list_files()
    with pytest.raises(TrustError, match="is no file of a report"):
        made.trace(fact)


# --- The files of the report ---


def _touch(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: _touch(f / "study.yaml"), r"study\.yaml: not what .* expected SHA-256 [0-9a-f]{64}, found SHA-256"),
        (lambda f: _touch(f / "provenance.json"), r"provenance\.json: not what the report was written with"),
        (lambda f: (f / "study.yaml").unlink(), r"study\.yaml: .* found no file"),
        (lambda f: (f / "more.txt").write_bytes(b""), r"more\.txt: .* expected no such file, found SHA-256 e3b0c442"),
        (lambda f: (f / "link").symlink_to("study.yaml"), "link: .* found a link to elsewhere"),
    ],
    ids=["study changed", "records changed", "study lost", "file added", "link added"],
)
def test_a_report_with_another_file_than_its_manifest_names_is_not_traced(
    made: Report, damage: Callable[[Path], Any], words: str
) -> None:
    damage(made.folder)
    with pytest.raises(TrustError, match=words) as caught:
        made.trace(made.rows["ETH"].obs_id)
    assert caught.value.code == "report_file"


# --- Functions ---


@pytest.mark.parametrize(
    "function", ["cli.assess.assess@1", "__main__.entry@1", "evidence.survey.rate@1", "..os.system@1", "", "x", "@"]
)
def test_a_function_that_a_report_names_imports_no_module_outside_the_table(
    made: Report, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    monkeypatch.setattr("importlib.import_module", imported.append)
    record_id = canonical.digest([function, [], {}], floats=True)[:32]
    made.rewrite(lambda d: d["records"].update({record_id: {
        "kind": "derived", "function": function, "inputs": [], "parameters": {}, "parts": {"value": 1},
    }}))  # fmt: skip
    with pytest.raises(StateError, match="this program has no"):
        made.trace(record_id)
    assert imported == []
