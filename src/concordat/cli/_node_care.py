"""`concordat node backup`, `restore`, `drill`, `upgrade` and `jobs`: what keeps a node whole over the years."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import HOME, JSON, database_of, home_of, passphrase_of, plain, print_json
from concordat.errors import InputError, StateError

KEYS_PASSPHRASE = typer.Option(
    None, "--keys-passphrase-file", help="A file whose first line seals, or opens, the keys in a backup."
)


def backup(
    folder: Path = typer.Argument(None, help="The folder of backups; default: backup_dir of the settings."),
    with_keys: bool = typer.Option(False, "--with-keys", help="Take the keys along, sealed under a passphrase."),
    keys_passphrase_file: Path = KEYS_PASSPHRASE,
    keep: int = typer.Option(0, "--keep", min=0, help="How many backups of this node stay; 0 keeps all."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Copy the node, running or not: all stores of one moment, settings without secrets; checked before it counts."""
    from concordat import __version__, clock
    from concordat.node.backup import backup as make
    from concordat.node.settings_copy import settings_without_secrets

    if with_keys != (keys_passphrase_file is not None):
        what = "keys go only with a passphrase that seals them."
        hint = "Give both: --with-keys --keys-passphrase-file FILE"
        raise InputError(what, where="--with-keys", hint=hint, code="passphrase")
    made = make(
        home_of(home),
        _folder(folder),
        now=clock.now(),
        program=__version__,
        keys_passphrase=passphrase_of(keys_passphrase_file),
        settings=settings_without_secrets(Path("concordat.toml")),
        keep=keep,
        database=database_of(),
    )
    held = made.manifest
    if json:
        facts = {"bytes": held.size, "entries": held.entries, "keys": held.keys, "removed": list(made.removed)}
        counts = {"blobs": len(held.blobs), "blobs_new": made.new_blobs, "stores": dict(held.stores)}
        print_json({"folder": str(made.folder), "paused_ms": round(made.paused_ms, 3), **facts, **counts})
        return
    keys = "keys sealed" if held.keys else "no keys"
    print(f"{made.folder}: {held.entries:,} entries, {len(held.stores)} stores, {held.size // 1024:,} kB, {keys}.")
    print(f"Checked: pages, tiles, signed heads. The writer waited {made.paused_ms:.1f} ms.")
    for name in made.removed:
        print(f"Removed the older backup {name}.")


