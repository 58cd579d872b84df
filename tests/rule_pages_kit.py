"""A site over a small rulebook, with a soft instrument, a bare one and markup in a text: for the pages on rules."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from concordat.settings import Settings
from concordat.web.reader import Reader
from concordat.web.respond import Site
from concordat.web.site import pages
from rulebook_build import coding, instrument, store_of
from web_kit import ON

FLOW = "No Party shall prohibit the cross-border transfer of information.\nThis <script>alert(1)</script> stays words."
CATALOGUE = (
    instrument("pact", "BRA, CHN, IND", in_force="2015-03-01")
    + instrument("accord", "BRA, CHN", in_force="2020-06-12", binding="soft")
    + instrument("open-pact", "BRA", complete=False, in_force="2012-01-01")
    + instrument("bare", "BRA, IND", topics="EC")
)
TEXTS = {
    "pact": [("4.3", FLOW), ("4.4", "Each Party shall keep its courts open."), ("9", "Nothing about data.")],
    "accord": [
        ("1", "Parties endeavour to allow the transfer of data."),
        ("2", "Parties endeavour to share standards."),
    ],
}


def rule_site(evidence_dir: Path) -> Site:
    """The pages of BRICS over that rulebook."""
    store = store_of(CATALOGUE, TEXTS)
    store.add_codings(
        [
            coding("pact/4.3", "DF-FLOW", 2, probability=0.9, flags={"dispute_settlement": False}),
            coding("accord/1", "DF-FLOW", 1, probability=0.8),
            replace(coding("accord/2", "DF-LOCA", 1), licence="not to be published"),
        ]
    )
    reader = Reader(Settings(data_dir=evidence_dir), "BRICS", on=ON)
    reader.once(("rulebook",), lambda: (store, threading.Lock()))
    return Site(reader, pages(), public_url="http://127.0.0.1:8080")
