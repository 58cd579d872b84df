"""Who outside the bloc may ask this node for data: the file `concordat/partners@1`, read strictly.

    schema: concordat/partners@1
    partners:
      - {id: IDN, key: <64 hexadecimal digits>, host: node.example.id, until: "2027-12-31"}

A partner is not a member: it has no log here, so that what it agrees to stands in its signed requests, which the
provider keeps, and in the provider's own entry. It may see and ask for what the terms of an offer give to its very id
(`decide_outside`), and anything that is TLP:CLEAR, as far as its terms go: terms that name nobody are for members. Its
data can't be proven by the membership of this bloc, and are not taken (`not_taken`). Tokens between the two name the
bloc of the receiver (`bloc` of the row, if it is another one). Source: exchange.md 5.5. Not here: claims by anybody
unlisted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError, RuleError, TrustError
from concordat.exchange._body import Day, MemberId
from concordat.exchange.dataspace.deciding import Context, Decision, Verdict, decide
from concordat.exchange.dataspace.odrl import operand_of
from concordat.ledger.keys import check_public, entry_keyid
from concordat.settings import parse_yaml, validate

LABEL = "node"
_HOST = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: MemberId
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    host: Annotated[str, Field(pattern=_HOST)]
    until: Day
    bloc: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["concordat/partners@1"] = Field(alias="schema")
    partners: Annotated[list[_Row], Field(max_length=256)]


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner.

    Attributes:
        id: as terms of offers name it. key: its node's Ed25519 key. host: of its node. until: its last day, UTC.
        bloc: that its node is of; empty: as ours.
    """

    id: str
    key: bytes
    host: str
    until: date
    bloc: str = ""

    @property
    def end(self) -> datetime:
        """The last instant at which it may ask or be given anything, UTC."""
        return datetime.combine(self.until, time.max, UTC)

    def public(self, label: str, keyid: str, today: date) -> bytes:
        """Its key, if a token names it and the partner's last day is not over.

        Raises:
            TrustError: another key or label, or its time is over.
        """
        who = f"key {keyid} ({self.id} {label}, not a member)"
        if label != LABEL or keyid != entry_keyid(self.key):
            raise TrustError(f"{who} is not in partners.yaml.", code="unknown_key")
        if today > self.until:
            raise TrustError(f"{who} was good until {self.until}.", code="key_not_valid")
        return self.key


def decide_outside(policy: Mapping[str, Any], context: Context) -> Decision:
    """What a policy says of one use by a partner.

    Of what is not TLP:CLEAR a permission counts only if it names the partner's own id: neither terms that name nobody
    nor the name of a bloc reach beyond the members.

    Args:
        policy, context: as for `decide`; the context says who asks.
    """
    if context.label == "CLEAR":
        return decide(policy, context)
    naming = [rule for rule in policy.get("permission", ()) if _names(rule.get("constraint", ()), context.member)]
    if not naming:
        why = f"{context.member} is not a member of the bloc, and no permission names it."
        return Decision(Verdict.DENY, (why,))
    return decide({**policy, "permission": naming}, context)


def not_taken(member: str, where: str = "member") -> RuleError:
    """Why data of a partner are not taken: whatever proves an offer, or an agreement, is a membership.

    A partner's node is a member of another bloc, or of none. Its entries stand under that bloc's membership, views and
    witnesses, which this node does not follow: it could verify neither who may speak for the partner today, nor that
    the partner's log says to others what it says here. What it gave would rest on a connection alone.
    """
    what = f"{member} is not a member: no membership here proves what it offered."
    hint = "It may ask for data of this node. Data of its bloc come through a member of both, or as a public catalogue."
    return RuleError(what, where=where, hint=hint, code="not_a_member")


def _names(constraints: Any, member: str | None) -> bool:
    """Whether constraints that must all hold name a member by its id."""
    for part in constraints:
        right = part.get("rightOperand")
        if operand_of(part.get("leftOperand")) == "member" and part.get("operator") in ("eq", "isAnyOf"):
            if member in (right if isinstance(right, list) else [right]):
                return True
        elif _names(part.get("and", ()), member):
            return True
    return False


def read_partners(
    text: str | bytes, members: Collection[str], *, where: str = "partners.yaml"
) -> Mapping[str, Partner]:
    """The partners of a file, by id.

    Args:
        members: ids of the bloc's members, of whom none is a partner.

    Raises:
        InputError: another form, an unknown key, an id that comes twice or is a member's. TrustError: a weak key.
    """
    document = parse_yaml(text, where=where, schema="partners@1")
    found: dict[str, Partner] = {}
    for number, row in enumerate(validate(document, _File).partners):
        place = document.place("partners", number, "id")
        if row.id in members or row.id in found:
            what = f"{row.id} is {'a member of the bloc' if row.id in members else 'listed twice'}."
            raise InputError(what, where=place, code="partner")
        public = bytes.fromhex(row.key)
        check_public(public, document.place("partners", number, "key"))
        found[row.id] = Partner(row.id, public, row.host, date.fromisoformat(row.until), row.bloc or "")
    return found
