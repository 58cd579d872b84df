"""How this node runs: the table `[node]` of `concordat.toml`, each value with where it came from.

A value comes from the argument, then `CONCORDAT_NODE_<KEY>`, then the table, then the default. What would run a node
unsafely is refused before it starts: plain HTTP on an address that others reach, metrics on a public address, several
workers on one SQLite file. Which bloc and member it serves stands in its `identity.json`; the table may repeat it, and
a difference is an error. Passwords never stand here.

    >>> NodeSettings.load({"listen": "127.0.0.1:0"}, environment={}, file=Path("absent.toml")).languages
    ('en', 'pt', 'ar')
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from concordat.errors import InputError, RuleError
from concordat.settings import room_table, unknown_key

RETENTION = {"drafts_days": 30, "sessions_days": 30, "access_log_days": 14, "audit_years": 10}
SEQUENCERS = ("embedded", "federated", "abci")
LANGUAGES = ("en", "pt", "ar")  # those of the pages; `web.languages` has their words, and a test holds the two together
TLS_VERSIONS = ("1.2", "1.3")
_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")
NO_TABLE = "concordat.toml, [node]"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a node runs. `origins` tells where each value came from.

    Attributes:
        bloc, member: whose node it is; empty: as `identity.json` says.
        listen: host and port of the site and the protocol; port 0 takes a free one.
        public_url: the address that others use; a path prefix is allowed. Empty: that of `listen`.
        tls_cert, tls_key: PEM files; both or neither. tls_min: the lowest version of TLS that is spoken.
        client_ca: PEM file of who vouches for browsers' certificates; browsers are asked for one only where it is set.
        behind_proxy: a proxy of ours ends TLS. trusted_proxies: its addresses; only they may name the client,
            and without behind_proxy they are refused.
        ops_listen: metrics, status and the detail of readiness; a loopback or private address.
        database: `sqlite`, or an address of PostgreSQL without a password. workers: processes.
        sequencer: embedded, federated or abci. sync_every_s: seconds between two rounds with a peer.
        commit_gather_ms: how long a commit waits for more entries.
        peers: addresses of members where they are other than `https://<host>` of the membership file.
        peers_private: peers may live on private and loopback addresses, in plain HTTP there (demo, tests).
        public_opinions: citizens may vote in public consultations here.
        retention: days and years for which records are kept. disk_reserve_mb: below it nothing is signed.
        scanner: the socket of a scanner of documents. leaked_passwords: a sorted list of SHA-1 sums (`node.leaked`).
        backup_dir: where backups go; empty makes doctor warn. languages: of the pages; the first is the fallback.
        exchange_conformance: a file of behaviours: the exchange is under test, on loopback, and asks for no tokens.
    """

    bloc: str = ""
    member: str = ""
    listen: str = "127.0.0.1:8080"
    public_url: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_min: str = "1.2"
    client_ca: str = ""
    behind_proxy: bool = False
    trusted_proxies: tuple[str, ...] = ()
    ops_listen: str = "127.0.0.1:8081"
    database: str = field(default="sqlite", repr=False)
    workers: int = 1
    sequencer: str = "federated"
    sync_every_s: int = 5
    commit_gather_ms: int = 10
    peers: Mapping[str, str] = field(default_factory=dict)
    peers_private: bool = False
    public_opinions: bool = True
    retention: Mapping[str, int] = field(default_factory=lambda: dict(RETENTION))
    disk_reserve_mb: int = 512
    backup_dir: str = ""
    scanner: str = ""
    leaked_passwords: str = ""
    languages: tuple[str, ...] = LANGUAGES
    exchange_conformance: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        file: Path = Path("concordat.toml"),
    ) -> NodeSettings:
        """Settings from argument, environment, file and default, in that order.

        Raises:
            InputError: an unknown key, or a value of the wrong kind. RuleError: what would run unsafely.
        """
        environment = os.environ if environment is None else environment
        written = room_table("node", file)
        known = [NODE_VARIABLE + name.upper() for name in NODE_SETTING_NAMES]
        for key in written:
            if key not in NODE_SETTING_NAMES:
                raise unknown_key(key, NODE_SETTING_NAMES, where=f"{file}, [node]")
        for variable in sorted(environment):
            if variable.startswith(NODE_VARIABLE) and variable not in known:
                raise unknown_key(variable, known, where="environment")
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for name in NODE_SETTING_NAMES:
            variable = NODE_VARIABLE + name.upper()
            given = (arguments or {}).get(name)
            if given is not None:
                values[name], origins[name] = _typed(name, given, f"--{name.replace('_', '-')}"), "argument"
            elif environment.get(variable):
                values[name], origins[name] = _typed(name, _of_text(name, environment[variable]), variable), variable
            elif name in written:
                values[name], origins[name] = _typed(name, written[name], f"{file}, [node]"), str(file)
            else:
                origins[name] = "default"
        settings = cls(origins=origins, **values)
        _check(settings)
        return settings

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return split_address(self.listen, "listen")

    @property
    def ops_address(self) -> tuple[str, int]:
        """Host and port of `ops_listen`."""
        return split_address(self.ops_listen, "ops_listen")

    @property
    def prefix(self) -> str:
        """The path before every address of the site: `/concordat`, or empty."""
        return urlsplit(self.public_url).path.rstrip("/")

    def shown(self) -> dict[str, str]:
        """Each value as `concordat settings` prints it; a password in the database's address is not shown."""
        return {**{name: _shown(getattr(self, name)) for name in NODE_SETTING_NAMES}, "database": hidden(self.database)}


