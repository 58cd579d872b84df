"""What the audit of one index says on the evidence in the package, as it was read by eye when it was stored.

Stored are the text, and the numbers as a program gets them with six significant digits; `--update-golden` stores anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main

FOLDER = Path(__file__).parent / "audits"
ON = "2026-11-22"
COMMAND = ("index", "audit", "digital-readiness", "--bloc", "BRICS", "--on", ON, "--leave-out")


def rounded(value: Any) -> Any:
    """Six significant digits: what a processor leaves in the last bits is no change."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if not isinstance(value, float):
        return value
    short = float(f"{value:.6g}")
    return 0.0 if abs(short) < 1e-9 else short


def numbers(text: str) -> Iterator[str]:
    """A check a line, so that a diff shows which one moved."""
    data = json.loads(text)
    del data["release"]  # the folder that the evidence stands in has no part in it
    for step in data.pop("steps"):
        for check in step.pop("checks"):
            yield json.dumps(rounded({"step": step["number"], **check}), ensure_ascii=False, sort_keys=True)
    yield json.dumps(data, ensure_ascii=False, sort_keys=True)


def printed(folder: Path, evidence_dir: Path, *more: str) -> str:
    file = folder / "audit"
    with clock.fixed(ON):
        assert main([*COMMAND, "--data-dir", str(evidence_dir), "--out", str(file), *more]) == 0
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["txt", "jsonl"])
def test_the_audit_of_digital_readiness_says_what_it_said(
    form: str, tmp_path: Path, evidence_dir: Path, update_golden: bool
) -> None:
    if form == "txt":
        found = printed(tmp_path, evidence_dir)
    else:
        found = "\n".join(numbers(printed(tmp_path, evidence_dir, "--json"))) + "\n"
    file = FOLDER / f"brics-digital-readiness.{form}"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert file.exists(), f"no golden file {file.name}; run pytest --update-golden and read it"
    wanted = file.read_text(encoding="utf-8").splitlines()
    changed = [f"- {a}\n+ {b}" for a, b in zip(wanted, found.splitlines(), strict=False) if a != b]
    assert found.splitlines() == wanted, f"{file.name}: {len(changed)} lines changed\n" + "\n".join(changed[:5])
