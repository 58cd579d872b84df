"""`concordat evidence pull worldbank` from end to end, against a service on this machine that answers as WDI does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from concordat.evidence.sources import _http

ISO2 = {"ARE": "AE", "BRA": "BR", "CHN": "CN", "EGY": "EG", "ETH": "ET", "IDN": "ID", "IND": "IN", "IRN": "IR",
        "RUS": "RU", "SAU": "SA", "ZAF": "ZA"}  # fmt: skip
# Internet use in 2023 as the shared panel of development indicators has it (specification of evidence, section 1);
# the figures of the others are invented.
INTERNET_2023 = {"CHN": 90.6, "BRA": 84.2}
UNKNOWN = "IT.MLT.MAIN.P2"


class Wdi:
    """Answers as the World Bank's API: pages of 500 rows, aggregates among the countries, refusals with status 200."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.down_after = 10**9
        self.asked = 0

    def __call__(self, asked: Any) -> Any:
        self.asked += 1
        if self.asked > self.down_after:
            return self.reply(b"", status=429, headers={"Retry-After": "7200"})
        _, version, language, _, areas, _, codes = asked.path.split("/")
        assert (version, language, asked.query["format"], asked.query["source"]) == ("v2", "en", "json", "2")
        listed = codes.split(";")
        if UNKNOWN in listed:
            return self.reply(b'[{"message":[{"id":"120","key":"Invalid value","value":'
                              b'"The provided parameter value is not valid"}]}]')  # fmt: skip
        first, last = map(int, asked.query["date"].split(":"))
        rows = [self._row(code, area, year) for code in listed for area in [*areas.split(";"), "BRX"]
                for year in range(last, first - 1, -1)]  # fmt: skip
        page, size = int(asked.query["page"]), 500
        header = {"page": page, "pages": -(-len(rows) // size), "per_page": size, "total": len(rows), "sourceid": "2",
                  "sourcename": "World Development Indicators", "lastupdated": "2026-10-07"}  # fmt: skip
        body = json.dumps([header, rows[(page - 1) * size : page * size] or None]).encode()
        return self.reply(body, kind="application/json;charset=utf-8")

    @staticmethod
    def _row(code: str, area: str, year: int) -> dict[str, Any]:
        country = {"id": ISO2.get(area, "XB"), "value": "A group of countries" if area == "BRX" else area}
        value = INTERNET_2023.get(area, 70.5) if code == "IT.NET.USER.ZS" else 12.5
        return {"indicator": {"id": code, "value": f"Name of {code}"}, "country": country, "unit": "",
                "countryiso3code": "" if area == "BRX" else area, "date": str(year), "decimal": 0,
                "value": None if year == 2025 else value, "obs_status": ""}  # fmt: skip


@pytest.fixture
def wdi(reply: Any) -> Wdi:
    return Wdi(reply)


@pytest.fixture
def pull(
    local_service: Callable[..., Any], wdi: Wdi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """`concordat evidence pull worldbank ... --service <here>`, in an empty folder with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(_http.HttpTransport.__init__, "__kwdefaults__",
                        _http.HttpTransport.__init__.__kwdefaults__ | {"sleep": lambda _: None})  # fmt: skip
    service = local_service(wdi)

    def run(*words: str, years: str = "2020:2025") -> int:
        return main(["evidence", "pull", "worldbank", "--service", f"{service.url}/v2", "--years", years, *words])

    return run


def test_a_pull_then_an_assessment_shows_both_sources_and_their_conflict(
    pull: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--bloc", "BRICS", "--indicators", "internet_users_pct,fixed_lines_per_100,population_growth_pct")
    assert pull(*words, years="2020:2023") == 0
    out, err = capsys.readouterr()
    head, brought, stored, refused, unverified, left_out, see = out.splitlines()
    assert head == "World Bank: World Development Indicators, published 2026-10-07."
    assert brought == "88 figures of 2 indicators for 11 areas, 2020 to 2023, from 2 answers."
    assert stored.startswith("Stored as worldbank_wdi/2026-10-07-")
    assert refused == (
        f'Refused: World Bank refused {UNKNOWN}: "Invalid value: The provided parameter value is not valid" '
        "(HTTP 200). Check the code in the catalogue."
    )
    assert unverified == "1 code has not been checked (unverified): SP.POP.GROW."
    assert left_out == "Left out: areas that are no country (regions, income groups): 1."
    assert see == "See them with: concordat evidence show internet_users_pct"
    assert "refused; asking in 2 parts" in err

    folder = tmp_path / "brics"
    assert main(["assess", "BRICS", "--out", str(folder), "--quiet"]) == 0
    assert "Release auto-" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    assert "World Bank (2026-10-07). World Development Indicators" in page
    assert "Central Intelligence Agency (2025). The World Factbook" in page
    assert main(["evidence", "show", "internet_users_pct", "--countries", "CHN,ETH", "--json"]) == 0
    china, ethiopia = json.loads(capsys.readouterr().out)["figures"]
    assert (china["year"], china["value"], china["source"]) == (2023, 90.6, "worldbank_wdi")
    assert (china["lower"], china["upper"]) == (78, 90.6), "the Factbook says 78 for the same year"
    assert len(china["conflicts"]) == 1
    assert (ethiopia["year"], ethiopia["value"], ethiopia["source"]) == (2023, 70.5, "worldbank_wdi")
    assert main(["evidence", "trace", china["id"]]) == 0
    traced = capsys.readouterr().out
    assert "place:      worldbank-IT.NET.USER.ZS-1.json#/1/" in traced
    assert "text:       90.6" in traced
    assert main(["evidence", "verify"]) == 0


def test_what_is_recorded_is_replayed_without_network_into_the_same_vintage(
    pull: Callable[..., int], wdi: Wdi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--countries", "BRA,China", "--indicators", "internet_users_pct,gini_index", "--json")
    assert pull(*words, "--record", "tape", "--quiet") == 0
    first = json.loads(capsys.readouterr().out)
    assert sorted(p.name for p in (tmp_path / "tape").glob("*.json")) == ["0001.json"]
    asked = wdi.asked
    assert pull(*words, "--replay", "tape", "--data-dir", str(tmp_path / "elsewhere")) == 0
    out, err = capsys.readouterr()
    again = json.loads(out)
    assert wdi.asked == asked, "nothing was asked"
    assert err == "1 of 1: IT.NET.USER.ZS and 1 more, page 1: " + err.rpartition(": ")[2]
    for key in ("vintage", "logical_hash", "rows", "known_from", "published", "retrieved_at"):
        assert again[key] == first[key]
    assert (first["pulled"], first["new"], first["answers"]) == ("worldbank", True, 1)
    assert (first["areas"], first["indicators"]) == (["BRA", "CHN"], ["gini_index", "internet_users_pct"])
    assert pull("--countries", "BRA", "--only", "--replay", "tape") == 3
    assert "The nearest is http://127.0.0.1" in capsys.readouterr().err


def test_a_pull_that_the_service_ends_goes_on_later(
    pull: Callable[..., int], wdi: Wdi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wdi.down_after = 2
    words = ("--bloc", "BRICS", "--indicators", "internet_users_pct,gini_index,population,literacy_adult_pct")
    assert pull(*words, years="2000:2025") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "wants no request before" in err
    assert "2 answers kept; the same command goes on from there today." in err
    assert list((tmp_path / "data").glob("obs/**/*.parquet")) == []
    wdi.down_after = 10**9
    before = wdi.asked
    assert pull(*words, years="2000:2025") == 0
    assert wdi.asked == before + 2, "6 codes, 12 areas, 26 years: 1,872 rows on 4 pages"
    assert "from 4 answers (2 kept from before)." in capsys.readouterr().out
    assert pull(*words, years="2000:2025") == 0
    assert "Already stored as worldbank_wdi/2026-10-07-" in capsys.readouterr().out
    assert wdi.asked == before + 2
    assert pull(*words, "--fresh", years="2000:2025") == 0
    assert wdi.asked == before + 6


def test_control_c_leaves_nothing_half_written(
    pull: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from concordat.evidence import pulling

    kept = pulling.keep

    def then_interrupted(*arguments: Any) -> Any:
        kept(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(pulling, "keep", then_interrupted)
    assert pull("--countries", "BRA") == 130
    err = capsys.readouterr().err
    assert "1 answer kept; the same command goes on from there today." in err
    assert "nothing was left half written" in err
    assert list((tmp_path / "data").glob("obs/**/*.parquet")) == []
    assert list((tmp_path / "data" / "tmp").iterdir()) == []
    monkeypatch.undo()
    assert main(["evidence", "verify", "--data-dir", str(tmp_path / "data")]) == 0


def test_an_answer_without_figures_is_an_error(
    pull: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pull("--countries", "BRA", "--indicators", "gini_index", "--json", years="2025") == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == "empty_answer"
    assert "0 rows" not in out + err
    assert list((tmp_path / "data").glob("obs/**/*.parquet")) == []


def test_offline_says_that_assess_still_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = "http://127.0.0.1:9/v2"  # the discard port: nobody listens
    assert main(["evidence", "pull", "worldbank", "--service", nobody, "--data-dir", str(tmp_path / "data")]) == 3
    err = capsys.readouterr().err
    assert err.startswith("concordat: 127.0.0.1:9 can't be reached: ")
    assert "concordat assess still works with the Factbook." in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["worldbnk"], '"worldbnk" is not a source that can be pulled. Did you mean "worldbank"?'),
        (["worldbank", "--years", "2025:2000"], "--years: 2025 comes after 2000. Write 2000:2025."),
        (["worldbank", "--years", "all"], '--years: "all" are no years. Write 2023 or 2000:2025.'),
        (["worldbank", "--indicators", "internet_user_pct"], 'Did you mean "internet_users_pct"?'),
        (["worldbank", "--bloc", "BRICS", "--countries", "BRA"], "--bloc and --countries can't go together."),
        (["worldbank", "--record", "a", "--replay", "b"], "--record and --replay can't go together."),
        (["worldbank", "--countries", "Brasilien Nord"], '"Brasilien Nord"'),
        (["worldbank", "--replay", "nowhere"], "nowhere: can't be read: No such file or directory."),
        (["worldbank", "--service", "example"], '"example" is not an address.'),
    ],
)
def test_a_wrong_word_is_an_error_that_helps(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(["evidence", "pull", *words, "--data-dir", str(tmp_path / "data")])
    assert code in (2, 3)
    assert said in capsys.readouterr().err


def test_an_indicator_without_a_code_is_named_and_the_others_are_pulled(
    pull: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--countries", "BRA", "--quiet", "--indicators", "internet_users_pct,mobile_broadband_per_100")
    assert pull(*words) == 0
    out, err = capsys.readouterr()
    assert "No code of this source: mobile_broadband_per_100." in out
    assert err == ""
