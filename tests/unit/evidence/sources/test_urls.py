"""Which addresses may be asked: https on the public Internet, and what a person named; redirects gain nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.sources._base import Answer, Request
from concordat.evidence.sources._http import HttpTransport
from concordat.evidence.sources._urls import addresses_for, is_public, normal_url, place_of

PUBLIC, OTHER = "93.184.216.34", "2606:2800:220:1::1"


def _names(**hosts: list[str]) -> Callable[..., Any]:
    """A table of names in place of the network's."""
    table = {name.replace("_", "."): found for name, found in hosts.items()}

    def resolve(host: str, port: int, type: int) -> Any:  # noqa: A002 - the name that socket.getaddrinfo uses
        if host not in table:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, type, 6, "", (address, port)) for address in table[host]]

    return resolve


# --- Addresses as records keep them ---


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.org/x?b=2&a=1&b=1", "https://a.org/x?a=1&b=1&b=2"),
        ("HTTPS://A.Org:443", "https://a.org/"),
        ("https://a.org:8443/x", "https://a.org:8443/x"),
        ("http://a.org:80/x#part", "http://a.org/x"),
        ("https://user:pw@a.org/", "https://a.org/"),
        ("https://a.org/?subscription-key=1&API_KEY=2&token=3&key=4&page=5", "https://a.org/?page=5"),
        ("https://a.org/x?empty=&date=2000:2025", "https://a.org/x?date=2000:2025&empty="),
        ("https://a.org/BRA;IND/i?q=a+b%20c&n=%C3%A9", "https://a.org/BRA;IND/i?n=%C3%A9&q=a%20b%20c"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
    ],
)
def test_an_address_is_kept_sorted_and_without_secrets(url: str, kept: str) -> None:
    assert normal_url(url) == kept
    assert normal_url(kept) == kept


@pytest.mark.parametrize("url", ["", "x", "https://", "https://a.org:port/", "https://[::1/", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="is not an address"):
        place_of(url)


# --- What is public ---


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::",
     "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::1", "64:ff9b::7f00:1", "2001:0:1::1",
     ".".join(["10", "0", "0", "1"]), ".".join(["192", "168", "1", "1"])],
)  # fmt: skip
def test_an_address_inside_somebodys_network_is_not_public_whatever_it_is_wrapped_in(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(SourceError, match="is not an address on the public Internet") as caught:
        addresses_for("https://a.org/", "", _names(a_org=[PUBLIC, address]))
    assert caught.value.code == "private_address"


def test_public_addresses_are_given_in_the_systems_order_once_each() -> None:
    found = addresses_for("https://a.org/", "", _names(a_org=[OTHER, PUBLIC, OTHER]))
    assert found == [OTHER, PUBLIC]
    assert is_public("::ffff:" + PUBLIC)


def test_a_name_that_nobody_knows_is_offline() -> None:
    with pytest.raises(SourceError, match="its name is not known here") as caught:
        addresses_for("https://a.org/", "", _names())
    assert caught.value.code == "offline"


@pytest.mark.parametrize("error", [UnicodeError("label too long"), ValueError("embedded null character"), None])
def test_a_name_that_can_not_be_asked_for_is_an_error_of_ours(error: ValueError | None) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        if error is not None:
            raise error
        return []

    with pytest.raises(SourceError, match=r"a\.org can't be reached: its name "):
        addresses_for("https://a.org/", "", resolve)


def test_what_the_person_named_may_be_private_but_plain_http_only_on_this_machine() -> None:
    names = _names(a_org=["fd00::1"], b_org=["127.0.0.1"])
    assert addresses_for("https://a.org/x", "a.org", names) == ["fd00::1"]
    assert addresses_for("http://b.org:8000/x", "b.org:8000", names) == ["127.0.0.1"]
    for url, trusted in [("http://a.org/", "a.org"), ("http://b.org/", ""), ("ftp://b.org/", "b.org"),
                         ("http://b.org:1/", "b.org:8000")]:  # fmt: skip
        with pytest.raises(SourceError, match="only https is allowed"):
            addresses_for(url, trusted, names)


# --- Redirects ---


@pytest.fixture
def ask(local_service: Callable[..., Any]) -> Callable[..., Answer]:
    """Asks a service that sends us where the test wants; names come from a table."""

    def send(answer: Callable[[Any], Any], **hosts: list[str]) -> Answer:
        service = local_service(answer)
        with HttpTransport(service=service.url, sleep=lambda _: None, resolve=_names(**hosts)) as transport:
            return transport.send(Request(service.url + "/start"))

    return lambda answer, **hosts: send(answer, **{"127_0_0_1": ["127.0.0.1"]} | hosts)


def test_a_redirect_on_the_same_host_is_followed_and_the_record_keeps_what_was_asked(
    ask: Callable[..., Answer], reply: Any
) -> None:
    def answer(asked: Any) -> Any:
        if asked.path == "/start":
            return reply(status=302, headers={"Location": "../there?x=1"})
        return reply(b'["here"]')

    found = ask(answer)
    assert found.body == b'["here"]'
    assert found.url.endswith("/start")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_at_most_five_redirects_are_followed(ask: Callable[..., Answer], reply: Any, status: int) -> None:
    hops: list[str] = []

    def chain(length: int) -> Callable[[Any], Any]:
        def answer(asked: Any) -> Any:
            hops.append(asked.path)
            if len(hops) > length:
                return reply(b"[]")
            return reply(status=status, headers={"Location": f"/{len(hops)}"})

        return answer

    assert ask(chain(5)).body == b"[]"
    hops.clear()
    with pytest.raises(SourceError, match="sends us on more than 5 times"):
        ask(chain(6))
    assert len(hops) == 6


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://a.org/", "a.org is asked for by http; only https is allowed"),
        ("ftp://a.org/", "a.org is asked for by ftp; only https is allowed"),
        ("https://127.0.0.1/", "127.0.0.1 is not an address on the public Internet"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is not an address on the public Internet"),
        ("https://[fd00::1]/", "fd00::1 is not an address on the public Internet"),
        ("https://a.org/", "a.org (127.0.0.1) is not an address on the public Internet"),
        ("//a.org/", "only https is allowed"),
        ("https://", "is not an address"),
        ("file:///etc/passwd", "is not an address"),
        ("", "sends us elsewhere"),
    ],
)
def test_a_redirect_to_somewhere_else_is_refused(
    ask: Callable[..., Answer], reply: Any, location: str, said: str
) -> None:
    here = {"169_254_169_254": ["169.254.169.254"], "fd00::1": ["fd00::1"], "a_org": ["127.0.0.1"]}
    with pytest.raises(SourceError) as caught:
        ask(lambda _: reply(status=302, headers={"Location": location}), **here)
    assert said in str(caught.value)


