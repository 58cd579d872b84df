"""Consultation: what people think of statements, which opinion groups there are, and what bridges them.

>>> from concordat.council.consult import read_matrix
>>> votes = read_matrix("participant,0,1\\n1,1,-1\\n2,-1,1\\n")
>>> votes.count
4
"""

from concordat.council.consult.polis_csv import read_comments, read_matrix, read_votes
from concordat.council.consult.votes import Opinion, Statement, Votes, from_opinions

__all__ = ["Opinion", "Statement", "Votes", "from_opinions", "read_comments", "read_matrix", "read_votes"]
