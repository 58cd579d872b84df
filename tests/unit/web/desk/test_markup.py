"""Whatever is typed is text: 60 payloads through every text field of a form, in pages, messages, names and addresses.

No payload comes back as a tag, an attribute or a script; the pages hold the tags that the template has and no others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.node.acts import new_act
from concordat.node.csrf import form_token
from desk_kit import Forms, World, run

_TAGS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=//evil.example>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<math><mi//xlink:href=data:x,alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<form action=//evil.example>",
    "<object data=//evil.example>",
    "<embed src=//evil.example>",
    "<video><source onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<button formaction=//evil.example>x</button>",
)
_BREAKS = (
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover=alert(1) x="',
    "' onmouseover=alert(1) x='",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</option></select><img src=x onerror=alert(1)>",
    "</pre><script>alert(1)</script>",
    "</dd><svg/onload=alert(1)>",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "</form><form action=//evil.example>",
    "</label><input type=hidden name=token value=x>",
    "</bdi><u>x</u>",
    "</h1><h1>x</h1>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "\\u003cscript\\u003e",
    "%3Cscript%3Ealert(1)",
    "&quot; onclick=&quot;x",
)
_OTHER = (
    "{{ 7*7 }}",
    "{% for x in y %}",
    "{{ config }}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "javascript:alert(1)",
    "data:text/html,<script>x",
    "[x](javascript:alert(1))",
    "![x](//evil.example)",
    "<!--#exec cmd=x-->",
    "<?php x ?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///x'>]>",
    "=1+1",
    "+ADw-script+AD4-",
    "\u2028alert(1)",
    "\u202ereversed",
    "'; DROP TABLE act; --",
    "a\tb",
    "＜script＞alert(1)＜/script＞",
)
PAYLOADS = (*_TAGS, *_BREAKS, *_OTHER)
ALLOWED = {
    "html",
    "head",
    "meta",
    "title",
    "link",
    "body",
    "a",
    "header",
    "p",
    "span",
    "nav",
    "ul",
    "li",
    "div",
    "form",
    "input",
    "button",
    "bdi",
    "main",
    "h1",
    "h2",
    "h3",
    "ol",
    "dl",
    "dt",
    "dd",
    "fieldset",
    "legend",
    "label",
    "textarea",
    "select",
    "option",
    "pre",
    "details",
    "summary",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
    "footer",
}


def check(text: str, where: str) -> None:
    """Only our tags; no handler; every link and form leads to this site; one script of ours at most, by its hash."""
    page = Forms(text)
    assert {t for t, _ in page.tags} - {"script"} <= ALLOWED, where
    scripts = [found for t, found in page.tags if t == "script"]
    assert len(scripts) <= 1, where
    assert all(re.fullmatch(r"/static/[0-9a-f]+\.js", found["src"]) for found in scripts), (where, scripts)
    assert len(re.findall(r"<script\b[^>]*></script>", text)) == len(scripts), "it has no text of its own"
    assert [t for t, _ in page.tags].count("h1") == 1, where
    assert [t for t, _ in page.tags].count("meta") == 3, where
    for tag, found in page.tags:
        assert not [a for a in found if a.startswith("on") or a in ("style", "formaction", "srcdoc")], (
            where,
            tag,
            found,
        )
        for name in ("href", "action", "src"):
            if name in found:
                assert found[name].startswith(("/", "#")), (where, found)
                assert not found[name].startswith("//"), (where, found)


def test_sixty_payloads_through_the_text_fields(made: Any, tmp_path: Path) -> None:
    assert len(PAYLOADS) == 60

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        token = form_token(maria.client.cookies["s"])
        for n, payload in enumerate(PAYLOADS):
            await world.people.do(lambda people, _: people.store.run("DELETE FROM act"))  # 200 drafts are kept at most
            sent = {"token": token, "act-id": new_act(), "do": "check"}
            forms = (
                (
                    "/table",
                    {"title": payload, "rule": payload, "language.1": payload, "text.1": payload, "act": payload},
                ),
                ("/item/p-2026-002/amend", {"change.op": payload, "change.paragraph": "p1", "change.text.en": payload}),
                ("/commitment/new", dict.fromkeys(("id", "document", "kind", "who", "what", "measures"), payload)),
                ("/dispute/new", {"subject": payload}),
            )
            for path, fields in (forms[0], forms[1 + n % 3]):
                answer = await maria.raw(path, {**sent, "act-id": new_act(), **fields})
                assert answer.status_code == 422, (path, payload, answer.status_code)
                check(answer.text, f"{path} {payload}")
                if path == "/table":
                    assert Forms(answer.text).forms["f"].fields["text.1"] == [payload]
            good = {"title": payload, "rule": "simple_majority", "language.1": "en", "text.1": payload}
            answer = await maria.raw("/table", {**sent, **good})
            assert answer.status_code == 200, payload
            assert "not signed yet" in answer.text
            check(answer.text, f"act {payload}")
        for page in ("/drafts", "/account"):
            check((await maria.get(page)).text, page)

    run(made, tmp_path, work)


def test_payloads_in_addresses_logins_and_errors(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria, anyone = await world.logged_in("delegate"), world.browser()
        for n, payload in enumerate(PAYLOADS):
            part = quote(payload, safe="")
            paths = (
                f"/say/{part}",
                f"/act/{part}",
                f"/item/{part}/vote",
                f"/say/BallotCast?vote={part}",
                f"/account?{part}=1",
                f"/consult/{part}/vote",
                f"/say/BallotCast?{part}=x",
                f"/dispute/{part}/respond",
            )
            for path in (paths[n % 8], paths[(n // 8) % 8], paths[(n + 3) % 8]):
                if world.desk.find(path.partition("?")[0]) is None:
                    continue  # with a slash in it: no address of ours
                answer = await maria.get(path)
                assert answer.status_code in (200, 303, 400, 403, 404), (path, answer.status_code)
                if answer.text:
                    check(answer.text, path)
            check((await anyone.get(f"/login?next={part}")).text, part)
            answer = await anyone.send("l", values={"login": payload, "password": "x" * 12})
            assert answer.status_code in (422, 429)
            check(answer.text, payload)
            if world.desk.find(f"/welcome/{part}"):
                check((await anyone.get(f"/welcome/{part}")).text, payload)

    run(made, tmp_path, work)
