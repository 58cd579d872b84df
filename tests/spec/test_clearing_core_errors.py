"""Bad input to the settlement core, row by row of the specification's table: what happens, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clearing_core_kit import DAY, DECISION, HOUR, A, C, D, Room, document, secret_of, trade_legs
from concordat import canonical
from concordat.clearing.core.apply import advance, build, undo
from concordat.clearing.core.instructions import parse
from concordat.clearing.core.model import BATCH_ROWS_MAX, INSTRUCTION_BYTES_MAX
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, sign
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.clearing.scheme_file import parse_scheme
from concordat.errors import ConcordatError, InputError, StateError, TrustError
from concordat.ledger.entry import Envelope

UETR, OTHER = "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11", "1f3a2b6c-2d4e-4f60-8a7b-9c0d1e2f3a4b"
CB, DB = "CCCCBRSP/BRL", "DDDDINBB/BRL"
TRANSFER: dict[str, Any] = {
    "kind": "transfer", "uetr": UETR, "member": C, "valid_from": 0, "valid_until": 1, "payer": CB, "payee": DB,
    "amount_minor": "5",
}  # fmt: skip


def refused(change: dict[str, Any], base: dict[str, Any] = TRANSFER) -> ConcordatError:
    with pytest.raises(InputError) as raised:
        parse(json.dumps({**base, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    return raised.value


# --- Amounts: refused at parse, field named ---


@pytest.mark.parametrize(
    "amount",
    ["0", "-5", "5.0", "1e3", "+5", "05", " 5", "5_0", "", "1000000000000000000", "٥", 5, 5.0, None, True, ["5"]],
)
def test_an_amount_that_is_none_is_refused_by_field(amount: object) -> None:
    error = refused({"amount_minor": amount})
    assert (error.where, error.code) == ("amount_minor", "field")


def test_the_largest_amount_is_taken() -> None:
    assert parse(canonical.dumps({**TRANSFER, "amount_minor": "9" * 18})).facts["amount_minor"] == 10**18 - 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"uetr": UETR.upper()}, "uetr"),
        ({"uetr": UETR.replace("-4b", "-1b")}, "uetr"),  # a UUID of version 1
        ({"uetr": "x"}, "uetr"),
        ({"member": "CCCC"}, "member"),
        ({"kind": "steal"}, "kind"),
        ({"kind": ["transfer"]}, "kind"),
        ({"valid_from": 1.0}, "valid_from"),
        ({"valid_from": True}, "valid_from"),
        ({"valid_until": -1}, "valid_until"),
        ({"valid_from": 2}, "valid_until"),
        ({"valid_until": 35 * DAY + 1}, "valid_until"),
        ({"payer": "CCCCBRSP"}, "payer"),
        ({"payer": "CCCCBRSP/BRL/TAG"}, "payer"),
        ({"payee": "DDDDINBB/INR"}, "payee"),
        ({"payee": CB}, "payee"),
        ({"payee": "AAAABRSP/BRL/issue"}, "payee"),
        ({"payer": "AAAABRSP/BRL/issue"}, "payer"),
        ({"priority": 4}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "1"}, "priority"),
        ({"if_short": "wait"}, "if_short"),
        ({"purpose": "goods"}, "purpose"),
        ({"payload_hash": "sha256:00"}, "payload_hash"),
        ({"obligation": "x"}, "obligation"),
        ({"note": "hello"}, "instruction"),
    ],
)
def test_a_field_that_is_not_of_its_form_is_named(change: dict[str, Any], where: str) -> None:
    assert refused(change).where == where


def test_thirty_five_days_are_allowed() -> None:
    assert parse(canonical.dumps({**TRANSFER, "valid_until": 35 * DAY})).valid_until == 35 * DAY


@pytest.mark.parametrize(
    "name", ["kind", "uetr", "member", "valid_from", "valid_until", "payer", "payee", "amount_minor"]
)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(canonical.dumps({key: value for key, value in TRANSFER.items() if key != name}))
    assert raised.value.where == name


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{", b"\xff", b'{"a":1}\n' * 3, b'{"kind":"transfer"', b"9" * 5_000,
        b"[" * 100_000, canonical.dumps(TRANSFER) + b" ", b" " + canonical.dumps(TRANSFER),
        canonical.dumps(TRANSFER).replace(b'"kind":', b'"kind":"x","kind":'),
        canonical.dumps(TRANSFER).replace(b":0,", b":0.0,"), canonical.dumps(TRANSFER).replace(b":0,", b":-0,"),
        json.dumps(TRANSFER).encode(), canonical.dumps(TRANSFER).replace(b"transfer", b"tr\\u0061nsfer"),
        canonical.dumps(TRANSFER).replace(b'"valid_from":0', b'"valid_from":NaN'),
    ],
)  # fmt: skip
def test_bytes_that_are_not_the_canonical_form_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse(data)


@pytest.mark.parametrize("kind", ["quote", "order_commit", "order_reveal"])
def test_kinds_of_a_later_version_are_named_as_such(kind: str) -> None:
    with pytest.raises(StateError, match="later version") as raised:
        parse(canonical.dumps({**TRANSFER, "kind": kind}))
    assert raised.value.code == "newer"


def rows(count: int) -> dict[str, Any]:
    uetrs = [f"00000000-0000-4000-8000-{number:012d}" for number in range(count)]
    return {"uetr": uetrs, "payee": [DB] * count, "amount_minor": ["5"] * count}


BATCH = {key: TRANSFER[key] for key in ("uetr", "member", "valid_from", "valid_until", "payer")} | {
    "kind": "transfer_batch",
    "rows": rows(3),
}


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("amount_minor", ["5", "0", "5"], "in row 1"),
        ("amount_minor", ["5", "5,5", "5"], "in row 1"),
        ("amount_minor", ["5", 5, "5"], "in row 1"),
        ("amount_minor", ["5", "5"], "equal length"),
        ("uetr", [UETR, OTHER, UETR], "row 2 stands twice"),
        ("uetr", [UETR, OTHER, OTHER + "," + OTHER], "in row 2"),
        ("payee", [DB, "nobody", DB], "an account"),
        ("payee", [DB, None, DB], "an account"),
    ],
)
def test_a_bad_row_of_a_batch_is_named(column: str, value: list[Any], said: str) -> None:
    error = refused({"rows": {**rows(3), column: value}}, BATCH)
    assert said in error.what
    assert error.where == "rows"


def test_a_batch_has_8000_rows_at_most() -> None:
    assert len(parse(canonical.dumps({**BATCH, "rows": rows(BATCH_ROWS_MAX)})).facts["rows"].uetr) == 8_000
    assert "1 to 8,000 rows" in refused({"rows": rows(BATCH_ROWS_MAX + 1)}, BATCH).what


def test_an_instruction_beyond_64_kilobytes_is_refused_with_bound_and_size() -> None:
    change = {**TRANSFER, "kind": "member_add", "lei": "x" * INSTRUCTION_BYTES_MAX}
    error = refused(change)
    assert "over 65,536" in error.what
    assert error.code == "full"


# --- Overdraft and limits: need, have and the limit's owner; no balance of another shows ---


def test_an_overdraft_says_need_and_have() -> None:
    room = Room()
    room.fund(CB, 100)
    one = room.block(room.transfer(CB, DB, 101))[0]
    assert (one.code, one.facts["need"], one.facts["have"]) == ("insufficient_funds", "101", "100")


@pytest.mark.parametrize(("member", "owner"), [(C, "owner"), (A, "issuer")])
def test_a_limit_says_whose_it_is(member: str, owner: str) -> None:
    room = Room()
    room.fund(CB, 100)
    room.code("limit_set", member, account=CB, limit="day_out", amount_minor="10")
    room.pay(CB, DB, 4)
    one = room.block(room.transfer(CB, DB, 7))[0]
    shown = {key: one.facts[key] for key in ("code", "need", "have", "limit", "limit_owner")}
    assert shown == {"code": "over_limit", "need": "7", "have": "6", "limit": "day_out", "limit_owner": owner}


def test_balances_of_others_never_show() -> None:
    """The payee's balance is a number that appears nowhere; it stands in no receipt that names another's act."""
    room = Room()
    room.fund(CB, 100)
    room.fund(DB, 987_654_321)
    room.fund("DDDDINBB/INR", 876_543_219)
    legs = trade_legs(C, D, 101, 876_543_220)  # neither can pay
    said = [room.transfer(CB, DB, 5), room.transfer(CB, DB, 101), room.say("trade", C, trade_id="T", legs=legs)]
    room.block(*said)
    room.block(room.say("trade", D, trade_id="T", legs=legs))
    told = b"".join(leaf for leaves in room.leaves[-2:] for leaf in leaves)
    assert b"987654" not in told
    assert b"876543219" not in told


# --- A resend after a lost answer ---


def test_a_resend_gets_the_first_receipt_again() -> None:
    host = MemoryHost(Scheme.from_document(document()))
    room = Room()
    one = room.say("issue", A, currency="BRL", amount_minor="5")
    assert host.submit(one) is None
    host.step(room.now + 1)
    again = host.submit(one)
    assert again is not None
    assert (again.code, again.repeat, again.block_hash) == ("settled", True, host.blocks[0].hash)
    assert len(host.step(room.now + 2)) == 0  # nothing was taken a second time


def test_a_resend_of_a_batch_gets_all_its_receipts_again() -> None:
    room = Room()
    room.fund(CB, 100)
    one = room.batch(CB, [(DB, 3), (DB, 4)])
    first, again = room.block(one), room.block(one)
    assert [r.code for r in first] == ["processed", "settled", "settled"]
    assert [{**r.facts} for r in again] == [{**r.facts, "repeat": True} for r in first]
    assert room.balance(DB) == 7


# --- Wrong key, revoked key, unknown member ---


def stranger(room: Room, member: str, key: int = 0) -> Signed:
    facts = {**TRANSFER, "member": member, "valid_from": room.now, "valid_until": room.now + HOUR}
    return sign(canonical.dumps(facts), [secret_of(member, key)], "test-room")


@pytest.mark.parametrize(
    ("member", "key", "code", "said"),
    [
        ("YYYYBRSP", 0, "bad_member", "YYYYBRSP is not a member"),
        (C, 5, "wrong_key", "which is none of CCCCBRSP"),
    ],
)
def test_a_stranger_is_not_trusted(member: str, key: int, code: str, said: str) -> None:
    room = Room()
    host = MemoryHost(room.scheme)
    with pytest.raises(TrustError, match=said) as raised:
        host.submit(stranger(room, member, key))
    assert raised.value.code == code
    assert raised.value.exit_code == 5


def test_a_revoked_key_is_named_with_the_heights_at_which_it_counted() -> None:
    room = Room()
    room.code("key_rotate", C, bic8=C, public=secret_of(C, 1).public.hex(), from_height=3)
    host = MemoryHost(room.scheme)
    for block in room.blocks:
        host.finalise(block)
        host.commit()
    host.submit(room.transfer(CB, DB, 5))  # at height 2 the old key counts
    host.step(room.now + 1)
    with pytest.raises(TrustError, match=r"counts from height 0 to 2, not at 3") as raised:
        host.submit(room.transfer(CB, DB, 5))
    host.submit(room.say("transfer", C, key=1, payer=CB, payee=DB, amount_minor="5"))
    assert raised.value.code == "revoked_key"


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_flipped_byte_of_a_signature_is_refused(place: int) -> None:
    room = Room()
    one = room.say("issue", A, currency="BRL", amount_minor="5")
    keyid, signature = one.signatures[0]
    wrong = bytes(b ^ (i == place) for i, b in enumerate(signature))
    envelope = Envelope(
        "application/vnd.concordat.clearing+json; v=1; scheme=test-room", one.payload, ((keyid, wrong),)
    )
    with pytest.raises(TrustError):
        MemoryHost(room.scheme).submit(Signed.read(envelope.to_bytes(), "test-room"))


def test_what_was_signed_for_another_scheme_is_refused() -> None:
    room = Room()
    one = room.say("issue", A, currency="BRL", amount_minor="5")
    pilot = sign(one.payload, [secret_of(A)], "pilot")
    with pytest.raises(InputError, match="payload type"):
        Signed.read(pilot.data, "test-room")
    with pytest.raises(InputError, match="signed for the scheme pilot"):
        MemoryHost(room.scheme).submit(pilot)


def test_a_signature_of_nobody_concerned_is_refused() -> None:
    room = Room()
    one = room.say("issue", A, D, currency="BRL", amount_minor="5")
    with pytest.raises(TrustError, match="belongs to nobody concerned"):
        MemoryHost(room.scheme).submit(one)


# --- Clock skew ---


def test_what_ran_out_is_told_with_the_time_of_the_block() -> None:
    room = Room()
    one = room.transfer(CB, DB, 5, valid_until=room.now)
    told = room.block(one, after=9)[0]
    assert (told.code, told.facts["block_time"]) == ("expired", str(room.now))


def test_a_host_refuses_it_at_the_door_once_a_later_block_is_known() -> None:
    room = Room()
    host = MemoryHost(room.scheme)
    host.step(room.now + 10)
    with pytest.raises(InputError, match="the last block's time") as raised:
        host.submit(room.transfer(CB, DB, 5, valid_until=room.now))
    assert raised.value.code == "expired"


# --- Trade terms differ ---


@pytest.mark.parametrize(
    ("change", "field"),
    [((0, "amount_minor", "6"), "legs[0].amount_minor"), ((1, "payee", "CCCCBRSP/INR/fx"), "legs[1].payee")],
)
def test_both_sides_are_told_the_field_and_nothing_else(change: tuple[int, str, str], field: str) -> None:
    room = Room()
    room.fund(CB, 100)
    room.fund("CCCCBRSP/INR", 100)
    room.pay("CCCCBRSP/INR", "CCCCBRSP/INR/fx", 1)
    legs = trade_legs(C, D, 5, 50)
    other = [dict(leg) for leg in legs]
    other[change[0]][change[1]] = change[2]
    room.block(room.say("trade", C, trade_id="T1", legs=legs))
    found = room.block(room.say("trade", D, trade_id="T1", legs=other))
    assert [(r.code, r.facts["field"]) for r in found] == [("trade_mismatch", field)] * 2
    assert {frozenset(r.facts) for r in found} == {
        frozenset(("code", "field", "height", "index", "kind", "member", "trade_id", "uetr"))
    }
    assert room.state.trade == {}


# --- A block that is not what the rules give ---


def tampered(name: str, value: Any) -> tuple[Room, Any]:
    from dataclasses import replace

    room = Room()
    room.fund(CB, 100)
    block, applied = build(room.state, room.now + 1, [room.transfer(CB, DB, 5), room.transfer(CB, DB, 6)])
    undo(room.state, applied)
    return room, replace(block, header=replace(block.header, **{name: value}))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("height", 9, "chain"), ("previous", "ab" * 32, "chain"), ("time_ms", 5, "time"), ("scheme", "ab" * 32,
        "scheme"), ("instructions_root", "ab" * 32, "instructions_root"), ("receipts_root", "ab" * 32, "receipts_root"),
        ("state_root", "ab" * 32, "state_root"),
    ],
)  # fmt: skip
def test_a_header_that_differs_is_refused_and_leaves_no_trace(name: str, value: Any, code: str) -> None:
    room, block = tampered(name, value)
    root = room.state.root()
    with pytest.raises((TrustError, InputError)) as raised:
        advance(room.state, block)
    assert raised.value.code == code
    assert (room.state.root(), room.state.height) == (root, 2)


def test_another_order_or_a_doubled_instruction_is_refused() -> None:
    from dataclasses import replace

    room, block = tampered("height", 3)
    with pytest.raises(TrustError, match="another order"):
        advance(room.state, replace(block, instructions=block.instructions[::-1]))
    with pytest.raises(InputError, match="stands twice"):
        advance(room.state, replace(block, instructions=block.instructions[:1] * 2))


# --- The scheme file ---

SCHEME = """schema: concordat/scheme@1
scheme: brics-clear
version: 3
currencies:
  BRL: {issuer: AAAABRSP, hours_utc: "00:00-24:00", lines: issuer, day_close_utc: "21:00"}
  INR: {issuer: BBBBINBB, hours_utc: "03:30-18:30", lines: issuer, day_close_utc: "18:30"}
