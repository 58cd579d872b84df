"""How far promises are kept: the yearly review, the coders' scores, the evidence, and how sure each figure is.

    from concordat.council.review import Code, evidence, intervals, score
    scores = score(codes)
    found = evidence(target, series, at=2026, seed=2026)
    sure = intervals(scores, {found.commitment: found.cells}, seed=2026)
    print(scores.alpha, scores.members["BRA"].percent, sure.members["BRA"])

`cycle` is the order of a review, `agreement` how far coders agree, `steps` the five words, `foreign` the scorer of
other people's tables. What coders judge and what indicators show stand side by side and are never mixed.
"""
