"""Flip every byte of every file of an export of 300 entries: each time the verifier must refuse, and say where.

    python tests/unit/ledger/flip_every_byte.py              # all bytes with mask 1, every 16th with 0x80 and 0x20
    python tests/unit/ledger/flip_every_byte.py --every 50   # what CI runs

The verifier runs as it is; only reading files is from memory, and functions of bytes alone remember what they answered
for the same bytes, so that a flip costs milliseconds. A signature is remembered with key, message and itself.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VERIFIER = HERE.parents[2] / "src" / "concordat" / "ledger" / "offline_verify.py"
# Files under no signature: a byte of them is found by the manifest alone, so a flipped manifest may name them instead.
LOOSE = ("README.txt", "verify.py", "policy.txt", "checkpoint")


def module(path: Path) -> Any:
    """A file as a module of its own; the verifier must run without our package."""
    name = f"alone_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


verifier = module(VERIFIER)
builder = module(HERE / "plain_export.py")


# --- The world that is flipped ---


def small_world(entries: int = 300) -> dict[str, bytes]:
    """An export of `entries` entries in all: four members, two versions, two views, votes, a proof of misconduct."""
    bloc = builder.Bloc(seed=300)
    bloc.write("BRA", 262)
    bloc.write("CHN", 9)
    bloc.write("IND", 3, scope="exchange")
    bloc.open_view(1)
    for _ in range(4):
        bloc.batch(limit=60)
    bloc.agree((2, 0))
    bloc.open_view(2, (1, 3))
    for _ in range(6):
        bloc.batch(limit=60)
    bloc.write("RUS", entries - 262 - 9 - 3 - 4 - 7)
    bloc.misconduct.append(fork_proof(bloc))
    # The old view's head has too few mirrors to be agreed, else its last entries were final and couldn't be cut off.
    files = bloc.export()
    old = bloc.views[1]
    files[f"{old.folder}/checkpoint"] = bloc.head(old, bloc.chair(1), "mirror", bloc.rota[:2])
    return builder.with_manifest(files)


def fork_proof(bloc: Any, member: str = "CHN") -> bytes:
    """Two entries of one author in one place."""
    log = builder.Log(bloc.origin(member))
    leaves = [bloc.entry(log, member, "del-01", "council", "BallotCast", {"choice": c}) for c in ("no", "yes")]
    return bloc.accuse("author_fork", member, {"entries": [builder.b64(leaf) for leaf in leaves]})


# --- The verifier, over files in memory ---


@contextmanager
def in_memory() -> Iterator[Callable[..., list[str]]]:
    """`check(files, **options)`: the verifier over a dictionary of files."""
    files: dict[str, bytes] = {}
    with patched(
        list_files=lambda _root: {path: len(data) for path, data in files.items()},
        read_file=lambda _root, path: files[path],
        check_signature=lru_cache(maxsize=None)(verifier.check_signature),
    ):

        def check(given: dict[str, bytes], **options: Any) -> list[str]:
            files.clear()
            files.update(given)
            return verifier.verify_export("memory", **options)

        yield check


@contextmanager
def remembering() -> Iterator[None]:
    """Keep answers of functions of bytes alone; for one world only, as entries are looked up without membership."""
    chains: dict[Any, Any] = {}
    entries: dict[bytes, Any] = {}
    signers: dict[int, Any] = {}
    make, read_entry, ask = verifier.Chain, verifier.read_entry, verifier.Chain.signers
    parse = verifier.Note.parse

    def chain(raws: Any) -> Any:
        given = tuple(raws)
        if given not in chains:
            chains[given] = make(given)
        return chains[given]

    def entry(raw: bytes, people: Any, bloc: str) -> Any:
        if raw not in entries:
            entries[raw] = read_entry(raw, people, bloc)
        return entries[raw]

    def times(self: Any, note: Any) -> Any:
        if id(note) not in signers:
            signers[id(note)] = note, ask(self, note)  # the note is kept, so that no other gets its id
        return signers[id(note)][1]

    fits: dict[tuple[int, str], Any] = {}
    fit, root_of = verifier.fit, verifier.root_of

    def fit_once(value: Any, form: str, where: str) -> None:
        if (id(value), form) not in fits:
            fit(value, form, where)
            if type(value) is dict:  # bodies of kept entries; the value is kept, so that no other gets its id
                fits[id(value), form] = value

    @lru_cache(maxsize=20_000)
    def root(levels: tuple[bytes, ...], first: int, last: int) -> bytes:
        return root_of(list(levels), first, last)

    verifier.Note.parse = staticmethod(lru_cache(maxsize=10_000)(parse))
    make.signers = times
    try:
        with patched(Chain=chain, read_entry=entry, fit=fit_once, root_of=lambda x, a, b: root(tuple(x), a, b)):
            yield
    finally:
        verifier.Note.parse = staticmethod(parse)
        make.signers = ask


@contextmanager
def patched(**functions: Any) -> Iterator[None]:
    known = {name: getattr(verifier, name) for name in functions}
    for name, function in functions.items():
        setattr(verifier, name, function)
    try:
        yield
    finally:
        for name, function in known.items():
            setattr(verifier, name, function)


def entry_at(data: bytes, offset: int) -> int:
    """Which entry of a bundle a byte belongs to, its length included."""
    place, index = 0, 0
    while True:
        place += 2 + int.from_bytes(data[place : place + 2], "big")
        if offset < place:
            return index
        index += 1


def wrong_answer(files: dict[str, bytes], path: str, offset: int, failed: Any) -> str:
    """What the verifier should have said of this flip and didn't; empty if all is right."""
    allowed = {path} | ({p for p in files if p.endswith(LOOSE)} if path == "manifest.json" else set())
    if failed.file not in allowed:
        return f"names {failed.file}"
    if "/tile/entries/" in path:
        number = path.split("/tile/entries/")[1].split(".p/")[0].replace("/x", "").replace("/", "").lstrip("x")
        wanted = 256 * int(number) + entry_at(files[path], offset)
        return "" if failed.entry == wanted else f"names entry {failed.entry}, not {wanted}"
    if "/tile/" in path:
        good = failed.offset == offset and f"hash {offset // 32} " in failed.what
        return "" if good else f"names byte {failed.offset}: {failed.what}"
    return ""


