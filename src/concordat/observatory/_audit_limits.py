"""The thresholds of an audit, each with where it comes from: the room's specification, a publication, or ourselves.

"Spec" is the room's specification (sections 4 and 6). It follows OECD/JRC, *Handbook on Constructing Composite
Indicators* (2008), and JRC, *Your 10-Step Pocket Guide* (2020), which say what to look at and mostly leave the number
to practice; COINr 1.1.14 is named where it has the same default. Where the specification asks for a number without a
limit, the limit is our own and says so: it can be argued with, and the number stands beside it.
`docs/explanation/audit.md` lists them all.

    >>> DATA_INDICATOR_MIN, IMPUTED_WARN, IMPUTED_FAIL
    (0.65, 0.2, 0.5)
"""

from __future__ import annotations

from concordat.observatory.multivariate import DENOMINATOR, SAME, WEAK
from concordat.observatory.stages.screen import AVAILABLE_MIN, KURTOSIS_MAX, NONZERO_MIN, SKEW_MAX, UNIQUE_MIN

# Step 1
CHILDREN_MIN, CHILDREN_MAX = 2, 10  # spec, section 6

# Step 2
DATA_INDICATOR_MIN = AVAILABLE_MIN  # 0.65: spec, sections 4 and 6; COINr
DATA_UNIT_MIN = 2 / 3  # spec, sections 4 and 6: also the default of the step `screen`
DATA_FAIL = 0.5  # ours: the other side of IMPUTED_FAIL, more than half is not there
ZEROS_MIN, REPEATED_MIN = NONZERO_MIN, UNIQUE_MIN  # 0.5 each: spec, section 4, statistics flags
AGE_MAX = 3  # years; ours: the age at which the catalogue marks most figures stale; the spec gives no limit

# Step 3
IMPUTED_WARN, IMPUTED_FAIL = 0.2, 0.5  # spec, section 6
# Ours: the share of the variance of scores that draws make is 1 less reliability. Nunnally & Bernstein, Psychometric
# Theory (3rd ed., 1994), ask for a reliability of 0.9 where single persons (here: units) are judged; 0.7 is the least
# that spec, section 6, accepts of alpha. The spec asks for the spread, without limit.
DRAWS_WARN, DRAWS_FAIL = 0.1, 0.3

# Step 4
ALPHA_MIN, ALPHA_MAX = 0.7, 0.95  # spec, section 6
FIRST_COMPONENT_MIN = 0.5  # spec, section 6: above it
PAIR_SAME, PAIR_WEAK = SAME, WEAK  # 0.92 and 0.3: spec, section 4; a negative r is the third flag
DENOMINATOR_MAX = DENOMINATOR  # 0.7 in absolute value: spec, section 4

# Step 5
SKEW, KURTOSIS = SKEW_MAX, KURTOSIS_MAX  # |G1| > 2 and G2 > 3.5: spec, sections 4 and 6; COINr
TRUNCATED_MAX = 0.05  # spec, section 6: below it

# Step 6
IMPORTANCE_FACTOR = 2.0  # spec, section 6; a correlation with the parent below 0 is a failure there

# Step 7
WIDTHS = (2, 5, 10)  # places; spec, section 6
# Ours: of the places that there are. Where the middle unit may stand anywhere in half of them, the order says little.
WIDTH_WARN, WIDTH_FAIL = 0.25, 0.5
ASSUMPTIONS_MIN = 2  # ours: an interval from a single assumption says nothing of the others

# Step 8
PILLAR_MAX = 0.6  # spec, section 6

# Step 9
GDP_SAME = SAME  # 0.92; ours: as for two indicators that say the same; the spec asks for the number, without limit
LINK_MIN = WEAK  # 0.3; ours: as for two indicators that are hardly related
