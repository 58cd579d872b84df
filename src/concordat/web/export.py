"""All public pages of a release as a folder of files that any web server, or a stick, can carry.

Links lead from file to file; a page that the folder doesn't hold is named in words, not linked. The folder is written
beside its place and moved there whole, so that nobody reads a half of it.
"""

from __future__ import annotations

import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import InputError, StateError
from concordat.web import html
from concordat.web.address import HOME, Asked, Form, NotFoundError

if TYPE_CHECKING:
    from concordat.web.respond import Site

Progress = Callable[[int, int, str], None]
FORMS: tuple[Form, ...] = ("html", "json", "csv")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: how many pages, files and bytes."""

    folder: Path
    pages: int
    files: int
    size: int


def export(
    site: Site, folder: Path, *, force: bool = False, node: str = "", progress: Progress | None = None
) -> Exported:
    """Write the folder.

    Args:
        site: the pages. folder: must not exist, or `force` replaces it if it is an export.
        node: the address of the live pages, named at the foot of every page.
        progress: told (pages done, pages in all, the address of this one).

    Raises:
        InputError: something else stands at the place. StateError: the disk can't be written.
    """
    _check(folder, force=force)
    asked = list(_all(site))
    names = {site.addresses.address(one): _file(site, one) for one in asked}
    pages = [one for one in asked if one.form == "html"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        root = Path(temporary) / "site"
        size = files = 0
        sheet = site.sheet_name.lstrip("/")
        for number, one in enumerate(asked):
            if progress is not None and one.form == "html":
                progress(pages.index(one), len(pages), site.addresses.address(one))
            try:
                body = site.bytes_of(one, one.language or site.offered[0], _place(site, one, names, sheet, node))
            except NotFoundError:  # a page without a table has no CSV, one without a record no file of it
                if one.form != "csv" and one.form not in one.page.files:
                    raise
                continue
            except (InputError, StateError):  # nothing is counted yet, so there is no file of a result
                if one.form not in one.page.files:
                    raise
                continue
            size, files = size + len(body), files + 1
            _write(root / _file(site, one), body)
            del number
        _write(root / sheet, site.sheet)
        _write(root / MARK, b"a static export of Concordat\n")
        if folder.exists():
            shutil.rmtree(folder)
        root.rename(folder)
    return Exported(folder, len(pages), files + 1, size + len(site.sheet))


MARK = "concordat-export.txt"


def _check(folder: Path, *, force: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / MARK).is_file():
        what = "something that is not an export of mine stands there."
        raise InputError(what, where=str(folder), hint="Choose another folder.", code="exists")
    if not force:
        raise InputError("the folder exists.", where=str(folder), hint="Replace it with --force.", code="exists")


def _all(site: Site) -> Iterator[Asked]:
    """Every page of the release in every form and language; the first language has the short names."""
    for page in site.addresses.pages:
        for values in page.instances(site.reader):
            query = page.query.model_validate(dict(values))
            for language in site.offered:
                said = "" if language == site.offered[0] else language
                for form in (*FORMS, *page.files):
                    if form in ("json", *page.files) and said:
                        continue  # the same in every language
                    yield Asked(page, query, form, said)


def _file(site: Site, asked: Asked) -> str:
    """`place/BRA.html`, `pt/place/BRA.html`."""
    path = site.addresses.address(replace(asked, language="", form="html"))
    assert "?" not in path, f"{path}: a page of the export has keys"
    name = (HOME if path == "/" and asked.form != "html" else "/index" if path == "/" else path).lstrip("/")
    return posixpath.join(asked.language, f"{name}.{asked.form}")


def _place(site: Site, asked: Asked, names: dict[str, str], sheet: str, node: str) -> html.Place:
    here = posixpath.dirname(_file(site, asked))

    def href(to: Asked) -> str | None:
        said = "" if to.language == site.offered[0] else to.language
        if said and to.form in ("json", *to.page.files):
            said = ""
        name = names.get(site.addresses.address(replace(to, language=said)))
        return None if name is None else posixpath.relpath(name, here or ".")

    pinned = site.addresses.address(site.pinned(asked, site.reader_for(asked)))
    permanent = node.rstrip("/") + pinned if node else posixpath.relpath(_file(site, asked), here or ".")
    return html.Place(href=href, sheet=posixpath.relpath(sheet, here or "."), permanent=permanent, home=node)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
