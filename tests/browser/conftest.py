"""A browser for the page tests: the system's Chromium, driven with a time limit on every call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LAUNCH_MS = 90_000  # a program that starts beside two full cores needs its time
# Without these Chromium asks for updates and lists of its own; the tests open files only.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip that says what to install.

    It ends with the module: while Playwright runs, its event loop counts as running in this thread, and tests after it
    could not run one of their own.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra [oracles]")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs the program chromium")
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *sandbox], timeout=LAUNCH_MS)
        yield started
        started.close()
