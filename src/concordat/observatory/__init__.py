"""How far along, how sure, and how unequal: measures of digital development over the evidence.

In this version one part: `divide`, how far apart the members of a bloc are and who is without. Pure functions on
figures that `evidence` has chosen; they know nothing of pages. Each printed number is a record of the report's book.

    >>> from concordat.evidence.aggregate import Member
    >>> from concordat.observatory.divide import spread
    >>> spread([Member("A", 20.0, 20.0, 20.0, 2024), Member("B", 60.0, 60.0, 60.0, 2024)])["gini"].value
    0.25
"""
