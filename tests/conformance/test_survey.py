"""The known answers of the specification of evidence, section 11, on Bolivia's ICT survey of 2017 (ODbL, not ours)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from concordat.errors import MethodError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.survey import Rate, Survey, read_spec, survey_rates

SPEC = """\
schema: concordat/survey@1
file: {file}
dataset: {{id: bo-ict-2017, title: National ICT survey, producer: AGETIC}}
area: BOL
period: 2017
weight: {weight}
domains:
  loc: {{column: locality_type, values: {{1: capital, 2: intermediate, 3: rural}}}}
  sex: {{column: sex, values: {{1: M, 2: F}}}}
  income: {{column: socioeconomic_level, values: {{1: 1, 2: 2, 3: 3, 4: 4, 5: 5}}}}
  department: {{column: department, values: {{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9}}}}
margins: [loc, sex, income]
items:
  - {{id: ever, column: ever_used_internet, indicator_id: internet_users_pct, yes_codes: [1], no_codes: [2]}}
  - {{id: files, column: skill_files, indicator_id: ict_skills_pct, breakdown: {{skill: cmfl}},
     yes_codes: [1], no_codes: [2], missing_codes: [9]}}
licence: ODbL-1.0
"""

# Breakdown -> weighted rate, Wald half-width, in percent.
KNOWN = {
    "": (69.89, 2.39),
    "loc=capital": (85.44, 2.38),
    "loc=intermediate": (67.64, 4.91),
    "loc=rural": (48.84, 5.48),
    "sex=M": (72.19, 3.24),
    "sex=F": (67.48, 3.52),
    "income=1": (44.11, None),
    "income=2": (74.73, None),
    "income=3": (85.54, None),
    "income=4": (93.73, None),
    "income=5": (100.0, 0.0),
}


@pytest.fixture(scope="module")
def survey(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Survey]:
    folder = tmp_path_factory.mktemp("survey")

    def make(weight: str = "weight", **options: object) -> Survey:
        spec = folder / f"{weight}.yaml"
        file = shared_data / "household_ict_bolivia_2017.csv"
        spec.write_text(SPEC.format(file=file, weight=weight), encoding="utf-8")
        return survey_rates(read_spec(spec, load_catalogue()), **options)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="module")
def rates(survey: Callable[..., Survey]) -> dict[tuple[str, str], Rate]:
    return {(rate.item, rate.breakdown): rate for rate in survey().rates}


@pytest.mark.parametrize("breakdown", KNOWN)
def test_weighted_rates_and_half_widths_to_a_hundredth(rates: dict[tuple[str, str], Rate], breakdown: str) -> None:
    rate, (value, half) = rates["ever", breakdown], KNOWN[breakdown]
    assert rate.value is not None
    assert rate.wald is not None
    assert 100 * rate.value == pytest.approx(value, abs=0.005)
    if half is not None:
        assert 100 * rate.wald == pytest.approx(half, abs=0.005)


def test_the_design_effect_of_the_weights(survey: Callable[..., Survey], rates: dict[tuple[str, str], Rate]) -> None:
    everyone = rates["ever", ""]
    assert survey().rows == everyone.n == 3691
    assert everyone.design_effect == pytest.approx(2.608, abs=0.0005)
    assert everyone.n_eff == pytest.approx(1415, abs=0.5)


def test_a_rate_of_100_percent_has_a_real_interval(rates: dict[tuple[str, str], Rate]) -> None:
    rate = rates["ever", "income=5"]
    assert (rate.value, rate.upper, rate.wald) == (1.0, 1.0, 0.0)
    assert rate.lower is not None
    assert rate.n_eff is not None
    assert rate.lower == pytest.approx(rate.n_eff / (rate.n_eff + 1.96**2))  # Wilson's lower end at p = 1


def test_dont_know_is_missing_and_its_weighted_share_is_kept(rates: dict[tuple[str, str], Rate]) -> None:
    rate = rates["files", "skill=cmfl"]
    assert rate.n == 1925 + 1256  # yes and no; 172 don't know, 338 were not asked
    assert rate.missing is not None
    assert rate.not_asked is not None
    assert 0 < rate.missing < 0.2
    assert 0 < rate.not_asked < 0.5


def test_unweighted_use_is_refused(survey: Callable[..., Survey]) -> None:
    with pytest.raises(MethodError, match=r'"weight" looks like the weight and is not used'):
        survey("equal")


def test_small_departments_are_withheld_two_at_least(survey: Callable[..., Survey]) -> None:
    cells = [r for r in survey(by=["department", "department*income"]).rates if r.item == "ever"]
    hidden = [r for r in cells if r.withheld and r.margin == "department*income"]
    assert hidden
    assert all(r.value is r.lower is r.n is r.n_eff is None for r in hidden)
    for department in range(1, 10):
        in_it = [r for r in hidden if f"department={department};" in r.breakdown]
        assert len(in_it) != 1, "one withheld cell is found by subtraction from its department"
    shown = [r for r in cells if not r.withheld]
    assert min(r.n for r in shown if r.n is not None) >= 30
    assert min(r.n_eff for r in shown if r.n_eff is not None) >= 20
