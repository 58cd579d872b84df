"""The keys of a node in one sealed file, for a backup that is carried away.

All files below `keys/` (the memory of the keys too) and `roots/`, as JSON, sealed by ChaCha20-Poly1305 (RFC 8439) under
a key from scrypt (RFC 7914; n = 2^17, r = 8, p = 1: 128 MiB and about 0.4 s a guess). The associated data names the
node and the moment of the backup, so that the file can't be put into another one. A key file that has a passphrase of
its own keeps it inside.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from concordat.errors import InputError, StateError, TrustError
from concordat.node.identity import write_private

NAME = "keys.sealed"
FOLDERS = ("keys", "roots")
N, R, P = 2**17, 8, 1
N_MAX = 2**20  # a file must not make us use a gigabyte and more
PASSPHRASE_MIN = 12
BYTES_MAX = 10_000_000
_PATH = re.compile(r"(keys|roots)/[A-Za-z0-9_][A-Za-z0-9_.-]*")


def read_keys(home: Path) -> dict[str, bytes]:
    """The key files of a node by their paths.

    Raises:
        StateError: there are none, or one can't be read.
    """
    found = {}
    for folder in FOLDERS:
        for path in sorted((home / folder).glob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix == ".new":
                continue
            try:
                found[f"{folder}/{path.name}"] = path.read_bytes()
            except OSError as error:
                raise StateError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
    if "keys/floor.json" not in found:
        raise StateError("the node's keys are not here.", where=str(home / "keys"), code="no_key")
    return found


def seal(files: Mapping[str, bytes], passphrase: str, about: str, n: int = N) -> bytes:
    """Key files in one sealed file.

    Args:
        files: by path. about: which backup it belongs to. n: the cost of scrypt; a power of two.

    Raises:
        InputError: a passphrase of under 12 characters.
    """
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if len(passphrase) < PASSPHRASE_MIN:
        what = f"the passphrase has {len(passphrase)} characters."
        hint = f"Take at least {PASSPHRASE_MIN}: a backup is carried to places where many may try."
        raise InputError(what, where="--keys-passphrase-file", hint=hint, code="passphrase")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    plain = json.dumps({path: base64.b64encode(data).decode() for path, data in files.items()}, sort_keys=True)
    sealed = ChaCha20Poly1305(_key(passphrase, salt, n, R, P)).encrypt(nonce, plain.encode(), _bound(about))
    texts = {"nonce": nonce, "salt": salt, "sealed": sealed}
    raw = {**{key: base64.b64encode(value).decode() for key, value in texts.items()}, "n": n, "p": P, "r": R, "v": 1}
    return json.dumps(raw, sort_keys=True).encode() + b"\n"


def unseal(data: bytes, passphrase: str, about: str, where: str) -> dict[str, bytes]:
    """The key files in a sealed file.

    Raises:
        InputError: the passphrase is wrong, or the file belongs to another backup. TrustError: the file is damaged.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        raw = json.loads(data)
        n, r, p = (raw[key] for key in ("n", "r", "p"))
        salt, nonce, sealed = (base64.b64decode(raw[key], validate=True) for key in ("salt", "nonce", "sealed"))
        if raw["v"] != 1 or type(n) is not int or not 2**10 <= n <= N_MAX or n & (n - 1) or (r, p) != (R, P):
            raise ValueError("a cost that is not one of ours")
        opened = ChaCha20Poly1305(_key(passphrase, salt, n, r, p)).decrypt(nonce, sealed, _bound(about))
        files = {path: base64.b64decode(text, validate=True) for path, text in json.loads(opened).items()}
    except InvalidTag:
        hint = "It is the passphrase given to node backup --with-keys."
        what = "the passphrase is wrong, or the keys are of another backup."
        raise InputError(what, where=where, hint=hint, code="passphrase") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrustError(f"the sealed keys are damaged: {error}.", where=where, code="damaged") from None
    odd = [path for path in sorted(files) if not _PATH.fullmatch(path)]
    if odd:
        raise TrustError(f'a key file with the path "{odd[0][:80]}".', where=where, code="damaged")
    return files


def put_keys(home: Path, files: Mapping[str, bytes]) -> None:
    """Write key files into a node's folder; each is readable by its owner alone.

    Raises:
        StateError: not written.
    """
    for path, data in sorted(files.items()):
        write_private(home / path, data)


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    words = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(words)


def _bound(about: str) -> bytes:
    return b"concordat backup keys v1\n" + about.encode()
