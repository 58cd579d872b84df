"""The folder of a Polis export, read for `council consult analyse`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from concordat.cli._node_home import read


def read_folder(folder: Path, sign: int) -> Any:
    """The votes of an export.

    Raises:
        InputError: a file is missing, or says something that can't be.
    """
    from concordat.council.consult.polis_csv import read_matrix

    comments, votes = folder / "comments.csv", folder / "participants-votes.csv"
    return read_matrix(read(votes), read(comments), sign=sign or None, where=str(votes), comments_where=str(comments))
