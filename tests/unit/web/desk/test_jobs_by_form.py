"""Work in the background by form: an operator asks, looks again, ends it, takes the result; nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.errors import SourceError
from concordat.web.desk import job_page
from concordat.web.jobs import KINDS
from desk_kit import ROLES, World, run


def test_from_the_form_to_the_result(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ["r1"]
    monkeypatch.setattr(job_page, "_data_of", lambda *_: data[0])

    async def work(world: World) -> None:
        async def with_queue(do: Any) -> Any:
            return await world.people.do(lambda people, now: do(_queue_of(world, people, now)))

        operator = await world.logged_in("operator")
        await operator.get("/operate")
        await operator.send("start", "start", {"kind": "index", "bloc": "BRICS"})
        first = str(operator.page.url)
        assert "/job/" in first
        assert KINDS["index"].words in operator.text
        assert "bloc BRICS" in operator.text
        assert "Look again" in operator.text
        await operator.get("/operate")
        await operator.send("start", "start", {"kind": "index", "bloc": "BRICS"})
        assert str(operator.page.url) == first, "the same question on the same data"
        data[0] = "r2"
        await operator.get("/operate")
        await operator.send("start", "start", {"kind": "index", "bloc": "BRICS"})
        second = str(operator.page.url)
        assert second != first
        await operator.send("c", "cancel", follow=False)
        await operator.get(second)
        assert "cancelled" in operator.text
        assert (await operator.get(f"{first}/result")).status_code == 404

        taken = await with_queue(lambda queue: queue.take())
        await with_queue(lambda queue: queue.progress(taken.id, 1, 4, "its uncertainty"))
        await operator.get(first)
        assert "its uncertainty 1 of 4" in operator.text
        await with_queue(lambda queue: queue.finish(taken.id, queue.files.put(b'{"ranks": []}')))
        await operator.get(first)
        assert "The result as a file" in operator.text
        assert "Look again" not in operator.text
        answer = await operator.get(f"{first}/result")
        assert answer.content == b'{"ranks": []}'
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"].startswith('attachment; filename="index-')

        for role in (role for role in ROLES if role != "operator"):
            other = await world.logged_in(role)
            for path in (first, f"{first}/result", "/job/none"):
                assert (await other.get(path)).status_code == 403, role
        assert (await operator.get("/job/none")).status_code == 404

    run(made, tmp_path, work)


def test_what_can_not_be_asked_is_told_beside_its_field(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(world: World) -> None:
        operator = await world.logged_in("operator")
        for values, words in (
            ({"kind": ""}, "choose what is to be done"),
            ({"kind": "scenario", "file": "../secret.yaml"}, "there is no file"),
            ({"kind": "scenario", "file": ""}, "there is no file"),
            ({"kind": "assess", "bloc": "NO-SUCH"}, "NO-SUCH"),
        ):
            await operator.get("/operate")
            answer = await operator.send("start", "start", values)
            assert answer.status_code == 422, values
            assert words in answer.text, values

        def gone(*_: Any) -> str:
            raise SourceError("the data are not there.", hint="Load them.")

        monkeypatch.setattr(job_page, "_data_of", gone)
        await operator.get("/operate")
        answer = await operator.send("start", "start", {"kind": "search"})
        assert answer.status_code == 422
        assert "the data are not there" in answer.text
        assert await world.people.do(lambda people, _: people.store.rows("SELECT id FROM job")) == []

    run(made, tmp_path, work)


def _queue_of(world: World, people: Any, now: int) -> Any:
    from types import SimpleNamespace

    return job_page.queue(SimpleNamespace(people=people, service=world.service, now=now))  # type: ignore[arg-type]
