"""`concordat council`: what it prints, how it ends, what it says when something is wrong.

One node that is a bloc of its own: what it writes is final at once, and each test sets the clock. What several members
say to each other is in `tests/unit/node/test_council.py`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main
from concordat.council.decide.rules import FOLDER
from concordat.errors import RuleError
from concordat.node.demo import Demo

START = "2026-03-02T10:00:00Z"
TEXT = "# Sharing\n\nWe share cases.\n\nWe report each year.\n"
WEIGHTS = "table: pop\nday: 2026-01-01\nunit: people\nsource: census\nvalues: {BRA: 5}\n"
BY_WEIGHT = (
    "schema: concordat/rule@1\nrule: heavy\nversion: 1\nmethod: vote\nadopt: {share: pop, of: all, more_than: 1/2}\n"
)
ZERO = "0" * 64


class Node:
    """A node alone in its bloc, and the command line before it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.moment = START

    def at(self, moment: str) -> None:
        """Time has passed."""
        self.moment = moment

    def main(self, *arguments: str | Path) -> int:
        """The program, as the clock stands."""
        with clock.fixed(self.moment):
            return main([str(a) for a in arguments])

    def run(self, *arguments: str | Path, home: bool = True) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `concordat council ...`."""
        more = ("--home", self.folder / "home") if home else ()
        code = self.main("council", *arguments, *more)
        out = self.capsys.readouterr()
        assert "Traceback" not in out.err
        return code, out.out, out.err

    def ok(self, *arguments: str | Path, home: bool = True) -> str:
        """Standard output of a command that must end well."""
        code, out, err = self.run(*arguments, home=home)
        assert (code, err) == (0, ""), (arguments, err)
        return out

    def json(self, *arguments: str | Path, home: bool = True) -> Any:
        """The object that it prints with `--json`."""
        return json.loads(self.ok(*arguments, "--json", home=home))

    def bad(self, code: int, *arguments: str | Path, home: bool = True) -> str:
        """The message of a command that must end with a code; nothing else is printed."""
        found, out, err = self.run(*arguments, home=home)
        assert (found, out) == (code, ""), (arguments, out, err)
        return err.removeprefix("concordat: ").strip()

    def file(self, name: str, text: str | bytes) -> Path:
        """A file beside the node's folder."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@pytest.fixture
def node(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.chdir(tmp_path)
    found = Node(tmp_path, capsys)
    init = ("node", "init", "--bloc", "BRICS", "--member", "BRA", "--host", "bra.example")
    assert found.main(*init, "--home", tmp_path / "home") == 0
    capsys.readouterr()
    return found


@pytest.fixture
def founded(node: Node) -> Node:
    """With weights, and the shipped rules of majority, of amendment and one by weight."""
    rules = [FOLDER / f"{name}.yaml" for name in ("simple_majority", "amend_rules", "silence")]
    node.ok("adopt", node.file("w.yaml", WEIGHTS))
    node.ok("adopt", *rules, node.file("heavy.yaml", BY_WEIGHT))
    return node


def _tabled(node: Node, *more: str, rule: str = "simple_majority") -> str:
    return str(node.json("table", node.file("p.md", TEXT), "--rule", rule, *more)["id"])


def _decided(node: Node, proposal: str, day: int) -> str:
    """A vote on a proposal from one day of March to five days later, final by then; its id."""
    node.at(f"2026-03-{day:02}T10:00:00Z")
    node.ok("certify", proposal)
    vote = str(node.json("vote", "open", proposal, "--closes", f"2026-03-{day + 1:02}T10:00Z")["id"])
    node.ok("cast", vote, "yes")
    node.at(f"2026-03-{day + 5:02}T10:00:00Z")
    return vote


# --- Founding -------------------------------------------------------------------------------------------------------


def test_a_founder_alone_adopts_rules_weights_and_groups(node: Node) -> None:
    assert node.ok("adopt", node.file("w.yaml", WEIGHTS)) == "WeightsAdopted of BRA.\n"
    assert node.ok("adopt", node.file("g.yaml", "group: south\nmembers: [BRA]\n")) == "GroupAdopted of BRA.\n"
    found = node.json("adopt", FOLDER / "amend_rules.yaml")
    assert (found["type"], found["waiting"], found["no_effect"]) == ("RuleAdopted", [], None)
    assert node.ok("show", "rule").startswith("amend_rules    version 1, ")
    assert node.json("show")["things"]["weights"]["pop"]["values"] == {"BRA": 5}
    assert node.bad(6, "adopt", FOLDER / "two_thirds.yaml") == (
        "it would have no effect: it needs a decision under amend_rules. Table it as a proposal, and vote."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WEIGHTS.replace("{BRA: 5}", "5"), "values must be a list of members and weights. As BRA: 12, a line each."),
        (WEIGHTS.replace("{BRA: 5}", "[1, 2]"), "values must be a list of members and weights."),
        (WEIGHTS.replace("{BRA: 5}", "{BRA: 1.5}"), "the weight of BRA is 1.5. Whole numbers from 0 on."),
        (WEIGHTS.replace("unit", "unti"), '"unti" is not a key I know here. Did you mean "unit"?'),
        (WEIGHTS.replace("unit: people\n", ""), 'the key "unit" is missing. Add it.'),
        ("group: g\nmembers: BRA\n", "members must be a list. As members: [BRA, CHN]"),
        ("- 5\n", "holds no keys."),
        (b"\xff\xfe", "byte 0 is not UTF-8."),
        ("rule: x\n", 'the key "method" is missing.'),
    ],
)
def test_files_that_adopt_nothing(node: Node, text: str | bytes, words: str) -> None:
    err = node.bad(2, "adopt", node.file("a.yaml", text))
    assert words in err
    assert "a.yaml" in err or "rule 1" in err


