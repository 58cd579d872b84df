"""What does a coder say of agreements that it was not fitted on? Calibration, band and figures come from that.

Four folds by agreement; in each a model is fitted on the other agreements and our own clauses. Where whole agreements
are there, their other articles are judged by the same models, and `whole` learns from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook.coder import calibrate, model
from concordat.rulebook.coder import whole as whole_
from concordat.rulebook.coder.examples import Labelled, chapter_keys, in_context
from concordat.rulebook.coder.features import Vectors
from concordat.rulebook.coder.model import Example, Settings
from concordat.rulebook.model import OTHER
from concordat.rulebook.taxonomy import Taxonomy

Array = NDArray[np.float64]
INNER_FOLDS = 4


@dataclass(frozen=True)
class HeldOut:
    """What was learned of held-out agreements.

    Attributes:
        measured: F1 by name. whole: None where no whole agreements are there, or too few.
    """

    calibration: calibrate.Calibration
    band: calibrate.Band
    measured: dict[str, float]
    whole: whole_.Whole | None = None
    band_whole: calibrate.Band | None = None


def held_out(
    articles: Sequence[Labelled], examples: Sequence[Example], ours: Sequence[Example], taxonomy: Taxonomy,
    settings: Settings, vectors: Vectors, whole: Sequence[whole_.Article] = (),
) -> HeldOut:  # fmt: skip
    """Calibration and band from folds by agreement, and the F1 that they measured.

    Args:
        whole: every article of the agreements that `articles` are of.
    """
    from concordat.rulebook.evaluate import f1, folds

    groups = [a.agreement for a in articles]
    classes = tuple(sorted({e.code for e in [*examples, *ours]}))
    p, q = np.zeros((len(articles), len(classes))), np.zeros((len(whole), len(classes)))
    held_whole: list[list[int]] = []
    for rows in folds(groups, min(INNER_FOLDS, len(set(groups)))):
        held = set(rows)
        rest = [e for at, e in enumerate(examples) if at not in held]
        gone = {groups[at] for at in rows}
        held_whole.append([at for at, a in enumerate(whole) if a.agreement in gone])
        judged = {examples[at].text.lang for at in rows} | {whole[at].text.lang for at in held_whole[-1]}
        part = model.fit([*rest, *ours], taxonomy.codes, settings, vectors, judged)
        columns = [classes.index(c) for c in part.classes]
        p[np.ix_(rows, columns)] = part.probabilities([examples[at].text for at in rows], vectors)
        if held_whole[-1]:
            q[np.ix_(held_whole[-1], columns)] = part.probabilities([whole[at].text for at in held_whole[-1]], vectors)
    other = classes.index(OTHER) if OTHER in classes else None
    truth = calibrate.places([a.code for a in articles], classes)
    found = calibrate.fit(p, truth, other)
    chapters, titles = chapter_keys(articles)
    p, _ = in_context(found.apply(p, other), classes, [a.lang for a in articles], chapters, titles, taxonomy)
    macro, micro = f1([a.code for a in articles], [classes[k] for k in p.argmax(axis=1)])
    told = {"macro F1": macro, "micro F1": micro}
    labels = {a.id: a.code for a in articles}
    learned = whole_.learn(whole, labels, q, classes, held_whole) if whole else None
    if learned is None:
        return HeldOut(found, calibrate.fit_band(p, truth), told)
    codes = calibrate.places([labels.get(a.id, OTHER) for a in whole], classes)
    said = learned[1].argmax(axis=1) != classes.index(OTHER)  # of nineteen in twenty nothing is said, and rightly
    band = calibrate.fit_band(learned[1][said], codes[said])
    return HeldOut(found, calibrate.fit_band(p, truth), told, learned[0], band)
