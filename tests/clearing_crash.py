"""Cut the power under the SQLite host at every write and flush of a run, and let every one of them fail.

    python tests/clearing_crash.py --steps 200 --write     # the long form; the tests run a short one

Four trials, all exhaustive over the run:

- *cuts*: the run is recorded by `faultfile`; behind every call to the disk, in every way that `faultfile` knows, the
  files that would be found are written out and the host is started on them. It must start, at a height that is no
  lower than what was acknowledged and at most one block higher, with the very root, receipts and ids of that height;
  then it takes the next block.
- *failures*: every single write and flush of every block fails once (half written, disk full, failed flush). The host
  must say so, do nothing more, not touch the disk again, and be found whole by the next start.
- *restarts*: the process is killed behind every call, and started again on what it left unflushed; what the new one
  tells must survive a power cut right behind it.
- *kills*: a process that writes block after block is killed (SIGKILL) as soon as it acknowledged each height in turn.

Blocks are made from `simulate.operations`; the log is moved into the file every few pages, so that moving it is cut
too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from concordat.clearing.core.apply import Block
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, operations, world
from concordat.errors import ConcordatError, StateError
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.faultfile import FAILURES, FaultDisk, Step, cuts, unflushed
from concordat.node.clearing.sqlite import SqliteHost, SqliteStore

FILES = ("ledger.db", "ledger.db-wal", "ledger.db-journal")
PAGES = 40  # of the log, before they are moved into the file


class Run:
    """A run of blocks, made once in memory: what must be found at each height.

    Attributes:
        blocks: from height 1 on. roots: by height, that of 0 first. leaves: receipts by height from 1 on.
    """

    def __init__(self, steps: int, seed: int = 11) -> None:
        host = MemoryHost(world().scheme, accept_all)
        self.blocks: list[Block] = []
        self.roots, self.leaves = [host.state_root()], [[]]
        for turn in operations(seed, 10**9, look=lambda: host.state, real_signatures=False, a_turn=8):
            for signed in turn.instructions:
                try:
                    host.submit(signed)
                except ConcordatError:
                    continue
            self.leaves.append(list(host.step(turn.time_ms).leaves))
            self.blocks.append(host.blocks[-1])
            self.roots.append(host.state_root())
            if len(self.blocks) == steps:
                break


def store_on(disk: FaultDisk, path: Path, **options: Any) -> SqliteStore:
    """A store on a disk that can fail."""
    import apsw

    failures = (sqlite3.Error, apsw.Error)
    return SqliteStore(
        path, create=True, checkpoint_pages=PAGES, connecting=disk.connecting, failures=failures, **options
    )


def record(run: Run, folder: Path, state_every: int) -> FaultDisk:
    """Write the run, and note every call to the disk and every acknowledgement."""
    disk = FaultDisk()
    host = DurableHost(store_on(disk, folder / "ledger.db"), world().scheme, accept_all, state_every)
    disk.said(b"0")
    for block in run.blocks:
        host.finalise(block)
        host.commit()
        disk.said(str(block.header.height).encode())
    host.close()
    return disk


def in_memory() -> str | None:
    """Where files are laid out: nothing there has to be durable, and a folder in memory is faster."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def lay_out(files: dict[str, bytes], folder: Path) -> Path:
    """Write files into an emptied folder; the database among them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / "ledger.db"


def check_found(run: Run, path: Path, said: int, *, go_on: bool) -> int:
    """Start the host on what is there: everything acknowledged is there, the rest is whole or absent; its height.

    Raises:
        AssertionError: it is not so. ConcordatError: the host does not start.
    """
    host = SqliteHost(path, world().scheme, verify_signatures=accept_all)
    try:
        height = host.height
        assert said <= height <= said + 1, f"{said} was acknowledged, {height} is there"
        assert host.state_root() == run.roots[height] == host.state.root(), f"another root at {height}"
        if height:
            assert host.block_leaves(height) == run.leaves[height], f"other receipts at {height}"
            for leaf in run.leaves[height][-1:]:
                facts = json.loads(leaf)
                assert facts in [one.facts for one in host.receipt(facts["uetr"])], "a receipt is not found by its id"
        if go_on and height < len(run.blocks):
            host.finalise(run.blocks[height])
            assert host.commit() == run.roots[height + 1]
    finally:
        host.close()
    return height


def trial_cuts(run: Run, folder: Path, state_every: int = 1) -> dict[str, int]:
    """Every power cut of the run."""
    recording = folder / "recording"
    recording.mkdir()
    disk = record(run, recording, state_every)
    counts = {"calls": sum(step.kind != "said" for step in disk.steps), "cuts": 0, "starts": 0}
    known: set[tuple[bytes, int]] = set()
    for cut in cuts(disk.steps):
        counts["cuts"] += 1
        said = int(cut.said[-1]) if cut.said else -1
        mark = sha256(
            b"".join(name.encode() + b"\0" + sha256(data).digest() for name, data in sorted(cut.files.items()))
        )
        key = (mark.digest(), said)
        if key in known:  # the same files and the same promise were tried before
            continue
        known.add(key)
        counts["starts"] += 1
        path = lay_out(cut.files, folder / "found")
        try:
            check_found(run, path, max(said, 0), go_on=counts["starts"] % 7 == 0)
        except Exception as error:
            raise AssertionError(
                f"cut behind call {cut.at} ({disk.steps[cut.at - 1][:3]}), {cut.way}: {error}"
            ) from error
    return counts


def trial_restarts(run: Run, folder: Path) -> dict[str, int]:
    """A killed process leaves its unflushed writes to be read: they must be flushed before the next one tells of them.

    Behind each call the files as they would be read are started on; from all calls of both processes the files behind
    a power cut are made, at the moment when the second one has told its height.
    """
    recording = folder / "recording"
    recording.mkdir()
    first = record(run, recording, 1)
    counts = {"restarts": 0, "starts": 0}
    known: set[tuple[int, bytes]] = set()
    waiting: list[Step] = []
    for at, found in groupby(cuts(first.steps), lambda cut: cut.at):
        files = {cut.way: cut.files for cut in found}
        waiting = unflushed(waiting, first.steps[at - 1])
        second = FaultDisk()
        host = DurableHost(store_on(second, lay_out(files["kept"], folder / "left")), world().scheme, accept_all)
        said = host.height
        second.said(str(said).encode())
        counts["restarts"] += 1
        for later in cuts(second.steps, files.get("lost", files["kept"]), len(second.steps), waiting):
            marks = b"".join(name.encode() + sha256(data).digest() for name, data in sorted(later.files.items()))
            if (said, marks) not in known:
                known.add((said, marks))
                check_found(run, lay_out(later.files, folder / "found"), said, go_on=False)
                counts["starts"] += 1
        host.close()
    return counts


def trial_failures(run: Run, folder: Path) -> dict[str, int]:
    """Every write and flush of every block fails once, in each way."""
    counts = {"failures": 0, "starts": 0}
    files: dict[str, bytes] = {}
    for number, block in enumerate(run.blocks):
        whole: dict[str, bytes] = {}
        for failure in FAILURES:
            for fail_at in range(1, 10_000):
                disk, left, told = _write_one(lay_out(files, folder / "failing"), block, failure, fail_at)
                if told:
                    whole = left
                    break
                counts["failures"] += 1
                for cut in cuts(disk.steps, files, behind=len(disk.steps)):
                    check_found(run, lay_out(cut.files, folder / "found"), number, go_on=False)
                    counts["starts"] += 1
        files = whole
    return counts


def _write_one(path: Path, block: Block, failure: str, fail_at: int) -> tuple[FaultDisk, dict[str, bytes], bool]:
    """Write one block on a disk whose call of that number fails: the disk, the files left, and whether it was told."""
    disk = FaultDisk(failure=failure)
    store = store_on(disk, path)
    told = False
    try:
        host = DurableHost(store, world().scheme, accept_all)
        disk.fail_at = fail_at
        host.finalise(block)
        try:
            host.commit()
            told = True
            assert not disk.failed, "a block was acknowledged on a disk that had failed"
        except StateError as error:
            assert error.code == "store", str(error)
            _check_stopped(host, disk)
        return disk, {name: (path.parent / name).read_bytes() for name in FILES if (path.parent / name).exists()}, told
    finally:
        disk.failed = True  # what closing would do to the files is not part of the trial
        with suppress(Exception):
            store._db.close()
        store.close()


def _check_stopped(host: DurableHost, disk: FaultDisk) -> None:
    """Nothing more is taken, told or written."""
    for ask in (host.state_root, host.commit, lambda: host.propose(2**50), lambda: host.receipt("0" * 36)):
        try:
            ask()
        except StateError as error:
            assert error.code == "store_broken"
        else:
            raise AssertionError("the host went on after a failure")
    assert disk.tried_after == 0, f"the disk was asked {disk.tried_after} times more"


# --- Killed processes -------------------------------------------------------------------------------------------------


def trial_kills(run: Run, folder: Path, every: int = 1) -> dict[str, int]:
    """A writing process is killed behind each `every`-th height that it acknowledged; the next one goes on."""
    counts = {"kills": 0}
    (folder / "blocks.json").write_text(
        json.dumps(
            [
                [json.dumps(b.header.as_dict(), sort_keys=True, separators=(",", ":")), b.body().hex()]
                for b in run.blocks
            ]
        )
    )
    said = 0
    for target in range(1, len(run.blocks), every):
        command = [sys.executable, __file__, "--child", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            while said < target and (line := child.stdout.readline()):
                said = int(line)
            time.sleep(target * 7 % 11 / 5_000)  # somewhere inside of the blocks that follow
            child.send_signal(signal.SIGKILL)
            said = max([said, *(int(line) for line in child.stdout if line.endswith("\n"))])
        host = SqliteHost(folder / "ledger.db", verify_signatures=accept_all)
        height = host.height
        assert said <= height, f"{said} was acknowledged, {height} is there"
        assert host.state_root() == run.roots[height]
        host.close()
        said = height
        counts["kills"] += 1
        if said >= len(run.blocks):
            break
    return counts


def child(folder: Path) -> None:
    """Write block after block, and say each height once it is final."""
    blocks = json.loads((folder / "blocks.json").read_text())
    host = SqliteHost(folder / "ledger.db", world().scheme, verify_signatures=accept_all, checkpoint_pages=PAGES)
    for header, body in blocks[host.height :]:
        host.finalise(Block.parse(header.encode(), bytes.fromhex(body), world().scheme.name))
        host.commit()
        os.write(1, f"{host.height}\n".encode())


def main() -> None:
    """All trials, and the result where benchmarks keep theirs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child)
    run = Run(arguments.steps, arguments.seed)
    found: dict[str, Any] = {"steps": arguments.steps, "seed": arguments.seed, "sqlite": sqlite3.sqlite_version}
    trials = {
        "cuts": lambda folder: trial_cuts(run, folder),
        "cuts, state every 7 blocks": lambda folder: trial_cuts(run, folder, 7),
        "restarts": lambda folder: trial_restarts(run, folder),
        "failures": lambda folder: trial_failures(run, folder),
        "kills": lambda folder: trial_kills(run, folder),
    }
    for name, trial in trials.items():
        with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
            start = time.perf_counter()
            found[name] = {**trial(Path(folder)), "seconds": round(time.perf_counter() - start)}
            print(name, found[name], flush=True)
    if arguments.write:
        from clearing_results import store

        store("clearing-crash", found)
    return None


if __name__ == "__main__":
    main()