def test_a_redirect_to_another_service_of_this_machine_is_refused(
    ask: Callable[..., Answer], local_service: Callable[..., Any], reply: Any
) -> None:
    other = local_service(lambda _: reply(b"[]"))
    with pytest.raises(SourceError, match="only https is allowed"):
        ask(lambda _: reply(status=302, headers={"Location": other.url}))
    assert other.asked == []


def test_what_was_posted_is_not_sent_on(local_service: Callable[..., Any], reply: Any) -> None:
    service = local_service(lambda _: reply(status=307, headers={"Location": "/other"}))
    with HttpTransport(service=service.url) as transport, pytest.raises(SourceError, match="sends us elsewhere"):
        transport.send(Request(service.url, method="POST", body=b"x"))
    assert len(service.asked) == 1


# --- The connection goes to the address that was checked ---


def test_the_connection_is_made_to_the_checked_address_and_the_certificate_to_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import httpx

    made: list[tuple[str, str, str]] = []

    def stream(self: Any, method: str, url: httpx.URL, **options: Any) -> Any:
        made.append((str(url), options["headers"]["Host"], options["extensions"]["sni_hostname"]))
        raise httpx.ConnectError("nobody there")

    monkeypatch.setattr(httpx.Client, "stream", stream)
    answers = iter([[OTHER, PUBLIC], ["127.0.0.1"]])

    def rebinding(host: str, port: int, type: int) -> Any:  # noqa: A002
        return [(0, type, 6, "", (a, port)) for a in next(answers)]

    with HttpTransport(resolve=rebinding) as transport, pytest.raises(SourceError, match="nobody there"):
        transport.send(Request("https://a.org/x?y=1"))
    assert made == [(f"https://[{OTHER}]/x?y=1", "a.org", "a.org"), (f"https://{PUBLIC}/x?y=1", "a.org", "a.org")]


def test_a_proxy_is_asked_and_its_password_stands_in_no_message(local_service: Callable[..., Any], reply: Any) -> None:
    proxy = local_service(lambda _: reply(status=407))
    address = proxy.url.replace("http://", "http://user:SECRET@")
    told: list[str] = []
    with HttpTransport(proxy=address, progress=told.append, sleep=lambda _: None) as transport:
        with pytest.raises(SourceError, match="the proxy refuses") as caught:
            transport.send(Request("https://a.org/x"))
        with pytest.raises(SourceError, match="only https is allowed"):
            transport.send(Request("http://a.org/x"))
        with pytest.raises(SourceError, match="is not an address on the public Internet"):
            transport.send(Request("https://127.0.0.1/x"))
    assert [a.method for a in proxy.asked] == ["CONNECT"]
    assert "SECRET" not in str(caught.value) + "".join(told)
