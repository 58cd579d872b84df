"""`python -m simulation.live [--seeds 200] [--members 10]` (from `tests/`): the long form of the live tests.

With `--add-to FILE` a few seeds at a time, each kept in the file as soon as it has ended: the next sitting goes on with
the first seed that is not there.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # tests import each other from there, as pytest has it

from simulation.live.run import main

if __name__ == "__main__":
    sys.exit(main())
