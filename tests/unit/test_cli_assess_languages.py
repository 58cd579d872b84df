"""`concordat assess --language`: what is written in which language, and that a rebuild gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from concordat.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> Path:
    """A working folder of its own; the store of evidence is the session's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    return tmp_path


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.*")}


def records(page: str) -> set[str]:
    return set(re.findall(r'data-obs="?([0-9a-f]+)', page))


def test_a_report_in_two_languages_has_two_pages_on_the_same_records(here: Path) -> None:
    assert main(["assess", "IBSA", "--language", "pt,ar", "--out", "a", "--quiet"]) == 0
    folder = here / "a"
    first, second = ((folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.ar.html"))
    assert ('<html lang="pt" dir="ltr">' in first, '<html lang="ar" dir="rtl">' in second) == (True, True)
    assert records(first) == records(second)
    assert 'href="report.ar.html"' in first
    assert 'href="report.html"' in second
    assert "Ainda não foi lida por um falante da língua." in first  # the remark that nobody has read the words
    assert "لم يقرأها بعد متحدث باللغة." in second
    assert (folder / "report.ar.pdf").read_bytes()[:5] == b"%PDF-"
    assert "languages: [pt, ar]" in (folder / "study.yaml").read_text(encoding="utf-8")
    assert "Pessoas que usam a Internet" in (folder / "data.csv").read_text(encoding="utf-8")
    assert set(json.loads((folder / "manifest.json").read_bytes())["files"]) >= {"report.ar.html", "report.ar.pdf"}

    assert main(["assess", "--study", "a/study.yaml", "--out", "b", "--quiet"]) == 0
    assert hashes(here / "b") == hashes(folder)


def test_the_english_page_does_not_speak_of_a_translation(here: Path) -> None:
    assert main(["assess", "--countries", "IND", "--out", "a", "--quiet"]) == 0
    page = (here / "a" / "report.html").read_text(encoding="utf-8")
    assert "No speaker of the language" not in page
    assert "hreflang" not in page


@pytest.mark.parametrize(
    ("words", "setting", "said"),
    [
        (["BRICS", "--language", "de"], "en", '--language: reports are not written in "de".'),
        (["BRICS", "--language", "en,"], "en", '--language: reports are not written in "".'),
        (["BRICS", "--language", "ar", "--language", "ar"], "en", "a language stands twice."),
        (["BRICS"], "de", 'language (CONCORDAT_LANGUAGE): reports are not written in "de".'),
        (["--study", "s.yaml"], "de", 'language (CONCORDAT_LANGUAGE): reports are not written in "de".'),
    ],
)
def test_a_language_that_reports_are_not_written_in_is_refused(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    setting: str,
    said: str,
) -> None:
    (here / "s.yaml").write_text("schema: concordat/study@1\ncountries: [IND]\n", encoding="utf-8")
    monkeypatch.setenv("CONCORDAT_LANGUAGE", setting)
    assert main(["assess", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(here.glob("*-2026"))
