"""What a page may read: one release of evidence, as it stands for a bloc on a day, in a language.

A reader is a snapshot: while it lives, the same question has the same answer. What is costly (choosing the figures of a
bloc, writing a chapter) is done once, by whoever asks first; others wait for it. Everything comes from the functions
that write the yearly report, so that a page and the report can't disagree.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from concordat import __version__
from concordat.evidence.provenance import Book, Record
from concordat.report.build import citations_of, gather, read_options
from concordat.report.cells import Counting
from concordat.report.chapter import Chapter, Missing, Source
from concordat.report.chapters.evidence import Options, read
from concordat.report.contents import CONTENTS
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import study_for_bloc
from concordat.web.languages import words_of

if TYPE_CHECKING:
    from concordat.evidence.citation import Citation
    from concordat.settings import Settings

T = TypeVar("T")
BLOCS_KEPT = 8  # blocs whose figures stay chosen; another one costs about a second
ID_LENGTH_LEAST = 10  # hex digits of a record's id on a page; more where a release needs them


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the bytes of a page depend on besides its address.

    Attributes:
        release: the name of the release of evidence. version: of this program.
        state, batch: of the council's record; empty and 0 where none is loaded.
        on: the day on which membership and rules are looked at.
    """

    release: str
    version: str
    on: str
    state: str = ""
    batch: int = 0


class Reader:
    """The snapshot, opened.

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
        study = study_for_bloc(bloc, on=on)
        self.on = study.on
        self.bloc = study.bloc_id
        first = self.inputs(self.bloc)
        self.snapshot = Snapshot(first.release.name, __version__, self.on.isoformat())

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
        entry = next(e for e in CONTENTS if e.id == chapter_id)

        def write() -> Chapter | Missing:
            try:
                return entry.load()(inputs)
            except TrustError:
                raise
            except ConcordatError as error:
                title = inputs.words.plain(f"chapter.{chapter_id}")
                return Missing(chapter_id, title, inputs.words.plain("chapter.failed", message=error.what), error.hint)

        return self.once(("chapter", chapter_id, inputs.who.id, language), write)

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
        """The record that an id on a page names, if the page has been made by this reader."""
        with self._lock:
            opened = list(self._blocs.values())
        for inputs in opened:
            for known, record in list(inputs.book.items()):
                if known.startswith(record_id):
                    return record
        return None

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for this key, or make it now; two who ask at once get the same."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]  # type: ignore[return-value]