members:
  - {bic8: CCCCBRSP, lei: "00000000000000000000", currencies: [BRL, INR], supervisor: AAAABRSP}
keys:
  AAAABRSP: "%s"
  BBBBINBB: "%s"
  CCCCBRSP: "%s"
corridors:
  - id: br-in
    from: "BR"
    to: "IN"
    pairs: [BRL/INR]
    hours_utc: "03:30-18:30"
    cap_minor: {BRL: "10000000000"}
    purposes: [GDDS, SCVE]
    fx_band_bp: 200
    fee_bp: 1
validators: {members: [AAAABRSP, BBBBINBB], timeout_ms: 300}
finality: {moment: commit_certificate, clause: "annex B, article 4"}
lsm: {mode: bypass, every_s: 30, classes: 3, age_certificates: 20, haircut_bp: 800}
holds: {max_hours: 72, on_expiry: reject}
messages: {pacs.008: ["001.08"]}
rules: {B11: {days_ahead: 10}, B16: on}
travel_rule: {threshold: {BRL: "100000"}}
privacy: {recipients: [banks, central_banks, issuer]}
"""
for _place, _bic8 in enumerate((A, "BBBBINBB", C)):
    SCHEME = SCHEME.replace('"%s"', f'"{secret_of(_bic8).public.hex()}"', 1)


def test_the_scheme_of_the_specification_is_read_and_its_drafts_and_gaps_are_told() -> None:
    scheme = parse_scheme(SCHEME, where="scheme.yaml")
    assert (scheme.name, scheme.version, scheme.draft, scheme.mode) == ("brics-clear", 3, True, "bypass")
    assert scheme.hash == canonical.digest(dict(scheme.document))
    told = " ".join(scheme.warnings)
    assert "draft" in told
    assert "fee_bp is kept" in told
    assert "validators are in BR" in told
    assert State.genesis(scheme).root() == State.genesis(parse_scheme(SCHEME, where="again.yaml")).root()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("lsm: {mode", "lsm: {mood", 25, 'Did you mean "mode"?'),
        ("issuer: AAAABRSP, ", "", 5, "the currency has no issuer"),
        ("issuer: AAAABRSP,", "issuer: [AAAABRSP, BBBBINBB],", 5, "one issuer"),
        ("  BRL: {issuer", "  XAU: {issuer", 5, "without minor units"),
        ("  BRL: {issuer", "  BRX: {issuer", 5, "BRX"),
        ('cap_minor: {BRL: "10000000000"}', "cap_minor: {BRL: 10000000000}", 19, "Put quotes around it"),
        ('hours_utc: "00:00-24:00"', 'hours_utc: "00:00-25:00"', 5, "not a window"),
        ('lei: "00000000000000000000"', 'lei: "00000000000000000001"', None, None),
        ('lei: "00000000000000000000"', 'lei: "00000000000000000002"', 8, "check digits"),
        ("supervisor: AAAABRSP", "supervisor: CCCCBRSP", 8, "issues no currency"),
        ("pairs: [BRL/INR]", "pairs: [BRL/IMR]", 17, 'Did you mean "INR"?'),
        ("mode: bypass", "mode: fifo", 25, "bypass, strict_fifo"),
        ("on_expiry: reject", "on_expiry: release", 26, "nothing is released by silence"),
        ("version: 3", "version: three", 3, "whole number"),
        ("schema: concordat/scheme@1", "schema: concordat/scheme@2", 1, "must be concordat/scheme@1"),
        ("  CCCCBRSP: \"", "  CCCDBRSP: \"", 12, 'Did you mean "CCCCBRSP"?'),
        ("bic8: CCCCBRSP", "bic8: CCCCXXSP", 8, "not a country"),
    ],
)  # fmt: skip
def test_a_fault_in_a_scheme_is_named_with_its_line(old: str, new: str, line: int | None, said: str | None) -> None:
    assert old in SCHEME
    text = SCHEME.replace(old, new)
    if said is None:  # 1 modulo 97: the check digits fit
        assert parse_scheme(text, where="scheme.yaml").members[C].lei.endswith("1")
        return
    with pytest.raises(InputError) as raised:
        parse_scheme(text, where="scheme.yaml")
    assert raised.value.where == f"scheme.yaml, line {line}"
    assert said in str(raised.value)


RATES = {"name": "fix-a", "unit": "USD", "denominator": "1000", "numerators": {"BRL": "200", "INR": "20"}}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": "Fix A"}, "$.lsm.rates.name"), ({"unit": "QQQ"}, "$.lsm.rates.unit"),
        ({"unit": 5}, "$.lsm.rates.unit"),
        ({"denominator": "0"}, "$.lsm.rates.denominator"), ({"denominator": 1000}, "$.lsm.rates.denominator"),
        ({"numerators": {}}, "$.lsm.rates.numerators"), ({"numerators": {"BRL": 200}}, "$.lsm.rates.numerators.BRL"),
        ({"numerators": {"BRL": "0.2"}}, "$.lsm.rates.numerators.BRL"),
        ({"numerators": {"CNY": "1"}}, "$.lsm.rates.numerators.CNY"), ({"rate": "1"}, "$.lsm.rates.rate"),
    ],
)  # fmt: skip
def test_a_fault_in_the_rates_of_a_scheme_is_named(change: dict[str, Any], where: str) -> None:
    assert Scheme.from_document(document(lsm={"mode": "bypass", "rates": RATES})).rates is not None
    with pytest.raises(InputError) as raised:
        Scheme.from_document(document(lsm={"mode": "bypass", "rates": {**RATES, **change}}))
    assert raised.value.where == where


@pytest.mark.parametrize("public", ["00" * 32, "01" + "00" * 31, "ff" * 32, secret_of(A).public.hex()])
def test_weak_and_doubled_keys_are_refused_at_enrolment(public: str) -> None:
    bad = document()
    bad["keys"][C] = public
    with pytest.raises(InputError) as raised:
        Scheme.from_document(bad)
    assert raised.value.code in ("weak_key", "same_key")


def test_a_weak_key_is_refused_in_a_rotation_too() -> None:
    room = Room()
    told = room.receipt("key_rotate", C, bic8=C, public="00" * 32, from_height=9)
    assert (told.code, told.facts["why"]) == ("bad_change", "weak_key")


# --- Certificates ---


def test_a_stale_certificate_is_refused_whole_with_its_reason() -> None:
    room = Room()
    room.fund(CB, 10)
    certificate = {
        "problem": "divisible", "currency": "BRL", "height": 1, "state_root": "ab" * 32, "register_root": "ab" * 32,
        "set_off": {}, "potentials": {}, "gained_minor": "0",
    }  # fmt: skip
    told = room.receipt("settle", A, certificate=certificate)
    assert (told.code, told.facts["check"]) == ("certificate_refused", "stale")


def test_a_certificate_of_an_unknown_problem_is_refused_by_name() -> None:
    room = Room()
    told = room.receipt("settle", A, certificate={"problem": "quotes"})
    assert (told.code, told.facts["check"]) == ("certificate_refused", "problem")


def test_a_scheme_change_needs_the_decision_it_names() -> None:
    room = Room()
    facts = {"from_height": 9, "decision": "sha256:" + "00" * 32}
    told = room.receipt(
        "scheme_change", A, "BBBBINBB", "EEEEZAJJ", document=document(version=2, decision=DECISION), **facts
    )
    assert (told.code, told.facts["why"]) == ("bad_change", "other_decision")
