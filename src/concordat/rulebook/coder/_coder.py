"""Which provisions do the articles of an instrument hold, how hard, how surely, and where does it say so?

`Coder.load` fits on our own clauses (`shipped`) or reads the taxonomy's terms alone (`lexicon`); `Coder.fit` adds a
user's labelled articles (`fitted`). The steps are those of section 6 of the specification: lexicon, probabilities,
calibration, chapter context, abstain band, secondary codes from paragraphs, spans, depth and flags. Nothing is written:
the codings are returned, with ids that depend on text, provision and model alone.

It decides nothing a person has decided: human codings win over these wherever they are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from concordat import canonical
from concordat.errors import InputError, MethodError
from concordat.rulebook.accuracy import accuracy_words
from concordat.rulebook.coder import calibrate, context, depth, features, lexicon, minilm, model, spans
from concordat.rulebook.coder import whole as whole_
from concordat.rulebook.coder.examples import Labelled, in_context, own_examples, user_examples
from concordat.rulebook.coder.features import Text, Vectors
from concordat.rulebook.coder.held_out import HeldOut, held_out
from concordat.rulebook.coder.model import Example, Settings
from concordat.rulebook.coder.units import chapter_of, decided, long_enough, root_of
from concordat.rulebook.model import LANGUAGES, OTHER, Coding, Instrument, Unit
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

Array = NDArray[np.float64]
MODES = ("lexicon", "shipped", "fitted")
SECONDARY_P = 0.65
EC_DISP = "EC-DISP"
# The temperature of our own clauses, held out one in five of each provision; none of the texts that may not ship had a
# part in it. Their mix says nothing of how common OTHER is in an agreement, so nothing is added to its score.
WHOLE_MAX = 15  # sentences; the main provision of a short article is as hard as its hardest sentence
SHIPPED_EMBED_FROM = 0.05  # our few hundred articles on other matters separate less well than a user's do
SHIPPED = calibrate.Calibration(temperature=0.41, bias=0.0, cases=594)


@dataclass(frozen=True, slots=True)
class About:
    """What is printed with every figure that rests on a coder.

    Attributes:
        version: SHA-256 of (training ids and texts, taxonomy, settings). licence: of the training set; "" for our own.
        measured: figures with n, by name; empty where nothing was measured. minilm: whether meanings are used.
    """

    mode: str
    version: str
    licence: str
    minilm: bool
    labels: int
    agreements: int
    measured: Mapping[str, float] = field(default_factory=dict)

    def words(self) -> str:
        """One sentence for a header; what ships has the figures that were measured of this very version."""
        figures = ", ".join(f"{name} {value:.2f}" for name, value in self.measured.items())
        if not figures:
            figures = accuracy_words(self.mode, minilm=self.minilm)
        meaning = "with MiniLM" if self.minilm else "without MiniLM"
        trained = f", {self.labels} labelled texts" if self.labels else ""
        return f"Coder: {self.mode}, {meaning}{trained}; {figures}."


@dataclass(frozen=True)
class Coder:
    """A coder of one mode; made by `load` or `fit`."""

    about: About
    taxonomy: Taxonomy
    fitted: model.Model | None
    calibration: calibrate.Calibration
    band: calibrate.Band
    vectors: Vectors = field(default_factory=dict, repr=False)
    whole: whole_.Whole | None = field(default=None, repr=False)
    band_whole: calibrate.Band | None = None

    @classmethod
    def load(cls, mode: str = "shipped", *, vectors: Vectors | None = None, use_minilm: bool | None = None) -> Coder:
        """The coder that needs no user's texts.

        Args:
            mode: "shipped" or "lexicon". vectors: where embeddings are kept between runs; without it MiniLM reads our
                clauses anew each time (about 20 s). use_minilm: None takes it where it is installed.

        Raises:
            InputError: another mode. MethodError: MiniLM is asked for and not installed.
        """
        taxonomy = load_taxonomy()
        if mode == "lexicon":
            version = canonical.digest({"mode": mode, "taxonomy": taxonomy.hash})
            about = About(mode, version, "", False, 0, 0)
            return cls(about, taxonomy, None, calibrate.Calibration(), calibrate.Band())
        if mode != "shipped":
            hint = 'Load "shipped" or "lexicon"; a fitted coder is made by Coder.fit.'
            raise InputError(f'"{mode}" is not a mode that can be loaded.', hint=hint, code="mode")
        store: Vectors = {} if vectors is None else vectors
        settings = _settings(Settings(embed_from=SHIPPED_EMBED_FROM), use_minilm)
        examples = own_examples()
        fitted = model.fit(examples, taxonomy.codes, settings, store)
        about = About(mode, _version(mode, examples, taxonomy, settings), "", settings.minilm, len(examples), 0)
        return cls(about, taxonomy, fitted, SHIPPED, calibrate.Band(), store)

    @classmethod
    def fit(
        cls,
        articles: Sequence[Labelled],
        *,
        licence: str,
        vectors: Vectors | None = None,
        use_minilm: bool | None = None,
        settings: Settings | None = None,
        strict: bool = True,
        own: bool = True,
        calibrated: bool = True,
        whole: Sequence[whole_.Article] = (),
    ) -> Coder:
        """The coder fitted on a user's labelled articles beside our own clauses.

        Args:
            licence: of the articles; it travels with the coder. strict: without headings. own: with our clauses.
            calibrated: temperature, bias and band from held-out agreements (four folds; five times the work).
            whole: every article of agreements whose coded ones are all labelled: the others are then known to hold no
                provision. Those of an agreement without labels are left out; it needs `calibrated`.

        Raises:
            InputError: a code that isn't in the taxonomy. MethodError: too few labels, one class or one agreement only.
        """
        taxonomy = load_taxonomy()
        _check(articles, taxonomy)
        store: Vectors = {} if vectors is None else vectors
        chosen = _settings(settings, use_minilm)
        examples = user_examples(articles, strict=strict)
        ours = own_examples() if own else []
        every = [*examples, *ours]
        fitted = model.fit(every, taxonomy.codes, chosen, store)
        names = {a.agreement for a in articles}
        beside = [a for a in whole if a.agreement in names]
        found = HeldOut(calibrate.Calibration(), calibrate.Band(), {})
        if calibrated:
            found = held_out(articles, examples, ours, taxonomy, chosen, store, beside)
        version = _version("fitted", every, taxonomy, chosen, beside if found.whole else ())
        about = About("fitted", version, licence, chosen.minilm, len(every), len(names), found.measured)
        return cls(about, taxonomy, fitted, found.calibration, found.band, store, found.whole, found.band_whole)

    @property
    def classes(self) -> tuple[str, ...]:
        """The columns of the probabilities: provisions, and OTHER."""
        return self.fitted.classes if self.fitted else (*sorted(self.taxonomy.codes), OTHER)

    # --- Probabilities ---

    def probabilities(
        self, texts: Sequence[str], langs: Sequence[str], *, chapters: Sequence[str | None] | None = None,
        titles: Mapping[str, str] | None = None,
    ) -> Array:  # fmt: skip
        """Calibrated probabilities (texts x classes) after the chapter rule.

        Args:
            chapters: a key of each text's chapter, None where it isn't known. titles: of the chapters by key.

        Raises:
            MethodError: lexicon mode, which has none.
        """
        if self.fitted is None:
            raise MethodError(
                "the lexicon alone gives no probabilities.", hint="Use mode shipped.", code="uncalibrated"
            )
        prepared = features.prepare(texts, langs)
        p = self._calibrated(prepared)
        return self._in_context(p, prepared, chapters or [None] * len(texts), titles or {})[0]

    def _calibrated(self, texts: Sequence[Text]) -> Array:
        assert self.fitted is not None
        if not texts:
            return np.zeros((0, len(self.classes)))
        return self.calibration.apply(self.fitted.probabilities(texts, self.vectors), self._other)

    @property
    def _other(self) -> int | None:
        return self.classes.index(OTHER) if OTHER in self.classes else None

    def _in_context(
        self, p: Array, texts: Sequence[Text], chapters: Sequence[str | None], titles: Mapping[str, str]
    ) -> tuple[Array, NDArray[np.bool_]]:
        return in_context(p, self.classes, [t.lang for t in texts], chapters, titles, self.taxonomy)

    def of_articles(
        self, texts: Sequence[Text], chapters: Sequence[str | None], titles: Mapping[str, str]
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Probabilities of the articles of a whole text, and which stand in a digital chapter.

        What whole agreements taught is used where there is something of it, in their languages.
        """
        assert self.fitted is not None
        raw = self.fitted.probabilities(texts, self.vectors) if texts else np.zeros((0, len(self.classes)))
        p = self.calibration.apply(raw, self._other)
        if self.whole is not None:
            known = [at for at, t in enumerate(texts) if t.lang in self.whole.langs]
            named = [titles.get(chapters[at] or "", "") for at in known]
            p[known] = self.whole.apply(raw[known], [texts[at] for at in known], named)
        return self._in_context(p, texts, chapters, titles)

    def band_of(self, lang: str) -> calibrate.Band:
        """The abstain band of the articles of a whole text."""
        learned = self.band_whole is not None and self.whole is not None and lang in self.whole.langs
        return self.band_whole if learned and self.band_whole is not None else self.band

    # --- Codings ---

    def code(self, units: Sequence[Unit], *, instrument: Instrument | None = None, coded_on: str) -> tuple[Coding, ...]:
        """The codings of an instrument's units: main codes of articles, other codes of their paragraphs.

        An article is read with its heading; depth, flags and spans are those of its text alone. (Accuracy is measured
        without headings, for the labels that it is measured on were made from them.)

        Args:
            instrument: caps nothing here (`legal_depth` does where rules are joined); it must own the units.
            coded_on: the day, from `clock`.

        Raises:
            InputError: a unit of another instrument.
        """
        if instrument is not None:
            strange = next((u.instrument for u in units if u.instrument != instrument.id), None)
            if strange is not None:
                raise InputError(f'a unit of "{strange}" is not one of "{instrument.id}".', code="unit")
        by_id = {unit.id: unit for unit in units}
        articles = [unit for unit in units if decided(unit, by_id)]
        if not articles:
            return ()
        langs = [u.lang for u in articles]
        texts = features.prepare([u.text for u in articles], langs, tidy=False)
        headed = features.prepare([_headed(u) for u in articles], langs)  # what it is called says what it is about
        chapters = [chapter_of(unit, by_id) for unit in articles]
        titles = {u.id: u.heading for u in units if u.kind in ("chapter", "annex")}
        found = _Codings(self, by_id, coded_on)
        if self.fitted is None:
            lex = _lexicon_rows(headed, self.classes)
            _, digital = self._in_context(np.minimum(lex, 1.0), texts, chapters, titles)
            lex = context.moved_to_other(lex, self.classes, digital)
            for at, unit in enumerate(articles):
                found.by_lexicon(unit, texts[at], lex[at])
        else:
            p, digital = self.of_articles(headed, chapters, titles)
            for at, unit in enumerate(articles):
                found.by_model(unit, texts[at], p[at])
            found.secondary(
                [u for u in units if root_of(u, by_id) in found.main],
                dict(zip((u.id for u in articles), digital, strict=True)),
            )
        return found.done({u.id: c for u, c in zip(articles, chapters, strict=True)})


