"""The private side of the site: logging in, and every form by which people of a member act.

    desk = Desk(service, people, callers)          # over a running node and its people
    create_app(open_site, routes, admit, desk)     # asked before the cached pages

A page here is a function of an `At` (who asks, what was sent, the node) to a `Screen`, a `Redirect` or a `Download`;
`app.PAGES` is the only list of them. Nothing is cached (`private, no-store`), GET changes nothing, a POST that did
something leads on with 303. What an act says is built from its fields by `questions`, checked by the council's dry run,
shown in words, and signed only then. The public pages never learn that somebody is logged in.
"""