NODE_VARIABLE = "CONCORDAT_NODE_"
NODE_SETTING_NAMES = tuple(f.name for f in fields(NodeSettings) if f.name != "origins")
_DEFAULTS = NodeSettings()


def hidden(address: str) -> str:
    """An address of a database without its password.

    >>> hidden("postgresql://node:secret@db.example/concordat?password=x&sslmode=require")
    'postgresql://node:***@db.example/concordat?password=***&sslmode=require'
    """
    plain = re.sub(r"(//[^/?@]*?:)[^/?]*(@)", r"\1***\2", address, count=1)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", plain)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value)


def _of_text(name: str, text: str) -> Any:
    """A value from the environment: `true`, numbers, words with commas, `KEY=value` with commas."""
    default = getattr(_DEFAULTS, name)
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(default, int):
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(default, Mapping):
        pairs = [part.partition("=") for part in text.split(",")]
        return {key.strip(): int(v) if name == "retention" and v.strip().isdecimal() else v for key, _, v in pairs}
    return text


def _typed(name: str, value: Any, where: str) -> Any:
    """A value of the kind that its default has.

    Raises:
        InputError: another kind, an unknown key in a table, or out of range.
    """
    default = getattr(_DEFAULTS, name)
    if isinstance(default, tuple):
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{name} must be a list of texts.", where=where, code="type")
        return tuple(value)
    if isinstance(default, Mapping):
        return _table(name, value, where)
    if type(value) is not type(default):
        kind = {bool: "true or false", int: "a whole number", str: "text"}[type(default)]
        raise InputError(f"{name} must be {kind}.", where=where, code="type")
    if isinstance(default, int) and not isinstance(default, bool) and not _RANGES[name][0] <= value <= _RANGES[name][1]:
        low, high = _RANGES[name]
        raise InputError(f"{name} must be from {low} to {high}.", where=where, code="range")
    return value


_RANGES = {
    "workers": (1, 64),
    "sync_every_s": (1, 600),
    "commit_gather_ms": (5, 20),
    "disk_reserve_mb": (0, 10**6),
}


def _table(name: str, value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{name} must be a table.", where=where, code="type")
    if name == "retention":
        for key, number in value.items():
            if key not in RETENTION:
                raise unknown_key(key, RETENTION, where=f"{where}, retention")
            if type(number) is not int or not 0 <= number <= 10_000:
                raise InputError(f"retention.{key} must be a whole number.", where=where, code="type")
        return {**RETENTION, **value}
    for key, address in value.items():
        if not _MEMBER.fullmatch(key):
            raise InputError(f'"{key[:40]}" is not the id of a member.', where=f"{where}, peers", code="name")
        check_url(address, f"{where}, peers.{key}")
    return dict(value)


def check_url(address: Any, where: str) -> str:
    """An address of a site: scheme, host, port, path prefix, and nothing else.

    Raises:
        InputError: anything else.
    """
    text = address if isinstance(address, str) else ""
    try:
        parts = urlsplit(text)
        port_good = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_good = urlsplit(""), False
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc)
    clean = text.isascii() and text.isprintable() and "\\" not in text and " " not in text and ".." not in parts.path
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_good or not plain or not clean:
        hint = "Write it as https://node.example.br or https://example.br/concordat"
        raise InputError(f'"{text[:80]}" is not the address of a site.', where=where, hint=hint, code="address")
    return text


