"""What was promised, and is it kept? Needs a record of the council; without one the page says so."""

from concordat.web.pages._chapter import chapter_page

PAGE = chapter_page("commitments", "/commitments", "commitments", "decide", 30)
