"""The command line: one file per command, and the only room that prints.

Commands stand in one table, a line each; the module of a command is imported when it is called, so that `concordat
--help` answers at once. Results go to standard output or files; progress and errors go to standard error. An error ends
the program with the exit code of its branch (see `concordat.errors`); with `--json` it is printed as JSON as well.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from concordat import __version__
from concordat.errors import ConcordatError, StateError

INTERRUPTED = 130
# Before NumPy is imported. On two threads small products took 43 s for 7; sums keep one order.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# name, module below `concordat.cli`, what it is for. A module has `app`, a Typer: one command, or a group of them.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("assess", "assess", "Write the yearly assessment of a bloc, offline, every number traced to its source."),
    ("bloc", "bloc", "Show blocs and who belongs to them on a day."),
    ("clearing", "clearing", "Settle payments: check messages, net what is owed, run the ledger, prove it."),
    ("connect", "connect", "What connecting everyone costs, how fast people come online, where a budget does most."),
    ("council", "council", "Consult, decide, promise, review and settle on a record that no member owns."),
    ("digital-size", "digital_size", "How large the digital economy is, under each definition."),
    ("divide", "divide", "Measure how far apart countries or people are, and how that changes."),
    ("evidence", "evidence", "Trace a number to its bytes; show what data are loaded."),
    ("exchange", "exchange", "Share data, cases, incidents and help, on terms that both sides sign."),
    ("index", "index", "Run an index from its file, question it, compare editions."),
    ("ledger", "ledger", "Write, show and prove entries of the shared record."),
    ("node", "node", "Run one member's node: keys, its log, folders to exchange."),
    ("rulebook", "rulebook", "Which digital rules bind whom, how hard, with what evidence."),
    ("scenario", "scenario", "Who gains and who pays if a rule, a cost, a connection or a transfer changes."),
    ("settings", "settings", "Show how this machine runs and where each setting comes from."),
    ("sharing", "sharing", "Divide the gains of a common rule: Shapley value, nucleolus and others side by side."),
    ("web", "web", "Pages that open on a thin link: as files, or checked one by one."),
)
_MODULES = {name: module for name, module, _ in COMMANDS}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order of the table."""
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        return typer.main.get_command(importlib.import_module(f"concordat.cli.{module}").app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name; an unknown one gets the nearest known."""
        if args and args[0] not in _MODULES:
            from concordat.settings import nearest

            close = nearest(args[0], _MODULES)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            ctx.fail(f'"{args[0]}" is not a command.{hint} See: concordat --help')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands for `--help`, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, _, line in COMMANDS])


app = typer.Typer(
    name="concordat",
    cls=LazyGroup,
    help="The open workbench of a digital-economy secretariat. Its main job: concordat assess BRICS",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"concordat {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    """The open workbench of a digital-economy secretariat. Its main job: concordat assess BRICS."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Returns:
        The exit code: 0, or that of the error's branch; 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="concordat", standalone_mode=True)
    except SystemExit as end:
        code = end.code
    except (ConcordatError, OSError) as error:
        return _fail(_state_error(error) if isinstance(error, OSError) else error, as_json="--json" in arguments)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code
        print("concordat: interrupted; nothing was left half written.", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _state_error(error: OSError) -> StateError:
    """An error of the operating system that no room foresaw, as one of ours."""
    hint = "Free some space, or choose another folder with --out or CONCORDAT_DATA_DIR."
    return StateError(f"{error.strerror or error}.", where=str(error.filename or ""), hint=hint, code="os_error")


def _fail(error: ConcordatError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error.as_dict(), ensure_ascii=False, sort_keys=True))
    said = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(error))  # may quote a stranger's file
    with suppress(OSError, ValueError):
        sys.stdout.flush()  # what was found comes first where both go to one file
    print(f"concordat: {said}", file=sys.stderr)
    return error.exit_code


def entry() -> None:
    """The console script: a reader that goes away (`| head`) ends it quietly; letters a terminal lacks become `?`."""
    import gc
    import signal

    gc.set_threshold(50_000, 20, 50)  # an assessment makes a million small objects that live to its end
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main())
