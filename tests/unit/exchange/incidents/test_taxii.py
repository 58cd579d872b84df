"""One TAXII request at a time: addresses, headers, filters, pages, status, what is not there for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")

from concordat.exchange.incidents.taxii import MEDIA, Collection
from concordat.exchange.incidents.tlp import TLP2, Caller, Tlp
from taxii_kit import HEADERS, START, Desk, campaign, name, relationship

BRA, IND, ZAF = Caller("BRA", "cert", "cert-br"), Caller("IND", "cert", "cert-in"), Caller("ZAF", "soc")
ANYBODY, STRANGER = Caller(), Caller("USA", "x")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def open_to_members(desk: Desk) -> Collection:
    return desk.collection(Tlp.AMBER)


def ids(objects: list[dict[str, Any]]) -> list[str]:
    """Ids in their order."""
    return [one["id"] for one in objects]


# --- Addresses and headers --------------------------------------------------------------------------------------------


def test_addresses_are_made_of_the_requests_host(desk: Desk, open_to_members: Collection) -> None:
    found = json.loads(desk.ask("GET", "", IND).body)
    assert found["api_roots"] == ["https://h.example/taxii2/brics/"]
    assert found["default"] == "https://h.example/taxii2/brics/"
    root = json.loads(desk.ask("GET", "brics/", IND).body)
    assert root["versions"] == [MEDIA]
    assert root["max_content_length"] == 8 * 2**20


ROWS: list[tuple[str, str, dict[str, str], Any, int]] = [
    ("GET", "", {"accept": "text/html"}, None, 406),
    ("GET", "", {"accept": "application/taxii+json;version=2.0"}, None, 406),
    ("GET", "", {"accept": "application/vnd.oasis.taxii+json"}, None, 406),
    ("GET", "", {"accept": "application/taxii+json"}, None, 200),
    ("GET", "", {"accept": 'application/taxii+json; version="2.1"'}, None, 200),
    ("GET", "", {"accept": "text/html, */*;q=0.1"}, None, 200),
    ("GET", "", {}, None, 200),
    ("GET", "nothing/", HEADERS, None, 404),
    ("GET", "brics/nothing/", HEADERS, None, 404),
    ("GET", "brics/collections/nothing/", HEADERS, None, 404),
    ("GET", "brics/status/nothing/", HEADERS, None, 404),
    ("PUT", "brics/", HEADERS, None, 405),
    ("GET", "{c}/objects/campaign--nothing/", HEADERS, None, 404),
    ("GET", "{c}/objects/campaign--nothing/versions/", HEADERS, None, 404),
    ("DELETE", "{c}/objects/campaign--nothing/", HEADERS, None, 404),
    ("GET", "{c}/nothing/", HEADERS, None, 404),
    ("POST", "{c}/objects/", {"accept": MEDIA, "content-type": "application/json"}, {"objects": []}, 415),
    ("POST", "{c}/objects/", {"accept": MEDIA}, {"objects": []}, 415),
    ("POST", "{c}/objects/", HEADERS, b"{", 400),
    ("POST", "{c}/objects/", HEADERS, b'{"objects": ' + b"[" * 200 + b"]" * 200 + b"}", 400),
    ("POST", "{c}/objects/", HEADERS, {"objects": []}, 422),
    ("POST", "{c}/objects/", HEADERS, {"object": [1]}, 422),
    ("POST", "{c}/objects/", HEADERS, [1], 422),
    ("POST", "{c}/objects/", HEADERS, b" " * (8 * 2**20 + 1), 413),
    ("POST", "{c}/objects/", HEADERS, {"objects": [1] * 10_001}, 413),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "body", "status"), ROWS, ids=[str(i) for i in range(len(ROWS))])
def test_what_is_wrong_gets_its_status(
    desk: Desk, open_to_members: Collection, method: str, path: str, headers: dict[str, str], body: Any, status: int
) -> None:
    path = path.replace("{c}", f"brics/collections/{open_to_members.id}")
    answer = desk.ask(method, path, BRA, body, headers)
    assert answer.status == status
    assert dict(answer.headers)["content-type"] == MEDIA
    if status >= 400:
        error = json.loads(answer.body)
        assert error["http_status"] == str(status)
        assert error["title"]


@pytest.mark.parametrize(
    "path", ["", "brics/", "brics/collections/", "{c}/", "{c}/objects/", "nothing/", "brics/status/x/"]
)
def test_who_proved_nothing_is_asked_to_whatever_is_there(desk: Desk, open_to_members: Collection, path: str) -> None:
    path = path.replace("{c}", f"brics/collections/{open_to_members.id}")
    answers = {desk.ask("GET", path, ANYBODY).status, desk.ask("GET", path + "x/", ANYBODY).status}
    assert answers == {401}
    assert desk.ask("GET", path, STRANGER).status == 404


def test_a_collection_for_anyone_is_there_for_anyone(desk: Desk) -> None:
    made = desk.collection(Tlp.CLEAR, "bulletins")
    desk.post(made, BRA, campaign(1, Tlp.CLEAR))
    assert ids(desk.read(made, ANYBODY)) == [name("campaign", 1)]
    assert json.loads(desk.ask("GET", "brics/collections/", ANYBODY).body)["collections"][0]["can_write"] is False


def test_a_red_collection_is_there_for_those_who_have_to_do_with_it(desk: Desk) -> None:
    made = desk.store.make_collection("brics", "secret", Tlp.RED, "Secret", ["BRA"])
    desk.collection(Tlp.GREEN, "bulletins")

    def listed(caller: Caller) -> list[str]:
        return [c["id"] for c in json.loads(desk.ask("GET", "brics/collections/", caller).body)["collections"]]

    assert made.id in listed(BRA)
    assert made.id not in listed(IND)
    assert desk.ask("GET", f"brics/collections/{made.id}/", IND).status == 404


# --- Adding -----------------------------------------------------------------------------------------------------------


def test_each_object_is_judged_by_itself(desk: Desk, open_to_members: Collection) -> None:
    status = desk.post(open_to_members, BRA, campaign(1), {"type": "x"}, {**campaign(2), "foo": 1}, 7, campaign(3))
    assert (status["success_count"], status["failure_count"], status["total_count"]) == (2, 3, 5)
    assert [one["id"] for one in status["successes"]] == [name("campaign", 1), name("campaign", 3)]
    assert any("foo" in one["message"] for one in status["failures"])
    assert ids(desk.read(open_to_members, BRA)) == [name("campaign", 1), name("campaign", 3)]


def test_the_same_version_again_is_a_success_that_stores_nothing(desk: Desk, open_to_members: Collection) -> None:
    for _ in range(2):
        status = desk.post(open_to_members, BRA, campaign(1), campaign(1))
        assert (status["success_count"], status["failure_count"]) == (2, 0)
    assert len(desk.read(open_to_members, BRA, version="all")) == 1


def test_observables_have_no_version_of_their_own(desk: Desk, open_to_members: Collection) -> None:
    one = {"type": "ipv4-addr", "spec_version": "2.1", "id": name("ipv4-addr", 1), "value": "203.0.113.7"}
    desk.post(open_to_members, BRA, one, one)
    desk.now += 10**6
    desk.post(open_to_members, BRA, one, {**one, "defanged": True})
    found = desk.read(open_to_members, BRA, match_version="all")
    assert found == [one, {**one, "defanged": True}]
    manifest = desk.read(open_to_members, BRA, "manifest", match_version="all")
    assert [one["version"] for one in manifest] == [one["date_added"] for one in manifest]


def test_a_status_is_its_senders_alone(desk: Desk, open_to_members: Collection) -> None:
    status = desk.post(open_to_members, BRA, campaign(1))
    path = f"brics/status/{status['id']}/"
    assert json.loads(desk.ask("GET", path, BRA).body) == status
    assert desk.ask("GET", path, Caller("BRA", "other")).status == 404
    assert desk.ask("GET", path, IND).status == 404


def test_a_reader_can_not_write(desk: Desk, open_to_members: Collection) -> None:
    path = f"brics/collections/{open_to_members.id}/objects/"
    assert desk.ask("POST", path, IND, {"objects": [campaign(1)]}).status == 403


def test_what_is_stricter_than_the_collection_is_a_failure(desk: Desk) -> None:
    made = desk.collection(Tlp.GREEN, "bulletins")
    status = desk.post(made, BRA, campaign(1, Tlp.GREEN), campaign(2, Tlp.AMBER), campaign(3))
    assert [one["id"] for one in status["failures"]] == [name("campaign", 2), name("campaign", 3)]
    assert "above the TLP:GREEN" in status["failures"][0]["message"]
    assert len(desk.read(made, BRA)) == 1


@pytest.mark.parametrize("label", [Tlp.AMBER_STRICT, Tlp.RED], ids=["strict", "red"])
def test_what_needs_named_recipients_can_not_come_this_way(desk: Desk, label: Tlp) -> None:
    status = desk.post(desk.collection(Tlp.RED), BRA, campaign(1, label))
    assert "--to" in status["failures"][0]["message"]


def test_another_members_object_has_its_own_versions(desk: Desk, open_to_members: Collection) -> None:
    desk.post(open_to_members, BRA, campaign(1, Tlp.GREEN))
    status = desk.post(open_to_members, ZAF, campaign(1, Tlp.GREEN, version=9))
    assert "another member" in status["failures"][0]["message"]
    assert desk.post(open_to_members, ZAF, campaign(1, Tlp.GREEN))["success_count"] == 1  # passed on as it is


def test_a_colleague_adds_the_next_version(desk: Desk, open_to_members: Collection) -> None:
    desk.post(open_to_members, BRA, campaign(1, Tlp.GREEN))
    status = desk.post(open_to_members, Caller("BRA", "other"), campaign(1, Tlp.GREEN, version=9))
    assert status["failure_count"] == 0


def test_sharing_again_names_more_and_never_fewer(desk: Desk) -> None:
    made = desk.collection(Tlp.RED)
    reader = Caller("ZAF", "ana")
    assert desk.share(made, BRA, {"IND:cert"}, campaign(1, Tlp.RED)) == [""]
    assert desk.read(made, reader) == []
    assert desk.share(made, BRA, {"ZAF:ana"}, campaign(1, Tlp.RED)) == [""]
    assert ids(desk.read(made, reader)) == ids(desk.read(made, IND)) == [name("campaign", 1)]
    assert desk.share(made, IND, {"ZAF:soc"}, campaign(1, Tlp.RED)) == [""]  # a recipient names nobody
    assert desk.read(made, ZAF) == []


def test_nobody_declares_what_the_markings_of_others_mean(desk: Desk) -> None:
    """BRA marks with an id that it has not explained: RED. ZAF posts that id as a mere statement."""
    made, strange = desk.collection(Tlp.RED), name("marking-definition", 5)
    statement = {"type": "marking-definition", "spec_version": "2.1", "id": strange, "definition_type": "statement",
                 "created": "2026-05-01T00:00:00.000Z", "definition": {"statement": "(c)"}}  # fmt: skip
    assert desk.share(made, BRA, {"IND:cert"}, campaign(1, object_marking_refs=[strange, TLP2[Tlp.GREEN]])) == [""]
    desk.post(made, ZAF, statement)
    assert ids(desk.read(made, ZAF)) == [strange] or desk.read(made, ZAF) == [statement]
    desk.now += 10**6
    assert desk.post(made, BRA, statement)["success_count"] == 1
    assert name("campaign", 1) in ids(desk.read(made, ZAF))  # now its own sender has said so


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_filters_together(desk: Desk, open_to_members: Collection) -> None:
    a, b = name("campaign", 1), name("campaign", 2)
    desk.post(open_to_members, BRA, *(campaign(1, version=v) for v in (2, 1, 3)), campaign(2), relationship(1, a, b))
    read = lambda **query: desk.read(open_to_members, IND, **query)  # noqa: E731
    version = lambda one: one["modified"][17:19]  # noqa: E731
    assert sorted(ids(read())) == sorted([a, b, name("relationship", 1)])
    assert [version(one) for one in read(match_id=a)] == ["03"]
    assert [version(one) for one in read(match_id=a, match_version="first")] == ["01"]
    assert [version(one) for one in read(match_id=a, match_version="all")] == ["02", "01", "03"]
    assert [version(one) for one in read(match_id=a, match_version="2026-05-01T00:00:02Z")] == ["02"]
    assert [version(one) for one in read(match_id=a, match_version="first,2026-05-01T00:00:02.000Z")] == ["02", "01"]
    assert len(read(match_type="campaign,relationship")) == 3
    assert read(match_type="campaign", match_id=name("relationship", 1)) == []
    assert len(read(match_spec_version="2.0,2.1")) == 3
    assert read(match_spec_version="2.0") == []


@pytest.mark.parametrize(
    "query",
    [{"match_foo": "x"}, {"limit": 0}, {"limit": "ten"}, {"limit": -1}, {"next": "abc"}, {"added_after": "yesterday"},
     {"match_version": "all,last"}, {"match_version": "newest"}, {"match_id": ""}, {"match_id": "a,,b"},
     {"next": "9" * 19}],
    ids=str,
)  # fmt: skip
def test_a_filter_that_can_not_be_is_refused(desk: Desk, open_to_members: Collection, query: dict[str, Any]) -> None:
    answer = desk.ask("GET", f"brics/collections/{open_to_members.id}/objects/", IND, **query)
    assert answer.status == 400


def test_a_filter_twice_is_refused(desk: Desk, open_to_members: Collection) -> None:
    from concordat.exchange.incidents.taxii import Request, Site, handle

    request = Request("GET", f"brics/collections/{open_to_members.id}/objects/", "https://h.example/taxii2/",
                      (("match[id]", "a"), ("match[id]", "b")), HEADERS, b"", IND)  # fmt: skip
    assert handle(request, desk.store, Site({"brics": "x"}, desk.members, START)).status == 400


def test_pages_meet_without_gap_or_double(desk: Desk, open_to_members: Collection) -> None:
    for start in range(0, 30, 10):
        desk.post(open_to_members, BRA, *(campaign(start + i, Tlp.GREEN) for i in range(10)))
        desk.now += 10**6
    whole = ids(desk.read(open_to_members, IND, limit=1_000))
    assert whole == [name("campaign", i) for i in range(30)]
    for limit in (1, 7, 29, 30, 31):
        assert ids(desk.read(open_to_members, IND, limit=limit)) == whole
    path = f"brics/collections/{open_to_members.id}/objects/"
    first = desk.ask("GET", path, IND, limit=10)
    added = dict(first.headers)["x-taxii-date-added-last"]
    assert ids(json.loads(desk.ask("GET", path, IND, added_after=added).body)["objects"]) == whole[10:]


def test_a_page_has_at_most_a_thousand(desk: Desk, open_to_members: Collection) -> None:
    new = [campaign(i, Tlp.GREEN) for i in range(1_001)]
    assert set(desk.share(open_to_members, BRA, set(), *new)) == {""}
    page = json.loads(desk.ask("GET", f"brics/collections/{open_to_members.id}/objects/", IND, limit=5_000).body)
    assert (len(page["objects"]), page["more"]) == (1_000, True)
    page = json.loads(desk.ask("GET", f"brics/collections/{open_to_members.id}/objects/", IND).body)
    assert len(page["objects"]) == 100


def test_times_of_addition_rise_and_do_not_count(desk: Desk, open_to_members: Collection) -> None:
    """All of one request lie in its own tenth of a second; the next request's come later, though the clock stands."""
    for number in range(0, 6, 3):
        desk.post(open_to_members, BRA, *(campaign(number + i) for i in range(3)))
    rows = desk.store.versions(open_to_members.id, {name("campaign", i) for i in range(6)})
    added = {row.id: row.added for row in rows}
    times = [added[name("campaign", i)] for i in range(6)]
    assert times == sorted(set(times))
    assert all(START <= t < START + 100_000 for t in times[:3])
    assert all(START + 100_000 <= t < START + 200_000 for t in times[3:])


