"""What axe says of a page, in seconds instead of minutes: of what is made alike it sees some.

A window is opened once for each kind that can't be changed later (with scripts or without); a page is then loaded where
the last one was, at its own width and in its own colours.

Long tables keep their first rows and the blocs'. Nine tenths of axe's time go into contrast, a matter of colours, sizes
and grounds: of the words that have all these in common, on themselves and on all that is around them, it sees three.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Browser, Page, Route

CALL_MS = 20_000
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ROWS_JUDGED, ALIKE_JUDGED = 6, 3
THIN = f"""document.querySelectorAll('tbody').forEach(body =>
    [...body.rows].slice({ROWS_JUDGED}).filter(row => !row.matches('.bloc, .world')).forEach(row => row.remove()))"""
MARK = """(alike) => {
  const seen = new Map(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (!node.nodeValue.trim()) continue;
    const element = node.parentElement, own = getComputedStyle(element), looks = [];
    for (let up = element; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      looks.push(up.tagName, style.backgroundColor, style.backgroundImage, style.opacity);
    }
    const key = [own.color, own.fill, own.fontSize, own.fontWeight, ...looks].join('|');
    const count = (seen.get(key) || 0) + 1;
    seen.set(key, count);
    if (count <= alike) element.setAttribute('data-judged', '');
  }
  return seen.size;
}"""


_tabs: WeakKeyDictionary[Browser, dict[tuple[bool, bool], Page]] = WeakKeyDictionary()


@contextmanager
def tab(
    browser: Browser, address: str, *, width: int, height: int, scheme: str = "light", scripts: bool = True,
    answer: Callable[[Route], None] | None = None,
) -> Iterator[Page]:  # fmt: skip
    """A page of this address, loaded; empty again afterwards, without cookies.

    Args:
        scripts: whether scripts run. answer: what is sent for every request; the page's own rules on scripts then don't
            count where they run, as axe is one, and our pages allow none.
    """
    tabs = _tabs.setdefault(browser, {})
    kind = (scripts, scripts and answer is not None)
    if kind not in tabs:
        context = browser.new_context(java_script_enabled=scripts, bypass_csp=kind[1])
        context.set_default_timeout(CALL_MS)
        tabs[kind] = context.new_page()
    page = tabs[kind]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    try:
        if answer is not None:
            page.route("**/*", answer)
        page.goto(address)
        yield page
    finally:
        page.unroute_all()
        page.context.clear_cookies()
        page.goto("about:blank")


def findings(page: Page, rules: Sequence[str] = RULES) -> list[str]:
    """What axe finds on the page as it stands: a line for each fault, with its first place; empty if nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra [oracles]").Axe()
    page.evaluate(THIN)
    assert page.evaluate(MARK, ALIKE_JUDGED) > 0, "a page without words"
    faults_alone = {"resultTypes": ["violations"]}  # thrice as fast
    rest = axe.run(
        page, options={"runOnly": list(rules), "rules": {"color-contrast": {"enabled": False}}, **faults_alone}
    )
    assert len(rest.response["passes"]) > 10, "axe looked at nothing"
    contrast = axe.run(
        page,
        context={"include": [["[data-judged]"]]},
        options={"runOnly": {"type": "rule", "values": ["color-contrast"]}, **faults_alone},
    )
    return [*_lines(rest.response["violations"]), *_lines(contrast.response["violations"])]


def _lines(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{fault['id']}: {fault['help']} ({len(fault['nodes'])} times, first {fault['nodes'][0]['html'][:120]})"
        for fault in violations
    ]