class _Codings:
    """Collects the codings of one run."""

    def __init__(self, coder: Coder, by_id: Mapping[str, Unit], coded_on: str) -> None:
        self.coder, self.by_id, self.coded_on = coder, by_id, coded_on
        self.main: dict[str, str] = {}
        self.all: list[Coding] = []

    def by_lexicon(self, unit: Unit, text: Text, lex: Array) -> None:
        """The provision with most hits, for a person to look at: there is no probability."""
        classes = self.coder.classes
        best = int(lex.argmax())
        if lex[best] < 1 or classes[best] == OTHER:
            return
        self.main[unit.id] = classes[best]
        self._add(unit, text, classes[best], None, "lexicon", "review", "uncalibrated")

    def by_model(self, unit: Unit, text: Text, p: Array) -> None:
        """The most probable provision, if it is probable enough."""
        classes, band = self.coder.classes, self.coder.band_of(unit.lang)
        other = self.coder._other
        digital = p.copy()
        if other is not None:
            digital[other] = -1.0
        best = int(digital.argmax())
        if p[best] < band.low:
            return
        second = float(np.delete(p, best).max(initial=0.0))
        state = band.state(float(p[best]), second, lexicon=unit.lang in LANGUAGES)
        reason = "" if state == "auto" else ("no lexicon" if unit.lang not in LANGUAGES else "band")
        self.main[unit.id] = classes[best]
        self._add(unit, text, classes[best], float(p[best]), "model", state, reason)

    def secondary(self, units: Sequence[Unit], digital: Mapping[str, np.bool_]) -> None:
        """Other provisions in the paragraphs of coded articles: probable, and named by a strong term."""
        inner = [u for u in units if u.kind == "paragraph" and u.id not in self.main and long_enough(u)]
        texts = features.prepare([u.text for u in inner], [u.lang for u in inner], tidy=False)
        wanted = [at for at, text in enumerate(texts) if self._strong(inner[at], text)]
        if not wanted:
            return
        chosen = [texts[at] for at in wanted]
        mask = np.array([digital[root_of(inner[at], self.by_id)] for at in wanted], bool)
        p = context.moved_to_other(self.coder._calibrated(chosen), self.coder.classes, mask)
        for row, at in enumerate(wanted):
            for code in self._strong(inner[at], texts[at]):
                if code in self.coder.classes and p[row, self.coder.classes.index(code)] >= SECONDARY_P:
                    value = float(p[row, self.coder.classes.index(code)])
                    self._add(
                        inner[at],
                        texts[at],
                        code,
                        value,
                        "model",
                        "auto" if value >= self.coder.band.high else "review",
                        "paragraph",
                    )

    def _strong(self, unit: Unit, text: Text) -> list[str]:
        main = self.main[root_of(unit, self.by_id)]
        return sorted({hit.key for hit in text.hits if hit.weight == lexicon.MUST and hit.key != main})

    def _add(
        self, unit: Unit, text: Text, code: str, probability: float | None, method: str, state: str, reason: str
    ) -> None:
        about = self.coder.about
        span, places = self._span(text, code)
        structural = self.coder.taxonomy[code].structural
        whole = code == self.main.get(unit.id) and len(text.places) <= WHOLE_MAX  # then the article is about it
        strength = None if structural else depth.depth_of(text.text, text.lang, None if whole else places)
        name = hashlib.sha256(f"{unit.id}|{unit.sha256}|{code}|{about.version}".encode()).hexdigest()[:24]
        self.all.append(
            Coding(
                id=name, unit=unit.id, provision=code, depth=strength, flags=depth.flags_of(text.text, text.lang),
                probability=None if probability is None else round(probability, 6), span=span, method=method,
                model_version=about.version, coder=about.mode, coded_on=self.coded_on, reason=reason, state=state,
                licence=about.licence,
            )
        )  # fmt: skip

    def _span(self, text: Text, code: str) -> tuple[tuple[int, int] | None, list[int]]:
        """The quoted place, and the sentences that carry the provision: the strongest, and those with a strong term."""
        if not text.places:
            return None, []
        lex = [0] * len(text.places)
        strong = set()
        for hit in text.hits:
            if hit.key == code:
                lex[hit.sentence] += hit.weight
                strong.add(hit.sentence) if hit.weight == lexicon.MUST else None
        scores = [float(x) for x in lex]
        own = self.coder.fitted.languages.get(text.lang) if self.coder.fitted else None
        if own is not None and code in own.words.classes:
            rows = own.vectoriser.transform([text.text[start:end] for start, end in text.places])
            weights = own.words.weights[: rows.shape[1]]
            scores = spans.evidence(rows, weights, own.words.classes.index(code), lex)
        chosen = spans.fewest(scores)
        return spans.together(chosen, text.places), sorted({chosen[0], *(strong & set(chosen))})

    def done(self, chapters: Mapping[str, str | None]) -> tuple[Coding, ...]:
        """All codings in the order of the units, with what the chapter says of disputes and exceptions."""
        said: dict[str | None, dict[str, bool]] = {}
        for coding in self.all:
            chapter = chapters.get(coding.unit)
            if chapter is not None and coding.provision == EC_DISP and "dispute_settlement" in coding.flags:
                said.setdefault(chapter, {})["dispute_settlement"] = coding.flags["dispute_settlement"]
            if chapter is not None and coding.provision == "MG-EXCP" and coding.state == "auto":
                said.setdefault(chapter, {})["exceptions"] = True
        result = []
        for coding in self.all:
            chapter = chapters.get(root_of(self.by_id[coding.unit], self.by_id))
            result.append(replace(coding, flags=dict(sorted({**said.get(chapter, {}), **coding.flags}.items()))))
        order = {name: at for at, name in enumerate(self.by_id)}
        return tuple(sorted(result, key=lambda c: (order[c.unit], c.provision)))


