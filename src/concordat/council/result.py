"""The result of a vote as one file that anybody can check: every ballot with its proof, the count asked again.

`document_of` puts it together; `verify` needs nothing but the hash of membership version 1: each entry is verified by
its bundle (signature, place in its author's log, batch, finality), ballots must name the vote's text and rule and be
submitted in time, the rule must have been adopted before the opening, and the count must come out the same.

What the file alone can't show: that no ballot was left out, who was entitled, and that no later version of the rule was
in force. `compare` asks that of a whole record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.council.counting import tally_of
from concordat.council.state import Council, value_of
from concordat.council.voting import Ballot, Sealed, Vote
from concordat.errors import InputError, TrustError
from concordat.ledger.bundle import Bundle, Verdict

SCHEMA = "concordat/result@1"
KEYS = frozenset(("evidence", "outcome", "result", "schema", "state", "trust", "vote"))
BYTES_MAX = 64_000_000


@dataclass(frozen=True)
class Checked:
    """What a result file shows.

    Attributes:
        vote: the vote's id. outcome: as counted again. ballots: how many count. proofs: entries verified.
        rule: name, version and hash. open: what the file alone can't show.
    """

    vote: str
    outcome: str
    ballots: int
    proofs: int
    rule: tuple[str, int, str]
    open: tuple[str, ...]

    def sentence(self) -> str:
        """The verdict in words."""
        name, version, digest = self.rule
        return (
            f"Same result ({self.outcome}) from the {self.ballots} ballots; all {self.proofs} proofs hold; "
            f"{name} {version} ({digest[:4]}..) was in force at the opening."
        )


def entries_of(council: Council, vote: Vote) -> dict[str, str]:
    """The entries that a result stands on: entry id -> what it is to the result."""
    found = {vote.entry: "opening", vote.rule_entry: "rule"}
    found |= dict.fromkeys(vote.weight_entries.values(), "weights")
    for name in vote.groups:
        found[council.get("group", name).entry] = "group"
    if vote.meeting:
        found |= dict.fromkeys(council.get("meeting", vote.meeting).records[-1:], "attendance")
    for ballot in vote.ballots.values():
        found |= dict.fromkeys(ballot.superseded, "superseded")
        found[ballot.entry] = "ballot"
    for sealed in vote.sealed.values():
        found.setdefault(sealed.entry, "commitment")
    return found


def document_of(council: Council, vote_id: str, bundle: Callable[[str], bytes], trust: str) -> bytes:
    """The file of a vote's result.

    Args:
        bundle: the proof bundle of an entry id (`ledger.bundle_of(replica, id).data()`). trust: the pinned hash.

    Raises:
        InputError: nothing is counted yet.
    """
    vote: Vote = council.get("vote", vote_id)
    if not vote.result:
        raise InputError(f"{vote_id} is {vote.status}: nothing is counted yet.", code="early")
    evidence = [
        {"as": kind, "bundle": canonical.loads(bundle(entry)), "entry": entry}
        for entry, kind in sorted(entries_of(council, vote).items(), key=lambda item: (item[1], item[0]))
    ]
    return canonical.dumps(
        {
            "evidence": evidence,
            "outcome": vote.outcome,
            "result": vote.result,
            "schema": SCHEMA,
            "state": {"at": [council.at.view, council.at.batch], "hash": council.state_hash},
            "trust": trust,
            "vote": value_of(vote),
        }
    )


def verify(data: bytes, trust: str = "", where: str = "result.json") -> Checked:
    """Check a result file by itself.

    Args:
        trust: the hash of membership version 1; without it, the one that the file names.

    Raises:
        InputError: not such a file. TrustError: the first thing that doesn't hold.
    """
    raw = _read(data, where)
    vote = vote_from(raw["vote"], where)
    verdicts: dict[str, tuple[str, Verdict]] = {}
    for item in raw["evidence"]:
        verdict = Bundle.parse(canonical.dumps(item["bundle"]), f"{where}, {item['as']}").verify(trust or raw["trust"])
        if verdict.entry.id != item["entry"]:
            raise TrustError("a proof is of another entry.", where=f"{where}, {item['as']}", code="bundle")
        if not verdict.final:
            raise TrustError(
                f"{verdict.entry.type} of {verdict.entry.author} is not final.", where=where, code="pending"
            )
        verdicts[item["entry"]] = (item["as"], verdict)
    _check_opening(vote, verdicts, where)
    text = _rule_text(vote, verdicts, where)
    _check_tables(vote, verdicts, where)
    for member, ballot in sorted(vote.ballots.items()):
        _check_ballot(vote, member, ballot, verdicts, where)
    from concordat.council.decide.rules import Rule

    head = raw["result"]
    outcome, again = tally_of(
        vote, Rule.load(text, where=vote.rule), head["at_vote"], head["at_opening"], head["chair"]
    )
    if canonical.digest(again) != canonical.digest(head) or outcome != raw["outcome"] or vote.result != head:
        odd = sorted(k for k in {*again, *head} if again.get(k) != head.get(k))
        what = f"counted again it is {outcome}, not {raw['outcome']} ({', '.join(odd) or 'outcome'} differs)."
        raise TrustError(what, where=where, code="result")
    return Checked(
        vote.id, outcome, len(vote.ballots), len(verdicts), (vote.rule, vote.rule_version, vote.rule_hash),
        ("that no ballot was left out", "who was entitled and who presided", "that no later rule was in force"),
    )  # fmt: skip


def _read(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, code="result")
    raw = canonical.loads(data, exact=True)
    if not isinstance(raw, dict) or set(raw) != KEYS or raw["schema"] != SCHEMA:
        raise InputError(f"not a result file ({SCHEMA}).", where=where, hint="council result --out FILE writes one.")
    ok = isinstance(raw["evidence"], list) and all(
        isinstance(e, dict) and set(e) == {"as", "bundle", "entry"} for e in raw["evidence"]
    )
    if not ok or not isinstance(raw["result"], dict):
        raise InputError("evidence or result is not as it should be.", where=where, code="result")
    return raw


def vote_from(value: Mapping[str, Any], where: str) -> Vote:
    """A vote from its plain data.

    Raises:
        InputError: keys are missing or of another type.
    """
    try:
        ballots = {
            m: Ballot(b["choice"], b["by"], b["entry"], b["submitted"], tuple(b["superseded"]))
            for m, b in value["ballots"].items()
        }
        sealed = {m: Sealed(s["commitment"], s["entry"], s["opened"]) for m, s in value["sealed"].items()}
        groups = {name: tuple(members) for name, members in value["groups"].items()}
        pairs = {
            key: tuple(tuple(row) for row in value[key]) for key in ("not_counted", "false_declarations", "challenges")
        }
        plain = {
            key: value[key]
            for key in (
                "id", "subject", "about", "objection_s",
                "title", "method", "rule", "rule_version", "rule_hash", "rule_entry", "text",
                "meeting",
                "weights", "weight_entries", "opened", "closes", "reveal_until", "status", "entry", "proxies",
                "tie_broken",
                "outcome", "result", "result_hash", "final_at",
            )
        }  # fmt: skip
        lists = {
            key: tuple(value[key])
            for key in ("entitled", "present_at_opening", "candidates", "declared", "present", "present_entries")
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the vote in it lacks {error}.", where=where, code="result") from None
    return Vote(ballots=ballots, sealed=sealed, groups=groups, batch=(0, 0), **pairs, **plain, **lists)  # type: ignore[arg-type]


def _one(verdicts: Mapping[str, tuple[str, Verdict]], entry: str, kind: str, where: str) -> Verdict:
    found = verdicts.get(entry)
    if found is None or found[1].entry.type != kind:
        raise TrustError(f"there is no proof of the {kind} {entry[:16]}.", where=where, code="missing")
    return found[1]


def _check_opening(vote: Vote, verdicts: Mapping[str, tuple[str, Verdict]], where: str) -> None:
    from concordat.council._body import seconds

    body = _one(verdicts, vote.entry, "VoteOpened", where).entry.body
    same = body["subject"] == vote.subject and body["rule"] == vote.rule and body["text"] == vote.text
    if not same or seconds(body["closes"]) < vote.closes or list(body.get("candidates", [])) != list(vote.candidates):
        raise TrustError("the opening says something else.", where=where, code="opening")


def _rule_text(vote: Vote, verdicts: Mapping[str, tuple[str, Verdict]], where: str) -> str:
    """The rule's text, adopted before the vote was opened, of the hash that every ballot names."""
    from concordat.council.decide.rules import Rule

    adopted = _one(verdicts, vote.rule_entry, "RuleAdopted", where)
    opened = _one(verdicts, vote.entry, "VoteOpened", where)
    assert adopted.point is not None
    assert opened.point is not None
    if adopted.point > opened.point:
        raise TrustError("the rule was adopted after the opening.", where=where, code="rule")
    for text in adopted.entry.body["rules"]:
        rule = Rule.load(text, where="rule")
        if rule.hash == vote.rule_hash and rule.name == vote.rule and rule.version == vote.rule_version:
            return str(text)
    raise TrustError(f"the proof holds no rule {vote.rule_hash[:16]}.", where=where, code="rule")


