"""Documents with a form: kept under their hash, given out as attachments to people of this node, bounded."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.council.events import load_all
from concordat.errors import InputError, StateError
from concordat.node.authorise import roles
from concordat.web.bodies import BLOB_MAX
from concordat.web.desk import documents
from concordat.web.desk.documents import HASH, NAMES, kind_of
from concordat.web.desk.questions import asks_of
from desk_kit import World, run


def test_the_fields_that_take_a_document_are_those_of_the_models() -> None:
    kinds = {k for act in roles().acts.values() for k in act.entries} & set(load_all())
    found = {a.name for k in kinds for a in asks_of(k) if a.kind == "line" and a.pattern == HASH}
    assert found == set(NAMES)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"PK\x03\x04", "application/zip"),
        (b"<html><script>alert(1)</script>", "text/plain; charset=utf-8"),
        (b"", "text/plain; charset=utf-8"),
        (b"<svg xmlns='x'>\x00", "application/octet-stream"),
        (b"\xff\xfe", "application/octet-stream"),
    ],
)
def test_the_kind_is_told_by_the_bytes(data: bytes, kind: str) -> None:
    assert kind_of(data)[0] == kind


def test_a_document_goes_in_by_its_hash_and_comes_out_as_an_attachment(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/say/DisputeFiled")
        form = maria.form("f")
        assert form.multipart
        claim = b"<script>alert(1)</script> we claim"
        digest = sha256(claim).hexdigest()
        await maria.send("f", "save", {"subject": "Fees"}, files={"claim.file": claim})
        await maria.get(f"{maria.page.url}/change")
        assert maria.form("f").fields["claim"] == [digest]
        answer = await maria.get(f"/file/{digest}")
        assert answer.content == claim
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="{digest[:16]}.txt"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        for none in ("0" * 64, "..%5c..%5cidentity.json", "x", "%00", digest.upper()):
            assert (await maria.get(f"/file/{none}")).status_code in (400, 404), none
        assert world.desk.find("/file/..%2f..%2fidentity.json") is None
        assert (await world.browser().get(f"/file/{digest}")).status_code == 303
        await maria.get("/say/DisputeFiled")
        before = await world.dump()
        answer = await maria.send("f", "save", files={"claim.file": b"x" * (BLOB_MAX + 1)})
        assert answer.status_code == 413
        await maria.get("/say/DisputeFiled")
        answer = await maria.send("f", "save", files={"strange.file": b"x"})
        assert answer.status_code == 400
        answer = await maria.raw(
            "/say/BallotCast", {"token": form.fields["token"], "act-id": "0" * 32}, files={"claim.file": b"x"}
        )
        assert answer.status_code == 400
        assert await world.dump() == before

    run(made, tmp_path, work)


def test_a_document_that_the_scanner_refuses_costs_nothing_typed(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known to do harm, or a scanner that is silent: the form is kept as a draft, the document is not."""
    asked = []

    def scan(place: str, data: bytes) -> None:
        asked.append((place, data))
        if b"harm" in data:
            raise InputError("this document is known to do harm (Test).", where="document", code="harmful")
        if b"silent" in data:
            raise StateError("the scanner of documents does not answer.", code="scanner")

    monkeypatch.setattr(documents, "scan", scan)

    async def work(world: World) -> None:
        world.service.settings = replace(world.service.settings, scanner="/run/scanner")
        maria = await world.logged_in("delegate")
        for data, status, words in ((b"harm", 422, "known to do harm"), (b"silent", 503, "does not answer")):
            await maria.get("/say/DisputeFiled")
            answer = await maria.send("f", "save", {"subject": "Fees of ports"}, files={"claim.file": data})
            assert answer.status_code == status
            assert words in answer.text
            assert maria.form("f").fields["subject"] == ["Fees of ports"]
            assert (await maria.get(f"/file/{sha256(data).hexdigest()}")).status_code == 404
        assert asked == [("/run/scanner", b"harm"), ("/run/scanner", b"silent")]
        kept = await world.people.do(lambda people, _: people.store.rows("SELECT fields FROM act"))
        assert len(kept) == 2
        assert all("Fees of ports" in fields for (fields,) in kept)

    run(made, tmp_path, work)
