"""The annex on revisions: how many of the figures in use were changed, restatused, added or withdrawn since a release.

Counted are the figures that this report or the earlier release uses for the members; each count leads to its rows. What
moved in years that neither uses is asked of the store: `concordat evidence revisions`.
"""

from __future__ import annotations

from collections.abc import Iterator

from concordat.evidence.provenance import BookOfTwo
from concordat.evidence.revisions import KINDS, revisions
from concordat.report.chapter import Block, Cell, Code, Column, Note, Paragraph, Row, Table
from concordat.report.inputs import Inputs


def write(inputs: Inputs) -> Iterator[Block]:
    """A row for each kind of revision; without an earlier release how there will be one."""
    words, earlier = inputs.words, inputs.earlier
    if earlier is None:
        command = Code(f"concordat evidence release {inputs.study.on:%Y-%m}")
        yield Paragraph(words.text("quality.revisions_none", command=command))
        return
    both = (earlier.chosen, inputs.chosen)
    used = {c.observation.obs_id for side in both for c in side.values() if not c.missing}
    areas = frozenset(inputs.who.all)
    then, now = (
        [o for o in rows if o.obs_id in used and o.area in areas and o.conf_status == "F"]
        for rows in (earlier.observations, inputs.observations)
    )
    found = revisions(then, now)
    book = BookOfTwo(inputs.book, [(v.dataset_id, v.vintage_id) for v in inputs.release.vintages])
    rows = []
    for kind in KINDS:
        ids = [book.observe(r.row) for r in found if r.kind == kind]
        rows.append(
            Row(
                kind,
                words.plain(f"quality.revision.{kind}"),
                (Cell(main=inputs.count(ids)), Cell(text=words.plain(f"quality.revision_meaning.{kind}"))),
            )
        )
    ids = [book.observe(r.row) for r in found if r.kind == "changed" and (r.precisions or 0.0) > 1]
    beyond = (Cell(main=inputs.count(ids)), Cell(text=words.plain("quality.revision_meaning.beyond")))
    rows.insert(1, Row("beyond", words.plain("quality.revision.beyond"), beyond))
    names = ("figures", "meaning")
    columns = tuple(Column(n, words.plain(f"quality.column_{n}")) for n in names)
    title = words.plain("quality.revisions_table", name=earlier.name)
    yield Table("quality-revisions", title, words.plain("quality.row_revision"), columns, tuple(rows))
    here = inputs.study.release
    command = Code(f"concordat evidence revisions {earlier.name} {here}")
    yield Note(words.text("quality.revisions_all", command=command))
