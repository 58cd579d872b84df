"""The divide: how far apart members are on one figure, weighted and unweighted, and how many people are without.

`spread` and `people_without` are plain computation on `evidence.aggregate.Member`; `derive_divide` enters both into a
report's book, `derive_group_gap` a gap between two groups inside a member. Every measure has an interval.

    >>> from concordat.evidence.aggregate import Member
    >>> figures = [Member("ETH", 17.0, 16.5, 17.5, 2021), Member("ARE", 100.0, 99.5, 100.0, 2023)]
    >>> spread(figures)["gap"].value
    83.0
"""

from concordat.observatory.divide.measures import (
    UNWEIGHTED,
    WEIGHTED,
    counts_people,
    derive_divide,
    derive_group_gap,
    is_share,
    people_without,
    spread,
)

__all__ = [
    "UNWEIGHTED",
    "WEIGHTED",
    "counts_people",
    "derive_divide",
    "derive_group_gap",
    "is_share",
    "people_without",
    "spread",
]
