"""Bad survey files and bad microdata: each is refused by a message that says what, where, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.evidence._survey_model import survey_schema
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.survey import Spec, Survey, read_spec

ITEM = {"id": "online", "indicator_id": "internet_users_pct", "yes_codes": [1], "no_codes": [2]}
SEX = {"column": "sex", "values": {"1": "M", "2": "F"}}
HEAD, LINE = "online,weight,sex\n", "1,1.5,1\n2,0.5,2\n"


def test_the_schema_file_is_that_of_the_model() -> None:
    stored = (files("concordat.evidence") / "_data" / "schema" / "survey-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == survey_schema()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"wieght": "weight"}, r'survey.yaml, line \d+: "wieght" is not a key I know here. Did you mean "weight"?'),
        ({"area": "Zamunda"}, r'"Zamunda" is not a country I know'),
        ({"licence": "ODBL"}, r'"ODBL" is not a licence I know'),
        ({"period": 25}, "greater than or equal to 1900"),
        (
            {"period": None, "interviews": {"start": "2025-03-01", "end": "2025-02-01"}},
            "the end must not be before the start",
        ),
        ({"period": None}, "give one of period \\(a year\\) and interviews"),
        ({"min_cell": 3}, "min_cell: Input should be greater than or equal to 10"),
        ({"items": []}, "items: List should have at least 1 item"),
        ({"items": [ITEM | {"indicator_id": "internet_user_pct"}]}, 'Did you mean "internet_users_pct"?'),
        ({"items": [ITEM | {"indicator_id": "population"}]}, "population is in count"),
        ({"items": [ITEM | {"no_codes": ["1"]}]}, 'the code "1" stands twice'),
        ({"items": [ITEM | {"yes_codes": [True]}]}, "yes_codes"),
        ({"items": [ITEM, ITEM]}, 'the item "online" stands twice'),
        ({"items": [ITEM, ITEM | {"id": "again"}]}, 'another item measures the same as "online"'),
        ({"items": [ITEM | {"breakdown": {"sex": "M"}}], "domains": {"sex": SEX}}, "is also a domain"),
        ({"fpc": "N"}, "fpc needs strata or psu"),
        ({"margins": ["sex"]}, '"sex" is not a domain of this survey'),
        ({"margins": ["sex*sex"], "domains": {"sex": SEX}}, '"sex\\*sex" names a domain twice'),
        ({"margins": ["sex x loc"], "domains": {"sex": SEX}}, "is not of the form sex or sex\\*loc"),
        ({"domains": {"sex": SEX | {"labels": {"X": "other"}}}}, 'labels: "X" is not among the values'),
        ({"domains": {"sex": {"column": "sex", "values": {"1": "m/f"}}}}, "values"),
    ],
)
def test_a_wrong_survey_file_is_refused(spec: Callable[..., Spec], keys: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        spec(HEAD + LINE, **keys)


@pytest.mark.parametrize("body", [b"", b"\xff", b"- 1", b"schema: concordat/study@1", b"schema: concordat/survey@1"])
def test_what_is_no_survey_file_is_an_input_error(tmp_path: Path, catalogue: Catalogue, body: bytes) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(body)
    with pytest.raises(InputError, match=r"s\.yaml"):
        read_spec(path, catalogue)


def test_a_survey_file_that_is_not_there(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: can't be read: No such file or directory\. Check the path\."):
        read_spec(tmp_path / "none.yaml", catalogue)


WEIGHTS = [
    ("1,1.5\n1,-1\n", 'people.csv, row 3: the weight "-1" is negative.'),
    ("1,0\n1,0.0\n", 'people.csv, row 2: the weight "0" is zero (2 such rows).'),
    ("1,1.5\n1,\n", "people.csv, row 3: the weight is missing."),
    ("1,heavy\n", 'people.csv, row 2: the weight "heavy" is not a number.'),
    ("1,nan\n", 'people.csv, row 2: the weight "nan" is not a number.'),
    ("1,1e999\n", 'people.csv, row 2: the weight "1e999" is not a number.'),
    (
        '1,"1,66"\n2,"0,5"\n',
        'people.csv, row 2: the weight "1,66" has a decimal comma (2 such rows). Say so under format, as decimal: "',
    ),
]


@pytest.mark.parametrize(("rows", "said"), WEIGHTS)
def test_a_weight_that_can_be_none_is_named(survey: Callable[..., Survey], rows: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        survey("online,weight\n" + rows)
    assert str(caught.value).startswith(said)


def test_decimal_commas_are_read_when_the_file_says_so(survey: Callable[..., Survey]) -> None:
    text = "online;weight\n" + "1;0,75\n" * 40 + "2;,25\n" * 40
    rate = survey(text, format={"delimiter": ";", "decimal": ","}).rates[0]
    assert rate.value == pytest.approx(0.75)
    with pytest.raises(InputError, match=r'"1\.5" has a decimal point, and the survey file says decimal: ","'):
        survey("online;weight\n1;1.5\n", format={"delimiter": ";", "decimal": ","})


@pytest.mark.parametrize("weight", [None, "equal"])
@pytest.mark.parametrize("column", ["weight", "Peso", "FACTOR_EXP", "pond_wgt"])
def test_a_weighted_survey_is_not_used_without_its_weights(
    survey: Callable[..., Survey], weight: str | None, column: str
) -> None:
    with pytest.raises(MethodError) as caught:
        survey(f"online,{column}\n" + "1,0.05\n2,7.3\n" * 20, weight=weight)
    assert str(caught.value).startswith(f'people.csv: "{column}" looks like the weight and is not used: rates of the ')
    assert caught.value.exit_code == 4


def test_an_unweighted_survey_must_say_that_it_is_one(survey: Callable[..., Survey]) -> None:
    text = "online,weight_kg\n" + "1,\n2,\n" * 20 + "1,x\n"
    assert survey(text, weight="equal").rates[0].value == pytest.approx(21 / 41)
    with pytest.raises(MethodError, match="does not say how people are weighted"):
        survey("online\n" + "1\n2\n" * 20, weight=None)


@pytest.mark.parametrize(
    ("body", "keys", "said"),
    [
        (b"", {}, "people.csv: is empty"),
        (b"\n\n", {}, "people.csv: is empty"),
        (b"online,weight,sex\n", {}, "has no rows below its header"),
        (b"on_line,weight\n1,1\n", {}, 'there is no column "online". Did you mean "on_line"'),
        (b"online,weight,online\n1,1,1\n", {}, 'the column "online" stands 2 times'),
        (b"online,weight\n1,1\n1,1,66\n", {}, "people.csv, row 3: 3 cells where the header has 2"),
        (b"online,weight\n\xe9,1\n", {}, "is not utf-8. Name the file's encoding under format"),
        (b"online,weight\n1,1\n", {"format": {"encoding": "utf-99"}}, '"utf-99" is not an encoding I know'),
        (
            b"online,weight\n1,1\n7,1\n7,1\n",
            {},
            'row 3: online holds "7" (2 rows), a code that the survey file does not',
        ),
        (b"online,weight\n1,1\n9,1\n9.0,1\n", {"items": [ITEM]}, 'online holds "9" (1 rows)'),
        (b"online,weight\n9,1\n,1\n", {}, "nobody answered the item online"),
        (b"online,weight,sex\n1,1,3\n", {"domains": {"sex": SEX}}, 'sex holds "3" (1 rows)'),
        (b"online,weight,psu\n1,1,\n", {"psu": "psu"}, "the primary unit (psu) is empty"),
        (b"online,weight,psu\n1,1,a\n", {"psu": "psu"}, "1 primary units in 1 strata leave no degree of freedom"),
        (b"online,weight,s,N\n1,1,a,many\n", {"strata": "s", "fpc": "N"}, 'N "many" is not a number'),
        (b'online,weight\n"1\x00,1\n', {}, "people.csv"),
    ],
)
def test_microdata_that_are_not_as_the_survey_file_says(
    survey: Callable[..., Survey], body: bytes, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConcordatError) as caught:
        survey(body, **keys)
    assert said in str(caught.value)
    assert caught.value.exit_code in (2, 4)


def test_microdata_that_are_not_there(spec: Callable[..., Spec], survey: Callable[..., Survey]) -> None:
    with pytest.raises(InputError, match="counts from the folder of the survey file"):
        survey(HEAD + LINE, file="other.csv")


def test_a_mark_of_the_encoding_spaces_and_windows_lines_are_no_trouble(survey: Callable[..., Survey]) -> None:
    body = "\ufeffonline , weight\r\n".encode() + b" 1, .5\r\n2 ,1.5\r\n\r\n" * 40
    assert survey(body).rates[0].value == pytest.approx(0.25)
