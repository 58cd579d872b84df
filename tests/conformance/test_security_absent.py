"""What the program has none of, and what it never does: read out of its own source, and out of its addresses.

A requirement about something that isn't here (tokens, OAuth, WebRTC, GraphQL, mail, directories) is answered by showing
that it isn't; one about how code is written by reading all of it. `asvs.yaml` names these tests row by row.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "concordat"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
SERVED = [path for path in MODULES if path.relative_to(SOURCE).parts[0] in ("node", "web")]
# Libraries whose presence would make a row of the assessment apply that says it doesn't.
ABSENT = {
    "tokens and OAuth": {"authlib", "jose", "joserfc", "jwcrypto", "jwt", "oauthlib", "requests_oauthlib", "saml2"},
    "calls and GraphQL": {"aiortc", "ariadne", "graphene", "graphql", "pylibsrtp", "strawberry", "wsproto"},
    "WebSocket": {"socketio", "websocket", "websockets"},
    "mail and telephone": {"aiosmtplib", "email.mime", "imaplib", "nntplib", "poplib", "smtplib", "twilio", "vonage"},
    "directories and shared caches": {"ldap", "ldap3", "memcache", "pymemcache", "pymongo", "redis"},
    "Java and memory by hand": {"cffi", "jpype", "mmap", "py4j"},
    "objects from bytes": {"cloudpickle", "dill", "marshal", "shelve"},
}
SQL = ("execute", "executemany", "executescript", "run", "rows", "one")
# Names of columns, tables and settings that a statement may hold: each is made of constants of the program.
NAMES_IN_SQL = {
    "','.join('?' * len(row))", "','.join('?' * len(values))", "', '.join('?' * len(values))", "column", "columns",
    "marks", "name", "order", "self.name(table)", "setting", "side.meta", "table", "where",
}  # fmt: skip


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Modules that a file imports, wherever in it; read line by line, as parsing a thousand files costs seconds."""
    return tuple(re.findall(r"^\s*(?:from|import) ([A-Za-z_][\w.]*)(?= import |,| as |$)", _text(path), re.M))


def _calls(path: Path, *words: str) -> Iterator[tuple[str, ast.Call]]:
    """Calls of a file with what is called; files without any of these words aren't looked into."""
    if words and not any(word in _text(path) for word in words):
        return
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _at(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}"


@pytest.mark.parametrize("what", sorted(ABSENT))
def test_no_library_of_what_we_do_not_have(what: str) -> None:
    found = [
        f"{path.relative_to(SOURCE)} imports {name}"
        for path in MODULES
        for name in _imports(path)
        if name in ABSENT[what] or name.split(".")[0] in ABSENT[what]
    ]
    assert found == []


def test_no_address_of_what_we_do_not_have() -> None:
    """No route gives out or takes tokens, talks GraphQL or sets up calls."""
    pytest.importorskip("starlette", reason="needs the extra [web]")
    from concordat.web.desk.addresses import PAGES
    from concordat.web.openapi import operations

    paths = [page.path for page in PAGES] + [operation.path for operation in operations()]
    assert len(paths) > 50
    strange = re.compile(
        r"oauth|openid|authorize|saml|jwks|graphql|websocket|/ws\b|turn|stun|webrtc|\.well-known", re.I
    )
    assert [path for path in paths if strange.search(path)] == []


# --- How code is written ---------------------------------------------------------------------------------------------


def test_no_text_is_run_as_a_program() -> None:
    """No eval, exec or compile; YAML by safe loaders; pickle between our own processes; arrays without objects."""
    found = []
    for path in MODULES:
        for name, call in _calls(path, "eval(", "exec(", "compile(", "__import__", "yaml.", "pickle.", "np.load"):
            if name in ("eval", "exec", "compile", "__import__", "yaml.unsafe_load", "yaml.full_load"):
                found.append(f"{_at(path, call)} {name}")
            if name == "yaml.load":
                assert not re.search(r"\b(?:Full|Unsafe)?Loader\b", ast.unparse(call).replace("Loader=", "")), path
                assert "SafeLoader" in _text(path), path
            if name.startswith("pickle."):
                assert path.relative_to(SOURCE).as_posix() == "clearing/netting/tasks.py", _at(path, call)
            if name == "np.load":
                assert any(k.arg == "allow_pickle" and not getattr(k.value, "value", True) for k in call.keywords)
    assert found == []


