"""Writes the parts of the documentation that follow from the code: `python3 dev.py docs`. A test holds them current."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.group import couler
from couler_plugins.config import load_config
from couler_plugins.ir import json_schema
from couler_plugins.plugins import load_plugins

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Capability

DOCS = Path(__file__).resolve().parent
SUPPORT = {"full": "yes", "derived": "read only", "kept": "kept", "refused": "refused"}
MADE_BY = "This page is made by `python3 dev.py docs`"


def support() -> str:
    """One table: what each adapter does with each feature of the IR, from the adapters' own tables."""
    plugins = load_plugins(load_config(environ={}))
    tables = {
        name: {row.feature: row for row in plugins.adapter(name).capabilities} for name in sorted(plugins.adapters)
    }
    features = list(dict.fromkeys(feature for table in tables.values() for feature in table))
    lines = [
        "# What each engine's adapter supports",
        "",
        f"{MADE_BY}, from the adapters' tables, which a test holds to what the code does.",
        "",
        "- **yes**: lifted, and written wherever an optimizer sets it.",
        "- **read only**: lifted; it follows from other fields.",
        "- **kept**: lifted; lowering refuses a change of it.",
        "- **refused**: lowering says so, and writes nothing.",
        "",
        "Whatever the IR has no field for is kept as it is.",
        "",
        f"| feature | {' | '.join(tables)} |",
        f"| --- |{' --- |' * len(tables)}",
    ]
    lines += [f"| {name} | {' | '.join(_cell(table.get(name)) for table in tables.values())} |" for name in features]
    return "\n".join(lines) + "\n"


def _cell(row: Capability | None) -> str:
    if row is None:
        return ""
    names = [f"`{name}`" for name in row.native.split(", ") if name]
    return "; ".join(part for part in (SUPPORT[row.support], ", ".join(names), row.note) if part)


def command_line() -> str:
    """The help texts of all commands."""
    return "\n".join(["# The command line\n", f"{MADE_BY}, from the help texts.\n", *_sections()])


def _sections() -> Iterator[str]:
    root = click.Context(couler, info_name="couler", terminal_width=100, help_option_names=["-h", "--help"])
    yield from _of_command(couler, root)


def _of_command(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help text of a command, and those of the commands in it."""
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _of_command(inner, click.Context(inner, info_name=name, parent=context, terminal_width=100))


def schema() -> str:
    """The JSON schema of the IR's JSON form."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": command_line,
    "support.md": support,
    "schema/couler.ir-v0.json": schema,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
