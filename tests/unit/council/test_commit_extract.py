"""Candidates in sentences written for the purpose: which are proposed, how strongly, and where they are split."""

from __future__ import annotations

import pytest

from concordat.council.commit import extract
from concordat.council.commit.extract import sentences
from concordat.errors import InputError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("We will close the gap.", [("high", "We will close the gap.")]),
        ("We commit to open data.", [("high", "We commit to open data.")]),
        ("We are committed to open data.", [("high", "We are committed to open data.")]),
        ("Members agree to share tests.", [("high", "Members agree to share tests.")]),
        ("We agreed on common rules.", [("high", "We agreed on common rules.")]),
        ("Each member shall report.", [("high", "Each member shall report.")]),
        ("We support small firms.", [("low", "We support small firms.")]),
        ("We aim to halve costs.", [("low", "We aim to halve costs.")]),
        ("We encourage exchange.", [("low", "We encourage exchange.")]),
        ("We call on all to join.", [("low", "We call on all to join.")]),
        ("We welcome the report.", [("none", "We welcome the report.")]),
        ("We reaffirm our goals.", [("none", "We reaffirm our goals.")]),
        ("We recognise the need.", [("none", "We recognise the need.")]),
        ("We take note of the plan.", [("none", "We take note of the plan.")]),
        ("The sun shines.", []),
        ("Willing partners agreeable to goodwill met.", []),
        ("WE WILL ACT.", [("high", "WE WILL ACT.")]),
        ("", []),
    ],
)
def test_the_strength_of_a_sentence(text: str, wanted: list[tuple[str, str]]) -> None:
    found = sentences(text)
    assert [(c.strength, c.text) for c in found] == wanted
    assert all(c.proposed == (c.strength != "none") for c in found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("We will expand access and support skills.", [("high", "We will expand access"), ("low", "support skills.")]),
        ("We will build networks, and share spectrum data.",
         [("high", "We will build networks"), ("high", "share spectrum data.")]),
        ("We will expand access and skills.", [("high", "We will expand access and skills.")]),
        ("We welcome the report and commit to act.", [("none", "We welcome the report"), ("high", "commit to act.")]),
        ("We recall the summit and will report, as well as encourage others.",
         [("none", "We recall the summit"), ("high", "will report"), ("low", "encourage others.")]),
        ("Men and support staff will gain.", [("low", "Men and support staff will gain.")]),  # the first verb decides
    ],
)  # fmt: skip
def test_a_sentence_is_split_at_and_before_a_verb(text: str, wanted: list[tuple[str, str]]) -> None:
    found = sentences(text)
    assert [(c.strength, c.text) for c in found] == wanted
    assert [c.part for c in found] == list(range(1, len(wanted) + 1))


def test_places_are_those_in_the_text() -> None:
    text = "  We welcome it.\n\n3) We will act, e.g. in Art. 5 of No. 7.  \n- We\n  support trade\n- We agree to\tmeet!"
    found = sentences(text)
    assert [" ".join(text[c.start : c.end].split()) for c in found] == [c.text for c in found]
    assert [c.text for c in found] == [
        "We welcome it.", "We will act, e.g. in Art. 5 of No. 7.", "We support trade", "We agree to meet!",
    ]  # fmt: skip
    assert [c.verb for c in found] == ["welcome", "will", "support", "agree to"]


def test_a_text_of_any_kind_is_read_in_time_and_an_endless_one_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("and ", "will and ", ".", " \n", "W", "\n\n", "e.g. ", "我们将 and will 。"):
        sentences(part * 20_000)
    monkeypatch.setattr(extract, "CHARACTERS_MAX", 10)
    with pytest.raises(InputError, match="a text of 11 characters"):
        sentences("x" * 11)
