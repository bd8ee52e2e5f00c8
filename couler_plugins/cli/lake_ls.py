"""`couler lake ls`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.lake_options import lake_option
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command("ls")
@lake_option
@json_option
@with_settings
def command(*, config: Config, lake: Path, output_format: str) -> None:
    """Lists the workflows of a lake, with the steps that it has of them."""
    from couler_plugins.cli.outputs import write_bytes
    from couler_plugins.cli.records import print_json
    from couler_plugins.nl.lake import items

    found = list(items(lake))
    if output_format == "json":
        print_json("couler.lake-ls/v0", {"workflows": found})
        return
    for item in found:
        write_bytes(f"{item.name} ({item.engine}) {item.description}".rstrip() + "\n")
        for step in item.steps:
            ports = ", ".join(port.name for port in step.inputs)
            given = ", ".join(port.name for port in step.outputs)
            write_bytes(f"  {step.name}({ports}){f' → {given}' if given else ''}\n")
