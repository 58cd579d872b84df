"""What came back: whether it is of the kind that was asked for, how to show it, when to come back."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

SHOWN_CHARACTERS = 80


def wrong_content(accept: tuple[str, ...], content_type: str, body: bytes) -> str:
    """What is wrong about a content type, as the end of a sentence; empty if it is one that was asked for."""
    wanted = [media_type(a) for a in accept]
    found = media_type(content_type)
    markup = any(w.endswith(("xml", "html")) or w == "*/*" for w in wanted)
    looks_wrong = not markup and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    if looks_wrong or (found and found not in wanted and "*/*" not in wanted):
        kind = f"markup that calls itself {found}" if found in wanted else found or "no content type"
        return f'{kind} instead of {wanted[0]}: "{excerpt(body)}"'
    return ""


def media_type(text: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return text.partition(";")[0].strip().lower()


def excerpt(body: bytes) -> str:
    """The first 80 characters of a body, on one line, with nothing in them that a terminal would obey."""
    text = " ".join(body[: SHOWN_CHARACTERS * 8].decode("utf-8-sig", "replace").split())
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:SHOWN_CHARACTERS]


def rows_text(count: int) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} row" + ("" if count == 1 else "s")


def phrase(status: int) -> str:
    """`Too Many Requests` of 429; empty for a number that nobody has named."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds to wait, from seconds or a date as RFC 9110 section 10.2.3 has them; None for anything else.

    >>> retry_after_s("120", 0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0), retry_after_s("soon", 0)
    (120.0, 60.0, None)
    """
    if text.isdecimal():
        return float(text[:10])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, when.timestamp() - now_s)
