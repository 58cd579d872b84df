"""Cyber incidents: read STIX, mark and enforce TLP, answer TAXII, count deadlines, show exposure. Pure.

bundle = read_bundle(data)                       # objects: STIX 2.1 in, 2.0 converted, limits kept
grade_all(bundle.objects)                        # tlp: the label of each, and the object it comes from
handle(request, store, site)                     # taxii: one TAXII 2.1 request over a store
stage_status(timeline, record, now)              # deadlines: which stage was met, late, open or waived
"""
