"""The operator's numbers: named as specified, read back by the format's own parser, and silent about people."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import MethodError
from concordat.node.gauges import job_counts, refresh
from concordat.node.hashed_files import HashedFiles
from concordat.node.jobs import STATES, Jobs, Kind
from concordat.node.metrics import KEYS, STATUSES, Metrics
from concordat.node.onlooker import Onlooker
from concordat.node.people_store import PeopleStore
from concordat.node.records import BackupMade, write_record
from node_care_kit import small_home

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

# node-web.md 2: name -> labels.
SPECIFIED = {
    "concordat_http_seconds": {"route", "status"},
    "concordat_page_bytes": {"route"},
    "concordat_log_size": {"origin"},
    "concordat_final_batch": set(),
    "concordat_peer_lag_entries": {"peer"},
    "concordat_peer_backoff_seconds": {"peer"},
    "concordat_commit_seconds": set(),
    "concordat_cache_hits": set(),
    "concordat_jobs": {"state"},
    "concordat_rejects": {"limit"},
    "concordat_backup_age_seconds": set(),
    "concordat_key_expiry_days": {"key"},
}


ORDER = ("route", "status", "origin", "peer", "state", "limit", "key")


@pytest.fixture
def metrics() -> Metrics:
    pytest.importorskip("prometheus_client", reason="needs the extra [web] or [oracles]")
    found = Metrics(routes=("/", "/place/{area}"), limits=("pages", "login"))
    found.members(("IND", "ZAF"), ("bra.example/BRICS/member", "BRICS/council/1"))
    return found


def families(metrics: Metrics) -> dict[str, Any]:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    data, kind = metrics.text()
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert data.endswith(b"# EOF\n")
    return {family.name: family for family in text_string_to_metric_families(data.decode())}


def fill(metrics: Metrics) -> None:
    metrics.answered("/place/{area}", 200, 0.004, 12_345)
    metrics.committed(0.011)
    metrics.cache_hit()
    metrics.rejected("login")
    metrics.logs({"bra.example/BRICS/member": 3, "BRICS/council/1": 6}, 5)
    metrics.peer("IND", 12, 80.0)
    metrics.jobs({"queued": 2})
    metrics.backup(NOW - timedelta(hours=31), NOW)
    metrics.expires("tls", 13.5)


def value(found: dict[str, Any], name: str, **labels: str) -> float:
    family = next(f for n, f in found.items() if name.startswith(n))
    (sample,) = [s for s in family.samples if s.name == name and s.labels == labels]
    return float(sample.value)


def test_all_specified_metrics_are_there_with_their_labels(metrics: Metrics) -> None:
    fill(metrics)
    found = families(metrics)
    assert set(found) == set(SPECIFIED)
    for name, labels in SPECIFIED.items():
        used = {label for sample in found[name].samples for label in sample.labels} - {"le"}
        assert used == labels, name


def test_all_specified_metrics_are_documented() -> None:
    text = (Path(__file__).parents[4] / "docs" / "reference" / "node-metrics.md").read_text(encoding="utf-8")
    for name, labels in SPECIFIED.items():
        total = "_total" if name in ("concordat_cache_hits", "concordat_rejects") else ""
        wanted = f"{{{','.join(label for label in ORDER if label in labels)}}}" if labels else ""
        assert f"| `{name}{total}{wanted}` |" in text, name


def test_what_was_told_is_what_is_read(metrics: Metrics) -> None:
    fill(metrics)
    found = families(metrics)
    route = "/place/{area}"
    assert value(found, "concordat_http_seconds_count", route=route, status="200") == 1
    assert value(found, "concordat_http_seconds_sum", route=route, status="200") == 0.004
    assert value(found, "concordat_http_seconds_bucket", route=route, status="200", le="0.005") == 1
    assert value(found, "concordat_http_seconds_bucket", route=route, status="200", le="0.0025") == 0
    assert value(found, "concordat_page_bytes_sum", route=route) == 12_345
    assert value(found, "concordat_log_size", origin="BRICS/council/1") == 6
    assert value(found, "concordat_final_batch") == 5
    assert value(found, "concordat_peer_lag_entries", peer="IND") == 12
    assert value(found, "concordat_peer_backoff_seconds", peer="IND") == 80
    assert value(found, "concordat_cache_hits_total") == 1
    assert value(found, "concordat_rejects_total", limit="login") == 1
    assert [value(found, "concordat_jobs", state=state) for state in STATES] == [2, 0, 0, 0, 0, 0]
    assert value(found, "concordat_backup_age_seconds") == 31 * 3600
    assert value(found, "concordat_key_expiry_days", key="tls") == 13.5


def test_no_label_comes_from_outside(metrics: Metrics) -> None:
    """Addresses, accounts and queries by the thousand: the number of series doesn't grow, and none of them shows."""
    fill(metrics)
    metrics.answered("nonsense", 999, 0.1, 1)
    metrics.rejected("nonsense")
    metrics.peer("nonsense", 1, 1)
    metrics.logs({"nonsense": 1}, 5)
    metrics.expires("nonsense", 1)
    before = sum(len(f.samples) for f in families(metrics).values())
    for n in range(1_000):
        for word in (f"203.0.113.{n % 256}", f"/place/BRA?q=secret-{n}", f"maria-{n}"):
            metrics.answered(word, n, 0.1, 1)
            metrics.rejected(word)
            metrics.peer(word, n, 1)
            metrics.logs({word: n}, 5)
            metrics.expires(word, 1)
    found = families(metrics)
    known = set(STATUSES) & {str(n) for n in range(1_000)}
    per_status = len([s for s in found["concordat_http_seconds"].samples if s.labels["status"] == "200"]) // 2
    assert sum(len(f.samples) for f in found.values()) <= before + per_status * len(known)
    text = metrics.text()[0].decode()
    assert not [word for word in ("203.0.113", "secret", "maria", "nonsense") if word in text]
    assert 'limit="other"' in text


