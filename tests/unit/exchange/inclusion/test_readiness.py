"""What a good lacks for a channel, and what is known of the rules on the way: never that something is allowed."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError
from concordat.exchange.inclusion.passport import passport
from concordat.exchange.inclusion.readiness import (
    PROVISIONS,
    channel,
    channels,
    destination,
    load_channel,
    read_deminimis,
    readiness,
)
from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy

ROW = {"sku": "b1", "name": "Basket", "lang": "en", "origin": "CHN", "price": "5", "currency": "USD", "unit": "C62"}
ON = date(2026, 11, 1)


@pytest.fixture(scope="module")
def store() -> RuleStore:
    made = RuleStore.memory()
    made.put_catalogue(load_catalogue())
    return made


def test_what_is_missing_is_named_with_row_and_fix() -> None:
    (good,) = passport([ROW])
    found = readiness(good, channel("web-shop"))
    assert [m.field for m in found.missing] == ["description", "image", "seller_id", "dispatch_days"]
    assert {m.row for m in found.missing} == {2}
    assert found.words == "4 missing"
    assert all(m.fix for m in found.missing)


def test_a_good_that_has_all_is_ready() -> None:
    full = ROW | {
        "description": "Round", "image": "https://a.example/b.jpg", "seller_id": "s", "dispatch_days": "0",
    }  # fmt: skip
    (good,) = passport([full])
    assert readiness(good, channel("web-shop")).words == "ready"


def test_channels_that_nobody_checked_say_so() -> None:
    assert len(channels()) >= 4
    for one in channels().values():
        assert one.status in ("ours", "unverified")
        assert (one.status == "unverified") == ("from memory" in one.source)


def test_a_channel_that_does_not_exist_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="is not a channel") as caught:
        channel("web-shp")
    assert "web-shop" in caught.value.hint


def test_a_channel_may_only_need_fields_that_there_are() -> None:
    text = "schema: concordat/channel@1\nid: x\nname: X\nabout: a\nsource: s\nstatus: ours\nneeds:\n"
    text += '  - {field: gtinn, why: "w"}\n'
    with pytest.raises(InputError, match='"gtinn" is not a field') as caught:
        load_channel(text, where="x.yaml")
    assert 'Did you mean "gtin"?' in caught.value.hint


def test_the_provisions_are_codes_of_the_taxonomy() -> None:
    assert set(PROVISIONS) <= set(load_taxonomy().provisions)
    assert len(PROVISIONS) == 13


def test_without_a_coded_text_no_rule_is_known_and_the_instruments_are_named(store: RuleStore) -> None:
    found = destination(store, "CHN", "SGP", on=ON)
    assert found.rules == ()
    assert found.without == PROVISIONS
    assert "rcep" in found.uncoded
    assert found.de_minimis == ()


def test_rules_come_with_depth_words_and_mark(store: RuleStore) -> None:
    from concordat.rulebook.coder import Coder
    from concordat.rulebook.readers import parse

    text = (
        "Article 12.1\nElectronic Authentication and Electronic Signatures\n1. A Party shall not deny the legal "
        "validity of a signature solely on the basis that the signature is in electronic form.\n\n"
        "Article 12.2\nCustoms Duties\n1. Each Party shall maintain its current practice of not imposing customs "
        "duties on electronic transmissions between the Parties.\n"
    )
    data = text.encode()
    store.put_text(parse(data, name="rcep.txt", id="rcep"), data)
    store.add_codings(Coder.load("shipped").code(store.units("rcep"), coded_on="2026-11-01"))
    found = destination(store, "CHN", "SGP", on=ON)
    assert {"EC-ESUP", "EC-AUTH", "EC-DUTY"} & {r.provision for r in found.rules}
    for rule in found.rules:
        assert rule.quote in text.replace("\n", " ") or rule.quote.split()[0] in text
        assert rule.depth in (1, 2)
        assert rule.mark
    assert set(found.without) == set(PROVISIONS) - {r.provision for r in found.rules}


def test_values_below_which_no_duty_is_due_come_from_the_user_or_not_at_all(store: RuleStore) -> None:
    table = b"country,amount,currency,kind,source,seen_on\nSGP,400.00,SGD,import tax,customs page,2026-11-01\n"
    rows = read_deminimis(table, where="d.csv")
    assert destination(store, "CHN", "SGP", on=ON, de_minimis=rows).de_minimis == rows
    assert destination(store, "CHN", "JPN", on=ON, de_minimis=rows).de_minimis == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("SGP,400,SGD,tax,,2026-11-01", "needs all six cells"),
        ("SGX,400,SGD,tax,page,2026-11-01", "is not a country"),
        ("SGP,400,SGX,tax,page,2026-11-01", "is not a current currency code"),
        ("SGP,four,SGD,tax,page,2026-11-01", "is not an amount"),
        ("SGP,400,SGD,tax,page,2026-13-01", "is not a day"),
        ("SGP,400,SGD,tax,page,2026-11-01,more", "needs all six cells"),
    ],
)
def test_a_table_of_values_is_read_strictly(row: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_deminimis(f"country,amount,currency,kind,source,seen_on\n{row}\n".encode(), where="d.csv")
    assert said in str(caught.value)
    assert "row 2" in str(caught.value)


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="has other columns"):
        read_deminimis(b"country,amount\n", where="d.csv")
