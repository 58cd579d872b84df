"""The readers of rule texts: what each makes of a file, where its units stand in it, and what is refused how."""

from __future__ import annotations

import builtins
import hashlib
from typing import Any

import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook import _clean, readers
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.readers import _units, _xml

NAME = "pact.txt"


def _read(data: bytes | str, **more: Any) -> ParsedInstrument:
    raw = data.encode() if isinstance(data, str) else data
    return readers.parse(raw, name=more.pop("name", NAME), id="pact", **more)


def _told(parsed: ParsedInstrument, *kinds: str) -> list[tuple[str, str]]:
    return [(unit.id, unit.text) for unit in parsed.units if not kinds or unit.kind in kinds]


# --- Addresses ----------------------------------------------------------------------------------------------------

TEXT = """Data Pact

Chapter 1
General

Article 1
Scope
1. It covers the data of the Parties and the
networks that carry them.
2. It does not cover:
(a) taxes;
(b) arms that are named in
(i) list one; or
(ii) list two.

Article 2
Flow
Each Party shall allow the transfer of data.

Annex 1
Fees
Article 1
None
There shall be no fee.
Article 2
Ever
There shall never be one.
"""


def test_units_have_addresses_parents_and_an_order() -> None:
    parsed = _read(TEXT)
    assert [(unit.id, unit.kind, unit.parent) for unit in parsed.units] == [
        ("pact/preamble", "paragraph", ""),
        ("pact/ch1", "chapter", ""),
        ("pact/1", "article", "pact/ch1"),
        ("pact/1/1", "paragraph", "pact/1"),
        ("pact/1/2", "paragraph", "pact/1"),
        ("pact/1/2/a", "paragraph", "pact/1/2"),
        ("pact/1/2/b", "paragraph", "pact/1/2"),
        ("pact/2", "article", "pact/ch1"),
        ("pact/annex-1", "annex", ""),
        ("pact/annex-1/1", "article", "pact/annex-1"),
        ("pact/annex-1/2", "article", "pact/annex-1"),
    ]
    assert [unit.order for unit in parsed.units] == list(range(11))
    assert parsed.title == "Data Pact"
    assert parsed.units[1].heading == "General"
    assert dict(_told(parsed))["pact/1/2/b"] == "arms that are named in\n(i) list one; or\n(ii) list two."


def test_texts_are_hashed_and_parts_are_verbatim_pieces_of_their_article() -> None:
    parsed = _read(TEXT)
    texts = dict(_told(parsed))
    for unit in parsed.units:
        assert unit.sha256 == hashlib.sha256(unit.text.encode()).hexdigest()
        if unit.kind == "paragraph" and unit.parent:
            assert unit.text in texts[unit.parent]


def test_an_article_knows_its_bytes_in_the_raw_file() -> None:
    for raw in (TEXT.replace("data", "datá").encode(), TEXT.encode("utf-16"), b"\xef\xbb\xbf" + TEXT.encode()):
        parsed = _read(raw)
        article = next(unit for unit in parsed.units if unit.id == "pact/2")
        piece = raw[article.source.start : article.source.end]
        text = piece.decode("utf-16-le" if raw[:2] == b"\xff\xfe" else "utf-8")
        assert text.startswith("Article 2\nFlow\nEach Party")
        assert text.rstrip().endswith("of data." if "á" not in text else "of datá.")
        assert article.source.sha256 == hashlib.sha256(raw).hexdigest()


def test_the_same_bytes_give_the_same_units() -> None:
    assert _read(TEXT) == _read(TEXT)


def test_a_number_that_stands_twice_is_kept_with_a_mark_and_a_warning() -> None:
    parsed = _read(
        "Chapter 1\nA\nArticle 1: Scope\nAll of it.\nArticle 2: Flow\nFree.\n"
        "Chapter 2\nB\nArticle 1: Fees\nNone of it.\n"
    )
    assert [name for name, _ in _told(parsed, "article")] == ["pact/1", "pact/2", "pact/1~2"]
    assert parsed.warnings == (
        "pact.txt: article numbers that stand more than once are kept with a mark: 1~2.",
    )  # fmt: skip