def flips(files: dict[str, bytes], every: int, masks: dict[int, int]) -> Iterator[tuple[str, int, int]]:
    """Path, offset and mask of each flip; a mask goes with its own step, times `every`."""
    for path, data in sorted(files.items()):
        for mask, step in masks.items():
            for offset in range(len(path) % every, len(data), every * step):
                yield path, offset, mask


def run(files: dict[str, bytes], every: int = 1, masks: dict[int, int] | None = None) -> tuple[int, list[str]]:
    """How many flips were made, and the wrong answers."""
    count, wrong = 0, []
    with in_memory() as check, remembering():
        check(files)
        for path, offset, mask in flips(files, every, masks or {0x01: 1, 0x80: 16, 0x20: 16}):
            data = files[path]
            flipped = data[:offset] + bytes([data[offset] ^ mask]) + data[offset + 1 :]
            count += 1
            try:
                check({**files, path: flipped})
                answer = "accepted"
            except verifier.Failed as failed:
                answer = wrong_answer(files, path, offset, failed)
            if answer:
                wrong.append(f"{path}, byte {offset}, mask {mask:#x}: {answer}")
    return count, wrong


def main() -> int:
    """Flip, and print how many flips, how long, and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="flip every k-th byte only")
    every = parser.parse_args().every
    files = small_world()
    start = time.perf_counter()
    count, wrong = run(files, every)
    size = sum(map(len, files.values()))
    print(f"{size:,} bytes in {len(files)} files; {count:,} flips; {len(wrong)} not found or misplaced")
    print(f"{time.perf_counter() - start:.0f} seconds")
    print("\n".join(wrong[:40]))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
