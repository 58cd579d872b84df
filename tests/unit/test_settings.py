"""Settings: where each value comes from. The YAML loader: what a file may hold, and how its faults are told."""

from __future__ import annotations

import difflib
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.settings import (
    OTHER_VARIABLES,
    SETTING_NAMES,
    YAML_BYTES_MAX,
    Document,
    Settings,
    nearest,
    need_extra,
    parse_yaml,
    unknown_key,
    validate,
)
from effort import calls


def parse(text: str | bytes, **options: Any) -> Any:
    return parse_yaml(text, where="f.yaml", **options).value


# --- Settings ---


def load(tmp_path: Path, toml: str = "", environment: dict[str, str] | None = None, **arguments: object) -> Settings:
    file = tmp_path / "concordat.toml"
    if toml:
        file.write_text(toml, encoding="utf-8")
    return Settings.load(arguments, environment or {}, file)


def test_order_is_argument_environment_file_default(tmp_path: Path) -> None:
    toml = 'data_dir = "/file"\nlanguage = "pt"\n'
    settings = load(tmp_path, toml, {"CONCORDAT_DATA_DIR": "/environment"}, data_dir=Path("/argument"))
    assert settings.data_dir == Path("/argument")
    assert settings.origins["data_dir"] == "argument"
    settings = load(tmp_path, toml, {"CONCORDAT_DATA_DIR": "/environment"})
    assert (settings.data_dir, settings.origins["data_dir"]) == (Path("/environment"), "CONCORDAT_DATA_DIR")
    settings = load(tmp_path, toml)
    assert (settings.data_dir, settings.origins["data_dir"]) == (Path("/file"), str(tmp_path / "concordat.toml"))
    assert (settings.language, settings.factbook) == ("pt", None)
    assert settings.origins["factbook"] == "default"
    assert set(settings.origins) == set(SETTING_NAMES)


@pytest.mark.parametrize("xdg", ["/xdg", "relative", ""])
def test_default_data_dir_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xdg: str) -> None:
    monkeypatch.setenv("HOME", "/far/ana")
    settings = load(tmp_path, environment={"XDG_DATA_HOME": xdg})
    wanted = "/xdg/concordat" if xdg == "/xdg" else "/far/ana/.local/share/concordat"
    assert settings.data_dir == Path(wanted)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('data_dirr = "x"', '"data_dirr" is not a key I know here. Did you mean "data_dir"?'),
        ('peers = "x"', "Known keys: data_dir, factbook, language."),
        ("language = 5", 'language must be text. Write language = "...".'),
        ('data_dir = ""', "data_dir is empty."),
        ("data_dir = ", "not TOML"),
        ('[data_dir]\na = "b"', "data_dir must be text."),
    ],
)
def test_a_faulty_file_is_an_error_with_its_name(tmp_path: Path, toml: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, toml)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "concordat.toml"))


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "concordat.toml").mkdir()
    with pytest.raises(InputError, match="can't be read"):
        Settings.load({}, {}, tmp_path / "concordat.toml")
    (tmp_path / "latin1.toml").write_bytes(b'language = "\xe9"')
    with pytest.raises(InputError, match="can't be read"):
        Settings.load({}, {}, tmp_path / "latin1.toml")


def test_an_unknown_variable_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'"CONCORDAT_DATADIR" is not a key .*"CONCORDAT_DATA_DIR"'):
        load(tmp_path, environment={"CONCORDAT_DATADIR": "/x"})
    load(tmp_path, environment=dict.fromkeys(OTHER_VARIABLES, "x"))


def test_paths_are_absolute_and_a_lost_home_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path, data_dir="store").data_dir == tmp_path / "store"
    with pytest.raises(InputError, match="no home folder is known"):
        load(tmp_path, data_dir="~nobody-of-that-name/x")


# --- Nearest keys ---


def test_nearest_key() -> None:
    assert nearest("BRIC", ["BRICS", "ASEAN"]) == ["BRICS"]
    assert nearest("brics", ["BRICS"]) == ["BRICS"]
    assert nearest("zzz", ["BRICS"]) == []
    assert str(unknown_key("indicatrs", ["indicators", "time"], where="s.yaml, line 2")) == (
        's.yaml, line 2: "indicatrs" is not a key I know here. Did you mean "indicators"?'
    )


def test_missing_extra_says_how_to_install_it() -> None:
    error = need_extra("sdmx", "Reading SDMX-ML")
    assert str(error) == (
        "Reading SDMX-ML needs the extra [sdmx], which is not installed. Install it with: pip install 'concordat[sdmx]'"
    )
    assert error.exit_code == 4


