"""The council on real nodes: four members sign, witness and order what they say, and each folds it alone.

What `tests/council_kit.py` assumes is asked here: signatures, the same order and submission times at all, keys that
have ended, exports that come to the same state, and result files whose bundles are real.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical, clock
from concordat.council import result as results
from concordat.council.decide.rules import FOLDER
from concordat.council.state import Council
from concordat.errors import ConcordatError, InputError, RuleError, TrustError
from concordat.ledger.bundle import Bundle, bundle_of
from concordat.ledger.keys import Ed25519Secret
from concordat.node import demo as demos
from concordat.node.council import check, council_of, council_of_export, steps_of
from concordat.node.demo import Demo

IDS = ("BRA", "CHN", "IND", "ZAF")
RULES = {
    "rules": [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in ("amend_rules", "simple_majority")]
}
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
ENVOY, OLD = Ed25519Secret(bytes([7]) * 32), Ed25519Secret(bytes([8]) * 32)
OLD_ENDS = 12  # the batch from which IND's key `old` is not valid any more


@dataclass
class Held:
    """A session that was held: the demo, the vote's id, and ids of entries by what they are."""

    demo: Demo
    vote: str
    ids: dict[str, str]
    now: datetime

    @property
    def council(self) -> Council:
        """The state as the first member has it."""
        return self.demo.council

    def document(self, member: str = "BRA") -> bytes:
        """The result file as a member writes it."""
        node = self.demo.nodes[member]
        bundle = lambda key: bundle_of(node.replica, key).data()  # noqa: E731
        return results.document_of(self.demo.council_of(member), self.vote, bundle, node.chain.pinned)

    @property
    def pinned(self) -> str:
        """The hash of membership version 1."""
        return self.demo.nodes["BRA"].chain.pinned


def _person(label: str, key: Ed25519Secret, until: int | None) -> dict[str, Any]:
    import base64

    end = None if until is None else {"batch": until, "view": 1}
    public = base64.b64encode(key.public).decode()
    return {"from": {"batch": 0, "view": 1}, "key": public, "label": label, "may": ["council"], "until": end}


def _payload(real: Any) -> Any:
    """A membership in which CHN has a delegate's key, and IND one that ends."""

    def payload(bloc: str, records: list[dict[str, Any]], merge_delay_hours: int = 24) -> dict[str, Any]:
        for record in records:
            if record["id"] == "CHN":
                record["persons"] = [_person("envoy", ENVOY, None), *record["persons"]]
            if record["id"] == "IND":
                record["persons"] = [*record["persons"], _person("old", OLD, OLD_ENDS)]
        return dict(real(bloc, records, merge_delay_hours))

    return payload


def _item(name: str) -> dict[str, Any]:
    return {"items": [{"item": name, "kind": "debate", "title": name}]}


def _hold(demo: Demo) -> Held:
    """Founding, a vote on tea with a proxy, a delegate and a ballot that is changed, to its final result."""
    ids: dict[str, str] = {}

    def say(name: str, member: str, kind: str, body: dict[str, Any], **key: Any) -> None:
        entry, out = demo.nodes[member].write(kind, body, "council", **key)
        demo._post(member, out)
        ids[name] = entry.id

    with clock.fixed(START):
        for member in IDS:
            demo.say(member, "RuleAdopted", RULES, dry=False)
        say("powers", "CHN", "FullPowersIssued", {"person": "envoy", "scope": ["BallotCast"]})
        say("powers of old", "IND", "FullPowersIssued", {"person": "old", "scope": ["all"]})
        demo.settle()
        say("early", "IND", "AgendaSet", _item("early"), person="old", secret=OLD)
        demo.settle()
        assert demo.council.at.batch < OLD_ENDS
        closes = (START + timedelta(hours=48)).strftime("%Y-%m-%dT%H:%MZ")
        from concordat.council.voting import question_hash

        text = question_hash("tea", "")
        demo.say("BRA", "VoteOpened", {"subject": "tea", "rule": "simple_majority", "closes": closes, "text": text})
        demo.settle()
        vote = demo.council.get("vote", "v-2026-001")
        ballot = {"vote": vote.id, "text": vote.text, "rule": vote.rule_hash}
        say("proxy", "ZAF", "ProxyGiven", {"vote": vote.id, "to": "IND"})
        demo.settle()
    with clock.fixed(START + timedelta(hours=1)):
        say("first", "BRA", "BallotCast", {**ballot, "choice": "no"})
        say("unpowered", "CHN", "OpinionVoted", {"consultation": "c-1", "opinions": []}, person="envoy", secret=ENVOY)
        demo.settle()
    with clock.fixed(START + timedelta(hours=2)):
        say("BRA", "BRA", "BallotCast", {**ballot, "choice": "yes"})
        say("CHN", "CHN", "BallotCast", {**ballot, "choice": "yes"}, person="envoy", secret=ENVOY)
        say("IND", "IND", "BallotCast", {**ballot, "choice": "no"})
        say("ZAF", "IND", "BallotCast", {**ballot, "choice": "yes", "proxy_for": "ZAF"})
        say("stolen", "ZAF", "BallotCast", {**ballot, "choice": "no", "proxy_for": "BRA"})
        demo.settle()
    late = START + timedelta(hours=49)
    with clock.fixed(late):
        say("late", "ZAF", "BallotCast", {**ballot, "choice": "no"})
        say("ended", "IND", "AgendaSet", _item("late"), person="old", secret=OLD)
        demo.settle()
    end = START + timedelta(days=8)
    with clock.fixed(end):
        for _ in range(2):
            demo.say("BRA", "ClockTicked", {}, dry=False)
            demo.settle()
        demo.publish()
    return Held(demo, vote.id, ids, end)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with pytest.MonkeyPatch.context() as patch, clock.fixed(START):
        patch.setattr(demos, "found_payload", _payload(demos.found_payload))
        demo = Demo.found(tmp_path_factory.mktemp("bloc") / "demo", "BRICS", IDS)
    with demo:
        yield _hold(demo)


