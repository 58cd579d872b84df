"""`concordat node abci`: the node as the application of a consensus engine (docs/how-to/run-under-cometbft.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import HOME, JSON, home_of, plain, print_json
from concordat.errors import InputError

MB = 2**20


def abci(
    listen: str = typer.Option(
        "tcp://127.0.0.1:26658", "--listen", help="Where the engine finds this; or unix://PATH."
    ),
    rpc: str = typer.Option(
        "http://127.0.0.1:26657", "--rpc", help="The engine's RPC; none: neither feed nor certify."
    ),
    snapshot_every: int = typer.Option(1_000, "--snapshot-every", min=1, help="Heights between two snapshots."),
    frame_mb: int = typer.Option(16, "--frame-mb", min=1, max=1_024, help="The largest frame taken, in MiB."),
    genesis: bool = typer.Option(False, "--genesis", help="Print app_state for the engine's genesis.json, and stop."),
    verify: bool = typer.Option(False, "--verify", help="Verify the engine's ledger on this disk, and stop."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Order the bloc's entries by an ABCI 2.0 engine: answer it until stopped; needs the extra [abci]."""
    if genesis and verify:
        raise InputError("choose one of them.", where="--genesis, --verify", code="options")
    place = home_of(home)
    if genesis:
        from concordat.node.abci_stage import read_chain
        from concordat.node.sequencer_abci import app_state

        print_json(app_state(read_chain(place)[1]))
    elif verify:
        _verify(place, json)
    else:
        _serve(place, listen, "" if rpc == "none" else rpc, snapshot_every, frame_mb * MB)


def _verify(place: Path, json: bool) -> None:
    from concordat.node.abci_stage import EngineStage, verify_engine

    with EngineStage(place, None) as stage:
        ledger = stage.application.ledger
        facts: dict[str, Any] = verify_engine(ledger)
        head = ledger.head() if ledger.genesis is not None else {}
    if json:
        print_json({**facts, "head": head})
        return
    if not head:
        print("No engine has begun a chain here yet.")
        return
    counted = f"{facts['batches']:,} batches, {facts['entries']:,} entries"
    print(f"{head['origin']}: good to height {head['height']:,}, {counted}.")
    wanted = facts["certified"] + facts["uncertified"]
    print(
        f"Signed headers: {facts['certified']:,} of {wanted:,} here and verified. App hash {head['app_hash'][:16]}..."
    )


def _serve(place: Path, listen: str, rpc: str, every: int, frame_bytes: int) -> None:
    import asyncio

    from concordat.node.abci import Address, Limits
    from concordat.node.abci_rpc import EngineRpc
    from concordat.node.abci_schema import messages
    from concordat.node.abci_stage import EngineStage, serve

    address = Address.parse(listen)
    messages()
    with EngineStage(place, EngineRpc(rpc) if rpc else None, every, _report) as stage:
        ledger = stage.application.ledger

        def ready(found: Address) -> None:
            where = f"{ledger.origin}, height {ledger.height:,}" if ledger.genesis else "no chain yet"
            print(f"Node {stage.member} of {stage.chain.last.bloc} answers an engine on {found}: {where}.", flush=True)

        async def main() -> None:
            stop = asyncio.Event()
            _on_signals(stop)
            await serve(stage, address, stop, Limits(frame_bytes=frame_bytes), ready, _report)

        asyncio.run(main())
        print(f"Stopped at height {stage.application.ledger.height:,}.")


def _on_signals(stop: Any) -> None:
    """SIGTERM and Ctrl-C finish the call that is running."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _report(words: str) -> None:
    print(f"concordat: {plain(words)}", file=sys.stderr, flush=True)


def register(app: typer.Typer) -> None:
    """Add the command to `concordat node`."""
    app.command()(abci)
