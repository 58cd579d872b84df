"""The stand-alone verifier: good exports pass, a lie is refused in the file where it stands, and every byte counts."""

from __future__ import annotations

import ast
import base64
import copy
import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LINES_MAX = 770  # the goal is 400; all of the checks didn't fit into them in lines that one can read


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"alone_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    if spec.name not in sys.modules:
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[spec.name])
    return sys.modules[spec.name]


flip = _load("flip_every_byte")
plain, verifier = flip.builder, flip.verifier
Bloc, Failed = plain.Bloc, verifier.Failed
Check = Callable[..., list[str]]


@pytest.fixture
def check() -> Iterator[Check]:
    """The verifier over files in memory."""
    with flip.in_memory() as run:
        yield run


def council(batches: int = 3, **options: Any) -> Any:
    """Four members, two of whom wrote, and a first view."""
    bloc = Bloc(**options)
    bloc.write("BRA", 4)
    bloc.write("IND", 2)
    bloc.write("BRA", 1, scope="exchange")
    bloc.open_view(1)
    for _ in range(batches):
        bloc.batch(limit=3)
    return bloc


def two_views(**options: Any) -> Any:
    bloc = council(**options)
    bloc.write("RUS", 2)
    bloc.open_view(2, (1, 3))
    for _ in range(3):
        bloc.batch()
    return bloc


def refused(check: Check, files: dict[str, bytes], file: str, words: str = "", **options: Any) -> Any:
    with pytest.raises(Failed) as caught:
        check(files, **options)
    assert caught.value.file == file, str(caught.value)
    assert words in caught.value.what, str(caught.value)
    return caught.value


# --- Good exports ---


def test_a_node_alone(check: Check) -> None:
    bloc = Bloc(members=1)
    bloc.write("BRA", 3, scope="exchange")
    lines = check(bloc.export(witnesses=0))
    assert lines[1].startswith("log node.example.bra/BRICS/member: 3 entries, head good, ")
    assert "pending: 0 of 1; missing BRA" in lines[1]
    assert lines[-1].startswith("manifest: ")


def test_two_views_of_four_members(check: Check) -> None:
    lines = check(two_views().export(witnesses=4))
    assert lines[0].startswith("membership: 1 versions of BRICS, pinned ")
    assert "log node.example.bra/BRICS/member: 5 entries, head good, witnesses 4 of 4" in lines
    assert "council: 2 views, 6 batches, final to view 2 batch 5" in lines
    assert "vote: BRA for view 2" in lines


def test_with_post_quantum_signatures_and_two_versions(check: Check) -> None:
    bloc = council(mldsa=True)
    bloc.agree((1, 3), lambda p: p["members"][0]["persons"].pop(0))
    bloc.agree((2, 0), lambda p: p["members"][0]["persons"].pop(0))
    bloc.open_view(2, (1, 3))
    bloc.batch()
    files = bloc.export()
    assert check(files)[0].startswith("membership: 3 versions")
    note = next(path for path in files if path.startswith("notes/"))
    assert any(len(line) > 3000 for line in files[note].decode().splitlines())


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 513])
def test_sizes_at_the_edges_of_tiles(check: Check, size: int) -> None:
    bloc = Bloc(members=1)
    bloc.write("BRA", size)
    files = bloc.export(witnesses=1)
    assert f"{size} entries, head good, witnesses 1 of 1" in check(files)[1]
    assert ("logs/node.example.bra/BRICS/member/tile/1/000.p/2" in files) == (size >= 512)


def test_a_view_that_was_skipped_and_one_cut_off_whole(check: Check) -> None:
    bloc = Bloc()
    bloc.write("BRA", 2)
    bloc.open_view(1)
    bloc.batch()
    bloc.open_view(3, None)
    bloc.batch()
    bloc.batch()
    bloc.batch()
    assert "council: 2 views, 3 batches, final to view 3 batch 2" in check(bloc.export())


def test_the_time_of_few_witnesses_is_pending(check: Check) -> None:
    bloc = Bloc()
    bloc.write("CHN")
    lines = check(bloc.export(witnesses=2))
    assert lines[1].endswith("pending: 2 of 3; missing IND, RUS")


def test_what_was_cut_off_is_in_no_batch_until_it_is_taken_up_again(check: Check) -> None:
    bloc = council(batches=1)
    bloc.batch()
    last = bloc.logs["IND"].ids[-1]
    for again in (False, True):
        bloc.open_view(2, (1, 1))
        bloc.batch() if again else None
        lines = check(bloc.export(mirrors=0), entry=last)
        assert any(line.endswith("in view 2 batch 2" if again else "in no batch") for line in lines)


def test_a_note_that_no_entry_names_yet_is_good_if_it_is_of_a_log_here(check: Check) -> None:
    bloc = council()
    assert "council: 1 views, 3 batches, final to view 1 batch 1" in check(bloc.export(mirrors=2))
    bloc.keep(bloc.head(bloc.views[1], bloc.chair(1), "mirror", bloc.rota))
    assert "council: 1 views, 3 batches, final to view 1 batch 2" in check(bloc.export(mirrors=2))


def test_a_scheme_of_clearing_is_covered_by_clearing(check: Check) -> None:
    for may, good in (("clearing", True), ("clearing:pay", True), ("clearing:other", False)):
        bloc = Bloc()
        bloc.versions.clear()
        bloc.payloads.clear()
        bloc.agree(change=lambda p, may=may: p["members"][0]["persons"][0].update(may=[may]))
        bloc.write("BRA", 1, scope="clearing:pay")
        if good:
            check(bloc.export())
        else:
            refused(check, bloc.export(), entries_file(bloc.logs["BRA"]), "no key")


def test_refs_that_are_elsewhere_are_told(check: Check) -> None:
    bloc = Bloc()
    bloc.write("BRA")
    bloc.write("BRA", 1, refs=sorted([bloc.logs["BRA"].ids[0], "ab" * 32]))
    assert f"refs: 1 to entries that are not in this export, the first {'ab' * 32}" in check(bloc.export())


def test_where_an_entry_stands(check: Check) -> None:
    bloc = two_views()
    first = bloc.logs["IND"].ids[1]
    lines = check(bloc.export(), entry=first)
    assert any(line.startswith(f"entry {first}: node.example.ind/BRICS/member, index 1") for line in lines)
    with pytest.raises(Failed, match="no entry"):
        check(bloc.export(), entry="00" * 32)


