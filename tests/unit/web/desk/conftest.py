"""One node whose council has begun, for all tests of the private pages: it is made once and copied for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from people_kit import Telephone


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Telephone]]:
    """The folder of the node, and everybody's telephone."""
    pytest.importorskip("starlette", reason="needs the extra [web]")
    from desk_kit import founded

    return founded(tmp_path_factory.mktemp("made"))