# --- YAML: values ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("no", "no"), ("on", "on"), ("yes", "yes"), ("Off", "Off"), ("y", "y"),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
        ("", None), ("~", None), ("null", None), ("nULL", "nULL"),
        ("2026-11-22", "2026-11-22"), ("2010-12", "2010-12"), ("12:30:45", "12:30:45"),
        ("12", 12), ("-5", -5), ("+5", 5), ("0", 0), ("-0", 0), ("0o7", 7), ("0x1F", 31), ("0b1", "0b1"),
        ("1_000", "1_000"), ("1,000", "1,000"), ("0.5", 0.5), ("-.5", -0.5), ("1.", 1.0), ("1.5E-3", 0.0015),
        (".inf", ".inf"), ("-.inf", "-.inf"), (".nan", ".nan"), ("nan", "nan"), ("+", "+"), (".", "."),
        ("'12'", "12"), ('"true"', "true"), ("''", ""), ("12 # comment", 12), ("9007199254740993", 9007199254740993),
    ],
)  # fmt: skip
def test_plain_scalars_are_yaml_1_2(text: str, value: object) -> None:
    found = parse(f"k: {text}\n")
    assert found == {"k": value}
    assert type(found["k"]) is type(value)


def test_numbers_as_text_keeps_what_was_written() -> None:
    text = "a: 0.10\nb: 076\nc: 1e3\nd: true\ne: null\nf: [1.50, -2]\n"
    found = parse(text, numbers_as_text=True)
    assert found == {"a": "0.10", "b": "076", "c": "1e3", "d": True, "e": None, "f": ["1.50", "-2"]}


def test_text_blocks_bytes_and_marks() -> None:
    assert parse("a: |\n  one\n  two\nb: >\n  three\n  four\n") == {"a": "one\ntwo\n", "b": "three four\n"}
    assert parse("\ufeffa: é\n".encode()) == {"a": "é"}
    assert parse("") is None
    assert parse("# nothing\n") is None
    assert parse("- 1\n- [a, {b: c}]\n") == [1, ["a", {"b": "c"}]]