def test_files_of_two_kinds_are_refused(node: Node) -> None:
    err = node.bad(2, "adopt", node.file("w.yaml", WEIGHTS), FOLDER / "silence.yaml")
    assert err == "rule and table can't go together. One table, or one group, at a time."
    assert node.bad(2, "adopt", "absent.yaml") == "absent.yaml: no such file."


# --- From a text to a decision --------------------------------------------------------------------------------------


def test_a_text_is_tabled_amended_certified_voted_and_proved(founded: Node) -> None:
    node = founded
    text = node.file("p.md", TEXT)
    out = node.ok("table", text, "--rule", "simple_majority")
    assert out.startswith("Proposal p-2026-001 tabled by BRA (text ")
    assert out.endswith("Needs: certify, then vote.\n")
    out = node.ok("amend", "p-2026-001", "replace", "p1", "--text", "en=We share all cases.", "--reason", "all")
    assert out == "Amendment a-2026-001 to p-2026-001 p1 by BRA.\n"
    assert "a-2026-001 wait" in node.bad(6, "certify", "p-2026-001")
    opened = node.ok("vote", "open", "a-2026-001", "--rule", "simple_majority", "--closes", "2026-03-03T10:00Z")
    assert opened == "Vote v-2026-001 on a-2026-001 under simple_majority 1, 1 entitled.\n"
    assert node.ok("due").splitlines()[0] == "BRA  2026-03-03 10:00 UTC  v-2026-001     vote"
    assert node.ok("cast", "v-2026-001", "yes") == "BRA votes yes in v-2026-001.\n"
    assert node.ok("result", "v-2026-001").splitlines() == [
        "v-2026-001: a-2026-001, under simple_majority.",
        "open: 1 of 1 have voted; it closes 2026-03-03 10:00 UTC.",
    ]
    node.at("2026-03-10T10:00:00Z")  # what fell due meanwhile is settled by the command itself
    assert node.ok("text", "p-2026-001") == "p1     We share all cases.\np2     We report each year.\n"
    assert node.ok("certify", "p-2026-001").startswith("p-2026-001 certified in en: ")
    node.ok("vote", "open", "p-2026-001", "--closes", "2026-03-11T10:00Z")
    node.ok("cast", "v-2026-002", "yes")
    assert node.bad(2, "result", "v-2026-002", "--out", "r.json") == "v-2026-002 is open: nothing is counted yet."
    node.at("2026-03-13T10:00:00Z")
    assert "late: submitted 2026-03-13 10:00 UTC" in node.bad(6, "cast", "v-2026-002", "no")
    out = node.ok("result", "v-2026-002", "--out", "r.json").splitlines()
    assert out[1] == (
        "1 yes, 0 no. Quorum 1 of 1. Members 1/1 > 1/2: met. ADOPTED; final 2026-03-14 (merge delay, challenge time)."
    )
    trust = out[2].rpartition(" ")[2]
    assert node.ok("vote", "declare", "v-2026-002") == "v-2026-002: declared as adopted by BRA.\n"
    assert node.ok("vote", "challenge", "v-2026-002", "--reason", "check") == "v-2026-002 is challenged by BRA.\n"
    out = node.ok("verify", "r.json", "--trust", trust, home=False)
    first, last = out.splitlines()
    assert first.startswith("Same result (adopted) from its 1 ballot; all 3 proofs hold; simple_majority 1 (")
    assert last.startswith("Not shown by the file alone: that no ballot was left out, nor a later ballot")
    assert "Trusted: the membership hash in the file itself." in node.ok("verify", "r.json", home=False)
    found = node.json("verify", "r.json", home=False)
    assert (found["outcome"], found["ballots"], found["proofs"], found["vote"]) == ("adopted", 1, 3, "v-2026-002")
    assert "is pinned. Compare the eight words." in node.bad(5, "verify", "r.json", "--trust", ZERO, home=False)
    assert node.main("node", "export", node.folder / "out", "--home", node.folder / "home") == 0
    node.capsys.readouterr()
    out = node.ok("verify", "r.json", "--export", "out", home=False)
    assert out.endswith("The whole record says the same: no ballot is left out, and the members are as it has them.\n")
    assert node.json("verify", "r.json", "--export", "out", home=False)["open"] == []
    node.at("2026-03-20T10:00:00Z")
    assert (
        node.ok("show", "vote")
        == "v-2026-001     a-2026-001, final adopted\nv-2026-002     p-2026-001, final adopted\n"
    )