def test_paragraphs_are_numbered_in_several_ways_and_footnotes_are_none() -> None:
    def numbers(text: str, article: str = "") -> list[tuple[str, list[str]]]:
        return [
            (number, [letter for letter, _, _ in points]) for number, _, _, points in _units.paragraphs(text, article)
        ]

    assert numbers("1. One.\n2. Two.\n6. A note.\n3. Three.") == [("1", []), ("2", []), ("3", [])]
    assert numbers("(1) One.\n(2) Two.") == [("1", []), ("2", [])]
    assert numbers("1 - Um.\n2 - Dois.") == [("1", []), ("2", [])]
    assert numbers("一、一。\n二、二。") == [("1", []), ("2", [])]
    assert numbers("4.3.1 One.\n4.3.2 Two.", "4.3") == [("1", []), ("2", [])]
    assert numbers("4.3.1 One.\n4.3.2 Two.", "4.4") == []
    assert numbers("It is:\n(a) so;\n(b) or so.") == [("", ["a", "b"])]
    assert numbers("1. а) да;\n2. Нет:\nа) да;\nб) нет.") == [("1", []), ("2", ["а", "б"])]
    assert numbers("1. (a) so;\n(b) or so.") == [("1", ["a", "b"])]
    assert numbers("7. A note.") == []
    assert numbers("It is so.\n1.\n2.") == []
    letters = "\n".join(f"({letter}) so;" for letter in "abcdefghij")
    assert numbers(f"It is:\n{letters}") == [("", list("abcdefghij"))]
    assert numbers("It is:\n(a) so:\n(i) one;\n(ii) two;\n(b) or so.") == [("", ["a", "b"])]


# --- What kind of file it is --------------------------------------------------------------------------------------

TOTA = """<?xml version="1.0" encoding="UTF-8"?>
<treaty><meta><name>A - B</name><date_signed>2010-01-02</date_signed><language>en</language>
<parties><partyisocode n="1">AAA</partyisocode><partyisocode n="2">BBB</partyisocode></parties></meta>
<body><chapter name="Preamble" chapter_identifier="1"><article article_identifier="10">The Parties agree.</article>
</chapter>
<chapter number="CHAPTER TWO" name="Financial Services1" chapter_identifier="2">
<article number="ARTICLE 2.1" name="New Financial Services3" article_identifier="11">1. Each Party shall
permit new &amp; old

services.

2. It shall

(a) publish its rules; and

12

(b) answer

questions.

13

3. All of it.</article>
<article number="ARTICLE 2.2" name="Mp3 Files" article_identifier="12">See Article 3.

14

Nothing else.</article></chapter></body></treaty>"""


def test_tota() -> None:
    parsed = _read(TOTA, name="a.xml")
    assert (parsed.title, parsed.lang, parsed.parties, parsed.facts["date_signed"]) == (
        "A - B", "en", ("AAA", "BBB"), "2010-01-02",
    )  # fmt: skip
    assert [(u.id, u.kind, u.number, u.heading, u.alternative_id) for u in parsed.units if u.kind != "paragraph"] == [
        ("pact/ch-preamble", "chapter", "", "Preamble", "1"),
        ("pact/10", "article", "", "", ""),
        ("pact/ch2", "chapter", "TWO", "Financial Services", "2"),
        ("pact/11", "article", "2.1", "New Financial Services", "ARTICLE 2.1"),
        ("pact/12", "article", "2.2", "Mp3 Files", "ARTICLE 2.2"),
    ]
    texts = dict(_told(parsed))
    assert texts["pact/11"] == (
        "1. Each Party shall permit new & old services.\n2. It shall\n(a) publish its rules; and\n"
        "(b) answer questions.\n3. All of it."
    )
    assert (texts["pact/11/2/b"], texts["pact/12"]) == ("answer questions.", "See Article 3.\nNothing else.")
    article = next(unit for unit in parsed.units if unit.id == "pact/12")
    piece = TOTA.encode()[article.source.start : article.source.end]
    assert piece.startswith(b'<article number="ARTICLE 2.2"')
    assert piece.endswith(b"</article>")