# --- YAML: faults ---


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, 'the key "a" stands twice'),
        ("x:\n  a: 1\n  'a': 2\n", 3, 'the key "a" stands twice'),
        ("\u00e9: 1\ne\u0301: 2\n", 2, "stands twice"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases are not allowed. Write the value out."),
        ("b: *x\n", 1, "anchors and aliases are not allowed"),
        ("&x a: 1\n", 1, "a key must be plain text"),
        ("a: &x\n  - *x\n", 1, "anchors and aliases"),
        ("<<: {a: 1}\n", 1, "merging with << is not allowed"),
        ("a: !!str 12\n", 1, "the tag tag:yaml.org,2002:str is not allowed. Write a plain value."),
        ("a: ! 12\n", 1, "the tag ! is not allowed"),
        ("a: 1\nb: !!python/object/apply:os.system [x]\n", 2, "is not allowed"),
        ("!!str a: 1\n", 1, "a key must be plain text"),
        ("? [a, b]\n: 1\n", 1, "a key must be plain text"),
        ("? {a: b}\n: 1\n", 1, "a key must be plain text"),
        ("'': 1\n", 1, "a key is missing before the colon"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here. Keep one per file."),
        ("a: 1\nb: 076\n", 2, '076 begins with zero. Write "076" if it is a code, or drop the zero.'),
        ("a: -007\n", 1, "-007 begins with zero"),
        ("a: 1e400\n", 1, "1e400 is too large for a number"),
        ("a: " + "9" * 5000 + "\n", 1, "a number of 5000 digits. Write it as text, in quotes."),
        ("a: 0x" + "f" * 5000 + "\n", 1, "a number of 5002 digits"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("a:\n\t- b\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("[" * 65 + "]" * 65, 1, "nested deeper than 64 levels"),
        ("[" * 200_000, 1, "nested deeper than 64 levels"),
        ("{a: " * 70 + "1" + "}" * 70, 1, "nested deeper than 64 levels"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"f.yaml, line {line}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a: \xff\n", "byte 3 is not UTF-8"),
        ("a: b\n".encode("utf-16"), "is not UTF-8"),
        ("a: \ud800\n", "half a surrogate pair"),
        ("a: \x00\n", "control characters are not allowed"),
    ],
)
def test_bytes_that_are_not_text(text: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse(text)


def test_the_size_limit_counts_bytes() -> None:
    assert parse("a: " + "x" * (YAML_BYTES_MAX - 3))
    for text in ("a: " + "x" * YAML_BYTES_MAX, "a: " + "é" * (YAML_BYTES_MAX // 2), b"#" * (YAML_BYTES_MAX + 1)):
        with pytest.raises(InputError, match=r"over 5,000,000 bytes\. Split the file\."):
            parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema: concordat/study@2\n", 'line 1: says schema "concordat/study@2"; this must be concordat/study@1.'),
        ("a: 1\n", "does not say its schema"),
        ("", "holds no keys. Begin with: schema: concordat/study@1"),
        ("- a\n", "holds no keys"),
    ],
)
def test_schema_is_named_in_the_file(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, schema="study@1")
    assert words in str(caught.value)
    assert parse("schema: concordat/study@1\n", schema="study@1") == {"schema": "concordat/study@1"}


def test_places_of_keys_and_items() -> None:
    document = parse_yaml("a:\n  - x\n  - b: 1\n    c: 2\nd: {e: 3}\n", where="f.yaml")
    assert document.place("a", 1, "c") == "f.yaml, line 4"
    assert document.place("a", 0) == "f.yaml, line 2"
    assert document.place("d", "e", "unknown") == "f.yaml, line 5"
    assert document.place("nowhere") == "f.yaml, line 1"
    assert Document({}, "f.yaml", {}).place("a") == "f.yaml"


# --- Models ---


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = Field(0.5, ge=0, le=1)
    day: date | None = None
    on: bool = False
    from_: int = Field(2009, alias="from")
    names: tuple[str, ...] = ()


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    parts: list[Part] = []
    best: Part | None = None


def check(text: str, *path: str | int) -> Any:
    return validate(parse_yaml(text, where="f.yaml"), Part if path else Whole, *path)


def test_a_model_takes_dates_and_lists_from_text() -> None:
    found = check("title: t\nparts:\n  - {rate: 1, day: 2026-11-22, from: 2010, names: [a, b]}\n")
    assert found.parts[0] == Part(**{"rate": 1.0, "day": date(2026, 11, 22), "from": 2010, "names": ("a", "b")})
    assert check("title: t\nbest: {rate: 0.25}\n", "best").rate == 0.25


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parts: []\n", 'f.yaml, line 1: the key "title" is missing. Add it.'),
        ("title: t\nparts:\n  - rate: 0.5\n  - rate: 2\n", "f.yaml, line 4: parts.1.rate: "),
        ("title: t\nparts:\n  - {rate: 2}\n", "(found 2)"),
        ("title: t\nparts:\n  - {rate: nan}\n", "should be a valid number (found 'nan')"),
        ("title: t\nparts:\n  - {rate: '0.5'}\n", "should be a valid number (found '0.5')"),
        ("title: t\nparts:\n  - {on: no}\n", "should be a valid boolean (found 'no')"),
        ("title: t\nparts:\n  - {from: 2010.5}\n", "should be a valid integer"),
        ("title: t\nparts:\n  - {day: 2026-13-01}\n", "parts.0.day"),
        ("title: 5\n", "title: Input should be a valid string (found 5)."),
        ("title: t\ntitel: u\n", 'line 2: "titel" is not a key I know here. Did you mean "title"?'),
        ("title: t\nparts:\n  - x\n", "line 3: parts.0"),
        ("title: t\nparts:\n  - {rte: 1}\n", 'line 3: "rte" is not a key I know here. Did you mean "rate"?'),
        ("title: t\nbest: {frm: 1}\n", 'Did you mean "from"?'),
        ("title: 5\nparts: 6\n", "1 more after this one."),
    ],
)
def test_the_first_fault_has_its_line_key_and_nearest_key(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["title: t\n", "title: t\nbest: null\n", "- 1\n"])
def test_a_missing_part_of_the_document_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r'the key "(best|rate)" is missing'):
        check(text, "best", "rate")


def test_long_words_chosen_to_be_alike_cost_little() -> None:
    draw = random.Random(1)
    known = ["".join(draw.choices("ab", k=64)) for _ in range(250)]
    assert nearest(known[7][:60] + "xxxx", known) == [known[7]]
    assert calls(lambda: nearest(known[7][:60] + "xxxx", known)) < 500_000  # all compared letter by letter: a million
    assert nearest("x" * 100_000, known) == []


def test_the_nearest_is_what_a_full_comparison_finds() -> None:
    draw = random.Random(2)
    known = sorted({"".join(draw.choices("abcdefgh", k=draw.randrange(3, 9))) for _ in range(300)})
    for _ in range(50):
        word = "".join(draw.choices("abcdefgh", k=6))
        ratios = {k: difflib.SequenceMatcher(None, k, word).ratio() for k in known}
        best = max(ratios.values())
        found = nearest(word, known)
        assert ratios[found[0]] == best if best >= 0.6 else found == []