# --- Taking back ------------------------------------------------------------------------------------------------------


def test_the_last_version_is_taken_back_unless_another_is_named(desk: Desk, open_to_members: Collection) -> None:
    desk.post(open_to_members, BRA, *(campaign(1, version=v) for v in range(3)))
    path = f"brics/collections/{open_to_members.id}/objects/{name('campaign', 1)}/"
    left = lambda: [one["modified"][17:19] for one in desk.read(open_to_members, IND, match_version="all")]  # noqa: E731
    assert desk.ask("DELETE", path, IND).status == 403
    assert desk.ask("DELETE", path, BRA).status == 200
    assert left() == ["00", "01"]
    assert desk.ask("DELETE", path, BRA, match_version="first").status == 200
    assert left() == ["01"]
    assert desk.ask("DELETE", path, BRA, match_version="all").status == 200
    assert left() == []
    assert desk.ask("DELETE", path, BRA).status == 404
    assert desk.post(open_to_members, BRA, campaign(1, version=2))["success_count"] == 1
    assert left() == ["02"]


def test_what_a_caller_may_not_see_is_not_there_to_take_back(desk: Desk) -> None:
    made = desk.collection(Tlp.RED)
    desk.share(made, BRA, {"IND:cert"}, campaign(1, Tlp.RED))
    path = f"brics/collections/{made.id}/objects/{name('campaign', 1)}/"
    assert desk.ask("DELETE", path, ZAF).status == 404
    assert desk.ask("GET", path, ZAF).status == 404
    assert desk.ask("GET", path, IND).status == 200


