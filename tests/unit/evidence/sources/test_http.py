"""The HTTP layer against a service on this machine that answers as services do on their bad days.

Waiting and chance are recorded instead of happening; the limits are those of the specification of evidence, section 9.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from concordat import __version__
from concordat.errors import SourceError
from concordat.evidence.sources._base import Answer, Request
from concordat.evidence.sources._http import HttpTransport, Limits

GOOD = b'[{"page": 1}, []]'


class Bench:
    """A transport whose waits are kept in a list, and the service it asks."""

    def __init__(self, service: Any, open_: ExitStack, **options: Any) -> None:
        self.service = service
        self.waits: list[float] = []
        self.told: list[str] = []
        defaults: dict[str, Any] = {
            "service": service.url, "sleep": self.waits.append, "random": lambda: 0.5, "progress": self.told.append,
            "seconds": lambda: 1_000_000.0,
        }  # fmt: skip
        self.transport = open_.enter_context(HttpTransport(**defaults | options))

    def get(self, path: str = "/v2?format=json", **columns: Any) -> Answer:
        request = Request(self.service.url + path, **{"label": "X, page 1"} | columns)
        return self.transport.send(request)


@pytest.fixture
def bench(local_service: Callable[..., Any]) -> Iterator[Callable[..., Bench]]:
    with ExitStack() as open_:
        yield lambda answer, **options: Bench(local_service(answer), open_, **options)


def _after(*replies: Any) -> Callable[[Any], Any]:
    """Answers with each reply in turn; the last for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


# --- A good answer ---


def test_an_answer_carries_its_bytes_its_headers_and_its_address_without_secrets(
    bench: Callable[..., Bench], reply: Any
) -> None:
    headers = {"ETag": '"a1"', "Set-Cookie": "id=7", "Last-Modified": "Wed, 07 Oct 2026 07:28:00 GMT"}
    b = bench(lambda _: reply(GOOD, headers=headers))
    answer = b.get("/v2?page=1&api_key=SECRET&date=2000:2025")
    assert answer.body == GOOD
    assert answer.url == f"{b.service.url}/v2?date=2000:2025&page=1"
    assert (answer.status, answer.etag, answer.last_updated) == (200, '"a1"', "Wed, 07 Oct 2026 07:28:00 GMT")
    assert dict(answer.headers).keys() == {"content-type", "date", "etag", "last-modified"}
    assert answer.name == "X--page-1"
    assert answer.retrieved_at.isoformat() == "2026-11-22T00:00:00+00:00"
    assert b.service.asked[0].query["api_key"] == "SECRET", "the service itself is given it"
    assert b.waits == []


def test_a_request_says_who_asks_and_what_is_accepted(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(b"a,b\n", kind="text/csv; charset=utf-8"))
    b.get(accept=("application/vnd.sdmx.data+csv;labels=id", "text/csv"), headers=(("Accept-Language", "en"),))
    b.get(accept=("text/csv",), method="POST", body=b"key=1")
    first, second = b.service.asked
    assert first.headers["user-agent"] == f"concordat/{__version__}"
    assert first.headers["accept"] == "application/vnd.sdmx.data+csv;labels=id, text/csv"
    assert first.headers["accept-language"] == "en"
    assert first.headers["host"] == b.service.url.removeprefix("http://")
    assert "cookie" not in second.headers
    assert (second.method, second.body) == ("POST", b"key=1")


def test_cookies_are_not_sent_back(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(GOOD, headers={"Set-Cookie": "id=7"}))
    b.get()
    b.get()
    assert "cookie" not in b.service.asked[1].headers


def test_a_packed_answer_is_unpacked(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(gzip.compress(GOOD), headers={"Content-Encoding": "gzip"}))
    assert b.get().body == GOOD


# --- Asking again ---


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_service_that_is_busy_is_asked_again_after_a_random_part_of_a_doubling_wait(
    bench: Callable[..., Bench], reply: Any, status: int
) -> None:
    busy = reply(b"busy", status=status)
    b = bench(_after(busy, busy, busy, busy, reply(GOOD)))
    assert b.get().body == GOOD
    assert b.waits == [0.5, 1.0, 2.0, 4.0], "half of 1, 2, 4 and 8 s, as chance here always says one half"
    assert b.told[0].startswith(f"X, page 1: 127.0.0.1:{b.service.url.rpartition(':')[2]} answered {status} ")
    assert b.told[0].endswith("Asking again in 0 s (2 of 5).")


