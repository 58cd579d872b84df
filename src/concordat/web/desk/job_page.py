"""Work in the background, for the operator: `/job/<id>` says how far a job is; a form on `/operate` asks for one.

A page says it in words ("page place 8 of 96, about 3 s left"), has a link to look again (nothing renews itself: WCAG
2.2.1), a button that ends the job, and the result as a file. The same question on the same data is the same job: a job
is asked for on the newest release of the evidence, a scenario on the bytes of its file. Nobody else starts a job; what
others see was made when the data came. Source: node-web.md 2.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from concordat.errors import ConcordatError, InputError
from concordat.node.hashed_files import HashedFiles
from concordat.node.job_runner import FILES
from concordat.node.jobs import Job, Jobs, words
from concordat.web.desk.act_page import moment
from concordat.web.desk.asked import Answer, At, Download
from concordat.web.forms import Block, Button, Cell, Fact, Facts, Field, Form, Links, Option, Screen
from concordat.web.jobs import KINDS, SCENARIOS

OF_A_BLOC = ("assess", "figures", "export_site", "index")
ZIPPED = ("assess", "figures", "export_site")


def queue(at: At) -> Jobs:
    """The queue of this node."""
    return Jobs(at.people.store, KINDS, HashedFiles(at.service.node.home / FILES), lambda: at.now)


def start_form(at: At, errors: Mapping[str, str]) -> Form:
    """The form that asks for a job."""
    kinds = [Option("", at.t("desk.choose")), *(Option(kind.name, kind.words) for kind in KINDS.values())]
    fields = (
        Field("kind", at.t("desk.job"), "select", (at.sent.one("kind"),), "", errors.get("kind", ""), kinds,
              required=True),
        Field("bloc", at.t("desk.job_bloc"), "text", (at.sent.one("bloc") or at.service.bloc,), at.t("help.job_bloc"),
              errors.get("bloc", ""), max_length=32),
        Field("file", at.t("desk.job_file"), "text", (at.sent.one("file"),), at.t("help.job_file"),
              errors.get("file", ""), max_length=100),
    )  # fmt: skip
    title = at.t("desk.start_job")
    return Form("start", at.href("/operate"), fields, (Button(title, "start"),), at.token(), title)


def start(at: At) -> Answer:
    """Ask for a job, and go to its page.

    Raises:
        InputError: no such kind, bloc or file, or the queue is full; `where` names the field.
    """
    kind = at.sent.one("kind")
    if kind not in KINDS:
        raise InputError("choose what is to be done.", where="kind", code="missing")
    place = "bloc" if kind in OF_A_BLOC else "file" if kind == "scenario" else "kind"
    try:
        args = {place: at.sent.one(place).strip()} if place != "kind" else {}
        job = queue(at).ask(kind, args, asked_by=at.who.id, release=_data_of(at, kind, args))
    except ConcordatError as error:
        raise InputError(error.what, where=place, hint=error.hint, code=error.code) from None
    return at.go(f"/job/{job.id}")


def _data_of(at: At, kind: str, args: Mapping[str, str]) -> str:
    """What a job is asked for: the same question on other data is another job."""
    from concordat.settings import Settings
    from concordat.web.jobs import beside

    if kind in OF_A_BLOC:
        from concordat.web.reader import Reader

        return Reader(Settings.load(), args["bloc"]).snapshot.release
    if kind == "scenario":
        data = beside(Settings.load().data_dir / SCENARIOS, args["file"], "file")
        return hashlib.sha256(data).hexdigest()
    return str(at.now)


def get_job(at: At) -> Answer:
    """How far a job is.

    Raises:
        RuleError: not an operator. InputError: no such job.
    """
    at.grant("operate")
    found, jobs = _job(at), queue(at)
    facts = [
        Fact(at.t("desk.what"), KINDS[found.kind].words if found.kind in KINDS else found.kind),
        Fact(at.t("desk.details"), ", ".join(f"{key} {value}" for key, value in sorted(found.args.items()) if value)),
        Fact(at.t("desk.state"), words(found, at.now, jobs.before(found))),
        Fact(at.t("desk.when"), moment(found.queued)),
    ]
    blocks: list[Block] = [Facts(facts)]
    links = [Cell(at.t("desk.operate"), at.href("/operate"))]
    if found.state == "done" and found.result:
        links.insert(0, Cell(at.t("desk.job_result"), at.href(f"/job/{found.id}/result")))
    if found.state in ("queued", "running"):
        links.insert(0, Cell(at.t("desk.look_again"), at.href(f"/job/{found.id}")))
        which = Field("job", "", "hidden", (found.id,))
        cancel = Button(at.t("desk.cancel_job"), "cancel", quiet=True)
        blocks.append(Form("c", at.href("/operate"), (which,), (cancel,), at.token()))
    return Screen(at.t("desk.job"), (*blocks, Links(links)))


def get_result(at: At) -> Answer:
    """What a job came to, as a file.

    Raises:
        RuleError: not an operator. InputError: no such job, or nothing came of it.
    """
    at.grant("operate")
    found, files = _job(at), HashedFiles(at.service.node.home / FILES)
    if found.state != "done" or not files.has(found.result):
        raise InputError("there is no result of this job.", where="address", code="unknown_id")
    ending, content_type = ("zip", "application/zip") if found.kind in ZIPPED else ("json", "application/json")
    return Download(f"{found.kind}-{found.id[:8]}.{ending}", files.get(found.result), content_type)


def _job(at: At) -> Job:
    try:
        return queue(at).get(at.parts["id"])
    except InputError as error:
        raise InputError(error.what, where=error.where, hint=error.hint, code="unknown_id") from None


def rows(at: At, found: list[Job], jobs: Jobs) -> list[list[Cell]]:
    """The newest jobs as rows of a table, each with a link to its page."""
    return [
        [Cell(j.id[:8], at.href(f"/job/{j.id}")), Cell(j.kind), Cell(words(j, at.now, jobs.before(j))),
         Cell(moment(j.queued))]
        for j in found
    ]  # fmt: skip