AKN = """<akomaNtoso xmlns="{ns}"><act name="act"><meta><identification><FRBRWork>
<FRBRuri value="/akn/aa/act/2024/1"/><FRBRdate date="2024-02-18" name="Generation"/><FRBRcountry value="aa"/></FRBRWork>
<FRBRExpression><FRBRlanguage language="eng"/></FRBRExpression></identification></meta>
<preface><longTitle><p>An act about <docTitle>Digital Trade</docTitle></p></longTitle></preface>
<preamble><p>The Parties, wishing well:</p></preamble>
<body><part {id}="part_I"><num>Part I</num><heading>General</heading>
<chapter {id}="chp_1"><num>Chapter 1</num><heading>Scope</heading>
<article {id}="art_1"><num>Article 1.</num><heading>Words</heading>
  <paragraph {id}="art_1__para_1"><num>1.</num><list><intro><p>In this act<authorialNote marker="3"><p>As of 2024.</p></authorialNote>:</p></intro>
    <point {id}="art_1__p_a"><num>(a)</num><content><p>“data” means <b>all</b> data;</p></content></point>
    <point {id}="art_1__p_b"><num>(b)</num><list><intro><p>“party” means:</p></intro>
       <point><num>(i)</num><content><p>A;</p></content></point><point><num>(ii)</num><content><p>B.</p></content></point></list></point></list></paragraph>
  <paragraph {id}="art_1__para_2"><num>2.</num><content><p>Words stay.</p></content></paragraph></article>
<article {id}="art_2"><num>Article 2</num><heading>Change</heading><content><p>In the Act of 1999, <mod>for
<quotedText>“shall allow”</quotedText> put <quotedStructure><article {id}="q"><num>Article 7</num><content><p>Each Party shall ban it.</p></content></article></quotedStructure></mod> at once.</p></content></article>
</chapter></part></body>
<attachments><attachment {id}="att_1"><heading>Annex A: Lists</heading><doc name="annex"><mainBody><p>None is made.</p></mainBody></doc></attachment></attachments>
</act></akomaNtoso>"""  # noqa: E501


@pytest.mark.parametrize(
    ("ns", "own"),
    [("http://docs.oasis-open.org/legaldocml/ns/akn/3.0", "eId"), ("http://www.akomantoso.org/2.0", "id")],
)
def test_akoma_ntoso(ns: str, own: str) -> None:
    raw = AKN.replace("{ns}", ns).replace("{id}", own).encode()
    parsed = _read(raw, name="act.xml")
    assert (parsed.title, parsed.lang) == ("Digital Trade", "en")
    assert (parsed.facts["date"], parsed.facts["uri"]) == ("2024-02-18", "/akn/aa/act/2024/1")
    assert [(u.id, u.kind, u.parent, u.alternative_id) for u in parsed.units] == [
        ("pact/preface", "paragraph", "", ""),
        ("pact/preamble", "paragraph", "", ""),
        ("pact/ch-part-1", "chapter", "", "part_I"),
        ("pact/ch1", "chapter", "pact/ch-part-1", "chp_1"),
        ("pact/1", "article", "pact/ch1", "art_1"),
        ("pact/1/1", "paragraph", "pact/1", "art_1__para_1"),
        ("pact/1/1/a", "paragraph", "pact/1/1", "art_1__p_a"),
        ("pact/1/1/b", "paragraph", "pact/1/1", "art_1__p_b"),
        ("pact/1/2", "paragraph", "pact/1", "art_1__para_2"),
        ("pact/1/fn-3", "footnote", "pact/1", ""),
        ("pact/2", "article", "pact/ch1", "art_2"),
        ("pact/2/quoted-1", "footnote", "pact/2", ""),
        ("pact/2/quoted-2", "footnote", "pact/2", ""),
        ("pact/annex-A", "annex", "", "att_1"),
    ]
    texts = dict(_told(parsed))
    assert texts["pact/1"] == (
        "1. In this act:\n(a) “data” means all data;\n(b) “party” means:\n(i) A;\n(ii) B.\n2. Words stay."
    )
    assert texts["pact/1/1/b"] == "“party” means:\n(i) A;\n(ii) B."
    assert texts["pact/1/fn-3"] == "As of 2024."
    assert texts["pact/2"] == "In the Act of 1999, for […] put […] at once."
    assert "ban" in texts["pact/2/quoted-2"]
    article = next(unit for unit in parsed.units if unit.id == "pact/2")
    assert raw[article.source.start : article.source.end].startswith(f'<article {own}="art_2">'.encode())


