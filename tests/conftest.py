"""What all tests share: where the shared data stand (named here alone), a pinned clock, settings in a scratch folder.

In CI (`CONCORDAT_CI`) a skip is a failure: a test that quietly stops running is worse than none. Only the tests on
shared data may skip there, and only where that folder is absent.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import importlib.util
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does; before NumPy is imported

from hypothesis import settings as hypothesis_settings

from concordat import clock

# No test asserts on time; the same cases on every machine. `pytest --hypothesis-profile explore` looks for new ones.
hypothesis_settings.register_profile("concordat", deadline=None, derandomize=True)
hypothesis_settings.register_profile("explore", deadline=None)
hypothesis_settings.load_profile("concordat")

SHARED_DATA = Path(os.environ.get("CONCORDAT_SHARED_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
TODAY = "2026-11-22"
IN_CI = bool(os.environ.get("CONCORDAT_CI"))
NO_SHARED_DATA = "shared data not found"
SOCKET_FOLDER_MAX = 60  # characters; the name of a Unix socket has 107 at most
# Files that take longest, longest first: with `--no-loadscope-reorder` the workers begin with them, and none is left
# alone with one at the end.
LONGEST = (
    "simulation/test_world.py",
    "tidy/test_docs.py",
    "browser/test_report_page.py",
    "unit/test_cli_rulebook.py",
    "browser/test_site_pages.py",
    "conformance/test_traceability.py",
    "unit/node/test_brics_session.py",
    "conformance/test_observatory_spark.py",
    "unit/test_cli_assess.py",
    "simulation/test_view_model.py",
    "unit/clearing/hosts/test_postgres_host.py",
    "unit/report/test_rules_section.py",
    "unit/observatory/test_divide_relational.py",
    "tidy/test_house.py",
    "unit/web/test_pages.py",
    "unit/test_cli_assess_impact.py",
    "unit/test_cli_council.py",
    "conformance/test_divide_records.py",
    "conformance/test_rulebook_coder.py",
    "golden/test_chapters.py",
    "unit/test_cli_evidence.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For workers: the longest files first, the others in their order."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        ranks = {str(Path(__file__).parent / name): rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))


def pytest_collection_finish() -> None:
    """What collecting made stays to the end: the collector needn't walk through it again and again.

    It comes as seldom as in the program (`concordat.cli.entry`): an assessment takes an eighth less of the processor.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Nor through what a module's tests have left in caches: sixteen thousand tests hold more than a gigabyte."""
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="store the present output as golden; review the diff")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared real data, or a skip that says how to get the tests to run."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{NO_SHARED_DATA}; set CONCORDAT_SHARED_DATA to its folder")
    return SHARED_DATA.resolve()


@pytest.fixture(scope="session")
def sdmx1() -> None:
    """The package that reads SDMX-ML and SDMX-JSON, or a skip."""
    pytest.importorskip("sdmx", reason="needs the extra [sdmx] or [oracles]")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A private PostgreSQL server on its own socket (`clearing_postgres_kit`), or a skip that says what is missing."""
    import tempfile

    from clearing_postgres_kit import Cluster

    with tempfile.TemporaryDirectory(prefix="concordat-pg-", dir=_short_place()) as folder:
        cluster = Cluster(Path(folder))
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="session")
def evidence_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of evidence, with the packaged data in it, for all tests that only read it."""
    from concordat.evidence import load_catalogue, open_store
    from concordat.evidence.embedded import ensure_embedded

    folder = tmp_path_factory.mktemp("evidence")
    with clock.fixed(TODAY), open_store(folder) as store:
        ensure_embedded(store, load_catalogue())
    return folder


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, evidence_dir: Path) -> Callable[..., Path]:
    """`report("BRICS")`, `report("--countries", "BRA,IND")`: the folder that `assess` writes, made once for all.

    Two workers of one run share them: who comes second waits for the first. Nobody may write into such a folder.
    """
    shared = _shared(tmp_path_factory)

    def make(*words: str) -> Path:
        from concordat.cli import main

        folder = shared / "reports" / hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
        folder.parent.mkdir(exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back with the file, also by a worker that dies
            if not folder.exists():
                with clock.fixed(TODAY):
                    code = main(["assess", *words, "--out", str(folder), "--data-dir", str(evidence_dir), "--quiet"])
                assert code == 0, f"concordat assess {' '.join(words)} ended with {code}"
        return folder

    return make


@pytest.fixture(scope="session", autouse=True)
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same picture or PDF is made once in a run (see `remembered.py`); where they are kept."""
    import remembered

    folder = _shared(tmp_path_factory) / "rendered"
    with (
        remembered.renderers_remember(folder),
        remembered.factbook_is_parsed_once(),
        remembered.the_same_rows_are_judged_once(),
        remembered.a_signature_is_verified_once(),
    ):
        yield folder


@pytest.fixture(scope="session")
def warm(rendered: Path) -> Iterator[Any]:
    """The program as a process that forks a child for each command of a shell (see `warm_program.py`)."""
    import tempfile

    from warm_program import Warm

    place = tempfile.TemporaryDirectory(prefix="concordat-warm-", dir=_short_place())
    with place as folder, Warm(Path(folder), rendered) as program:
        yield program


def _short_place() -> str:
    """A folder for Unix sockets."""
    import tempfile

    place = tempfile.gettempdir()
    return place if len(place) <= SOCKET_FOLDER_MAX else "/tmp"


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


# --- No network ---


def _is_here(address: Any) -> bool:
    """Whether a socket's address is on this machine: a path (Unix), or a loopback address or name."""
    host = address[0] if isinstance(address, tuple) else ""
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """A test that opens a connection to anything but this machine fails, and so does one that asks for a name."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    known = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        if text and text != "localhost":
            try:
                ipaddress.ip_address(text.partition("%")[0])
            except ValueError:
                pytest.fail(f"a test asked the network for the name {text}; give `resolve` a table of names")
        return known(host, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if not _is_here(address):
            pytest.fail(f"a test opened a connection to {address}; only this machine may be asked")
        return connect(self, address)

    return guarded


@pytest.fixture
def local_service() -> Iterator[Callable[[Callable[[Any], Any]], Any]]:
    """`local_service(answer)`: a service on 127.0.0.1 (see `local_service.py`), closed when the test ends."""
    started: list[Any] = []

    def start(answer: Callable[[Any], Any]) -> Any:
        started.append(_local_service().LocalService(answer))
        return started[-1]

    yield start
    for service in started:
        service.close()


@pytest.fixture(scope="session")
def reply() -> Any:
    """The class of what a local service answers."""
    return _local_service().Reply


def _local_service() -> Any:
    """The module beside this one; it has a name of its own, as tests are no package."""
    name = "concordat_tests_local_service"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("local_service.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def _same_day_and_no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Every test runs on the same day, with no settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("CONCORDAT_") and name != "CONCORDAT_SHARED_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "xdg-data"))
    monkeypatch.setenv("CONCORDAT_NOW", TODAY)
    with clock.fixed(TODAY):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """In CI a skipped test fails, see above."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """In CI a skipped file (`importorskip`) fails, see above."""
    return _refuse_skip((yield))


def _refuse_skip(report: Any) -> Any:
    if not (IN_CI and report.skipped) or hasattr(report, "wasxfail"):
        return report
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if NO_SHARED_DATA not in reason or SHARED_DATA.is_dir():
        report.outcome = "failed"
        report.longrepr = f"{reason}\nNothing may skip in CI: install what this test needs."
    return report
