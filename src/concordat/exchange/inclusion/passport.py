"""A seller's goods as checked records: one table in, product passports for shops, registers and procurement out.

One row for each good and language; rows of one `sku` must agree in everything but name, description, lang and
materials. What each column may hold is checked row by row, all faults at once, each with what to write instead. A
passport says what the seller says: nothing here certifies a product, an origin or a craft.

Columns: sku, name, description, lang, gtin, gpc, hs6, origin, price, currency, unit, image, maker_type, craft, gi,
materials, certificates, seller_id, dispatch_days; and maker, place, technique, which `craft: yes` needs. Source:
exchange.md, section 9; GS1 General Specifications (GTIN, GPC bricks), Harmonized System (six digits, chapters 01 to
97), BCP 47 (language tags), ISO 4217. Unit codes are checked for their form only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat import world
from concordat.errors import ConcordatError, InputError
from concordat.exchange.inclusion.gs1 import Gtin, gtin
from concordat.settings import nearest

COLUMNS = (
    "sku", "name", "description", "lang", "gtin", "gpc", "hs6", "origin", "price", "currency", "unit", "image",
    "maker_type", "craft", "maker", "place", "technique", "gi", "materials", "certificates", "seller_id",
    "dispatch_days",
)  # fmt: skip
REQUIRED = ("sku", "name", "lang", "origin", "price", "currency", "unit")
BY_LANGUAGE = ("name", "description", "lang", "materials")
MAKERS = ("artisan", "cooperative", "firm", "small_firm")
ROWS_MAX = 50_000
TEXT_MAX = 5_000
SHOWN = 10

_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
# BCP 47 (RFC 5646) in its usual parts: language, script, region, variants; private use and grandfathered tags are not.
_LANG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*")
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
_LINK = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[!-~]{0,1800})?")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


@dataclass(frozen=True, slots=True)
class Good:
    """One good. Text by language in the order of the rows; `None` and empty mean not stated.

    Attributes:
        row: of its first row, counted from 1 at the header. price: decimal text. unit: a code of UN/ECE Rec 20.
        certificates: links. craft: maker, place and technique where it is a craft product.
    """

    sku: str
    row: int
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    materials: Mapping[str, str]
    gtin: Gtin | None
    gpc: str
    hs6: str
    origin: str
    price: str
    currency: str
    unit: str
    image: str
    maker_type: str
    craft: Mapping[str, str] | None
    gi: str
    certificates: tuple[str, ...]
    seller_id: str
    dispatch_days: int | None

    @property
    def price_minor(self) -> int:
        """The price as a whole number of minor units."""
        digits = world.currency(self.currency).minor_units or 0
        whole, _, part = self.price.partition(".")
        return int(whole + part.ljust(digits, "0")[:digits])


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row, and what to write."""

    row: int
    column: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.what} {self.fix}".rstrip()


@dataclass(frozen=True, slots=True)
class Checked:
    """The goods of a table, what is wrong in it, and what is only to be known (`notes`)."""

    goods: tuple[Good, ...]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def passport(rows: Sequence[Mapping[str, str]], *, where: str = "") -> tuple[Good, ...]:
    """The goods of a table that is right in every row.

    Raises:
        InputError: the faults by row, ten of them in words.
    """
    checked = check(rows)
    if checked.faults:
        said = "; ".join(str(f) for f in checked.faults[:SHOWN])
        more = len(checked.faults) - SHOWN
        hint = f"And {more} more." if more > 0 else ""
        raise InputError(said, where=where, hint=hint, code="passport")
    return checked.goods


