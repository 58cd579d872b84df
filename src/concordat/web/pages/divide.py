"""How unequal are the members, and where is the gap? The divide, as the yearly report has it."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("divide", "/divide", "divide", "know", 40)
