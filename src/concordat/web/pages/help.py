"""How do I use this site? What each part answers, how to read a number, and where to ask."""

from concordat.web.pages._text import text_page

PAGE = text_page("help", 7)
