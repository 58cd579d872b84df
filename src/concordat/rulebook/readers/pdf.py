"""What articles does a PDF hold? Its pages' lines go to the splitter, without headers, footers and cut words.

Text is taken by `pypdf` (extra `[text]`, BSD-3-Clause). Lines that 60% of the pages repeat at the same edge are
dropped; words cut at the end of a line are joined if the whole word occurs elsewhere. A PDF of pictures has no text: it
needs OCR, which isn't done here. Where a unit stands in the raw file is not known.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence

from concordat.errors import InputError, MethodError
from concordat.rulebook import _clean
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.readers import _heads, _split
from concordat.rulebook.readers._split import Line
from concordat.rulebook.readers._units import Builder, blob_of
from concordat.rulebook.readers.text import without_numbers

PAGES_MAX = 5_000


def parse_pdf(data: bytes, *, name: str, id: str, lang: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of a PDF.

    Raises:
        InputError: not a PDF that can be read, locked, without text, or in a language that can't be told.
        MethodError: `pypdf` isn't installed.
    """
    blob = blob_of(data, name)
    title, pages = _pages(data, name)
    empty = [number for number, page in enumerate(pages, start=1) if not any(page)]
    if len(empty) == len(pages):
        what = f"page {_span(empty)} hold pictures only; run OCR first."
        raise InputError(what, where=name, hint="For example: ocrmypdf in.pdf out.pdf", code="no_text_layer")
    sample = "\n".join(line for page in pages for line in page)
    spoken, how = _clean.language(sample, given=lang, where=name)
    kept = _clean.without_furniture(pages, _heads.head_pattern(spoken))
    lines = without_numbers([Line(text) for page in kept for text in page])
    whole = [Line(text) for text in _clean.without_hyphens([line.text for line in lines])]
    split = _split.split(whole, spoken, where=name)
    build = Builder(id, spoken, blob, where=name, ranges=False)
    _split.build_parts(build, split.parts, [(0, 0)] * len(split.parts))
    warnings = [f"{name}: page {_span(empty)} hold pictures only and are not read; run OCR first."] if empty else []
    return build.done(title or split.title or id, how, (*warnings, *split.warnings))


def _pages(data: bytes, name: str) -> tuple[str, list[list[str]]]:
    """The title that the file states, and the lines of each page."""
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError:
        hint = "Install it: pip install 'concordat[text]', or save the text as .txt."
        raise MethodError(
            "to read a PDF needs the package pypdf.", where=name, hint=hint, code="extra_missing"
        ) from None
    # pypdf tells of each oddity of a file by logging; what can't be read is raised.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            hint = "Save a copy without one."
            raise InputError("the PDF is locked with a password.", where=name, hint=hint, code="locked")
        if len(reader.pages) > PAGES_MAX:
            hint = "Load its parts one by one."
            raise InputError(f"has more than {PAGES_MAX:,} pages.", where=name, hint=hint, code="too_large")
        pages = [_lines(page.extract_text() or "") for page in reader.pages]
        title = str((reader.metadata and reader.metadata.title) or "").strip()
    except InputError:
        raise
    except pypdf.errors.DependencyError as error:
        hint = "Save a copy without encryption."
        raise InputError(f"the PDF can't be opened: {error}.", where=name, hint=hint, code="locked") from None
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OSError) as error:
        # A broken file makes pypdf fail in many ways; all mean the same to the person.
        hint = "Open it in a viewer and print it to a new PDF."
        raise InputError(f"is not a PDF that we can read ({error}).", where=name, hint=hint, code="not_pdf") from None
    if not pages:
        raise InputError("the PDF has no page.", where=name, hint="Look whether it is the right file.", code="empty")
    return title, pages


def _lines(text: str) -> list[str]:
    return [line.text for line in _split.lines_of(text)]


def _span(pages: Sequence[int]) -> str:
    """Page numbers as spans.

    >>> _span([1, 2, 3, 7, 9, 10])
    '1-3, 7, 9-10'
    """
    spans: list[list[int]] = []
    for page in pages:
        if spans and spans[-1][-1] == page - 1:
            spans[-1] = [spans[-1][0], page]
        else:
            spans.append([page])
    return ", ".join("-".join(map(str, span)) for span in spans)
