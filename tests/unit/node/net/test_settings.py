"""The table [node]: where values come from, what is refused before a node starts, that nothing secret stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.errors import ConcordatError, InputError, RuleError
from concordat.node.settings import NODE_SETTING_NAMES, NodeSettings
from concordat.settings import Settings

FILE = """
data_dir = "/srv/concordat"
[node]
listen = "127.0.0.1:9000"
languages = ["en", "pt"]
retention = {drafts_days = 7}
peers = {RUS = "https://node.example.ru/concordat"}
"""


def _load(tmp_path: Path, text: str = "", environment: dict[str, str] | None = None, **given: object) -> NodeSettings:
    file = tmp_path / "concordat.toml"
    file.write_text(text, encoding="utf-8")
    return NodeSettings.load(given, environment or {}, file)


def test_order_is_argument_environment_file_default(tmp_path: Path) -> None:
    found = _load(tmp_path, FILE, {"CONCORDAT_NODE_LISTEN": "127.0.0.1:9001"}, listen="127.0.0.1:9002")
    assert (found.address, found.origins["listen"]) == (("127.0.0.1", 9002), "argument")
    found = _load(tmp_path, FILE, {"CONCORDAT_NODE_LISTEN": "127.0.0.1:9001"})
    assert (found.address, found.origins["listen"]) == (("127.0.0.1", 9001), "CONCORDAT_NODE_LISTEN")
    found = _load(tmp_path, FILE)
    assert (found.address, found.origins["listen"]) == (("127.0.0.1", 9000), str(tmp_path / "concordat.toml"))
    assert found.languages == ("en", "pt")
    assert found.retention == {"drafts_days": 7, "sessions_days": 30, "access_log_days": 14, "audit_years": 10}
    assert found.peers == {"RUS": "https://node.example.ru/concordat"}
    assert (found.sync_every_s, found.origins["sync_every_s"]) == (5, "default")
    assert set(found.origins) == set(NODE_SETTING_NAMES) == set(found.shown())


def test_the_table_is_left_to_its_room(tmp_path: Path) -> None:
    file = tmp_path / "concordat.toml"
    file.write_text(FILE, encoding="utf-8")
    settings = Settings.load({}, {"CONCORDAT_NODE_LISTEN": "x"}, file)
    assert settings.data_dir == Path("/srv/concordat")


def test_values_of_the_environment_have_their_kinds(tmp_path: Path) -> None:
    environment = {
        "CONCORDAT_NODE_SYNC_EVERY_S": "7", "CONCORDAT_NODE_PEERS_PRIVATE": "true",
        "CONCORDAT_NODE_LANGUAGES": "pt, en", "CONCORDAT_NODE_PEERS": "IND=http://127.0.0.1:81,ZAF=https://z.example",
        "CONCORDAT_NODE_RETENTION": "drafts_days=3",
    }  # fmt: skip
    found = _load(tmp_path, environment=environment)
    assert (found.sync_every_s, found.peers_private, found.languages) == (7, True, ("pt", "en"))
    assert found.peers == {"IND": "http://127.0.0.1:81", "ZAF": "https://z.example"}
    assert found.retention["drafts_days"] == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('lisen = "x"', 'Did you mean "listen"'),
        ("listen = 8080", "listen must be text"),
        ('listen = "8080"', "is not a host and a port"),
        ('listen = "127.0.0.1:70000"', "is not a host and a port"),
        ("sync_every_s = 0", "from 1 to 600"),
        ("sync_every_s = true", "must be a whole number"),
        ('peers_private = "yes"', "must be true or false"),
        ('languages = "en"', "must be a list"),
        ('languages = ["xx"]', "languages names xx"),
        ("languages = []", "languages names none"),
        ('sequencer = "raft"', "one of embedded, federated, abci"),
        ('peers = {bra = "https://x.example"}', "not the id of a member"),
        ('peers = {BRA = "ftp://x.example"}', "not the address of a site"),
        ('peers = {BRA = "https://user:word@x.example"}', "not the address of a site"),
        ('peers = {BRA = "https://x.example/?a=1"}', "not the address of a site"),
        ('public_url = "https://x.example/../y"', "not the address of a site"),
        ("retention = {draft_days = 1}", 'Did you mean "drafts_days"'),
        ('tls_cert = "a.pem"', "tls_cert and tls_key go together"),
        ('trusted_proxies = ["proxy"]', "is no address"),
        ('client_ca = "ca.pem"', "client_ca asks browsers for a certificate over TLS"),
        ('database = "mysql://x"', "an address of PostgreSQL"),
    ],
)
def test_a_faulty_value_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        _load(tmp_path, f"[node]\n{text}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('listen = "0.0.0.0:8080"', "Refusing plain HTTP on 0.0.0.0. Set tls_cert, or behind_proxy with"),
        ('listen = "[::]:8080"', "Refusing plain HTTP on ::."),
        ('listen = "0.0.0.0:8080"\nbehind_proxy = true', "Refusing plain HTTP"),
        ('ops_listen = "0.0.0.0:8081"', "it would show metrics"),
        ('ops_listen = "8.8.8.8:8081"', "it would show metrics"),
        ('trusted_proxies = ["192.0.2.1"]', "behind_proxy says that no proxy is there"),
        ('trusted_proxies = ["192.0.2.1"]\nbehind_proxy = false', "Write behind_proxy = true, or leave"),
        ("workers = 2", "several workers need PostgreSQL"),
        ('database = "postgresql://concordat:secret@db.example/concordat"', "a password stands in the settings"),
    ],
)
def test_what_would_run_unsafely_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RuleError, match=re.escape(words)) as caught:
        _load(tmp_path, f"[node]\n{text}\n")
    assert "secret" not in str(caught.value)


def test_a_public_listener_needs_tls_or_a_proxy_that_is_trusted(tmp_path: Path) -> None:
    tls = '[node]\nlisten = "0.0.0.0:443"\ntls_cert = "a.pem"\ntls_key = "b.pem"\n'
    assert _load(tmp_path, tls).address == ("0.0.0.0", 443)
    proxy = '[node]\nlisten = "0.0.0.0:80"\nbehind_proxy = true\ntrusted_proxies = ["192.0.2.1"]\n'
    assert _load(tmp_path, proxy).trusted_proxies == ("192.0.2.1",)


def test_an_unknown_variable_of_the_node_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='Did you mean "CONCORDAT_NODE_LISTEN"'):
        _load(tmp_path, environment={"CONCORDAT_NODE_LISTN": "x"})


def test_the_prefix_of_the_address_is_kept() -> None:
    found = NodeSettings.load({"public_url": "https://example.br/concordat/"}, environment={}, file=Path("absent"))
    assert found.prefix == "/concordat"


@pytest.mark.parametrize("text", ['node = "x"', "[node\n"])
def test_a_file_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConcordatError, match=r"node must be a table|not TOML"):
        _load(tmp_path, text)


@pytest.mark.parametrize("sequencer", ["abci", "embedded"])
def test_serve_refuses_a_stage_that_it_does_not_run(
    sequencer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "concordat.toml").write_text(f'[node]\nsequencer = "{sequencer}"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["node", "serve", "--home", str(tmp_path / "none")]) != 0
    assert f"orders entries with the other members; the settings say {sequencer}." in capsys.readouterr().err
