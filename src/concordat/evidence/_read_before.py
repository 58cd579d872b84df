"""What does the embedded Factbook say, without parsing its 256 files: the rows as they were read for this version.

A shortcut and never a source. The rows stand beside the program as the file that the store would have written, with
what the parser had to say. They are used only where they are the reading that is wanted: the same vintage (the
package's version, the parser, what the catalogue asks for), the whole hash of the same text, and a file whose hash is
the one written down for it. Whatever is missing, damaged or of another reading is passed over, and the text is parsed
as it always was; the rows and the vintage are the same both ways. That they are is a test, which parses the whole text
(`tests/conformance/test_factbook.py`) and, after a change of catalogue or parser, writes both files anew when run with
`--update-golden`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError
from concordat.evidence.sources._base import Problem
from concordat.evidence.store.catalog import list_hash

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from concordat.evidence.sources.factbook import Edition
    from concordat.evidence.store import Vintage

SCHEMA = "concordat/factbook-read@1"
NOTE, ROWS = "read.json", "rows.parquet"


@dataclass(frozen=True, slots=True)
class ReadBefore:
    """A vintage's rows as a file of the store, with what its catalogue says of them.

    Attributes:
        file: the bytes of the Parquet file; `file_sha256` is their hash.
        row_count, logical_hash: as in `store.Vintage`.
        problems: what the parser had to say, in its order.
    """

    file: bytes = field(repr=False)
    file_sha256: str
    row_count: int
    logical_hash: str
    problems: tuple[Problem, ...] = field(repr=False)


def read_before(edition: Edition, vintage_id: str, folder: Traversable | None = None) -> ReadBefore | None:
    """The rows of an edition under a vintage's id, if just these were packaged and are whole; else None."""
    folder = folder or files("concordat.evidence") / "_data" / "factbook"
    try:
        said = json.loads((folder / NOTE).read_bytes())
        if (said["schema"], said["vintage"], said["content"]) != (SCHEMA, vintage_id, edition.content_hash):
            return None
        file = (folder / ROWS).read_bytes()
        if hashlib.sha256(file).hexdigest() != said["file_sha256"]:
            return None
        if list_hash(said["problems"]) != said["problems_hash"]:
            return None
        problems = tuple(Problem(*row) for row in said["problems"])
        return ReadBefore(file, said["file_sha256"], said["rows"], said["logical_hash"], problems)
    except (OSError, ValueError, LookupError, TypeError, ConcordatError):  # cut short, or not what was written
        return None


def packed(edition: Edition, vintage: Vintage, problems: Iterable[Problem], file: bytes) -> dict[str, bytes]:
    """The two files for a vintage as a store holds it, by name; a problem a line, so that a change can be reviewed."""
    said = {
        "schema": SCHEMA,
        "vintage": vintage.id,
        "content": edition.content_hash,
        "rows": vintage.row_count,
        "logical_hash": vintage.logical_hash,
        "file_sha256": vintage.file_sha256,
        "problems_hash": vintage.problems_hash,
    }
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in said.items()]
    rows = ",\n".join(json.dumps(astuple(p), ensure_ascii=False) for p in problems)
    note = "{" + ",\n".join([*head, f'"problems": [\n{rows}\n]']) + "}\n"
    return {NOTE: note.encode(), ROWS: file}