def test_sections_stand_for_articles_in_an_akn_act_without_any() -> None:
    raw = AKN.replace("{ns}", "x").replace("{id}", "eId").replace("article", "section").replace("Article", "Section")
    assert [name for name, _ in _told(_read(raw), "article")] == ["pact/1", "pact/2"]


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("Article 4.3.", "4.3"), ("Article premier", "premier"), ("XIII", "XIII"), ("Art. 5", "5"), ("第五条", "五"),
        ("§ 7", "7"), ("“1.", "1"), ("XIII bis", "XIII bis"), ("(2)", "2"), ("СТАТЬЯ 9", "9"),
    ],
)  # fmt: skip
def test_akn_numbers_lose_their_word_and_stops(printed: str, number: str) -> None:
    article = f"<article><num>{printed}</num><content><p>x</p></content></article>"
    parsed = _read(f"<akomaNtoso><act><meta/><body>{article}</body></act></akomaNtoso>", lang="en")
    assert [unit.number for unit in parsed.units] == [number]


def test_akn_lists_in_blocks_named_levels_and_nested_attachments() -> None:
    raw = """<akomaNtoso><act><meta/><body><chapter><num>1</num><heading>General</heading>
    <hcontainer name="regulation"><num>1.</num><heading>Aims</heading>
      <subsection><num>(1)</num><content><blockList><listIntroduction>The Board must -</listIntroduction>
        <item><num>(a)</num><blockList><listIntroduction>promote -</listIntroduction>
          <item><num>(i)</num><p>data; and</p></item></blockList></item></blockList></content></subsection>
    </hcontainer></chapter></body>
    <attachments><attachment><heading>Annex</heading><doc name="annex"><mainBody><p>None.</p></mainBody>
      <attachments><attachment><heading>Schedule B</heading><doc name="s"><mainBody><p>Nor here.</p></mainBody></doc>
      </attachment></attachments></doc></attachment></attachments></act></akomaNtoso>"""
    assert _told(_read(raw, lang="en")) == [
        ("pact/ch1", ""),
        ("pact/1", "(1) The Board must -\n(a) promote -\n(i) data; and"),
        ("pact/1/1", "The Board must -\n(a) promote -\n(i) data; and"),
        ("pact/1/1/a", "promote -\n(i) data; and"),
        ("pact/annex-1", "None."),
        ("pact/annex-1/annex-B", "Nor here."),
    ]


def test_akn_levels_are_bounded_and_inline_marks_are_not_levels() -> None:
    deep = "<point><num>a</num>" * 13 + "<content><p>x</p></content>" + "</point>" * 13
    body = "<akomaNtoso><act><meta/><body><article><num>1</num>{}</article></body></act></akomaNtoso>"
    with pytest.raises(InputError, match="more than 12 levels deep"):
        _read(body.format(deep), lang="en")
    inline = "<content><p>" + "<b>" * 20 + "all" + "</b>" * 20 + "</p></content>"
    assert _told(_read(body.format(inline), lang="en")) == [("pact/1", "all")]


def test_html() -> None:
    page = (
        "<!DOCTYPE html><html lang='en'><head><title>The Pact</title><style>p {}</style>"
        "<script>var a = 'Article 9';</script></head>"
        "<body><nav><p>Article 8</p><p>Home</p></nav><h2>Article&nbsp;1<br>Scope</h2>"
        "<div>1. It covers <i>all</i> data &amp; net&shy;works.</div><p>2. And <a href='x'>more</a>:"
        "<ul><li>(a) this;</li><li>(b) that.</li></ul>"
        "<h2>Article 2</h2><h3>Flow</h3><table><tr><td>Each</td><td>Party</td></tr></table></body></html>"
    )
    parsed = _read(page, name="p.html")
    assert parsed.title == "The Pact"
    assert [(u.id, u.heading, u.text) for u in parsed.units if u.kind == "article"] == [
        ("pact/1", "Scope", "1. It covers all data & networks.\n2. And more:\n(a) this;\n(b) that."),
        ("pact/2", "Flow", "Each Party"),
    ]
    second = next(unit for unit in parsed.units if unit.id == "pact/2")
    assert page.encode()[second.source.start : second.source.end].startswith(b"Article 2</h2>")