def test_the_pin(check: Check) -> None:
    files = Bloc().export()
    bloc = council()
    pin = plain.sha(base64.b64decode(json.loads(bloc.versions[0])["payload"])).hex()
    assert pin in check(bloc.export(), trust=pin)[0]
    refused(check, bloc.export(), "membership/1.json", "trust", trust="0" * 64)
    assert any(line.startswith("manifest: ") for line in check(files))  # a record that holds nothing yet


def test_a_certificate_without_its_whole_note_is_told(check: Check) -> None:
    files = council().export()
    path = f"notes/{council_bodies(files)[1]['certificate']['note']}"
    lines = check(plain.with_manifest(without(files, path)))
    assert "notes: 1 certificates without their whole note: Ed25519 alone" in lines


# --- Attacks on structure ---


def entries_file(log: Any, number: int = 0) -> str:
    return f"{log.folder}/tile/entries/{plain.tile_name(number)}.p/{len(log.leaves) % 256}"


def spoil_entry(**changes: Any) -> Callable[[Any], None]:
    """A third entry by BRA with one field changed, signed and hashed as if all were well."""

    def spoil(bloc: Any) -> None:
        bloc.write("BRA", 2)
        bloc.append(bloc.logs["BRA"], bloc.entry(bloc.logs["BRA"], "BRA", "del-01", "council", "X", {}, **changes))

    return spoil


ENTRIES: dict[str, tuple[Callable[[Any], None], str]] = {
    "a gap in seq": (spoil_entry(seq=4), "seq"),
    "another prev": (spoil_entry(prev="12" * 32), "prev"),
    "a version that isn't there": (spoil_entry(membership=9), "no key"),
    "another bloc": (spoil_entry(bloc="OTHER"), "bloc"),
    "another author": (spoil_entry(author="CHN"), "no key"),
    "a scope that the key may not": (spoil_entry(scope="clearing:pay"), "no key"),
    "a scope of the council log": (spoil_entry(person="node", scope="order"), ""),
    "refs unsorted": (spoil_entry(refs=["ff" * 32, "00" * 32]), "refs"),
    "refs twice": (spoil_entry(refs=["00" * 32, "00" * 32]), "refs"),
    "65 refs": (spoil_entry(refs=[f"{i:064x}" for i in range(65)]), "refs"),
    "version 2 of the format": (spoil_entry(v=2), "v "),
    "true for one": (spoil_entry(v=True), "v "),
    "a day that isn't": (spoil_entry(ts="2026-13-04T13:20:11Z"), "ts"),
    "a float": (spoil_entry(body={"x": 0.5}), "number"),
    "a large integer": (spoil_entry(body={"x": 2**53}), "integer"),
    "text not composed": (spoil_entry(body={"x": "e\u0301"}), "NFC"),
    "33 levels": (spoil_entry(body={"x": json.loads("[" * 31 + "]" * 31)}), "levels"),
    "another key more": (spoil_entry(extra=1), "keys"),
    "a type with a space": (spoil_entry(type="Ballot Cast"), "type"),
    "a payload too long": (spoil_entry(body={"x": "a" * 48_000}), "too long"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_bad_entry_is_refused_at_its_place(check: Check, name: str) -> None:
    bloc = Bloc()
    spoil, words = ENTRIES[name]
    spoil(bloc)
    failed = refused(check, bloc.export(), entries_file(bloc.logs["BRA"]), words)
    assert failed.entry == 2


def test_31_levels_and_odd_text_are_good(check: Check) -> None:
    bloc = Bloc()
    odd = {"\u20ac": '\n\u0303 \\ " / \x7f \u2028', "\U0001f600": 2**53 - 1, "\uff61": [1 - 2**53, None, True, {}]}
    assert list(odd) == sorted(odd, key=lambda k: k.encode("utf-16-be"))
    payload = {"x": json.loads("[" * 30 + "]" * 30)}
    bloc.write("BRA", 1, body=payload)
    with pytest.MonkeyPatch.context() as patch:  # the builder sorts by code points, which here is another order
        patch.setattr(plain, "canonical", lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":")).encode())
        log = bloc.logs["BRA"]
        value = {
            "author": "BRA", "bloc": "BRICS", "body": odd, "membership": 1, "person": "del-01", "prev": log.ids[-1],
            "refs": [], "scope": "council", "seq": 2, "ts": "2026-05-04T13:20:11Z", "type": "Odd", "v": 1,
        }  # fmt: skip
        bloc.append(log, plain.envelope(plain.canonical(value), "entry", [bloc.signers["BRA", "del-01"]]))
    assert "2 entries" in check(bloc.export())[1]


@pytest.mark.parametrize(
    "spelling", ['{"b":1,"a":1}', '{"a":1,"a":1}', '{"a": 1}', '{"a":"\\u0041"}', '{"a":-0}', '{"a":1e1}', '{"a":NaN}']
)
def test_a_body_that_is_not_canonical(check: Check, spelling: str) -> None:
    bloc = Bloc()
    log = bloc.logs["BRA"]
    good = json.loads(bloc.entry(log, "BRA", "del-01", "council", "X", {}))
    payload = base64.b64decode(good["payload"]).replace(b'"body":{}', b'"body":' + spelling.encode())
    bloc.append(log, plain.envelope(payload, "entry", [bloc.signers["BRA", "del-01"]]))
    assert refused(check, bloc.export(), entries_file(log)).entry == 0


def resigned(bloc: Any, signer: Any) -> None:
    """An entry whose signature is another key's under the right key's id."""
    log = bloc.logs["BRA"]
    leaf = json.loads(bloc.entry(log, "BRA", "del-01", "council", "X", {}))
    other = json.loads(bloc.entry(log, "BRA", "del-01", "council", "X", {}, signer=signer))
    leaf["signatures"][0]["sig"] = other["signatures"][0]["sig"]
    bloc.append(log, plain.canonical(leaf))


def test_forged_signatures_and_keys_of_another_role(check: Check) -> None:
    for role in ("node", "log", "root0"):
        bloc = Bloc()
        resigned(bloc, bloc.signers["BRA", role])
        refused(check, bloc.export(), entries_file(bloc.logs["BRA"]), "signature")
        bloc = Bloc()
        bloc.write("BRA", 1, signer=bloc.signers["BRA", role])
        refused(check, bloc.export(), entries_file(bloc.logs["BRA"]), "no key")


