"""What leaves a machine in the clear, and whom browsers trust: each setting alone, and certificates made here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from concordat.errors import InputError
from concordat.node.outside import in_the_clear, not_trusted, rows
from concordat.node.settings import NodeSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAME = "node.example.br"


def _settings(**values: object) -> NodeSettings:
    return NodeSettings.load(values, environment={}, file=Path("absent.toml"))


def test_the_defaults_let_nothing_out_in_the_clear() -> None:
    assert in_the_clear(NodeSettings()) == []


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"listen": "192.0.2.7:80", "behind_proxy": True, "trusted_proxies": ["192.0.2.1"]}, "listen"),
        ({"ops_listen": "192.0.2.7:8081"}, "ops_listen"),
        ({"peers": {"IND": "http://192.0.2.8"}}, "peers.IND"),
        ({"database": "postgresql://db.example/concordat"}, "database"),
        ({"database": "postgresql://db.example/concordat?sslmode=require"}, "database"),
        ({"database": "postgresql:///concordat?host=/run/postgresql,db.example"}, "database"),
        ({"database": "postgresql:///concordat?hostaddr=192.0.2.1"}, "database"),
    ],
)
def test_each_way_out_in_the_clear_is_named_with_what_closes_it(values: dict[str, object], setting: str) -> None:
    found = in_the_clear(_settings(**values))
    assert [name for name, _ in found] == [setting]
    told = [row for row in rows(_settings(**values), NOW) if row[0] == "warning" and "clear" in row[1]]
    assert told == [("warning", f"in the clear: {setting}", found[0][1])]


@pytest.mark.parametrize(
    "values",
    [
        {"listen": "192.0.2.7:443", "tls_cert": "a.pem", "tls_key": "b.pem"},
        {"listen": "127.0.0.1:80", "behind_proxy": True, "trusted_proxies": ["127.0.0.1"]},
        {"peers": {"IND": "https://node.example.in", "CHN": "http://127.0.0.1:8082"}},
        {"database": "postgresql://db.example/concordat?sslmode=verify-full"},
        {"database": "postgresql:///concordat?host=/run/postgresql"},
        {"database": "postgresql://127.0.0.1/concordat"},
    ],
)
def test_what_is_encrypted_or_stays_here_is_good(values: dict[str, object]) -> None:
    assert in_the_clear(_settings(**values)) == []


def _certified(folder: Path, name: str, *, own: bool = False, end: datetime = NOW + timedelta(days=60)) -> list[Path]:
    """[the chain, the authority] as PEM files; `own`: the certificate vouches for itself."""
    top, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of this test")])
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey, until: datetime) -> x509.CertificateBuilder:
        top_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(top.public_key())
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(who).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=9))
            .not_valid_after(until).add_extension(top_id, critical=False)
        )  # fmt: skip

    its_id = x509.SubjectKeyIdentifier.from_public_key(top.public_key())
    authority = begun(who, top.public_key(), NOW + timedelta(days=900)).add_extension(
        x509.BasicConstraints(True, None), critical=True).add_extension(usage, critical=True).add_extension(
        its_id, critical=False).sign(top, hashes.SHA256())  # fmt: skip
    leaf = begun(x509.Name([]), key.public_key(), end).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True).add_extension(
        x509.BasicConstraints(False, None), critical=False).add_extension(
        x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    ).sign(key if own else top, hashes.SHA256())  # fmt: skip
    files = [folder / "chain.pem", folder / "authority.pem"]
    for path, made in zip(files, (leaf, authority), strict=True):
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return files


def test_a_certificate_of_a_known_authority_is_trusted(tmp_path: Path) -> None:
    chain, authority = _certified(tmp_path, NAME)
    assert not_trusted(chain, NAME, NOW, authority) == ""


@pytest.mark.parametrize(
    ("name", "own", "days"), [("node.example.cn", False, 0), (NAME, True, 0), (NAME, False, 61), (NAME, False, -10)]
)
def test_another_name_an_own_signature_or_another_day_is_not(tmp_path: Path, name: str, own: bool, days: int) -> None:
    chain, authority = _certified(tmp_path, name, own=own)
    assert not_trusted(chain, NAME, NOW + timedelta(days=days), authority)


def test_of_an_authority_that_nobody_knows_doctor_warns(tmp_path: Path) -> None:
    chain, authority = _certified(tmp_path, NAME)
    (tmp_path / "other").mkdir()
    _, stranger = _certified(tmp_path / "other", NAME)
    assert not_trusted(chain, NAME, NOW, stranger)
    found = rows(_settings(tls_cert=str(chain), tls_key="k.pem", public_url=f"https://{NAME}"), NOW)
    assert [row[0] for row in found if row[1] == "certificate"] == ["warning"]
    with pytest.raises(InputError):
        not_trusted(tmp_path / "none.pem", NAME, NOW, authority)


def test_without_scanner_and_list_doctor_warns_and_with_them_it_is_content(tmp_path: Path) -> None:
    import socket

    bare = {row[1]: row[0] for row in rows(NodeSettings(), NOW)}
    assert (bare["scanner"], bare["leaked passwords"]) == ("warning", "warning")
    (tmp_path / "list").write_text("")
    there = _settings(scanner=str(tmp_path / "s"), leaked_passwords=str(tmp_path / "list"))
    assert {row[1]: row[0] for row in rows(there, NOW)}["scanner"] == "warning"
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(str(tmp_path / "s"))
        graded = {row[1]: row[0] for row in rows(there, NOW)}
    assert (graded["scanner"], graded["leaked passwords"]) == ("good", "good")
