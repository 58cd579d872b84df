"""`concordat exchange get`: data of another member, on terms that both sides sign."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import HOME, JSON, home_of, plain, print_json
from concordat.errors import InputError

OPS_LISTEN = typer.Option(
    None, "--ops-listen", help="Where the running node takes orders; default: as in its settings."
)
AS = typer.Option("", "--as", help="The member whose node asks; default: whoever's node it is.")
SPARE_S = 60.0


def get(
    member: str = typer.Argument(..., help="The member that offers it, as BRA."),
    dataset: str = typer.Argument(..., help="The dataset's id in that member's catalogue, or its urn:uuid."),
    purpose: list[str] = typer.Option([], "--purpose", help="statistics, research, supervision, incident-response."),
    residency: list[str] = typer.Option([], "--residency", help="A country in which the data will be kept."),
    onward: str = typer.Option("", "--onward", help="none, members or public; default: the offer's, else none."),
    push: bool = typer.Option(False, "--push", help="Have that member's node send the files to this one."),
    out: Path = typer.Option(None, "--out", "-o", help="A folder to copy the files into."),
    wait: float = typer.Option(120.0, "--wait", min=1, max=3_600, help="Seconds to wait for each answer."),
    speaker: str = AS,
    home: Path = HOME,
    ops_listen: str = OPS_LISTEN,
    json: bool = JSON,
) -> None:
    """Agree with a member on a dataset's terms, get it, and verify its checksum and proof; this node must run."""
    wanted = {
        "dataset": dataset, "member": member, "onward": onward, "purpose": purpose, "push": push,
        "residency": residency, "wait_s": wait,
    }  # fmt: skip
    found = _order("get", wanted, speaker, home, ops_listen, 4 * wait + 3_600)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file in found["files"]:
            target = out / Path(file["path"]).name
            shutil.copyfile(file["path"], target)
            file["path"] = str(target)
    if json:
        print_json(found)
        return
    for line in _lines(found):
        print(plain(line))


def _lines(found: dict[str, Any]) -> list[str]:
    short = found["agreement"].removeprefix("urn:uuid:")[:4]
    witnesses = len(found["witnesses"])
    proof = f"log proof holds ({found['offered']}, {witnesses} witness{'es' if witnesses != 1 else ''})"
    if found["pending"]:
        proof = f"signed by its author ({found['offered']}), not witnessed by a quorum yet: {found['pending']}"
    agreed = f"agreed and final {found['agreed_s']:.1f} s (agreement {short}.., both signed)"
    if found["again"]:
        agreed = f"agreement {short}.. of {found['agreed_at'][:10]} used again, final and still permitting"
    how = "pushed to this node " if found.get("pushed") else ""
    came = f"{found['bytes']:,} bytes {how}{found['pulled_s']:.1f} s  checksum equal"
    first = f"catalogue {found['catalogue_s']:.1f} s  {agreed}  {came}  {proof}"
    lines = [first, *(file["path"] for file in found["files"])]
    lines.append(f"Kept by the software: {'; '.join(found['enforced']) or 'nothing'}.")
    lines.append(f"You promised: {'; '.join(found['promised']) or 'nothing'}.")
    unknown = f" Outside our profile: {'; '.join(found['not_enforced'])}." if found["not_enforced"] else ""
    lines.append(f"Not enforced by software: purpose, place, deletion, onward sharing.{unknown}")
    return lines


def _order(
    name: str, wanted: dict[str, Any], speaker: str, home: Path | None, ops_listen: str, timeout_s: float
) -> dict[str, Any]:
    """Give the running node an order; it must be the node of the folder and of the member that were named."""
    from concordat.node.exchange_service import SECRET
    from concordat.node.identity import read_identity
    from concordat.node.ops_client import order
    from concordat.node.settings import NodeSettings

    place = home_of(home)
    identity = read_identity(place)
    if speaker and identity.member != speaker:
        what = f"this node is {identity.member}'s, not {speaker}'s."
        raise InputError(what, where="--as", hint="Name another --home.", code="who")
    secret = place / SECRET
    if not secret.is_file():
        hint = "Start it: concordat node serve"
        from concordat.errors import StateError

        raise StateError("the exchange of this node never ran.", where=str(place), hint=hint, code="not_running")
    address = NodeSettings.load({"ops_listen": ops_listen}).ops_address
    return order(address, f"/exchange/{name}", secret.read_text(encoding="utf-8").strip(), wanted, timeout_s)
