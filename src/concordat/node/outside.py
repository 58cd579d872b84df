"""What do a node's settings mean for whoever is not this machine: which words travel in the clear, whom browsers trust.

Looked at by doctor, without a connection to anybody: each way in and out that the settings name is encrypted, or stays
on this machine, or is told as a warning with what closes it; the certificate is verified for the node's name against
the authorities that this machine trusts, as a browser would; a scanner of documents and a list of leaked passwords are
there, or their absence is said. Peers are asked by HTTPS alone but where `peers_private` says otherwise (`outbound`).
Sources: node-web.md 2 and 6; OWASP ASVS 5.0.0 V5.4.3, V6.2.12, V12.2.2, V12.3.1 and V12.3.3.

What this does not do: judge what a proxy in front of the node does, or look whether a certificate was revoked.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from concordat.errors import InputError
from concordat.node.postgres import is_postgres
from concordat.node.settings import NodeSettings, is_loopback

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Rows = Iterator[tuple[str, str, str]]
PROVED = "verify-full"  # the sslmode of libpq that encrypts and looks whom it speaks to
# Where Debian, Fedora and Alpine keep the authorities they trust.
PLACES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def rows(settings: NodeSettings, now: datetime) -> Rows:
    """(grade, subject, what was found), in a fixed order."""
    yield from _clear(settings)
    yield from _certificate(settings, now)
    if settings.scanner:
        found = Path(settings.scanner).is_socket()
        yield ("good" if found else "warning"), "scanner", settings.scanner if found else "no socket is there"
    else:
        yield "warning", "scanner", "none: documents are kept without having been looked at"
    if settings.leaked_passwords:
        found = Path(settings.leaked_passwords).is_file()
        yield (
            ("good" if found else "warning"),
            "leaked passwords",
            "a list is looked at" if found else "no file is there",
        )
    else:
        yield "warning", "leaked passwords", "no list: only the commonest are refused"


def in_the_clear(settings: NodeSettings) -> list[tuple[str, str]]:
    """(the setting, what closes it) of each connection that leaves this machine without encryption."""
    found = []
    if not is_loopback(settings.address[0]) and not settings.tls_cert:
        found.append(("listen", "the proxy reaches this node by plain HTTP over a network: set tls_cert here as well"))
    if not is_loopback(settings.ops_address[0]):
        found.append(("ops_listen", "metrics go by plain HTTP over a private network: listen on 127.0.0.1, and tunnel"))
    for member, address in sorted(settings.peers.items()):
        parts = urlsplit(address)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            found.append((f"peers.{member}", "entries go by plain HTTP: write https"))
    if is_postgres(settings.database):
        parts = urlsplit(settings.database)
        said = parse_qs(parts.query)
        named = ",".join([parts.hostname or "", *said.get("host", ()), *said.get("hostaddr", ())])
        here = all(host.startswith("/") or is_loopback(host) for host in named.split(",") if host)
        if not here and said.get("sslmode", [""])[-1] != PROVED:
            found.append(
                ("database", "accounts and entries go to a machine that is not proved: add sslmode=verify-full")
            )
    return found


def _clear(settings: NodeSettings) -> Rows:
    found = in_the_clear(settings)
    for setting, what in found:
        yield "warning", f"in the clear: {setting}", what
    if not found:
        yield "good", "encryption", "nothing leaves this machine in the clear"


def _certificate(settings: NodeSettings, now: datetime) -> Rows:
    if not settings.tls_cert:
        return
    host = urlsplit(settings.public_url).hostname or settings.address[0]
    try:
        why = not_trusted(Path(settings.tls_cert), host, now)
    except InputError as error:
        why = error.what
    if why:
        yield "warning", "certificate", f"browsers don't trust it for {host}: {why}"
    else:
        yield "good", "certificate", f"trusted for {host} by the authorities that this machine knows"


def not_trusted(path: Path, host: str, now: datetime, authorities: Path | None = None) -> str:
    """Why a certificate is none that browsers trust for a name, in words; empty if it is.

    Args:
        path: PEM file, the node's certificate first, then those between it and an authority. authorities: PEM file of
            those who are trusted; None: the machine's own.

    Raises:
        InputError: a file that can't be read.
    """
    from cryptography.x509 import DNSName, IPAddress, load_pem_x509_certificates
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    place = authorities or _authorities()
    try:
        shown = load_pem_x509_certificates(path.read_bytes())
        known = _read_authorities(place.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"no certificates: {error}.", where=str(path), code="certificate") from None
    try:
        subject = IPAddress(ipaddress.ip_address(host)) if _is_number(host) else DNSName(host)
        verifier = PolicyBuilder().store(Store(known)).time(now).build_server_verifier(subject)
        verifier.verify(shown[0], shown[1:])
    except (VerificationError, ValueError) as error:
        return " ".join(str(error).split())[:200]
    return ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _read_authorities(data: bytes) -> list[Certificate]:
    """The certificates of a list of authorities; systems carry a few that are not as RFC 5280 wants, which are left."""
    import warnings

    from cryptography.x509 import load_pem_x509_certificate

    end, found = b"-----END CERTIFICATE-----", []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those few
        for block in data.split(end)[:-1]:
            with contextlib.suppress(ValueError):
                found.append(load_pem_x509_certificate(block[block.find(b"-----BEGIN") :] + end + b"\n"))
    if not found:
        raise ValueError("the list of authorities holds none")
    return found


def _authorities() -> Path:
    """The file of the authorities that this machine trusts.

    Raises:
        InputError: there is none where systems keep it.
    """
    import ssl

    own = ssl.get_default_verify_paths()
    for place in (own.cafile, own.openssl_cafile, *PLACES):
        if place and Path(place).is_file():
            return Path(place)
    raise InputError("this machine has no list of authorities.", where=PLACES[0], code="certificate")
