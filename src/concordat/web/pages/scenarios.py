"""Who gains, and who pays? Needs scenarios that someone named; without them the page says so."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("scenarios", "/scenarios", "scenarios", "know", 40)
