"""A browser without scripts, for the tutorial of three people: it opens pages, fills in their forms and sends them.

    python browser.py WHO@FOLDER PAGE [NAME=VALUE ...] [sign=PHRASE] [until=WORDS] [save=FILE]

It opens a page of the node in FOLDER as WHO. With names it finds the form that has them all, fills it in and presses
the button that is named (`do=make`) or the first one; `sign=` then signs on the page it leads to, `until=` opens the
page again until the words stand there, `save=` keeps what came. A PAGE that begins with `-` goes on from that of last
time; the value `@code` is what a telephone shows for one-time codes. What both remember lies in `WHO.browser`.

    python browser.py code WHO         the next one-time code, to type into a browser of yours
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import sys
import time
import tomllib
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE_S = 200
STEP_S = 30  # of one-time codes (RFC 6238)


class Forms(HTMLParser):
    """The forms of a page: action, fields as they stand, names, buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._form: dict[str, Any] | None = None
        self._name, self._area = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        said = {key: value or "" for key, value in attrs}
        name, value = said.get("name", ""), said.get("value", "")
        if tag == "form":
            self._form = {"action": said["action"], "fields": {}, "names": set(), "buttons": []}
            self.forms.append(self._form)
        elif self._form is not None and tag == "button":
            self._form["buttons"].append((name, value))
        elif self._form is not None and tag == "option":
            if "selected" in said:
                self._form["fields"][self._name] = value
        elif self._form is not None and name:
            self._name, self._area = name, tag == "textarea"
            self._form["names"].add(name)
            if said.get("type") not in ("radio", "checkbox", "file") or "checked" in said:
                self._form["fields"][name] = value

    def handle_endtag(self, tag: str) -> None:
        self._form = None if tag == "form" else self._form
        self._area = self._area and tag != "textarea"

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form["fields"][self._name] = (self._form["fields"][self._name] + data).strip()


class Browser:
    """What one person's browser and telephone remember, at one node."""

    def __init__(self, who: str, folder: str = "") -> None:
        self.file = Path(f"{who}.browser")
        self.kept = json.loads(self.file.read_text()) if self.file.exists() else {"cookies": {}, "page": "/", "step": 0}
        settings = Path(folder) / "concordat.toml"
        self.host: str = tomllib.loads(settings.read_text())["node"]["listen"] if folder else ""
        self.text, self.data, self.status = "", b"", 0

    def keep(self) -> None:
        self.file.touch(0o600)
        self.file.write_text(json.dumps(self.kept))

    def ask(self, method: str, path: str, body: str = "") -> None:
        """One request, and on to where its answer leads."""
        said = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.kept["cookies"].items())}
        if method == "POST":
            said |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.host}"}
            said |= {"Sec-Fetch-Site": "same-origin"}
        link = http.client.HTTPConnection(self.host, timeout=PATIENCE_S)
        link.request(method, path, body.encode(), said)
        answer = link.getresponse()
        self.data, self.status = answer.read(), answer.status
        link.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            self.kept["cookies"] |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        if answer.status == 303:
            return self.ask("GET", answer.headers["Location"])
        self.text = self.data.decode("utf-8", "replace")
        if "html" in answer.headers.get("Content-Type", ""):
            self.kept["page"] = path
        secret = re.search(r'<pre class="exact" dir="ltr">([A-Z2-7 ]{32,})</pre>', self.text)
        if secret:
            self.kept["secret"] = secret[1].replace(" ", "")
        return None

    def code(self) -> str:
        """The next one-time code that was not used yet; a telephone shows it within half a minute."""
        while (step := max(self.kept["step"] + 1, now() // STEP_S - 1)) > now() // STEP_S + 1:
            time.sleep(0.2)
        self.kept["step"] = step
        digest = hmac.new(base64.b32decode(self.kept["secret"]), step.to_bytes(8, "big"), hashlib.sha1).digest()
        start = digest[-1] & 15
        return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"

    def fill(self, values: dict[str, str]) -> None:
        """Fill in the form of this page that has all these names, and send it."""
        forms = Forms(self.text).forms
        for form in forms:
            buttons = [pair for pair in form["buttons"] if pair[0] in values]
            if all(n in form["names"] or (n, v) in buttons for n, v in values.items()):
                sent = {**form["fields"], **dict([] if buttons or not form["buttons"][0][0] else form["buttons"][:1])}
                sent |= {name: self.code() if value == "@code" else value for name, value in values.items()}
                return self.ask("POST", form["action"], urlencode(sent))
        asked = "; ".join(", ".join([*sorted(f["names"]), *(f"{n}={v}" for n, v in f["buttons"])]) for f in forms)
        sys.exit(f"{self.kept['page']}: no form asks for {', '.join(values)}. The forms here ask: {asked or 'nothing'}")

    def words(self) -> str:
        """What is to be read on the page, on one line."""
        return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", self.text, flags=re.S)).split())

    def told(self) -> str:
        """What a reader sees first: the heading, what is wrong, and the facts."""
        parts = re.findall(r'<h1>.*?</h1>|<div class="summary".*?</div>|<dt>.*?</dd>', self.text, re.S)
        words = [" ".join(re.sub(r"<[^>]+>", " ", p.replace("</dt>", ":</dt>")).split()) for p in parts]
        return html.unescape("\n".join(words).replace(" :", ":"))


def now() -> int:
    """The clock of the nodes, which may have been set."""
    return int(time.time()) + int(os.environ.get("CONCORDAT_CLOCK_OFFSET_S", "0"))


def main(first: str, *rest: str) -> None:
    """One line of the tutorial; ends with 1 if the page can't be shown or says that something is wrong."""
    if first == "code":
        browser = Browser(rest[0])
        print(browser.code())
        return browser.keep()
    browser = Browser(*first.split("@"))
    values = dict(pair.split("=", 1) for pair in rest[1:])
    phrase, words, file = (values.pop(name, "") for name in ("sign", "until", "save"))
    parts = urlsplit(browser.kept["page"] + rest[0][1:] if rest[0].startswith("-") else rest[0])
    browser.ask("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
    if values:
        browser.fill(values)
    if phrase and browser.status < 400:
        browser.fill({"do": "sign", **({"phrase": phrase} if 'name="phrase"' in browser.text else {})})
    end, sent = time.monotonic() + PATIENCE_S, bool(values or phrase)
    while words and words not in browser.words() and not (sent and browser.status >= 400):
        if time.monotonic() > end:
            sys.exit(f'"{words}" does not stand on {browser.kept["page"]}.\n{browser.told()}')
        time.sleep(0.3)
        browser.ask("GET", browser.kept["page"])
    browser.keep()
    if file:
        Path(file).write_bytes(browser.data)
    print(f"{file}: {len(browser.data):,} bytes" if file else browser.told())
    sys.exit(1 if browser.status >= 400 else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