def test_every_member_comes_to_the_same_state_from_its_own_replica(held: Held) -> None:
    state = held.demo.require_equal()
    for member in IDS:  # folded anew from the first batch, not batch by batch
        assert council_of(held.demo.nodes[member].replica).state_hash == state
    vote = held.council.get("vote", held.vote)
    assert (vote.status, vote.outcome) == ("final", "adopted")  # three yes, one no


def test_batches_and_times_are_the_same_at_all_and_each_entry_is_signed(held: Held) -> None:
    rows = []
    for member in IDS:
        replica = held.demo.nodes[member].replica
        steps = steps_of(replica.chain, replica.shelf, replica.councils, replica.final())
        for event in (e for s in steps for e in s.events):
            replica.chain.verify_entry(event.entry)
        rows.append([(s.point, s.ledger_time, [(e.entry.id, e.submitted) for e in s.events]) for s in steps])
    assert rows[0] == rows[1] == rows[2] == rows[3]
    times = [time for _, time, _ in rows[0]]
    assert times == sorted(times)
    submitted = {key: time for _, _, events in rows[0] for key, time in events}
    for name, hours in (("first", 1), ("BRA", 2), ("late", 49)):
        assert submitted[held.ids[name]] == (START + timedelta(hours=hours)).timestamp(), name


def test_what_does_not_count_is_kept_with_its_reason(held: Held) -> None:
    reasons = {n.entry: n.reason for n in held.council.no_effect}
    assert "full powers of envoy don't cover OpinionVoted" in reasons[held.ids["unpowered"]]
    assert "BRA has given ZAF no proxy" in reasons[held.ids["stolen"]]
    assert "late: submitted 2026-03-04 11:00 UTC" in reasons[held.ids["late"]]
    vote = held.council.get("vote", held.vote)
    assert {(entry, member) for entry, member, _ in vote.not_counted} == {
        (held.ids["stolen"], "BRA"), (held.ids["late"], "ZAF"),
    }  # fmt: skip
    assert vote.ballots["BRA"].superseded == (held.ids["first"],)
    assert (vote.ballots["ZAF"].by, vote.ballots["CHN"].choice) == ("IND", "yes")


def test_an_entry_of_a_key_that_has_ended_is_no_entry_of_the_council(held: Held) -> None:
    assert held.council.at.batch > OLD_ENDS
    assert held.council.find("item", "early") is not None  # said while the key was valid
    assert held.council.find("item", "late") is None
    assert held.ids["ended"] not in {n.entry for n in held.council.no_effect}  # not even refused: left out
    replica = held.demo.nodes["ZAF"].replica
    assert [(e.id, "was revoked" in why) for _, e, why in replica.refused()] == [(held.ids["ended"], True)]


def test_an_export_comes_to_the_same_state(held: Held) -> None:
    state = held.demo.require_equal()
    with clock.fixed(held.now):
        for member in ("BRA", "ZAF"):
            council, record = council_of_export(held.demo.folders[member], held.pinned)
            assert council.state_hash == state
            assert council.to_value() == held.council.to_value()
            assert record.chain.pinned == held.pinned
        with pytest.raises(TrustError):
            council_of_export(held.demo.folders["BRA"], "0" * 64)


