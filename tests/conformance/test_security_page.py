"""What docs/reference/security.md says of a node is what the program does: each table is held against the program.

Keys, algorithms, tables of the stores, lines of log, uploads, bounds and threats: a row that is missing, left over or
says another number fails here. Rows of `asvs.yaml` that ask for something to be written down name these tests.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "concordat"
PAGE = ROOT / "docs" / "reference" / "security.md"
OPENS = re.compile(r"(open_connection|create_connection|AsyncClient|httpx\.Client|psycopg\.connect)\(")
PEOPLE = ROOT / "docs" / "reference" / "people-and-roles.md"


@cache
def section(title: str) -> str:
    """The text below a heading, up to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found, title
    return found[1]


def cells(title: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(title: str) -> set[str]:
    """What stands in the first column in code marks."""
    return {name for row in cells(title) for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_threat_names_tests_that_exist() -> None:
    rows = cells("Threats and the tests that show the control")
    assert len(rows) >= 15
    for threat, control, named in rows:
        assert threat
        assert control
        for one in named.split("<br>"):
            match = re.fullmatch(r"`([a-z_0-9/]+\.py)::(test_\w+)`", one)
            assert match, one
            tree = ast.parse((ROOT / "tests" / match[1]).read_text(encoding="utf-8"))
            assert match[2] in {getattr(node, "name", "") for node in tree.body}, one


def test_the_page_names_every_table() -> None:
    """Each table of both stores has its class and how long its rows stay."""
    made = "".join((SOURCE / "node" / f"{name}.py").read_text(encoding="utf-8") for name in ("people_store", "store"))
    tables = set(re.findall(r"CREATE TABLE (\w+) \(", made))
    assert len(tables) > 15
    assert names("What a node keeps") == tables
    assert all(row[2].startswith(("public", "inner", "secret")) and row[3] for row in cells("What a node keeps"))


def test_the_page_names_every_line_of_log() -> None:
    """Every event that node and web write stands in the table, and none besides."""
    written = set()
    for path in [*(SOURCE / "node").rglob("*.py"), *(SOURCE / "web").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r"log\(\s*(?:level|\"\w+\"), \"(\w+)\"", text))
        written |= set(re.findall(r"\"event\": \"(\w+)\"", text))
    assert len(written) > 8
    assert names("Lines of log") == written


def test_the_page_names_every_key() -> None:
    from concordat.node.identity import ROLES

    named = names("Keys")
    assert {f"keys/{role}.json" for role in (*ROLES, "node", "people")} <= named
    assert {"roots/", "key_sealed", "tls_key"} <= named
    assert all(len(row) == 4 and all(row) for row in cells("Keys"))


def test_the_page_names_every_algorithm() -> None:
    """What the program takes from its libraries of cryptography stands in the table, each with source and way out."""
    known = {
        "Ed25519": "Ed25519", "MLDSA44": "ML-DSA-44", "sha256": "SHA-256", "ChaCha20Poly1305": "ChaCha20-Poly1305",
        "Argon2id": "Argon2id", "Scrypt": "scrypt", "sha1": "HMAC-SHA1", "hmac": "HMAC-SHA256",
    }  # fmt: skip
    text = "".join(p.read_text(encoding="utf-8") for part in ("node", "ledger") for p in (SOURCE / part).rglob("*.py"))
    used = set(re.findall(r"import (?:.*\b)?(Ed25519|MLDSA44|ChaCha20Poly1305|Argon2id|Scrypt|hmac)", text))
    used |= set(re.findall(r"(?:hashlib\.|import )(sha\w+|md5|blake\w+)\b", text))
    assert used <= set(known), used - set(known)
    table = section("Algorithms")
    for name in used:
        assert known[name] in table, name
    assert all(len(row) == 4 and all(row) for row in cells("Algorithms"))


def test_the_page_names_every_upload() -> None:
    pytest.importorskip("starlette", reason="needs the extra [web]")
    from concordat.ledger.tiles import ENTRY_BYTES_MAX
    from concordat.node.exchange_receive import PIECE_MAX
    from concordat.node.limits import MEMBER_BODY_MAX
    from concordat.web.bodies import BLOB_MAX, BODY_MAX, FIELDS_MAX
    from concordat.web.desk.addresses import PAGES
    from concordat.web.desk.documents import UPLOADS

    sizes = {row[0]: row[2] for row in cells("Uploads")}
    taking = {page.path: page.files for page in PAGES if page.files}
    documents = [path for path, files in taking.items() if files == UPLOADS]
    assert {path: files for path, files in taking.items() if path not in documents} == {
        "/act/{act}/upload": {"envelope": 65_535}
    }
    assert {"/say/{type}", "/dispute/new"} <= set(documents)
    assert set(UPLOADS.values()) == {BLOB_MAX}
    assert sizes["forms of acts that name a hash"] == f"{BLOB_MAX:,} bytes"
    assert sizes["`/act/<id>/upload`"] == f"{ENTRY_BYTES_MAX:,} bytes" == sizes["`POST /entries`"]
    assert sizes["`/check`"] == f"{BLOB_MAX:,} bytes"
    assert sizes["any other form"] == f"{BODY_MAX:,} bytes, {FIELDS_MAX:,} fields"
    pushed = "members: `/dsp/push/<transfer>`, where this node asked for it"
    assert sizes[pushed] == f"{PIECE_MAX:,} bytes a piece; a file as large as was agreed"
    assert f"{MEMBER_BODY_MAX:,} bytes" in sizes["members: `/sync/messages`, `/mirror/add-entries`"]


def test_the_page_names_what_is_costly() -> None:
    from concordat.node import jobs, passwords, writer
    from concordat.node.limits import LIMITS
    from concordat.web.respond import CACHE_BYTES

    bounds = {row[0]: row[1] for row in cells("What is costly")}
    assert bounds["hashing a password"] == f"{passwords.HASHES_AT_ONCE} at once, {passwords.HASHES_WAITING} waiting"
    assert bounds["entries to write"] == f"{writer.QUEUE_MAX:,} waiting"
    assert bounds["work in the background"].startswith(f"{jobs.QUEUE_MAX} waiting, 10 minutes each")
    for words, limit in (
        ("looking up, checking a file, earlier batches", "search"),
        ("pages", "pages"),
        ("forms", "forms"),
    ):
        about = LIMITS[limit]
        assert bounds[words].startswith(f"{about.rate:g} a second an address, {about.burst:g} in a burst"), words
    assert f"{CACHE_BYTES // 2**20} MiB" in bounds["pages"]


def test_the_page_names_bounds_as_the_program_has_them() -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [web]")
    from concordat.node.http_bounds import BODY_S, CONNECTIONS_MAX, HEADERS_S, OF_ONE_ADDRESS

    bounds = {row[0]: row[1] for row in cells("What is costly")}
    wanted = f"{CONNECTIONS_MAX} in all, {OF_ONE_ADDRESS} of one address; headers {HEADERS_S:g} s, body {BODY_S:g} s"
    assert bounds["a connection"] == wanted


def test_the_page_names_whom_a_node_talks_to() -> None:
    """Three modules of a node open connections, to peers, engine and database; the page names these three."""
    opening = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "node").rglob("*.py")
        if OPENS.search(path.read_text(encoding="utf-8"))
    }  # fmt: skip
    text = section("Whom a node talks to")
    peers, engine = {"node/outbound.py"}, {"node/abci_rpc.py", "node/abci_stage.py", "node/sequencer_abci.py"}
    database = {path for path in opening if "postgres" in path}
    operator = {"node/ops_client.py"}  # `node status` asks this machine
    assert opening <= peers | engine | database | operator, opening
    for words in ("membership", "`peers`", "engine", "PostgreSQL", "No form takes an address"):
        assert words in text


