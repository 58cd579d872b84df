"""The message catalogues: every key is used and defined, places are filled, numbers stay numbers."""

from __future__ import annotations

import ast
import re
from importlib import resources
from pathlib import Path

import pytest

import concordat
from concordat.figures.numbers import locale_of
from concordat.report import messages as module
from concordat.report.chapter import Cite, Code, Num
from concordat.report.messages import Messages, joined

SOURCE = Path(concordat.__file__).parent
N = Num(3, unit="count", id="a" * 32)
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, module.Entry]]:
    """Catalogues of our own making by language; a test fills them."""
    made: dict[str, dict[str, module.Entry]] = {"en": {}}
    monkeypatch.setattr(module, "_catalogue", lambda language: made.get(language, {}))
    return made


# --- The keys in use ----------------------------------------------------------------------------------------------


def keys_in_use() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys named whole in the source, and patterns of those put together (`f"page.unit.{unit}"`)."""
    whole: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr) and len(node.values) > 1:
                parts = [re.escape(v.value) if isinstance(v, ast.Constant) else r"[\w.]+" for v in node.values]
                if re.match(r"[a-z_]+\\\.", parts[0]):
                    patterns.append(re.compile("".join(parts)))
    template = (SOURCE / "report" / "_data" / "report.html.j2").read_text(encoding="utf-8")
    whole.update(key for key in re.findall(r'"([a-z_.]+)"', template) if KEY.fullmatch(key))
    patterns += [re.compile(re.escape(start) + r"[\w.]+") for start in re.findall(r't\("([a-z_.]+\.)" ~', template)]
    return whole, patterns


def test_every_key_of_the_english_catalogue_is_used_somewhere() -> None:
    whole, patterns = keys_in_use()
    unused = [k for k in module._catalogue("en") if k not in whole and not any(p.fullmatch(k) for p in patterns)]
    assert unused == []


def test_every_key_named_in_the_source_is_in_the_english_catalogue() -> None:
    called: dict[str, str] = {}
    for file in sorted((SOURCE / "report").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            if node.func.attr in ("text", "plain") and isinstance(first, ast.Constant) and isinstance(first.value, str):
                called[first.value] = file.name
    template = (SOURCE / "report" / "_data" / "report.html.j2").read_text(encoding="utf-8")
    called |= dict.fromkeys(re.findall(r't\("([a-z_.]+[a-z])"', template), "report.html.j2")
    assert len(called) > 50
    assert {key: file for key, file in called.items() if key not in Messages("en")} == {}


def test_plural_forms_of_every_language_are_those_of_cldr() -> None:
    folder = resources.files("concordat.report") / "_data" / "messages"
    languages = sorted(f.name for f in folder.iterdir() if f.is_dir())
    assert "en" in languages
    for language in languages:
        allowed = set(locale_of(language).plural_form.tags) | {"other"}
        for key, entry in module._catalogue(language).items():
            if isinstance(entry, dict):
                assert set(entry) <= allowed, key
            assert key in module._catalogue("en"), f"{language}: {key} is in no English file"


# --- Places -------------------------------------------------------------------------------------------------------


def test_numbers_codes_and_citations_keep_their_places(catalogue: dict[str, dict[str, module.Entry]]) -> None:
    catalogue["en"]["k"] = "a {x} b {y}{z}."
    runs = Messages("en").text("k", x=N, y=Code("c"), z=("d", Cite("s")))
    assert runs == ("a ", N, " b ", Code("c"), "d", Cite("s"), ".")


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("{x}", {"x": "{y}"}, "{y}"),  # a value is never read as a template
        ("{{x}}", {}, "{x}"),
        ("{{{x}}}", {"x": "1"}, "{1}"),
        ("", {}, ""),
        ("{x} {x}", {"x": "a"}, "a a"),
        ("100 % {x}", {"x": "%s"}, "100 % %s"),
    ],
)
def test_braces(
    catalogue: dict[str, dict[str, module.Entry]], template: str, values: dict[str, str], expected: str
) -> None:
    catalogue["en"]["k"] = template
    assert Messages("en").plain("k", **values) == expected


@pytest.mark.parametrize(
    ("values", "fault"),
    [({}, "no value for {x}"), ({"y": "1"}, "no value for {x}"), ({"x": "1", "y": "2"}, r"has no place for \['y'\]"),
     ({"x": 3}, "a number must be a Num"), ({"x": None}, "is not a run")],
)  # fmt: skip
def test_a_wrong_place_is_a_fault_of_the_program(
    catalogue: dict[str, dict[str, module.Entry]], values: dict[str, str], fault: str
) -> None:
    catalogue["en"]["k"] = "{x}"
    with pytest.raises(AssertionError, match=fault):
        Messages("en").text("k", **values)


def test_a_missing_key_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError, match=r"no message page\.nothing"):
        Messages("en").plain("page.nothing")


# --- Plurals and languages ----------------------------------------------------------------------------------------

ARABIC = {"zero": "z {count}", "one": "o {count}", "two": "t {count}", "few": "f {count}", "many": "m {count}",
          "other": "x {count}"}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "number", "form"),
    [  # CLDR 45 plural rules
        ("en", 1, "o"), ("en", 0, "x"), ("en", 1.5, "x"), ("en", 2, "x"),
        ("ru", 1, "o"), ("ru", 21, "o"), ("ru", 22, "f"), ("ru", 11, "m"), ("ru", 1.5, "x"),
        ("ar", 0, "z"), ("ar", 2, "t"), ("ar", 3, "f"), ("ar", 11, "m"), ("ar", 100, "x"),
        ("hi", 0, "o"), ("hi", 2, "x"), ("zh", 1, "x"),
    ],
)  # fmt: skip
def test_plural_forms_follow_cldr(
    catalogue: dict[str, dict[str, module.Entry]], language: str, number: float, form: str
) -> None:
    catalogue[language] = {"k": dict(ARABIC)}
    num = Num(number, unit="count", id="a" * 32)
    assert Messages(language).text("k", count=num) == (f"{form} ", num)


def test_a_form_that_is_not_written_falls_back_to_other(catalogue: dict[str, dict[str, module.Entry]]) -> None:
    catalogue["en"]["k"] = {"other": "many"}
    assert Messages("en").plain("k", count=Num(1, id="a")) == "many"  # type: ignore[arg-type]


@pytest.mark.parametrize("count", ["3", Num(None, 0, 1, id="a"), None])
def test_a_plural_needs_a_number_with_a_value(catalogue: dict[str, dict[str, module.Entry]], count: object) -> None:
    catalogue["en"]["k"] = {"one": "a", "other": "b"}
    with pytest.raises(AssertionError, match="count"):
        Messages("en").text("k", **({} if count is None else {"count": count}))  # type: ignore[arg-type]


def test_a_language_falls_back_to_its_base_and_to_english(catalogue: dict[str, dict[str, module.Entry]]) -> None:
    catalogue.update(en={"a": "en", "b": "en", "c": "en"}, pt={"b": "pt", "c": "pt"}, **{"pt-BR": {"c": "br"}})
    assert [Messages("pt-BR").plain(key) for key in "abc"] == ["en", "pt", "br"]
    assert Messages("xx").plain("c") == "en"


@pytest.mark.parametrize("language", ["../en", "en/../en", "", "no such"])
def test_a_tag_that_is_no_language_reads_no_file(language: str) -> None:
    assert Messages(language).plain("page.contents") == "Contents"


def test_neighbouring_words_become_one_and_empty_ones_go() -> None:
    assert joined(["a", "", "b", N, "", "c"]) == ("ab", N, "c")
    with pytest.raises(AssertionError, match="must be a Num"):
        joined([3.5])  # type: ignore[list-item]
