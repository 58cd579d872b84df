"""A node's keys on disk, and what they remember: made once, readable by their owner alone, never in the log's file.

`keys/<role>.json` holds one private key each (log, witness, mirror: Ed25519 and ML-DSA-44; node: Ed25519), mode 0600;
with a passphrase the seeds are sealed by ChaCha20-Poly1305 under scrypt (RFC 7914; n = 2^15, r = 8, p = 1). `roots/`
holds three root keys, which belong on other machines or paper as soon as the first membership is signed.
`keys/floor.json` is the memory of the keys (`ledger.signer.Floor`): written anew and synced before each signature.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import platform
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.keys import (
    ED25519_COSIGNATURE,
    ED25519_LOG,
    MLDSA44_COSIGNATURE,
    Ed25519Secret,
    MLDSA44Secret,
    has_mldsa,
)
from concordat.ledger.note import NoteSigner
from concordat.ledger.signer import Floor, Signer

ROLES = ("log", "witness", "mirror")
SCRYPT = {"n": 2**15, "r": 8, "p": 1}
ROOTS = 3


@dataclass(frozen=True)
class Identity:
    """Who a node is: `identity.json`."""

    bloc: str
    member: str
    host: str

    def name(self, role: str) -> str:
        """The name of its key in a role."""
        return f"{self.host}/{self.bloc}/{'member' if role == 'log' else role}"


def write_private(path: Path, *data: bytes) -> None:
    """Write a file that its owner alone reads, whole or not at all, and on the disk when this returns.

    Args:
        data: what it holds, one part behind the other.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.writelines(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StateError(f"can't be written: {error.strerror or error}.", where=str(path), code="not_written") from None


def make_keys(home: Path, identity: Identity, passphrase: str = "") -> None:
    """Make the keys of a new node.

    Raises:
        StateError: there are keys already, or they can't be written.
    """
    if (home / "identity.json").exists():
        hint = "Choose another folder with --home, or remove this one if you mean it."
        raise StateError("there is a node already.", where=str(home), hint=hint, code="node_exists")
    for role in (*ROLES, "node"):
        seeds = {"ed25519": secrets.token_bytes(32)}
        if role != "node" and has_mldsa():
            seeds["mldsa44"] = secrets.token_bytes(32)
        write_private(home / "keys" / f"{role}.json", key_file(seeds, passphrase))
    for i in range(1, ROOTS + 1):
        seed = {"ed25519": secrets.token_bytes(32)}
        write_private(home / "roots" / f"root-{i}.json", key_file(seed, passphrase))
    save_floor(home, Floor())
    text = json.dumps({"bloc": identity.bloc, "host": identity.host, "member": identity.member}, sort_keys=True)
    write_private(home / "identity.json", text.encode() + b"\n")


def read_identity(home: Path) -> Identity:
    """Who the node in a folder is.

    Raises:
        StateError: there is none, or its file is damaged.
    """
    try:
        raw = json.loads((home / "identity.json").read_bytes())
        return Identity(raw["bloc"], raw["member"], raw["host"])
    except FileNotFoundError:
        hint = "Make one: concordat node init --bloc BRICS --member BRA --host node.example.br"
        raise StateError("there is no node here.", where=str(home), hint=hint, code="no_node") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"damaged: {error}.", where=str(home / "identity.json"), code="damaged") from None


def read_signer(home: Path, identity: Identity, passphrase: str = "") -> Signer:
    """The node's keys, with their memory.

    Raises:
        InputError: the passphrase is missing or wrong. StateError: a key file is missing or damaged, or the memory is:
            without it nothing may be signed.
    """
    signers = {role: _note_signers(home, identity, role, passphrase) for role in ROLES}
    node = read_node_key(home, passphrase)
    floor = read_floor(home)
    return Signer(identity.member, node=node, floor=floor, save=lambda f: save_floor(home, f), **signers)


def read_node_key(home: Path, passphrase: str = "") -> Ed25519Secret:
    """The key by which the node signs requests and entries of its own; it keeps no memory of what it signed.

    Raises:
        InputError, StateError: as `read_seeds`.
    """
    return Ed25519Secret(read_seeds(home / "keys" / "node.json", passphrase)["ed25519"])


def _note_signers(home: Path, identity: Identity, role: str, passphrase: str) -> tuple[NoteSigner, ...]:
    seeds = read_seeds(home / "keys" / f"{role}.json", passphrase)
    kind = ED25519_LOG if role == "log" else ED25519_COSIGNATURE
    found = [NoteSigner(identity.name(role), kind, Ed25519Secret(seeds["ed25519"]))]
    if "mldsa44" in seeds and has_mldsa():
        found.append(NoteSigner(identity.name(role), MLDSA44_COSIGNATURE, MLDSA44Secret(seeds["mldsa44"])))
    return tuple(found)


def read_root(path: Path, passphrase: str = "") -> Ed25519Secret:
    """A root key from its file."""
    return Ed25519Secret(read_seeds(path, passphrase)["ed25519"])