def test_the_page_names_what_each_role_does_not_see() -> None:
    from concordat.node.authorise import roles

    text = section("Who does not see what").casefold()
    for role in ("operator", "secretary", "expert", "supervisor"):
        assert role in roles().roles
        assert role in text
    for hidden in ("draft", "opinion", "phrase", "unlocked key"):
        assert hidden in text


def test_the_page_says_how_soon_faults_of_others_are_mended() -> None:
    assert re.findall(r"(\d+) days", section("Faults of other people's code")) == ["3", "14", "90"]


def test_the_page_of_people_says_what_the_program_does() -> None:
    """Passwords, codes, waits, sessions: what docs/reference/people-and-roles.md says is what the constants are."""
    from concordat.node import accounts, guessing, passkeys, passwords, sessions

    said = {
        row.split("|")[1].strip(): row.split("|")[2]
        for row in PEOPLE.read_text(encoding="utf-8").splitlines()
        if row.startswith("| ")
    }
    cost = passwords.COST
    password = said["password"]
    assert f"{passwords.LENGTH_MIN} to {passwords.LENGTH_MAX} characters, any" in password
    assert f"Argon2id {cost.memory_kib // 1024} MiB, {cost.passes} passes" in password
    assert "not made of login, bloc or member" in password
    assert "commonest" in password
    assert f"{accounts.LINK_S // 3_600} hours, once" in said["one-time link"]
    assert f"{passwords.DIGITS} digits, {passwords.STEP_S} s, one step before and after" in said["one-time code"]
    assert "above `expert`" in said["one-time code"]
    assert "ten, once each" in said["recovery codes"]
    assert passwords.RECOVERY_CODES == 10
    assert "a question holds for 5 minutes" in said["passkey"]
    assert passkeys.PASSKEYS_MAX == 10
    assert "ten an account" in said["passkey"]
    for words in (
        "5 for a login",
        "20 for an address",
        "15 minutes",
        f"1, 2, 4 ... {guessing.WAIT_MINUTES_MAX} minutes",
    ):
        assert words in said["failures"], words
    for words in (
        f"{sessions.ID_BITS} bits",
        f"{sessions.IDLE_S // 60} minutes idle",
        f"{sessions.LONGEST_S // 3_600} hours",
        f"{sessions.SESSIONS_MAX} an account",
    ):
        assert words in said["session"], words
