"""Which rules bind whom: instruments, parties, provisions, depth, texts, search, comparison.

    from concordat.rulebook import RuleStore, binds
    rows = binds(store, "CHN", "IDN", on=date(2026, 11, 1), topic="TE")

Files are opened by `cli` and `report`; `store` is the room's only input and output.
"""
