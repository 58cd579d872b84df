"""Asking a service over the network: patient with its bad days, strict about where and how much.

The rules are those of the specification of evidence, section 9. Four retries on 429, 5xx, timeouts, broken answers and
answers of another content type than was asked for, after random waits (full jitter: a random part of 1, 2, 4 and 8 s);
`Retry-After` is obeyed up to 300 s, and a longer one ends the pull with the time at which to come back. Bodies are read
as a stream and cut off at 256 MiB. At most five redirects, by https only, and never into a private network (`_urls`).
How often a host is asked is limited by a token bucket that outlives the process. Certificates are checked; no cookies
are kept; records hold no secrets.

Waiting, chance, names and the clock are arguments, so that tests wait for nothing.
"""

from __future__ import annotations

import random as random_
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from concordat import __version__, clock
from concordat.errors import InputError, SourceError
from concordat.evidence.sources._answers import excerpt, phrase, retry_after_s, wrong_content
from concordat.evidence.sources._base import Answer, Request
from concordat.evidence.sources._urls import (
    Resolve,
    addresses_for,
    normal_url,
    place_of,
    require_https,
    require_proxied,
    unreachable,
)

if TYPE_CHECKING:
    import ssl

    import httpx

    from concordat.evidence.store.buckets import Buckets

Explain = Callable[[Request, int, bytes], SourceError | None]

