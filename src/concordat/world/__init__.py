"""Who: countries, blocs over time, currencies, and names in the blocs' languages.

Facts with their sources and dates, packaged as reviewed tables; nothing is guessed, and what was not seen in a source
is marked unverified. Only the standard library, the YAML loader and babel are used, the last two when first needed.

    >>> from concordat import world
    >>> world.country("Türkiye").iso3
    'TUR'
    >>> world.members("BRICS", "2023-07-01")
    ('BRA', 'CHN', 'IND', 'RUS', 'ZAF')
    >>> [m.area for m in world.roles_on("BRICS", "2026-07-01") if m.role == "invited"]
    ['SAU']
"""

from concordat.world._tables import table_hash
from concordat.world.areas import area_type, gec_to_area, gec_unmapped, parts, tiles
from concordat.world.blocs import (
    FULL_ROLES,
    ROLES,
    Bloc,
    Membership,
    bloc,
    bloc_ids,
    bloc_sources,
    bloc_table_as_of,
    blocs,
    members,
    no_members,
    roles_on,
)
from concordat.world.countries import Country, countries, country
from concordat.world.currencies import Currency, currencies, currency
from concordat.world.names import area_name, normalise

__all__ = [
    "FULL_ROLES",
    "ROLES",
    "Bloc",
    "Country",
    "Currency",
    "Membership",
    "area_name",
    "area_type",
    "bloc",
    "bloc_ids",
    "bloc_sources",
    "bloc_table_as_of",
    "blocs",
    "countries",
    "country",
    "currencies",
    "currency",
    "gec_to_area",
    "gec_unmapped",
    "members",
    "no_members",
    "normalise",
    "parts",
    "roles_on",
    "table_hash",
    "tiles",
]
