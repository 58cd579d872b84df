"""The kinds that the queue does: same content, same bytes, and never another release than was asked for."""

from __future__ import annotations

import importlib
import zipfile
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError
from concordat.web import jobs
from concordat.web.jobs import KINDS, pack


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
