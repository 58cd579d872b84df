"""The same study, release and version give the same bytes: elsewhere, in another time zone, without system fonts, and
on a processor that can do less (whose libraries then add and round by other code)."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

WORDS = {"BRICS": ("BRICS",), "one": ("--countries", "ETH")}
# What this processor's libraries choose by default, less all that they can be asked to leave out.
CAN_DO = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
LESSER_PROCESSOR = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(CAN_DO),
    "OPENBLAS_CORETYPE": "Prescott" if platform.machine() in ("x86_64", "AMD64") else "ARMV8",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4",
}
NO_FONTS = "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig></fontconfig>"


def hashes(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def assess(tmp_path: Path, *words: str, **variables: str) -> Path:
    """Run the program in a process of its own, with an empty home, as on another machine."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")}
    environment = keep | {"HOME": str(home), "CONCORDAT_DATA_DIR": str(tmp_path / "data")} | variables
    command = [sys.executable, "-m", "concordat", "assess", *words, "--out", str(tmp_path / "again"), "--quiet"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "again"


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_report_rebuilt_from_its_study_is_bit_identical(
    report: Callable[..., Path], tmp_path: Path, words: tuple[str, ...]
) -> None:
    first = report(*words)
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(NO_FONTS, encoding="utf-8")
    elsewhere = {"TZ": "Pacific/Kiritimati", "CONCORDAT_NOW": "2027-03-01", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    elsewhere |= LESSER_PROCESSOR
    elsewhere |= {"FONTCONFIG_FILE": str(fonts), "FONTCONFIG_PATH": str(tmp_path)}
    again = assess(tmp_path, "--study", str(first / "study.yaml"), **elsewhere)
    assert hashes(again) == hashes(first)


def test_the_manifest_names_the_hash_of_every_other_file(report: Callable[..., Path]) -> None:
    folder = report("BRICS")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = hashes(folder)
    del found["manifest.json"]
    assert manifest["files"] == found


def test_the_folder_holds_what_the_design_promises(report: Callable[..., Path]) -> None:
    names = set(hashes(report("BRICS")))
    promised = {"report.html", "report.pdf", "data.xlsx", "data.csv", "study.yaml", "sources.bib", "sources.csl.json"}
    assert promised | {"provenance.json", "manifest.json"} <= names
    pictures = {n for n in names if n.endswith(".svg")}
    assert len(pictures) >= 4
    assert {n.removesuffix(".svg") + ".vl.json" for n in pictures} <= names


def test_a_study_of_a_release_that_is_not_here_names_the_missing_vintages(
    report: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from concordat.cli import main

    text = (report("BRICS") / "study.yaml").read_text(encoding="utf-8")
    release = next(line.split(": ", 1)[1] for line in text.splitlines() if "release:" in line).strip(" ,}")
    release = release.partition(",")[0].strip()
    study = tmp_path / "study.yaml"
    study.write_text(text.replace(release, "2025-11").replace("cia_factbook", "worldbank_wdi"), encoding="utf-8")
    code = main(["assess", "--study", str(study), "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")])
    said = capsys.readouterr().err
    assert code == 7
    assert "2025-11" in said
    assert "worldbank_wdi" in said
    assert not (tmp_path / "out").exists()
