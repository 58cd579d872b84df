"""Is this message one of the Dataspace Protocol 2025-1? The published schemas, and what the text demands beyond them.

The 26 schemas (JSON Schema 2019-09, Apache-2.0) ship unchanged in `exchange/_data/dsp` and are loaded as published; in
three of them a reference lacks its slash (`json#definitions`), which is repaired in memory. They refer to each other by
`https://w3id.org/dspace/2025/1/...` and are resolved among themselves: no other id is ever loaded, from anywhere.

The schemas leave out what the protocol's text demands; `check` adds: the offer of a message has `@id` and `target`; a
rule has no `target`; an agreement has a `timestamp`; a `dataAddress` is only for push formats. The operator
`term-lteq`, an artefact of the published list, is refused on sending and unknown on reading (`deciding`).

Bounds come first, since a validator recurses: depth, size and number of members. Whether a message fits is asked of
`jsonschema-rs`, 400 times as quick; what is wrong with one that doesn't is said by `jsonschema`. Source: exchange.md
5.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from concordat.canonical import loads
from concordat.errors import InputError
from concordat.settings import need_extra

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

BASE = "https://w3id.org/dspace/2025/1/"
CONTEXT = BASE + "context.jsonld"
MESSAGE_BYTES_MAX = 1_000_000
DEPTH_MAX = 24
NODES_MAX = 20_000
TEXT_MAX = 100_000
FOLDERS = ("catalog", "common", "negotiation", "transfer")

SCHEMA_OF: Mapping[str, str] = {
    "Catalog": "catalog/catalog-schema.json",
    "CatalogError": "catalog/catalog-error-schema.json",
    "CatalogRequestMessage": "catalog/catalog-request-message-schema.json",
    "Dataset": "catalog/dataset-schema.json",
    "DatasetRequestMessage": "catalog/dataset-request-message-schema.json",
    "VersionResponse": "common/protocol-version-schema.json",
    "ContractAgreementMessage": "negotiation/contract-agreement-message-schema.json",
    "ContractAgreementVerificationMessage": "negotiation/contract-agreement-verification-message-schema.json",
    "ContractNegotiation": "negotiation/contract-negotiation-schema.json",
    "ContractNegotiationError": "negotiation/contract-negotiation-error-schema.json",
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message-schema.json",
    "ContractNegotiationTerminationMessage": "negotiation/contract-negotiation-termination-message-schema.json",
    "ContractOfferMessage": "negotiation/contract-offer-message-schema.json",
    "ContractRequestMessage": "negotiation/contract-request-message-schema.json",
    "TransferCompletionMessage": "transfer/transfer-completion-message-schema.json",
    "TransferError": "transfer/transfer-error-schema.json",
    "TransferProcess": "transfer/transfer-process-schema.json",
    "TransferRequestMessage": "transfer/transfer-request-message-schema.json",
    "TransferStartMessage": "transfer/transfer-start-message-schema.json",
    "TransferSuspensionMessage": "transfer/transfer-suspension-message-schema.json",
    "TransferTerminationMessage": "transfer/transfer-termination-message-schema.json",
}


def published() -> dict[str, dict[str, Any]]:
    """Every schema by its file name, repaired."""
    folder: Traversable = files("concordat.exchange").joinpath("_data", "dsp")
    found = {}
    for part in FOLDERS:
        for file in sorted(folder.joinpath(part).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith("-schema.json"):
                text = file.read_text("utf-8").replace("json#definitions/", "json#/definitions/")
                found[f"{part}/{file.name}"] = json.loads(text)
    return found


@cache
def _quick() -> dict[str, Any]:
    """Answers yes or no, for each schema."""
    try:
        import jsonschema_rs
    except ImportError:
        raise need_extra("exchange", "The Dataspace Protocol") from None
    kind, registry = jsonschema_rs.Draft201909Validator, _quick_registry()
    return {name: kind(schema, registry=registry) for name, schema in published().items()}


def _quick_registry() -> Any:
    """The published schemas by their ids; a reference to any other is an error, nothing is ever loaded."""
    import jsonschema_rs

    def refuse(uri: str) -> Any:
        raise LookupError(uri)

    known = [(schema["$id"], schema) for schema in published().values()]
    return jsonschema_rs.Registry(known, draft=jsonschema_rs.Draft201909, retriever=refuse)


@cache
def _wordy() -> dict[str, Any]:
    """Says what is wrong, and where."""
    try:
        from jsonschema import Draft201909Validator  # type: ignore[import-untyped]
        from referencing import Registry
        from referencing.exceptions import NoSuchResource
        from referencing.jsonschema import DRAFT201909
    except ImportError:
        raise need_extra("exchange", "The Dataspace Protocol") from None

    def refuse(uri: str) -> Any:
        raise NoSuchResource(ref=uri)  # type: ignore[call-arg]

    schemas = published()
    resources = [(schema["$id"], DRAFT201909.create_resource(schema)) for schema in schemas.values()]
    registry: Any = Registry(retrieve=refuse).with_resources(resources)  # type: ignore[call-arg]
    return {name: Draft201909Validator(schema, registry=registry) for name, schema in schemas.items()}


def parse(data: bytes, expected: str, *, where: str = "message") -> dict[str, Any]:
    """A message that came in, checked.

    Args:
        data: the body. expected: its `@type`; `VersionResponse` has none.

    Raises:
        InputError: too large, not JSON (also a key twice), too deep, of another type, or not as the schema says.
        MethodError: the extra is not installed.
    """
    message = _read(data, where)
    check(message, expected, where=where)
    return message


def parse_catalog(data: bytes, *, where: str = "catalogue") -> tuple[dict[str, Any], list[tuple[Any, str]]]:
    """A `Catalog` whose datasets are checked one by one, so that a bad one takes no other with it.

    Returns:
        The message without the datasets that are not as the schema says; those, each with the reason.

    Raises:
        InputError: as `parse`, for all but what is in a dataset.
    """
    message = _read(data, where)
    bare, held = _emptied(message)
    check(bare, "Catalog", where=where)
    refused = []
    for catalog, datasets in held:
        good = []
        for number, dataset in enumerate(datasets):
            try:
                _check_inner(dataset, f"{where}, dataset {number + 1}")
            except InputError as error:
                refused.append((dataset, str(error)))
            else:
                good.append(dataset)
        catalog["dataset"] = good
    return bare, refused


def _emptied(message: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[dict[str, Any], list[Any]]]]:
    """A copy of a catalogue without its datasets, and each catalogue in that copy with the datasets that it had."""
    bare = dict(message)
    waiting, held = [bare], []
    while waiting:
        one = waiting.pop()
        if isinstance(one.get("dataset"), list) and one["dataset"]:
            held.append((one, one.pop("dataset")))
        if isinstance(one.get("catalog"), list):
            one["catalog"] = [dict(inner) if isinstance(inner, Mapping) else inner for inner in one["catalog"]]
            waiting += [inner for inner in one["catalog"] if isinstance(inner, dict)]
    return bare, held


def _check_inner(dataset: Any, where: str) -> None:
    """A dataset in a catalogue, which has the context of the message around it."""
    if not isinstance(dataset, Mapping):
        raise InputError("a dataset is a JSON object.", where=where, code="schema")
    _bounded(dataset, where)
    check_file({**dataset, "@context": [CONTEXT]}, SCHEMA_OF["Dataset"], where=where)


def _read(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > MESSAGE_BYTES_MAX:
        raise InputError(f"a message of over {MESSAGE_BYTES_MAX:,} bytes.", where=where, code="too_large")
    message = loads(data, floats=True)
    if not isinstance(message, dict):
        raise InputError("a message is a JSON object.", where=where, code="schema")
    return message


def check(message: Mapping[str, Any], expected: str, *, where: str = "message", sending: bool = False) -> None:
    """A message against the schema of its type and the text.

    Args:
        sending: our own message: what we would only call unknown in another's is refused.

    Raises:
        InputError: as `parse`.
    """
    _bounded(message, where)
    said = message.get("@type")
    if expected != "VersionResponse" and said != expected:
        what = f"the message is of type {str(said)[:60]!r}; here belongs a {expected}."
        raise InputError(what, where=f"{where}.@type", code="message_type")
    check_file(message, SCHEMA_OF[expected], where=where)
    fault = next(_text_faults(message, sending=sending), None)
    if fault:
        raise InputError(fault[1], where=f"{where}.{fault[0]}", code="protocol_text")


def check_file(message: Mapping[str, Any], name: str, *, where: str = "message") -> None:
    """A document against one published schema, by its file name; for the schemas that belong to no message.

    Raises:
        InputError: the first fault, at its path.
    """
    decided = True
    try:
        if _quick()[name].is_valid(message):
            return
    except ValueError:  # half a surrogate, or another value that is no JSON: the other one decides
        decided = False
    faults = sorted(_wordy()[name].iter_errors(message), key=lambda e: (len(e.path), str(list(e.path))))
    if not faults and not decided:
        return
    if not faults:
        raise InputError("it breaks the schema, by one of two readings.", where=where, code="schema")
    error = _deepest(faults[0])
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
    raise InputError(f"{_short(error)}.", where=f"{where}{path}"[:300], code="schema")


def _deepest(error: Any) -> Any:
    """The fault inside an alternative that got furthest; the alternatives themselves where none got anywhere."""
    while error.validator in ("oneOf", "anyOf"):
        inner = max(error.context or (), key=lambda e: len(e.path), default=None)
        if inner is None or not inner.path:
            return error
        error = inner
    return error


def _short(error: Any) -> str:
    """What a fault of a schema says, without the document in it."""
    match error.validator:
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            return f"the key {missing[0]} is missing" if missing else "a key is missing"
        case "const" | "contains":
            return f"it must {'hold' if error.validator == 'contains' else 'be'} {error.validator_value}"[:200]
        case "enum":
            return f"{str(error.instance)[:60]!r} is not one of {', '.join(map(str, error.validator_value))}"
        case "type":
            return f"it must be of type {error.validator_value}"
        case "oneOf" if error.absolute_path and error.absolute_path[-1] == "rightOperand":
            return "a right operand is text, an object or a list, never a number; write counts as text"
        case "oneOf":
            wanted = [part["required"][0] for part in error.validator_value if "required" in part]
            return (
                f"exactly one of {', '.join(wanted)} must stand there" if wanted else "it fits none, or several, forms"
            )
        case "minItems":
            return "the list is empty"
        case _:
            return f"it breaks the schema's rule `{error.validator}`"


def parts_of(message: Any) -> Iterator[tuple[Any, int]]:
    """Every value of a message, itself first, with its depth: what the bounds of `parse` count."""
    pending = [(message, 0)]
    while pending:
        part, depth = pending.pop()
        yield part, depth
        if isinstance(part, Mapping):
            pending.extend((value, depth + 1) for value in part.values())
        elif isinstance(part, (list, tuple)):
            pending.extend((value, depth + 1) for value in part)


def _bounded(message: Any, where: str) -> None:
    for count, (part, depth) in enumerate(parts_of(message), 1):
        if depth > DEPTH_MAX or count > NODES_MAX:
            what = f"nested deeper than {DEPTH_MAX} levels, or over {NODES_MAX:,} parts."
            raise InputError(what, where=where, code="too_large")
        if isinstance(part, str) and len(part) > TEXT_MAX:
            raise InputError(f"a text of over {TEXT_MAX:,} characters.", where=where, code="too_large")


# --- What the text demands beyond the schemas ---------------------------------------------------------------------


def _text_faults(message: Mapping[str, Any], *, sending: bool) -> Iterator[tuple[str, str]]:
    offer, agreement = message.get("offer"), message.get("agreement")
    if isinstance(offer, Mapping):
        for key in ("@id", "target"):
            if not isinstance(offer.get(key), str) or not offer[key]:
                yield f"offer.{key}", "the offer of a message names its id and its target."
        yield from _rule_faults(offer, "offer", sending=sending)
    if isinstance(agreement, Mapping):
        if not agreement.get("timestamp"):
            yield "agreement.timestamp", "an agreement has a timestamp."
        yield from _rule_faults(agreement, "agreement", sending=sending)
    if message.get("@type") == "TransferRequestMessage":
        push = str(message.get("format", "")).upper().endswith("PUSH")
        if push != ("dataAddress" in message):
            yield "dataAddress", "a data address belongs to a push format, and to no other."
    for key in ("consumerPid", "providerPid", "callbackAddress", "agreementId"):
        if key in message and not 0 < len(message[key]) <= 512:
            yield key, "it is empty, or over 512 characters."


def _rule_faults(policy: Mapping[str, Any], name: str, *, sending: bool) -> Iterator[tuple[str, str]]:
    for kind in ("permission", "prohibition", "obligation"):
        for i, rule in enumerate(policy.get(kind, ())):
            if "target" in rule:
                yield f"{name}.{kind}[{i}].target", "a rule has no target; the offer has."
            if sending and "term-lteq" in _operators(rule):
                yield f"{name}.{kind}[{i}]", "`term-lteq` is no operator; write lteq."


def _operators(part: Any) -> set[str]:
    found: set[str] = set()
    pending = [part]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            found.add(str(item.get("operator")))
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return found
