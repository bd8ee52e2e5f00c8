"""`couler config`."""

from __future__ import annotations

import json

import click

from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.config import Config, settings
from couler_plugins.options.fields import texts_of

__all__ = ["command"]


@click.command(
    "config",
    epilog="""\b
Examples:
  couler config --show-origin
  COULER_PIPELINE=dedupe couler config --format json
""",
)
@click.option("--show-origin", is_flag=True, help="Where each setting comes from, too.")
@json_option
@with_settings
def command(*, config: Config, show_origin: bool, output_format: str) -> None:
    """Lists every setting and its value.

    A flag goes before an environment variable (max-bytes: COULER_MAX_BYTES), that before the nearest couler.toml or
    [tool.couler] in a pyproject.toml (in this folder, or one above it), and that before the default.
    """
    rows = [
        {
            "name": option.name,
            "value": "|".join(map(redact_url, texts_of(getattr(config, option.field)))),
            "origin": config.origin(option.field),
        }
        for option in settings().values()
    ]
    if output_format == "json":
        click.echo(json.dumps({"schema": "couler.config/v1", "settings": rows}, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['name']} = {row['value']}{'  # ' + row['origin'] if show_origin else ''}")