def test_a_page_that_is_all_navigation_is_read_all_the_same() -> None:
    parsed = _read("<html lang='en'><body><nav><p>Article 1: Scope</p><p>All.</p><p>Article 2: Flow</p><p>Free.</p>")
    assert [name for name, _ in _told(parsed, "article")] == ["pact/1", "pact/2"]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"Article 1", "text"),
        (b"%PDF-1.7", "pdf"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><treaty>", "tota"),
        (b"<!-- note --><an:akomaNtoso xmlns:an='x'>", "akn"),
        (b"<!DOCTYPE html><html>", "html"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html>", "html"),
        (b"<p>Article 1", "html"),
        (b"<!DOCTYPE treaty><treaty>", "tota"),
        ("<?xml version='1.0'?><treaty>".encode("utf-16"), "tota"),
    ],
)
def test_the_content_tells_the_format(head: bytes, kind: str) -> None:
    assert readers.format_of(head, name="x.dat") == kind


# --- Encodings ----------------------------------------------------------------------------------------------------

RUSSIAN = "Статья 1. Сфера\nВсе данные и сети для их передачи.\nСтатья 2. Передача\nОна не ограничивается.\n"
SPANISH = "Artículo 1: Ámbito\nAbarca los datos y las redes.\nArtículo 2: Flujo\nEl flujo según la ley.\n"
CHINESE = "第一条 定义\n数据是各方的信息。\n第二条 流动\n各方应当允许其流动。\n"


@pytest.mark.parametrize(
    ("text", "encoding", "lang"), [(RUSSIAN, "cp1251", "ru"), (SPANISH, "cp1252", "es"), (CHINESE, "gb18030", "zh")]
)
def test_another_encoding_is_guessed_and_named(text: str, encoding: str, lang: str) -> None:
    parsed = _read(text.encode(encoding))
    assert (parsed.lang, len(_told(parsed, "article"))) == (lang, 2)
    assert f"read as {encoding}, which is a guess" in parsed.warnings[0]
    article = [unit for unit in parsed.units if unit.kind == "article"][1]
    assert (
        text.encode(encoding)[article.source.start : article.source.end].decode(encoding)
        == text[text.rindex(text[0]) :]
    )


def test_a_declared_encoding_is_used_and_bytes_that_are_none_are_refused_with_their_place() -> None:
    page = f"<html><meta charset='iso-8859-1'><p>{SPANISH.replace(chr(10), '<p>')}"
    assert _read(page.encode("latin-1")).lang == "es"
    xml = TOTA.replace('"UTF-8"', '"ISO-8859-1"').replace("Nothing else", "Nadá else").encode("latin-1")
    parsed = _read(xml)
    assert "Nadá" in dict(_told(parsed))["pact/12"]
    article = next(unit for unit in parsed.units if unit.id == "pact/12")
    assert xml[article.source.start : article.source.end].endswith(b"</article>")
    bad = TOTA.replace("Nothing else", "Nad\udcff else").encode("utf-8", "surrogateescape")
    with pytest.raises(InputError, match=f"byte {bad.index(0xFF)} can't be read as"):
        _read(bad)
    with pytest.raises(InputError, match="byte 3 can't be read as UTF-8"):
        _read(b"abc\xff\x00\x01\x02")
    with pytest.raises(InputError, match='"x-none" is not an encoding'):
        _read(b"<html><meta charset='x-none'><p>\xff")


# --- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"", b" \n\t\n"])
def test_an_empty_file_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"pact\.txt: the file is empty\."):
        _read(raw)


