"""The invented report of `tests/unit/report/sample.py`, for its figures of the size of BRICS."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[1] / "report" / "sample.py"


@pytest.fixture(scope="session")
def specs() -> Mapping[str, Mapping[str, Any]]:
    """The specification of each figure of the report, by id: ten members, twelve indicators, names in five scripts."""
    from concordat.report.outline import Outline

    spec = importlib.util.spec_from_file_location("concordat_figures_sample", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return {figure.id: figure.spec for figure in Outline(module.sample_report()).figures()}
