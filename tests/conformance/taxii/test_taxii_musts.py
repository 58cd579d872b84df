"""The MUSTs of TAXII 2.1 that bind a server, numbered, each with its test.

Status of the table: **unverified**. Sections and duties are from memory of the OASIS Standard of 10 June 2021, in our
own words; its text was not at hand. A row whose `seen` names a place was found there as a quotation or as a reference
to the section: implementations by others, not the text. What is missing from the table is not known to be kept.

Not here: TLS and certificates (sections 1 and 8; those of the server or of the proxy before it), DNS SRV records (3.9,
which a server may publish), and what binds clients.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")

from concordat.exchange.incidents.objects import BYTES_MAX
from concordat.exchange.incidents.taxii import MEDIA, Collection, Response
from concordat.exchange.incidents.tlp import Caller, Tlp
from taxii_kit import HEADERS, Desk, campaign, name

BRA, IND, ANYBODY = Caller("BRA", "cert", "cert-br"), Caller("IND", "cert", "cert-in"), Caller()
OPENCTI, XSOAR, MEDALLION = "quoted by OpenCTI", "section named by Cortex XSOAR", "section named by medallion"
BCBCTI = "section named by BCB-CTI"
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class Server:
    """A collection that BRA writes and IND reads, and requests below it."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.made: Collection = self.desk.collection(Tlp.AMBER)
        self.base = f"brics/collections/{self.made.id}/"

    def get(self, path: str = "", caller: Caller = IND, **query: Any) -> Response:
        """GET, below the collection; `/...`: below `/taxii2/`."""
        return self.desk.ask("GET", path[1:] if path.startswith("/") else self.base + path, caller, **query)

    def body(self, path: str = "", caller: Caller = IND, **query: Any) -> Any:
        """The JSON of an answer."""
        return json.loads(self.get(path, caller, **query).body)

    def add(self, *objects: Any, caller: Caller = BRA) -> Any:
        """POST objects, a second after what was before; the status."""
        self.desk.now += 10**6
        return self.desk.post(self.made, caller, *objects)

    def ids(self, path: str = "objects/", **query: Any) -> list[str]:
        """The ids of a page."""
        return [one["id"] for one in self.body(path, **query).get("objects", [])]

    def post(self, body: Any, caller: Caller = BRA, **headers: str) -> Response:
        """A bare POST."""
        return self.desk.ask("POST", f"{self.base}objects/", caller, body, {**HEADERS, **headers})


Check = Callable[[Server], None]


@dataclass(frozen=True)
class Must:
    """A duty: the section of the standard, what it asks in our words, and where it was seen, if anywhere."""

    section: str
    words: str
    check: Check
    seen: str = ""


TABLE: list[Must] = []


def must(section: str, words: str, seen: str = "") -> Callable[[Check], Check]:
    """Enter a test in the table, in the order of the file."""

    def enter(check: Check) -> Check:
        TABLE.append(Must(section, words, check, seen))
        return check

    return enter


def numbers(*count: int) -> list[str]:
    """Ids of campaigns."""
    return [name("campaign", n) for n in count]


# --- 1 to 3: types, headers, order, filters, pages, errors ------------------------------------------------------------


@must("1.6.8", "the answer to a request that takes taxii+json of no version is of the newest version")
def no_version(server: Server) -> None:
    answer = server.desk.ask("GET", "", IND, headers={"accept": "application/taxii+json"})
    assert (answer.status, dict(answer.headers)["content-type"]) == (200, MEDIA)


@must("1.6.9", "who has not shown who it is gets 401 with a WWW-Authenticate that offers a scheme")
def challenge(server: Server) -> None:
    answer = server.get("/", ANYBODY)
    assert answer.status == 401
    assert dict(answer.headers)["www-authenticate"].startswith("Basic realm=")


@must("2", "timestamps are UTC as RFC 3339 with Z, in microseconds")
def stamps(server: Server) -> None:
    server.add(campaign(1))
    (row,) = server.body("manifest/")["objects"]
    headers = dict(server.get("objects/").headers)
    found = [row["date_added"], headers["x-taxii-date-added-first"], headers["x-taxii-date-added-last"]]
    assert all(STAMP.fullmatch(one) for one in found)


@must("2", "the id of a collection is a UUID of version 4")
def collection_id(server: Server) -> None:
    assert uuid.UUID(server.body()["id"]).version == 4


@must("3.1", "addresses of roots end with a slash")
def slash(server: Server) -> None:
    assert all(root.endswith("/") for root in server.body("/")["api_roots"])


