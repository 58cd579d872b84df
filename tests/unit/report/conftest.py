"""The invented report of `sample.py`, drawn once, for the tests of all renderers."""

from __future__ import annotations

import importlib.util
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from concordat.report.chapter import Report
from concordat.report.messages import Messages
from concordat.report.outline import Outline


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """The module itself, for its helpers (`record`, `topic_table`, ...)."""
    spec = importlib.util.spec_from_file_location("concordat_report_sample", Path(__file__).with_name("sample.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report(sample: ModuleType) -> Report:
    found = sample.sample_report()
    assert isinstance(found, Report)
    return found


@pytest.fixture(scope="session")
def messages() -> Messages:
    return Messages("en")


@pytest.fixture(scope="session")
def pictures(report: Report) -> Mapping[str, str]:
    """The figures as SVG, drawn once."""
    from concordat.figures.render import svg

    return {figure.id: svg(figure.spec, figure.id, report.id_length) for figure in Outline(report).figures()}


# --- The text of a PDF, so that no test needs another program ------------------------------------------------------

ESCAPES = {ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("b"): 8, ord("f"): 12}


@pytest.fixture(scope="session")
def text_of() -> Callable[[bytes], str]:
    """The text of all pages, a line for each run, by each font's own map of glyphs to letters; pictures have none."""
    return _text_of


def _text_of(pdf: bytes) -> str:
    objects = {int(n): body for n, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.S)}

    def target(key: bytes, body: bytes) -> bytes:
        found = re.search(key + rb" (\d+) 0 R", body)
        return objects[int(found[1])] if found else body

    def stream(body: bytes) -> bytes:
        return zlib.decompress(body.partition(b"stream\n")[2].rpartition(b"\nendstream")[0])

    runs: list[str] = []
    for page in (body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)):
        fonts = re.search(rb"/Font\s*<<(.*?)>>", target(rb"/Resources", page), re.S)
        letters: dict[bytes, dict[int, str]] = {}
        for name, number in re.findall(rb"(/\w+) (\d+) 0 R", fonts[1] if fonts else b""):
            lines = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", stream(target(rb"/ToUnicode", objects[int(number)])))
            letters[name] = {int(glyph, 16): bytes.fromhex(to.decode()).decode("utf-16-be") for glyph, to in lines}
        font: dict[int, str] = {}
        shown, before = b"", [b"", b""]
        for is_text, token in _tokens(stream(target(rb"/Contents", page))):
            if is_text:
                shown += token
                continue
            if token in (b"TJ", b"Tj"):
                codes = zip(shown[::2], shown[1::2], strict=True)
                runs[-1] += "".join(font.get(high * 256 + low, "") for high, low in codes)
            elif token == b"Tf":
                font = letters[before[0]]
            elif token == b"BT":
                runs.append("")
            if token.isalpha():  # an operator takes what stood before it, a tag's language too
                shown = b""
            before = [before[1], token]
    return "\n".join(runs)


def _tokens(content: bytes) -> Iterator[tuple[bool, bytes]]:
    """Strings (True) and words of a content stream (ISO 32000-1 section 7.3)."""
    at = 0
    while at < len(content):
        if content[at] == ord("("):
            text, at = _string(content, at + 1)
            yield True, text
        elif word := re.compile(rb"<([0-9A-Fa-f]*)>|(?:<<|>>|/?[^\s()<>\[\]/]+)").match(content, at):
            yield (True, bytes.fromhex(word[1].decode())) if word[1] else (False, word[0])
            at = word.end()
        else:
            at += 1


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    """The string that begins here, and where it has ended; brackets in pairs need no escape."""
    out, depth = bytearray(), 1
    while True:
        letter = content[at]
        at += 1
        if letter == ord("\\"):
            octal = re.compile(rb"[0-7]{1,3}").match(content, at)
            out.append(int(octal[0], 8) if octal else ESCAPES.get(content[at], content[at]))
            at = octal.end() if octal else at + 1
            continue
        depth += (letter == ord("(")) - (letter == ord(")"))
        if depth == 0:
            return bytes(out), at
        out.append(letter)
