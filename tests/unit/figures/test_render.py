"""From specification to SVG: the same bytes everywhere, small, safe, and every number with its record."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from concordat.figures.dots import DotRow, dot_plot
from concordat.figures.render import small, svg

Specs = Mapping[str, Mapping[str, Any]]
WEIGHT_MAX = 15_000  # bytes gzipped, spec section 12
DRAW = """
import hashlib, json, sys
from concordat.figures.render import svg
specs = json.load(sys.stdin)
print(json.dumps({name: hashlib.sha256(svg(spec, name).encode()).hexdigest() for name, spec in specs.items()}))
"""


def records_in(spec: Any) -> set[str]:
    """`obs:<record>:<part>` of every datum that a specification prints."""
    return set(re.findall(r"obs:[0-9a-f]+:[a-z_]+", json.dumps(spec)))


def test_every_number_of_a_specification_leads_to_its_record_in_the_picture(specs: Specs) -> None:
    for name, spec in specs.items():
        root = ElementTree.fromstring(svg(spec, name))
        found = {
            f"obs:{e.attrib['data-obs']}:{e.attrib.get('data-part', 'value')}"
            for e in root.iter()
            if "data-obs" in e.attrib
        }
        assert found == records_in(spec), name
        assert found


def test_ids_are_cut_to_the_length_of_the_report(specs: Specs) -> None:
    found = re.findall(r'data-obs="([^"]*)"', svg(specs["heat"], "heat", 9))
    assert {len(one) for one in found} == {9}


def test_a_picture_of_the_size_of_brics_is_small(specs: Specs) -> None:
    weights = {name: len(gzip.compress(svg(spec, name, 8).encode(), mtime=0)) for name, spec in specs.items()}
    assert {name: weight for name, weight in weights.items() if weight > WEIGHT_MAX} == {}


def test_a_picture_has_no_script_no_font_and_no_address(specs: Specs) -> None:
    for name, spec in specs.items():
        text = svg(spec, name)
        assert not re.search(r"<(script|style|image|foreignObject|a|use)\b|\son\w+=|@font-face|data:", text)
        assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}
        assert set(re.findall(r'font-family="([^"]+)"', text)) == {"Noto Sans,system-ui,sans-serif"}


def test_the_same_specification_gives_the_same_bytes(specs: Specs) -> None:
    for name, spec in specs.items():
        assert svg(spec, name) == svg(json.loads(json.dumps(spec)), name)


def test_a_machine_without_fonts_draws_the_same_bytes(specs: Specs, tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text('<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>')
    hidden = {"FONTCONFIG_FILE": str(config), "FONTCONFIG_PATH": str(tmp_path), "HOME": str(tmp_path),
              "XDG_DATA_HOME": str(tmp_path), "XDG_DATA_DIRS": str(tmp_path), "TZ": "Asia/Kathmandu"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        input=json.dumps(specs), env={**os.environ, **hidden}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    here = {name: hashlib.sha256(svg(spec, name).encode()).hexdigest() for name, spec in specs.items()}
    assert json.loads(done.stdout) == here


@pytest.mark.parametrize("label", ["<script>x", "a & b", '"', "'", "中国", "भारत", "مصر", "", " "])
def test_any_name_is_text(label: str) -> None:
    picture = svg(dot_plot([DotRow(label, 5.0, None, None, "5", "a" * 32)], unit="count"), "f")
    root = ElementTree.fromstring(picture)
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    assert label.strip() in {(element.text or "").strip() for element in root.iter()}


def test_ids_inside_begin_with_the_name_of_the_figure() -> None:
    raw = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><clipPath id="clip0"><path d="M1 1L2 2"'
        ' fill="red"/></clipPath><g clip-path="url(#clip0)"><path d="M1 1L2 2" stroke="red"/></g></svg>'
    )
    found = small(raw, "gap")
    assert re.findall(r'id="([^"]+)"', found) == ["gap-clip0"]
    assert re.findall(r"url\(#([^)]+)\)", found) == ["gap-clip0"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ('<path transform="translate(10,20)" d="M3,0A3,3,0,1,1,-3,0A3,3,0,1,1,3,0" fill="red"/>',
         '<circle fill="red" cx="10" cy="20" r="3"/>'),
        ('<path d="M1,2h3v4h-3Z" fill="red"/>', '<rect fill="red" x="1" y="2" width="3" height="4"/>'),
        ('<path d="M1,2h3v4h-3Z"/>', ""),
        ('<path d=""/>', ""),
        ('<line transform="translate(1,2)" x2="3" y2="0" stroke="red"/>',
         '<line stroke="red" x1="1" y1="2" x2="4" y2="2"/>'),
        ('<text transform="translate(1.04,-0.04)" opacity="1">x</text>', '<text x="1" y="0">x</text>'),
        ('<text transform="translate(1,2) rotate(-55) translate(0,4)">x</text>',
         '<text transform="translate(1,2) rotate(-55) translate(0,4)">x</text>'),
        ("<g><g/></g>", ""),
        ('<text aria-label="obs:abcdef0123:lower" role="x">3</text>',
         '<text data-obs="abcdef0123" data-part="lower">3</text>'),
        ('<text aria-label="obs:abcdef0123:value">3</text>', '<text data-obs="abcdef0123">3</text>'),
        ('<text aria-label="x: 3; y: 4">3</text>', "<text>3</text>"),
        ('<path d="M1.26,2L3.14159,4e-7" stroke="red"/>', '<path d="M1.3,2L3.1,4e-7" stroke="red"/>'),
    ],
)  # fmt: skip
def test_ballast_goes_and_what_is_seen_stays(shape: str, expected: str) -> None:
    raw = f'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">{shape}</svg>'
    found = small(raw, "f")
    assert re.sub(r"^<svg [^>]*?/?>|</svg>$", "", found) == expected
