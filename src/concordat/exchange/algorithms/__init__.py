"""The register of algorithms that members use: one record, the forms of others, what is filled, what changed.

    record = AlgorithmRecord.from_nl(fields)         # or from_uk; to_nl and to_uk give the same fields back
    completeness(record, "nl").text                  # "24 of 31 fields, 7 of 8 required"
    diff(before, after)                              # part by part: added, changed, removed
    to_cyclonedx(record)                             # a component of type machine-learning-model

The crosswalk is a reviewed file (`_data/crosswalk.yaml`). Columns of the EU, China and SPDX are from memory and are
marked unverified wherever they are printed. Source: exchange.md, section 7.
"""
