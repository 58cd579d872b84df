"""What an answer carries, what is refused and how, and that nothing but the address and the language enters a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from concordat.errors import InputError
from concordat.web.address import Addresses, Asked
from concordat.web.headers import POLICY
from concordat.web.languages import OFFERED, Words, choose
from concordat.web.respond import Site
from concordat.web.site import pages
from concordat.web.static_files import passkey_script
from web_kit import get, reader_of, site_of, text


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    return site_of(evidence_dir)


def header(answer: object, name: str) -> str:
    return dict(answer.headers).get(name, "")  # type: ignore[attr-defined]


def test_headers_of_a_page(site: Site) -> None:
    answer = get(site, "/about", accept_encoding="gzip, br")
    said = dict(answer.headers)
    assert said["content-security-policy"] == POLICY
    assert "script-src" not in POLICY
    assert said["x-content-type-options"] == "nosniff"
    assert said["referrer-policy"] == "same-origin"
    assert said["cross-origin-resource-policy"] == "same-origin"
    assert said["cache-control"] == "public, max-age=0, must-revalidate"
    assert said["content-encoding"] == "gzip"
    assert said["content-length"] == str(len(answer.body))
    assert {"server", "set-cookie", "access-control-allow-origin", "strict-transport-security"}.isdisjoint(said)


def test_the_one_script_is_a_file_that_no_public_page_names(site: Site) -> None:
    file = passkey_script()
    answer = get(site, file.path)
    assert (answer.status, answer.body) == (200, file.body)
    assert header(answer, "content-type") == "text/javascript; charset=utf-8"
    assert header(answer, "cache-control") == "public, max-age=31536000, immutable"
    assert header(answer, "cross-origin-resource-policy") == "same-origin"
    assert header(answer, "x-content-type-options") == "nosniff"
    assert get(site, file.path, if_none_match=header(answer, "etag")).status == 304
    assert get(site, "/static/passkey.js").status == 404  # a name that does not change with it
    assert file.path not in text(get(site, "/about"))


def test_json_may_be_read_by_other_sites_and_tls_is_kept(evidence_dir: Path) -> None:
    site = site_of(evidence_dir, public_url="https://example.org/concordat")
    answer = get(site, "/concordat/downloads.json")
    assert header(answer, "access-control-allow-origin") == "*"
    assert header(answer, "cross-origin-resource-policy") == "cross-origin"
    assert header(answer, "strict-transport-security") == "max-age=31536000"


def test_whoever_has_the_bytes_is_told_so_in_a_few(site: Site) -> None:
    first = get(site, "/place/BRA", accept_encoding="gzip")
    tag = header(first, "etag")
    assert tag.endswith('-gz"')
    assert header(get(site, "/place/BRA"), "etag") == tag.replace("-gz", "")
    again = get(site, "/place/BRA", accept_encoding="gzip", if_none_match=f'"other", W/{tag}')
    assert (again.status, again.body) == (304, b"")
    assert header(again, "etag") == tag
    assert get(site, "/place/BRA", accept_encoding="gzip", if_none_match='"other"').status == 200


def test_a_page_with_a_release_never_changes_its_data(site: Site) -> None:
    release = site.reader.snapshot.release
    pinned = get(site, f"/r/{release}/place/BRA.json")
    assert header(pinned, "cache-control") == "public, max-age=31536000, immutable"
    assert json.loads(text(pinned))["data"] == json.loads(text(get(site, "/place/BRA.json")))["data"]
    assert get(site, f"/r/{release}/place/BRA").status == 200
    other = get(site, "/r/another/place/BRA.json")
    assert other.status == 404
    assert release in json.loads(text(other))["detail"]


def test_links_and_permanent_links_keep_the_prefix(evidence_dir: Path) -> None:
    site = site_of(evidence_dir, public_url="https://example.org/concordat")
    page = text(get(site, "/concordat/place/BRA"))
    release = site.reader.snapshot.release
    assert f'<link rel="canonical" href="https://example.org/concordat/r/{release}/place/BRA">' in page
    import re

    links = re.findall(r'href="(/[^"]*)"', page)
    assert links
    assert all(link.startswith("/concordat/") for link in links)
    assert get(site, "/concordat/place/BRA.json").status == 200
    assert get(site, "/place/BRA").status == 404


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("/place/BRA/", "/place/BRA"),
        ("/indicator/internet_users_pct?year=2022&bloc=G20", "/indicator/internet_users_pct?bloc=G20&year=2022"),
        ("/indicator/internet_users_pct?year=0", "/indicator/internet_users_pct"),
        ("/?bloc=", "/"),
    ],
)
def test_another_spelling_leads_to_the_one(site: Site, address: str, to: str) -> None:
    answer = get(site, address)
    assert answer.status == 308
    assert header(answer, "location") == to
    assert get(site, to).status == 200


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/nope", 404, "no page"),
        ("/plase/BRA", 404, "/place"),
        ("/place/BRZ", 404, "Near it is"),
        ("/place/bra", 400, "area"),
        ("/indicator/internet_user_pct", 404, "internet_users_pct"),
        ("/index/nothing", 404, "digital-readiness"),
        ("/?bloc=BRIKS", 404, "BRICS"),
        ("/?blok=G20", 400, "bloc"),
        ("/?bloc=G20&bloc=G7", 400, "twice"),
        ("/indicator/internet_users_pct?year=x", 400, "year"),
        ("/indicator/internet_users_pct?year=1066", 404, "1950"),
        ("/?lang=xx", 400, "en, pt, ar"),
        ("/?bloc=%3Cscript%3E", 400, "bloc"),
        ("/place/..%2f..%2fetc%2fpasswd", 404, "no page"),
        ("/place/%00", 400, "area"),
        ("/place/%ff", 404, "UTF-8"),
        ("/?" + "&".join(f"k{n}=1" for n in range(33)), 400, "32 keys"),
        ("/" + "a" * 3_000, 400, "2048"),
        ("/about.csv", 404, "no table"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_right_thing(site: Site, address: str, status: int, said: str) -> None:
    answer = get(site, address)
    assert answer.status == status
    assert said in text(answer)
    assert "<script" not in text(answer)
    assert header(answer, "cache-control") == "no-store"


def test_a_program_gets_problem_json(site: Site) -> None:
    answer = get(site, "/place/BRZ.json")
    assert header(answer, "content-type") == "application/problem+json"
    found = json.loads(answer.body)
    assert found["status"] == 404
    assert found["code"] == "no_area"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
def test_pages_are_only_read(site: Site, method: str) -> None:
    answer = site.answer(method, "/", "", {})
    assert answer.status == 405
    assert header(answer, "allow") == "GET, HEAD"


def test_the_style_sheet_lasts_for_ever_under_its_hash(site: Site) -> None:
    answer = get(site, site.sheet_name)
    assert header(answer, "content-type").startswith("text/css")
    assert "immutable" in header(answer, "cache-control")
    assert get(site, "/static/0000000000000000.css").status == 404


@given(
    st.dictionaries(
        st.sampled_from(["cookie", "user-agent", "x-forwarded-host", "host", "referer", "range", "accept"]),
        st.text(max_size=40),
    )
)
def test_no_other_header_changes_the_bytes(evidence_dir: Path, sent: dict[str, str]) -> None:
    site = site_of(evidence_dir)
    assert site.answer("GET", "/about", "", sent) == site.answer("GET", "/about", "", {})


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_address_is_answered_with_words(evidence_dir: Path, path: str, query: str) -> None:
    site = site_of(evidence_dir)
    answer = site.answer("GET", "/" + path.encode("utf-8", "surrogatepass").hex()[: len(path)], query, {})
    assert answer.status in (200, 308, 400, 404)
    raw = site.answer("GET", "/" + "".join(c if c.isascii() and c.isprintable() else "%00" for c in path), query, {})
    assert raw.status in (200, 308, 400, 404)


def test_what_is_not_there_fills_no_memory(evidence_dir: Path) -> None:
    site = site_of(evidence_dir)
    for name in ("AAA", "BBB", "CCC"):
        assert get(site, f"/place/{name}").status == 404
    assert not site._making


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), max_codepoint=0x2FFF), min_size=1, max_size=30))
def test_words_in_an_address_are_read_as_they_were_written(words: str) -> None:
    """Also a `+`, which is a blank where it stands bare (WHATWG URL, section 5)."""
    addresses = Addresses(pages())
    search = addresses.by_name["search"]
    assume(words.isprintable())
    asked = Asked(search, search.query.model_validate({"q": words}))
    path, _, query = addresses.address(asked).partition("?")
    assert addresses.parse(path, query) == asked


def test_a_value_of_another_form_is_told_without_the_pattern() -> None:
    addresses = Addresses(pages())
    with pytest.raises(InputError, match=r"'bra' has not the form of name\.") as told:
        addresses.parse("/log/bra", "")
    assert "[A-Z]" not in str(told.value)


def test_the_cache_stays_under_its_bound(evidence_dir: Path) -> None:
    small = Site(reader_of(evidence_dir), pages(), cache_bytes=20_000)
    for address in ("/about", "/accessibility", "/place/BRA", "/place/IND", "/about"):
        assert get(small, address).status == 200
    assert small._size <= 20_000 or len(small._cache) == 1
    assert small._size == sum(kept.size for kept in small._cache.values())


@pytest.mark.parametrize(
    ("accept", "language"),
    [("", "en"), ("pt-BR", "pt"), ("ar;q=0.2, pt;q=0.9", "pt"), ("fr, de", "en"), ("pt;q=nan", "en"), ("*", "en")],
)
def test_the_browser_s_language_is_taken_where_it_is_on_offer(accept: str, language: str) -> None:
    assert choose(accept) == language


def test_a_node_may_offer_the_languages_that_there_are_pages_in() -> None:
    from concordat.node.settings import LANGUAGES

    assert LANGUAGES == OFFERED


def test_every_language_has_every_message_and_the_same_places() -> None:
    import re

    english = Words("en")
    for language in OFFERED[1:]:
        words = Words(language)
        assert words.missing == frozenset()
        assert words.unread  # until a speaker has read it
        for key, said in words._entries.items():
            if key.startswith(("web.", "frame.")):
                places = re.compile(r"\{[a-z_]+\}")
                assert sorted(places.findall(str(said))) == sorted(places.findall(str(english._entries[key]))), key
