"""`taxii2-client`, unmodified, against a node that runs: discovery, roots, collections, objects, manifests, versions.

The same bundles go to medallion 3.0.0, the reference server of OASIS, through the same client, and both must give the
same sets of objects and versions. Medallion runs in its own environment: CONCORDAT_MEDALLION names its interpreter
(`python -m venv`, `pip install medallion==3.0.0`); without it, and where this one has none, that part is not compared.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("taxii2client", reason="needs taxii2-client, which the extra [oracles] brings")
pytest.importorskip("stix2", reason="needs the extra [exchange]")
pytest.importorskip("uvicorn", reason="needs the extra [web]")

import requests
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from concordat.exchange.incidents.tlp import Tlp
from concordat.node.taxii_routes import make_account
from live_nodes import free_socket
from taxii_kit import MEMBERS, campaign, running
from unit_node import found

STIX = "exchange/stix"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running node with one collection, and clients of three members."""
    home = found(tmp_path_factory.mktemp("taxii"))[0]
    with running(home) as (url, store):
        made = store.make_collection("brics", "indicators", Tlp.AMBER, "Indicators", ["BRA"])
        store.subscribe(made.id, "IND", "protects the payment system")
        passwords = {m: make_account(store, m, "cert", "", MEMBERS) for m in ("BRA", "IND", "ZAF")}
        yield {"url": f"{url}/taxii2/", "id": made.id, "passwords": passwords}


def collection_of(node: dict[str, Any], member: str) -> Collection:
    """The collection as a member's client sees it, found by discovery."""
    server = Server(node["url"], user=f"{member}/cert", password=node["passwords"][member])
    return next(c for c in server.default.collections if c.id == node["id"])


def bundles(shared_data: Path) -> list[dict[str, Any]]:
    """All objects of the bundles of the shared data, and two versions of a campaign."""
    folder = shared_data / STIX
    found = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    objects = [one for bundle in found if bundle["type"] == "bundle" for one in bundle["objects"]]
    return [*objects, campaign(1, version=1), campaign(1, version=2), campaign(1, version=3)]


def versions_of(objects: list[dict[str, Any]], *, dated: bool = False) -> set[tuple[str, str]]:
    """Id and version of each; `dated`: only of those that have one (of observables, a server says when they came)."""
    found = {(one["id"], str(one.get("modified") or one.get("created") or "")) for one in objects}
    return {pair for pair in found if pair[1]} if dated else found


def dated(objects: list[dict[str, Any]]) -> set[str]:
    """The ids of what has a version of its own."""
    return {name for name, _ in versions_of(objects, dated=True)}


def pages(method: Any, **asked: Any) -> list[dict[str, Any]]:
    """All objects of all pages, as the client's own helper reads them."""
    return [one for page in as_pages(method, per_request=20, **asked) for one in page.get("objects", [])]


def test_a_client_reads_what_another_added(node: dict[str, Any], shared_data: Path) -> None:
    sent = bundles(shared_data)
    writer, reader = collection_of(node, "BRA"), collection_of(node, "IND")
    assert writer.can_write
    assert not reader.can_write
    status = writer.add_objects({"objects": sent})
    assert status.status == "complete"
    assert (status.success_count, status.failure_count, status.pending_count) == (len(sent), 0, 0)
    status.refresh()
    assert versions_of(pages(reader.get_objects, version="all")) == versions_of(sent)
    last = dict(sorted(versions_of(sent)))  # the last version of each id
    assert versions_of(pages(reader.get_objects)) == set(last.items())
    manifest = pages(reader.get_manifest, version="all")
    assert {(one["id"], one["version"]) for one in manifest if one["id"] in dated(sent)} == versions_of(
        sent, dated=True
    )
    assert {one["id"] for one in manifest} == {one["id"] for one in sent}
    assert [one["date_added"] for one in manifest] == sorted(one["date_added"] for one in manifest)


def test_filters_and_versions_mean_what_the_client_expects(node: dict[str, Any], shared_data: Path) -> None:
    collection_of(node, "BRA").add_objects({"objects": bundles(shared_data)})
    reader, one = collection_of(node, "IND"), campaign(1, version=1)["id"]
    assert len(reader.object_versions(one)["versions"]) == 3
    assert versions_of(reader.get_object(one)["objects"]) == {(one, "2026-05-01T00:00:03.000Z")}
    first = reader.get_object(one, version="first")["objects"]
    assert versions_of(first) == {(one, "2026-05-01T00:00:01.000Z")}
    assert {x["type"] for x in pages(reader.get_objects, type="malware,tool")} == {"malware", "tool"}
    manifest = reader.get_manifest(id=one, version="all")["objects"]
    later = pages(reader.get_objects, id=one, version="all", added_after=manifest[0]["date_added"])
    assert versions_of(later) == {(one, x["version"]) for x in manifest[1:]}


