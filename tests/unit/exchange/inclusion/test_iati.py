"""IATI files that are wrong are refused by name; what is only odd is noted."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.exchange.inclusion import hardened
from concordat.exchange.inclusion.iati import parse_iati, print_iati
from concordat.exchange.inclusion.iati_model import Activities, Activity, plain

pytest.importorskip("lxml", reason="needs the extra [exchange] or [test]")

MINIMAL = """<?xml version="1.0" encoding="UTF-8"?>
<iati-activities version="2.03"{root}>
<iati-activity default-currency="USD"{attributes}>
<iati-identifier>XM-1</iati-identifier>
<reporting-org ref="XM" type="10"><narrative>Ministry</narrative></reporting-org>
<title><narrative>Computers</narrative></title>
<description><narrative>For schools</narrative></description>
<participating-org role="1"/>
<activity-status code="2"/>
<activity-date type="1" iso-date="2026-01-01"/>
{parts}
</iati-activity>{more}
</iati-activities>"""


SECOND = '<recipient-region vocabulary="2" code="002" percentage="60"/>'


def file_with(parts: str = "", *, root: str = "", attributes: str = "", more: str = "") -> bytes:
    return MINIMAL.format(parts=parts, root=root, attributes=attributes, more=more).encode()


def refusal(data: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_iati(data, where="aid.xml")
    return caught.value


def test_a_small_file_is_read() -> None:
    found = parse_iati(file_with(), where="aid.xml")
    assert found.notes == ()
    assert found.file.activities[0].id == "XM-1"
    assert plain(found.file)["activities"][0]["status"] == {"code": "2"}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ('<sector code="22040" percentage="50"/><sector code="11110" percentage="49.98"/>', "add up to 99.98 per cent"),
        ('<sector code="22040" percentage="60"/><sector code="11110"/>', "11110 without a percentage"),
        ('<sector code="22040" percentage="99"/>', "add up to 99 per cent"),
        ('<sector code="22040" percentage="110"/><sector code="11110" percentage="-10"/>', "22040, 11110 is not"),
        ('<recipient-country code="ET" percentage="40"/><recipient-region code="298" percentage="40"/>', "up to 80"),
    ],
    ids=["short", "one-without", "single", "outside", "places"],
)  # fmt: skip
def test_percentages_must_add_up(parts: str, said: str) -> None:
    error = refusal(file_with(parts))
    assert error.code == "percentages"
    assert said in error.what
    assert error.where == "aid.xml, XM-1"


@pytest.mark.parametrize(
    "parts",
    [
        '<sector code="22040"/>',
        '<sector code="22040" percentage="50"/><sector code="11110" percentage="49.99"/>',
        # 100 in each vocabulary of regions, countries counted in each:
        '<recipient-country code="ET" percentage="40"/><recipient-region code="298" percentage="60"/>' + SECOND,
        # 100 over both, as in the standard's example:
        '<recipient-region code="298" percentage="40"/><recipient-region vocabulary="2" code="002" percentage="60"/>',
    ],
    ids=["single", "rounded", "each-vocabulary", "over-all"],
)
def test_percentages_that_add_up(parts: str) -> None:
    data = file_with(parts)
    assert parse_iati(print_iati(parse_iati(data).file)).file == parse_iati(data).file


def test_the_schema_is_strict_about_the_sequence() -> None:
    error = refusal(file_with('<sector code="22040"/><recipient-country code="ET"/>'))
    assert error.code == "iati_schema"
    assert "recipient-country" in error.what


def test_an_amount_needs_a_currency_and_one_that_is_not_in_use_is_noted() -> None:
    budget = (
        '<budget><period-start iso-date="2026-01-01"/><period-end iso-date="2026-12-31"/>'
        '<value value-date="2026-01-01"{}>5</value></budget>'
    )
    without = file_with(budget.format("")).replace(b' default-currency="USD"', b"")
    assert refusal(without).code == "currency"
    found = parse_iati(file_with(budget.format(' currency="HRK"')))
    assert len(found.notes) == 1
    assert found.notes[0].what.startswith('currency "HRK" is in no list of ours.')
    assert parse_iati(file_with(budget.format(""))).file.activities[0].budgets[0].value.number == 5  # type: ignore[union-attr]


def test_unknown_codes_are_noted_with_the_nearest() -> None:
    parts = '<recipient-country code="XX"/><sector code="22049"/><policy-marker code="77"/>'
    found = parse_iati(file_with(parts))
    assert [n.what.split(".")[0] for n in found.notes] == [
        'country "XX" is in no list of ours',
        'sector "22049" is in no list of ours',
        'policy marker "77" is in no list of ours',
    ]
    assert "22040 (Information and communication technology (ICT))" in found.notes[1].what
    assert parse_iati(print_iati(found.file)).file == found.file


def test_contact_data_of_persons_is_left_out_and_counted() -> None:
    contact = "<contact-info><person-name><narrative>A. Person</narrative></person-name></contact-info>"
    found = parse_iati(file_with(contact + contact))
    assert [n.what for n in found.notes] == ["2 contact entries removed."]
    assert b"A. Person" not in print_iati(found.file)


def test_extensions_and_empty_attributes_come_through() -> None:
    parts = (
        '<activity-date type="2" iso-date="2026-02-01" x:by="BRA"/><activity-scope code=""/>'
        '<sector code="22040" vocabulary=""><x:why>because</x:why></sector><x:free><x:a b="1"/>text</x:free>'
    )
    data = file_with(parts, root=' xmlns:x="urn:example:x" x:mark="1"')
    found = parse_iati(data)
    activity = found.file.activities[0]
    assert activity.dates[1].rest.attributes == (("{urn:example:x}by", "BRA"),)
    assert activity.sectors[0].rest.attributes == (("vocabulary", ""),)
    assert activity.rest.elements[1] == '<n0:free xmlns:n0="urn:example:x"><n0:a b="1"></n0:a>text</n0:free>'
    written = print_iati(found.file)
    assert parse_iati(written).file == found.file
    assert b"because" in written


def test_one_identifier_twice_is_noted() -> None:
    data = file_with()
    start, end = data.index(b"<iati-activity "), data.index(b"</iati-activity>") + len(b"</iati-activity>")
    twice = data[:end] + data[start:end] + data[end:]
    assert [n.code for n in parse_iati(twice).notes] == ["twice"]


def test_only_version_2_03_is_read() -> None:
    assert refusal(file_with().replace(b"2.03", b"2.02")).code == "iati_version"
    assert refusal(b"<iati-organisations version='2.03'/>").code == "not_iati"


def test_values_that_make_no_valid_file_are_not_written() -> None:
    with pytest.raises(InputError) as caught:
        print_iati(Activities(activities=(Activity(),)))
    assert caught.value.code == "iati_schema"


# --- Hostile files ---


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + file_with(), "unsafe_xml"),
        (b"<!-- <!doctype --><a/>", "unsafe_xml"),
        (b'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="/etc/passwd"/></a>', "unsafe_xml"),
        (file_with().decode().encode("utf-16"), "unsafe_xml"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "unsafe_xml"),
        (b"\xff<a/>", "unsafe_xml"),
        (b"<a>" * 65 + b"</a>" * 65, "unsafe_xml"),
        (b"<a " + b" ".join(b'xmlns:n%d="urn:%d"' % (n, n) for n in range(70)) + b"/>", "unsafe_xml"),
        (b"<a>" + b"<b/>" * (hardened.ELEMENTS_MAX + 1) + b"</a>", "unsafe_xml"),
        (b"<a>" + b"x" * (hardened.TEXT_MAX + 1) + b"</a>", "unsafe_xml"),
        (b"", "not_xml"),
        (b"<a>", "not_xml"),
        (b"<a>&unknown;</a>", "not_xml"),
        (b"plain words", "not_xml"),
    ],
    ids=["doctype", "in-comment", "xinclude", "utf16", "utf7", "not-utf8", "deep", "namespaces", "elements", "text",
         "empty", "open", "entity", "words"],
)  # fmt: skip
def test_hostile_xml_is_refused_by_name(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert refusal(b" " * (hardened.BYTES_MAX + 1)).code == "unsafe_xml"


def test_a_schema_that_the_file_names_is_not_opened(tmp_path: object) -> None:
    where = f"{tmp_path}/evil.xsd"
    with open(where, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:evil">'
            '<xs:element name="q" type="xs:int"/></xs:schema>'
        )
    root = f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:evil {where}"'
    # By that schema "words" is no whole number: were it opened, the file would be refused.
    data = file_with(more='<q xmlns="urn:evil">words</q>', root=root)
    assert parse_iati(data).file.rest.elements == ('<n0:q xmlns:n0="urn:evil">words</n0:q>',)


def test_a_prefix_in_a_type_is_content_and_follows() -> None:
    root = ' xmlns:x="urn:example:x" xmlns:t="http://www.w3.org/2001/XMLSchema"'
    root += ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    data = file_with('<x:free xsi:type="t:date">2026-01-01</x:free>', root=root)
    found = parse_iati(data)
    (carried,) = found.file.activities[0].rest.elements
    assert 'n1:type="n2:date"' in carried
    assert parse_iati(print_iati(found.file)).file == found.file
