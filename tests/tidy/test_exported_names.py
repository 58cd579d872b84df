"""The public names of each package are pinned: a change of what others may use is a change of this list."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import concordat

NAMES: dict[str, set[str]] = {
    "concordat.evidence": {
        "Aggregate",
        "Catalogue",
        "Chosen",
        "Conflict",
        "Indicator",
        "Observation",
        "Problem",
        "Release",
        "Revision",
        "Store",
        "check_quality",
        "cite",
        "export_public",
        "find_conflicts",
        "load_catalogue",
        "open_store",
        "survey_rates",
    },
    "concordat.evidence.store": {
        "Release",
        "ReleaseVintage",
        "Retrieval",
        "Store",
        "Vintage",
        "VintageMeta",
        "open_store",
    },
    "concordat.observatory": {
        "IndexSpec",
        "audit",
        "calibrate",
        "compare",
        "divide",
        "revisions",
        "run",
        "uncertainty",
    },
    "concordat.observatory.named": {"named", "named_ids", "named_text"},
    "concordat.observatory.divide": {
        "UNWEIGHTED",
        "WEIGHTED",
        "AlkireFoster",
        "Beta",
        "Bootstrap",
        "Club",
        "Clubs",
        "Decomposition",
        "Deprivation",
        "DiffusionFit",
        "DivideChange",
        "GroupPart",
        "LogT",
        "Logit",
        "Measure",
        "MeasureTable",
        "Mobility",
        "Nested",
        "Oaxaca",
        "PovertyPlan",
        "Question",
        "Sigma",
        "TimeDistance",
        "Trend",
        "alkire_foster",
        "beta_convergence",
        "bootstrap_change",
        "bootstrap_measures",
        "compound_growth",
        "concentration_indices",
        "convergence_clubs",
        "counts_people",
        "decompose",
        "decompose_change",
        "decompose_nested",
        "derive_divide",
        "derive_group_gap",
        "duclos_esteban_ray",
        "esteban_ray",
        "fill_curve",
        "fit_diffusion",
        "group_measures",
        "influence",
        "is_share",
        "log_t",
        "measures",
        "mobility_between",
        "oaxaca_blinder",
        "panel_series",
        "people_without",
        "percent_change",
        "sigma_convergence",
        "spread",
        "time_distance",
        "weighted_logit",
        "wolfson",
    },
    "concordat.world": {
        "Bloc",
        "Country",
        "Currency",
        "FULL_ROLES",
        "Membership",
        "ROLES",
        "area_name",
        "area_type",
        "bloc",
        "bloc_ids",
        "bloc_sources",
        "bloc_table_as_of",
        "blocs",
        "countries",
        "country",
        "currencies",
        "currency",
        "gec_to_area",
        "gec_unmapped",
        "members",
        "no_members",
        "normalise",
        "parts",
        "roles_on",
        "table_hash",
        "tiles",
    },
}


def _packages() -> list[str]:
    found = pkgutil.walk_packages(concordat.__path__, "concordat.")
    return ["concordat", *(module.name for module in found if module.ispkg)]


@pytest.mark.parametrize("package", _packages())
def test_public_names(package: str) -> None:
    module = importlib.import_module(package)
    assert set(getattr(module, "__all__", ())) == NAMES.get(package, set())
    for name in NAMES.get(package, ()):
        assert getattr(module, name) is not None