def test_a_changed_result_file_is_refused_and_never_a_traceback(founded: Node) -> None:
    node = founded
    vote = _decided(node, _tabled(node), 3)
    node.ok("result", vote, "--out", "r.json")
    data = (node.folder / "r.json").read_bytes()
    node.file("r.json", data.replace(b'"choice":"yes"', b'"choice":"no"'))
    assert "ballot of BRA: it says yes, the result no." in node.bad(5, "verify", "r.json", home=False)
    for text in (b"", b"[]", b"{}", b"\xff", data[:-1], data.replace(b'"closes":', b'"closed":')):
        node.file("r.json", text)
        assert node.bad(2, "verify", "r.json", home=False).startswith(("r.json", "$", "line"))
    for at in range(50, len(data), len(data) // 60):
        node.file("r.json", data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        code, _, err = node.run("verify", "r.json", home=False)
        assert code in (2, 5), (at, err)


def test_the_wrong_words_for_a_vote(founded: Node) -> None:
    node = founded
    proposal = _tabled(node)
    assert node.bad(6, "vote", "open", proposal, "--closes", "2026-03-03T10:00Z").endswith(
        "p-2026-001 is tabled; only a certified text is voted on."
    )
    node.ok("certify", proposal)
    assert node.bad(2, "vote", "open", proposal, "--closes", "2026-03-09T18:00") == (
        '--closes: "2026-03-09T18:00" has no zone. As 2026-05-06T18:00+08:00, or 2026-05-06T10:00Z'
    )
    assert node.bad(2, "vote", "open", proposal, "--closes", "soon") == (
        '--closes: "soon" is not an instant. As 2026-05-06T18:00+08:00'
    )
    assert node.bad(6, "vote", "open", proposal, "--closes", "2026-03-01T10:00Z").endswith(
        "stays open for an hour at least."
    )
    unruled = node.bad(2, "vote", "open", "tea?", "--closes", "2026-03-09T00:00Z")
    assert unruled == "under which rule? Name it: --rule NAME"
    unknown = node.bad(2, "vote", "open", "tea?", "--rule", "simple_majorty", "--closes", "2026-03-09T00:00Z")
    assert unknown == 'there is no rule "simple_majorty". Did you mean "simple_majority"?'
    node.ok("vote", "open", proposal, "--closes", "2026-03-09T00:00Z")
    assert node.bad(2, "cast", "v-2026-001", "maybe").startswith('$.body.choice: "maybe" is no choice. One of yes,')
    assert node.bad(2, "cast", "v-2026-001", "yes", "no") == "one choice, not 2. Such as: yes, no or abstain."
    assert node.bad(2, "cast", "v-2026-009", "yes") == 'there is no vote "v-2026-009". Did you mean "v-2026-001"?'
    assert node.bad(6, "cast", "v-2026-001", "yes", "--for", "CHN").endswith("CHN has no vote in v-2026-001.")
    assert "nothing is counted yet" in node.bad(6, "vote", "declare", "v-2026-001")
    assert node.bad(2, "reveal", "v-2026-001").startswith("this node sealed no ballot in v-2026-001.")


def test_errors_are_objects_with_json(founded: Node) -> None:
    code, out, _ = founded.run("cast", "v-2026-001", "yes", "--json")
    assert (code, json.loads(out)["error"], json.loads(out)["code"]) == (2, "InputError", "unknown_id")
    code, out, _ = founded.run("adopt", FOLDER / "two_thirds.yaml", "--json")
    assert (code, json.loads(out)["error"], json.loads(out)["hint"]) == (
        6, "RuleError", "Table it as a proposal, and vote.",
    )  # fmt: skip


def test_an_entry_that_turns_out_without_effect_ends_with_the_code_of_a_rule() -> None:
    from concordat.cli.council import told

    seat: Any = SimpleNamespace(effect=lambda said: "late: it closed.")
    with pytest.raises(RuleError, match=r"BallotCast 0{16}: no effect: late: it closed\. It stays on the record"):
        told(seat, SimpleNamespace(type="BallotCast", id=ZERO, author="BRA"), "", json=False)


def test_text_for_a_member(founded: Node) -> None:
    node = founded
    proposal = _tabled(node)
    _decided(node, proposal, 3)
    body = json.dumps({"proposal": proposal, "paragraphs": ["p2"], "reason": "cost"})
    assert node.ok("say", "ReservationMade", body).startswith("ReservationMade of BRA: entry ")
    assert (
        node.ok("text", proposal, "--for", "BRA").splitlines()[1] == "p2     [does not bind BRA] We report each year."
    )
    assert node.json("text", proposal, "--for", "BRA")["paragraphs"][1]["binds"] is False
    assert node.bad(2, "text", proposal, "--for", "BRAA") == 'there is no member "BRAA". Did you mean "BRA"?'
    assert (
        node.bad(2, "text", proposal, "--for", "ZZZ") == 'there is no member "ZZZ". See: concordat council show member'
    )
    assert node.bad(2, "text", proposal, "--language", "fr") == "there is no fr text. There is en."


def test_an_act_is_decided_as_it_was_tabled_from_a_body_without_its_defaults(founded: Node) -> None:
    node = founded
    act = {"member": "BRA"}  # `until` and `decision` are left to their defaults
    node.file("chair.json", json.dumps(act))
    proposal = _tabled(node, "--act", "ChairAppointed=@chair.json", "--kind", "chair", rule="amend_rules")
    vote = _decided(node, proposal, 3)
    node.ok("say", "ChairAppointed", json.dumps({**act, "decision": vote}))
    assert node.json("show", "chair", "chair")["member"] == "BRA"
    text = node.file("p.md", TEXT)
    for act_, words in (
        ("Foo=@chair.json", '"Foo" is not a type of entry of the council. See: concordat council events'),
        ("ChairApointed=@chair.json", 'Did you mean "ChairAppointed"?'),
        ("MemberAdmitted=@chair.json", "$.body.membership: Field required."),
        ("RuleAdopted=w.yaml", "--act: w.yaml is for WeightsAdopted, not RuleAdopted."),
        ("ChairAppointed=@absent.json", "absent.json: no such file."),
        ("ChairAppointed", '--act: "ChairAppointed" is not NAME=VALUE.'),
    ):
        assert node.bad(2, "table", text, "--rule", "amend_rules", "--act", act_).endswith(words)


def test_texts_that_are_not_utf8_are_told_by_every_command_that_reads_them(founded: Node) -> None:
    node = founded
    bad = node.file("bad.yaml", b"rule: \xff")
    for command in (
        ("table", bad, "--rule", "simple_majority"),
        ("table", node.file("p.md", TEXT), "--rule", "amend_rules", "--act", "RuleAdopted=bad.yaml"),
        ("table", node.file("p.md", TEXT), "--rule", "amend_rules", "--act", "ChairAppointed=@bad.yaml"),
        ("target", bad),
        ("adopt", bad),
        ("dispute", "file", bad, "--against", "BRA", "--subject", "x"),
        ("review", "guideline", "r-2026-001", bad),
        ("power", bad),
    ):
        assert "6 is not UTF-8." in node.bad(2, *command), command


# --- Agenda, state, events, anything --------------------------------------------------------------------------------


def test_agenda_show_events_and_say(founded: Node) -> None:
    node = founded
    assert node.ok("agenda") == "The agenda is empty.\n"
    assert node.ok("due") == "Nothing is due.\n"
    body = '{"items": [{"item": "x", "kind": "debate", "title": "Hello"}]}'
    assert node.ok("say", "AgendaSet", body).startswith("AgendaSet of BRA: entry ")
    node.ok("say", "AgendaSet", "@" + str(node.file("b.json", body.replace('"x"', '"y"').replace("Hello", "Bye"))))
    assert node.ok("agenda") == "  1. Bye (debate)\n  2. Hello (debate)\n"
    assert [i["item"] for i in node.json("agenda")["items"]] == ["y", "x"]
    assert node.ok("show").splitlines()[0].startswith("BRICS, view 1, batch ")
    assert node.bad(2, "show", "vot") == (
        "there is no vot here. There are: act, item, member, rule, rule_version, weights."
    )
    assert node.bad(2, "show", "rule", "silense") == 'there is no rule "silense". Did you mean "silence"?'
    assert "VoteOpened\n" in node.ok("events", home=False)
    assert node.json("events", "VoteOpened", home=False)["title"] == "VoteOpened"
    assert node.bad(2, "events", "VoteOpend", home=False) == (
        '"VoteOpend" is not a type of entry of the council. Did you mean "VoteOpened"?'
    )
    for arguments, code, words in (
        (("Foo", "{}"), 2, '"Foo" is not a type of entry of the council.'),
        (("AgendaSet", '{"item": []}'), 2, "$.body.items: Field required."),
        (("AgendaSet", '{"items": [], "itms": []}'), 2, '$.body.itms: "itms" is not a key of AgendaSet.'),
        (("AgendaSet", "[]"), 2, "body: the body must be an object."),
        (("AgendaSet", "{"), 2, "not JSON"),
        (("AgendaSet", '{"items": 1.5}'), 2, "float"),
        (("ProxyGiven", '{"vote": "v-2026-001", "to": "CHN"}'), 2, 'there is no vote "v-2026-001".'),
        (("MemberSuspended", '{"member": "BRA", "reason": "x"}'), 6, "it needs a decision under amend_rules."),
    ):
        assert words in node.bad(code, "say", *arguments), arguments


# --- Power ----------------------------------------------------------------------------------------------------------


def test_power_and_what_if(founded: Node) -> None:
    node = founded
    out = node.ok("power", "heavy").splitlines()
    assert out[0].startswith("heavy 1 (")
    assert out[0].endswith("), 1 member, by enumeration.")
    assert out[2].split() == ["BRA", *["1.00000"] * 5]  # alone, and a dictator
    table = node.file("two.yaml", WEIGHTS.replace("{BRA: 5}", "{BRA: 2, CHN: 1, IND: 1}"))
    found = node.json("power", "heavy", "--weights", table, "--members", "BRA,CHN,IND")
    # more than 2 of 4: BRA swings in {CHN}, {IND}, {CHN, IND}; CHN in {BRA}; IND in {BRA}: 3, 1, 1 of 5
    assert {m: row["banzhaf_share"] for m, row in found["members"].items()} == {
        "BRA": "3/5",
        "CHN": "1/5",
        "IND": "1/5",
    }
    three = ("--weights", table, "--members", "BRA,CHN,IND")
    assert node.ok("what-if", "heavy", *three, "--blocks-with", "BRA").startswith("BRA can block alone.\n")
    won = node.json("what-if", "heavy", *three, "--wins-with", "CHN")
    assert won["winning"]["coalitions"] == [["BRA", "CHN"]]
    assert node.bad(2, "what-if", "heavy", "--blocks-with", "BRAA").startswith(
        '--blocks-with: "BRAA" is not one of the members asked about. Did you mean "BRA"?'
    )
    assert node.bad(2, "power", "simple_majorty").endswith('Did you mean "simple_majority"?')
    unknown = node.bad(2, "power", "zz")
    assert unknown.startswith('"zz" is not a rule in force, a shipped one, or a file. There are: absolute_majority,')
    assert unknown.count("simple_majority") == 1
    assert "needs the weights" in node.bad(2, "power", "qualified", "--members", "BRA,CHN")


def test_a_ballot_that_comes_too_late_leaves_the_one_that_was_sealed(node: Node) -> None:
    rule = "schema: concordat/rule@1\nrule: officers\nversion: 1\nmethod: election\nsystem: stv\nseats: 1\n"
    node.ok("adopt", node.file("r.yaml", rule))
    times = ("--closes", "2026-03-03T10:00Z", "--reveal-until", "2026-03-04T10:00Z")
    node.ok("vote", "open", "secretary", "--rule", "officers", *times, "--candidate", "A", "--candidate", "B")
    assert node.bad(2, "reveal", "v-2026-001").startswith("this node sealed no ballot in v-2026-001.")
    node.ok("cast", "v-2026-001", "A", "B")
    node.at("2026-03-03T12:00:00Z")
    assert "late: submitted" in node.bad(6, "cast", "v-2026-001", "B")
    assert node.ok("reveal", "v-2026-001") == "BRA opened its ballot in v-2026-001.\n"


def test_a_founder_is_told_whom_the_act_waits_for(node: Node) -> None:
    folder = node.folder / "two"
    with clock.fixed(START), Demo.found(folder, "BRICS", ("BRA", "CHN")):
        pass
    rule = FOLDER / "amend_rules.yaml"
    first = node.ok("adopt", rule, "--home", folder / "BRA" / "home", home=False)
    assert first == "RuleAdopted of BRA. Waiting for CHN.\n"
    with clock.fixed(START), Demo(folder) as demo:
        demo.settle()
    second = node.json("adopt", rule, "--home", folder / "CHN" / "home", home=False)
    assert second["waiting"] == []


def test_a_demo_with_a_union_among_its_members_has_a_council(node: Node) -> None:
    folder = node.folder / "g20"
    with clock.fixed(START), Demo.found(folder, "G20", ("AU", "BRA")):
        pass
    code, out, err = node.run("show", "--as", "BRA", "--demo", folder, home=False)
    assert (code, "6  rule" in out, "weights" in out) == (0, True, False)
    assert "no table of populations: there is no population of AU." in err


def test_in_a_demo_whoever_only_reads_needs_no_seat(node: Node) -> None:
    folder = node.folder / "duo"
    with clock.fixed(START), Demo.found(folder, "BRICS", ("BRA", "IND")):
        pass

    def here(*arguments: str) -> tuple[int, str]:
        code, out, err = node.run(*arguments, "--demo", str(folder), home=False)
        return code, out if code == 0 else err

    assert here("consult", "open", "tea?") == (
        2, "concordat: who speaks? In a demo say --as and a member, such as --as BRA.\n",
    )  # fmt: skip
    assert here("consult", "open", "tea?", "--as", "BRA")[0] == 0
    assert here("dispute", "file", "odr", "--against", "IND", "--as", "BRA")[0] == 0
    code, out = here("show", "c-2026-001")
    assert (code, "concordat council show consultation c-2026-001" in out) == (2, True), out
    code, out = here("show", "consultation", "c-2026-001", "--json")
    closes = int(datetime(2026, 3, 16, 10, tzinfo=UTC).timestamp())  # fourteen days from START
    assert (code, json.loads(out)["closes"]) == (0, closes)
    code, out = here("show", "dispute", "d-2026-001", "--json")
    assert (code, "BRA against IND" in out) == (0, True), out
    for command in (
        ("agenda",), ("due",), ("show",), ("dispute", "calendar", "d-2026-001"), ("dispute", "show", "d-2026-001"),
        ("power", "consensus"), ("what-if", "consensus", "--blocks-with", "IND"),
    ):  # fmt: skip
        assert here(*command)[0] == 0, (command, here(*command))
    assert here("consult", "show", "c-2026-001")[1].startswith("concordat: too few to compare: 0 voters")


# --- Commitments, reviews -------------------------------------------------------------------------------------------


def test_import_seed_targets_and_a_review(founded: Node) -> None:
    node = founded
    dry = node.ok("import-seed", "--dry", home=False).splitlines()
    assert dry[0].startswith("104 items: 93 commitments proposed, 64 on the agenda.")
    assert node.json("import-seed", "--dry", home=False)["commitments"] == 93
    assert "commitment" not in node.json("show")["things"]
    assert len(node.json("import-seed")["entries"]) == 5  # 93 commitments in four entries, and the agenda
    assert node.bad(2, "import-seed") == "all of them are registered already. See: concordat council show commitment"
    assert node.ok("agenda").startswith("  1. set baseline, target, date (debate)\n")
    assert node.ok("bind", "xin-7", "1", "internet_users_pct") == "xin-7, measure 1: internet_users_pct (percent).\n"
    assert node.bad(2, "bind", "xin-7", "1", "internet_users") == (
        '"internet_users" is not an indicator of the catalogue. Did you mean "internet_users_pct"?'
    )
    named = ("--year", "2026", "--selection", "balance", "--rule", "simple_majority")
    assert node.bad(2, "review", "open", "2026", "--commitment", "xin-999", *named).startswith(
        'there is no commitment "xin-999".'
    )
    assert node.ok("review", "open", "2026", "--commitment", "xin-7", *named) == "Cycle r-2026-001: assessed 1 of 93.\n"
    assert node.ok("review", "show", "r-2026-001").endswith("Nothing is coded yet.\n")
    node.ok("review", "guideline", "r-2026-001", node.file("g.md", "+1 is done."))
    assert node.ok("review", "advance", "r-2026-001", "coding", "--release", ZERO) == "r-2026-001: coding.\n"
    cell = ("review", "code", "r-2026-001", "xin-7", "BRA")
    assert node.bad(2, *cell, "2") == 'value: "2" is no code. -1, 0, +1 or none.'
    assert node.ok(*cell, "+1", "--source", "1" * 64) == "xin-7 of BRA: +1, by BRA.node.\n"
    again = node.bad(6, *cell, "-1", "--source", "1" * 64)  # a code, not an option
    assert again.startswith("it would have no effect: BRA has coded xin-7 of BRA already.")
    assert "blank: xin-7 of BRA: one coder only\n" in node.ok("review", "show", "r-2026-001")
    assert "find coders for 1 cell with fewer than two" in node.ok("due")
    owed = node.json("due")["due"]
    assert [(o["member"], o["subject"]) for o in owed] == [("BRA", "r-2026-001")]


def test_score_recomputes_the_averages_of_a_table(node: Node) -> None:
    table = node.file("t.csv", "commitment,BRA,CHN,Average\na,+1,0,0.5\nb,-1,-1,0\n")
    out = node.ok("score", table, home=False)
    assert "b" in out
    found = node.json("score", table, home=False)
    assert len(found["wrong"]) == 1  # the mean of -1 and -1 is -1, not 0
    assert node.bad(2, "score", "absent.csv", home=False) == "absent.csv: no such file."
    assert "there are no codes in it" in node.bad(2, "score", node.file("e.csv", "a,b\n1,2\n"), home=False)


# --- Consultations --------------------------------------------------------------------------------------------------


def test_a_consultation_of_a_delegation(founded: Node) -> None:
    node = founded
    out = node.ok("consult", "open", "What now?", "--closes", "2026-03-05T10:00Z")
    assert out.splitlines()[0] == "Consultation c-2026-001: What now?."
    assert "everybody sees who said what, for ever" in out
    assert node.ok("consult", "say", "c-2026-001", "More.") == "Statement 1 of c-2026-001 by BRA.\n"
    assert node.json("consult", "say", "c-2026-001", "Less.")["id"] == 2
    assert node.ok("consult", "vote", "c-2026-001", "1", "agree") == "BRA: 1 opinion in c-2026-001.\n"
    assert node.ok("consult", "vote", "c-2026-001", "1", "pass", "2", "disagree") == "BRA: 2 opinions in c-2026-001.\n"
    for opinions, words in (
        (("1", "agre"), '"agre" is no opinion. agree, pass or disagree.'),
        (("1",), "opinions: an opinion is a number and a word. As 12 agree 13 pass"),
        (("x", "agree"), 'opinions: "x" is no statement\'s number. As 12 agree'),
        (("9", "agree"), "there is no statement 9."),
    ):
        assert node.bad(2, "consult", "vote", "c-2026-001", *opinions).endswith(words)
    assert node.bad(4, "consult", "show", "c-2026-001").startswith("too few to compare: 1 voter")
    out = node.ok("consult", "moderate", "c-2026-001", "2", "rejected", "--reason", "off topic")
    assert out == "Statement 2 of c-2026-001: rejected.\n"
    node.at("2026-03-07T11:00:00Z")
    assert "closed" in node.bad(6, "consult", "say", "c-2026-001", "Late.")
    assert node.ok("show", "consultation") == "c-2026-001     What now?, 2 statements, closed\n"


def test_an_export_in_the_form_of_polis_is_analysed(node: Node) -> None:
    folder = node.folder / "polis"
    folder.mkdir()
    choices = {1: [1, 1, -1], 2: [1, 1, -1], 3: [-1, -1, 1], 4: [-1, 0, 1]}
    head = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1,2\n"
    rows = "".join(f"{p},,0,3,{row.count(1)},{row.count(-1)},{','.join(map(str, row))}\n" for p, row in choices.items())
    agrees = [sum(row[s] == 1 for row in choices.values()) for s in range(3)]
    against = [sum(row[s] == -1 for row in choices.values()) for s in range(3)]
    comments = "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n" + "".join(
        f"1,x,{s},1,{agrees[s]},{against[s]},1,Statement {s}\n" for s in range(3)
    )
    (folder / "participants-votes.csv").write_text(head + rows)
    (folder / "comments.csv").write_text(comments)
    out = node.ok("consult", "analyse", folder, home=False)
    assert "4 voters" in out
    assert "unstable" in out
    found = node.json("consult", "analyse", folder, "--export", node.folder / "again", home=False)
    assert sorted(p.name for p in (node.folder / "again").iterdir()) == [
        "comments.csv", "participants-votes.csv", "result.json",
    ]  # fmt: skip
    assert node.json("consult", "analyse", node.folder / "again", home=False)["counts"] == found["counts"]
    assert "no such file" in node.bad(2, "consult", "analyse", node.folder / "none", home=False)


# --- Disputes -------------------------------------------------------------------------------------------------------


def _two(node: Node) -> None:
    """China is admitted by a decision, so that there is somebody to dispute with."""
    act = {"member": "CHN", "membership": 1}
    node.file("admit.json", json.dumps(act))
    vote = _decided(node, _tabled(node, "--act", "MemberAdmitted=@admit.json", rule="amend_rules"), 3)
    node.ok("say", "MemberAdmitted", json.dumps({**act, "decision": vote}))


def test_a_dispute_is_filed_acted_in_and_has_a_calendar(founded: Node) -> None:
    node = founded
    _two(node)
    assert node.bad(6, "dispute", "file", "odr", "--against", "BRA", "--subject", "x").startswith(
        "d-2026-001: it would have no effect: a dispute against oneself can't be filed."
    )
    assert node.bad(6, "dispute", "file", "odr", "--against", "ZAF", "--subject", "x").endswith(
        "ZAF is no member of the council."
    )
    assert "odr" in node.bad(2, "dispute", "file", "odrr", "--against", "CHN", "--subject", "x")
    assert node.bad(2, "dispute", "file", "absent.yaml", "--against", "CHN", "--subject", "x").startswith(
        "absent.yaml:"
    )
    out = node.ok("dispute", "file", "odr", "--against", "CHN", "--subject", "payment", "--roster", "KEN")
    assert out.splitlines() == [
        "Dispute d-2026-001: BRA against CHN under odr.",
        "An aid, not legal advice: check the current text of the rules.",
    ]
    shown = node.ok("dispute", "show", "d-2026-001")
    assert shown.startswith("d-2026-001: BRA against CHN, payment.\nodr: stage ")
    assert node.json("dispute", "show", "d-2026-001")["id"] == "d-2026-001"
    calendar = node.ok("dispute", "calendar", "d-2026-001", "--ics")
    assert calendar.startswith("BEGIN:VCALENDAR")
    assert "d-2026-001" in calendar
    assert node.ok("dispute", "calendar", "d-2026-001").startswith("2026-03-08  ")
    assert node.json("dispute", "calendar", "d-2026-001")["ahead"]
    assert node.bad(2, "dispute", "act", "d-2026-001", "ResponseFiled", "5").startswith(
        "body: the body must be an object"
    )
    assert node.bad(2, "dispute", "act", "d-2026-009", "ResponseFiled", "{}").startswith(
        'there is no dispute "d-2026-009"'
    )
    assert "d-2026-001" in node.bad(6, "dispute", "act", "d-2026-001", "ResponseFiled", "{}")  # BRA is no respondent
    out = node.ok("dispute", "act", "d-2026-001", "DisputeWithdrawn", '{"reason": "paid"}')
    assert "ended: withdrawn" in out


def test_the_shipped_procedures_say_what_they_are(node: Node) -> None:
    out = node.ok("dispute", "procedures", home=False)
    assert "odr              6 stages, " in out
    assert "Check the current text" in out
    names = [p["name"] for p in node.json("dispute", "procedures", home=False)["procedures"]]
    assert names == ["council-default", "dsu", "expedited", "icdpaso", "odr"]


# --- From which seat ------------------------------------------------------------------------------------------------


def test_without_a_node_or_in_no_demo(tmp_path: Path, node: Node) -> None:
    assert "concordat node init" in node.bad(7, "show", "--home", tmp_path / "none", home=False)
    assert "there is no demo here" in node.bad(2, "show", "--as", "BRA", home=False)
    assert node.bad(2, "show", "--as", "BRA") == "--as and --home can't go together. A demo has all members' nodes."


def test_time_is_the_nodes_own(founded: Node) -> None:
    founded.ok("consult", "open", "What now?", "--closes", "2026-03-05T10:00Z")
    moment = datetime(2026, 3, 5, 10, tzinfo=UTC).timestamp()
    assert founded.json("show", "consultation", "c-2026-001")["closes"] == moment
    founded.at("2026-03-04T10:00:00Z")
    assert founded.json("show", "consultation", "c-2026-001")["status"] == "open"
    founded.at("2026-03-06T10:00:01Z")  # a merge delay of 24 hours behind the closing
    assert founded.json("show", "consultation", "c-2026-001")["status"] == "closed"