def test_a_doctype_is_refused_with_its_line() -> None:
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE treaty [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>\n<treaty>&c;</treaty>'
    with pytest.raises(InputError) as caught:
        _read(bomb, name="depa.xml")
    assert str(caught.value) == "depa.xml: line 2 declares a DOCTYPE; we refuse entities. Remove it and load again."
    outside = '<!DOCTYPE akomaNtoso SYSTEM "file:///etc/passwd"><akomaNtoso/>'
    with pytest.raises(InputError, match=r"line 1 declares a DOCTYPE"):
        _read(outside, name="depa.xml")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("<treaty><body></treaty>", "line 1, column .* is not XML"),
        ("<treaty>&none;</treaty>", "is not XML: undefined entity"),
        ("<?xml version='1.0'?><rss/>", "begins with <rss>"),
        ("<treaty>" + "<a>" * 70 + "</a>" * 70 + "</treaty>", "nests more than 64 elements"),
        ("PK\x03\x04 and so on", "is a Word or zip file"),
        ("{\\rtf1 text", "is an RTF file"),
        ("%PDF-1.7 but no more", "is not a PDF that we can read"),
        ("<treaty><meta><language>en</language></meta></treaty>", "no text is in it"),
        ("<html><body><p> </p></body></html>", "no text is in it"),
    ],
)
def test_what_can_not_be_read_is_refused(raw: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        _read(raw)


@pytest.mark.parametrize("sign", [".", "a", "1", " ", "(", "-", "_"])
def test_a_line_of_one_sign_alone_is_read(sign: str) -> None:
    """A pattern that tries each beginning again would take hours for these."""
    line = sign * 200_000
    text = f"Article 1: {line}x1\n{line}-\nb{line}\nArticle 2 {line}\n{line}!\nArticle 3: End\nIt ends.\n"
    assert _read(text, lang="en").units
    wanted = line.strip()
    raw = f'<treaty><body><chapter name="{line}1"><article name="x">\n{line}y</article></chapter></body></treaty>'
    assert _read(raw, lang="en").units[-1].text == f"{wanted}y"


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_units, "UNITS_MAX", 3)
    with pytest.raises(InputError, match="more than 3 units"):
        _read(TEXT)
    monkeypatch.setattr(_units, "BYTES_MAX", 100)
    with pytest.raises(InputError, match="the limit is 100"):
        _read(TEXT)


def test_unknown_languages_and_formats_get_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"fra" is not a language we split\. Did you mean fr'):
        _read(TEXT, lang="fra")
    with pytest.raises(InputError, match=r'"htm" is not a format we read\. Did you mean html'):
        _read(TEXT, format="htm")


def test_a_format_that_is_named_is_taken() -> None:
    with pytest.raises(InputError, match="not Akoma Ntoso"):
        _read(TOTA, format="akn")
    with pytest.raises(InputError, match="not ToTA"):
        _read(AKN.replace("{ns}", "x").replace("{id}", "eId"), format="tota")
    assert _read("<p>It is the law of the land and of the sea.", format="text").units[0].text.startswith("<p>It")


# --- Language -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Each Party shall allow the cross-border transfer of information by electronic means.", "en"),
        (
            "Cada Parte permitirá la transferencia transfronteriza de información por medios electrónicos y las redes.",
            "es",
        ),
        ("Chaque Partie autorise le transfert transfrontière des informations par des moyens électroniques.", "fr"),
        (
            "Cada Parte permitirá a transferência transfronteiriça de informações por meios eletrônicos e nas redes.",
            "pt",
        ),
        ("Каждая Сторона разрешает трансграничную передачу информации с помощью электронных средств и сетей.", "ru"),
        ("各缔约方应当允许通过电子方式跨境传输信息。", "zh"),
    ],
)
def test_the_language_is_guessed(text: str, lang: str) -> None:
    guess, margin = _clean.guess_language(text)
    assert guess == lang
    assert margin >= _clean.MARGIN_MIN
    assert _read(text).facts["language_from"] == "guess"


def test_a_language_that_can_not_be_told_must_be_given() -> None:
    with pytest.raises(InputError, match="Say which it is: --lang"):
        _read("Articulo 1: 5G\nOK.\nArticulo 2: 6G\nOK.\n")
    parsed = _read("Articulo 1: 5G\nOK.\nArticulo 2: 6G\nOK.\n", lang="es")
    assert (parsed.lang, parsed.facts["language_from"]) == ("es", "argument")


# --- Pages --------------------------------------------------------------------------------------------------------


