"""Trade item numbers, tables of goods, what is refused row by row, and the forms that go out."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest

from concordat.errors import InputError
from concordat.exchange.inclusion.gs1 import check_digit, gtin
from concordat.exchange.inclusion.passport import (
    COLUMNS,
    check,
    passport,
    read_table,
    schema_org,
    write_table,
)

ROW = {
    "sku": "basket-1", "name": "Sisal basket", "description": "Round, 30 cm", "lang": "en", "gtin": "4006381333931",
    "gpc": "10003708", "hs6": "460219", "origin": "KEN", "price": "1850.00", "currency": "KES", "unit": "C62",
    "image": "https://shop.example/basket.jpg", "maker_type": "cooperative", "craft": "yes", "maker": "Weavers",
    "place": "Machakos", "technique": "hand weaving", "gi": "", "materials": "sisal",
    "certificates": "https://certs.example/1; https://certs.example/2", "seller_id": "ke-123", "dispatch_days": "7",
}  # fmt: skip


# Numbers printed in GS1's own documents and on goods: the worked example of the GS1 check digit page
# (629104150021 -> 3), an ISBN of the ISBN manual (978-92-95055-02-5), a pen's EAN, a GTIN-8 and a GTIN-12.
@pytest.mark.parametrize("number", ["6291041500213", "9789295055025", "4006381333931", "73513537", "036000291452"])
def test_published_numbers_are_right(number: str) -> None:
    assert gtin(number).digits == number
    assert check_digit(number[:-1]) == number[-1]


def test_every_wrong_digit_and_every_neighbouring_exchange_but_of_five_is_found() -> None:
    number = "6291041500213"
    for place in range(len(number)):
        for digit in "0123456789":
            if digit != number[place]:
                with pytest.raises(InputError):
                    gtin(number[:place] + digit + number[place + 1 :])
    for place in range(len(number) - 1):
        a, b = number[place : place + 2]
        if a != b and abs(int(a) - int(b)) != 5:  # with weights 3 and 1 a difference of five is not seen
            with pytest.raises(InputError):
                gtin(number[:place] + b + a + number[place + 2 :])


def test_the_digit_that_is_expected_is_named() -> None:
    with pytest.raises(InputError, match="must be 3") as caught:
        gtin("6291041500214", where="row 2")
    assert caught.value.code == "gtin_check_digit"


@pytest.mark.parametrize(
    ("number", "restricted"),
    [("2012345000009", True), ("0212345000006", True), ("212345000006", True), ("4006381333931", False),
     ("14006381333938", False), ("73513537", False)],
)  # fmt: skip
def test_numbers_for_inner_use(number: str, restricted: bool) -> None:
    assert gtin(number[:-1] + check_digit(number[:-1])).restricted is restricted


def test_a_table_makes_passports() -> None:
    swahili = ROW | {"name": "Kikapu", "description": "", "lang": "sw", "materials": "mkonge"}
    (good,) = passport([ROW, swahili])
    assert good.names == {"en": "Sisal basket", "sw": "Kikapu"}
    assert good.descriptions == {"en": "Round, 30 cm"}
    assert good.materials == {"en": "sisal", "sw": "mkonge"}
    assert good.certificates == ("https://certs.example/1", "https://certs.example/2")
    assert good.craft == {"maker": "Weavers", "place": "Machakos", "technique": "hand weaving"}
    assert good.price_minor == 185_000


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("gtin", "4006381333932", "the check digit must be 1"),
        ("gtin", "40063813339", "has 11 digits"),
        ("gtin", "4006381-33393", "is not digits alone"),
        ("hs6", "4602", "is not six digits"),
        ("hs6", "980100", "is of chapter 98"),
        ("hs6", "001000", "is of chapter 00"),
        ("gpc", "1000370", "not a GPC brick"),
        ("origin", "Kenia!", "is not a country I know"),
        ("currency", "KSH", "is not a current currency code"),
        ("price", "1,850", "is not a price"),
        ("price", "0.00", "is not a price"),
        ("price", "1850.005", "more decimals than KES has"),
        ("lang", "english", "is not a language tag"),
        ("unit", "piece", "is not a unit code"),
        ("image", "http://shop.example/a.jpg", "begins with https"),
        ("image", "https://shop.example/a b.jpg", "begins with https"),
        ("maker_type", "artizan", 'Did you mean "artisan"?'),
        ("craft", "y", "is not one of yes, no"),
        ("technique", "", "A craft product names it"),
        ("gi", "Kisii stone", "begins with https"),
        ("certificates", "https://a.example; organic", "is not a link"),
        ("seller_id", "a person", "is not an identifier"),
        ("maker", "weaver@mail.example", "holds an e-mail address"),
        ("dispatch_days", "soon", "is not a number of days"),
        ("dispatch_days", "366", "is not a number of days"),
        ("name", "", "Every good needs it"),
        ("name", "x" * 5001, "5,001 letters"),
        ("sku", "a b", "is not a stock number"),
    ],
)
def test_what_is_wrong_is_named_by_row(column: str, value: str, said: str) -> None:
    faults = check([ROW | {column: value}]).faults
    assert [f.column for f in faults] == [column]
    assert said in f"{faults[0].what} {faults[0].fix}"
    with pytest.raises(InputError, match="row 2") as caught:
        passport([ROW | {column: value}], where="goods.csv")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hans", "sr-Latn-RS", "es-419", "sl-rozaj", "de-1996"])
def test_language_tags(tag: str) -> None:
    assert check([ROW | {"lang": tag}]).faults == ()


def test_rows_of_one_good_must_agree() -> None:
    other = ROW | {"lang": "sw", "price": "1900"}
    (fault,) = check([ROW, other]).faults
    assert str(fault) == 'row 3, price: "1900", and "1850.00" in row 2. Rows of one sku must agree.'
    (twice,) = check([ROW, ROW | {"lang": "EN"}]).faults
    assert "was in row 2 already" in twice.what


def test_numbers_for_inner_use_are_noted_not_refused() -> None:
    number = "200000000000" + check_digit("200000000000")
    checked = check([ROW | {"gtin": number}])
    assert checked.faults == ()
    assert "inner use" in checked.notes[0].what
    assert "unverified" in checked.notes[0].what


# --- Tables ---


def test_csv_out_and_in_is_the_same() -> None:
    rows = [ROW, ROW | {"sku": "b", "name": 'a "quoted", name\nof two lines', "gtin": "", "lang": "sw"}]
    assert read_table(write_table(rows).encode(), where="t.csv") == rows


def test_a_workbook_is_read_as_text() -> None:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "name", "lang", "origin", "price", "currency", "unit", "dispatch_days"])
    sheet.write_row(1, 0, ["b1", "Basket", "en", "KEN", 12.5, "USD", "C62", 7])
    book.close()
    (good,) = passport(read_table(out.getvalue(), where="t.xlsx"))
    assert (good.price, good.dispatch_days) == ("12.5", 7)


def test_rows_that_explain_are_left_out() -> None:
    text = "sku,name,lang,origin,price,currency,unit\n# stock number,,,,,,\n\nb1,Basket,en,KEN,5,USD,C62\n"
    assert [r["sku"] for r in read_table(text.encode(), where="t.csv")] == ["b1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the table is empty"),
        ("sku,nam\n", 'Did you mean "name"?'),
        ("sku,sku\n", "stands twice"),
        ("sku,name\n", "no column lang, origin, price, currency, unit"),
        ("sku,name,lang,origin,price,currency,unit\na,b,c,d,e,f,g,h\n", "more cells than the header"),
        ('sku,name\n"open', "not CSV"),
    ],
)
def test_tables_that_are_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_table(text.encode(), where="t.csv")
    assert said in str(caught.value)


def test_a_table_that_is_not_utf_8() -> None:
    with pytest.raises(InputError, match="is not UTF-8"):
        read_table("sku,näme".encode("latin-1"), where="t.csv")


def test_columns_are_those_of_the_specification_and_three_for_crafts() -> None:
    said = (
        "sku,name,description,lang,gtin,gpc,hs6,origin,price,currency,unit,image,maker_type,craft,gi,materials,"
        "certificates,seller_id,dispatch_days"
    )
    assert [c for c in COLUMNS if c not in ("maker", "place", "technique")] == said.split(",")


# --- schema.org and UBL ---


def test_schema_org() -> None:
    (good,) = passport([ROW])
    made = schema_org(good)
    assert made["@type"] == "Product"
    assert made["gtin"] == "04006381333931"
    assert made["name"] == [{"@language": "en", "@value": "Sisal basket"}]
    assert made["countryOfOrigin"]["name"] == "KE"
    assert made["offers"]["price"] == "1850.00"
    assert made["offers"]["deliveryLeadTime"]["maxValue"] == 7
    extra = {p["propertyID"].rpartition(":")[2]: p["value"] for p in made["additionalProperty"]}
    assert extra["hs6"] == "460219"
    assert extra["craft_technique"] == "hand weaving"
    json.dumps(made)


def test_ubl_has_the_goods_and_is_judged_by_the_schema_that_the_user_gives(tmp_path: Path) -> None:
    pytest.importorskip("lxml", reason="needs the extra [exchange] or [test]")
    from concordat.exchange.inclusion.ubl import CBC, ROOT, catalogue, check_ubl

    data = catalogue(
        passport([ROW]), number="1", issued=date(2026, 11, 26), provider="0088:1", receiver="0192:2", language="sw"
    )
    assert f'xmlns="{ROOT}"'.encode() in data
    assert b'<cbc:PriceAmount currencyID="KES">1850.00</cbc:PriceAmount>' in data
    assert b'<cbc:ItemClassificationCode listID="HS">460219</cbc:ItemClassificationCode>' in data
    # A small stand-in for the published schema: it wants `ID` to be a number in one file and a word in the other.
    head = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{ROOT}" xmlns:c="{CBC}">'
    body = (
        f'<xs:import namespace="{CBC}" schemaLocation="common.xsd"/><xs:element name="Catalogue"><xs:complexType>'
        f'<xs:sequence><xs:any namespace="{CBC}" processContents="lax" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )
    (tmp_path / "main.xsd").write_text(head + body)
    part = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{}">{}</xs:schema>'
    version = '<xs:element name="VersionID" type="xs:{}"/>'
    (tmp_path / "common.xsd").write_text(part.format(CBC, version.format("integer")))
    flat = data[: data.index(b"  <cac:ProviderParty>")] + b"</Catalogue>"
    check_ubl(flat, tmp_path / "main.xsd")
    (tmp_path / "common.xsd").write_text(part.format(CBC, version.format("date")))
    with pytest.raises(InputError) as caught:
        check_ubl(flat, tmp_path / "main.xsd", where="c.xml")
    assert caught.value.code == "ubl_schema"
    assert "VersionID" in caught.value.what
    with pytest.raises(InputError) as caught:
        check_ubl(flat, tmp_path / "none.xsd")
    assert caught.value.code == "not_a_schema"


def test_a_catalogue_needs_goods_and_parties_with_their_scheme() -> None:
    pytest.importorskip("lxml", reason="needs the extra [exchange] or [test]")
    from concordat.exchange.inclusion.ubl import catalogue

    with pytest.raises(InputError, match="one good"):
        catalogue((), number="1", issued=date(2026, 1, 1), provider="0088:1", receiver="0088:2")
    with pytest.raises(InputError, match="names no scheme"):
        catalogue(passport([ROW]), number="1", issued=date(2026, 1, 1), provider="400", receiver="0088:2")