def test_a_head_signed_by_a_key_of_another_role_or_member(check: Check) -> None:
    for swap in (("BRA", "witness"), ("CHN", "log")):
        bloc = Bloc()
        bloc.write("BRA", 2)
        files = bloc.export()
        key = bloc.signers[swap].key
        bloc.signers["BRA", "log"] = plain.Signer(1, key, bloc.origin("BRA"))
        path = f"{bloc.logs['BRA'].folder}/checkpoint"
        files[path] = bloc.head(bloc.logs["BRA"], "BRA", "witness", bloc.rota)
        refused(check, plain.with_manifest(files), path, "not signed")


def test_a_cosignature_that_fails_refuses_the_head(check: Check) -> None:
    bloc = Bloc()
    bloc.write("BRA", 2)
    files = bloc.export()
    path = f"{bloc.logs['BRA'].folder}/checkpoint"
    lines = files[path].decode().splitlines(keepends=True)
    other = bloc.signers["CHN", "witness"].line("another text\n", plain.START)
    shown, mine, _ = next(line for line in lines if "node.example.chn" in line).split(" ")
    forged = f"{shown} {mine} {other.split(' ')[2]}"
    files[path] = "".join(forged if "node.example.chn" in line else line for line in lines).encode()
    refused(check, plain.with_manifest(files), path, "fails")


def test_a_head_of_another_history(check: Check) -> None:
    bloc = Bloc()
    bloc.write("BRA", 3)
    files = bloc.export()
    path = f"{bloc.logs['BRA'].folder}/checkpoint"
    text = plain.head_text(bloc.origin("BRA"), 3, plain.sha(b"x"))
    files[path] = (text + "\n" + bloc.signers["BRA", "log"].line(text, 0)).encode()
    refused(check, plain.with_manifest(files), path, "root")


FILES: dict[str, Callable[[dict[str, bytes]], tuple[dict[str, bytes], str]]] = {}


def attack(function: Callable[[dict[str, bytes]], tuple[dict[str, bytes], str]]) -> Any:
    FILES[function.__name__] = function
    return function


def without(files: dict[str, bytes], path: str) -> dict[str, bytes]:
    return {p: d for p, d in files.items() if p != path}


BRA = "logs/node.example.bra/BRICS/member"