def test_a_wait_never_grows_beyond_a_minute(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(status=503), limits=Limits(retries=8), random=lambda: 1.0)
    with pytest.raises(SourceError):
        b.get()
    assert b.waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_four_more_tries_the_error_says_what_was_answered(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(b"Service Temporarily\r\n Unavailable\x1b[2J", status=503))
    with pytest.raises(SourceError) as caught:
        b.get()
    assert len(b.service.asked) == 5
    host = b.service.url.removeprefix("http://")
    said = "Service Temporarily Unavailable\ufffd[2J"
    assert str(caught.value) == f'X, page 1: {host} answered 503 Service Unavailable: "{said}" (5 tries).'
    assert caught.value.code == "http_503"


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", b"<html>\n  <head><title>Sorry</title>" + b"x" * 200,
         'text/html instead of application/json: "<html> <head><title>Sorry</title>' + "x" * 47 + '"'),
        ("application/xml", b'<?xml version="1.0"?><error/>',
         'application/xml instead of application/json: "<?xml version="1.0"?><error/>"'),
        ("application/json", b"\xef\xbb\xbf  <wb:error/>",
         'markup that calls itself application/json instead of application/json: "<wb:error/>"'),
        ("", b"<html>", 'no content type instead of application/json: "<html>"'),
    ],
)  # fmt: skip
def test_html_or_xml_for_json_is_asked_again_then_an_error_with_its_first_80_characters(
    bench: Callable[..., Bench], reply: Any, kind: str, body: bytes, said: str
) -> None:
    b = bench(lambda _: reply(body, kind=kind))
    with pytest.raises(SourceError) as caught:
        b.get()
    assert f"answered with {said}" in str(caught.value)
    assert caught.value.code == "content_type"
    assert len(b.service.asked) == 5
    assert bench(_after(reply(body, kind=kind), reply(GOOD))).get().body == GOOD


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", ""])
def test_a_content_type_may_carry_parameters_and_may_be_absent(
    bench: Callable[..., Bench], reply: Any, kind: str
) -> None:
    assert bench(lambda _: reply(GOOD, kind=kind)).get().body == GOOD


@pytest.mark.parametrize(("status", "phrase"), [(400, "Bad Request"), (403, "Forbidden"), (404, "Not Found")])
def test_a_refusal_is_final(bench: Callable[..., Bench], reply: Any, status: int, phrase: str) -> None:
    b = bench(lambda _: reply(b"no such flow", status=status))
    with pytest.raises(SourceError, match=f'answered {status} {phrase}: "no such flow"'):
        b.get()
    assert len(b.service.asked) == 1


def test_a_connector_may_say_what_a_status_means_and_that_it_is_final(bench: Callable[..., Bench], reply: Any) -> None:
    def explain(request: Request, status: int, body: bytes) -> SourceError | None:
        return SourceError(f"{request.label}: {body.decode()}", code="refused") if status == 500 else None

    b = bench(lambda _: reply(b"no such indicator", status=500), explain=explain)
    with pytest.raises(SourceError, match=r"^X, page 1: no such indicator$"):
        b.get()
    assert len(b.service.asked) == 1


# --- Retry-After ---


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("0", 0), ("120", 120), ("300", 300), ("Mon, 12 Jan 1970 13:47:10 GMT", 30), ("Sun, 01 Jan 1995 0:0:0 GMT", None),
     ("soon", 0.5), ("-5", 0.5), ("", 0.5)],
)  # fmt: skip
def test_retry_after_is_obeyed_up_to_five_minutes(
    bench: Callable[..., Bench], reply: Any, text: str, wait_s: float | None
) -> None:
    b = bench(_after(reply(status=429, headers={"Retry-After": text}), reply(GOOD)))
    if wait_s is None:  # 1995 is long after the second 1,000,000 since 1970
        with pytest.raises(SourceError, match="wants no request before 1995-01-01 00:00 UTC"):
            b.get()
        return
    b.get()
    assert b.waits == [wait_s]


@pytest.mark.parametrize("status", [429, 503])
def test_a_longer_wait_ends_the_pull_and_says_until_when(bench: Callable[..., Bench], reply: Any, status: int) -> None:
    b = bench(lambda _: reply(status=status, headers={"Retry-After": "3600"}))
    with pytest.raises(SourceError) as caught:
        b.get()
    # The service's clock is ours here: 1,000,000 s after 1970-01-01 is 13:46:40 on 12 January.
    assert "wants no request before 1970-01-12 14:46 UTC (60 minutes from now)." in str(caught.value)
    assert caught.value.code == "retry_after"
    assert (b.waits, len(b.service.asked)) == ([], 1)


