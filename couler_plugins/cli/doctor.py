"""`couler doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, target_options, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.engine_kit.kubernetes.calls import connected, served, version
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.checks import Check
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins


@click.command(
    "doctor",
    epilog="""\b
Examples:
  couler doctor
  couler doctor --engine argo --namespace ml
  couler doctor --format json

\b
Exit codes:
  0  nothing is missing
  1  something is missing: its line says which feature needs it, the next one what to do
  2  wrong usage, or no cluster is known
  3  the cluster does not answer
""",
)
@engine_option
@target_options
@json_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context, *, config: Config, engine: str | None, context: str, namespace: str, output_format: str
) -> None:
    """Checks the cluster, its engines, and your permissions there.

    Names missing permissions, and the features that need them. Changes nothing in the cluster.
    """
    plugins = usable_plugins(config)
    chosen = [plugins.adapter(engine).engine] if engine else list(plugins.adapters)
    api, own = connected(context)
    checks: list[tuple[str, Check]] = []
    for name, check in _checks(api, plugins, chosen, namespace or own, named=engine is not None):
        checks.append((name, check))
        if output_format != "json":
            click.echo(f"{name}: {check.feature}: {check.state}: {check.message}")
            if check.remedy:
                click.echo(f"    {check.remedy}")
    if output_format == "json":
        checked = [{"engine": name, **msgspec.to_builtins(check)} for name, check in checks]
        print_json("couler.doctor/v1", {"namespace": namespace or own, "checks": checked})
    ctx.exit(1 if any(check.state == "missing" for _, check in checks) else 0)


def _checks(
    api: Any, plugins: Plugins, engines: list[str], namespace: str, *, named: bool
) -> Iterator[tuple[str, Check]]:
    """What was found, with the engine that it is about."""
    message = f"Kubernetes {version(api)} at {api.configuration.host}, namespace {namespace}"
    yield "cluster", Check(feature="reached", state="ok", message=message)
    groups = served(api)
    for name in engines:
        adapter = plugins.adapter(name)
        if not adapter.offers("checks"):
            if named:
                raise InvalidInput(f"{name} has nothing to check in a Kubernetes cluster", hint="leave it out")
            continue
        if not groups.issuperset(group.name for group in adapter.groups):
            message = f"the cluster does not serve {', '.join(group.name for group in adapter.groups)}"
            remedy = f"install {name} there" if named else ""
            yield (
                name,
                Check(feature="installed", state="missing" if named else "unknown", message=message, remedy=remedy),
            )
            continue
        yield from ((name, check) for check in adapter.checks(api, namespace))
