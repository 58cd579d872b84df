"""A private PostgreSQL cluster for tests: made in a scratch folder, reached by its socket there, killed and restarted.

cluster = Cluster(folder)          # initdb with data checksums, fsync on; runs as `postgres` where we are root
cluster.start(); cluster.address("a_schema"); cluster.kill(); cluster.start(); cluster.stop()
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ABSENT = "no PostgreSQL server here (initdb, pg_ctl); install Debian's package postgresql"


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian puts them, newest first."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    return next((path for path in versions if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


class Cluster:
    """One server with its data; `port` is only the name of its socket, as it listens to no network."""

    port = 54329

    def __init__(self, folder: Path) -> None:
        tools = binaries()
        if tools is None:
            pytest.skip(ABSENT)
        pytest.importorskip("psycopg", reason="needs the extra [postgres] or [oracles]")
        self.tools, self.folder, self.data = tools, folder, folder / "data"
        self._as: list[str] = []
        if os.geteuid() == 0:
            self._as = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres", "postgres")
        self._run(
            "initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-k", "-N"
        )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nport = {self.port}\nfsync = on\n")
            conf.write("synchronous_commit = on\nfull_page_writes = on\nshared_buffers = 32MB\nmax_connections = 60\n")
            conf.write("restart_after_crash = off\n")

    def _run(self, tool: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C"}
        command = [*self._as, str(self.tools / tool), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=environment, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self) -> None:
        """Start it and wait until it answers (after `kill` it recovers first)."""
        done = self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.data / "log"), "start", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log()

    def log(self) -> str:
        """What the server wrote last."""
        path = self.data / "log"
        return path.read_text(encoding="utf-8", errors="replace")[-3_000:] if path.exists() else ""

    def stop(self) -> None:
        """Stop it in order."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop", check=False)

    def kill(self) -> None:
        """SIGKILL to every process of the server, as if the machine's power went (the page cache stays)."""
        first = int((self.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        mine = [first, *_children(first)]
        for pid in mine:
            _signal(pid, signal.SIGKILL)
        until = time.monotonic() + 20
        while any(_alive(pid) for pid in mine) and time.monotonic() < until:
            time.sleep(0.01)
        for left in (self.data / "postmaster.pid", self.folder / f".s.PGSQL.{self.port}.lock"):
            left.unlink(missing_ok=True)  # a killed process may stay visible for a while, and would seem to hold them

    def revive(self) -> None:
        """Start it unless it runs."""
        if self._run("pg_ctl", "-D", str(self.data), "status", check=False).returncode != 0:
            self.start()

    def address(self, schema: str = "") -> str:
        """The address of a schema, made if it is not there."""
        plain = f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"
        if not schema:
            return plain
        import psycopg

        with psycopg.connect(plain, autocommit=True) as db:
            db.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        return f"{plain}&options=-csearch_path%3D{schema}"


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text(encoding="ascii").split()] if path.exists() else []


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