def test_without_a_backup_its_age_is_beyond_every_limit(metrics: Metrics) -> None:
    assert value(families(metrics), "concordat_backup_age_seconds") == math.inf
    metrics.backup(NOW, NOW)
    assert value(families(metrics), "concordat_backup_age_seconds") == 0
    metrics.backup(None, NOW)
    assert value(families(metrics), "concordat_backup_age_seconds") == math.inf


def test_a_member_that_left_is_shown_no_more(metrics: Metrics) -> None:
    metrics.peer("IND", 12, 80.0)
    metrics.members(("ZAF",), ("BRICS/council/1",))
    metrics.logs({"bra.example/BRICS/member": 3, "BRICS/council/1": 6}, 5)
    found = families(metrics)
    assert [s.labels for s in found["concordat_peer_lag_entries"].samples] == []
    assert {s.labels["origin"] for s in found["concordat_log_size"].samples} == {"BRICS/council/1", "other"}


def test_levels_are_looked_up_when_they_are_asked_for(metrics: Metrics, tmp_path: Path) -> None:
    home = small_home(tmp_path, ("BRA", "IND", "ZAF"))
    status = {
        "final": {"view": 1},
        "peers": [{"member": "IND", "lag": 7, "waits_s": 80}, {"member": "ZAF", "lag": 0, "waits_s": 0}],
    }
    with Onlooker(home) as node:
        refresh(metrics, home, node.chain, status, "", NOW)
        metrics.logs({origin: node.store.size(origin) for origin in node.store.origins()}, 0)
        found = families(metrics)
        assert value(found, "concordat_log_size", origin=node.replica.own.origin) == 3
        assert value(found, "concordat_key_expiry_days", key="membership") == node.chain.last.days_left(NOW)
    assert value(found, "concordat_peer_lag_entries", peer="IND") == 7
    assert value(found, "concordat_peer_backoff_seconds", peer="IND") == 80
    assert value(found, "concordat_backup_age_seconds") == math.inf
    assert value(found, "concordat_jobs", state="queued") == 0
    write_record(home, BackupMade("2026-11-22T10:00:00Z", "b", 3))
    store = PeopleStore(home / "people.db")
    Jobs(store, {"a": Kind("a", "b:c", "d")}, HashedFiles(home / "files"), lambda: 1).ask("a", {}, asked_by="x")
    store.close()
    with Onlooker(home) as node:
        refresh(metrics, home, node.chain, status, str(tmp_path / "none.pem"), NOW)
    found = families(metrics)
    assert value(found, "concordat_backup_age_seconds") == 7200
    assert value(found, "concordat_jobs", state="queued") == 1
    assert job_counts(tmp_path) == {}


def test_two_nodes_in_one_process_count_apart(metrics: Metrics) -> None:
    other = Metrics(routes=("/",))
    metrics.cache_hit()
    assert value(families(other), "concordat_cache_hits_total") == 0
    assert KEYS == ("membership", "tls")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MethodError, match=r"concordat\[web\]"):
        Metrics()
