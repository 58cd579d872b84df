"""The published schemas as they ship, what the text adds to them, and messages that only mean to hurt."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the protocol is defined by JSON Schema")

from concordat.errors import InputError
from concordat.exchange.dataspace import messages, schemas
from concordat.exchange.dataspace.behaviours import Move, read_behaviours
from concordat.exchange.dataspace.messages import Kind

SHIPPED = Path(schemas.__file__).parents[1] / "_data" / "dsp"
OFFER: dict[str, Any] = {"@id": "o", "@type": "Offer", "target": "d", "permission": [{"action": "use"}]}
REQUEST = messages.contract_request("c", OFFER, callback="https://zaf.example/dsp/2025-1/cb")


def parsed(message: dict[str, Any], expected: str = "ContractRequestMessage") -> dict[str, Any]:
    return schemas.parse(json.dumps(message).encode(), expected)


def test_shipped_files_are_those_published(shared_data: Path) -> None:
    source = shared_data / "exchange" / "dsp"
    files = sorted(p.relative_to(SHIPPED) for p in SHIPPED.rglob("*.json*"))
    assert len(files) == 28
    for file in files:
        assert (
            hashlib.sha256((SHIPPED / file).read_bytes()).digest()
            == hashlib.sha256((source / file).read_bytes()).digest()
        )
    assert (SHIPPED / "LICENSE").read_bytes() == (source / "LICENSE").read_bytes()


def test_three_references_are_repaired_in_memory() -> None:
    broken = [p.name for p in SHIPPED.rglob("*-schema.json") if "json#definitions" in p.read_text()]
    assert sorted(broken) == [
        "transfer-error-schema.json", "transfer-suspension-message-schema.json",
        "transfer-termination-message-schema.json",
    ]  # fmt: skip
    assert not any("json#definitions" in json.dumps(schema) for schema in schemas.published().values())
    assert len(schemas.published()) == 26


def test_twenty_published_examples_validate(shared_data: Path) -> None:
    examples = sorted((shared_data / "exchange" / "dsp").rglob("example/*.json"))
    known = [path for path in examples if "did-service" not in path.name]
    assert (len(examples), len(known)) == (22, 20)
    for path in known:
        message = json.loads(path.read_text())
        schemas.parse(path.read_bytes(), message.get("@type", "VersionResponse"))


def test_what_we_make_fits_the_schemas() -> None:
    address = messages.data_address("https://bra.example/dsp/data/p", "t")
    made = [
        REQUEST,
        messages.contract_request("c", OFFER, provider_pid="p"),
        messages.contract_offer("p", OFFER, consumer_pid="c"),
        messages.contract_offer("p", OFFER, callback="https://bra.example/dsp/2025-1"),
        messages.verification("c", "p", "entry"),
        messages.event("c", "p", Kind.ACCEPTED),
        messages.event("c", "p", Kind.FINALIZED, "entry"),
        messages.negotiation_state("c", "p", "AGREED"),
        messages.transfer_request("c", "a", messages.PULL, "https://zaf.example"),
        messages.transfer_request("c", "a", messages.PUSH, "https://zaf.example", address),
        messages.start("c", "p", address),
        messages.completion("c", "p"),
        messages.transfer_state("c", "p", "SUSPENDED"),
        *(messages.stopped(k, "c", "p", "x") for k in (Kind.TERMINATION, Kind.SUSPENSION, Kind.TRANSFER_TERMINATION)),
        *(messages.error(f, "x", []) for f in ("CatalogError", "ContractNegotiationError", "TransferError")),
    ]
    for message in made:
        schemas.check(message, message["@type"], sending=True)
        assert json.loads(messages.encode(message)) == message
    schemas.parse(messages.encode(dict(messages.VERSION_RESPONSE)), "VersionResponse")
    assert messages.error("TransferError", "x", ["y"])["providerPid"] == "urn:uuid:00000000-0000-0000-0000-000000000000"


def changed(**fields: Any) -> dict[str, Any]:
    made = copy.deepcopy(REQUEST) | fields
    return {key: value for key, value in made.items() if value is not None}


def offer(**fields: Any) -> dict[str, Any]:
    return changed(offer={key: value for key, value in (OFFER | fields).items() if value is not None})


NUMBER = [{"action": "use", "constraint": [{"leftOperand": "count", "operator": "lteq", "rightOperand": 20}]}]
ARTEFACT = [{"action": "use", "constraint": [{"leftOperand": "count", "operator": "term-lteq", "rightOperand": "1"}]}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (changed(providerPid="p"), "exactly one of callbackAddress, providerPid"),
        (changed(callbackAddress=None), "exactly one of callbackAddress, providerPid"),
        (changed(**{"@context": ["https://w3id.org/dspace/2024/1/context.json"]}), "must hold"),
        (changed(**{"@context": "https://w3id.org/dspace/2025/1/context.jsonld"}), "of type array"),
        (changed(**{"@type": "ContractOfferMessage"}), "here belongs a ContractRequestMessage"),
        (changed(consumerPid=None), "consumerPid is missing"),
        (changed(consumerPid="c" * 600), "over 512 characters"),
        (offer(target=None), "names its id and its target"),
        (offer(**{"@id": None}), "@id is missing"),
        (offer(permission=[{"action": "use", "target": "d"}]), "a rule has no target"),
        (offer(permission=[]), "the list is empty"),
        (offer(permission=NUMBER), "never a number"),
        (offer(profile=7), "offer"),
    ],
    ids=range(13),
)
def test_traps_of_schemas_and_text(message: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(message)
    assert words in str(caught.value)


def test_artefact_of_the_operators_is_read_and_never_sent() -> None:
    message = offer(permission=ARTEFACT)
    assert parsed(message) == message
    with pytest.raises(InputError, match="term-lteq"):
        schemas.check(message, "ContractRequestMessage", sending=True)


def test_address_belongs_to_push_alone() -> None:
    address = messages.data_address("https://zaf.example/inbox", "t")
    for made in (
        messages.transfer_request("c", "a", messages.PULL, "https://zaf.example", address),
        messages.transfer_request("c", "a", messages.PUSH, "https://zaf.example"),
    ):
        with pytest.raises(InputError, match="push format"):
            parsed(made, "TransferRequestMessage")


def nested(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = {"and": [found]}
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"@type": "ContractRequestMessage", "@type": "ContractRequestMessage"}',
        b"\xff\xfe{}",
        json.dumps(changed(x=nested(64))).encode(),
        b'{"@type":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(changed(x="y" * 200_000)).encode(),
        json.dumps(changed(x="y" * 10_000_000)).encode(),
        json.dumps(changed(x=[0] * 30_000)).encode(),
        json.dumps(changed(x=float("nan"))).encode(),
    ],
    ids=range(11),
)
def test_hostile_bodies_end_in_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        schemas.parse(data, "ContractRequestMessage")


def test_no_foreign_reference_is_ever_loaded() -> None:
    from referencing.exceptions import Unresolvable

    validator = schemas._wordy()["negotiation/contract-schema.json"]
    with pytest.raises(Unresolvable):
        validator._resolver.lookup("https://example.org/schema.json")


def _places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a message, the message itself left out."""
    keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        yield (*path, key)
        yield from _places(part[key], (*path, key))


