"""Writes the parts of the documentation that follow from the code: `python3 dev.py docs`. A test holds them current."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.group import couler
from couler_plugins.config import load_config
from couler_plugins.discovery import load_plugins
from couler_plugins.ir import json_schema

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Capability

DOCS = Path(__file__).resolve().parent
SUPPORT = {"full": "yes", "derived": "read only", "kept": "kept", "refused": "refused"}
MADE_BY = "This page is made by `python3 dev.py docs`"


def support() -> str:
    """Two tables: what each adapter does with each feature of the IR in its own workflows, and in those of others."""
    plugins = load_plugins(load_config(environ={}))
    adapters = {name: plugins.adapter(name) for name in sorted(plugins.adapters)}
    lines = [
        "# What each engine's adapter supports",
        "",
        f"{MADE_BY}, from the adapters' tables, which tests hold to what the code does.",
        "",
        "## Workflows of its own",
        "",
        "- **yes**: lifted, and written wherever an optimizer sets it.",
        "- **read only**: lifted; it follows from other fields.",
        "- **kept**: lifted; lowering refuses a change of it.",
        "- **refused**: lowering says so, and writes nothing.",
        "",
        "Whatever the IR has no field for is kept as it is.",
        "",
        *_table({name: adapter.capabilities for name, adapter in adapters.items() if adapter.capabilities}),
        "",
        "## Workflows of other engines",
        "",
        "What `couler convert` carries of a workflow that another engine's adapter lifted, by the engine that it is",
        "written for. Of Airflow, only what runs in containers is handed on ([what that is](airflow.md#to-argo)).",
        "",
        "- **yes**: written, and means the same; a note says what is not carried of it, which is refused.",
        "- **refused**: it is said by step and feature, and nothing is written.",
        "",
        *_table({name: adapter.generated for name, adapter in adapters.items() if adapter.generated}),
    ]
    return "\n".join(lines) + "\n"


def _table(tables: Mapping[str, Iterable[Capability]]) -> Iterator[str]:
    """A row for each feature, a column for each adapter."""
    found = {name: {row.feature: row for row in rows} for name, rows in tables.items()}
    yield f"| feature | {' | '.join(found)} |"
    yield f"| --- |{' --- |' * len(found)}"
    for feature in dict.fromkeys(feature for table in found.values() for feature in table):
        yield f"| {feature} | {' | '.join(_cell(table.get(feature)) for table in found.values())} |"


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

CONVERSIONS = "conversions.md"


def write_conversions() -> None:
    """The page that follows from converting the whole corpora, which takes a minute; left alone without these.

    A process of its own makes it, since Airflow writes into its home when it is imported.
    """
    tests = DOCS.parent / "tests"
    with tempfile.TemporaryDirectory() as home:
        own = {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [
            sys.executable,
            "-W",
            "ignore",
            str(tests / CONVERSIONS.replace(".md", ".py")),
            str(DOCS / CONVERSIONS),
        ]
        subprocess.run(command, env={**os.environ, **own}, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    write_conversions()
