"""One file for each room that has something to say in the report: `read(study)` and the functions that write chapters."""
