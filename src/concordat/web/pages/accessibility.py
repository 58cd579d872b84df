"""How is the site meant to be usable by everyone, what was checked, and what was not?"""

from concordat.web.pages._text import text_page

PAGE = text_page("accessibility", 3)