# --- What nobody may learn or do ------------------------------------------------------------------------------------


def test_who_left_the_bloc_writes_nothing(desk: Desk) -> None:
    made = desk.collection(Tlp.CLEAR, "bulletins")
    desk.post(made, ZAF, campaign(1, Tlp.CLEAR))
    desk.members = frozenset({"BRA", "IND"})
    path = f"brics/collections/{made.id}/objects/"
    assert desk.ask("POST", path, ZAF, {"objects": [campaign(2, Tlp.CLEAR)]}).status == 403
    assert desk.ask("DELETE", f"{path}{name('campaign', 1)}/", ZAF).status == 403
    assert json.loads(desk.ask("GET", f"brics/collections/{made.id}/", ZAF).body)["can_write"] is False
    assert ids(desk.read(made, BRA)) == [name("campaign", 1)]


@pytest.mark.parametrize("label", [Tlp.AMBER, Tlp.RED], ids=["amber", "red"])
def test_an_answer_does_not_tell_of_what_is_hidden(desk: Desk, label: Tlp) -> None:
    """ZAF is answered alike whatever BRA keeps; what refers to it is stored, and nobody else gets it."""
    secret, made = desk.collection(Tlp.RED, "secret"), desk.collection(Tlp.AMBER)
    assert desk.share(secret, BRA, {"BRA:cert"}, campaign(1, label)) == [""]
    end = campaign(2, Tlp.GREEN)
    status = desk.post(made, ZAF, end, relationship(1, name("campaign", 1), end["id"], Tlp.GREEN))
    assert (status["success_count"], status["failure_count"]) == (2, 0)
    assert len(desk.read(made, ZAF)) == 2
    assert len(desk.read(made, IND)) == (1 if label is Tlp.RED else 2)


