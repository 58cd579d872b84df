"""How long does it take to print a catalogue and to hold it against the shapes of DCAT-AP? Row 9 of the exchange.

    python benchmarks/exchange_catalog.py [--datasets 1000] [--write]

A catalogue of 1,000 datasets as a node shows it (policy, checksum, proof) is printed in each form and checked from its
bytes; beside it, in turn, rdflib's parse and pyshacl's validation alone of the same bytes with the shapes as published.
A CKAN answer of as many records is read, printed as a table, and that is read again. Seconds; the first run of each is
thrown away, medians of the others. Acceptance: 1,000 datasets in Turtle conform, checked in 5 s; the wish is 3.5.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import pyshacl
import rdflib

from concordat.exchange.catalogue import _shapes, ckan, dcat, shacl, table
from concordat.exchange.catalogue.model import Catalog
from exchange_catalogue_kit import MORE, OFFER, a_catalog, a_dataset, ckan_answer, ckan_record

SHAPES = _shapes.published()
ACCEPT_S, WISH_S = 5.0, 3.5
RUNS = 4


def made(count: int) -> Catalog:
    """A catalogue of so many datasets, each with a name and a file of its own."""
    texts = ((OFFER + MORE).replace("ict-household-2025", f"ict-household-{n}") for n in range(count))
    return a_catalog(*(a_dataset(text, digest=f"{n:064x}") for n, text in enumerate(texts)))


def timed(works: dict[str, Callable[[], Any]], runs: int = RUNS) -> dict[str, float]:
    """Median seconds of each piece of work, in turn."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: round(statistics.median(found[1:]), 4) for name, found in times.items()}


def bare(data: bytes) -> None:
    """rdflib and pyshacl alone, with the shapes as published."""
    graph = rdflib.Graph()
    graph.parse(data=data, format="turtle")
    conforms, _, _ = pyshacl.validate(graph, shacl_graph=SHAPES, inference="none", inplace=True)
    assert conforms


def checked(data: bytes) -> None:
    assert shacl.check_dcat(data) == []


def measure(count: int) -> dict[str, Any]:
    """All times."""
    catalog = made(count)
    data, jsonld, xml = dcat.catalog_turtle(catalog), dcat.catalog_jsonld(catalog), dcat.catalog_xml(catalog)
    answer = json.dumps(ckan_answer(*(ckan_record(n) for n in range(count)))).encode()
    datasets = ckan.parse_ckan(answer).datasets
    rows = table.print_csv(datasets)
    assert len(dcat.parse_dcat(data).datasets) == len(datasets) == len(table.parse_csv(rows).datasets) == count
    times = timed(
        {
            "check": lambda: checked(data), "check_jsonld": lambda: checked(jsonld),
            "check_xml": lambda: checked(xml), "bare_rdflib_pyshacl": lambda: bare(data),
            "print_turtle": lambda: dcat.catalog_turtle(catalog), "print_jsonld": lambda: dcat.catalog_jsonld(catalog),
            "print_xml": lambda: dcat.catalog_xml(catalog), "parse_ckan": lambda: ckan.parse_ckan(answer),
            "print_csv": lambda: table.print_csv(datasets), "parse_csv": lambda: table.parse_csv(rows),
        }
    )  # fmt: skip
    return {"datasets": count, "bytes_turtle": len(data), "seconds": times}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=1_000)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    given = parser.parse_args()
    result = measure(given.datasets)
    times = result["seconds"]
    result |= {"accept_s": ACCEPT_S, "wish_s": WISH_S, "conforms": True, "machine": machine()}
    result["check_over_bare"] = round(times["check"] / times["bare_rdflib_pyshacl"], 3)
    for name, seconds in times.items():
        print(f"{name:22} {seconds:8.3f} s")
    print(f"{given.datasets:,} datasets checked in {times['check']:.2f} s (accept {ACCEPT_S}, wish {WISH_S});", end=" ")
    print(f"{result['check_over_bare']:.2f} of rdflib and pyshacl alone.")
    if given.write:
        path = RESULTS / "exchange_catalog-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