def member_record(home: Path, identity: Identity, passphrase: str = "") -> dict[str, Any]:
    """What the others need to put this member into the membership file: public keys alone."""
    signers = {role: _note_signers(home, identity, role, passphrase) for role in ROLES}
    node = read_node_key(home, passphrase)
    roots = [read_root(home / "roots" / f"root-{i}.json", passphrase).public for i in range(1, ROOTS + 1)]
    person = {
        "from": {"batch": 0, "view": 1},
        "key": base64.b64encode(node.public).decode(),
        "label": "node",
        "may": ["clearing", "council", "exchange", "order"],
        "until": None,
    }
    return {
        "host": identity.host,
        "id": identity.member,
        "persons": [person],
        "root": {"keys": [base64.b64encode(root).decode() for root in roots], "threshold": 2},
        "status": "active",
        **{role: [str(signer.key) for signer in signers[role]] for role in ROLES},
    }


# --- Files ------------------------------------------------------------------------------------------------------------


def key_file(seeds: dict[str, bytes], passphrase: str) -> bytes:
    """The bytes of a key file: secret seeds by algorithm, sealed if there is a passphrase."""
    plain = {kind: base64.b64encode(seed).decode() for kind, seed in seeds.items()}
    if not passphrase:
        return json.dumps({"seeds": plain, "v": 1}, sort_keys=True).encode() + b"\n"
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    key = Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase.encode())
    data = ChaCha20Poly1305(key).encrypt(nonce, json.dumps(plain, sort_keys=True).encode(), b"concordat key file v1")
    raw = {"nonce": nonce, "salt": salt, "sealed": data}
    return json.dumps({**{k: base64.b64encode(v).decode() for k, v in raw.items()}, "v": 1}).encode() + b"\n"


def read_seeds(path: Path, passphrase: str = "") -> dict[str, bytes]:
    """The secret seeds of a key file by algorithm.

    Raises:
        InputError: sealed, and the passphrase is missing or wrong. StateError: missing, damaged, or open to others.
    """
    try:
        mode = path.stat().st_mode & 0o077
        raw = json.loads(path.read_bytes())
        if mode:
            hint = f"Close it: chmod 600 {path}"
            raise StateError("others can read this key file.", where=str(path), hint=hint, code="key_mode")
        if "sealed" in raw:
            plain = _opened(path, raw, passphrase)
        else:
            plain = raw["seeds"]
        seeds = {kind: base64.b64decode(seed, validate=True) for kind, seed in plain.items()}
        if "ed25519" not in seeds or any(len(seed) != 32 for seed in seeds.values()):
            raise ValueError("no seed of 32 bytes")
        return seeds
    except FileNotFoundError:
        raise StateError("the key file is missing.", where=str(path), code="no_key") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"the key file is damaged: {error}.", where=str(path), code="damaged") from None


def _opened(path: Path, raw: dict[str, str], passphrase: str) -> dict[str, str]:
    if not passphrase:
        hint = "Give its file: --passphrase-file FILE"
        raise InputError("the keys are sealed by a passphrase.", where=str(path), hint=hint, code="passphrase")
    salt, nonce, sealed = (base64.b64decode(raw[k], validate=True) for k in ("salt", "nonce", "sealed"))
    key = Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase.encode())
    try:
        opened = ChaCha20Poly1305(key).decrypt(nonce, sealed, b"concordat key file v1")
    except InvalidTag:
        raise InputError("the passphrase is wrong.", where=str(path), code="passphrase") from None
    found: dict[str, str] = json.loads(opened)
    return found


def save_floor(home: Path, floor: Floor) -> None:
    """Write what the keys remember; on the disk when this returns."""
    write_private(home / "keys" / "floor.json", json.dumps(floor.as_json(), sort_keys=True).encode() + b"\n")


def read_floor(home: Path) -> Floor:
    """What the keys remember.

    Raises:
        StateError: missing or damaged: nothing may be signed until the other members were asked what these keys signed.
    """
    path = home / "keys" / "floor.json"
    try:
        return Floor.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"what the keys have signed is not known: {error}.",
            where=str(path),
            hint="Nothing is signed without it: have the keys replaced in the membership file.",
            code="floor",
        ) from None


def check_owner(identity: Identity, bloc: str) -> None:
    """The node belongs to the bloc of a file that it is given.

    Raises:
        TrustError: another bloc.
    """
    if identity.bloc != bloc:
        raise TrustError(f"this node is of {identity.bloc}, the file of {bloc}.", code="bloc")


def locked(home: Path) -> int:
    """Hold the folder.

    Raises:
        StateError: another process holds it; its number and machine.
    """
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        number, _, host = os.read(handle, 300).decode("utf-8", "replace").strip().partition(" ")
        os.close(handle)
        what = f"another process (number {number or 'unknown'}) uses this node"
        on = f", on {host}" if host else ""
        hint = "Stop that one first, or ask it: concordat node status"
        raise StateError(f"{what}{on}.", where=str(home), hint=hint, code="locked") from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} {platform.node()}".encode())
    return handle
