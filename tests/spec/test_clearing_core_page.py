"""The manual page of the settlement core says what the code does: its tables are the code's."""

from __future__ import annotations

from clearing_core_tables import PAGE, PLACE, TABLES, written
from concordat.clearing.core import model
from concordat.clearing.core.scheme import KEYS
from concordat.clearing.scheme_file import json_schema


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert {found[1] for found in PLACE.finditer(page)} == set(TABLES)
    assert written(page) == page, "run: python tests/clearing_core_tables.py"


def test_the_page_names_every_bound() -> None:
    page = PAGE.read_text(encoding="utf-8")
    bounds = (
        model.INSTRUCTIONS_MAX, model.BATCH_ROWS_MAX, model.QUEUE_MAX, model.CORRIDORS_MAX, model.TAGS_MAX,
        model.INSTRUCTION_BYTES_MAX, model.LARGE_BYTES_MAX, model.BLOCK_BYTES_MAX,
    )  # fmt: skip
    assert [bound for bound in bounds if f"{bound:,}" not in page] == []


def test_the_shipped_schema_has_the_keys_that_the_core_knows() -> None:
    schema = json_schema()
    places = {
        "": schema,
        "currencies.*": schema["properties"]["currencies"]["additionalProperties"],
        "members[]": schema["properties"]["members"]["items"],
        "corridors[]": schema["properties"]["corridors"]["items"],
        "lsm.rates": schema["properties"]["lsm"]["properties"]["rates"],
        **{name: schema["properties"][name] for name in KEYS if name and name[-1] not in "*]" and "." not in name},
    }
    assert places.keys() == KEYS.keys()
    for name, keys in KEYS.items():
        assert set(places[name]["properties"]) == set(keys), name
        needed = {key for key, needed in keys.items() if needed} | ({"schema"} if not name else set())  # a file says it
        assert set(places[name].get("required", ())) == needed, name
        assert places[name]["additionalProperties"] is False
