"""Every room as plain pages that work without scripts, each also JSON and CSV at the same address.

    reader = Reader(settings, "BRICS")      # one release, as it stands
    site = Site(reader, PAGES)              # addresses -> bytes
    create_app(site)                        # the same as an ASGI application, with the extra `web`
    export(site, folder)                    # the same as files, for any web server or a stick

A page is one file in `pages/`: a model of its address, a pure `view` over the reader's snapshot, and a `layout` of the
view as blocks that the report knows. HTML, JSON and CSV are made from these three, so that they agree. Nothing here
opens a socket; `cli` starts the server.
"""
