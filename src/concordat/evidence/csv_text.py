"""Text in a CSV file that no spreadsheet takes for a formula.

A spreadsheet takes text that begins with `=`, `+`, `-` or `@` for a formula and may run it (OWASP, "CSV Injection").
Such text is written with an apostrophe before it, and so is text that begins with an apostrophe: whoever removes one
leading apostrophe has the text back.
"""

from __future__ import annotations

# What a spreadsheet takes for the beginning of a formula, the wide forms of East Asian keyboards among them.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    >>> guarded("=1+1"), guarded("'tis"), guarded("Brazil")
    ("'=1+1", "''tis", 'Brazil')
    """
    return f"'{text}" if text.startswith((*FORMULA_STARTS, "'")) else text
