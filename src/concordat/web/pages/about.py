"""What is this site, who answers for it, and what does it not do?"""

from concordat.web.pages._text import text_page

PAGE = text_page("about", 4)
