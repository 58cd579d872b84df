"""The addresses of a node as one OpenAPI document (version 3.1): every page of the registry, every protocol route.

Generated, so that it can't differ from what is served: paths, keys and their bounds come from the pages' own models.
Source: OpenAPI Specification 3.1.0. The bodies of pages are described as far as they are alike (the envelope and the
problem); what `data` holds is the page's view, whose fields carry their own words in the source.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat import __version__
from concordat.web.languages import OFFERED

if TYPE_CHECKING:
    from concordat.web.site import Page

PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what to do (RFC 9457).",
    "required": ["type", "status", "title", "detail"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}
ENVELOPE = {
    "type": "object",
    "required": ["release", "state", "batch", "version", "generated_from", "licences", "data"],
    "properties": {
        "release": {"type": "string", "description": "the release of evidence; empty where the page reads none"},
        "state": {"type": "string", "description": "the hash of the council's state; empty where the page reads none"},
        "batch": {"type": "string", "description": "view and number of the last final batch, 1.543; or empty"},
        "version": {"type": "string", "description": "of the program"},
        "generated_from": {"type": "string", "description": "the address"},
        "licences": {"type": "object", "additionalProperties": {"type": "string"}},
        "data": {"type": "object", "description": "the page's view, field by field"},
    },
}
PROBLEMS = (
    ("400", "the address is wrong"),
    ("404", "there is no such thing"),
    ("429", "too many requests"),
    ("503", "not now"),
)
# What the routes of the protocol are for; `node.server` serves them.
PROTOCOL: Mapping[str, str] = {
    "checkpoint": "the newest signed head of a log (C2SP tlog-checkpoint)",
    "tile": "a tile of hashes or a bundle of entries of a log (C2SP tlog-tiles)",
    "heads": "the newest head of every log that is known here",
    "paper": "a note, a vote for a view, a proof of misconduct or a state hash, by its hash or number",
    "live": "one word while the process runs",
    "ready": "one word: whether the node may be used",
    "messages": "messages of a member, in a signed request; the answer: replies",
    "add_checkpoint": "cosign a head as a witness (C2SP tlog-witness)",
    "add_pending": "take a head to be mirrored (C2SP tlog-mirror)",
    "add_entries": "take entries to be mirrored (C2SP tlog-mirror)",
    "entries": "one signed envelope of this member's people: 201 with its id, 200 if it was known",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One address with a method. page: its name in the registry; empty for a route of the protocol."""

    method: str
    path: str
    summary: str
    page: str
    keys: tuple[str, ...]
    forms: tuple[str, ...]


def operations() -> tuple[Operation, ...]:
    """All of them: pages in the order of the map, then the protocol."""
    from concordat.node.server import GETS, POSTS
    from concordat.web.site import pages

    found = []
    for page in pages():
        keys = tuple(sorted(set(page.query.model_fields) - set(page.keys)))
        keys += ("lang", *(("at",) if "council" in page.reads else ()))
        found.append(
            Operation("GET", page.path, summary_of(page), page.name, keys, ("html", "json", "csv", *page.files))
        )
    found.append(
        Operation("POST", "/check", "verify a file that is sent, and keep nothing", "check", (), ("html", "json"))
    )
    for method, table in (("GET", GETS), ("POST", POSTS)):
        found += [Operation(method, path.replace(":path", ""), PROTOCOL[name], "", (), ()) for path, name in table]
    return tuple(found)


def summary_of(page: Page) -> str:
    """The page's question: the first sentence of its module."""
    module = importlib.import_module(page.view.__module__)
    own = next((m for m in _modules() if m.PAGE.name == page.name), module)
    return (own.__doc__ or "").strip().partition("\n")[0]


def _modules() -> list[Any]:
    from concordat.web.site import MODULES

    return [importlib.import_module(f"concordat.web.pages.{name}") for name in MODULES]


