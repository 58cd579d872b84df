"""The kinds that the queue does: same content, same bytes, and never another release than was asked for."""

from __future__ import annotations

import importlib
import json
import zipfile
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError
from concordat.web import jobs
from concordat.web.jobs import KINDS, pack
from concordat.web.pages import figure


def test_every_kind_names_a_function() -> None:
    for name, kind in KINDS.items():
        module, _, function = kind.call.partition(":")
        assert kind.name == name
        assert callable(getattr(importlib.import_module(module), function))
        assert kind.words[0].isupper()
        assert kind.limit_s == 600


def test_a_folder_becomes_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    import os

    packed = []
    for number, place in enumerate(("a", "b")):
        folder = tmp_path / place / "site"
        for name in ("z.html", "place/BRA.html")[:: 1 if number else -1]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
            os.utime(folder / name, (number * 1_000_000, number * 1_000_000))
        pack(folder, tmp_path / place / "out")
        packed.append((tmp_path / place / "out").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(tmp_path / "a" / "out") as archive:
        assert archive.namelist() == ["site/place/BRA.html", "site/z.html"]
        assert archive.read("site/z.html") == b"z.html"


@pytest.mark.parametrize("args", [{}, {"bloc": ""}, {"bloc": 3}])
def test_a_bloc_must_be_named(args: dict[str, object], tmp_path: Path) -> None:
    for work in (jobs.assess, jobs.export_site):
        with pytest.raises(InputError, match="no bloc was named"):
            work(args, lambda *_: None, tmp_path / "out")


def test_another_release_than_was_asked_for_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path
) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    with pytest.raises(StateError, match="this was asked for some-other-release"):
        jobs.export_site({"bloc": "BRICS", "release": "some-other-release"}, lambda *_: None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_kinds_are_those_of_the_specification() -> None:
    """Section 2.4: assess a bloc, draw figures, export static site, index uncertainty, scenario, search index."""
    assert list(KINDS) == ["assess", "figures", "export_site", "index", "scenario", "search"]


def test_an_index_is_questioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    jobs.index({"bloc": "BRICS", "runs": 64}, lambda *_: None, tmp_path / "a")
    found = json.loads((tmp_path / "a").read_bytes())
    assert found["bloc"] == "BRICS"
    assert found["release"]
    assert found["uncertainty"]
    for runs in (-1, True, "9", 10**6):
        with pytest.raises(InputError, match="runs must be"):
            jobs.index({"bloc": "BRICS", "runs": runs}, lambda *_: None, tmp_path / "c")
    with pytest.raises(StateError, match="this was asked for another"):
        jobs.index({"bloc": "BRICS", "release": "another"}, lambda *_: None, tmp_path / "c")


def test_figures_become_one_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    monkeypatch.setattr(figure, "SHOWING", ("divide",))
    told: list[tuple[int, int, str]] = []
    jobs.figures({"bloc": "BRICS"}, lambda *facts: told.append(facts), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out") as archive:
        names = archive.namelist()
        assert names
        assert {name.partition(".")[2] for name in names} == {"svg", "vl.json"}
        for name in names:
            data = archive.read(name)
            assert data.startswith(b"<svg ") if name.endswith(".svg") else json.loads(data)["$schema"]
    assert told[0] == (0, len(told), "page divide")
    with pytest.raises(InputError, match="no pages in 'xx'"):
        jobs.figures({"bloc": "BRICS", "language": "xx"}, lambda *_: None, tmp_path / "other")


def test_a_scenario_is_read_from_its_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenario_kit import SCENARIO, files

    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path))
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for name, data in {**files(), "small.yaml": SCENARIO.encode()}.items():
        (folder / name).write_bytes(data)
    (tmp_path / "secret.yaml").write_text(SCENARIO)
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    jobs.scenario({"file": "small.yaml"}, lambda *_: None, tmp_path / "out")
    found = json.loads((tmp_path / "out").read_bytes())
    assert "small" in json.dumps(found)
    for name in ("../secret.yaml", str(tmp_path / "secret.yaml"), "link.yaml", "none.yaml", ".", ".hidden"):
        with pytest.raises(InputError, match="there is no file"):
            jobs.scenario({"file": name}, lambda *_: None, tmp_path / "no")


def test_the_vectors_of_the_search_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from concordat.rulebook.coder import minilm

    class Encoder:
        """As MiniLM to the store: a short vector of each text."""

        sha256 = "0" * 64
        asked = 0

        def embed(self, texts: list[str]) -> object:
            self.asked += len(texts)
            return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    encoder = Encoder()
    monkeypatch.setattr(minilm, "load", lambda: encoder)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path))
    found = []
    for name in ("a", "b"):
        jobs.search({}, lambda *_: None, tmp_path / name)
        found.append(json.loads((tmp_path / name).read_bytes()))
    assert found[0]["texts"] == found[0]["new"] == encoder.asked > 98  # a definition for each of the 98 provisions
    assert found[1] == {"new": 0, "texts": found[0]["texts"], "weights": "0" * 64}