def check(rows: Sequence[Mapping[str, str]]) -> Checked:
    """Goods and faults of the rows of a table; the first row has number 2, below the header."""
    faults: list[Fault] = []
    notes: list[Fault] = []
    groups: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for number, row in enumerate(rows, 2):
        groups.setdefault(row.get("sku", ""), []).append((number, row))
    goods = []
    for sku, some in groups.items():
        before = len(faults)
        for number, row in some:
            _check_row(number, row, faults)
        _check_agree(some, faults)
        if len(faults) == before:
            good = _good(sku, some)
            goods.append(good)
            if good.gtin is not None and good.gtin.restricted:
                what = f"gtin: {good.gtin.digits} begins as numbers for inner use do (list unverified)."
                notes.append(Fault(good.row, "gtin", what, "For open trade take a number of your own."))
    return Checked(tuple(goods), tuple(sorted(faults, key=lambda f: (f.row, COLUMNS.index(f.column)))), tuple(notes))


# --- One row -------------------------------------------------------------------------------------------------------


def _check_row(number: int, row: Mapping[str, str], faults: list[Fault]) -> None:
    for column in REQUIRED:
        if not row.get(column):
            faults.append(Fault(number, column, f"{column}: empty.", "Every good needs it."))
    for column in COLUMNS:
        value = row.get(column, "")
        if len(value) > TEXT_MAX:
            faults.append(Fault(number, column, f"{column}: {len(value):,} letters.", f"At most {TEXT_MAX:,}."))
        elif value and _MAIL.search(value):
            faults.append(Fault(number, column, f"{column}: holds an e-mail address.", "Take it out."))
        elif value and column in _FORMS and (found := _FORMS[column](value, row)):
            faults.append(Fault(number, column, f"{column}: {found[0]}", found[1]))
    if row.get("craft") == "yes":
        for column in ("maker", "place", "technique"):
            if not row.get(column):
                faults.append(Fault(number, column, f"{column}: empty.", "A craft product names it."))


Found = tuple[str, str] | None


def _pattern(pattern: re.Pattern[str], what: str, fix: str) -> Callable[[str, Mapping[str, str]], Found]:
    def look(value: str, _row: Mapping[str, str]) -> Found:
        return None if pattern.fullmatch(value) else (f'"{value[:40]}" {what}', fix)

    return look


def _gtin(value: str, _row: Mapping[str, str]) -> Found:
    return _raised(lambda: gtin(value))


def _raised(read: Callable[[], Any]) -> Found:
    try:
        read()
    except ConcordatError as error:
        return error.what.removeprefix("gtin: "), error.hint
    return None


def _hs6(value: str, _row: Mapping[str, str]) -> Found:
    if not re.fullmatch(r"[0-9]{6}", value):
        return f'"{value[:20]}" is not six digits.', "Write the HS subheading without points, as text: 621420."
    if not 1 <= int(value[:2]) <= 97:
        return f"{value} is of chapter {value[:2]}.", "Chapters go from 01 to 97."
    return None


def _price(value: str, row: Mapping[str, str]) -> Found:
    if not _PRICE.fullmatch(value) or not value.strip("0."):
        return f'"{value[:20]}" is not a price.', "Write digits, and a point before decimals: 1250.50"
    code = row.get("currency", "")
    if code in {c.code for c in world.currencies()}:
        digits = world.currency(code).minor_units or 0
        if len(value.partition(".")[2].rstrip("0")) > digits:
            return f"{value} has more decimals than {code} has.", f"It has {digits}."
    return None


def _days(value: str, _row: Mapping[str, str]) -> Found:
    if value.isascii() and value.isdigit() and int(value) <= 365:
        return None
    return f'"{value[:20]}" is not a number of days.', "A whole number from 0 to 365."


def _one_of(words: Sequence[str]) -> Callable[[str, Mapping[str, str]], Found]:
    def look(value: str, _row: Mapping[str, str]) -> Found:
        if value in words:
            return None
        close = nearest(value, words)
        return f'"{value[:40]}" is not one of {", ".join(words)}.', f'Did you mean "{close[0]}"?' if close else ""

    return look


def _links(value: str, _row: Mapping[str, str]) -> Found:
    wrong = [link for link in (v.strip() for v in value.split(";")) if not _LINK.fullmatch(link)]
    return (f'"{wrong[0][:60]}" is not a link.', "Links begin with https://; part several by ;") if wrong else None


