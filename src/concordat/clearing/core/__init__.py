"""The settlement ledger itself: a pure function from a state and a block to the next state and its receipts.

No clock, randomness, float or input and output; nothing but the standard library and `cryptography`. The main path:

    state = State.genesis(scheme)
    state, receipts = apply(state, block)          # a copy; hosts use `advance` and `undo`, which work in place
    check_invariants(state)                        # raises, never returns a boolean

The rules: docs/reference/clearing-core.md.
"""
