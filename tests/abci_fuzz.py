"""Throw bytes at the engine's socket protocol until something other than a named refusal comes out. A command.

    python tests/abci_fuzz.py --runs 200000              changed frames from one seed
    python tests/abci_fuzz.py --atheris -runs=1000000    guided by coverage, where `atheris` is installed

Each run feeds one stream of bytes to the frame reader and what it finds to the ledger's application. A `ConcordatError`
is an answer; any other exception is a finding, printed with the bytes that led to it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

for folder in ("tests", "src"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))

GUIDED = "--atheris" in sys.argv
if GUIDED:
    import atheris

with atheris.instrument_imports(include=["concordat.node"]) if GUIDED else nullcontext():
    from concordat.errors import ConcordatError
    from concordat.node.abci import FrameReader, read_request, response
    from concordat.node.abci_genesis import Genesis
    from concordat.node.abci_schema import messages, one_of
    from concordat.node.sequencer_abci import LedgerApplication
    from engine_kit import BLOC, START, Count, Writer, chain
    from fakes.engine import varint
    from simulation.keys import secret

FRAME_MAX = 2**20


class Target:
    """An application with a few blocks, and what may be said to it."""

    def __init__(self, folder: Path) -> None:
        self.application = LedgerApplication(folder / "ledger.db", chain(4), Count, 2)
        key = secret("validator").public
        self.application.ledger.begin(Genesis(BLOC, "fuzzed", chain(4).pinned, 1, START, ((key, 1),)))
        writer = Writer("BRA")
        self.seeds = [self._frame(kind, {}) for kind in one_of("Request")]
        for height in range(1, 5):
            about = {"height": height, "time": {"seconds": START + height}, "txs": [writer.say()]}
            block = {**about, "hash": sha256(b"%d" % height).digest()}
            frames = [
                self._frame("check_tx", {"tx": about["txs"][0]}),
                self._frame("prepare_proposal", {**about, "max_tx_bytes": 10_000}),
                self._frame("process_proposal", block),
                self._frame("finalize_block", block),
                self._frame("commit", {}),
            ]
            self.seeds += frames
            if height < 4:  # the next block is left to be said
                self.run(b"".join(frames))
        for path in ("/head", "/batch/2", "/entry/BRA/1"):
            self.seeds.append(self._frame("query", {"path": path}))

    def _frame(self, kind: str, fields: dict[str, object]) -> bytes:
        body = messages()["Request"](**{kind: fields}).SerializeToString()
        return varint(len(body)) + body

    def run(self, stream: bytes) -> int:
        """Feed a stream; how many requests were answered."""
        answered = 0
        try:
            for frame in FrameReader(FRAME_MAX).feed(stream):
                kind, body = read_request(frame)
                if kind in ("", "echo", "flush"):
                    continue
                try:
                    response(kind, self.application.answer(kind, body))
                except ConcordatError:
                    pass
                answered += 1
        except ConcordatError:
            pass
        return answered


def changed(rng: random.Random, seeds: list[bytes]) -> bytes:
    """A few seeds behind one another, changed as a stream, or each inside its frame with a length that fits."""
    chosen = [rng.choice(seeds) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.3:
        return _scratched(rng, b"".join(chosen))
    bodies = [next(iter(FrameReader(FRAME_MAX).feed(frame))) for frame in chosen]
    return b"".join(varint(len(body)) + body for body in (_scratched(rng, body) for body in bodies))


def _scratched(rng: random.Random, data: bytes) -> bytes:
    """Bytes changed, removed, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(4):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del out[at : at + rng.randint(1, 8)]
            case 2:
                out[at:at] = out[at : at + rng.randint(1, 16)]
            case _:
                out[at:at] = rng.choice([b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x01", b"\x00", bytes(8)])
    return bytes(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    known, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder))
        if known.atheris:
            atheris.Setup([sys.argv[0], *rest], lambda data: target.run(bytes(data)) and None)
            atheris.Fuzz()
        rng, answered = random.Random(known.seed), 0
        for number in range(known.runs):
            stream = changed(rng, target.seeds)
            try:
                answered += target.run(stream)
            except Exception:
                print(f"run {number}: {stream.hex()}", file=sys.stderr)
                raise
        print(f"{known.runs:,} streams, {answered:,} requests answered, nothing but named refusals.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
