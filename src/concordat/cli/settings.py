"""`concordat settings`: how this machine runs, each value with where it came from."""

from __future__ import annotations

import json as json_text

import typer

from concordat.settings import SETTING_NAMES, Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(name="settings")
def settings_command(
    node: bool = typer.Option(
        False, "--node", help="Show the table [node] as well: how the node of this machine runs."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show how this machine runs and where each setting comes from.

    A value comes from an option, the environment (CONCORDAT_DATA_DIR), concordat.toml in the working folder, or the
    default, in this order.
    """
    settings = Settings.load()
    shown = {name: "" if getattr(settings, name) is None else str(getattr(settings, name)) for name in SETTING_NAMES}
    origins = dict(settings.origins)
    if node:
        from concordat.node.settings import NodeSettings

        found = NodeSettings.load()
        shown |= {f"node.{name}": value for name, value in found.shown().items()}
        origins |= {f"node.{name}": origin for name, origin in found.origins.items()}
    if json:
        both = {name: {"value": value or None, "origin": origins[name]} for name, value in shown.items()}
        print(json_text.dumps(both, ensure_ascii=False, sort_keys=True))
        return
    name_width, value_width = (
        max(map(len, column)) for column in (shown, [value or "(none)" for value in shown.values()])
    )
    for name, value in shown.items():
        print(f"{name:<{name_width}}  {value or '(none)':<{value_width}}  {origins[name]}")
