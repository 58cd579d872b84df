"""Goods as a UBL 2.1 Catalogue, in the order that the Peppol BIS Catalogue uses, checked by the user's own schema.

Source: OASIS UBL 2.1, `UBL-Catalogue-2.1.xsd` (not shipped: the user names its copy); the sequence of elements is that
schema's. The customisation and profile ids of Peppol BIS Catalogue 3 are from memory and unverified: whoever sends to a
Peppol access point checks them there. No tax category is given, since no rate is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from concordat import world
from concordat.errors import InputError
from concordat.exchange.inclusion.hardened import Element, lxml, read_xml
from concordat.exchange.inclusion.passport import Good

ROOT = "urn:oasis:names:specification:ubl:schema:xsd:Catalogue-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CUSTOMIZATION = "urn:fdc:peppol.eu:poacc:trns:catalogue:3"
PROFILE = "urn:fdc:peppol.eu:poacc:bis:catalogue_only:3"
IDS_STATUS = "unverified"
FAULTS_SHOWN = 5


def catalogue(
    goods: Sequence[Good], *, number: str, issued: date, provider: str, receiver: str, language: str = "en"
) -> bytes:
    """The goods as one UBL Catalogue.

    Args:
        number: of the catalogue, as the seller counts. provider, receiver: identifiers of the parties as
            `scheme:value` (a GLN is `0088:...`). language: of names, where a good has it; else its first one.

    Raises:
        InputError: no goods, or a party without its scheme. MethodError: the extra [exchange] is not installed.
    """
    if not goods:
        raise InputError("a catalogue needs one good at least.", code="empty")
    etree = lxml()
    root = etree.Element(f"{{{ROOT}}}Catalogue", nsmap={None: ROOT, "cac": CAC, "cbc": CBC})
    for name, text in (
        ("CustomizationID", CUSTOMIZATION),
        ("ProfileID", PROFILE),
        ("ID", number),
        ("ActionCode", "Add"),
        ("IssueDate", issued.isoformat()),
        ("VersionID", "1"),
    ):
        _basic(root, name, text)
    for name, party in (("ProviderParty", provider), ("ReceiverParty", receiver)):
        _party(_group(root, name), party, name)
    for place, good in enumerate(goods, 1):
        _line(root, place, good, language)
    etree.indent(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


def _basic(parent: Element, name: str, text: str, **attributes: str) -> None:
    child = lxml().SubElement(parent, f"{{{CBC}}}{name}", attributes)
    child.text = text


def _group(parent: Element, name: str) -> Element:
    return lxml().SubElement(parent, f"{{{CAC}}}{name}")


def _party(parent: Element, identifier: str, name: str) -> None:
    scheme, sign, value = identifier.partition(":")
    if not sign or not scheme or not value:
        hint = "Write scheme and value, such as 0088:4006381333931 for a GLN."
        raise InputError(f'"{identifier[:60]}" names no scheme.', where=name, hint=hint, code="party")
    _basic(parent, "EndpointID", value, schemeID=scheme)
    _basic(_group(parent, "PartyIdentification"), "ID", value, schemeID=scheme)


def _line(root: Element, place: int, good: Good, language: str) -> None:
    line = _group(root, "CatalogueLine")
    _basic(line, "ID", str(place))
    _basic(line, "ActionCode", "Add")
    _basic(line, "OrderableIndicator", "true")
    _basic(line, "OrderableUnit", good.unit)
    where = _group(line, "RequiredItemLocationQuantity")
    if good.dispatch_days is not None:
        _basic(where, "LeadTimeMeasure", str(good.dispatch_days), unitCode="DAY")
    price = _group(where, "Price")
    _basic(price, "PriceAmount", good.price, currencyID=good.currency)
    _basic(price, "BaseQuantity", "1", unitCode=good.unit)
    _item(_group(line, "Item"), good, language)


def _item(item: Element, good: Good, language: str) -> None:
    if good.descriptions:
        tag = language if language in good.descriptions else next(iter(good.descriptions))
        _basic(item, "Description", good.descriptions[tag], languageID=tag)
    tag = language if language in good.names else next(iter(good.names))
    _basic(item, "Name", good.names[tag])
    _basic(_group(item, "SellersItemIdentification"), "ID", good.sku)
    if good.gtin is not None:
        _basic(_group(item, "StandardItemIdentification"), "ID", good.gtin.padded, schemeID="0160")
    for link in (good.image, *good.certificates):
        if link:
            document = _group(item, "ItemSpecificationDocumentReference")
            _basic(document, "ID", "image" if link == good.image else "certificate")
            _basic(_group(_group(document, "Attachment"), "ExternalReference"), "URI", link)
    _basic(_group(item, "OriginCountry"), "IdentificationCode", world.country(good.origin).iso2)
    for code, scheme in ((good.hs6, "HS"), (good.gpc, "GPC")):
        if code:
            _basic(_group(item, "CommodityClassification"), "ItemClassificationCode", code, listID=scheme)
    extra = {"maker_type": good.maker_type, "geographical_indication": good.gi}
    extra |= {f"craft_{name}": value for name, value in (good.craft or {}).items()}
    extra |= {f"material ({tag})": text for tag, text in good.materials.items()}
    for name, value in extra.items():
        if value:
            more = _group(item, "AdditionalItemProperty")
            _basic(more, "Name", name)
            _basic(more, "Value", value)


def check_ubl(data: bytes, xsd: Path, *, where: str = "") -> None:
    """The document is valid by the user's schema (`UBL-Catalogue-2.1.xsd` with the files that it includes beside it).

    Raises:
        InputError: the schema can't be read, or the document isn't valid; the schema's words say why.
        MethodError: the extra [exchange] is not installed.
    """
    etree = lxml()
    root = read_xml(data, where)
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    try:
        schema: Any = etree.XMLSchema(etree.parse(str(xsd), parser))
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        hint = "Name UBL-Catalogue-2.1.xsd in its folder, with `common` beside it."
        raise InputError(f"no schema: {said}.", where=str(xsd), hint=hint, code="not_a_schema") from None
    if not schema.validate(root):
        said = "; ".join(f"line {e.line}: {' '.join(e.message.split())[:200]}" for e in schema.error_log[:FAULTS_SHOWN])
        raise InputError(said, where=where, code="ubl_schema")
