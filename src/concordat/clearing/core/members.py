"""Who may take part, with which keys, under which scheme: changes take force from a stated later height, never before.

A member is added, suspended or let go by its supervisor (an issuer), with the hash of the council's decision. A member
may leave by itself. A key is rotated by the member or, if it is lost, by its supervisor. The scheme is changed by a
quorum of its validators' signatures; the new document must name the same decision. A suspended member neither pays nor
is paid; one that left may still pay, so that it can run its balance down, and is paid no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from concordat import canonical
from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import Key, Member, Waiting
from concordat.clearing.core.run import Fault, Run, fault
from concordat.clearing.core.scheme import Scheme, check_country, check_lei
from concordat.errors import ConcordatError
from concordat.ledger.keys import check_public


def _late(run: Run, said: Instruction) -> Fault | None:
    return None if said.facts["from_height"] > run.height else fault("back_dated", need=run.height + 1)


def _key_fault(run: Run, public: str) -> Fault | None:
    """Whether a key is weak, or is or was anybody's."""
    try:
        check_public(bytes.fromhex(public))
    except ConcordatError:
        return fault("bad_change", why="weak_key")
    taken = any(key.public == public for member in run.state.member.values() for key in member.keys)
    taken = taken or public in _coming(run).values()
    return fault("bad_change", why="key_in_use") if taken else None


def _coming(run: Run) -> Mapping[str, str]:
    """Members and keys of the scheme that waits for its height."""
    waiting = run.state.waiting.get("scheme")
    found: Mapping[str, str] = canonical.loads(waiting.document)["keys"] if waiting else {}
    return found


def member_add(run: Run, said: Instruction) -> None:
    """Admit a member under the signing issuer's supervision."""
    state, facts = run.state, said.facts
    issuers = {currency.issuer for currency in state.scheme.currencies.values()}
    found = fault("not_issuer") if said.member not in issuers else _late(run, said)
    if found is None and (facts["bic8"] in state.member or facts["bic8"] in _coming(run)):
        found = fault("bad_change", why="known_member")
    if found is None and any(code not in state.scheme.currencies for code in facts["currencies"]):
        found = fault("bad_change", why="unknown_currency")
    found = found or _key_fault(run, facts["public"])
    if found is None:
        try:
            check_country(facts["bic8"], ("bic8",))
            check_lei(facts["lei"], ("lei",))
        except ConcordatError:
            found = fault("bad_change", why="lei_or_country")
    if found is not None:
        return run.refuse(said, found, {"bic8": facts["bic8"]})
    since = facts["from_height"]
    keys = (Key(facts["public"], since, None),)
    state.put(
        state.member,
        facts["bic8"],
        Member(facts["bic8"], facts["lei"], said.member, tuple(facts["currencies"]), keys, since),
    )
    return run.done(said, "accepted", {"bic8": facts["bic8"]})


def _member(run: Run, said: Instruction, *, itself: bool) -> Member | Fault:
    """The member to be changed, if the signer may change it."""
    found: Member | None = run.state.member.get(said.facts["bic8"])
    if found is None:
        return fault("bad_member", bic8=said.facts["bic8"])
    if said.member != found.supervisor and not (itself and said.member == found.bic8):
        return fault("not_issuer")
    if found.bic8 in {c.issuer for c in run.state.scheme.currencies.values()} and said.kind != "key_rotate":
        return fault("bad_change", why="issuer")
    return _late(run, said) or found


def member_suspend(run: Run, said: Instruction) -> None:
    """Suspend a member from a height on."""
    found = _member(run, said, itself=False)
    if isinstance(found, Fault):
        return run.refuse(said, found)
    if found.suspended is not None:
        return run.refuse(said, fault("bad_change", why="suspended_already"))
    run.state.put(run.state.member, found.bic8, found._replace(suspended=said.facts["from_height"]))
    return run.done(said, "accepted", {"bic8": found.bic8})


def member_leave(run: Run, said: Instruction) -> None:
    """Let a member go from a height on."""
    found = _member(run, said, itself=True)
    if isinstance(found, Fault):
        return run.refuse(said, found)
    if found.leaves is not None:
        return run.refuse(said, fault("bad_change", why="leaves_already"))
    run.state.put(run.state.member, found.bic8, found._replace(leaves=said.facts["from_height"]))
    return run.done(said, "accepted", {"bic8": found.bic8})


def key_rotate(run: Run, said: Instruction) -> None:
    """Give a member another key from a height on; the one in force ends there."""
    found = _member(run, said, itself=True)
    wrong = found if isinstance(found, Fault) else _key_fault(run, said.facts["public"])
    if isinstance(found, Fault) or wrong is not None:
        assert wrong is not None
        return run.refuse(said, wrong)
    height = said.facts["from_height"]
    if any(key.since >= height or (key.until or 0) > run.height for key in found.keys):
        return run.refuse(said, fault("bad_change", why="key_change_waits"))
    keys = tuple(key._replace(until=height) if key.until is None else key for key in found.keys)
    run.state.put(run.state.member, found.bic8, found._replace(keys=(*keys, Key(said.facts["public"], height, None))))
    return run.done(said, "accepted", {"bic8": found.bic8})


def scheme_change(run: Run, said: Instruction, signers: Iterable[str]) -> None:
    """Take another scheme from a height on."""
    state = run.state
    agreeing = sum(1 for bic8 in set(signers) if bic8 in state.scheme.validators)
    found = fault("not_quorum", need=state.scheme.quorum, have=agreeing) if agreeing < state.scheme.quorum else None
    found = found or _late(run, said) or _change_fault(run, said)
    if found is not None:
        return run.refuse(said, found)
    document = canonical.dumps(said.facts["document"]).decode()
    state.put(state.waiting, "scheme", Waiting(said.facts["from_height"], document))
    return run.done(said, "accepted")


def _change_fault(run: Run, said: Instruction) -> Fault | None:
    state = run.state
    if "scheme" in state.waiting:
        return fault("bad_change", why="scheme_change_waits")
    try:
        new = Scheme.from_document(said.facts["document"])
    except ConcordatError as error:
        return fault("bad_change", why="document", where=error.where[:80])
    old = state.scheme
    why = ""
    if new.name != old.name or new.version <= old.version:
        why = "name_or_version"
    elif new.decision != said.facts["decision"]:
        why = "other_decision"
    for code, currency in old.currencies.items():
        if code not in new.currencies or new.currencies[code].issuer != currency.issuer:
            why = why or "issuer_lost"
    for bic8, public in new.keys.items():
        known = state.member.get(bic8)
        if known is None and _key_fault(run, public) is not None:
            why = why or "key_in_use"
        if known is not None and not any(
            key.public == public and (key.until is None or key.until > run.height) for key in known.keys
        ):
            why = why or "key_of_member"  # keys change by `key_rotate` alone
    return fault("bad_change", why=why) if why else None


def take_force(run: Run) -> None:
    """Adopt the scheme whose height has come; what waits is looked at under the new rules."""
    state = run.state
    waiting = state.waiting.get("scheme")
    if waiting is not None and waiting.height <= run.height:
        state.drop(state.waiting, "scheme")
        state.adopt(Scheme.from_document(canonical.loads(waiting.document)), run.height)
        run.wake_all()