@must("3.2", "every answer says that it is taxii+json of version 2.1, errors too")
def content_type(server: Server) -> None:
    paths = ("/", "/brics/", "/brics/collections/", "", "objects/", "manifest/", "/nothing/")
    assert {dict(server.get(path).headers)["content-type"] for path in paths} == {MEDIA}


@must("3.2", "an Accept that the server can't meet gets 406")
def accept(server: Server) -> None:
    answers = [
        server.desk.ask("GET", path, IND, headers={"accept": "application/taxii+json;version=2.0"})
        for path in ("", "brics/", f"{server.base}objects/")
    ]
    assert [one.status for one in answers] == [406] * 3


@must("3.2", "a body of another media type gets 415")
def body_type(server: Server) -> None:
    assert server.post({"objects": [campaign(1)]}, **{"content-type": "application/json"}).status == 415


@must("3.2", "objects and manifest carry the dates at which their first and last object were added")
def added_headers(server: Server) -> None:
    for n in range(3):
        server.add(campaign(n))
    dates = [row["date_added"] for row in server.body("manifest/")["objects"]]
    for path in ("objects/", "manifest/"):
        headers = dict(server.get(path).headers)
        assert (headers["x-taxii-date-added-first"], headers["x-taxii-date-added-last"]) == (dates[0], dates[-1])


@must("3.3", "objects and manifests are sorted by the date at which they were added, the oldest first")
def order(server: Server) -> None:
    for n in (5, 2, 9):
        server.add(campaign(n))
    assert server.ids("objects/") == server.ids("manifest/") == numbers(5, 2, 9)


@must("3.4", "added_after leaves out what was added at that very time or before")
def added_after(server: Server) -> None:
    for n in range(3):
        server.add(campaign(n))
    dates = [row["date_added"] for row in server.body("manifest/")["objects"]]
    assert server.ids(added_after=dates[0]) == numbers(1, 2)
    assert server.ids("manifest/", added_after=dates[2]) == []


@must("3.4", "a page has no more than limit objects")
def limit(server: Server) -> None:
    server.add(*(campaign(n) for n in range(5)))
    assert [len(server.ids(path, limit=2)) for path in ("objects/", "manifest/")] == [2, 2]


@must("3.4", "match[id] and match[type] take lists by comma, of which one fits")
def match_lists(server: Server) -> None:
    server.add(*(campaign(n) for n in range(3)))
    assert sorted(server.ids(match_id=",".join(numbers(0, 2)))) == sorted(numbers(0, 2))
    assert len(server.ids(match_type="malware,campaign")) == 3


@must("3.4", "an object fits all filters of a request at once")
def match_all(server: Server) -> None:
    server.add(campaign(1))
    assert server.ids(match_id=numbers(1)[0], match_type="malware") == []


@must("3.4", "without match[version] the last version is given")
def last_version(server: Server) -> None:
    server.add(campaign(1, version=2), campaign(1, version=1))
    assert [one["modified"][17:19] for one in server.body("objects/")["objects"]] == ["02"]


@must("3.4", "match[version] takes first, last, all, and a version itself")
def versions_asked(server: Server) -> None:
    server.add(*(campaign(1, version=n) for n in (2, 1, 3)))
    wanted = {"first": ["01"], "last": ["03"], "all": ["02", "01", "03"], "2026-05-01T00:00:02.000Z": ["02"]}
    found = {v: [o["modified"][17:19] for o in server.body("objects/", match_version=v)["objects"]] for v in wanted}
    assert found == wanted


@must("3.4", "match[spec_version] leaves out what is of another version of STIX")
def spec_version(server: Server) -> None:
    server.add(campaign(1))
    assert server.ids(match_spec_version="2.0") == []
    assert server.ids(match_spec_version="2.1") == numbers(1)


@must("3.4", "a filter that can't be read gets 400")
def bad_filter(server: Server) -> None:
    queries: list[dict[str, Any]] = [{"added_after": "yesterday"}, {"limit": "x"}, {"match_version": "newest"}]
    assert [server.get("objects/", **query).status for query in queries] == [400] * 3


@must("3.5", "while there is more, more is true and next leads on under the same filters", OPENCTI)
def next_page(server: Server) -> None:
    server.add(*(campaign(n) for n in range(5)))
    found, query = [], {"limit": 2, "match_type": "campaign"}
    page = server.body("objects/", **query)
    while page.get("more"):
        found += page["objects"]
        page = server.body("objects/", **query, next=page["next"])
    assert [one["id"] for one in found + page["objects"]] == numbers(*range(5))
    assert "next" not in page


@must("3.5", "added_after with the last date of a page leads on as well", OPENCTI)
def by_date(server: Server) -> None:
    server.add(*(campaign(n) for n in range(5)))
    first = server.get("objects/", limit=3)
    last = dict(first.headers)["x-taxii-date-added-last"]
    assert server.ids(added_after=last) == numbers(3, 4)