def _broken(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A message with one place taken out, or with something else there."""
    for path in _places(message):
        for value in (None, True, 3, "x", [], ["x"], {}, {"x": "y"}, ...):
            changed = copy.deepcopy(message)
            part = changed
            for key in path[:-1]:
                part = part[key]
            if value is ...:
                del part[path[-1]]
            else:
                part[path[-1]] = value
            yield changed


def test_the_quick_reading_and_the_one_with_words_agree() -> None:
    agreement = {
        **OFFER,
        "@id": "a",
        "@type": "Agreement",
        "assigner": "BRA",
        "assignee": "ZAF",
        "timestamp": "2026-11-27T12:00:00Z",
    }
    sent = [
        REQUEST, messages.contract_agreement("c", "p", agreement),
        messages.transfer_request("c", "a", messages.PULL, "https://zaf.example/dsp/2025-1/cb"),
        messages.start("c", "p", None), messages.negotiation_state("c", "p", "REQUESTED"),
    ]  # fmt: skip
    verdicts = set()
    for message in sent:
        name = schemas.SCHEMA_OF[message["@type"]]
        for changed in (message, *_broken(message)):
            quick = schemas._quick()[name].is_valid(changed)
            assert quick == (next(schemas._wordy()[name].iter_errors(changed), None) is None), changed
            verdicts.add(quick)
    assert verdicts == {True, False}


def test_neither_reading_loads_a_foreign_reference() -> None:
    import jsonschema_rs

    with pytest.raises((jsonschema_rs.ReferencingError, ValueError)):
        jsonschema_rs.Draft201909Validator(
            {"$ref": "https://example.org/schema.json"}, registry=schemas._quick_registry()
        )


def test_behaviours_are_read_strictly() -> None:
    text = "schema: concordat/behaviours@1\ndatasets:\n  a: {offer: o, negotiation: [{REQUESTED: offer}]}\n"
    found = read_behaviours(text)
    script = found.scripts["a"]["negotiation"]
    assert found.offers == {"a": "o"}
    assert [script.next(0, "REQUESTED"), script.next(0, "OFFERED"), script.next(1, "REQUESTED")] == [
        Move.OFFER,
        Move.WAIT,
        Move.WAIT,
    ]
    for broken in (text.replace("negotiation", "negotation"), text.replace(": offer}", ": offr}"), text + "x: 1\n"):
        with pytest.raises(InputError):
            read_behaviours(broken)
