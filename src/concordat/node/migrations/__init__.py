"""Steps that bring the stores of older programs to this one: `<store>/NNN_name.py` makes version NNN of NNN - 1.

A step has a docstring that says what changes for the operator, `CHANGES`, the tables whose number of rows it may change
(all others are counted before and after), and

    def up(db: sqlite3.Connection) -> None:

which runs SQL in a transaction that `concordat.node.upgrade` begins and ends. It may not begin or end one itself, nor
write to what is signed or hashed for ever (`StoreKind.protected`): SQLite refuses it while the step runs, and a test
reads the text of every step. SQL stands in it as plain text, not put together, so that this can be read.

Both stores are at version 1, the first that was released, so there are no steps yet.
"""