# --- Parts --------------------------------------------------------------------------------------------------------


def _check(articles: Sequence[Labelled], taxonomy: Taxonomy) -> None:
    for article in articles:
        if article.code != OTHER and article.code not in taxonomy.provisions:
            try:
                taxonomy[article.code]
            except InputError as error:
                error.where = article.id
                raise
    if len(articles) < model.LABELS_MIN:
        raise MethodError(
            f"{len(articles)} labelled articles are too few to fit a coder (at least {model.LABELS_MIN}).",
            hint="Label more articles, or use --mode shipped.", code="few_labels",
        )  # fmt: skip
    if len({a.agreement for a in articles}) < 2:
        raise MethodError(
            "all labelled articles are of one agreement, so nothing can be held out to measure the coder.",
            hint="Label articles of a second agreement.", code="one_agreement",
        )  # fmt: skip
    if len({a.code for a in articles}) < 2:
        raise MethodError("all labelled articles have one code.", hint="Label another one.", code="one_class")


def _settings(given: Settings | None, use_minilm: bool | None) -> Settings:
    chosen = given or Settings()
    if use_minilm is None:
        return replace(chosen, minilm=chosen.minilm and minilm.available())
    if use_minilm:
        minilm.load()  # says what is missing
    return replace(chosen, minilm=use_minilm)


def _version(
    mode: str, examples: Sequence[Example], taxonomy: Taxonomy, settings: Settings, whole: Sequence[whole_.Article] = ()
) -> str:
    seen = [[e.id, e.code, e.text.sha256, repr(e.weight)] for e in examples]
    about = {"mode": mode, "training": seen, "taxonomy": taxonomy.hash, "settings": repr(settings)}
    return canonical.digest(about | ({"whole": [[a.id, a.title, a.text.sha256] for a in whole]} if whole else {}))


def _lexicon_rows(texts: Sequence[Text], classes: Sequence[str]) -> Array:
    """Capped hits, with a thousandth of what the cap cut off, so that ties go to more hits."""
    lex = features.lex_rows(texts, [c for c in classes if c != OTHER])
    rows = np.zeros((len(texts), len(classes)))
    rows[:, [k for k, c in enumerate(classes) if c != OTHER]] = np.minimum(lex, lexicon.CAP) + lex / 1000
    return rows


def _headed(unit: Unit) -> str:
    return f"{unit.heading}.\n{unit.text}" if unit.heading else unit.text
