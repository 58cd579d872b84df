"""The pages as files: every link leads to a file, and nothing is lost where something stands already."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.errors import InputError
from concordat.web.export import MARK, Exported, export
from concordat.web.respond import Site
from web_kit import site_of


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    return site_of(evidence_dir)


@pytest.fixture(scope="module")
def exported(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(site, tmp_path_factory.mktemp("export") / "site", node="https://node.example.org")


def test_every_link_leads_to_a_file(exported: Exported) -> None:
    files = sorted(exported.folder.rglob("*.html"))
    assert len(files) == exported.pages
    for file in files:
        page = file.read_text(encoding="utf-8")
        for link in re.findall(r'(?:href|src)="([^"]+)"', page):
            if link.startswith("https://node.example.org/"):  # the permanent link, at the node
                continue
            assert not re.match(r"[a-z]+:|/", link), (file, link)
            path, _, anchor = link.partition("#")
            assert not path or (file.parent / path).is_file(), (file, link)
            assert path or f'id="{anchor}"' in page


def test_pages_stand_in_every_language_with_json_and_csv(exported: Exported) -> None:
    for name in ("index.html", "home.json", "place/BRA.html", "place/BRA.json", "place/BRA.csv", "ar/place/BRA.html"):
        assert (exported.folder / name).is_file(), name
    assert 'dir="rtl"' in (exported.folder / "ar" / "index.html").read_text(encoding="utf-8")
    assert exported.files == sum(f.is_file() and f.name != MARK for f in exported.folder.rglob("*"))


def test_no_script_is_carried_along(exported: Exported) -> None:
    """That of passkeys belongs to a node's own pages."""
    assert [f.name for f in exported.folder.rglob("*.js")] == []
    assert "<script" not in (exported.folder / "index.html").read_text(encoding="utf-8")


def test_what_stands_there_is_not_overwritten_unasked(exported: Exported, site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists"):
        export(site, exported.folder)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="not an export"):
        export(site, mine, force=True)
    assert (mine / "letter.txt").read_text() == "mine"


def test_a_run_that_fails_leaves_nothing(site: Site, tmp_path: Path) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(site, tmp_path / "site", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_command_checks_a_page_and_refuses_an_unknown_one(
    evidence_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["web", "check", "--data-dir", str(evidence_dir), "--quiet", "--page"]
    assert main([*words, "/about"]) == 0
    assert "1 pages; over the wire" in capsys.readouterr().out
    assert main([*words, "/abuot"]) == 2
    assert "/about" in capsys.readouterr().err
