"""What a page may read: one release of evidence, as it stands for a bloc on a day, in a language.

A reader is a snapshot: while it lives, the same question has the same answer. What is costly (choosing the figures of a
bloc, writing a chapter) is done once, by whoever asks first; others wait for it. Everything comes from the functions
that write the yearly report, so that a page and the report can't disagree.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from concordat import __version__
from concordat.evidence.provenance import Book, Record, RememberingBook
from concordat.report.build import citations_of, gather, read_options
from concordat.report.cells import Counting
from concordat.report.chapter import Brief, Chapter, Figure, Missing, Source
from concordat.report.chapters.evidence import Options, read
from concordat.report.contents import CONTENTS
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import study_for_bloc
from concordat.web.languages import words_of

if TYPE_CHECKING:
    from concordat.council.record import Held
    from concordat.evidence.citation import Citation
    from concordat.evidence.observation import Observation
    from concordat.rulebook.store import RuleStore
    from concordat.settings import Settings
    from concordat.web.council_reader import CouncilSnapshot
    from concordat.web.node_facts import NodeFacts

T = TypeVar("T")
FIGURES_KEPT = 512
LOOKS_MAX = 2
BLOCS_KEPT = 8  # blocs whose figures stay chosen; another one costs about a second
COUNCIL = "commitments"  # the chapter that is made from the council's record
RECORD = "the record of this node"  # in the place of the folder that a study names
ID_LENGTH_LEAST = 10  # hex digits of a record's id on a page; more where a release needs them


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the bytes of a page depend on besides its address.

    Attributes:
        release: the name of the release of evidence. version: of this program.
        state, batch: of the council's record, `1.543` for batch 543 of view 1; empty where none is read.
        on: the day on which membership and rules are looked at.
    """

    release: str
    version: str
    on: str
    state: str = ""
    batch: str = ""