@attack
def tile_missing(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return without(files, f"{BRA}/tile/0/000.p/5"), f"{BRA}/tile/0/000.p/5"


@attack
def bundle_missing(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return without(files, f"{BRA}/tile/entries/000.p/5"), f"{BRA}/tile/entries/000.p/5"


@attack
def tile_too_many(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return {**files, f"{BRA}/tile/0/000.p/4": files[f"{BRA}/tile/0/000.p/5"][:128]}, f"{BRA}/tile/0/000.p/4"


@attack
def level_too_many(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return {**files, f"{BRA}/tile/1/000.p/1": bytes(32)}, f"{BRA}/tile/1/000.p/1"


@attack
def tile_too_long(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = f"{BRA}/tile/0/000.p/5"
    return {**files, path: files[path] + bytes(32)}, path


@attack
def tile_cut_short(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = f"{BRA}/tile/0/000.p/5"
    return {**files, path: files[path][:-1]}, path


@attack
def bundle_too_long(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = f"{BRA}/tile/entries/000.p/5"
    return {**files, path: files[path] + b"\0\0"}, path


@attack
def bundle_cut_short(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = f"{BRA}/tile/entries/000.p/5"
    return {**files, path: files[path][:-1]}, path


@attack
def entries_swapped(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path, data = f"{BRA}/tile/entries/000.p/5", files[f"{BRA}/tile/entries/000.p/5"]
    first = 2 + int.from_bytes(data[:2], "big")
    second = first + 2 + int.from_bytes(data[first : first + 2], "big")
    return {**files, path: data[first:second] + data[:first] + data[second:]}, path


@attack
def note_missing(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    ref = council_bodies(files)[0]["refs"][0]["proof"]
    return without(files, f"notes/{ref}"), f"notes/{ref}"


@attack
def note_changed(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = next(p for p in files if p.startswith("notes/"))
    return {**files, path: files[path] + b"\n"}, path


@attack
def note_too_many(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    bloc = council()
    note = bloc.head(plain.Log(bloc.origin("BRA"), [b"another history"]), "BRA", "witness", bloc.rota)
    return {**files, f"notes/{plain.sha(note).hex()}": note}, f"notes/{plain.sha(note).hex()}"


@attack
def head_missing(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return without(files, f"{BRA}/checkpoint"), "logs/BRICS/council/1/tile/entries/000.p/3"


@attack
def version_missing(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return without(files, "membership/1.json"), "membership/1.json"


@attack
def version_twice(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return {**files, "membership/2.json": files["membership/1.json"]}, "membership/2.json"


@attack
def stranger_in_the_folder(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return {**files, "logs/evil.example/x": b""}, "logs/evil.example/x"


@attack
def log_of_a_stranger(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = "logs/evil.example/BRICS/member/checkpoint"
    return {**files, path: files[f"{BRA}/checkpoint"]}, path


@attack
def log_in_anothers_folder(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    path = "logs/node.example.rus/BRICS/member/checkpoint"
    return {**files, path: files[f"{BRA}/checkpoint"]}, path


@attack
def witness_of_a_stranger_in_the_policy(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    key = plain.Signer(4, plain.Ed25519PrivateKey.from_private_bytes(bytes(32)), "evil.example/BRICS/witness")
    line = f"witness evil {key.vkey()}\n".encode()
    return {**files, "policy.txt": line + files["policy.txt"]}, "policy.txt"


@attack
def vote_under_another_name(files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    return {**files, f"votes/{'00' * 32}": b"{}"}, f"votes/{'00' * 32}"


def test_the_readme_and_the_manifest_are_held_against_each_other(check: Check) -> None:
    files = council().export()
    refused(check, {**files, "README.txt": b"python verify.py /tmp\n"}, "README.txt", "manifest")
    refused(check, without(files, "README.txt"), "README.txt", "missing")
    refused(check, without(files, "manifest.json"), "manifest.json", "missing")
    listed = json.loads(files["manifest.json"])
    refused(check, {**files, "manifest.json": plain.canonical({**listed, "x": "0" * 64})}, "manifest.json")
    refused(check, {**files, "manifest.json": files["manifest.json"] + b"\n"}, "manifest.json", "canonical")
    first = f"{BRA}/tile/0/000.p/5"
    refused(check, {**files, "manifest.json": plain.canonical({**listed, first: "0" * 64})}, "manifest.json", first)


@pytest.mark.parametrize("name", FILES)
def test_a_spoiled_folder_is_refused(check: Check, name: str) -> None:
    files, file = FILES[name](council().export())
    refused(check, plain.with_manifest(files), file)


def council_bodies(files: dict[str, bytes], view: int = 1) -> list[dict[str, Any]]:
    """Bodies of a council log, read from its one bundle."""
    data = next(d for p, d in files.items() if p.startswith(f"logs/BRICS/council/{view}/tile/entries/"))
    found = []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(json.loads(base64.b64decode(json.loads(data[2 : 2 + size])["payload"]))["body"])
        data = data[2 + size :]
    return found


# --- Lies of the chair ---


def batch_attack(change: Callable[[Any, dict[str, Any]], None], **options: Any) -> Callable[[], Any]:
    """A third batch (index 2) that was changed before the chair signed it."""

    def build() -> Any:
        bloc = council(batches=2, **options)
        bloc.write("IND", 3)
        body = bloc.batch_body()
        change(bloc, body)
        bloc.order("Batch", body)
        return bloc

    return build


def set_(path: str, value: Any) -> Callable[[Any, dict[str, Any]], None]:
    def change(_: Any, body: dict[str, Any]) -> None:
        *steps, last = path.split("/")
        for step in steps:
            body = body[int(step) if step.isdigit() else step]
        body[int(last) if last.isdigit() else last] = value

    return change


def few_mirrors(bloc: Any, body: dict[str, Any]) -> None:
    body["certificate"] = bloc.certificate(1, 2, bloc.rota[: bloc.quorum - 1])


def one_mirror_twice(bloc: Any, body: dict[str, Any]) -> None:
    c = body["certificate"]
    c["cosignatures"] = [*c["cosignatures"][:-1], c["cosignatures"][0]]


def witnesses_for_mirrors(bloc: Any, body: dict[str, Any]) -> None:
    note = bloc.head(bloc.views[1], bloc.chair(1), "witness", bloc.rota, 2)
    lines = [x for x in note.decode().splitlines() if "/witness " in x]
    body["certificate"] |= {"cosignatures": lines, "note": bloc.keep(note)}


def old_certificate(bloc: Any, body: dict[str, Any]) -> None:
    body["certificate"] = bloc.certificate(1, 1)


def forged_certificate(bloc: Any, body: dict[str, Any]) -> None:
    root = plain.b64(plain.sha(b"another history"))
    log = bloc.views[1]
    text = f"{log.origin}\n2\n{root}\n"
    own = bloc.signers[bloc.chair(1), "log"].line(text, 0, log.origin)
    lines = bloc.lines(text, [(m, "mirror") for m in bloc.rota])
    body["certificate"] |= {"cosignatures": lines.splitlines(), "root": root}
    body["certificate"]["note"] = bloc.keep((text + "\n" + own + lines).encode())


def proof_without_quorum(bloc: Any, body: dict[str, Any]) -> None:
    name = bloc.keep(bloc.head(bloc.logs["IND"], "IND", "witness", bloc.rota[:2]))
    for ref in body["refs"]:
        if ref["origin"] == bloc.logs["IND"].origin:
            ref["proof"] = name


def proof_too_small(bloc: Any, body: dict[str, Any]) -> None:
    name = bloc.keep(bloc.head(bloc.logs["IND"], "IND", "witness", bloc.rota[:3], 2))
    body["refs"][-1]["proof"] = name


def proof_of_a_fork(bloc: Any, body: dict[str, Any]) -> None:
    fork = copy.deepcopy(bloc.logs["IND"])
    fork.leaves[-1] = bloc.entry(fork, "IND", "del-01", "council", "BallotCast", {"choice": "no"})
    note = bloc.head(fork, "IND", "witness", bloc.rota[:3])
    times = [base64.b64decode(x.split(" ")[2])[4:12] for x in note.decode().splitlines() if "/witness " in x]
    body["refs"][-1] |= {"proof": bloc.keep(note), "time": int.from_bytes(sorted(times)[1], "big")}


def ref_left_out(bloc: Any, body: dict[str, Any]) -> None:
    del body["refs"][-2]


def refs_out_of_order(bloc: Any, body: dict[str, Any]) -> None:
    body["refs"][-2:] = body["refs"][:-3:-1]


def ref_again(bloc: Any, body: dict[str, Any]) -> None:
    body["refs"].insert(0, {**body["refs"][-1], "index": 0, "leaf": bloc.logs["IND"].hashes[0].hex()})


def cursor_falls(bloc: Any, body: dict[str, Any]) -> None:
    body["refs"] = [r for r in body["refs"] if "ind" not in r["origin"]]
    body["cursors"][bloc.logs["BRA"].origin] = 1


def cursor_left_out(bloc: Any, body: dict[str, Any]) -> None:
    del body["cursors"][bloc.logs["BRA"].origin]


def cursor_zero(bloc: Any, body: dict[str, Any]) -> None:
    body["cursors"][bloc.logs["RUS"].origin] = 0


def cursor_beyond(bloc: Any, body: dict[str, Any]) -> None:
    body["cursors"][bloc.logs["IND"].origin] = 6


def cursor_of_a_stranger(bloc: Any, body: dict[str, Any]) -> None:
    body["cursors"]["evil.example/BRICS/member"] = 1


def cursor_missing(bloc: Any, body: dict[str, Any]) -> None:
    body["cursors"] = {}


BATCHES: dict[str, tuple[Callable[[Any, dict[str, Any]], None], str]] = {
    "number skipped": (set_("number", 4), "batch"),
    "number again": (set_("number", 2), "batch"),
    "another view": (set_("view", 2), ""),
    "no certificate": (set_("certificate", None), "certificate"),
    "certificate of q - 1": (few_mirrors, "2 "),
    "a mirror twice": (one_mirror_twice, ""),
    "witnesses for mirrors": (witnesses_for_mirrors, ""),
    "certificate of a smaller size": (old_certificate, "size"),
    "certificate of another history": (forged_certificate, "root"),
    "proof of q - 1": (proof_without_quorum, "2 "),
    "proof too small": (proof_too_small, ""),
    "proof of a fork": (proof_of_a_fork, "history"),
    "another time": (set_("refs/0/time", 1), "time"),
    "another leaf": (set_("refs/0/leaf", "00" * 32), "leaf"),
    "a ref left out": (ref_left_out, ""),
    "refs out of order": (refs_out_of_order, ""),
    "a ref again": (ref_again, ""),
    "cursor falls": (cursor_falls, "cursor"),
    "cursor left out": (cursor_left_out, "cursor"),
    "cursor zero": (cursor_zero, "cursor"),
    "cursor beyond the log": (cursor_beyond, "cursor"),
    "cursor of a stranger": (cursor_of_a_stranger, ""),
    "cursor missing": (cursor_missing, ""),
    "cursor true": (set_("cursors", {"node.example.bra/BRICS/member": True}), ""),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_chair_that_lies_is_refused_at_the_entry(check: Check, name: str) -> None:
    change, words = BATCHES[name]
    bloc = batch_attack(change)()
    failed = refused(check, bloc.export(), entries_file(bloc.views[1]), words)
    assert failed.entry == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "council"},
        {"person": "del-01", "signer": ("RUS", "del-01")},
        {"author": "CHN", "signer": ("CHN", "node")},
        {"type": "ViewStarted"},
        {"type": "Other"},
    ],
)
def test_an_entry_of_the_council_log_by_another(check: Check, changes: dict[str, Any]) -> None:
    bloc = council(batches=2)
    signer = changes.pop("signer", None)
    bloc.order("Batch", bloc.batch_body(), **changes, **({"signer": bloc.signers[signer]} if signer else {}))
    changes["signer"] = signer
    assert refused(check, bloc.export(), entries_file(bloc.views[1])).entry == 2


def started_attack(change: Callable[[Any, dict[str, Any]], None]) -> Any:
    bloc = council()
    bloc.views[2], bloc.view, bloc.state = plain.Log("BRICS/council/2"), 2, bloc.states[1, 3]
    body = bloc.started_body(2, (1, 3))
    change(bloc, body)
    bloc.votes.clear()
    bloc.order("ViewStarted", body)
    bloc.batch()
    return bloc


def recast(bloc: Any, body: dict[str, Any], highest: list[Any], members: list[str] | None = None) -> None:
    votes = [bloc.vote(m, 2, h) for m, h in zip(members or bloc.rota, highest, strict=False)]
    body["votes"] = [plain.b64(v) for v in votes]


def highest_of(body: dict[str, Any]) -> dict[str, Any]:
    return {k: body["cut"][k] for k in ("root", "size", "view")}


STARTS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "q - 1 votes": lambda _, body: body["votes"].pop(),
    "a member twice": lambda _, body: body["votes"].__setitem__(1, body["votes"][0]),
    "votes out of order": lambda _, body: body["votes"].reverse(),
    "number skipped": lambda _, body: body.__setitem__("number", 4),
    "another view": lambda _, body: body.__setitem__("view", 3),
    "cut below the highest": lambda bloc, body: body.__setitem__("cut", bloc.certificate(1, 2)),
    "no cut": lambda _, body: body.update(cut=None, number=0),
    "cut of q - 1": lambda bloc, body: body.__setitem__("cut", bloc.certificate(1, 3, bloc.rota[:2])),
    "a cut that no vote names": lambda bloc, body: recast(bloc, body, [None] * 3),
    "a higher claim": lambda bloc, body: recast(
        bloc, body, [highest_of(body), highest_of(body), {**highest_of(body), "size": 9}]
    ),
    "votes for another view": lambda bloc, body: body.__setitem__(
        "votes", [plain.b64(bloc.vote(m, 3, highest_of(body))) for m in bloc.rota[:3]]
    ),
    "votes by another role": lambda bloc, body: body.__setitem__(
        "votes", [plain.b64(forged_vote(bloc, m, highest_of(body))) for m in bloc.rota[:3]]
    ),
}


def forged_vote(bloc: Any, member: str, highest: Any) -> bytes:
    payload = {"bloc": bloc.bloc, "highest": highest, "member": member, "v": 1, "view": 2}
    return plain.envelope(plain.canonical(payload), "view-vote", [bloc.signers[member, "witness"]])


@pytest.mark.parametrize("name", STARTS)
def test_a_view_that_starts_with_a_lie(check: Check, name: str) -> None:
    bloc = started_attack(STARTS[name])
    files = bloc.export()
    assert refused(check, files, entries_file(bloc.views[2])).entry == 0


def test_a_view_that_starts_well(check: Check) -> None:
    check(started_attack(lambda *_: None).export())


def test_a_cut_below_what_was_final(check: Check) -> None:
    bloc = council(batches=5)
    bloc.open_view(2, (1, 3))
    bloc.batch()
    failed = refused(check, bloc.export(), entries_file(bloc.views[2]), "final")
    assert failed.entry == 0
    bloc = council(batches=4)
    bloc.open_view(2, (1, 3))
    assert "final to view 1 batch 2" in "".join(check(bloc.export(mirrors=2)))


def test_the_first_view_has_no_start(check: Check) -> None:
    bloc = Bloc()
    bloc.write("BRA")
    bloc.open_view(1)
    bloc.order("ViewStarted", {"cut": None, "number": 0, "view": 1, "votes": []})
    assert refused(check, bloc.export(), entries_file(bloc.views[1])).entry == 0


# --- Membership ---


def changed_member(index: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda payload: payload["members"][index].update(changes)


def persons_key_twice(payload: dict[str, Any]) -> None:
    payload["members"][0]["persons"][0]["key"] = payload["members"][1]["persons"][0]["key"]


MEMBERSHIPS: dict[str, tuple[tuple[int, int], Callable[[dict[str, Any]], None] | None, list[str] | None]] = {
    "votes missing": ((2, 0), None, ["BRA", "CHN"]),
    "not later": ((1, 0), None, None),
    "a member suspended at once": ((1, 5), lambda p: (changed_member(3, status="suspended")(p), p["rota"].pop()), None),
    "members at a later batch": ((2, 1), lambda p: p["rota"].reverse(), None),
    "rota without a member": ((2, 0), lambda p: p["rota"].pop(), None),
    "rota twice": ((2, 0), lambda p: p["rota"].append("BRA"), None),
    "another bloc": ((2, 0), lambda p: p.update(bloc="OTHER"), None),
    "version 3": ((2, 0), lambda p: p.update(version=3), None),
    "members unsorted": ((2, 0), lambda p: p["members"].reverse(), None),
    "another host": ((2, 0), changed_member(0, host="node.example.other"), None),
    "a key twice": ((2, 0), persons_key_twice, None),
    "a key more": ((2, 0), lambda p: p.update(extra=1), None),
    "one member alone": ((2, 0), lambda p: p.update(members=p["members"][:1], rota=["BRA"]), None),
    "a threshold beyond the roots": ((2, 0), lambda p: p["members"][0]["root"].update(threshold=3), None),
    "a key of small order": ((2, 0), lambda p: p["members"][0]["persons"][0].update(key=plain.b64(bytes(32))), None),
    "a witness key among the log keys": (
        (2, 0),
        lambda p: p["members"][0].update(log=p["members"][0]["witness"]),
        None,
    ),
}


@pytest.mark.parametrize("name", MEMBERSHIPS)
def test_a_version_that_may_not_follow(check: Check, name: str) -> None:
    at, change, voters = MEMBERSHIPS[name]
    bloc = council()
    bloc.agree(at, change, voters)
    refused(check, bloc.export(), "membership/2.json")


def test_a_version_signed_by_nobodys_root(check: Check) -> None:
    bloc = council()
    bloc.agree((2, 0))
    bloc.signers["BRA", "root1"] = bloc.signers["BRA", "del-01"]
    roots = [bloc.signers[m, f"root{k}"] for m in bloc.ids for k in range(2)]
    bloc.versions[1] = plain.envelope(plain.canonical(bloc.payloads[1]), "membership", roots)
    refused(check, bloc.export(), "membership/2.json", "no key")


def test_a_suspended_member_counts_no_more(check: Check) -> None:
    bloc = council()
    bloc.agree((2, 0), lambda p: (changed_member(3, status="suspended")(p), p["rota"].pop()))
    bloc.open_view(2, (1, 3), voters=["BRA", "CHN", "IND"])
    bloc.batch()
    assert any(
        line.startswith("log BRICS/council/2: 2 entries, head good, mirrors 3 of 3") for line in check(bloc.export())
    )


# --- Misconduct ---


def head_pair(bloc: Any, first: Any, second: Any, role: str = "witness", member: str = "CHN") -> dict[str, Any]:
    notes = [bloc.head(log, "BRA", role, [member]).decode() for log in (first, second)]
    return {"key": bloc.signers[member, role].vkey(), "notes": notes}


def logs_of(bloc: Any, *words: str) -> Any:
    """A log of BRA whose entries are told apart by words; it needs no entries to be hashed."""
    return plain.Log(bloc.origin("BRA"), [word.encode() for word in words])


def same_size(bloc: Any) -> tuple[str, dict[str, Any]]:
    return "CHN", head_pair(bloc, logs_of(bloc, "a", "b"), logs_of(bloc, "a", "c"))


def same_size_of_the_log(bloc: Any) -> tuple[str, dict[str, Any]]:
    pair = head_pair(bloc, logs_of(bloc, "a", "b"), logs_of(bloc, "a", "c"))
    return "BRA", pair | {"key": bloc.signers["BRA", "log"].vkey()}


def same_size_of_the_chair(bloc: Any) -> tuple[str, dict[str, Any]]:
    chair = bloc.chair(2)
    logs = [plain.Log("BRICS/council/2", [b"a", word]) for word in (b"b", b"c")]
    notes = [bloc.head(log, chair, "mirror", []).decode() for log in logs]
    return chair, {"key": bloc.signers[chair, "log"].vkey("BRICS/council/2"), "notes": notes}


def inconsistent(bloc: Any, sizes: tuple[int, int] = (3, 7)) -> tuple[str, dict[str, Any]]:
    old, new = sizes
    words = [f"entry {i}" for i in range(new)]
    second = logs_of(bloc, *words)
    first = logs_of(bloc, *words[: old - 1], "another")
    proof = [plain.b64(h) for h in plain.consistency(second.hashes, old)]
    root = plain.b64(plain.tree(second.hashes[:old]))
    return "CHN", head_pair(bloc, first, second) | {"old_root": root, "proof": proof}


def rollback(bloc: Any) -> tuple[str, dict[str, Any]]:
    return "CHN", head_pair(bloc, logs_of(bloc, "a", "b"), logs_of(bloc, "a"))


def author_fork(bloc: Any) -> tuple[str, dict[str, Any]]:
    return "CHN", json.loads(flip.fork_proof(bloc))["evidence"]


def author_fork_of_the_chair(bloc: Any) -> tuple[str, dict[str, Any]]:
    chair, log = bloc.chair(1), plain.Log("BRICS/council/1")
    leaves = [bloc.entry(log, chair, "node", "order", "Batch", {"view": 1, "number": n}) for n in (1, 2)]
    return chair, {"entries": [plain.b64(leaf) for leaf in leaves]}


def double_promise(bloc: Any, size: int = 3) -> tuple[str, dict[str, Any]]:
    vote = bloc.vote("CHN", 2, {"root": plain.b64(bytes(32)), "size": 1, "view": 1})
    log = plain.Log("BRICS/council/1", [b"a", b"b", b"c"][:size])
    note = bloc.head(log, bloc.chair(1), "mirror", ["CHN"]).decode()
    return "CHN", {"key": bloc.signers["CHN", "mirror"].vkey(), "note": note, "vote": plain.b64(vote)}


def proof_text(log: Any, index: int, note: bytes) -> str:
    hashes = log.hashes[: int(note.split(b"\n")[1])]
    steps = "".join(f"{plain.b64(h)}\n" for h in plain.inclusion(hashes, index))
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{steps}\n{note.decode()}"


def merge_delay(bloc: Any, hours: int = 25, cursor: int = 1, few: bool = False) -> tuple[str, dict[str, Any]]:
    """The chair leaves the second entry of IND aside, which was cosigned `hours` before the certificate of a batch."""
    bloc.write("IND", 1)
    bloc.write("IND", 1)
    log = bloc.logs["IND"]
    note = bloc.head(log, "IND", "witness", bloc.rota[: 2 if few else 3])
    bloc.open_view(1)
    bloc.batch()
    bloc.tick(hours * 3600)
    bloc.write("IND", 2)
    body = bloc.batch_body()
    body["cursors"] = {log.origin: cursor} if cursor else {}
    bloc.order("Batch", body)
    order = bloc.views[1]
    head = bloc.head(order, bloc.chair(1), "mirror", [])
    return bloc.chair(1), {
        "batch": plain.b64(order.leaves[1]),
        "council_proof": proof_text(order, 1, head),
        "entry": plain.b64(log.leaves[1]),
        "member_proof": proof_text(log, 1, note),
    }


TRUE: dict[str, tuple[str, Callable[[Any], tuple[str, dict[str, Any]]]]] = {
    "same_size": ("same_size", same_size),
    "same_size of the log": ("same_size", same_size_of_the_log),
    "same_size of the chair": ("same_size", same_size_of_the_chair),
    "author_fork": ("author_fork", author_fork),
    "author_fork of the chair": ("author_fork", author_fork_of_the_chair),
    "double_promise": ("double_promise", double_promise),
    "rollback": ("rollback", rollback),
    "merge_delay": ("merge_delay", merge_delay),
    "merge_delay of a log without a cursor": ("merge_delay", lambda bloc: merge_delay(bloc, cursor=0)),
    **{
        f"inconsistent {a} {b}": ("inconsistent", lambda bloc, s=(a, b): inconsistent(bloc, s))
        for a, b in ((1, 2), (2, 3), (3, 7), (4, 7), (6, 8), (7, 8), (4, 8))
    },
}


@pytest.mark.parametrize("name", TRUE)
def test_true_proofs_of_misconduct_hold(check: Check, name: str, tmp_path: Path) -> None:
    kind, make = TRUE[name]
    bloc, other = council(), Bloc()
    accused, evidence = make(other)
    proof = bloc.accuse(kind, accused, evidence)
    bloc.misconduct.append(proof)
    given = tmp_path / "proof.json"
    given.write_bytes(proof)
    lines = [line for line in check(bloc.export(), misconduct=str(given)) if line.startswith("misconduct: ")]
    assert len(lines) == 2
    assert all(accused in line and kind in line for line in lines)


def swapped(evidence: dict[str, Any]) -> dict[str, Any]:
    return {**evidence, "notes": evidence["notes"][::-1]}


def honest_promise(bloc: Any) -> tuple[str, dict[str, Any]]:
    return double_promise(bloc, 2)


def honest_growth(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = inconsistent(bloc)
    words = [f"entry {i}" for i in range(7)]
    return accused, evidence | head_pair(bloc, logs_of(bloc, *words[:3]), logs_of(bloc, *words))


def anothers_key(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = same_size(bloc)
    return accused, evidence | {"key": bloc.signers["IND", "witness"].vkey()}


def key_of_a_stranger(bloc: Any) -> tuple[str, dict[str, Any]]:
    bloc.make_node_keys("CHN", "witness", 4, salt="stranger")
    return same_size(bloc)


def one_entry_twice(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = author_fork(bloc)
    return accused, {"entries": [evidence["entries"][0]] * 2}


def two_seqs(bloc: Any) -> tuple[str, dict[str, Any]]:
    bloc.write("CHN", 2)
    return "CHN", {"entries": [plain.b64(leaf) for leaf in bloc.logs["CHN"].leaves]}


def two_chains(bloc: Any) -> tuple[str, dict[str, Any]]:
    """The same seq in the member log and in a council log is no fork, nor in two views."""
    chair = bloc.chair(1)
    leaves = [bloc.entry(plain.Log("x"), chair, "node", s, "Batch", {"view": 1}) for s in ("council", "order")]
    return chair, {"entries": [plain.b64(leaf) for leaf in leaves]}


def two_views_one_chair(bloc: Any) -> tuple[str, dict[str, Any]]:
    chair = bloc.chair(1)
    leaves = [bloc.entry(plain.Log("x"), chair, "node", "order", "Batch", {"view": v}) for v in (1, 5)]
    return chair, {"entries": [plain.b64(leaf) for leaf in leaves]}


def same_time(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = rollback(bloc)
    return accused, swapped(evidence)


def rollback_by_log_key(bloc: Any) -> tuple[str, dict[str, Any]]:
    _, evidence = rollback(bloc)
    return "BRA", evidence | {"key": bloc.signers["BRA", "log"].vkey()}


def same_roots(bloc: Any) -> tuple[str, dict[str, Any]]:
    return "CHN", head_pair(bloc, logs_of(bloc, "a", "b"), logs_of(bloc, "a", "b"))


def wrong_proof(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = inconsistent(bloc)
    return accused, evidence | {"proof": evidence["proof"][:-1]}


def vote_for_the_same_view(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = double_promise(bloc)
    log = plain.Log("BRICS/council/2", [b"a", b"b", b"c"])
    return accused, evidence | {"note": bloc.head(log, bloc.chair(2), "mirror", ["CHN"]).decode()}


def vote_of_another(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = double_promise(bloc)
    return accused, evidence | {"vote": plain.b64(bloc.vote("IND", 2, None))}


def witness_for_mirror(bloc: Any) -> tuple[str, dict[str, Any]]:
    accused, evidence = double_promise(bloc)
    note = bloc.head(plain.Log("BRICS/council/1", [b"a", b"b", b"c"]), bloc.chair(1), "witness", ["CHN"]).decode()
    return accused, evidence | {"note": note, "key": bloc.signers["CHN", "witness"].vkey()}


FALSE: dict[str, tuple[str, Callable[[Any], tuple[str, dict[str, Any]]]]] = {
    "same_size: one root": ("same_size", same_roots),
    "same_size: two sizes": ("same_size", rollback),
    "same_size: another's key": ("same_size", anothers_key),
    "same_size: a stranger's key": ("same_size", key_of_a_stranger),
    "same_size: another accused": ("same_size", lambda bloc: ("IND", same_size(bloc)[1])),
    "inconsistent: honest growth": ("inconsistent", honest_growth),
    "inconsistent: wrong proof": ("inconsistent", wrong_proof),
    "inconsistent: larger first": ("inconsistent", lambda bloc: ("CHN", swapped(inconsistent(bloc)[1]))),
    "author_fork: one entry": ("author_fork", one_entry_twice),
    "author_fork: two seqs": ("author_fork", two_seqs),
    "author_fork: two chains": ("author_fork", two_chains),
    "author_fork: two views": ("author_fork", two_views_one_chair),
    "author_fork: another accused": ("author_fork", lambda bloc: ("IND", author_fork(bloc)[1])),
    "double_promise: kept": ("double_promise", honest_promise),
    "double_promise: size 1": ("double_promise", lambda bloc: double_promise(bloc, 1)),
    "double_promise: the view voted for": ("double_promise", vote_for_the_same_view),
    "double_promise: another's vote": ("double_promise", vote_of_another),
    "double_promise: a witness": ("double_promise", witness_for_mirror),
    "rollback: it grew": ("rollback", same_time),
    "rollback: by a log key": ("rollback", rollback_by_log_key),
    "merge_delay: in time": ("merge_delay", lambda bloc: merge_delay(bloc, hours=23)),
    "merge_delay: taken up": ("merge_delay", lambda bloc: merge_delay(bloc, cursor=2)),
    "merge_delay: no quorum": ("merge_delay", lambda bloc: merge_delay(bloc, few=True)),
    "merge_delay: another accused": ("merge_delay", lambda bloc: ("ZAF", merge_delay(bloc)[1])),
    "unknown kind": ("treason", same_size),
    "evidence of another kind": ("rollback", author_fork),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_accusations_are_refused(check: Check, name: str) -> None:
    kind, make = FALSE[name]
    bloc, other = council(), Bloc()
    accused, evidence = make(other)
    bloc.misconduct.append(bloc.accuse(kind, accused, evidence))
    files = bloc.export()
    refused(check, files, next(path for path in files if path.startswith("misconduct/")))


def test_a_proof_under_another_membership_is_refused(check: Check) -> None:
    bloc, other = council(), Bloc(seed=2)
    accused, evidence = same_size(other)
    bloc.misconduct.append(other.accuse("same_size", accused, evidence))
    files = bloc.export()
    refused(check, files, next(path for path in files if path.startswith("misconduct/")), "membership")


# --- Any bytes whatever ---

RUBBISH = [
    b"",
    b"\0",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 100_000,
    b'{"payload":"","payloadType":"","signatures":[]}',
    b"\n\n",
    "\n\n— x y\n".encode(),
    b"null",
    b'"\\ud800"',
    b"{}",
    b"x" * (1 << 20),
]


@pytest.mark.parametrize("number", range(len(RUBBISH)))
def test_rubbish_in_any_file_is_a_failure_with_its_name(check: Check, number: int) -> None:
    bloc = two_views()
    bloc.misconduct.append(flip.fork_proof(bloc))
    files = bloc.export()
    for path in set(files) - {"manifest.json"}:
        with pytest.raises(Failed) as caught:
            check({**files, path: RUBBISH[number]})
        assert caught.value.file == path
        if path not in ("README.txt", "verify.py"):
            refused(check, plain.with_manifest({**files, path: RUBBISH[number]}), path)
    refused(check, {**files, "manifest.json": RUBBISH[number]}, "manifest.json")


def test_random_cuts_and_insertions_are_found(check: Check) -> None:
    bloc = two_views()
    files = bloc.export()
    draw = random.Random(5)
    for path, data in files.items():
        for _ in range(6):
            a, b = sorted(draw.randrange(len(data) + 1) for _ in range(2))
            spoiled = data[:a] + draw.choice([b"", data[a:b] * 2, bytes(b - a)]) + data[b:]
            if spoiled != data:
                with pytest.raises(Failed):
                    check({**files, path: spoiled})


# --- On disk, as a command ---


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-I", str(flip.VERIFIER), *arguments]
    return subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)


def test_as_a_command(tmp_path: Path) -> None:
    bloc = two_views()
    bloc.write("BRA", 300)
    folder = plain.put(bloc.export(), tmp_path / "export")
    (tmp_path / "proof.json").write_bytes(flip.fork_proof(bloc))
    done = command(str(folder), "--processes", "2", "--misconduct", str(tmp_path / "proof.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("membership: 1 versions of BRICS, pinned ")
    assert (
        done.stdout.splitlines()
        == command(str(folder), "--misconduct", str(tmp_path / "proof.json")).stdout.splitlines()
    )
    path = next(folder.glob("logs/*bra/BRICS/member/tile/entries/001.p/*"))
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    for processes in ("1", "2"):
        done = command(str(folder), "--processes", processes)
        assert (done.returncode, done.stderr) == (5, "")
        name = path.relative_to(folder).as_posix()
        wanted = f"FAILED {name}, byte "
        assert done.stdout.splitlines()[-1].startswith(wanted)
        assert f", entry {256 + flip.entry_at(bytes(data), 2000)}: " in done.stdout.splitlines()[-1]


def test_wrong_commands_and_odd_folders(tmp_path: Path) -> None:
    assert command().returncode == 2
    assert command(str(tmp_path), "--processes", "x").returncode == 2
    assert command(str(tmp_path), "--entry", "x").returncode == 2
    assert command(str(tmp_path), "--trust", "x").returncode == 2
    for folder in (tmp_path, tmp_path / "none"):
        done = command(str(folder))
        assert (done.returncode, done.stderr) == (5, "")
        assert done.stdout.startswith("FAILED ")
    folder = plain.put(council().export(), tmp_path / "export")
    (folder / "README.txt").rename(tmp_path / "README.txt")
    (folder / "README.txt").symlink_to(tmp_path / "README.txt")
    assert command(str(folder)).stdout.startswith("FAILED README.txt: ")
    (folder / "README.txt").unlink()
    (tmp_path / "README.txt").rename(folder / "README.txt")
    (folder / "logs" / "empty").mkdir()
    assert command(str(folder)).stdout.startswith("FAILED logs/empty: ")
    (folder / "logs" / "empty").rmdir()
    assert command(str(folder)).returncode == 0


def test_the_file_stands_alone_and_is_short() -> None:
    text = flip.VERIFIER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("cryptography."), name


def test_without_post_quantum_signatures_in_the_library_their_lines_are_told(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    bloc = council(mldsa=True)
    verifier.library_key.cache_clear()
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    lines = check(bloc.export())
    assert any("ML-DSA-44" in line and "unchecked" in line for line in lines)
    accused, evidence = same_size(bloc)
    key = bloc.signers["CHN", "witness6"].vkey()
    bloc.misconduct.append(bloc.accuse("same_size", accused, evidence | {"key": key}))
    files = bloc.export()
    refused(check, files, next(path for path in files if path.startswith("misconduct/")), "ML-DSA-44")
    verifier.library_key.cache_clear()
    monkeypatch.undo()


# --- Every byte ---


def test_a_flipped_byte_is_found_and_placed() -> None:
    """Every k-th byte here; all of them by the command `python tests/unit/ledger/flip_every_byte.py`."""
    count, wrong = flip.run(flip.small_world(), every=151)
    assert count > 2000
    assert wrong == []
