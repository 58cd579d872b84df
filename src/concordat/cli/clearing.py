"""`concordat clearing`: who owes whom, what can settle now, and why this did or did not settle.

Each line below hangs the commands of one module into the group; what a command needs it imports when it runs.
"""

from __future__ import annotations

import typer

from concordat.cli import (
    _clearing_certificate,
    _clearing_curve,
    _clearing_gate,
    _clearing_generate,
    _clearing_keys,
    _clearing_ledger,
    _clearing_net,
    _clearing_report,
    _clearing_settle,
    _clearing_simulate,
)

app = typer.Typer(
    help="Settle payments: check messages, net what is owed, run the ledger, prove it.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

_clearing_certificate.register(app)
_clearing_curve.register(app)
_clearing_gate.register(app)
_clearing_generate.register(app)
_clearing_keys.register(app)
_clearing_ledger.register(app)
_clearing_net.register(app)
_clearing_report.register(app)
_clearing_settle.register(app)
_clearing_simulate.register(app)