def test_what_a_sender_sees_is_counted(desk: Desk) -> None:
    secret, made = desk.collection(Tlp.RED, "secret"), desk.collection(Tlp.AMBER)
    assert desk.share(secret, BRA, {"ZAF:soc"}, campaign(1, Tlp.RED)) == [""]
    status = desk.post(made, ZAF, relationship(1, name("campaign", 1), name("campaign", 2), Tlp.GREEN))
    assert "above the TLP:AMBER" in status["failures"][0]["message"]


@pytest.mark.parametrize(
    ("label", "named"), [(Tlp.RED, "IND:cert"), (Tlp.AMBER_STRICT, "IND/cert-in")], ids=["red", "strict"]
)
def test_whom_a_sender_named_knows_the_collection(desk: Desk, label: Tlp, named: str) -> None:
    made = desk.store.make_collection("brics", "secret", Tlp.RED, "Secret", ["BRA"])
    desk.collection(Tlp.GREEN, "bulletins")
    path = f"brics/collections/{made.id}/objects/"
    assert desk.ask("GET", path, IND).status == 404
    assert desk.share(made, BRA, {named}, campaign(1, label)) == [""]
    assert ids(desk.read(made, IND)) == [name("campaign", 1)]
    assert desk.ask("GET", path, ZAF).status == 404
    assert desk.ask("GET", path, Caller("IND", "ana")).status == 404
    assert desk.ask("DELETE", f"{path}{name('campaign', 1)}/", BRA).status == 200
    assert desk.ask("GET", path, IND).status == 404


def test_what_is_green_in_a_red_collection_reaches_every_member(desk: Desk) -> None:
    made = desk.store.make_collection("brics", "secret", Tlp.RED, "Secret", ["BRA"])
    desk.share(made, BRA, {"BRA:cert"}, campaign(1, Tlp.GREEN), campaign(2, Tlp.RED))
    assert ids(desk.read(made, IND)) == [name("campaign", 1)]
    assert desk.ask("GET", f"brics/collections/{made.id}/objects/", STRANGER).status == 404
