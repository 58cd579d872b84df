"""What the room promises of refusals in the accounts: the class, and that the message names place, size and way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError, SourceError
from concordat.impact.accounts.io_csv import parse_io_csv
from concordat.impact.accounts.io_table import IOTable
from concordat.impact.accounts.linkages import digital_linkages
from concordat.impact.mrio_readers import parse_mrio_npz

GOOD = IOTable(
    "AAA", ("farms", "telecom"), np.array([[10.0, 20.0], [30.0, 10.0]]), np.array([60.0, 70]), np.full(2, 100.0), 1
)
UNBALANCED = b"""# kind: io_table
# year: 1999
domestic,farms,telecom,final
farms,1,2,97
telecom,3,4,93
value_added,95,94,
output,100,101,
"""


def _no_imports_matrix() -> None:
    digital_linkages(replace(GOOD, flows="total"), ["telecom"])


def _unbalanced() -> None:
    parse_io_csv(UNBALANCED, area="AAA")


def _singular() -> None:
    digital_linkages(replace(GOOD, z=np.array([[50.0, 100.0], [25.0, 50.0]]), tolerance=1.0), ["telecom"])


def _objects() -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, countries=np.array([object()], dtype=object))
    parse_mrio_npz(buffer.getvalue(), year=2011)


# what is wrong | class | what the message must say
TABLE = [
    (_no_imports_matrix, MethodError, ("imports matrix", "imports: proportional", "stamped")),
    (_unbalanced, SourceError, ("telecom", "0.498 %", "tolerance")),
    (_singular, SourceError, ("singular", "telecom", "2 industries", "merge")),
    (_objects, InputError, ("Python objects", "never loaded")),
]


@pytest.mark.parametrize(("case", "error", "words"), TABLE, ids=[case.__name__ for case, _, _ in TABLE])
def test_refusals(case, error: type[ConcordatError], words: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        case()
    for word in words:
        assert word in str(caught.value)
    assert caught.value.where
    assert caught.value.hint
    assert caught.value.code


def test_oddities_are_kept_and_listed_with_the_result() -> None:
    """Negative value added and negative domestic use are no errors here: the multi-sector model refuses them."""
    text = (
        b"# kind: io_table\n# year: 1999\ndomestic,a,b,final\na,5,-1,96\nb,2,9,89\nimports,0,94,\nvalue_added,93,-2,\n"
    )
    found = digital_linkages(parse_io_csv(text, area="AAA"), ["b"])
    assert [str(k) for k in found.kept] == ["negative domestic use: a in b (-1)", "negative value added: b (-2)"]