def test_lines_repeated_at_the_edge_of_pages_are_furniture_and_headings_there_are_not() -> None:
    names = ("one", "two", "three", "four", "five")
    pages = [["Pact of 2024", f"Article {n}", f"It is {name}.", f"Page {n} of 5"] for n, name in enumerate(names, 1)]
    pages[2][0] = "Another head"  # 4 of 5 are more than 60%
    heads = readers._heads.head_pattern("en")  # type: ignore[attr-defined]
    kept = _clean.without_furniture(pages, heads)
    assert kept[0] == ["Article 1", "It is one."]
    assert kept[2] == ["Another head", "Article 3", "It is three."]
    rare = [["Head", "x" * n] if n < 3 else ["y" * n, "z" * n] for n in range(1, 6)]
    assert _clean.without_furniture(rare) == rare  # 2 of 5 are less


def test_page_numbers_go_and_paragraph_numbers_stay() -> None:
    paged = "Article 1: Scope\nIt covers the data\n3\nof all Parties.\nArticle 2: Flow\nIt is\n4\nfree.\n- 5 -\n"
    assert [text for _, text in _told(_read(paged), "article")] == ["It covers the data of all Parties.", "It is free."]
    formula = "Article 1: Rate\nThe rate is the sum of it divided by\n100\nin the year.\nArticle 2: End\nOf it.\n"
    assert _told(_read(formula), "article")[0][1].endswith("divided by 100 in the year.")
    numbered = "Article 1: Scope\n1\nIt is of the Parties.\n2\nIt is for all.\n3\nIt is so.\nArticle 2: End\nOf it.\n"
    assert "2 It is for all." in _told(_read(numbered), "article")[0][1].replace("\n", " ")
    names = ("one", "two", "three", "four")
    fed = "\f".join(
        f"The Pact\nArticle {n}: Of {name}\nIt is the rule of {name}.\n{n}" for n, name in enumerate(names, 1)
    )
    assert [text for _, text in _told(_read(fed), "article")] == [f"It is the rule of {name}." for name in names]


def test_breaks_that_are_soft_and_breaks_that_are_not() -> None:
    cases = {
        "Each Party shall\nallow it.": "Each Party shall allow it.",
        "It ends.\nThe next.": "It ends.\nThe next.",
        "It ends in\n2020 or so.": "It ends in 2020 or so.",
        "It shall:\n(a)\nallow it;\n(b) ban it.": "It shall:\n(a) allow it;\n(b) ban it.",
        "1.\n(a)\nAllow.\n2.\nBan.": "1.\n(a) Allow.\n2. Ban.",
        "The Republic of\n\nSingapore": "The Republic of Singapore",
        "Section A\n\nEach Party": "Section A\nEach Party",
        "one\r\ntwo\u00a0\t three\u200b\u00ad": "one two three",
        "e\u0301": "é",
    }
    assert {text: _clean.tidy(text) for text in cases} == cases
    assert _clean.tidy("for the\n\nParties", blank="hard") == "for the\nParties"
    assert _clean.tidy("for the\n\nparties", blank="hard") == "for the parties"
    assert _clean.tidy("for the\n\nparties", blank="always") == "for the\nparties"
    assert _clean.tidy("各方应\n当 A\nB", lang="zh") == "各方应当 A B"


def test_words_cut_at_a_line_end_are_joined_if_they_are_known() -> None:
    lines = ["The trans-", "fer of data. A transfer is cross-", "border. Ends on A-", "B."]
    assert _clean.without_hyphens(lines) == ["The transfer", "of data. A transfer is cross-border.", "Ends on A-", "B."]


def test_headings_lose_footnote_digits_of_words_that_are_known_and_no_others() -> None:
    known = _clean.Known(["The Services and their Transfers. Mp3 files."])
    cases = {
        "New Services3": "New Services",
        "Transfers12-10": "Transfers",
        "Transfers7, 8": "Transfers",
        "Services3 And Goods": "Services And Goods",
        "Xyzzy3": "Xyzzy3",  # no word of the text
        "Mp3 Files": "Mp3 Files",
        "Under Chapter 10": "Under Chapter 10",
        "Data2": "Data",  # a word of the taxonomy
        "(Definitions)": "Definitions",
        "Scope.": "Scope",
    }
    assert {line: _clean.heading(line, known) for line in cases} == cases


