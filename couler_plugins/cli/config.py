"""`couler config`."""

from __future__ import annotations

import json

import click

from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.config import Config, settings
from couler_plugins.options.fields import texts_of


@click.command(
    "config",
    epilog="""\b
Examples:
  couler config --show-origin
  COULER_PIPELINE=dedupe couler config --format json
""",
)
@click.option("--show-origin", is_flag=True, help="Also show where each setting comes from.")
@json_option
@with_settings
def command(*, config: Config, show_origin: bool, output_format: str) -> None:
    """Lists every setting and its value.

    Flags come first, then environment variables (COULER_MAX_BYTES for max-bytes). Then comes the nearest
    couler.toml, or [tool.couler] in a pyproject.toml, in this folder or above. The default comes last.
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
