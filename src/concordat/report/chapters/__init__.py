"""One file for each room with something to say in the report: `read(study)` and the functions that write chapters."""
