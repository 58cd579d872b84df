"""The policy: the text's example in every combination of witnesses, and each rule about names, keys and characters."""

from __future__ import annotations

import itertools

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import MLDSA44_COSIGNATURE, VerifierKey
from concordat.ledger.note import NoteSigner
from concordat.ledger.policy import Policy, member_policy, pending
from ledger_kit import ORIGIN, cosigners, ed25519, entries_of, head, log_signer, mldsa44

NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
SIGNERS = {name: cosigners(f"{name.lower()}.example/witness", name) for name in NAMES}
LOG = log_signer()
KEYS = {name: str(SIGNERS[name][0].key) for name in NAMES}
# The example of tlog-policy, with keys.
EXAMPLE = f"""log {LOG.key}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]}
witness X3 {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
ENTRIES = entries_of(4)


def test_the_example_of_the_text_in_all_64_combinations() -> None:
    policy = Policy.parse(EXAMPLE)
    assert policy.needed() == 3
    for present in itertools.chain.from_iterable(itertools.combinations(NAMES, n) for n in range(7)):
        note = head(ENTRIES, LOG, *(SIGNERS[name][0] for name in present))
        good = sum(n in present for n in ("X1", "X2", "X3")) >= 2 and any(n in present for n in ("Y1", "Y2", "Y3"))
        if good:
            assert policy.require(str(note)).checkpoint.size == 4
        else:
            with pytest.raises(TrustError, match="pending"):
                policy.require(str(note))


def test_it_says_who_signed_and_who_is_missing() -> None:
    policy = Policy.parse(EXAMPLE)
    with pytest.raises(TrustError, match=r"pending: 2 of 3; missing X2, Y1, Y2, Y3"):
        policy.require(str(head(ENTRIES, LOG, SIGNERS["X3"][0], SIGNERS["X1"][0])))
    assert pending([], 0, []) == "pending: 0 of 0; missing nobody"


def test_a_policy_is_printed_as_it_is_read() -> None:
    policy = Policy.parse(EXAMPLE)
    assert Policy.parse(str(policy)) == policy
    assert "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses" in str(policy)


def test_any_log_of_the_file_will_do_and_no_other() -> None:
    other = log_signer("other.example/log", "other")
    policy = Policy.parse(f"log {LOG.key}\nlog {other.key}\nquorum none\n")
    for signer in (LOG, other):
        policy.require(str(head(ENTRIES, signer, origin=signer.name)))
    stranger = log_signer("stranger.example", "stranger")
    with pytest.raises(TrustError, match="not signed"):
        policy.require(str(head(ENTRIES, stranger, origin=stranger.name)))


def test_the_key_of_a_log_has_the_name_of_its_origin() -> None:
    """A key of the file under another name than the head's origin is not that log's."""
    with pytest.raises(TrustError, match="not signed"):
        Policy.parse(f"log {LOG.key}\nquorum none\n").require(str(head(ENTRIES, LOG, origin="other.example/log")))


def test_quorum_none_needs_nobody_but_the_log() -> None:
    policy = Policy.parse(f"log {LOG.key}\nwitness X1 {KEYS['X1']}\nquorum none\n")
    assert policy.standing(policy.require(str(head(ENTRIES, LOG)))) == (True, [], ["X1"])
    assert policy.needed() == 0
    with pytest.raises(TrustError, match="not signed"):
        policy.require(str(head(ENTRIES, SIGNERS["X1"][0])))


def test_a_quorum_may_be_one_witness() -> None:
    policy = Policy.parse(f"log {LOG.key}\nwitness X1 {KEYS['X1']}\nquorum X1\n")
    policy.require(str(head(ENTRIES, LOG, SIGNERS["X1"][0])))
    with pytest.raises(TrustError, match="1; missing X1"):
        policy.require(str(head(ENTRIES, LOG, SIGNERS["X2"][0])))


def test_a_cosignature_that_fails_refuses_the_head() -> None:
    policy = Policy.parse(f"log {LOG.key}\nwitness X1 {KEYS['X1']}\nquorum none\n")
    text = str(head(ENTRIES, LOG, SIGNERS["X1"][0]))
    other = str(head(ENTRIES[:3], LOG, SIGNERS["X1"][0]))
    swapped = text.rsplit("\n", 2)[0] + "\n" + other.rsplit("\n", 2)[1] + "\n"
    with pytest.raises(TrustError, match="does not verify"):
        policy.require(swapped)


def test_a_witness_may_have_an_mldsa_key() -> None:
    signer = NoteSigner("w.example", MLDSA44_COSIGNATURE, mldsa44("w"))
    policy = Policy.parse(f"log {LOG.key}\nwitness w {signer.key}\nquorum w\n")
    policy.require(str(head(ENTRIES, LOG, signer)))


# --- Lines ----------------------------------------------------------------------------------------------------------

W1, W2 = f"witness a {KEYS['X1']}", f"witness b {KEYS['X2']}"


@pytest.mark.parametrize(
    "text",
    [
        "quorum none",
        "quorum none\n",
        "\n\n  \t \nquorum none\n\n",
        "  # a comment\n#another\n\t#\nquorum none\n",
        "\tquorum \t  none  \n",
        "# Zürich, 東京\nquorum none\n",
        f"log {LOG.key} https://log.example/\nquorum none\n",
        f"log {LOG.key} https://log.example/#part\nquorum none\n",
        f"{W1} https://w.example/\nquorum a\n",
        f"{W1}\ngroup g 1 a\nquorum g\n",
        f"{W1}\ngroup g any a\nquorum a\n",
        f"{W1}\nquorum a\n{W2}\n",
        f"witness é# {KEYS['X1']}\nquorum é#\n",
        f"witness K {KEYS['X1']}\nwitness \u212a {KEYS['X2']}\nquorum \u212a\n",  # the Kelvin sign is another name
        f"witness a\u00a0b {KEYS['X1']}\nquorum a\u00a0b\n",  # only space and tab part words
    ],
)
def test_lines_that_may_be(text: str) -> None:
    policy = Policy.parse(text)
    assert Policy.parse(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no quorum line"),
        ("# quorum none\n", "no quorum line"),
        ("quorum\n", "no directive"),
        ("quorum none none\n", "no directive"),
        ("quorum none # said twice\n", "no directive"),
        ("quorum none\nquorum none\n", "second quorum"),
        ("Quorum none\n", "no directive"),
        ("quorum a\n", "before it is defined"),
        (f"quorum a\n{W1}\n", "before it is defined"),
        (f"group g any a\n{W1}\nquorum g\n", "before it is defined"),
        (f"{W1}\ngroup g any a g\nquorum g\n", "before it is defined"),
        (f"{W1}\n{W1}\nquorum a\n", "twice"),
        (f"{W1}\nwitness a {KEYS['X2']}\nquorum a\n", "defined twice"),
        (f"{W1}\ngroup a any a\nquorum a\n", "defined twice"),
        (f"witness none {KEYS['X1']}\nquorum none\n", "defined twice"),
        (f"{W1}\ngroup none any a\nquorum none\n", "defined twice"),
        (f"{W1}\nwitness b {KEYS['X1']}\nquorum a\n", "stands twice"),
        (f"{W1}\n{W2}\ngroup g any a none\nquorum g\n", "or none"),
        (f"{W1}\n{W2}\ngroup g any a\ngroup h any a b\nquorum g\n", "in a group already"),
        (f"{W1}\ngroup g any a a\nquorum g\n", "in a group already"),
        (f"{W1}\ngroup g any\nquorum g\n", "no directive"),
        (f"{W1}\ngroup g 0 a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g 2 a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g -1 a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g +1 a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g ١ a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g some a\nquorum g\n", "can't be met"),
        (f"{W1}\ngroup g {'9' * 5000} a\nquorum g\n", "can't be met"),
        (f"log {KEYS['X1']}\nquorum none\n", "type 0x01"),
        (f"witness a {LOG.key}\nquorum a\n", "0x04 or 0x06"),
        ("log key\nquorum none\n", "not a verifier key"),
        (f"log {LOG.key} a b\nquorum none\n", "no directive"),
        (f"{W1} https://w.example/ more\nquorum a\n", "no directive"),
        ("\n#\nquorum a\n", "policy, line 3: "),
        ("quorum none\r\n", "control"),
        ("quorum\vnone\n", "control"),
        ("quorum none\x7f\n", "control"),
        ("# \x00\nquorum none\n", "control"),
        ("quorum\u2003none\n", "no directive"),
        ("\n" * 10_001, "lines"),
    ],
)
def test_lines_that_may_not_be(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Policy.parse(text)


def test_one_key_under_two_names_is_one_witness() -> None:
    """Else whoever holds it would count twice."""
    again = VerifierKey("other.example/witness", 4, SIGNERS["X1"][0].key.public)
    with pytest.raises(InputError, match="stands twice"):
        Policy.parse(f"{W1}\nwitness b {again}\nquorum a\n")


def test_32_logs_witnesses_and_groups_and_more_are_read() -> None:
    lines = [f"log {log_signer(f'log{i}.example', f'log{i}').key}" for i in range(64)]
    lines += [f"witness w{i} {NoteSigner(f'w{i}.example', 4, ed25519(f'w{i}')).key}" for i in range(64)]
    lines += [f"group g{i} any w{i}" for i in range(64)]
    lines += [f"group most 43 {' '.join(f'g{i}' for i in range(64))}", "quorum most", ""]
    policy = Policy.parse("\n".join(lines))
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups), policy.needed()) == (64, 64, 65, 43)


# --- A bloc's own ---------------------------------------------------------------------------------------------------


def test_a_bloc_s_policy_asks_for_a_number_of_its_members() -> None:
    keys = [(name, [s.key for s in SIGNERS[name]]) for name in NAMES[:4]]
    policy = member_policy([LOG.key], keys, 3)
    assert str(policy).endswith("group members 3 X1 X2 X3 Y1\nquorum members\n")
    assert [key.kind for _, key in policy.witnesses] == [4] * 4
    policy.require(str(head(ENTRIES, LOG, *(SIGNERS[name][0] for name in NAMES[1:4]))))
    with pytest.raises(TrustError, match="pending: 2 of 3; missing X1, X2"):
        policy.require(str(head(ENTRIES, LOG, *(SIGNERS[name][0] for name in NAMES[2:4]))))
    assert member_policy([LOG.key], [], 0).quorum == "none"


def test_the_origin_of_these_tests_is_a_member_s() -> None:
    assert LOG.name == ORIGIN
