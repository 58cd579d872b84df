"""The public names of each package are pinned: a change of what others may use is a change of this list."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import concordat

NAMES: dict[str, set[str]] = {}


def _packages() -> list[str]:
    found = pkgutil.walk_packages(concordat.__path__, "concordat.")
    return ["concordat", *(module.name for module in found if module.ispkg)]


@pytest.mark.parametrize("package", _packages())
def test_public_names(package: str) -> None:
    module = importlib.import_module(package)
    assert set(getattr(module, "__all__", ())) == NAMES.get(package, set())
    for name in NAMES.get(package, ()):
        assert getattr(module, name) is not None
