"""`concordat clearing simulate`: a few disasters, a small day, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat.cli import main

Say = pytest.CaptureFixture[str]


def test_disasters_are_counted(capsys: Say) -> None:
    assert main(["clearing", "simulate", "--seeds", "2", "--instructions", "20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["broken"] == []
    assert told["events"] > 60
    assert main(["clearing", "simulate", "--seeds", "1", "--first", "1", "--instructions", "20"]) == 0
    assert "Promises broken: 0." in capsys.readouterr().out


def test_a_broken_promise_names_its_seed(capsys: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.clearing.core import queue

    monkeypatch.setattr(queue, "drain_payer", lambda *_: None)
    assert main(["clearing", "simulate", "--seeds", "8"]) == 5
    assert "concordat clearing simulate --seeds 1 --first" in capsys.readouterr().err
    assert main(["clearing", "simulate", "--seeds", "4", "--instructions", "219", "--json"]) == 5
    told = capsys.readouterr()
    first = json.loads(told.out)["broken"][0]  # one object, for programs
    assert first["code"] == "I10"
    again = f"concordat clearing simulate --seeds 1 --first {first['seed']} --instructions 219"
    assert again in told.err, "with another number of instructions it is another story"


def test_a_fault_of_the_program_is_told_with_its_seed_and_the_other_seeds_run_on(
    capsys: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat.clearing.simulate import seeds

    real = seeds.run_seed

    def run_seed(seed: int, **options: int) -> seeds.Run:
        assert seed != 1, "a program that is wrong"
        return real(seed, **options)

    monkeypatch.setattr(seeds, "run_seed", run_seed)
    assert main(["clearing", "simulate", "--seeds", "3", "--instructions", "9", "--json"]) == 5
    facts = json.loads(capsys.readouterr().out)
    assert [(one["seed"], one["code"]) for one in facts["broken"]] == [(1, "fault")]
    assert facts["broken"][0]["what"].startswith("AssertionError: a program that is wrong")
    assert facts["blocks"] > 0


def test_a_day_of_a_file_as_table_csv_and_picture(tmp_path: Path, capsys: Say) -> None:
    day = tmp_path / "day.csv"
    day.write_text("id,payer,payee,currency,amount\n1,A,B,BRL,5.00\n2,B,C,BRL,5.00\n3,C,A,BRL,5.00\n")
    asked = ["--day", str(day), "--sweep", "0,100", "--runs", "2"]
    files = ["--csv", str(tmp_path / "c.csv"), "--svg", str(tmp_path / "c.svg")]
    assert main(["clearing", "simulate", *asked, *files]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "3 payments a day, 3 members, 2 days a point: median (5 to 95 %)"
    assert (tmp_path / "c.csv").read_text().splitlines()[1].startswith("gross,0,2,0.000,0.000,0.000,1.00000")
    assert "<title>" in (tmp_path / "c.svg").read_text()
    assert main(["clearing", "simulate", *asked, "--way", "netting", "--json"]) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert [point["settled_share"]["median"] for point in points] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([], "what is to be simulated?"),
        (["--seeds", "1", "--payments", "5"], "disasters or a day, not both"),
        (["--payments", "5", "--sweep", "5,2"], "is no list of rising shares"),
        (["--payments", "5", "--sweep", "x"], "is no list of rising shares"),
        (["--payments", "5", "--way", "nettin"], "netting"),
        (["--day", "none.csv"], "can't be read"),
        (["--day", "bytes.csv"], "byte 0 is not UTF-8"),
        (["--day", "bytes.csv", "--payments", "5"], "a given day or generated ones"),
        (["--payments", "5", "--balances", "bytes.csv"], "balances are a given day's"),
        (["--payments", "5", "--csv", "nowhere/a.csv"], "its folder is not there"),
        (["--payments", "5", "--svg", "."], "is a folder"),
    ],
)
def test_what_it_refuses(
    asked: list[str], told: str, capsys: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bytes.csv").write_bytes(b"\xff")
    assert main(["clearing", "simulate", *asked]) == 2
    assert told in capsys.readouterr().err