def split_address(text: str, name: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        InputError: not `host:port`.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        hint = f'Write {name} = "127.0.0.1:8080".'
        raise InputError(f'"{text[:60]}" is not a host and a port.', where=name, hint=hint, code="address")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(settings: NodeSettings) -> None:
    """Values that don't go together, and what would run unsafely."""
    for name, allowed in (("sequencer", SEQUENCERS), ("tls_min", TLS_VERSIONS)):
        if getattr(settings, name) not in allowed:
            raise InputError(f"{name} must be one of {', '.join(allowed)}.", where=NO_TABLE, code="choice")
    strange = [code for code in settings.languages if code not in LANGUAGES]
    if strange or not settings.languages:
        hint = f"There are pages in: {', '.join(LANGUAGES)}."
        raise InputError(f"languages names {', '.join(strange) or 'none'}.", where=NO_TABLE, hint=hint, code="choice")
    if settings.public_url:
        check_url(settings.public_url, "public_url")
    _check_database(settings)
    _check_listening(settings)


def _check_database(settings: NodeSettings) -> None:
    if settings.database != "sqlite":
        parts = urlsplit(settings.database)
        if parts.scheme != "postgresql":
            raise InputError('database must be "sqlite" or an address of PostgreSQL.', where=NO_TABLE, code="choice")
        holds_one = hidden(settings.database) != settings.database
        if holds_one and settings.origins.get("database") != f"{NODE_VARIABLE}DATABASE":
            hint = "Put it into the file that PGPASSFILE names, or the whole address into CONCORDAT_NODE_DATABASE."
            raise RuleError("a password stands in the settings file.", where=NO_TABLE, hint=hint, code="secret")
        if settings.sequencer == "abci":
            hint = 'Set database = "sqlite", or another sequencer.'
            raise RuleError("the engine's stage reads the log as a file.", where=NO_TABLE, hint=hint, code="abci")
    elif settings.workers > 1:
        hint = 'Set workers = 1, or database = "postgresql://...".'
        raise RuleError("several workers need PostgreSQL.", where=NO_TABLE, hint=hint, code="workers")


def _check_listening(settings: NodeSettings) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise InputError("tls_cert and tls_key go together.", where=NO_TABLE, code="tls")
    if settings.client_ca and not settings.tls_cert:
        hint = "Set tls_cert and tls_key, or leave client_ca out."
        raise InputError("client_ca asks browsers for a certificate over TLS.", where=NO_TABLE, hint=hint, code="tls")
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise InputError(f'"{proxy[:40]}" is no address.', where="trusted_proxies", code="address") from None
    if settings.trusted_proxies and not settings.behind_proxy:
        hint = "Write behind_proxy = true, or leave trusted_proxies out."
        what = (
            "trusted_proxies would believe what others say of an address, and behind_proxy says that no proxy is there."
        )
        raise RuleError(what, where="trusted_proxies", hint=hint, code="proxy")
    host, _ = settings.address
    proxied = settings.behind_proxy and settings.trusted_proxies
    if not is_loopback(host) and not settings.tls_cert and not proxied:
        hint = "Set tls_cert, or behind_proxy with trusted_proxies."
        raise RuleError(f"Refusing plain HTTP on {host}.", where="listen", hint=hint, code="plain_http")
    ops, _ = settings.ops_address
    if not is_loopback(ops) and not _is_private(ops):
        hint = 'Write ops_listen = "127.0.0.1:8081".'
        raise RuleError(f"{ops} is a public address; it would show metrics.", where="ops_listen", hint=hint, code="ops")


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified
