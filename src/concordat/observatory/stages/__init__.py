"""The steps of an index, each a pure function of a stack and its options; see `concordat.observatory.graph`."""
