"""The hybrid coder: which provision an article holds, how hard, how surely, and the words that say so.

    from concordat.rulebook.coder import Coder
    coder = Coder.load(mode="shipped")
    codings = coder.code(parsed.units, coded_on="2026-11-25")

`lexicon`, `tfidf`, `logistic` and `minilm` know nothing of treaties; `features` and `model` put them together;
`context`, `calibrate`, `spans` and `depth` make codings of probabilities; `fewshot` is a second opinion on rare ones.
"""

from concordat.rulebook.coder._coder import MODES, About, Coder
from concordat.rulebook.coder.examples import Labelled

__all__ = ["MODES", "About", "Coder", "Labelled"]
