"""Terms that both sides sign: policies, negotiation and transfer over the Dataspace Protocol 2025-1, without I/O.

`odrl` writes a member's terms, `decide` says whether one use is permitted, `narrower` whether a request stays inside an
offer; `negotiation` and `transfer` are the protocol's two state machines as pure step functions over tables; `schemas`
checks every message against the published schemas; `token` says who is calling. Sockets, storage and keys are the
node's.

    >>> from concordat.exchange.dataspace.deciding import Context, decide
    >>> from concordat.exchange.dataspace.odrl import from_offer
    >>> policy = from_offer({"permit": "use", "when": {"member": ["BRA", "ZAF"]}})
    >>> decide(policy, Context(member="ZAF")).verdict, decide(policy, Context(member="IND")).verdict
    (<Verdict.PERMIT: 'permit'>, <Verdict.DENY: 'deny'>)
"""
