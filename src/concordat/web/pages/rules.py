"""Which rules bind whom today? The rules among members, as the yearly report has them."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("rules", "/rules", "rules", "rules", 40)