_HTTPS = "is not a link that begins with https://."
_FORMS: dict[str, Callable[[str, Mapping[str, str]], Found]] = {
    "sku": _pattern(_SKU, "is not a stock number.", "Letters, digits and . _ / -, 64 at most."),
    "lang": _pattern(_LANG, "is not a language tag.", "As en, pt-BR or zh-Hans (BCP 47)."),
    "gtin": _gtin,
    "gpc": _pattern(re.compile(r"[0-9]{8}"), "is not a GPC brick.", "Eight digits."),
    "hs6": _hs6,
    "origin": lambda value, _row: _raised(lambda: world.country(value)),
    "price": _price,
    "currency": lambda value, _row: _raised(lambda: world.currency(value)),
    "unit": _pattern(_UNIT, "is not a unit code.", "A code of UN/ECE Recommendation 20: C62 is one piece."),
    "image": _pattern(_LINK, _HTTPS, ""),
    "maker_type": _one_of(MAKERS),
    "craft": _one_of(("yes", "no")),
    "gi": _pattern(_LINK, _HTTPS, "Link the entry in the register of geographical indications."),
    "certificates": _links,
    "seller_id": _pattern(re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_/-]{0,99}"), "is not an identifier.", "No spaces."),
    "dispatch_days": _days,
}


def _check_agree(some: Sequence[tuple[int, Mapping[str, str]]], faults: list[Fault]) -> None:
    first, row = some[0]
    seen: dict[str, int] = {}
    for number, other in some:
        lang = other.get("lang", "").casefold()
        if lang in seen:
            what = f"lang: {other.get('lang')} was in row {seen[lang]} already."
            faults.append(Fault(number, "lang", what, "One row for each good and language."))
        seen[lang] = number
        for column in COLUMNS:
            if column not in BY_LANGUAGE and other.get(column, "") != row.get(column, ""):
                what = f'{column}: "{other.get(column, "")[:40]}", and "{row.get(column, "")[:40]}" in row {first}.'
                faults.append(Fault(number, column, what, "Rows of one sku must agree."))


def _good(sku: str, some: Sequence[tuple[int, Mapping[str, str]]]) -> Good:
    number, row = some[0]

    def by_language(column: str) -> dict[str, str]:
        return {r["lang"]: r[column] for _, r in some if r.get(column)}

    def get(column: str) -> str:
        return row.get(column, "")

    craft = {c: get(c) for c in ("maker", "place", "technique")} if get("craft") == "yes" else None
    return Good(
        sku=sku,
        row=number,
        names=by_language("name"),
        descriptions=by_language("description"),
        materials=by_language("materials"),
        gtin=gtin(get("gtin")) if get("gtin") else None,
        gpc=get("gpc"),
        hs6=get("hs6"),
        origin=world.country(get("origin")).iso3,
        price=get("price"),
        currency=get("currency"),
        unit=get("unit"),
        image=get("image"),
        maker_type=get("maker_type"),
        craft=craft,
        gi=get("gi"),
        certificates=tuple(v.strip() for v in get("certificates").split(";") if v.strip()),
        seller_id=get("seller_id"),
        dispatch_days=int(get("dispatch_days")) if get("dispatch_days") else None,
    )


# --- Tables ---------------------------------------------------------------------------------------------------------