# --- Broken, slow and huge answers ---


def test_an_answer_cut_short_is_asked_for_again(bench: Callable[..., Bench], reply: Any) -> None:
    cut = reply([GOOD[:5]], headers={"Content-Length": str(len(GOOD)), "Connection": "close"})
    assert bench(_after(cut, reply(GOOD))).get().body == GOOD
    with pytest.raises(SourceError, match=r"was cut short or damaged .*\(5 tries\)") as caught:
        bench(lambda _: cut).get()
    assert caught.value.code == "cut_short"


def test_an_answer_that_is_not_packed_as_it_says_is_asked_for_again(bench: Callable[..., Bench], reply: Any) -> None:
    lie = reply(GOOD, headers={"Content-Encoding": "gzip"})
    assert bench(_after(lie, reply(GOOD))).get().body == GOOD


def test_a_service_that_says_nothing_is_given_up_after_the_time_limit(bench: Callable[..., Bench], reply: Any) -> None:
    import threading

    done = threading.Event()

    def slow(_: Any) -> Any:
        done.wait(3)
        return reply(GOOD)

    b = bench(slow, limits=Limits(read_s=0.05, retries=1))
    with pytest.raises(SourceError, match=r"did not answer in time \(2 tries\)\.") as caught:
        b.get()
    done.set()
    assert caught.value.code == "timeout"
    assert b.waits == [0.5]


def _trickle(chunk: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield chunk


def test_a_body_that_never_ends_is_cut_off_at_the_time_limit(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(_trickle(b" " * 1000, 10_000)), limits=Limits(answer_s=0.0, retries=0))
    with pytest.raises(SourceError, match="did not end its answer in 0 s"):
        b.get()


def test_a_body_that_is_too_large_is_refused_while_it_comes(bench: Callable[..., Bench], reply: Any) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            sent.append(number)
            yield b"x" * 10_000

    b = bench(lambda _: reply(endless()), limits=Limits(body_bytes_max=50_000))
    with pytest.raises(SourceError, match="sends more than 50,000 bytes in one answer") as caught:
        b.get()
    assert caught.value.code == "too_large"
    assert len(b.service.asked) == 1, "it would be too large again"
    assert len(sent) < 100_000


def test_a_body_that_says_it_is_too_large_is_not_read(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply([b"x"], headers={"Content-Length": "999999999999"}))
    with pytest.raises(SourceError, match="sends more than 268,435,456 bytes"):
        b.get()


def test_a_small_packed_body_that_unpacks_too_large_is_refused(bench: Callable[..., Bench], reply: Any) -> None:
    bomb = reply(gzip.compress(b"\0" * 5_000_000), headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceError, match="sends more than 1,000,000 bytes"):
        bench(lambda _: bomb, limits=Limits(body_bytes_max=1_000_000)).get()


def test_a_body_of_just_the_largest_size_is_taken(bench: Callable[..., Bench], reply: Any) -> None:
    body = b"[" + b" " * 998 + b"]"
    assert len(bench(lambda _: reply(body), limits=Limits(body_bytes_max=1000)).get().body) == 1000


# --- No connection ---


def test_offline_says_that_assess_still_works(bench: Callable[..., Bench], reply: Any) -> None:
    b = bench(lambda _: reply(GOOD))
    b.service.close()
    with pytest.raises(SourceError) as caught:
        b.get()
    assert caught.value.code == "offline"
    assert "can't be reached: " in str(caught.value)
    assert str(caught.value).endswith("concordat assess still works with the Factbook.")
    assert b.waits == [], "a machine without network is told at once"


def test_how_often_a_host_is_asked_is_kept_in_its_bucket(
    bench: Callable[..., Bench], reply: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat.evidence.sources import _http
    from concordat.evidence.store import open_store
    from concordat.evidence.store.buckets import Buckets

    with open_store(tmp_path) as store:
        b = bench(lambda _: reply(GOOD), buckets=Buckets(store.catalog))
        host = b.service.url.removeprefix("http://")
        monkeypatch.setattr(_http, "RATES", {host: _http.Rate(burst=2, per_hour=60)})
        for _ in range(4):
            b.get()
    assert b.waits == pytest.approx([60, 120]), "two at once, then one a minute; the clock stands still here"
    assert b.told[0] == f"{host} may be asked 60 times an hour; waiting 60 s."