@must("3.6.1", "an error is an object with a title; its http_status is text")
def error(server: Server) -> None:
    for path in ("/nothing/", "nothing/", "objects/campaign--x/"):
        found = server.body(path)
        assert isinstance(found["title"], str)
        assert found["http_status"] == "404"


@must("3.7", "an envelope without objects is an empty object")
def empty(server: Server) -> None:
    assert server.body("objects/") == server.body("manifest/") == {}


@must("3.8", "names of fields are small letters, digits and underscores")
def names(server: Server) -> None:
    status = server.add(campaign(1), {"type": "x"})
    found = [server.body("/"), server.body("/brics/"), server.body(), server.body("manifest/"), status]
    keys = {key for one in found for key in one} | set(server.body("manifest/")["objects"][0])
    assert all(re.fullmatch("[a-z0-9_]{3,250}|id", key) for key in keys)


# --- 4: the server ----------------------------------------------------------------------------------------------------


@must("4.1", "discovery has a title, and its default is one of the roots")
def discovery(server: Server) -> None:
    found = server.body("/")
    assert found["title"]
    assert found["default"] in found["api_roots"]


@must("4.2.1", "a root has title, versions with that of TAXII 2.1, and a positive max_content_length", BCBCTI)
def root(server: Server) -> None:
    found = server.body("/brics/")
    assert found["title"]
    assert MEDIA in found["versions"]
    assert type(found["max_content_length"]) is int
    assert found["max_content_length"] > 0


@must("4.2.1", "a body longer than max_content_length gets 413", BCBCTI)
def too_long(server: Server) -> None:
    assert server.post(b" " * (BYTES_MAX + 1)).status == 413
    assert server.body("/brics/")["max_content_length"] == BYTES_MAX


@must("4.3", "the status that a POST was answered with can be read at its id")
def status_read(server: Server) -> None:
    made = server.add(campaign(1))
    assert server.body(f"/brics/status/{made['id']}/", BRA) == made


@must("4.3", "the status of a request that is not known gets 404")
def status_unknown(server: Server) -> None:
    assert server.get(f"/brics/status/{uuid.uuid4()}/", BRA).status == 404


@must(
    "4.3.1", "a status has id, state and the four counts, which add up; complete means that none is pending", MEDALLION
)
def status_counts(server: Server) -> None:
    made = server.add(campaign(1), {"type": "x"}, campaign(2))
    assert made["status"] == "complete"
    assert made["pending_count"] == 0
    assert made["total_count"] == made["success_count"] + made["failure_count"] + made["pending_count"] == 3
    assert STAMP.fullmatch(made["request_timestamp"])


@must("4.3.1", "each success and failure names the object and its version, as far as it has them", MEDALLION)
def status_details(server: Server) -> None:
    made = server.add(campaign(1), {**campaign(2), "foo": 1})
    assert made["successes"] == [{"id": numbers(1)[0], "version": campaign(1)["modified"]}]
    assert [one["id"] for one in made["failures"]] == numbers(2)
    assert made["failures"][0]["message"]


# --- 5: collections ---------------------------------------------------------------------------------------------------


@must("5.1", "the list of collections is an empty object for who has none")
def no_collections(server: Server) -> None:
    desk = server.desk
    desk.members |= {"ETH"}
    with desk.store.change():
        desk.store._db.execute("DELETE FROM taxii_collection")
    assert json.loads(desk.ask("GET", "brics/collections/", Caller("ETH", "node")).body) == {}


@must("5.1.1", "a collection says id, title, can_read and can_write, the last two for who asks")
def collection_facts(server: Server) -> None:
    for caller, writes in ((BRA, True), (IND, False)):
        (listed,) = server.body("/brics/collections/", caller)["collections"]
        assert listed == server.body("", caller)
        assert (listed["title"], listed["can_read"], listed["can_write"]) == ("Indicators", True, writes)


@must("5.2", "a collection or root that is not there for the caller gets 404")
def unknown(server: Server) -> None:
    paths = (f"/brics/collections/{uuid.uuid4()}/", f"/brics/collections/{uuid.uuid4()}/objects/", "/other/")
    assert [server.get(path).status for path in paths] == [404] * 3


@must("5.3", "a manifest has a row of its own for each version: id, version, date_added", XSOAR)
def manifest(server: Server) -> None:
    server.add(campaign(1, version=1))
    server.add(campaign(1, version=2))
    rows = server.body("manifest/", match_version="all")["objects"]
    assert [row["version"][17:19] for row in rows] == ["01", "02"]
    assert len({row["date_added"] for row in rows}) == 2
    assert {row["id"] for row in rows} == set(numbers(1))


