"""Consultation: what people think of statements, which opinion groups there are, and what bridges them.

Two publics are never mixed: delegations (officials, the members are the whole population) and the public. `votes` and
`polis_csv` read; `exact` and `repness` hold Polis's published formulas given groups; `groups` (like Polis) and
`deterministic` (`concordat-1`, the same bytes everywhere) find groups; `stability` and `bridging` say how sure and
what all groups share; `analysis` does all of it; `export` writes.

    >>> from concordat.council.consult import analyse, read_matrix, summary
    >>> votes = read_matrix("participant,0,1\\n1,1,-1\\n2,1,-1\\n3,-1,1\\n4,-1,1\\n")
    >>> [int(g) for g in analyse(votes, resamples=0).groups]
    [0, 0, 1, 1]
"""

from concordat.council.consult.analysis import Analysis, analyse, summary
from concordat.council.consult.export import comments_csv, matrix_csv, result
from concordat.council.consult.polis_csv import read_comments, read_matrix, read_votes
from concordat.council.consult.votes import Opinion, Statement, Votes, from_opinions

__all__ = [
    "Analysis",
    "Opinion",
    "Statement",
    "Votes",
    "analyse",
    "comments_csv",
    "from_opinions",
    "matrix_csv",
    "read_comments",
    "read_matrix",
    "read_votes",
    "result",
    "summary",
]
