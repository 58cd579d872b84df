"""How sure are the figures? Years, coverage, conflicts and revisions, as the yearly report has them."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("quality", "/quality", "quality", "about", 40)
