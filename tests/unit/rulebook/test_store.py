"""The rulebook's store: texts by content, codings append-only, versions of a text, search, faults of the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError
from concordat.rulebook import _schema
from concordat.rulebook._decisions import current
from concordat.rulebook.catalogue import load_catalogue, parse_catalogue
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.store import RuleStore
from rulebook_build import HEAD, coding, instrument, store_of, unit


def parsed(*articles: tuple[str, str], name: str = "x") -> ParsedInstrument:
    return ParsedInstrument(name, name, "en", tuple(unit(name, n, t, i) for i, (n, t) in enumerate(articles)))


def test_what_goes_in_comes_out() -> None:
    catalogue = load_catalogue()
    with RuleStore.memory() as store:
        store.put_catalogue(catalogue)
        assert store.instruments() == dict(sorted(catalogue.instruments.items()))
        assert store.participations() == {n: catalogue.participations[n] for n in sorted(catalogue.instruments)}
        assert store.relations() == catalogue.relations
        store.put_catalogue(catalogue)  # twice is once
        assert store.participations() == {n: catalogue.participations[n] for n in sorted(catalogue.instruments)}


def test_codings_come_out_as_they_went_in() -> None:
    made = [
        coding("x/1", "DF-FLOW", 2, flags={"exceptions": True, "dispute_settlement": False}),
        coding("x/1", "EC-SPAM"),
    ]
    with store_of(instrument("x", "BRA"), {"x": [("1", "Data may move.")]}) as store:
        assert store.add_codings(made) == 2
        assert store.add_codings(made) == 0
        assert list(store.codings("x")) == made
        with pytest.raises(StateError, match="FOREIGN KEY"):
            store.add_codings([coding("x/9", "DF-FLOW")])


def test_the_current_coding_is_a_persons_then_an_imports_then_the_last_models() -> None:
    model = [coding("u", "DF-FLOW", 1, n=n) for n in (1, 2)]
    imported, human = (
        coding("u", "DF-FLOW", 2, method="import", coder="t"),
        coding("u", "DF-FLOW", 1, method="human", coder="ana"),
    )
    later = coding("u", "DF-FLOW", 2, method="human", coder="ana", n=9, supersedes=human.id)
    assert current(model) == (model[1],)
    assert current([imported, *model]) == (imported,)
    assert current([human, imported, *model]) == (human,)
    assert current([human, later, imported]) == (later,)
    other = coding("u", "DF-FLOW", 1, method="human", coder="bob")
    assert current([later, other])[0].state == "disputed"
    agrees = coding("u", "DF-FLOW", 2, method="human", coder="bob")
    assert current([later, agrees])[0].state == "auto"


def test_the_same_text_is_kept_once_and_a_new_version_keeps_codings_of_what_did_not_change() -> None:
    with store_of(instrument("x", "BRA")) as store:
        first = store.put_text(parsed(("1", "Data may move."), ("2", "No spam.")), b"one")
        assert first.added == ("x/1", "x/2")
        store.add_codings([coding("x/1", "DF-FLOW"), coding("x/2", "EC-SPAM")])
        again = store.put_text(parsed(("1", "Data may move."), ("2", "No spam.")), b"one")
        assert (again.added, again.gone, again.changed) == ((), (), ())
        second = store.put_text(parsed(("1", "Data may move."), ("2", "Less spam."), ("3", "New.")), b"two")
        assert (second.added, second.gone, second.changed) == (("x/3",), (), ("x/2",))
        assert [c.unit for c in store.codings("x")] == ["x/1"]
        assert store.raw("x") == b"two"
        third = store.put_text(parsed(("1", "Data may move.")), b"three")
        assert third.gone == ("x/2", "x/3")
        assert not store.match_words("spam", 9)


def test_texts_put_together_are_those_put_one_by_one(tmp_path: Path) -> None:
    texts = {"a": [("1", "data shall flow"), ("2", "servers")], "b": [("1", "data"), ("2", "spam")]}
    with store_of(instrument("a") + instrument("b"), texts) as apart, RuleStore.open(tmp_path / "r.sqlite") as store:
        store.put_catalogue(parse_catalogue(HEAD + instrument("a") + instrument("b")))
        with store.together():
            for name, articles in texts.items():
                store.put_text(parsed(*articles, name=name), repr(articles).encode())
        assert store.units() == apart.units()
        assert store.match_words("data", 9) == apart.match_words("data", 9)
        assert store.match_part("erve", 9) == apart.match_part("erve", 9)


def test_what_was_put_before_an_error_stays_but_what_breaks_off_takes_all_back() -> None:
    first, twice = parsed(("1", "data shall flow"), name="a"), parsed(("1", "spam"), ("1", "servers"), name="b")

    def load(store: RuleStore, *texts: ParsedInstrument) -> None:
        with store.together():
            for text in texts:
                store.put_text(text, text.id.encode())

    with store_of(instrument("a") + instrument("b")) as store:
        with pytest.raises(InputError):
            load(store, first, parsed(("1", "x"), name="nothing"))
        assert [u.id for u in store.units()] == ["a/1"]
    with store_of(instrument("a") + instrument("b")) as store:
        with pytest.raises(StateError, match="UNIQUE"):
            load(store, first, twice)
        assert store.units() == ()
        load(store, first)  # and the store can be used as before
        assert store.match_words("data", 9)[0][0] == "a/1"


def test_articles_are_found_by_words_and_by_parts_of_words() -> None:
    texts = {"x": [("1", "La información se transfiere."), ("2", "跨境数据传输应当允许。"), ("3", "100% digital_data")]}
    with store_of(instrument("x", "BRA"), texts) as store:
        assert [u for u, _ in store.match_words("informacion", 9)] == ["x/1"]
        assert [u for u, _ in store.match_part("数据传输", 9)] == ["x/2"]
        assert [u for u, _ in store.match_part("数据", 9)] == ["x/2"]  # two characters: no trigram
        assert [u for u, _ in store.match_part("0%", 9)] == ["x/3"]
        assert [u for u, _ in store.match_part("%d", 9)] == []


def test_a_store_on_disk_can_be_closed_opened_and_read_by_two(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.sqlite"
    with RuleStore.open(path) as one, RuleStore.open(path) as two:
        one.put_fact("k", "v")
        assert two.fact("k") == "v"
    with RuleStore.open(path) as again:
        assert again.fact("k") == "v"
        assert again.fact("other") == ""


def test_a_store_that_is_newer_damaged_or_locked_is_told_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StateError, match="version 99") as told:
        RuleStore.open(newer)
    assert told.value.where == str(newer)
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database at all, but long enough to be read as a page of one" * 40)
    with pytest.raises(StateError, match="can't be used"):
        RuleStore.open(damaged)
    monkeypatch.setattr("concordat.rulebook.store.BUSY_S", 0.05)
    path = tmp_path / "busy.sqlite"
    with RuleStore.open(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="in use by another process"):
            store.put_fact("k", "v")
        other.close()


def test_unknown_names_get_the_nearest() -> None:
    with store_of(instrument("depa", "SGP")) as store:
        with pytest.raises(InputError, match="Did you mean") as told:
            store["dpea"]
        assert "depa" in str(told.value)
        with pytest.raises(InputError):
            store.put_text(parsed(("1", "x"), name="y"), b"")
        with pytest.raises(InputError, match="not a unit"):
            store.unit("depa/1")


OPEN_AT_ONCE = """
import pathlib, sys, time
from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.store import RuleStore
known, folder = load_catalogue(), pathlib.Path(sys.argv[1])
(folder / f"ready-{sys.argv[2]}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
for n in range(6):
    with RuleStore.open(folder / f"{n}.sqlite") as store:
        store.put_catalogue(known)
        store.put_fact("k", "v")
"""


def test_four_processes_may_use_a_store_for_the_first_time(tmp_path: Path) -> None:
    them = [
        subprocess.Popen([sys.executable, "-c", OPEN_AT_ONCE, str(tmp_path), str(n)], stderr=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    while not all((tmp_path / f"ready-{n}").exists() for n in range(4)):
        assert all(one.poll() is None for one in them), [one.communicate()[1] for one in them if one.poll() is not None]
        time.sleep(0.01)
    (tmp_path / "go").touch()
    said = [one.communicate() for one in them]
    assert [one.returncode for one in them] == [0] * 4, said
    with RuleStore.open(tmp_path / "0.sqlite") as store:
        assert store.relations() == load_catalogue().relations


def test_a_store_of_an_older_version_becomes_one_of_today_and_a_failed_step_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.sqlite"
    with monkeypatch.context() as broken:
        broken.setattr(_schema, "_STEPS", (_schema._FIRST + "CREATE TABLE meta (x);\n",))
        with pytest.raises(StateError, match="already exists"):
            RuleStore.open(path)
    with RuleStore.open(path) as store:
        assert store.ids() == ()


def test_codings_of_a_model_are_replaced_as_a_whole_or_not_at_all() -> None:
    with store_of(instrument("x", "BRA"), {"x": [("1", "Data may move."), ("2", "No spam.")]}) as store:
        old = [coding("x/1", "DF-FLOW"), coding("x/2", "EC-SPAM"), coding("x/2", "DF-FLOW", method="import")]
        store.add_codings(old)
        human = coding("x/2", "EC-SPAM", 1, method="human", coder="ana", supersedes=old[1].id)
        store.add_codings([human])
        with pytest.raises(StateError, match="FOREIGN KEY"):
            store.replace_codings("x", ("model",), [coding("x/9", "DF-FLOW", n=1)])
        assert len(store.codings("x", history=True)) == 4
        new = coding("x/1", "DF-FLOW", 1, n=2)
        store.replace_codings("x", ("model",), [new])
        assert store.codings("x") == (new, old[2], human)
        assert old[1] in store.codings("x", history=True)  # a person decided on it