KEPT_HEADERS = ("content-language", "content-type", "date", "etag", "last-modified")
USER_AGENT = f"concordat/{__version__}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long we wait and how much we take."""

    connect_s: float = 10
    read_s: float = 60
    answer_s: float = 1800
    retries: int = 4
    wait_first_s: float = 1
    wait_max_s: float = 60
    retry_after_max_s: float = 300
    body_bytes_max: int = 256 * 2**20
    redirects_max: int = 5


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one host is asked: at once, and in the long run."""

    burst: float
    per_hour: float


USUAL_RATE = Rate(burst=10, per_hour=3600)
# The OECD's own limit, as clients of it report it [unverified]: 60 downloads an hour.
RATES: Mapping[str, Rate] = {"sdmx.oecd.org": Rate(burst=20, per_hour=60)}


class _Again(Exception):  # noqa: N818 - no error of the program: the reason to ask once more
    """This try failed in a way that another may not."""

    def __init__(self, error: SourceError, after_s: float | None = None) -> None:
        self.error = error
        self.after_s = after_s


class HttpTransport:
    """Sends requests over the network; close it, or use it in a `with`.

    Args:
        service: the address that the person named, if any: its host alone may be private (`_urls`).
        explain: what a status other than 200 means to a connector, where that is final.
        buckets: keeps how often each host was asked; without it no limit is kept.
        ca_file: certificates to trust instead of the usual ones, as a network that opens encrypted traffic needs.
        proxy: an http proxy through which everything but this machine is asked; it then resolves the names.
        progress: told in words why we wait.
    """

    def __init__(
        self,
        *,
        service: str = "",
        explain: Explain | None = None,
        buckets: Buckets | None = None,
        proxy: str = "",
        ca_file: str = "",
        limits: Limits | None = None,
        progress: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_.random,
        resolve: Resolve | None = None,
        seconds: Callable[[], float] = clock.machine_seconds,
    ) -> None:
        self.trusted = place_of(service) if service else ""
        self.limits = limits or Limits()
        self._explain = explain
        self._buckets = buckets
        self._proxy = proxy
        self._ca_file = ca_file
        self._progress = progress
        self._sleep = sleep
        self._random = random
        self._resolve = resolve or socket.getaddrinfo
        self._seconds = seconds
        self._clients: dict[str, httpx.Client] = {}
        self._open = ExitStack()

    def __enter__(self) -> HttpTransport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._clients.clear()
        self._open.close()

    def send(self, request: Request) -> Answer:
        """The answer to a request, after as many tries as it takes and the limits allow.

        Raises:
            SourceError: the service can't be reached, refuses, or gives nothing that can be used.
        """
        tries = self.limits.retries + 1
        for number in range(1, tries + 1):
            try:
                return self._try(request)
            except _Again as again:
                if number == tries:
                    error = again.error
                    error.what = f"{error.what.removesuffix('.')} ({tries} tries)."
                    raise error from None
                self._wait(request, again, number, tries)
        raise AssertionError("unreachable")

    def _wait(self, request: Request, again: _Again, number: int, tries: int) -> None:
        wait_s = again.after_s
        if wait_s is None:
            wait_s = self._random() * min(self.limits.wait_max_s, self.limits.wait_first_s * 2 ** (number - 1))
        self._tell(f"{request.label or place_of(request.url)}: {again.error.what} Asking again in {wait_s:.0f} s "
                   f"({number + 1} of {tries}).")  # fmt: skip
        self._sleep(wait_s)

    def _tell(self, text: str) -> None:
        if self._progress is not None:
            self._progress(text)

    # --- One try ---

    def _try(self, request: Request) -> Answer:
        url = request.url
        for _ in range(self.limits.redirects_max + 1):
            status, headers, body = self._exchange(request, url)
            if status not in (301, 302, 303, 307, 308):
                self._judge(request, url, status, headers, body)
                return self._answer(request, status, headers, body)
            onward = urljoin(url, headers.get("location", ""))
            if request.method != "GET" or not headers.get("location"):
                raise SourceError(f"{place_of(url)} sends us elsewhere.", where=request.label, code="redirect")
            require_https(onward, self.trusted)
            url = onward
        what = f"{place_of(request.url)} sends us on more than {self.limits.redirects_max} times."
        raise SourceError(what, where=request.label, code="redirect")

    def _exchange(self, request: Request, url: str) -> tuple[int, Mapping[str, str], bytes]:
        """One request to one address, its body read whole."""
        import httpx

        place = place_of(url)
        self._take_turn(place)
        try:
            return self._first_that_connects(request, url)
        except httpx.TimeoutException:
            raise _Again(SourceError(f"{place} did not answer in time.", where=request.label, code="timeout")) from None
        except httpx.ProxyError as error:
            raise unreachable(place, f"the proxy refuses ({error})") from None
        except httpx.ConnectError as error:
            raise unreachable(place, str(error) or "no connection") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError) as error:
            what = f"the answer of {place} was cut short or damaged ({error})."
            raise _Again(SourceError(what, where=request.label, code="cut_short")) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{place} can't be asked: {error}.", where=request.label, code="bad_url") from None

    def _take_turn(self, place: str) -> None:
        if self._buckets is None:
            return
        rate = RATES.get(place, USUAL_RATE)
        wait_s = self._buckets.take(place, burst=rate.burst, per_hour=rate.per_hour, now_s=self._seconds())
        if wait_s > 0:
            if wait_s >= 5:
                self._tell(f"{place} may be asked {rate.per_hour:.0f} times an hour; waiting {wait_s:.0f} s.")
            self._sleep(wait_s)

    def _first_that_connects(self, request: Request, url: str) -> tuple[int, Mapping[str, str], bytes]:
        import httpx

        if self._proxy and place_of(url) != self.trusted:
            require_proxied(url)
            return self._stream(request, url, "")
        addresses = addresses_for(url, self.trusted, self._resolve)
        for address in addresses[:-1]:
            try:
                return self._stream(request, url, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return self._stream(request, url, addresses[-1])

    def _stream(self, request: Request, url: str, address: str) -> tuple[int, Mapping[str, str], bytes]:
        """Ask the address itself; the host's name goes into the certificate check and the Host header."""
        import httpx

        host = urlsplit(url).hostname or ""
        target = httpx.URL(url)
        headers = dict(request.headers) | {"Accept": ", ".join(request.accept), "Host": target.netloc.decode()}
        extensions = {"sni_hostname": host} if address else {}
        asked = target.copy_with(host=address) if address else target
        client = self._client(host, proxied=not address)
        content = request.body or None
        with client.stream(request.method, asked, headers=headers, content=content, extensions=extensions) as response:
            return response.status_code, dict(response.headers), self._body(request, place_of(url), response)

    def _client(self, host: str, *, proxied: bool) -> httpx.Client:
        """A client for each name: a connection whose certificate was checked for one name serves no other."""
        if host not in self._clients:
            import httpx

            timeout = httpx.Timeout(self.limits.read_s, connect=self.limits.connect_s)
            client = httpx.Client(
                timeout=timeout,
                trust_env=False,
                follow_redirects=False,
                proxy=self._proxy if proxied else None,
                verify=self._trust(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
            )
            self._clients[host] = self._open.enter_context(client)
        self._clients[host].cookies.clear()
        return self._clients[host]

    def _trust(self) -> ssl.SSLContext | bool:
        if not self._ca_file:
            return True
        import ssl

        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ssl.SSLError) as error:
            what = f"the certificates can't be read: {error}."
            hint = "SSL_CERT_FILE must name a file of certificates (PEM)."
            raise InputError(what, where=self._ca_file, hint=hint, code="ca_file") from None

    def _body(self, request: Request, place: str, response: httpx.Response) -> bytes:
        limit = self.limits.body_bytes_max
        said = response.headers.get("content-length", "")
        chunks: list[bytes] = []
        size = int(said) if said.isdecimal() else 0
        ends_at = time.monotonic() + self.limits.answer_s
        if size <= limit:
            size = 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > limit:
                    break
                if time.monotonic() > ends_at:
                    what = f"{place} did not end its answer in {self.limits.answer_s:.0f} s."
                    raise _Again(SourceError(what, where=request.label, code="timeout"))
                chunks.append(chunk)
        if size > limit:
            what = f"{place} sends more than {limit:,} bytes in one answer."
            raise SourceError(what, where=request.label, hint="Ask for fewer years or countries.", code="too_large")
        return b"".join(chunks)

    # --- What came back ---

    def _judge(self, request: Request, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Let a good answer pass."""
        place = place_of(url)
        if status == HTTPStatus.OK:
            wrong = wrong_content(request.accept, headers.get("content-type", ""), body)
            if wrong:
                raise _Again(SourceError(f"{place} answered with {wrong}", where=request.label, code="content_type"))
            return
        if self._explain is not None and (error := self._explain(request, status, body)) is not None:
            raise error
        said = f': "{excerpt(body)}"' if body else ""
        what = f"{place} answered {status} {phrase(status)}".rstrip() + f"{said}."
        error = SourceError(what, where=request.label, code=f"http_{status}")
        if status != HTTPStatus.TOO_MANY_REQUESTS and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise error
        after_s = retry_after_s(headers.get("retry-after", ""), self._seconds())
        if after_s is not None and after_s > self.limits.retry_after_max_s:
            until = datetime.fromtimestamp(self._seconds(), UTC) + timedelta(seconds=after_s)
            what = f"{place} wants no request before {until:%Y-%m-%d %H:%M} UTC ({after_s / 60:.0f} minutes from now)."
            hint = "Run the command again then; what was answered so far is kept and not asked again on the same day."
            raise SourceError(what, where=request.label, hint=hint, code="retry_after")
        raise _Again(error, after_s)

    def _answer(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        return Answer(
            body=body,
            name=request.file_name,
            url=normal_url(request.url),
            retrieved_at=clock.now(),
            method=request.method,
            status=status,
            headers=tuple((name, headers[name]) for name in KEPT_HEADERS if name in headers),
            etag=headers.get("etag", ""),
            last_updated=headers.get("last-modified", ""),
        )
