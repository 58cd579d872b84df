"""How was it made, and from which sources? As the yearly report has it."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("method", "/method", "method", "about", 40)