class Reader:
    """The snapshot, opened.

    Attributes:
        council: the council's record up to a final batch; None where a page reads none, or none is loaded.
        node: how the running node stands; None where none runs here.

    Args:
        settings: where the store of evidence lies.
        bloc: whose pages these are, where an address names no other bloc.
        on: the day, YYYY-MM-DD; today where it is empty.

    Raises:
        InputError: no bloc of that name, or one without members on the day. StateError: the store can't be read.
    """

    def __init__(self, settings: Settings, bloc: str = "BRICS", *, on: str = "") -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._blocs: OrderedDict[str, Inputs] = OrderedDict()
        self._made: OrderedDict[Hashable, object] = OrderedDict()
        self._of_council: dict[Hashable, object] = {}
        self._looking, self._looks = threading.Lock(), [0]
        self._orders: WeakKeyDictionary[Book, tuple[int, list[str]]] = WeakKeyDictionary()
        self._memory: OrderedDict[str, dict[str, Any]] = OrderedDict()  # what batches have in common
        self._figures: OrderedDict[str, Figure] = OrderedDict()
        self.council: CouncilSnapshot | None = None
        self.node: NodeFacts | None = None
        study = study_for_bloc(bloc, on=on)
        self.on = study.on
        self.bloc = study.bloc_id
        first = self.inputs(self.bloc)
        self.snapshot = Snapshot(first.release.name, __version__, self.on.isoformat())

    def with_council(self, council: CouncilSnapshot | None, node: NodeFacts | None = None) -> Reader:
        """The same evidence beside a record of the council; what was made from the evidence is shared."""
        reader = copy.copy(self)
        reader.council, reader.node, reader._of_council = council, node, {}
        if council is not None:
            reader.snapshot = replace(self.snapshot, state=council.state, batch=council.batch)
        return reader

    # --- Evidence ----------------------------------------------------------------------------------------------------

    def inputs(self, bloc: str = "", language: str = "en") -> Inputs:
        """All that a chapter of the report may use, for a bloc and in a language."""
        from concordat.world import bloc as bloc_of

        bloc = bloc_of(bloc).id if bloc else self.bloc
        with self._lock:
            found = self._blocs.get(bloc)
            if found is None:
                found = self._blocs[bloc] = self._gather(bloc)
                while len(self._blocs) > BLOCS_KEPT:
                    self._blocs.popitem(last=False)
            self._blocs.move_to_end(bloc)
        study = found.study if language == "en" else found.study.in_language(language)
        return replace(found, study=study, words=words_of(language))

    def moved_on(self, council: CouncilSnapshot) -> Reader:
        """The same batch, behind which something has moved: what was made from the batch is kept."""
        reader = copy.copy(self)
        reader.council = council
        return reader

    def beside(self, node: NodeFacts) -> Reader:
        """The same snapshot, with how the running node stands."""
        reader = copy.copy(self)
        reader.node = node
        return reader

    def council_inputs(self, language: str = "en") -> Inputs:
        """The figures of the council's bloc beside its record, with a book of their own; there must be a record.

        A book only grows: the rows of each batch would stay in one that is shared for as long as the site runs.
        """
        council = self.council
        assert council is not None

        def join() -> Inputs:
            found = self.inputs(council.bloc)
            document = found.study.document
            said = {**document.value, "council": {"export": RECORD, "trust": council.trust}}
            study = replace(found.study, document=replace(document, value=said))
            return replace(found, study=study, council=self.held(), book=RememberingBook(found.book, self._memory))

        joint = self.of_council(("inputs",), join)
        study = joint.study if language == "en" else joint.study.in_language(language)
        return replace(joint, study=study, words=words_of(language))

    def held(self) -> Held:
        """The council's record as a report takes it; there must be one."""
        assert self.council is not None
        return self.of_council(("held",), self.council.held)

    def _gather(self, bloc: str) -> Inputs:
        """One release for all blocs: that of the first, also when newer data have come since."""
        from concordat.evidence.store import open_store

        book = Book()
        study = study_for_bloc(bloc, on=self.on.isoformat())
        who = who_is_in(study, book)
        read_options(study)
        first = next(iter(self._blocs.values()), None)
        with open_store(self._settings.data_dir) as store:
            found = gather(study, who, self._settings, store, book)
            if first is None or found.release.name == first.release.name:
                return found
            named = replace(study, release=first.release.name, vintages=first.study.vintages)
            return gather(named, who, self._settings, store, book)

    # --- Rules -------------------------------------------------------------------------------------------------------

    @contextmanager
    def rules(self) -> Iterator[RuleStore]:
        """The rulebook of this machine as it was when it was first asked for: one reader at a time."""
        store, lock = self.once(("rulebook",), self._open_rules)
        with lock:
            yield store

    def _open_rules(self) -> tuple[RuleStore, threading.Lock]:
        from concordat.report.chapters.rulebook import STORE
        from concordat.rulebook.packaged import refresh
        from concordat.rulebook.store import RuleStore

        store = RuleStore.copy_of(self._settings.data_dir / STORE)
        refresh(store)
        return store, threading.Lock()

    # --- Figures -----------------------------------------------------------------------------------------------------

    def options(self, bloc: str = "") -> Options:
        """The thresholds of bloc figures, as the report has them where a study says nothing else."""
        return read(self.inputs(bloc).study)

    def index_name(self, bloc: str = "") -> str:
        """The name of the index that the report prints."""
        from concordat.report.chapters.observatory import read as read_index

        return read_index(self.inputs(bloc).study).named

    def counting(self, bloc: str = "", language: str = "en") -> Counting:
        """How bloc figures are made, with the weights read once."""
        inputs, options = self.inputs(bloc, language), self.options(bloc)
        return self.once(
            ("counting", inputs.who.id, language),
            lambda: Counting.of(inputs, options.min_coverage, options.min_members, options.not_after),
        )

    def chapter(self, chapter_id: str, bloc: str = "", language: str = "en") -> Chapter | Missing:
        """A chapter of the report; one that fails says so instead, as it does there."""
        from concordat.errors import ConcordatError, TrustError

        inputs = self.inputs(bloc, language)
        of_council = chapter_id == COUNCIL and self.council is not None and self.council.bloc == inputs.who.id
        if of_council:
            inputs = self.council_inputs(language)
        entry = next(e for e in CONTENTS if e.id == chapter_id)

        def write() -> Chapter | Missing:
            try:
                return entry.write(inputs)
            except TrustError:
                raise
            except ConcordatError as error:
                title = inputs.words.plain(f"chapter.{chapter_id}")
                return Missing(chapter_id, title, inputs.words.plain("chapter.failed", message=error.what), error.hint)

        key = ("chapter", chapter_id, inputs.who.id, language)
        return self.of_council(key, write) if of_council else self.once(key, write)

    def brief(self, chapter_id: str, bloc: str = "", language: str = "en") -> Brief:
        """What a first screen shows of a chapter; of one that fails nothing."""
        from concordat.errors import ConcordatError, TrustError

        entry = next(e for e in CONTENTS if e.id == chapter_id)
        if not entry.shortly:
            chapter = self.chapter(chapter_id, bloc, language)
            return Brief(chapter_id, chapter.headlines if isinstance(chapter, Chapter) else ())
        inputs = self.inputs(bloc, language)

        def write() -> Brief:
            try:
                return entry.brief(inputs)
            except TrustError:
                raise
            except ConcordatError:
                return Brief(chapter_id)

        return self.once(("brief", chapter_id, inputs.who.id, language), write)

    def citations(self, bloc: str = "") -> Mapping[str, Citation]:
        """A citation of every dataset of the release."""
        inputs = self.inputs(bloc)
        return self.once(("citations", inputs.who.id), lambda: citations_of(inputs))

    def sources(self, dataset_ids: tuple[str, ...], bloc: str = "") -> tuple[Source, ...]:
        """The datasets as a numbered list, in the order given."""
        from concordat.evidence.citation import cite

        citations = self.citations(bloc)
        return tuple(Source(d, cite(citations[d]), citations[d].fields) for d in dict.fromkeys(dataset_ids))

    def id_length(self, bloc: str = "") -> int:
        """How many hex digits name a record of the release."""
        from concordat.evidence.trace import id_length

        inputs = self.inputs(bloc)
        observed = self.once(("ids", inputs.who.id), lambda: id_length(o.obs_id for o in inputs.observations))
        return max(ID_LENGTH_LEAST, observed + 2)

    def record(self, record_id: str) -> Record | None:
        """The record that an id on a page names: of the release, or of a page that was made by this reader."""
        for inputs in self._opened():
            found = self._sorted(inputs.book)
            place = bisect_left(found, record_id)
            if place < len(found) and found[place].startswith(record_id):
                return inputs.book[found[place]]
        return next((o for o in self.inputs().observations if o.obs_id.startswith(record_id)), None)

    def _sorted(self, book: Book) -> list[str]:
        """The ids in a book, in order; sorted again when it has grown."""
        with self._lock:
            size, found = self._orders.get(book, (0, []))
            if size != book.size:
                found = sorted(book.ids())
                self._orders[book] = (len(found), found)
        return found

    def lookup(self, record_id: str) -> Record:
        """A record by its whole id.

        Raises:
            KeyError: no page has used it.
        """
        for inputs in self._opened():
            if record_id in inputs.book:
                return inputs.book[record_id]
        raise KeyError(record_id)

    def _opened(self) -> list[Inputs]:
        with self._lock:
            return [*self._blocs.values(), *(i for i in self._of_council.values() if isinstance(i, Inputs))]

    def checked(self, observation: Observation) -> tuple[tuple[str, str], ...]:
        """Where a figure stands: its row in the store and the bytes it was read from, each compared with what it says.

        Raises:
            TrustError: a row or a body is not what it was. StateError: the vintage is not in the store.
        """
        from concordat.evidence.prov import Provenance
        from concordat.evidence.store import open_store
        from concordat.evidence.trace import Tracer

        with self._lock, open_store(self._settings.data_dir) as store:
            said = Provenance({observation.obs_id: observation}, {}, {}, {})
            return Tracer(store, said, None).whole(observation.obs_id, "").steps

    def keep_figure(self, key: str, figure: Figure) -> None:
        """Remember a figure that a page shows, by the hash of its specification and numbers."""
        with self._lock:
            self._figures[key] = figure
            self._figures.move_to_end(key)
            while len(self._figures) > FIGURES_KEPT:
                self._figures.popitem(last=False)

    def look_through(self, look: Callable[[], None]) -> None:
        """Go through the pages for a figure that nobody has shown yet; at most `LOOKS_MAX` times, one at a time.

        Addresses that name no figure would else cost a minute each.
        """
        with self._looking:
            if self._looks[0] < LOOKS_MAX:
                self._looks[0] += 1
                look()

    def figure(self, key: str) -> Figure | None:
        """A figure that some page of this reader has shown."""
        with self._lock:
            return self._figures.get(key)

    def of_council(self, key: Hashable, make: Callable[[], T]) -> T:
        """As `once`, of this batch of the record: it goes when the next one comes."""
        with self._lock:
            if key not in self._of_council:
                self._of_council[key] = make()
            return self._of_council[key]  # type: ignore[return-value]

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for this key, or make it now; two who ask at once get the same."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]  # type: ignore[return-value]