def read_table(data: bytes, *, where: str) -> list[dict[str, str]]:
    """The rows of a CSV or XLSX table; rows whose first cell begins with # (explanations of a template) are left out.

    Raises:
        InputError: not UTF-8, no header, an unknown column (with the nearest), a column twice, a required one missing,
            a row of another length, more than 50,000 rows.
    """
    cells = _workbook(data, where) if data.startswith(b"PK") else _csv(data, where)
    if not cells:
        raise InputError("the table is empty.", where=where, hint=f"Columns: {', '.join(COLUMNS)}.", code="empty")
    header = [cell.strip().casefold() for cell in cells[0]]
    while header and not header[-1]:
        header.pop()
    for name in header:
        if name not in COLUMNS:
            close = nearest(name, COLUMNS)
            hint = f'Did you mean "{close[0]}"?' if close else f"Columns: {', '.join(COLUMNS)}."
            raise InputError(f'"{name[:40]}" is not a column.', where=f"{where}, row 1", hint=hint, code="unknown_key")
    if len(set(header)) != len(header):
        twice = next(n for n in header if header.count(n) > 1)
        raise InputError(f"the column {twice} stands twice.", where=f"{where}, row 1", code="duplicate_key")
    if missing := [n for n in REQUIRED if n not in header]:
        raise InputError(f"no column {', '.join(missing)}.", where=f"{where}, row 1", code="missing_key")
    if len(cells) > ROWS_MAX + 1:
        raise InputError(f"more than {ROWS_MAX:,} rows.", where=where, hint="Split the table.", code="too_large")
    rows = []
    for number, row in enumerate(cells[1:], 2):
        filled = [cell.strip() for cell in row]
        if not any(filled) or filled[0].startswith("#"):
            continue
        if any(filled[len(header) :]):
            raise InputError("has more cells than the header.", where=f"{where}, row {number}", code="row_length")
        rows.append(dict(zip(header, filled, strict=False)))
    return rows


def _csv(data: bytes, where: str) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save the table as CSV in UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="not_utf8") from None
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}.", where=where, code="not_csv") from None


def _workbook(data: bytes, where: str) -> list[list[str]]:
    from concordat.evidence.sources._tabular_read import cell_text, plain_cell
    from concordat.evidence.sources._tabular_workbook import sheet_cells, sheet_names

    cells = sheet_cells(data, sheet_names(data, where)[0], where)
    return [["" if (plain := plain_cell(c)) is None else cell_text(plain) for c in row] for row in cells]


def write_table(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as CSV with all columns, no cell of which a spreadsheet takes for a formula."""
    from concordat.evidence.csv_text import guarded

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([guarded(row.get(c, "")) for c in COLUMNS] for row in rows)
    return out.getvalue()


# --- schema.org ------------------------------------------------------------------------------------------------------


def schema_org(good: Good) -> dict[str, Any]:
    """The good as a schema.org `Product` with its `Offer`, JSON-LD; texts carry their language."""
    made: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": good.sku,
        "name": _said(good.names),
        "countryOfOrigin": {"@type": "Country", "name": world.country(good.origin).iso2},
        "offers": _offer(good),
    }
    optional = {
        "description": _said(good.descriptions),
        "material": _said(good.materials),
        "gtin": good.gtin.padded if good.gtin else "",
        "image": good.image,
    }
    made |= {name: value for name, value in optional.items() if value}
    extra = {"hs6": good.hs6, "gpc": good.gpc, "maker_type": good.maker_type, "geographical_indication": good.gi}
    extra |= {f"craft_{name}": value for name, value in (good.craft or {}).items()}
    properties = [
        {"@type": "PropertyValue", "propertyID": f"urn:concordat:passport:{name}", "value": value}
        for name, value in [*extra.items(), *(("certificate", link) for link in good.certificates)]
        if value
    ]
    return made | ({"additionalProperty": properties} if properties else {})


def _said(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@language": language, "@value": text} for language, text in texts.items()]


def _offer(good: Good) -> dict[str, Any]:
    price = {"@type": "UnitPriceSpecification", "price": good.price, "priceCurrency": good.currency,
             "unitCode": good.unit}  # fmt: skip
    made: dict[str, Any] = {
        "@type": "Offer",
        "price": good.price,
        "priceCurrency": good.currency,
        "priceSpecification": price,
    }
    if good.seller_id:
        made["seller"] = {"@type": "Organization", "identifier": good.seller_id}
    if good.dispatch_days is not None:
        days = {"@type": "QuantitativeValue", "maxValue": good.dispatch_days, "unitCode": "DAY"}
        made["deliveryLeadTime"] = days
    return made
