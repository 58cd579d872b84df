"""A log that went bad behind a flush: SQLite would give up what stands behind it in silence, a host must not."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from clearing_core_kit import NOON
from clearing_hosts_kit import funded, pay, scheme
from concordat.errors import TrustError
from concordat.node.clearing import open_host, verify
from concordat.node.clearing.sqlite import SqliteHost, SqliteStore
from concordat.node.clearing.walcheck import lost_behind

FRAME = 24 + 4096  # sqlite.org/fileformat2.html, 4.1: a head of 32 bytes, then frames of 24 bytes and a page
BLOCKS = 7


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """File and log as a killed process leaves them, with blocks in both and an earlier round in the log."""
    host = funded(SqliteHost(tmp_path / "source.db", scheme(), checkpoint_pages=60))
    for number in range(4, BLOCKS + 12):
        host.submit(pay(number))
        host.step(NOON + 1_000 * number)
    found = {name: (tmp_path / f"source.db{name}").read_bytes() for name in ("", "-wal")}
    host.close()
    return found


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / f"a.db{name}").write_bytes(data)
    return folder / "a.db"


def height_of(path: Path) -> int:
    """As SQLite reads it."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT max(height) FROM block").fetchone()[0])
    finally:
        db.close()


def refusal(path: Path) -> str:
    """What a start says, empty if it goes."""
    try:
        open_host(path).close()
    except TrustError as error:
        return str(error)
    return ""


def salts(log: bytes, frame: int) -> bytes:
    return log[32 + frame * FRAME + 8 :][:8]


def test_a_whole_log_is_not_suspected(tmp_path: Path, files: dict[str, bytes]) -> None:
    log = files["-wal"]
    rounds = {salts(log, frame) for frame in range((len(log) - 32) // FRAME)}
    assert len(rounds) > 1, "the log must hold what is left of an earlier round"
    path = lay_out(tmp_path / "whole", files)
    assert lost_behind(Path(f"{path}-wal")) is None
    height = height_of(path)
    assert verify(path).height == height
    host = open_host(path)
    assert host.height == height
    host.close()


def test_each_frame_in_turn_goes_bad(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Either the ledger is refused, or no more than the last block is missing, which a power cut might have left so.

    Where the mark of its end is lost, the last block but one can't be told from the beginning of the last.
    """
    log = files["-wal"]
    own = [frame for frame in range((len(log) - 32) // FRAME) if salts(log, frame) == log[16:24]]
    ends = [frame for frame in own if log[32 + frame * FRAME + 4 :][:4] != bytes(4)]
    height, refused = height_of(lay_out(tmp_path / "whole", files)), 0
    for frame in own:
        for place in (4, 10, FRAME - 1):  # the mark of an end, a salt, the page
            broken = bytearray(log)
            broken[32 + frame * FRAME + place] ^= 0x40
            path = lay_out(tmp_path / f"{frame}-{place}", {**files, "-wal": bytes(broken)})
            left = height_of(path)
            said = refusal(path)
            if not said:
                assert left >= height - 1 or (left == height - 2 and place < 24 and frame in ends), (frame, place)
                continue
            refused += 1
            assert "later blocks stand behind it" in said
            with pytest.raises(TrustError, match="later blocks stand behind it"):
                verify(path)
            assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == (files[""], broken)
    assert refused > len(own)


def test_a_torn_end_is_no_damage(tmp_path: Path, files: dict[str, bytes]) -> None:
    """The frames of the last block in any state: it was not flushed yet, and is whole or absent."""
    log = files["-wal"]
    count = sum(salts(log, frame) == log[16:24] for frame in range((len(log) - 32) // FRAME))
    ends = [f for f in range(count) if log[32 + f * FRAME + 4 :][:4] != bytes(4)]
    last = range(ends[-2] + 1, count)
    height = height_of(lay_out(tmp_path / "whole", files))
    for number, gone in enumerate([[f for f in last if (mask >> (f - last[0])) & 1] for mask in range(2 ** len(last))]):
        torn = bytearray(log)
        for frame in gone:
            torn[32 + frame * FRAME : 32 + (frame + 1) * FRAME] = bytes(FRAME)
        host = open_host(lay_out(tmp_path / str(number), {**files, "-wal": bytes(torn)}))
        assert host.height == (height - 1 if gone else height)
        host.close()


@pytest.mark.parametrize("data", [b"", b"x" * 31, bytes(32), b"\x37\x7f\x06\x82" + bytes(5_000)])
def test_what_is_no_log_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    assert lost_behind(tmp_path / "a") is None
    assert lost_behind(tmp_path / "b") is None


def test_a_reader_beside_a_busy_writer_suspects_nothing(tmp_path: Path) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme(), checkpoint_pages=150))
    stop = threading.Event()

    def write() -> None:
        for number in range(4, 4_000):
            if stop.is_set():
                return
            host.submit(pay(number, 1))
            host.step(NOON + 1_000 * number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while host.height < 40 and writer.is_alive():
            store = SqliteStore(tmp_path / "a.db", writer=False)
            store.check()
            store.close()
    finally:
        stop.set()
        writer.join()
    host.close()
    assert host.height >= 40