@must("5.3", "the version of an object that has none of its own is the date at which it was added", XSOAR)
def no_own_version(server: Server) -> None:
    server.add({"type": "ipv4-addr", "spec_version": "2.1", "id": name("ipv4-addr", 1), "value": "203.0.113.7"})
    (row,) = server.body("manifest/")["objects"]
    assert row["version"] == row["date_added"]


@must("5.4", "objects are given back as they were added")
def as_added(server: Server) -> None:
    one = campaign(1, description="Zähler Σ 数 \u2028", object_marking_refs=[], first_seen="2026-01-01T00:00:00Z")
    one.pop("object_marking_refs")
    server.add(one)
    assert server.body("objects/")["objects"] == [one]


@must("5.5", "a POST is answered by 202 and a status", BCBCTI)
def post(server: Server) -> None:
    answer = server.post({"objects": [campaign(1)]})
    assert answer.status == 202
    assert json.loads(answer.body)["total_count"] == 1


@must("5.5", "a POST to a collection that takes nothing from the caller gets 403", BCBCTI)
def post_forbidden(server: Server) -> None:
    assert server.post({"objects": [campaign(1)]}, IND).status == 403


@must("5.5", "an envelope that is none gets 422 or 400", BCBCTI)
def post_malformed(server: Server) -> None:
    assert [server.post(body).status for body in ({"object": []}, {"objects": []}, [1], b"{")] == [422, 422, 422, 400]


@must(
    "5.5", "an object with an id and version that is there already is a success, and keeps its date of addition", BCBCTI
)
def post_again(server: Server) -> None:
    server.add(campaign(1))
    before = server.body("manifest/")
    made = server.add({**campaign(1), "name": "another text under the same version"})
    assert (made["success_count"], made["failure_count"]) == (1, 0)
    assert server.body("manifest/") == before
    assert server.body("objects/")["objects"] == [campaign(1)]


@must("5.6", "one object is asked for by its id, with its versions; an unknown one gets 404")
def one_object(server: Server) -> None:
    server.add(campaign(1, version=1), campaign(1, version=2), campaign(2))
    path = f"objects/{numbers(1)[0]}/"
    assert [one["modified"][17:19] for one in server.body(path)["objects"]] == ["02"]
    assert len(server.body(path, match_version="all")["objects"]) == 2
    assert server.get(f"objects/{numbers(3)[0]}/").status == 404


@must("5.7", "DELETE takes an object out of objects, manifest and versions, and is answered by 200")
def delete(server: Server) -> None:
    server.add(campaign(1), campaign(2))
    path = f"{server.base}objects/{numbers(1)[0]}/"
    assert server.desk.ask("DELETE", path, BRA).status == 200
    assert server.ids("objects/") == server.ids("manifest/") == numbers(2)
    assert server.get(f"objects/{numbers(1)[0]}/versions/").status == 404


@must("5.7", "DELETE takes the versions that match[version] names, and no other")
def delete_version(server: Server) -> None:
    server.add(*(campaign(1, version=n) for n in (1, 2, 3)))
    path = f"{server.base}objects/{numbers(1)[0]}/"
    assert server.desk.ask("DELETE", path, BRA, match_version="2026-05-01T00:00:02.000Z").status == 200
    assert [v[17:19] for v in server.body(f"objects/{numbers(1)[0]}/versions/")["versions"]] == ["01", "03"]


@must("5.7", "DELETE by who may not write gets 403; of what is not there, 404")
def delete_refused(server: Server) -> None:
    server.add(campaign(1))
    assert server.desk.ask("DELETE", f"{server.base}objects/{numbers(1)[0]}/", IND).status == 403
    assert server.desk.ask("DELETE", f"{server.base}objects/{numbers(2)[0]}/", BRA).status == 404


@must("5.8", "the versions of an object are listed, those added first come first")
def versions_listed(server: Server) -> None:
    for n in (2, 1):
        server.add(campaign(1, version=n))
    assert [v[17:19] for v in server.body(f"objects/{numbers(1)[0]}/versions/")["versions"]] == ["02", "01"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.desk.store.close()


@pytest.mark.parametrize("number", range(len(TABLE)), ids=[f"M{n + 1:02}-{m.section}" for n, m in enumerate(TABLE)])
def test_the_server_does_what_it_must(server: Server, number: int) -> None:
    TABLE[number].check(server)


def test_the_table_follows_the_standard_and_says_each_duty_once() -> None:
    sections = [tuple(int(part) for part in row.section.split(".")) for row in TABLE]
    assert sections == sorted(sections)
    assert len({row.words for row in TABLE}) == len(TABLE) == 45