def _check_tables(vote: Vote, verdicts: Mapping[str, tuple[str, Verdict]], where: str) -> None:
    for name, entry in sorted(vote.weight_entries.items()):
        body = _one(verdicts, entry, "WeightsAdopted", where).entry.body
        if body["table"] != name or dict(body["values"]) != dict(vote.weights[name]):
            raise TrustError(f"the weights {name} are not those adopted.", where=where, code="weights")
    groups = {
        v.entry.body["group"]: tuple(sorted(set(v.entry.body["members"])))
        for kind, v in verdicts.values()
        if kind == "group" and v.entry.type == "GroupAdopted"
    }
    for name, members in sorted(vote.groups.items()):
        if groups.get(name) != members:
            raise TrustError(f"the group {name} is not the one adopted.", where=where, code="groups")


def _check_ballot(
    vote: Vote, member: str, ballot: Ballot, verdicts: Mapping[str, tuple[str, Verdict]], where: str
) -> None:
    """One ballot: the member's or its proxy's, on this text under this rule, in time, with this choice."""
    kind = "BallotRevealed" if vote.reveal_until else "BallotCast"
    verdict = _one(verdicts, ballot.entry, kind, where)
    entry, body = verdict.entry, verdict.entry.body
    place = f"{where}, ballot of {member}"
    if body["vote"] != vote.id or entry.author != ballot.by or verdict.submitted is None:
        raise TrustError("it is of another vote or member.", where=place, code="ballot")
    if kind == "BallotRevealed":
        from concordat.council.decide.sealed import check_reveal

        commitment = _one(verdicts, vote.sealed[member].entry, "BallotCommitted", where)
        check_reveal(
            commitment.entry.body["commitment"], vote.id, member, bytes.fromhex(body["nonce"]), list(body["ballot"])
        )
        said, end = list(body["ballot"]), vote.reveal_until
    else:
        if body["text"] != vote.text or body["rule"] != vote.rule_hash:
            raise TrustError("it names another text or rule.", where=place, code="ballot")
        if (body.get("proxy_for") or entry.author) != member:
            raise TrustError("it is not for this member.", where=place, code="ballot")
        said, end = body["choice"], vote.closes
    if verdict.submitted > end or verdict.submitted != ballot.submitted:
        raise TrustError("it was submitted at another time, or late.", where=place, code="ballot")
    choice = [said] if vote.method == "election" and isinstance(said, str) else said
    if choice != ballot.choice:
        raise TrustError(f"it says {said}, the result {ballot.choice}.", where=place, code="ballot")


def compare(data: bytes, council: Council, where: str = "result.json") -> None:
    """Hold a result file to a whole record: the same ballots, members, rule and count.

    Raises:
        TrustError: the first member on whom they differ, or what else does.
    """
    raw = _read(data, where)
    vote = vote_from(raw["vote"], where)
    own: Vote | None = council.find("vote", vote.id)
    if own is None or not own.result:
        raise TrustError(f"the record has counted no {vote.id}.", where=where, code="result")
    for member in sorted({*own.ballots, *vote.ballots}):
        mine, theirs = own.ballots.get(member), vote.ballots.get(member)
        if mine != theirs:
            a, b = (x.entry[:16] if x else "none" for x in (mine, theirs))
            raise TrustError(
                f"the ballot of {member} is {a} in the record, {b} in the file.", where=where, code="ballot"
            )
    if own.result_hash != canonical.digest(raw["result"]) or own.outcome != raw["outcome"]:
        odd = sorted(k for k in {*own.result, *raw["result"]} if own.result.get(k) != raw["result"].get(k))
        raise TrustError(f"the record differs in {', '.join(odd) or 'the outcome'}.", where=where, code="result")