def test_programs_are_started_without_a_shell() -> None:
    """A started program gets a list of arguments; which ones is a constant of the module or our own interpreter."""
    started = 0
    for path in MODULES:
        for name, call in _calls(path, "subprocess", "os.system", "os.popen"):
            assert name not in ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput")
            if name in ("subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"):
                started += 1
                assert not any(k.arg == "shell" for k in call.keywords), _at(path, call)
                assert not isinstance(call.args[0], (ast.JoinedStr, ast.Constant)), _at(path, call)
    assert started >= 3


def test_statements_of_sql_hold_no_values() -> None:
    """A statement that is put together has names of columns and tables in it, all ours; values are bound."""
    together = 0
    for path in SERVED:
        for name, call in _calls(path, "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "SHOW ", "ALTER "):
            if name.split(".")[-1] not in SQL or not call.args:  # every statement goes through one of these
                continue
            text = call.args[0]
            if isinstance(text, ast.BinOp):
                assert not isinstance(text.op, ast.Mod), _at(path, call)
            for part in text.values if isinstance(text, ast.JoinedStr) else ():
                if isinstance(part, ast.FormattedValue):
                    together += 1
                    written = ast.unparse(part.value)
                    assert written.isupper() or written in NAMES_IN_SQL, f"{_at(path, call)}: {written}"
    assert together > 5


def test_templates_escape_and_markup_is_made_in_few_places() -> None:
    """Every environment escapes; no template says that something is safe; two modules of the web make markup."""
    for path in MODULES:
        for name, call in _calls(path, "jinja2"):
            if name.split(".")[-1] == "Environment":
                escaping = [k for k in call.keywords if k.arg == "autoescape"]
                assert escaping, _at(path, call)
                assert getattr(escaping[0].value, "value", None) is True, _at(path, call)
            if name.split(".")[-1] == "from_string":
                argument = ast.unparse(call.args[0])
                assert argument == "text" or ".read_text(" in argument, _at(path, call)  # a file of the package
    templates = [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.j2")]
    assert templates
    for path in templates:
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text(encoding="utf-8")), path.name
    makers = {
        path.relative_to(SOURCE).as_posix()
        for path in SERVED
        if any(name.split(".")[-1] == "Markup" for name, _ in _calls(path, "Markup("))
    }
    assert makers <= {"web/desk/frame.py", "web/html.py"}


def test_patterns_are_made_of_escaped_text() -> None:
    """A pattern that is put together in node or web holds constants, or text that was escaped first."""
    for path in SERVED:
        for name, call in _calls(path, "re."):
            if not name.startswith("re.") or name == "re.escape" or not call.args:
                continue
            pattern = call.args[0]
            for part in pattern.values if isinstance(pattern, ast.JoinedStr) else ():
                if isinstance(part, ast.FormattedValue):
                    written = ast.unparse(part.value)
                    assert written.isupper() or "re.escape" in written or written.startswith("_"), _at(path, call)


def test_no_code_of_ours_handles_memory() -> None:
    """The package is Python alone: no compiled module; one reference is held by hand, at the end of a process, and the
    C library is asked to give back what was freed."""
    assert [p.name for p in SOURCE.rglob("*") if p.suffix in (".c", ".h", ".pyx", ".so", ".pyd", ".rs")] == []
    users = [path for path in MODULES if "ctypes" in _imports(path)]
    asked = {
        path.relative_to(SOURCE).as_posix(): [
            ast.unparse(c.func) for name, c in _calls(path) if name.startswith(("ctypes.", "library."))
        ]
        for path in users
    }
    assert asked == {
        "node/clearing/sqlite.py": ["ctypes.pythonapi.Py_IncRef", "ctypes.py_object"],
        "node/heap.py": ["library.mallopt", "library.malloc_trim", "ctypes.CDLL"],
    }


def test_what_runs_takes_nothing_of_the_tests() -> None:
    """Nothing that ships imports a test, an example or a benchmark, nor any library of testing."""
    foreign = {"benchmarks", "hypothesis", "pytest", "tests", "unittest"}
    simulators = SOURCE / "clearing" / "simulate"  # the laboratory of the clearing room, which no node imports
    users = [p for p in MODULES if any(name.split(".")[0] in foreign for name in _imports(p))]
    assert [p.name for p in users if simulators not in p.parents] == []


def test_places_are_filled_once_whatever_stands_in_them() -> None:
    """A value with braces or attributes in it is printed, not filled again."""
    from concordat.web.languages import Words

    words = Words("en")
    hostile = "{member.__class__} %(x)s {0} {who}"
    assert hostile in words.plain("desk.link_for", login=hostile)


# --- Cryptography ----------------------------------------------------------------------------------------------------


def test_random_numbers_that_matter_come_from_the_system() -> None:
    """In node, web, ledger and council `random` draws waiting times alone; all else is `secrets` or a seeded stream.

    Names of processes and of objects are version 4 UUIDs, whose bits are the system's (RFC 9562, 5.4); never version 1,
    which can be guessed.
    """
    users = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        if path.relative_to(SOURCE).parts[0] in ("node", "web", "ledger") and "random" in _imports(path)
    }
    assert users <= {"node/peers.py"}
    drawn = [ast.unparse(c) for name, c in _calls(SOURCE / "node" / "peers.py") if name.startswith("random.")]
    assert drawn == ["random.uniform(0.5, 1.5)"]
    sizes = [
        ast.unparse(call)
        for path in SERVED
        for name, call in _calls(path, "secrets.")
        if name in ("secrets.token_bytes", "secrets.token_hex", "secrets.token_urlsafe")
    ]
    assert sizes
    made = {name for path in SERVED for name, _ in _calls(path, "uuid.") if name.startswith("uuid.")}
    assert made <= {"uuid.uuid4", "uuid.uuid5", "uuid.UUID"}
    assert not any(re.search(r"from uuid import", _text(path)) for path in SERVED)