def test_a_member_without_a_need_and_anybody_see_nothing_of_it(node: dict[str, Any], shared_data: Path) -> None:
    collection_of(node, "BRA").add_objects({"objects": bundles(shared_data)})
    assert collection_of(node, "ZAF").get_objects() == {}
    accept = {"Accept": "application/taxii+json;version=2.1"}
    for address in ("", "brics/", f"brics/collections/{node['id']}/objects/", "nothing/"):
        answer = requests.get(node["url"] + address, headers=accept, timeout=30)
        assert answer.status_code == 401, address
        assert answer.json()["http_status"] == "401"
    wrong = requests.get(node["url"], headers=accept, auth=("BRA/cert", "guess"), timeout=30)
    assert wrong.status_code == 401


def test_only_who_added_an_object_takes_it_back(node: dict[str, Any]) -> None:
    one = campaign(70)
    writer = collection_of(node, "BRA")
    writer.add_objects({"objects": [one]})
    address = f"{node['url']}brics/collections/{node['id']}/objects/{one['id']}/"
    accept = {"Accept": "application/taxii+json;version=2.1"}
    user = ("IND/cert", node["passwords"]["IND"])  # its client wouldn't even ask
    assert requests.delete(address, headers=accept, auth=user, timeout=30).status_code == 403
    writer.delete_object(one["id"])
    with pytest.raises(requests.HTTPError) as gone:
        writer.get_object(one["id"])
    assert gone.value.response.status_code == 404


# --- Medallion --------------------------------------------------------------------------------------------------------


def judge() -> str:
    """The interpreter that has medallion; empty if none does."""
    named = os.environ.get("CONCORDAT_MEDALLION", "")
    return named or (sys.executable if importlib.util.find_spec("medallion") else "")


JUDGE = judge()  # asked here, since tests run without this machine's settings


@contextlib.contextmanager
def medallion(folder: Path, objects: Sequence[Any] = (), manifest: Sequence[Any] = ()) -> Iterator[str]:
    """The reference server with one collection, empty or with these objects: the address of that collection."""
    name = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
    only = {"id": name, "title": "t", "can_read": True, "can_write": True, "media_types": [],
            "objects": list(objects), "manifest": list(manifest)}  # fmt: skip
    information = {"title": "t", "versions": ["application/taxii+json;version=2.1"], "max_content_length": 9_765_625}
    data = {"/discovery": {"title": "t", "default": "", "api_roots": []},
            "root": {"information": information, "status": [], "collections": [only]}}  # fmt: skip
    (folder / "data.json").write_text(json.dumps(data))
    backend = {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
               "filename": str(folder / "data.json")}  # fmt: skip
    settings = {"backend": backend, "users": {"u": "p"}, "taxii": {"max_page_size": 1000}}
    (folder / "settings.json").write_text(json.dumps(settings))
    with free_socket() as held:
        port = held.getsockname()[1]
    command = [JUDGE, "-m", "medallion.scripts.run", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([*command, str(folder / "settings.json")], stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}/root/"
            for _ in range(600):
                with contextlib.suppress(requests.ConnectionError):
                    requests.get(url, timeout=5)
                    break
                time.sleep(0.05)
            yield f"{url}collections/{name}/"
        finally:
            process.terminate()


@pytest.mark.skipif(not JUDGE, reason="not compared: medallion is not here (CONCORDAT_MEDALLION names its python)")
def test_medallion_gives_the_same_objects_and_versions(
    node: dict[str, Any], shared_data: Path, tmp_path: Path
) -> None:  # fmt: skip
    sent = bundles(shared_data)
    collection_of(node, "BRA").add_objects({"objects": sent})
    ours = collection_of(node, "IND")
    known = campaign(1, version=1)["id"]
    with medallion(tmp_path) as url:
        theirs = Collection(url, user="u", password="p")
        theirs.add_objects({"objects": sent})
        ids = {one["id"] for one in sent}
        asked: list[dict[str, Any]] = [
            {}, {"version": "all"}, {"version": "first"}, {"type": "relationship"}, {"id": known, "version": "all"},
            {"version": "2026-05-01T00:00:02.000Z"}, {"type": "malware", "version": "first,last"},
        ]  # fmt: skip
        for filters in asked:
            mine = [x for x in pages(ours.get_objects, **filters) if x["id"] in ids]
            other = pages(theirs.get_objects, **filters)
            assert versions_of(mine) == versions_of(other), filters
            key = lambda one: (one["id"], str(one.get("modified")))  # noqa: E731
            assert sorted(mine, key=key) == sorted(other, key=key), filters
        listed = [
            {(x["id"], x["version"]) for x in pages(one.get_manifest, version="all") if x["id"] in dated(sent)}
            for one in (ours, theirs)
        ]
        assert listed[0] == listed[1] == versions_of(sent, dated=True)
        assert set(ours.object_versions(known)["versions"]) == set(theirs.object_versions(known)["versions"])


def test_an_api_root_says_what_it_takes(node: dict[str, Any]) -> None:
    password = node["passwords"]["BRA"]
    root = ApiRoot(f"{node['url']}brics/", user="BRA/cert", password=password)
    assert root.versions == ["application/taxii+json;version=2.1"]
    assert root.max_content_length == 8 * 2**20
