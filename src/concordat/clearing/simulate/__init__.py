"""The clearing room under strain: made-up operations, valid and not, and whole days of payments."""
