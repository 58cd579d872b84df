"""What the commands of the rulebook print, as it was read by eye when it was stored; `--update-golden` stores anew.

Texts are short and invented; instruments, parties and dates are those of the packaged catalogue. MiniLM is not used, so
that the files are the same where it isn't installed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main
from concordat.rulebook.coder import minilm

FOLDER = Path(__file__).parent / "rulebook"
ON = "2026-11-01"
NORTH = """\
AGREEMENT OF THE NORTH

Article 1 Paperless Trading
Each Party shall accept trade documents that are submitted electronically as equal to those on paper.

Article 2 Cross-Border Transfer of Information
1. Each Party shall allow transfers of information across borders by electronic means, personal data among it.
2. Nothing in this Article prevents measures that serve a legitimate public policy objective.

Article 3 Cooperation on Cybersecurity
The Parties shall endeavour to cooperate on the prevention of cyber incidents.
"""
SOUTH = """\
AGREEMENT OF THE SOUTH

Article 1 Electronic Documents
Each Party should endeavour to accept trade documents that are submitted electronically as equal to those on paper.

Article 2 Cross-Border Transfer of Information
Each Party shall allow transfers of information across borders by electronic means for the conduct of business.
"""
SAID = {
    "status-cptpp": ["status", "cptpp", "--on", "2024-12-20"],
    "status-wto-moratorium": ["status", "wto-moratorium", "--on", ON],
    "binds-chn-idn": ["binds", "CHN", "IDN", "--on", ON],
    "binds-gbr-aus": ["binds", "GBR", "AUS", "--on", "2024-12-20"],
    "compare": ["compare", "north", "south"],
    "compare-json": ["compare", "north", "south", "--json"],
    "regime-brics": ["regime", "BRICS", "--on", ON],
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rulebook")
    with pytest.MonkeyPatch.context() as patch, clock.fixed("2026-11-22"):
        patch.setattr(minilm, "available", lambda: False)
        for name, text in (("north", NORTH), ("south", SOUTH)):
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
            assert main(["rulebook", "load", str(folder / f"{name}.txt"), "--as", name, "--data-dir", str(folder)]) == 0
        assert main(["rulebook", "code", "north", "south", "--data-dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", SAID)
def test_commands_say_what_they_said(
    name: str,
    data_dir: Path,
    update_golden: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "available", lambda: False)
    capsys.readouterr()
    with clock.fixed("2026-11-22"):
        assert main(["rulebook", *SAID[name], "--data-dir", str(data_dir)]) == 0
    found = capsys.readouterr().out.replace(str(data_dir), "FOLDER")
    file = FOLDER / f"{name}.txt"
    if update_golden:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert file.exists(), f"no golden file {file.name}; run pytest --update-golden and read it"
    assert found == file.read_text(encoding="utf-8")