def restore(
    folder: Path = typer.Argument(..., help="A backup, or a folder of backups: then the newest."),
    keys_passphrase_file: Path = KEYS_PASSPHRASE,
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Bring a node back from a backup into an empty folder; it signs nothing before the other members were asked."""
    from concordat import clock
    from concordat.node.move_store import move, require_empty
    from concordat.node.postgres import is_postgres
    from concordat.node.restore import restore as bring

    passphrase, database = passphrase_of(keys_passphrase_file), database_of()
    if is_postgres(database):
        require_empty(database)
    found = bring(folder, home_of(home), now=clock.now(), keys_passphrase=passphrase)
    if is_postgres(database):
        move(found.home, "sqlite", "postgresql", database)
    held = found.manifest
    if json:
        facts = {"backup": str(found.backup), "entries": held.entries, "keys": found.keys, "made": held.made}
        state = "recovering" if found.others else "normal"
        print_json({"home": str(found.home), "others": found.others, "state": state, **facts})
        return
    print(f"{found.home}: {held.member} of {held.bloc}, {held.entries:,} entries from a backup of {held.made}.")
    if not found.keys:
        place = found.home / "keys"
        if held.keys:
            print(f"Its sealed keys were left out: give --keys-passphrase-file, or put the keys into {place}.")
        else:
            print(f"It holds no keys: put them into {place}.")
    if found.others:
        print("It reads, and signs nothing, until the other members were asked: concordat node sync --recover")
    else:
        print("There is no other member to ask: what was written after the backup is lost.")


def drill(
    folder: Path = typer.Argument(None, help="A backup, or a folder of backups; default: backup_dir of the settings."),
    keys_passphrase_file: Path = KEYS_PASSPHRASE,
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Try the newest backup: restore it elsewhere, verify everything, compare its state with the running node's."""
    from concordat import clock
    from concordat.node.drill import drill as try_it

    passphrase = passphrase_of(keys_passphrase_file)
    done = try_it(home_of(home), _folder(folder), now=clock.now(), keys_passphrase=passphrase, database=database_of())
    if json:
        facts = {"age_s": done.age_s, "backup": str(done.backup), "entries": done.entries, "made": done.made}
        print_json({"batches": done.batches, "behind": done.behind, "seconds": round(done.seconds, 3),
                    "state": done.state, **facts})  # fmt: skip
        return
    print(f"Restored {done.entries:,} entries from a backup {_age(done.age_s)} old in {done.seconds:.1f} s;", end=" ")
    if not done.state:
        print("nothing in it is final yet.")
        return
    print(f"state {done.state[:16]}... equals the running node's", end="")
    print(f" ({done.behind:,} final batches ago)." if done.behind else ".")


def upgrade(
    folder: Path = typer.Argument(None, help="The folder of the backup made first; default: backup_dir."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Bring the stores of an older program to this one: a backup first, then each step checked."""
    from concordat import __version__, clock
    from concordat.node.settings_copy import settings_without_secrets
    from concordat.node.upgrade import upgrade as bring

    if database_of() != "sqlite":
        hint = "Bring them back (move-store postgresql sqlite), upgrade, and move them there again."
        raise StateError("stores are upgraded as files.", where="database", hint=hint, code="database")
    settings = settings_without_secrets(Path("concordat.toml"))
    done = bring(home_of(home), _folder(folder), now=clock.now(), program=__version__, settings=settings)
    if json:
        steps = [
            {"rows": {name: [before, after] for name, before, after in c.rows}, "step": c.step.name, "store": c.store,
             "version": c.step.version, "words": c.step.words}
            for c in done.changed
        ]  # fmt: skip
        print_json({"backup": str(done.backup.folder) if done.backup else "", "steps": steps})
        return
    if done.backup is None:
        print("Nothing to do: all stores are of this program's versions.")
        return
    print(f"Backup: {done.backup.folder}")
    for changed in done.changed:
        print(f"{changed.store} is version {changed.step.version}: {changed.step.words}")
        for name, before, after in changed.rows:
            print(f"  {name}: {before:,} rows -> {after:,}")


def jobs(
    state: str = typer.Option("", "--state", help="Only those: queued, running, done, failed, cancelled, interrupted."),
    cancel: str = typer.Option("", "--cancel", help="The id of a job to end."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """List what was asked of this node in the background, or end a job."""
    from concordat import clock
    from concordat.node.backup import FILES
    from concordat.node.hashed_files import HashedFiles
    from concordat.node.jobs import STATES, Jobs, words
    from concordat.node.stores import has_people, open_people

    if state and state not in STATES:
        hint = f"One of: {', '.join(STATES)}."
        raise InputError(f'"{state[:40]}" is no state of a job.', where="--state", hint=hint, code="job_state")
    place = home_of(home)
    now = int(clock.now().timestamp())
    found: list[Any] = []
    said: dict[str, str] = {}
    if has_people(place, database_of()) or cancel:
        store = open_people(place, database_of())
        try:
            queue = Jobs(store, {}, HashedFiles(place / FILES), lambda: now)
            found = [queue.cancel(cancel)] if cancel else queue.list(state)
            said = {job.id: words(job, now, queue.before(job)) for job in found}
        finally:
            store.close()
    if json:
        fields = ("id", "kind", "state", "done", "total", "note", "queued", "started", "ended", "result", "error")
        print_json({"jobs": [{name: getattr(job, name) for name in fields} for job in found]})
        return
    for job in found:
        print(f"{job.id}  {job.kind:12}  {plain(said[job.id])}")
    if not found:
        print("No jobs.")


def register(app: typer.Typer) -> None:
    """Add these commands to `concordat node`."""
    for command in (backup, restore, drill, upgrade, jobs):
        app.command()(command)


def _folder(folder: Path | None) -> Path:
    """The folder that was named, or `backup_dir`.

    Raises:
        InputError: neither.
    """
    from concordat.node.settings import NodeSettings

    settings = NodeSettings.load()
    if folder is not None:
        return folder
    named = settings.backup_dir
    if not named:
        hint = 'Name it, or set backup_dir = "..." in concordat.toml under [node].'
        raise InputError("which folder of backups?", where="DIR", hint=hint, code="backup_dir")
    return Path(named).expanduser()


def _age(seconds: int) -> str:
    for unit, size in (("days", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= size:
            return f"{seconds // {'days': 86_400, 'h': 3_600, 'min': 60}[unit]} {unit}"
    return f"{seconds} s"
