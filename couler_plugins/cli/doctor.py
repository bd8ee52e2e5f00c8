"""`couler doctor`."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import chain
from typing import Any, Literal

import click
import msgspec

from couler_plugins.cli.cache_options import existing
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, target_options, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.engine_kit.kubernetes.calls import connected, served
from couler_plugins.engine_kit.kubernetes.calls import version as version_of
from couler_plugins.errors import NAME, CoulerError, InvalidInput, install_hint
from couler_plugins.hookspecs.checks import Check
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins

EXTRAS = {
    "airflow": "DAG files",
    "argo": "workflows that are written with Hera",
    "cluster": "run, stop, history fetch and doctor of Argo and Tekton",
    "index": "caches that several hosts share",
    "kfp": "pipelines that are written with KFP",
    "lint": "lint --schema",
    "metrics": "metrics",
    "plots": "pictures of benchmarks",
    "sql": "sql",
    "storage": "caches on S3 or Alluxio",
    "studio": "studio",
    "templates": "plugins new",
    "tune": "tune, generate",
}
PROGRAMS = {"helm": "--render of charts", "kustomize": "--render of kustomizations"}


@click.command(
    "doctor",
    epilog="""\b
Examples:
  couler doctor
  couler doctor --engine argo --namespace ml
  couler doctor --format json

\b
Exit codes:
  0  nothing is missing; what is absent, only those miss who want the feature
  1  something is missing: its line says which feature needs it, the next one what to do
  2  wrong usage, or no cluster is known and an option asks for one
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
    """Checks what is installed, what engines are reached, and your permissions there.

    Names what is missing, the features that need it, and the remedy. Changes nothing.
    """
    plugins = usable_plugins(config)
    if engine:
        engine = plugins.adapter(engine).engine
    chosen = [engine] if engine else list(plugins.adapters)
    in_cluster = [name for name in chosen if plugins.adapter(name).offers("checks")]
    if engine and not in_cluster and not plugins.adapter(engine).offers("local_checks"):
        raise InvalidInput(f"{engine} has nothing to check", hint="leave it out")
    cluster: Iterator[tuple[str, Check]] = iter(())
    if in_cluster:
        try:
            api, own = connected(context)
            namespace = namespace or own
            cluster = _check_cluster(api, plugins, in_cluster, namespace, named=engine is not None)
        except InvalidInput as error:
            if engine or context or namespace:
                raise
            check = Check(feature="reached", state="absent", message=error.message, remedy=error.hint or "")
            cluster = iter([("cluster", check)])
    checks: list[tuple[str, Check]] = []
    for name, check in chain(_check_here(plugins, config, engine, chosen), cluster):
        checks.append((name, check))
        if output_format != "json":
            click.echo(f"{name}: {check.feature}: {check.state}: {check.message}")
            if check.remedy:
                click.echo(f"    {check.remedy}")
    states = [check.state for _, check in checks]
    if output_format == "json":
        checked = [{"engine": name, **msgspec.to_builtins(check)} for name, check in checks]
        print_json("couler.doctor/v1", {"namespace": namespace, "checks": checked})
    else:
        click.echo(", ".join(f"{states.count(state)} {state}" for state in ("ok", "absent", "missing", "unknown")))
    ctx.exit(1 if "missing" in states else 0)


def _check_here(plugins: Plugins, config: Config, engine: str | None, chosen: list[str]) -> Iterator[tuple[str, Check]]:
    """What there is on this machine, with the engine that it is about."""
    if not engine:
        yield from (("couler", check) for check in _check_machine(plugins, config))
    for name in chosen:
        yield from ((name, check) for check in plugins.adapter(name).local_checks())


def _check_machine(plugins: Plugins, config: Config) -> Iterator[Check]:
    """What of couler is there, by extra."""
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        yield Check(feature="version", state="unknown", message=f"{NAME} is not installed: it is on Python's path only")
        return
    message = f"{NAME} {installed.version}, Python {platform.python_version()}"
    yield Check(feature="version", state="ok", message=message)
    for extra in installed.metadata.get_all("Provides-Extra") or ():
        lines = [line for line in installed.requires or () if re.search(rf"extra == .{re.escape(extra)}\b", line)]
        there = {name: _version(name) for line in lines for name in re.findall(r"^[\w.-]+", line)}
        lacks = [name for name, number in there.items() if not number]
        needs = f" ({EXTRAS[extra]})" if extra in EXTRAS else ""
        if lacks:
            message = f"{', '.join(lacks)} {'is' if len(lacks) == 1 else 'are'} not installed{needs}"
            yield Check(feature=f"extra {extra}", state="absent", message=message, remedy=install_hint(extra))
        else:
            message = ", ".join(f"{name} {number}" for name, number in there.items())
            yield Check(feature=f"extra {extra}", state="ok", message=message)
    for program, use in PROGRAMS.items():
        if (path := shutil.which(program)) is not None:
            yield Check(feature=program, state="ok", message=path)
        else:
            yield Check(feature=program, state="absent", message=f"it is not on the PATH ({use})")
    broken = ", ".join(record.name for record in plugins.records if record.errors)
    if broken:
        yield Check(
            feature="plugins", state="missing", message=f"{broken} cannot be used", remedy="call couler plugins"
        )
    else:
        number = sum(record.enabled for record in plugins.records)
        yield Check(feature="plugins", state="ok", message=f"{number} are there; couler plugins lists them")
    yield _check_store(config)


def _check_store(config: Config) -> Check:
    """Look whether the store of results answers; a folder that is not there is not made."""
    if not config.cache_store:
        remedy = "set cache-store in couler.toml, or COULER_CACHE_STORE"
        return Check(feature="store", state="absent", message="no store of `couler cache` is set", remedy=remedy)
    place = redact_url(config.cache_store)
    try:
        with existing(config) as cache:
            cache.lookup(NAME)
    except CoulerError as error:
        return Check(feature="store", state="missing", message=f"{place}: {error.message}", remedy=error.hint or "")
    return Check(feature="store", state="ok", message=f"{place} answers")


def _version(name: str) -> str:
    """The version of a package; empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _check_cluster(
    api: Any, plugins: Plugins, engines: list[str], namespace: str, *, named: bool
) -> Iterator[tuple[str, Check]]:
    message = f"Kubernetes {version_of(api)} at {api.configuration.host}, namespace {namespace}"
    yield "cluster", Check(feature="reached", state="ok", message=message)
    groups = served(api)
    for name in engines:
        adapter = plugins.adapter(name)
        if not groups.issuperset(group.name for group in adapter.groups):
            message = f"the cluster does not serve {', '.join(group.name for group in adapter.groups)}"
            remedy = f"install {name} there" if named else ""
            state: Literal["missing", "absent"] = "missing" if named else "absent"
            yield name, Check(feature="installed", state=state, message=message, remedy=remedy)
        else:
            yield from ((name, check) for check in adapter.checks(api, namespace))