def document(server: str = "", languages: tuple[str, ...] = OFFERED) -> dict[str, Any]:
    """The document.

    Args:
        server: the address that paths follow. languages: on offer.
    """
    from concordat.web.site import pages

    paths: dict[str, Any] = {}
    for page in pages():
        for form, kind in (("json", "application/json"), ("csv", "text/csv"), ("html", "text/html")):
            path = page.path if form == "html" else ("/home" if page.path == "/" else page.path) + f".{form}"
            paths[path] = {"get": _get(page, form, kind, languages)}
        for ending, file in page.files.items():
            paths[f"{page.path}.{ending}"] = {"get": _get(page, ending, file.content_type.partition(";")[0], languages)}
    for operation in operations():
        if not operation.page:
            paths.setdefault(operation.path, {})[operation.method.lower()] = _protocol(operation)
    paths.setdefault("/check", {})["post"] = _check()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Concordat",
            "version": __version__,
            "description": "Pages and protocol of one member's node.",
        },
        "servers": [{"url": server or "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {"Envelope": ENVELOPE, "Problem": PROBLEM}},
    }


def _get(page: Page, form: str, kind: str, languages: tuple[str, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": "#/components/schemas/Envelope"}
    if form != "json":  # a file of its own kind: proofs, citations and figures have their own formats
        schema = {"type": ["object", "array"]} if kind.endswith("json") else {"type": "string"}
    answers = {"200": {"description": "the answer", "content": {kind: {"schema": schema}}}}
    answers["304"] = {"description": "you have it"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    content = problem if form.endswith(("json", "csv")) else {"text/html": {"schema": {"type": "string"}}}
    for status, words in PROBLEMS:
        answers[status] = {"description": words, "content": content}
    answers["308"] = {"description": "the address is spelled otherwise"}
    return {
        "operationId": f"{page.name}_{form.replace('.', '_')}",
        "summary": summary_of(page),
        "tags": [page.group],
        "parameters": list(_parameters(page, languages)),
        "responses": answers,
    }


def _parameters(page: Page, languages: tuple[str, ...]) -> list[dict[str, Any]]:
    properties = page.query.model_json_schema().get("properties", {})
    found = []
    for name in page.query.model_fields:
        schema = {k: v for k, v in properties[name].items() if k not in ("title", "description", "default")}
        place = "path" if name in page.keys else "query"
        one = {"name": name, "in": place, "required": place == "path", "schema": schema}
        said = properties[name].get("description")
        found.append({**one, "description": said} if said else one)
    offered = {"enum": list(languages)}
    found.append({"name": "lang", "in": "query", "schema": offered, "description": "the language"})
    if "council" in page.reads:
        pin = {"type": "string", "pattern": r"^[1-9][0-9]{0,8}\.[1-9][0-9]{0,11}$"}
        found.append({"name": "at", "in": "query", "schema": pin, "description": "as it was behind this final batch"})
    return found


def _protocol(operation: Operation) -> dict[str, Any]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    said: dict[str, Any] = {
        "summary": operation.summary,
        "tags": ["protocol"],
        "parameters": parameters,
        "responses": {"200": {"description": "as its specification says"}, "default": {"description": "a problem"}},
    }
    if operation.method == "POST":
        said["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    return said


def _check() -> dict[str, Any]:
    properties = {"file": {"type": "string", "format": "binary"}, "trust": {"type": "string"}}
    form = {"schema": {"type": "object", "required": ["file"], "properties": properties}}
    return {
        "operationId": "check_file",
        "summary": "Verify a proof bundle, a result or a proof of misconduct; nothing is kept.",
        "tags": ["decide"],
        "requestBody": {"required": True, "content": {"multipart/form-data": form}},
        "responses": {
            "200": {"description": "it is good", "content": {"text/html": {"schema": {"type": "string"}}}},
            "422": {"description": "it is not: the first thing that fails is named"},
            "413": {"description": "it is too large"},
            "429": {"description": "too many requests"},
        },
    }
