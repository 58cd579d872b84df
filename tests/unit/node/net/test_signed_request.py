"""Signed requests: the published vector of RFC 9421, and that nothing can be changed, repeated or sent elsewhere."""

from __future__ import annotations

import base64

import pytest

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.keys import Ed25519Secret, verify_ed25519
from concordat.node.home import Node
from concordat.node.signed_request import (
    RequestSigner,
    RequestVerifier,
    check_body,
    content_digest,
    signature_base,
)
from unit_node import found

NOW = 1_790_000_000
URL = "https://ind.example/concordat"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[RequestSigner, RequestVerifier]:
    homes = found(tmp_path_factory.mktemp("two"), ("BRA", "IND"))
    with Node(homes[0]) as node:
        return RequestSigner("BRA", node.signer.node), RequestVerifier(node.chain, URL)


def _headers(signer: RequestSigner, *, body: bytes = b"body", now: int = NOW, url: str = URL) -> dict[str, str]:
    return signer.headers("POST", f"{url}/sync/messages", body, now)


def test_rfc_9421_example_with_ed25519() -> None:
    """RFC 9421, B.2.6: the signature over that base by the published key verifies, ours over it is the same."""
    base = (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        b'"content-type": application/json\n"content-length": 18\n'
        b'"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        b';created=1618884473;keyid="test-key-ed25519"'
    )
    public = base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")
    secret = Ed25519Secret(base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU="))
    published = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    assert secret.public == public
    verify_ed25519(public, base64.b64decode(published), base)
    assert base64.b64encode(secret.sign(base)).decode() == published


def test_rfc_9530_example_of_a_digest() -> None:
    """RFC 9530, appendix B: the digest of `{"hello": "world"}` and a newline."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://B.example/x", "b.example", "/x"),
        ("https://b.example:443/x", "b.example", "/x"),
        ("https://b.example:8443", "b.example:8443", "/"),
        ("http://[::1]:80/x", "[::1]", "/x"),
        ("http://b.example:443/a%20b", "b.example:443", "/a%20b"),
    ],
)
def test_authority_and_path_are_written_in_one_way(url: str, authority: str, path: str) -> None:
    lines = signature_base("GET", url, "d", "p").decode().splitlines()
    assert lines[1:3] == [f'"@authority": {authority}', f'"@path": {path}']


def test_a_good_request_names_its_member_once(two: tuple[RequestSigner, RequestVerifier]) -> None:
    signer, verifier = two
    headers = _headers(signer)
    assert verifier.member_of("POST", "/sync/messages", headers, NOW + 100) == "BRA"
    check_body(headers, b"body")
    with pytest.raises(TrustError, match="seen before"):
        verifier.member_of("POST", "/sync/messages", headers, NOW + 100)
    assert verifier.member_of("GET", "/sync/heads", {}, NOW) is None


def test_nothing_can_be_changed(two: tuple[RequestSigner, RequestVerifier]) -> None:
    signer, verifier = two
    good = _headers(signer)
    other = _headers(signer, body=b"other")
    for method, path, headers in (
        ("GET", "/sync/messages", good),
        ("POST", "/sync/message", good),
        ("POST", "/sync/messages", {**good, "content-digest": other["content-digest"]}),
        ("POST", "/sync/messages", {**good, "signature": other["signature"]}),
        ("POST", "/sync/messages", {**good, "signature-input": other["signature-input"]}),
        ("POST", "/sync/messages", _headers(signer, url="https://zaf.example")),
    ):
        with pytest.raises(TrustError, match=r"does not hold|doesn't hold|signature"):
            verifier.member_of(method, path, headers, NOW)
    with pytest.raises(TrustError, match="not the one that was signed"):
        check_body(good, b"changed")
    with pytest.raises(TrustError, match="not the one that was signed"):
        check_body({}, b"")


@pytest.mark.parametrize("away", [-601, 601, 10**6])
def test_too_old_or_too_new_is_refused(two: tuple[RequestSigner, RequestVerifier], away: int) -> None:
    signer, verifier = two
    with pytest.raises(InputError, match="away from this node's clock"):
        verifier.member_of("POST", "/sync/messages", _headers(signer, now=NOW + away), NOW)


def test_strangers_and_other_keys_are_refused(two: tuple[RequestSigner, RequestVerifier]) -> None:
    signer, verifier = two
    stranger = Ed25519Secret(bytes(32))
    for member, secret in (("BRA", stranger), ("IND", signer.secret), ("XXX", signer.secret)):
        with pytest.raises(TrustError, match="lists no node key"):
            verifier.member_of("POST", "/sync/messages", _headers(RequestSigner(member, secret)), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.pop("signature"),
        lambda h: h.pop("signature-input"),
        lambda h: h.pop("content-digest"),
        lambda h: h.update({"signature": h["signature"] + ","}),
        lambda h: h.update({"signature-input": h["signature-input"].replace("ed25519", "rsa")}),
        lambda h: h.update({"signature-input": h["signature-input"].replace('"@path" ', "")}),
        lambda h: h.update({"signature-input": h["signature-input"] + ', other=("@path")'}),
        lambda h: h.update({"content-digest": "md5=:AAAA:"}),
        lambda h: h.update({"signature-input": "\x00"}),
    ],
)
def test_another_profile_is_refused(two: tuple[RequestSigner, RequestVerifier], change: object) -> None:
    signer, verifier = two
    headers = _headers(signer)
    change(headers)  # type: ignore[operator]
    with pytest.raises(ConcordatError):
        verifier.member_of("POST", "/sync/messages", headers, NOW)


def test_the_secret_is_not_shown() -> None:
    seed = bytes(range(32))
    shown = repr(RequestSigner("BRA", Ed25519Secret(seed)))
    assert seed.hex()[:16] not in shown
    assert repr(seed)[2:20] not in shown
    assert base64.b64encode(seed).decode()[:16] not in shown
