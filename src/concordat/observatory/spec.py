"""The index file, read so strictly that an index can't be misspecified: names, units, steps, what is varied.

`IndexSpec.from_yaml(text)` reads `schema: concordat/index@1` (its JSON Schema: `schema/index-1.json`), checks every
name that one part of the file uses for another, and gives frozen plain objects. Whatever is wrong is an `InputError`
with file and line before anything runs. The file's hash, SHA-256 of its RFC 8785 form, is printed on all that it
produced.

Source of the structure: OECD and JRC, *Handbook on Constructing Composite Indicators* (2008), whose ten steps the file
states one by one.

    >>> text = '''
    ... schema: concordat/index@1
    ... index: demo
    ... title: A demonstration
    ... tree:
    ...   - pillar: access
    ...     indicators: [{id: users, direction: up, goalposts: [0, 100]}]
    ... steps:
    ...   - normalise: {method: goalposts}
    ...   - aggregate: {default: arithmetic}
    ... '''
    >>> spec = IndexSpec.from_yaml(text, where="demo.yaml")
    >>> spec.tree.names, spec.steps[0].options.method
    (('users', 'access', 'demo'), 'goalposts')
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from typing import Any, TypeAlias

from concordat import canonical
from concordat.observatory.stages import options as o
from concordat.observatory.tree import Tree
from concordat.settings import Document, parse_yaml, validate

Options: TypeAlias = o.Denominate | o.Impute | o.Screen | o.Treat | o.Normalise | o.Weights | o.Aggregate
ORDER = ("denominate", "impute", "screen", "treat", "normalise", "weights", "aggregate")
PANEL_FILLS = ("latest", "constant", "linear", "log_linear", "diffusion")
DATA_DRIVEN = ("pca", "factor", "optimise", "entropy", "critic")


@dataclass(frozen=True, slots=True)
class Error:
    """How wrong a figure may be: kind sd (in the unit), relative_sd (a share), evidence (uniform in its interval)."""

    kind: str
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator as the file has it.

    Attributes:
        direction: 1 where more is better, -1 where less is.
        column: how it is normalised where it differs from the step.
        bounds: what its figures can't lie outside of, or None for either end; catalogue bounds where not given.
    """

    id: str
    title: str
    direction: int
    weight: float
    transform: str
    column: o.Column
    error: Error | None
    unit: str
    breakdown: str
    bounds: tuple[float | None, float | None] | None
    source: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step: the stage, its name (the stage's own where none was given), its options."""

    name: str
    stage: str
    options: Options


@dataclass(frozen=True, slots=True)
class Vary:
    """A factor of the uncertainty analysis.

    Attributes:
        path: as in the file (`treat.winsorise_max`).
        kind: option (levels are options of a step), noise, ballot, draw, error, continuous.
        step: the number of the step concerned; -1 for data.error.
        levels: the step's options at each level; for draws only their number counts.
        labels: what each level is called.
        probabilities: of the levels; empty: equal.
        uniform: of a continuous factor.
        field: the option that a continuous factor sets.
        draws: how many pre-drawn levels noise and error have.
        noise: (plus_minus, tree levels) of weights.noise.
    """

    path: str
    kind: str
    step: int
    levels: tuple[Options, ...] = ()
    labels: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    uniform: tuple[float, float] | None = None
    field: str = ""
    draws: int = 0
    noise: tuple[float, tuple[int, ...]] = (0.0, ())
    group: str = ""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What is varied, how often, from which seed."""

    runs: int
    seed: int
    vary: tuple[Vary, ...]
    targets: tuple[str, ...]
    on_error: str
    top: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Units:
    """Who is ranked."""

    bloc: str = ""
    as_of: str = ""
    countries: tuple[str, ...] = ()
    with_invited: bool = False
    compare_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """Which figures are used: release, first and last year, how a year is taken, accepted observation ids."""

    release: str = "auto"
    first: int | None = None
    last: int | None = None
    take: str = "latest"
    max_age: int | None = None
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class IndexSpec:
    """An index, whole. `data` is the file as plain data, `hash` of that, `document` for messages with lines."""

    id: str
    kind: str
    status: str
    title: str
    edition: str
    licence: str
    sources: tuple[str, ...]
    note: str
    compat: str
    units: Units | None
    data: Data
    indicators: tuple[Indicator, ...]
    tree: Tree
    titles: Mapping[str, str]
    rationales: Mapping[str, str]
    steps: tuple[Step, ...]
    uncertainty: Uncertainty | None
    validators: tuple[str, ...]
    content: Mapping[str, Any]
    document: Document = field(repr=False)

    @property
    def hash(self) -> str:
        """SHA-256 of the file's RFC 8785 form."""
        return canonical.digest(dict(self.content), floats=True)

    @classmethod
    def from_yaml(
        cls, text: str | bytes, *, where: str = "index.yaml", read: Callable[[str], str] | None = None
    ) -> IndexSpec:
        """Read an index file.

        Args:
            where: how messages call it.
            read: gives the text of a file that it names (ballots); without it such a file is an error.

        Raises:
            InputError: unknown key, name, path or level; children empty; an id twice; weights below zero or all zero.
        """
        return cls.from_document(parse_yaml(text, where=where, schema="index@1"), read=read)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, where: str = "index") -> IndexSpec:
        """From plain data, as a report's record holds it."""
        return cls.from_document(Document(dict(data), where, {}))

    @classmethod
    def from_document(cls, document: Document, *, read: Callable[[str], str] | None = None) -> IndexSpec:
        """From a document of the YAML loader."""
        from concordat.observatory._spec_model import IndexFile
        from concordat.observatory._spec_reader import Reader

        return Reader(document, validate(document, IndexFile), read).spec()

    def without(self, indicators: Collection[str]) -> tuple[IndexSpec | None, tuple[str, ...]]:
        """The same index without some of its indicators.

        Returns:
            The file, its hash another one (None when nothing is left), and the parents that went with their children.
        """
        from concordat.observatory._spec_prune import prune

        content, gone = prune(self.content, indicators)
        if not content["tree"]:
            return None, gone
        names = {*indicators, *gone}
        document = Document(content, self.document.where, {})
        made = self.from_document(document, read=lambda _: self._ballots_without(names))
        return dataclass_replace(made, units=self.units), gone

    def _ballots_without(self, gone: Collection[str]) -> str:
        """The ballots that the file named, as it would have them without some nodes."""
        step = self.step("weights")
        assert step is not None
        assert isinstance(step.options, o.Weights)
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("ballot", "member", "indicator", "points"))
        for ballot, member, points in step.options.ballots:
            rows.writerows((ballot, member, node, repr(given)) for node, given in points if node not in gone)
        return text.getvalue()

    def step(self, stage: str) -> Step | None:
        """The last step of a stage, or None."""
        return next((s for s in reversed(self.steps) if s.stage == stage), None)

    def name_of(self, node: str) -> str:
        """What a node is called: its title, or its id in words."""
        return self.titles.get(node) or node.replace("_", " ")
