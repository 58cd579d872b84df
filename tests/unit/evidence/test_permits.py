"""Which rows may be passed on: the licence of a dataset, the confidentiality of a row, and of what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation
from concordat.evidence.permits import REASONS, check_accept, held_back, row_key
from concordat.evidence.store import VintageMeta

Observe = Callable[..., Observation]


def _vintage(dataset: str, licence_id: str, **record: Any) -> VintageMeta:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    return VintageMeta(
        id=f"{dataset}-1", dataset_id=dataset, source_id=dataset, published=None, known_from=date(2026, 3, 1),
        retrieved_at=moment, parser_version="1", raw=(), origin={}, licence=licence(licence_id).as_dict() | record,
    )  # fmt: skip


def _reasons(rows: Iterable[Observation], *vintages: VintageMeta, **keys: Any) -> list[str]:
    rows = list(rows)
    held = held_back(rows, vintages, **keys)
    return [held.get(row_key(o), "") for o in rows]


@pytest.mark.parametrize(
    ("licence_id", "reason"),
    [
        ("Public-Domain-US-Gov", ""),
        ("CC-BY-4.0", ""),
        ("CC-BY-3.0-IGO", ""),
        ("NC", ""),  # may be passed on, though not sold
        ("ODbL-1.0", "share_alike"),
        ("unstated", "unstated"),
        ("member-confidential", "confidential"),
    ],
)
def test_a_row_is_held_back_by_its_datasets_licence(observe: Observe, licence_id: str, reason: str) -> None:
    assert _reasons([observe(50, source="a")], _vintage("a", licence_id)) == [reason]


def test_share_alike_leaves_when_it_is_accepted_and_nothing_else_does(observe: Observe) -> None:
    rows = [observe(50, source=s) for s in ("a", "b", "c")]
    vintages = (_vintage("a", "ODbL-1.0"), _vintage("b", "unstated"), _vintage("c", "member-confidential"))
    assert _reasons(rows, *vintages, accept=["share-alike"]) == ["", "unstated", "confidential"]


@pytest.mark.parametrize("status", ["N", "C"])
def test_a_confidential_row_stays_under_any_licence(observe: Observe, status: str) -> None:
    assert _reasons([observe(50, source="a", conf_status=status)], _vintage("a", "CC-BY-4.0")) == ["confidential"]


def test_a_withheld_row_stays(observe: Observe) -> None:
    row = observe(None, source="a", missing_reason="withheld", conf_status="C")
    assert _reasons([row], _vintage("a", "CC-BY-4.0")) == ["withheld"]


def test_what_is_made_from_others_takes_the_strictest_terms_along_the_chain(observe: Observe) -> None:
    free, alike = observe(50, "BRA", source="a"), observe(60, "IND", source="b")
    secret = observe(70, "CHN", source="a", conf_status="C")
    first = observe(55, "ZAF", source="a", derived_from=(free.obs_id, alike.obs_id), derived_by="f@1")
    second = observe(56, "RUS", source="a", derived_from=(first.obs_id,), derived_by="f@1")
    third = observe(57, "EGY", source="a", derived_from=(second.obs_id, secret.obs_id), derived_by="f@1")
    open_ = observe(58, "IRN", source="a", derived_from=(free.obs_id,), derived_by="f@1")
    rows = [third, second, first, open_, free, alike, secret]  # in whatever order
    vintages = (_vintage("a", "CC-BY-4.0"), _vintage("b", "ODbL-1.0"))
    found = _reasons(rows, *vintages)
    assert found == ["confidential", "share_alike", "share_alike", "", "", "share_alike", "confidential"]
    assert _reasons(rows, *vintages, accept=["share-alike"]) == ["confidential", "", "", "", "", "", "confidential"]


def test_what_is_made_from_an_unknown_row_stays(observe: Observe) -> None:
    row = observe(50, source="a", derived_from=("f" * 32,), derived_by="f@1")
    assert _reasons([row], _vintage("a", "CC-BY-4.0")) == ["unknown_input"]


def test_a_circle_of_rows_ends(observe: Observe) -> None:
    one, two = observe(50, "BRA", source="a"), observe(50, "IND", source="a", conf_status="C")
    rows = [observe(50, "BRA", source="a", derived_from=(two.obs_id,)), two]
    rows += [observe(50, "CHN", source="a", derived_from=(one.obs_id, rows[0].obs_id))]
    assert _reasons(rows, _vintage("a", "CC-BY-4.0")) == ["confidential"] * 3


def test_an_input_of_the_same_vintage_comes_before_its_namesake_elsewhere(observe: Observe) -> None:
    """Two vintages speak of the same figure under different terms; each derived row follows its own."""
    old = observe(50, source="a")
    new = observe(51, source="a", vintage_id="a-2")
    made = [
        observe(1, "IND", source="a", derived_from=(old.obs_id,)),
        observe(2, "IND", source="a", vintage_id="a-2", derived_from=(new.obs_id,)),
    ]
    second = _vintage("a", "unstated")
    second = replace(second, id="a-2")
    assert _reasons([old, new, *made], _vintage("a", "CC-BY-4.0"), second) == ["", "unstated", "", "unstated"]


def test_a_licence_that_was_changed_is_noticed(observe: Observe) -> None:
    with pytest.raises(TrustError, match="the licence unstated is not what it was"):
        _reasons([observe(50, source="a")], _vintage("a", "unstated", redistribute=True))


def test_only_known_terms_can_be_accepted() -> None:
    assert check_accept(["share-alike", "share-alike"]) == ("share-alike",)
    with pytest.raises(InputError, match=r'--accept: "odbl" is no term of a licence that can be accepted'):
        check_accept(["odbl"], where="--accept")


def test_every_reason_has_words() -> None:
    assert all(words and not words.endswith(".") for words in REASONS.values())
