"""What was decided and promised: a bloc consults, votes, commits, reviews and settles on a record that no member owns.

There is no server state. Every final entry of the ledger is an event; `fold` replays them into the same state at every
member; what was decided carries the hash of exactly the entries it came from, and can be checked by whoever has the
files. The room is pure: no clock, no files, no network.

    council = fold(history, bloc="BRICS", founders=("BRA", "RUS", ...))     # the state, with its hash
    Rule.load(text)                                                         # a rule of decision
    tally(rule, ballots, attendance, weights, entitled=...)                 # a result with the verdict of every condition
    power(rule, weights, entitled=...)                                      # who has how much power under it
    analyse(votes, mode="concordat-1")                                      # opinion groups, consensus, bridging
    Procedure.load(text)                                                    # a dispute's stages and deadlines
"""

from __future__ import annotations
