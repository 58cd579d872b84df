"""Decision rules: written as data, counted by everyone alike, with the power that each member has under them.

    rules     Rule, shipped, shipped_names     a rule from a file, and those that come with Concordat
    tally     tally -> Result                  is it adopted, with every step shown

The main path:

    rule = Rule.load(text)
    result = tally(rule, {"BRA": "yes", "IND": "no"}, {"BRA", "IND"}, {}, entitled=("BRA", "IND"))
    print(result.text)
"""

from concordat.council.decide.rules import Rule, shipped, shipped_names
from concordat.council.decide.tally import Result, tally

__all__ = ["Result", "Rule", "shipped", "shipped_names", "tally"]
