"""`concordat clearing gate`, `concordat clearing schemas`: is this payment message safe, whole and consistent?"""

from __future__ import annotations

import json as json_
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.clearing.iso import Gate, RuleSet, Verdict

_RULE = re.compile(r"[Bb]\d\d")
JSON = typer.Option(False, "--json", help="Print one JSON object.")

schemas_app = typer.Typer(
    help="The ISO 20022 schema files (XSD) that this machine checks messages with.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Hang these commands into the group."""
    app.command("gate")(gate)
    app.add_typer(schemas_app, name="schemas")


def gate(
    files: list[str] = typer.Argument(
        None, metavar="FILE...", help="Messages to check; with --explain also numbers of rules, as B07."
    ),
    explain: bool = typer.Option(False, "--explain", help="Every finding with its rule's text; or what a rule says."),
    scheme: Path | None = typer.Option(
        None, "--scheme", metavar="YAML", help="A scheme file: which rules refuse, which versions and corridors it has."
    ),
    json: bool = JSON,
) -> None:
    """Check ISO 20022 messages: bytes, safety, parse, schema, rules, typed; the first layer that fails refuses."""
    named = files or []
    asked = [name.upper() for name in named if explain and _RULE.fullmatch(name)]
    paths = [Path(name) for name in named if not (explain and _RULE.fullmatch(name))]
    if explain and not named:
        asked = ["all"]
    if asked and paths:
        hint = "Ask for rules alone, or check files with --explain."
        raise InputError("rules and files together.", hint=hint, code="both")
    if asked:
        _explain(asked, json=json)
        return
    if not paths:
        raise InputError("no file is given.", hint="Name the message to check.", code="missing")
    checker = _gate(scheme)
    judged: list[tuple[Path, Verdict | InputError]] = []
    for path in paths:
        try:
            verdict: Verdict | InputError = _judged(path, checker)
        except InputError as error:  # one that can't be read takes no other's verdict away
            verdict = error
        judged.append((path, verdict))
        if isinstance(verdict, InputError):
            print(f"concordat: {_printable(str(verdict))}", file=sys.stderr)
        elif not json:  # at once
            for line in _lines(_printable(str(path)), verdict, explain=explain, alone=len(paths) == 1):
                print(line)
    if json:
        print(json_.dumps({"files": [_facts(path, one) for path, one in judged]}, ensure_ascii=False, indent=1))
    codes = [_exit_code(one) for _, one in judged if isinstance(one, InputError) or one.layer]
    if codes:
        raise typer.Exit(codes[0])


def _facts(path: Path, judged: Verdict | InputError) -> dict[str, Any]:
    if isinstance(judged, InputError):
        return {"file": str(path), "verdict": "unreadable", "error": judged.as_dict()}
    return {"file": str(path), **judged.as_dict()}


def _exit_code(judged: Verdict | InputError) -> int:
    return judged.exit_code if isinstance(judged, InputError) else judged.error().exit_code


def _printable(name: str) -> str:
    """A file's name may be a stranger's, too."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def _gate(scheme: Path | None) -> Gate:
    from concordat.clearing.iso import Gate
    from concordat.node.clearing.schemas import SchemaStore

    store = SchemaStore.under(Settings.load().data_dir)
    rules = _rules(scheme)
    return Gate(store.load(), notes=True) if rules is None else Gate(store.load(), rules, notes=True)


def _rules(scheme: Path | None) -> RuleSet | None:
    if scheme is None:
        return None
    from concordat.clearing.iso.scheme_rules import rule_set
    from concordat.clearing.scheme_file import parse_parts
    from concordat.settings import YAML_BYTES_MAX

    try:
        with scheme.open("rb") as file:
            text = file.read(YAML_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(scheme), code="unreadable") from None
    return rule_set(parse_parts(text, where=str(scheme)), where=str(scheme))


def _judged(path: Path, checker: Gate) -> Verdict:
    """The verdict on a file; one over the limit is not even read."""
    from concordat.clearing.iso.findings import Verdict
    from concordat.clearing.iso.safety import BYTES_MAX, too_large

    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            return Verdict("bytes", (too_large(size),))
        with path.open("rb") as file:
            return checker.judge(file.read(BYTES_MAX + 1))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None


def _lines(name: str, verdict: Verdict, *, explain: bool, alone: bool) -> Sequence[str]:
    from concordat.clearing.iso import RULES

    head = "" if alone else f"{name}: "
    if not verdict.layer:
        judged = ", ".join(f"{part} by {by}" for part, by in verdict.schemas.items())
        lines = [f"{head}accepted: {verdict.message} ({judged})"]
    else:
        lines = [f"{head}refused at layer {verdict.layer}: {_said(verdict.findings[0])}"]
        rest = len(verdict.findings) - 1 + verdict.more
        if rest and not explain:
            lines[0] += f" ({rest} more finding{'s' if rest > 1 else ''})"
    if explain:
        for finding in verdict.findings[1:]:
            lines.append(f"  {_said(finding)}")
        if verdict.more:
            lines.append(f"  and {verdict.more} more")
        for number in dict.fromkeys(f.code for f in verdict.findings if f.code in RULES):
            lines.append(f"  {number}: {RULES[number].text} {RULES[number].why}")
        lines += [f"  note: {note}" for note in verdict.notes]
    elif verdict.notes:
        lines.append(f"  {len(verdict.notes)} note{'s' if len(verdict.notes) > 1 else ''}: see --explain")
    return lines


def _said(finding: Any) -> str:
    line = f" (line {finding.line})" if finding.line else ""
    return f"{finding}{line}" + (f" {finding.hint}" if finding.hint else "")


def _explain(asked: list[str], *, json: bool) -> None:
    from concordat.clearing.iso import RULES
    from concordat.settings import unknown_key

    numbers = list(RULES) if asked == ["all"] else asked
    for number in numbers:
        if number not in RULES:
            raise unknown_key(number, RULES, where="--explain")
    rules = [RULES[number] for number in numbers]
    if json:
        names = ("number", "title", "standing", "text", "why", "parameters")
        facts = [{name: getattr(rule, name) for name in names} for rule in rules]
        print(json_.dumps({"rules": facts}, ensure_ascii=False, indent=1))
        return
    standing = {
        "always": "refuses",
        "scheme": "notes; refuses if the scheme turns it on",
        "context": "refuses, where there is the context it needs",
    }
    for rule in rules:
        print(f"{rule.number} {rule.title} ({standing[rule.standing]})")
        print(f"  {rule.text}")
        print(f"  Why: {rule.why}")
        if rule.parameters:
            print(f"  A scheme may set: {', '.join(rule.parameters)}")


@schemas_app.command("add")
def add(
    folder: Path | None = typer.Argument(None, metavar="[FOLDER]", help="A folder with XSD files."),
    from_package: list[str] = typer.Option(
        [], "--from-package", metavar="NAME", help="Read the XSD files of an installed package; may be repeated."
    ),
    json: bool = JSON,
) -> None:
    """Register the user's XSD files; shortened ones and versions that the gate doesn't read are set aside by name."""
    from itertools import chain

    from concordat.node.clearing.schemas import SchemaStore, files_of_folder, files_of_package

    if folder is None and not from_package:
        raise InputError("nothing to add.", hint="Give a folder, or --from-package NAME.", code="missing")
    sources = [files_of_package(name) for name in from_package]
    if folder is not None:
        sources.insert(0, files_of_folder(folder))
    done = SchemaStore.under(Settings.load().data_dir).add_all(chain.from_iterable(sources))
    if json:
        registered = [{"message": s.message, "sha256": s.sha256, "file": s.name} for s in done.registered]
        aside = [{"file": name, "reason": reason} for name, reason in done.set_aside]
        print(json_.dumps({"registered": registered, "set_aside": aside}, ensure_ascii=False, indent=1))
        return
    for schema in done.registered:
        print(f"registered {schema.message}: sha256:{schema.sha256[:16]}..., {_printable(schema.name)}")
    partial = [(name, reason) for name, reason in done.set_aside if "lacks" in reason]
    for name, reason in partial:
        print(f"set aside {_printable(name)}: {_printable(reason)}")
    others = len(done.set_aside) - len(partial)
    if others:
        print(f"set aside {others} files of versions that this gate doesn't read, or no schemas; --json lists them")
    if not done.registered:
        raise InputError("no file was a whole schema of a version that this gate reads.", code="no_schema")


@schemas_app.command("list")
def list_(json: bool = JSON) -> None:
    """Which version is checked by what: a registered XSD, or our own profile."""
    from concordat.clearing.iso.profile import HEADERS, NATIVE, profile
    from concordat.node.clearing.schemas import SchemaStore

    registered = {s.message: s for s in SchemaStore.under(Settings.load().data_dir).load()}
    rows = []
    for message in (*NATIVE, *HEADERS):
        schema = registered.get(message)
        by = "xsd" if schema else "profile" if profile(message).verified else "profile, unverified"
        rows.append({"message": message, "by": by, "sha256": schema.sha256 if schema else ""})
    if json:
        print(json_.dumps({"versions": rows}, indent=1))
        return
    for row in rows:
        print(f"{row['message']}  {row['by']}" + (f" sha256:{row['sha256'][:16]}..." if row["sha256"] else ""))
