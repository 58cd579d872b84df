"""Figures: numbers as text, and charts as plain Vega-Lite specifications that become small SVG pictures.

    from concordat.figures.numbers import format_num        # the one place where floats become text
    from concordat.figures.dots import DotRow, dot_plot     # interval dot plot by member
    from concordat.figures.heat import heat_table_spec      # members x indicators
    from concordat.figures.tiles import tile_map            # equal tiles for equal members
    from concordat.figures.render import svg                # specification -> SVG, deterministic, without a browser

Specifications are dicts (no Altair at run time), drawn by vl-convert with the font of `fontpkg-noto-sans`, so the
pictures are the same on a machine that has no fonts at all.
"""
