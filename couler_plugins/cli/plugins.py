"""`couler plugins`. It imports as little as it can: people call it often, and scripts more so."""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from couler_plugins.cli.group import CommandGroup
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.options.config import Config
from couler_plugins.options.fields import Option, options_of
from couler_plugins.plugins import (
    ADAPTERS,
    CAUSES,
    POINTS,
    STEPS,
    STORES,
    ExtensionPoint,
    PluginRecord,
    Plugins,
    load_plugins,
)


@click.group(
    "plugins",
    cls=CommandGroup,
    table={"new": ("plugins_new:command", "Makes a package with an optimizer or an adapter of your own.")},
    invoke_without_command=True,
    epilog="""\b
Examples:
  couler plugins
  couler plugins --all --format json
  couler plugins new optimizer step-timeout
""",
)
@click.option("--all", "show_all", is_flag=True, help="Also list disabled plugins.")
@json_option
@with_settings
@click.pass_context
def command(ctx: click.Context, *, config: Config, show_all: bool, output_format: str) -> None:
    """Lists the plugins and what they provide; makes new ones.

    Shows hooks, optimizers, policies, partitioners, tuners, adapters, artifact stores and ready-made steps,
    and how many causes of failures. Exits
    with 1 if a plugin or a part of it cannot be used.
    """
    if ctx.invoked_subcommand:
        return
    with contextlib.redirect_stdout(sys.stderr):  # plugins may print while they are imported
        plugins = load_plugins(config)
        records = [record for record in _records(plugins) if show_all or record["enabled"]]
    if output_format == "json":
        click.echo(json.dumps({"schema": "couler.plugins/v1", "plugins": records}, indent=2, ensure_ascii=False))
    else:
        for record in records:
            click.echo("\n".join(_lines(record)))
    ctx.exit(1 if plugins.failed else 0)


def _records(plugins: Plugins) -> Iterator[dict[str, Any]]:
    for record in plugins.records:
        yield {
            "name": record.name,
            "module": record.module,
            "distribution": record.distribution,
            "version": record.version,
            "enabled": record.enabled,
            "hooks": list(record.hooks),
            **{point.key: _provided(plugins, point, record) for point in POINTS},
            "errors": list(record.errors),
        }


def _provided(plugins: Plugins, point: ExtensionPoint[Any], record: PluginRecord) -> list[Any]:
    """What a plugin provides of one kind: names, with their options where they can have some."""
    names = record.provides.get(point.key, ())
    if point in (ADAPTERS, STORES, CAUSES):
        return list(names)
    describe: Callable[[Any], dict[str, Any]] = _step if point is STEPS else _named
    usable = plugins.all(point)  # without those that another plugin has under the same name
    return [{"name": name, **(describe(usable[name]) if name in usable else {})} for name in names]


def _named(cls: type) -> dict[str, Any]:
    """What there is to say of something with options."""
    return {"summary": _summary(cls), "options": [_option(item) for item in options_of(cls).values()]}


def _step(step: CatalogueStep) -> dict[str, Any]:
    """What there is to say of a ready-made step."""
    return {
        "summary": step.description,
        "tags": list(step.tags),
        "inputs": [msgspec.to_builtins(item) for item in step.inputs],
        "outputs": [msgspec.to_builtins(item) for item in step.outputs],
    }


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0] if cls.__doc__ else ""


def _option(option: Option) -> dict[str, Any]:
    default = None if option.default is None else "|".join(option.default)
    return {"name": option.name, "type": option.type_text, "default": default}


def _lines(record: dict[str, Any]) -> Iterator[str]:
    origin = " ".join(part for part in (record["distribution"], record["version"]) if part)
    yield f"{record['name']} ({origin or 'unknown distribution'}){'' if record['enabled'] else ' disabled'}"
    if record["hooks"]:
        yield f"  hooks: {', '.join(record['hooks'])}"
    if record[CAUSES.key]:
        yield f"  causes of failures: {len(record[CAUSES.key])}"
    for point in POINTS:
        for thing in record[point.key] if point is not CAUSES else ():
            if isinstance(thing, str):
                yield f"  {point.noun} {thing}"
                continue
            yield f"  {point.noun} {thing['name']}: {thing.get('summary', '')}".removesuffix(": ")
            for option in thing.get("options", ()):
                default = "needed" if option["default"] is None else f"default {option['default'] or '(empty)'}"
                yield f"    {option['name']}={option['type']} ({default})"
    yield from (f"  error: {error}" for error in record["errors"])