def test_a_result_file_verifies_against_the_pinned_hash_alone_and_against_the_record(held: Held) -> None:
    data = held.document()
    assert held.document("ZAF")  # whoever writes it, it verifies
    for file in (data, held.document("ZAF")):
        found = results.verify(file, held.pinned)
        assert (found.outcome, found.ballots) == ("adopted", 4)
        assert found.proofs == 9  # opening, rule, four ballots, one superseded, the proxy, the delegate's powers
        results.compare(file, held.council)
    with pytest.raises(TrustError, match="is pinned"):
        results.verify(data, "0" * 64)
    kinds = {item["entry"]: item["as"] for item in canonical.loads(data)["evidence"]}
    assert kinds[held.ids["proxy"]] == "proxy"
    assert kinds[held.ids["powers"]] == "powers"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("proxy", "no proof that ZAF gave IND a proxy"),
        ("powers", r"no proof that CHN\.envoy had full powers for its BallotCast"),
        ("ballot", "no proof of the BallotCast"),
        ("superseded", "no proof of the BallotCast or BallotCommitted"),
        ("opening", "no proof of the VoteOpened"),
        ("rule", "no proof of the RuleAdopted"),
    ],
)
def test_a_result_file_without_a_proof_is_refused(held: Held, kind: str, words: str) -> None:
    raw = canonical.loads(held.document())
    raw["evidence"] = [item for item in raw["evidence"] if item["as"] != kind]
    with pytest.raises(TrustError, match=words):
        results.verify(canonical.dumps(raw), held.pinned)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    return [path] if rows is None else [leaf for key, inner in rows for leaf in _leaves(inner, (*path, key))]


def test_changed_bundles_end_in_an_error_of_ours(held: Held) -> None:
    evidence = canonical.loads(held.document())["evidence"]
    values = (None, 0, True, "", "AAAA", "é", [], {}, ["AA=="], {"a": 1})
    chance = random.Random(2)
    for _ in range(300):
        raw = copy.deepcopy(chance.choice(evidence)["bundle"])
        *path, last = chance.choice(_leaves(raw))
        inner: Any = raw
        for key in path:
            inner = inner[key]
        whole = inner[last]
        if isinstance(whole, str) and chance.random() < 0.6:
            at = chance.randrange(len(whole))
            inner[last] = whole[:at] + chance.choice("A9/\n ") + whole[at + chance.randint(0, 3) :]
        else:
            inner[last] = chance.choice(values)
        with contextlib.suppress(ConcordatError):
            Bundle.parse(canonical.dumps(raw)).verify(held.pinned)


def test_a_dry_run_tells_faults_of_the_body_from_what_the_rules_forbid(held: Held) -> None:
    now = int(held.now.timestamp())
    before = held.council.state_hash
    for kind, body, words in (
        ("ProxyGiven", {"vote": "v-2026-001", "too": "CHN"}, r"\$\.body\.to: Field required"),
        ("ProxyGiven", {"vote": "v-2026-001", "to": "CHN", "x": 1}, r'\$\.body\.x: "x" is not a key of ProxyGiven'),
        ("ProxyGiven", {"vote": "v-2026-009", "to": "CHN"}, 'there is no vote "v-2026-009"'),
        ("ProxyGivn", {}, 'is not a type of entry of the council. Did you mean "ProxyGiven"'),
    ):
        with pytest.raises(InputError, match=words):
            check(held.council, "BRA", kind, body, now)
    for member, kind, body, words in (
        ("BRA", "ProxyGiven", {"vote": "v-2026-001", "to": "CHN"}, "it would have no effect: v-2026-001 is closed"),
        ("CHN", "MeetingOpened", {"title": "m", "begins": "2026-04-01T10:00Z"}, r"only the chair \(BRA\)"),
        ("USA", "AgendaSet", _item("x"), "USA is no member of the council"),
    ):
        with pytest.raises(RuleError, match=words):
            check(held.council, member, kind, body, now)
    assert held.council.state_hash == before


def test_a_filing_names_the_id_that_it_will_get(held: Held) -> None:
    body = {"procedure": "odr", "respondent": "BRA", "subject": "x"}
    with pytest.raises(RuleError, match=r"^d-2026-001: it would have no effect: a dispute against oneself"):
        check(held.council, "BRA", "DisputeFiled", body, int(held.now.timestamp()))
    trial = check(held.council, "CHN", "DisputeFiled", body, int(held.now.timestamp()))
    assert [(d.id, d.case.filing.case_id) for d in trial.all("dispute")] == [("d-2026-001", "d-2026-001")]
    assert held.council.next_id("d", 2026) == "d-2026-001"
    assert trial.next_id("d", 2026) == "d-2026-002"


def test_entries_of_one_state_in_another_order_of_delivery_make_the_same_state(tmp_path: Path) -> None:
    """Members speak at the same time and hear each other in another order: the record has one."""
    with clock.fixed(START), Demo.found(tmp_path / "demo", "BRICS", IDS) as demo:
        for member in reversed(IDS):
            demo.say(member, "RuleAdopted", RULES, dry=False)
            demo.say(member, "AgendaSet", _item(member.lower()), dry=False)
        demo.settle()
        demo.require_equal()
        assert {i.id for i in demo.council.all("item")} == {m.lower() for m in IDS}
        assert demo.council.find("rule", "amend_rules") is not None
