"""Cases: practices, rules, research and notes that a member lets others reuse, and how far their evidence goes.

    case = Case.load(text)                           # a file of schema concordat/case@1, contact details taken out
    imported = import_dpg(data)                      # the registry of Digital Public Goods, by whitelist
    duplicates(imported.cases)                       # which are one case, which are only related
    search(Index(cases), "vaccine records")          # BM25 with filters and counts
    replicability(case, standing, on)                # 0-100 as an interval, item by item

Methods and what they can't tell: each module's docstring; exchange.md, section 6.
"""
