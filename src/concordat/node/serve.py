"""One process that serves a node until it is told to stop: sockets, TLS, signals, and an orderly end.

SIGTERM or Ctrl-C: not ready any more, the listener closes, running requests get 20 seconds, the writer finishes the
open commit, the write-ahead log goes into the file, and the process ends with 0. A second signal ends it at once; what
was acknowledged is on the disk all the same. SIGHUP reads the certificate again. Two addresses: that of the site and
the protocol, and that of the operator (`ops_listen`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, InputError, StateError
from concordat.node.edge import App, Edge, Log
from concordat.node.listening import address_of, listen
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.settings import need_extra

if TYPE_CHECKING:
    import uvicorn

GRACE_S = 20
KEEP_ALIVE_S = 65
READY_S = 35.0
AT_ONCE = 130
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secrecy and authenticated encryption alone (RFC 9325)


@dataclass(frozen=True, slots=True)
class Up:
    """What runs now.

    Attributes:
        url: of the site and the protocol. ops_url: of the operator. tls_until: when the certificate ends, or None.
    """

    url: str
    ops_url: str
    tls_until: datetime | None


def serve(
    service: Service, app: App, ops_app: App | None, log: Log, told: Callable[[Up], Awaitable[None]], *,
    signals: bool = True, sockets: Sequence[socket.socket] = (),
) -> None:  # fmt: skip
    """Serve until a signal; the service is closed when this returns.

    Args:
        app: the protocol, with or without pages. ops_app: what the operator sees; a worker that doesn't write has
            none. told: called once all listens. signals: whether SIGTERM, SIGINT and SIGHUP are taken.
        sockets: that listen already, for the site and for the operator; else they are made.

    Raises:
        StateError: a port is taken. InputError: a certificate that can't be read. MethodError: uvicorn is missing.
    """
    try:
        import uvicorn
    except ImportError:
        service.node.close()
        raise need_extra("web", "A node's server") from None
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(uvicorn, service, app, ops_app, log, told, signals, sockets))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quicker loop, where it is installed (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    found: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return found


async def _serve(
    uvicorn: Any, service: Service, app: App, ops_app: App | None, log: Log, told: Callable[[Up], Awaitable[None]],
    signals: bool, given: Sequence[socket.socket],
) -> None:  # fmt: skip
    settings = service.settings
    tls = _tls_of(settings)
    sockets = list(given)
    try:
        if not sockets:
            sockets.append(listen(*settings.address, "listen"))
            sockets.append(listen(*settings.ops_address, "ops_listen"))
        service.listening = address_of(sockets[0], "https" if tls else "http")
        answered = service.metrics.answered if service.metrics is not None else _nothing
        edge = Edge(app, settings.public_url, log, service.monotonic, answered)
        servers = [_server(uvicorn, edge, tls, settings.trusted_proxies)]
        if ops_app is not None:
            servers.append(_server(uvicorn, ops_app, None, ()))
        if signals:
            _take_signals(service, servers, tls, log)
        await service.start()
        tasks = [asyncio.ensure_future(s.serve([sock])) for s, sock in zip(servers, sockets, strict=False)]
        ops = address_of(sockets[1], "http") if ops_app is not None else ""
        up = Up(service.public_url, ops, certificate_end(settings.tls_cert))
        telling = asyncio.ensure_future(told(up))
        await asyncio.gather(*tasks)
        telling.cancel()
    finally:
        for sock in sockets:
            sock.close()
        await service.close()
        log("info", "stopped", {})


def _tls_of(settings: NodeSettings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    return tls_context(settings.tls_cert, settings.tls_key, settings.tls_min, settings.client_ca)


def _nothing(*_: object) -> None:
    """No metrics are kept."""


def _server(uvicorn: Any, app: App, tls: ssl.SSLContext | None, trusted: tuple[str, ...]) -> uvicorn.Server:
    from concordat.node.http_bounds import bounded

    config = uvicorn.Config(
        app, http=bounded(trusted), ws="none", lifespan="off", log_config=None, access_log=False, log_level="critical",
        server_header=False, date_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    config.load()
    if tls is not None:
        config.ssl = tls
        config.ssl_certfile = "in the context"

    class Server(uvicorn.Server):  # type: ignore[misc]
        """A server that leaves signals to us."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)


def _take_signals(service: Service, servers: list[Any], tls: ssl.SSLContext | None, log: Log) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if service.stopping:
            os._exit(AT_ONCE)  # the second time: the store is whole all the same
        service.stopping = True
        log("info", "stopping", {})
        for server in servers:
            server.should_exit = True

    def again() -> None:
        settings = service.settings
        if tls is None:
            return
        try:
            renew(tls, settings.tls_cert, settings.tls_key, settings.tls_min)
            log("info", "certificate", {"until": str(certificate_end(settings.tls_cert))})
        except (OSError, ConcordatError) as error:
            log("error", "certificate", {"what": f"not read: {error}; the old one stays"})

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, again)


def tls_context(cert: str, key: str, least: str, client_ca: str = "") -> ssl.SSLContext:
    """The TLS of a server.

    Args:
        cert, key: PEM files. least: `1.2` or `1.3`. client_ca: PEM file of who vouches for browsers; a certificate that
            a browser shows must then hold, or the handshake ends. Whoever shows none goes on without.

    Raises:
        InputError: a file that can't be read, or is none. StateError: others can read the key.
    """
    path = Path(key)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=key, code="tls") from None
    if os.name == "posix" and mode & 0o077:
        hint = f"Run: chmod 600 {key}"
        raise StateError(f"others can read this key (mode {mode & 0o777:o}).", where=key, hint=hint, code="key_mode")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if least == "1.3" else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"not a certificate with its key: {error}.", where=cert, code="tls") from None
    if client_ca:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"no certificates: {error}.", where=client_ca, code="tls") from None
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def renew(tls: ssl.SSLContext, cert: str, key: str, least: str) -> None:
    """Take a new certificate into the TLS of a server that runs, or leave it as it is.

    Both files are tried in a context of their own first: OpenSSL drops the old key as soon as it has read a certificate
    that isn't its own, and a server without a key shakes no hand any more.

    Raises:
        InputError, StateError: as `tls_context`. OSError: the files changed at this very moment.
    """
    tls_context(cert, key, least)
    tls.load_cert_chain(cert, key)


def certificate_end(cert: str) -> datetime | None:
    """When the first certificate of a PEM file ends; None without one."""
    if not cert:
        return None
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(Path(cert).read_bytes()).not_valid_after_utc.astimezone(UTC)
    except (OSError, ValueError):
        return None


async def until_ready(service: Service, seconds: float = READY_S) -> dict[str, str]:
    """Wait until the node is ready; what still fails after some time, empty if nothing."""
    for _ in range(int(seconds / 0.05)):
        if not service.failing():
            return {}
        await asyncio.sleep(0.05)
    return service.failing()
