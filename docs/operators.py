"""Writes the page on what caching does with the operators of Airflow's providers that are installed."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from couler_airflow.cache.key import OperatorKey, key_of_class

__all__ = ["PREFIX", "Provider", "page", "provider", "section", "versions"]

PREFIX = "apache-airflow-providers-"
HEAD = """\
# Caching of Airflow provider operators

This page is made by `python3 dev.py docs` where these are installed, and a test makes it again:

{versions}.

This page lists which operators Airflow workers can cache once a [mark](airflow-cache.md#which-tasks-are-cached) or
`cache_operators` declares them pure. couler reads the code of the operator and of its base classes, up to Airflow's.
For an operator of your own, call `couler_airflow.cache.key.key_of_class(cls)`.

- **by its attributes**: its key has all that it was given, and its template fields as they were rendered. What says
  when, where and how often it runs is in the key only where its code reads it; this is named, as are values of the run
  that its code reads by name (`context["ds"]`).
- **none**: its code takes what no key covers. `context=("ds",)` says which values of the run count, where it takes `ti`
  or all of the context. `allow=("programs",)` is for programs. A BashOperator whose command asks for the environment
  (`env`, `AIRFLOW_CTX_…`) takes all of the run as well.
- **never**: it always runs, whatever is said.

A key is not all that it takes:

- An operator that names a connection (`conn_id`, `aws_conn_id`, …) runs without the cache until `connections` are
  allowed: what the connection says is in no key.
- One that connects to something is seen when it runs. Its result is kept where `network` is allowed: results then do
  not depend on what is there.
- What creates, changes or deletes something is not pure, though it has a key. Nobody declares it but you.
- What returns nothing is not kept. Sensors are never cached, and left out here.
"""


class Provider(NamedTuple):
    """A provider that is installed.

    Attributes:
        name: of its distribution.
        operators: the classes of its operators, by the names that people call them by.
        missing: its modules that need what is not installed.
    """

    name: str
    operators: dict[str, type]
    missing: tuple[str, ...]


def versions() -> dict[str, str]:
    """Return the versions of Airflow and its providers, by distribution."""
    return {name: version(name) for name in ("apache-airflow", *sorted(_entries()))}


def provider(name: str) -> Provider:
    """Return what a distribution has; its modules are imported for it."""
    from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException

    info = _entries()[name].load()()
    modules = {module for group in info.get("operators", ()) for module in group["python-modules"]}
    modules |= {transfer["python-module"] for transfer in info.get("transfers", ())}
    decorators = {one["class-name"].rpartition(".")[0]: one["name"] for one in info.get("task-decorators", ())}
    operators: dict[str, type] = {}
    missing: list[str] = []
    for module in sorted({*modules, *decorators}):
        try:
            operators |= _operators(module, decorators.get(module))
        except (ImportError, AirflowOptionalProviderFeatureException):
            missing.append(module)
    return Provider(name, dict(sorted(operators.items())), tuple(missing))


def _entries() -> dict[str, EntryPoint]:
    found = ((entry.dist.name, entry) for entry in entry_points(group="apache_airflow_provider") if entry.dist)
    return {name: entry for name, entry in found if name.startswith(PREFIX)}


def _operators(module: str, decorator: str | None) -> Iterator[tuple[str, type]]:
    from airflow.sdk import BaseOperator
    from airflow.sdk.bases.sensor import BaseSensorOperator

    for name, cls in vars(importlib.import_module(module)).items():
        own = inspect.isclass(cls) and issubclass(cls, BaseOperator) and cls.__module__ == module
        if own and not issubclass(cls, BaseSensorOperator) and (decorator or not name.startswith("_")):
            yield (f"@task.{decorator}" if decorator else name), cls


def page() -> str:
    """Return the page: a section for each provider, a row for each way in which its operators are keyed or refused."""
    shown = ", ".join(f"{name.removeprefix(PREFIX)} {number}" for name, number in versions().items())
    sections = (section(provider(name)) for name in sorted(_entries()))
    return "\n".join([HEAD.format(versions=shown), *filter(None, sections)])


def section(provider: Provider) -> str:
    """Return the section on a provider; empty where it has no operators."""
    rows: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, cls in provider.operators.items():
        rows[_kind(cls, key_of_class(cls))].append(f"`{name}`")
    lines = [f"## {provider.name.removeprefix(PREFIX)}", "", "| key | | operators |", "| --- | --- | --- |"]
    lines += (f"| {kind} | {what} | {', '.join(names)} |" for (kind, what), names in sorted(rows.items()))
    if provider.missing:
        short = (f"`{module.removeprefix('airflow.providers.')}`" for module in provider.missing)
        lines += ("", f"Not looked at, as what they import is not installed: {', '.join(short)}.")
    return "\n".join([*lines, ""]) if rows else ""


def _kind(cls: type, key: OperatorKey) -> tuple[str, str]:
    if key.never:
        return "never", key.never + ("; its choice has a key" if key.asks else "")
    if key.objections:
        said = [item.reason.replace(f"the code of {cls.__name__}", "it") for item in key.objections]
        whole = [text for text in said if text.endswith("context")]
        said = [text for text in said if not (whole and text.endswith("of the run"))]
        return "none", "; ".join(text.replace(f"{cls.__name__} ", "it ") for text in said)
    if key.asks:
        return "what its body asks for", "`ds`, `params` and the like, by the names of its parameters"
    more = [f'`context["{name}"]`' for name in key.context] + [f"`{name}`" for name in key.own]
    return "by its attributes", f"with {', '.join(more)}" if more else ""


if __name__ == "__main__":
    if find_spec("airflow"):
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stderr.write(f"{sys.argv[1]} stays as it is: it needs Airflow\n")
