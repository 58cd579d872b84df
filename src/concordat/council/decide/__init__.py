"""Decision rules: written as data, counted by everyone alike, with the power that each member has under them.

    rules     Rule, shipped, shipped_names     a rule from a file, and those that come with Concordat
    tally     tally -> Result                  is it adopted, with every step shown
    silence   start -> Silence -> state        has silence adopted it
    power     power -> Power                   Banzhaf, Shapley-Shubik, Coleman
    whatif    minimal_winning, blocks_with, change, votes_to_change ...

The main path:

    rule = Rule.load(text)
    result = tally(rule, {"BRA": "yes", "IND": "no"}, {"BRA", "IND"}, {}, entitled=("BRA", "IND"))
    print(result.text)
"""

from concordat.council.decide.power import Power, power
from concordat.council.decide.rules import Rule, shipped, shipped_names
from concordat.council.decide.tally import Result, tally

__all__ = ["Power", "Result", "Rule", "power", "shipped", "shipped_names", "tally"]