def test_weak_hashes_stand_in_one_time_codes_alone() -> None:
    uses = {
        f"{path.relative_to(SOURCE).as_posix()} {found}"
        for path in MODULES
        for found in re.findall(r"hashlib\.(?:md5|sha1|new)\b", _text(path))
    }
    listed = "node/leaked.py hashlib.sha1"  # lists of leaked passwords are sorted by it; nothing is trusted for it
    assert uses <= {"node/passwords.py hashlib.sha1", "rulebook/search.py hashlib.sha1", listed}
    assert "node/passwords.py hashlib.sha1" in uses


def test_ciphers_are_authenticated_ones() -> None:
    """What is encrypted is sealed by ChaCha20-Poly1305; no block mode and no padding is ever named."""
    ciphers = set()
    for path in MODULES:
        for module, names in re.findall(r"^\s*from (cryptography\.hazmat[\w.]*) import (.+)$", _text(path), re.M):
            if "ciphers" in module:
                ciphers |= {name.strip() for name in names.split(",")}
            assert "padding" not in module + names, path.name
    assert ciphers == {"ChaCha20Poly1305"}


def test_cryptography_is_that_of_two_libraries() -> None:
    """Algorithms come from `cryptography` and the standard library; PyNaCl, where it is installed, only verifies more
    quickly; the curve arithmetic of hidden ballots is the one primitive of our own, and says so."""
    known = {"Crypto", "Cryptodome", "ecdsa", "ed25519", "gmpy2", "nacl", "oqs", "pqcrypto", "rsa", "cryptography"}
    used = {name.split(".")[0] for path in MODULES for name in _imports(path)} & known
    assert used <= {"cryptography", "nacl"}


def test_every_sealing_has_a_nonce_of_its_own() -> None:
    from concordat.node.secret import NONCE_BYTES, seal

    sealed = [seal(b"k" * 32, b"the same", "owner") for _ in range(200)]
    assert len({one[:NONCE_BYTES] for one in sealed}) == 200
    assert len(set(sealed)) == 200
