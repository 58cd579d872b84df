"""The five rungs, in words: what each definition counts, its formula, what it needs, and what of it is unverified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """One definition of the digital economy.

    Attributes:
        id: a to e, or "other". title, definition, formula: in words. needs: what to load for an own figure.
        unverified: statements that were not checked against their source; printed wherever the rung stands.
    """

    id: str
    title: str
    definition: str
    formula: str
    needs: str
    unverified: tuple[str, ...] = ()


RUNGS = (
    Rung(
        "a",
        "ICT-sector value added (UNCTAD, OECD)",
        "value added of the industries that make ICT goods and services",
        "VA of ISIC Rev. 4 261-264, 268, 4651-4652, 5820, 61, 62, 631, 951 over GDP",
        "value added by ISIC class and GDP (a file of kind ict_value_added)",
        ("the list of classes was seen as a statistical office quotes OECD, not in OECD's or UNCTAD's own text",),
    ),
    Rung(
        "b",
        "input-output linkages, three-term form (after ADB 2021)",
        "what digital industries earn, and what others earn in making digital final goods, each counted once",
        "1'Me + e'M1 - e'Me, M = diag(v) (I - A)^-1 diag(y)",
        "an input-output table with domestic flows (make, use and import; or of kind io_table; or a world table)",
        ("ADB's text is said to add a fourth term, digital fixed capital in other industries; not seen, so left out",),
    ),
    Rung(
        "c",
        "growth accounting (CAICT)",
        "value added of digital industries, and what ICT capital adds in all others",
        "digital VA + sum over industries and years of L(V) s ln(K_t / K_(t-1)), K by perpetual inventory",
        "value added, investment, prices, shares, depreciation and lifetimes (a file of kind growth_accounting)",
        (
            "CAICT's depreciation and lifetimes are not known: they are the user's",
            "how CAICT cumulates contributions to a level was not seen: the form here is ours",
        ),
    ),
    Rung(
        "d",
        "satellite account (BEA)",
        "value added in making digital products, whatever industry makes them",
        "sum over products of digital share x output x (industry VA / industry output)",
        "make and use tables, and the digital share of each product (a file of kind digital_shares)",
    ),
    Rung(
        "e",
        "digitally deliverable services",
        "trade in services that can be delivered over a network, as a share of trade in services",
        "EBOPS insurance + financial + intellectual property + telecom and computer + other business + cultural",
        "exports and imports of services by EBOPS item (a file of kind services_trade)",
        ("the list of services is unverified",),
    ),
)
OTHER = Rung(
    "other",
    "other published definitions",
    "figures by definitions outside the five rungs",
    "see the source",
    "",
)