# --- Sentences ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Each Party shall act (see Art. 5). It may stop.", ["Each Party shall act (see Art. 5).", "It may stop."]),
        ("1. One. 2. Two.\nNo. 3 applies, e.g. here.", ["1. One.", "2. Two.", "No. 3 applies, e.g. here."]),
        ("The U.S. Party acts. “It ends.” So.", ["The U.S. Party acts.", "“It ends.”", "So."]),
        (
            "Véase el núm. 4 del Sr. López. ¿Y el art. 3? No.",
            ["Véase el núm. 4 del Sr. López.", "¿Y el art. 3?", "No."],
        ),
        ("Voir l’art. 7, al. 2. Fin.", ["Voir l’art. 7, al. 2.", "Fin."]),
        ("Nos termos do art. 3.º do acordo. Fim.", ["Nos termos do art. 3.º do acordo.", "Fim."]),
        ("См. п. 2 ст. 7 и др. нормы. Конец.", ["См. п. 2 ст. 7 и др. нормы.", "Конец."]),
        ("各方应当允许。“本条不适用。”结束", ["各方应当允许。", "“本条不适用。”", "结束"]),
        ("It is 3.5 per cent. Yes", ["It is 3.5 per cent.", "Yes"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_of_six_languages(text: str, wanted: list[str]) -> None:
    assert [text[start:end] for start, end in _clean.sentences(text)] == wanted


# --- PDF ----------------------------------------------------------------------------------------------------------

PDF_BODY = """
#set page(width: 12cm, height: 9cm, header: [Pact of the Parties], footer: context [Page #counter(page).display()])
#set text(lang: "en", hyphenate: false, size: 10pt)
#set par(justify: false)
#let head(it) = block(above: 1em, below: 0.6em, it)
"""


def _pdf(body: str) -> bytes:
    typst = pytest.importorskip("typst", reason="makes the PDFs of these tests")
    return bytes(typst.compile((PDF_BODY + body).encode()))


NAMES = ("Data", "Code", "Money", "Goods", "Mail")


def _words(name: str) -> str:
    """Some lines, of another length for each name."""
    sentences = (f"{name} {part} shall be free to move to the other Party." for part in ("one", "two", "three", "four"))
    return " ".join(sentences) + f" So is all {name}" * len(name) + "."


def _article(number: int) -> str:
    name = NAMES[number - 1]
    return f"#head[Article {number}]\n#head[Flow of {name}]\n1. {_words(name)}\n\n#pagebreak(weak: true)\n"


@pytest.fixture
def pypdf() -> None:
    pytest.importorskip("pypdf", reason="needs the extra [text] or [test]")


@pytest.mark.usefixtures("pypdf")
def test_pdf() -> None:
    parsed = _read(_pdf("".join(_article(n) for n in range(1, 6))), name="pact.pdf")
    articles = [unit for unit in parsed.units if unit.kind == "article"]
    assert [(unit.id, unit.heading, unit.text) for unit in articles] == [
        (f"pact/{n}", f"Flow of {name}", f"1. {_words(name)}") for n, name in enumerate(NAMES, 1)
    ]
    assert (articles[0].source.start, articles[0].source.end) == (0, 0)


@pytest.mark.usefixtures("pypdf")
def test_pages_that_hold_pictures_only_are_told() -> None:
    blank = "#rect(width: 2cm)\n#pagebreak()\n"
    empty = "#set page(header: none, footer: none)\n"
    with pytest.raises(InputError, match=r"pact\.pdf: page 1-3 hold pictures only; run OCR first\."):
        _read(_pdf(empty + blank * 2 + "#rect()"), name="pact.pdf")
    mixed = _read(
        _pdf(empty + blank + "Article 1: Scope\n\nAll of the data.\n\nArticle 2: Flow\n\nIt is free."), name="p.pdf"
    )
    assert [name for name, _ in _told(mixed, "article")] == ["pact/1", "pact/2"]
    assert mixed.warnings == ("p.pdf: page 1 hold pictures only and are not read; run OCR first.",)


def test_without_pypdf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "pypdf":
            raise ImportError(name)
        return real(name, *arguments, **more)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MethodError, match=r"pip install 'concordat\[text\]'"):
        _read(b"%PDF-1.7 x", name="pact.pdf")


def test_the_root_is_told_past_comments() -> None:
    assert _xml.root(b"<?xml version='1.0'?><!-- <a> --><ns:b c='d'>") == ("b", " c='d'")
    assert _xml.root(b"no element") == ("", "")
