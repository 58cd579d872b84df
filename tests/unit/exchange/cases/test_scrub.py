"""Which contact details are taken out, and what stays."""

from __future__ import annotations

import pytest

from concordat.exchange.cases.scrub import MARK, MARK_IN_URL, Removed, scrub

TAKEN = {
    "plain": ("ask ana@example.org now", f"ask {MARK} now", "email"),
    "with a name": ("Ana <ana.b+x@example.co.uk>", f"Ana <{MARK}>", "email"),
    "mailto": ("mailto:ana%40example.org?subject=x", MARK, "email"),
    "percent": ("ana%40example.org", MARK, "email"),
    "percent twice": ("ana%2540example.org", MARK, "email"),
    "entity": ("ana&#64;example.org", MARK, "email"),
    "spelt in brackets": ("ana (at) example.org", MARK, "email"),
    "spelt in square ones": ("ana[at]example[dot]org", MARK, "email"),
    "spelt in words": ("ana at example dot org", MARK, "email"),
    "another script": ("анна@почта.рф", MARK, "email"),
    "full-width sign": ("ana＠example.org", MARK, "email"),
    "quoted": ('"ana b"@example.org', MARK, "email"),
    "an address by number": ("ana@[192.0.2.1]", MARK, "email"),
    "hidden by no width": ("ana\u200b@exam\u00adple.org", MARK, "email"),
    "in an address": ("see https://a.org/?m=ana@b.org&x=1 .", f"see https://a.org/?m={MARK_IN_URL}&x=1 .", "email"),
    "user of an address": ("https://ana:secret@b.org/x", f"https://ana:{MARK_IN_URL}/x", "email"),
    "before a path": ("ana@b.org/team", f"{MARK}/team", "email"),
    "telephone": ("call +55 (61) 91234-5678.", f"call {MARK}.", "telephone"),
    "telephone, nine digits": ("call 123456789 now", f"call {MARK} now", "telephone"),
    "telephone, spaced in threes": ("412 000 000", MARK, "telephone"),
    "handle": ("follow @ana_b, please", f"follow {MARK}, please", "handle"),
}
STAYS = (
    "call 12345678 now",  # eight digits
    "1,000,000,000 people",
    "from 2019-2020, 2021-2022 2023",
    "2021-03-01 - 2022-04-01",
    "https://medium.com/@open.foris/open-foris-4711081512",
    "https://www.nature.com/articles/s41586-021-03371-z",
    "doi 10.1016/j.rser.2021.111282 says",
    "we met @ home",
    "it runs at home",
    "",
)


@pytest.mark.parametrize("case", sorted(TAKEN))
def test_a_contact_is_taken_out(case: str) -> None:
    text, left, kind = TAKEN[case]
    found, counts = scrub(text)
    assert found == left
    assert counts == {kind: 1}


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_contact_stays(text: str) -> None:
    assert scrub(text) == (text, {})


def test_several_are_counted_by_kind() -> None:
    found, counts = scrub("a@b.org, c@d.org, +27 11 555 0123 44, @someone; https://x.org/@someone")
    assert counts == {"email": 2, "telephone": 1, "handle": 1}
    assert found.endswith("https://x.org/@someone")


def test_scrubbing_twice_changes_nothing() -> None:
    for text, _, _ in TAKEN.values():
        once, _ = scrub(text)
        assert scrub(once) == (once, {})


def test_counts_by_field() -> None:
    removed = (
        Removed({}).plus("summary.en", {"email": 2}).plus("summary.en", {"email": 1}).plus("title.en", {"handle": 1})
    )
    assert (removed.total, removed.fields) == (4, ("summary.en", "title.en"))
    assert removed.by_kind() == {"email": 3, "handle": 1}
    assert not Removed({})


@pytest.mark.parametrize(
    "piece",
    ["a", "1 ", "@", "a.", "a at ", "(at) ", "a@", "a (at) ", "a at b dot ", "www.", '"', "(1", "2020 ", "2020-1-"],
)
def test_no_text_costs_more_than_its_length(piece: str) -> None:
    """Twenty thousand characters of one piece end: a pattern that backtracks without bound would not, in this suite."""
    scrub(piece * (20_000 // len(piece)) + "x")


@pytest.mark.parametrize(
    "text",
    [
        "Tel.061912345678",
        "061 9123 45678x12",
        "0619123456789ext2",
        "+55 61 9123 45678ª",
        "\u0660\u0665\u0665\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\uff10\uff16\uff11\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    ],
    ids=["dot", "extension", "letters", "ordinal", "Arabic", "wide"],
)
def test_a_telephone_number_may_be_written_in_any_digits_and_touch_letters(text: str) -> None:
    kept, counts = scrub(f"Call {text} today")
    assert counts == {"telephone": 1}
    assert not any(letter.isdigit() for letter in kept if letter not in "12ª")
