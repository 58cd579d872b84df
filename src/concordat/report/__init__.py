"""The yearly assessment as one folder: a study in, HTML, PDF, workbook, CSV, pictures, sources and provenance out.

    from concordat.report.build import build
    from concordat.report.study import study_for_bloc

    built = build(study_for_bloc("BRICS"), Settings.load(), Path("brics-2026"))

Each room hands its results to one file in `report.chapters`, listed in `report.contents`; chapters are made of blocks
(`report.chapter`), and the four renderers know blocks, never rooms.
"""
