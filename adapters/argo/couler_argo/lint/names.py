"""Names that Argo accepts, and lists of things with names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from couler_argo.lint.report import Report
from couler_argo.lint.tags import is_computed
from couler_plugins.documents import Path

Mapping = dict[str, Any]
FIELD = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
PORT = re.compile(r"[-a-zA-Z0-9_]+")
MAX_FIELD = 128
Check = Callable[[str, str, Path, str, Report], None]


def check_field(name: str, kind: str, path: Path, where: str, report: Report) -> None:
    """The name of a template, step, task or container."""
    if not FIELD.fullmatch(name):
        hint = "use letters, digits and '-', and begin with a letter or digit"
        report.error("invalid-name", path, f"{where}{kind} {name!r} has a name that Argo does not accept", hint)
    if len(name.encode()) > MAX_FIELD:
        message = f"{where}{kind} {name[:20]!r}… has a name of {len(name)} characters"
        report.error("invalid-name", path, message, f"use at most {MAX_FIELD}")


def check_port_name(name: str, kind: str, path: Path, where: str, report: Report) -> None:
    """The name of a parameter or artifact."""
    if not PORT.fullmatch(name):
        message = f"{where}{kind} {name!r} has a name that Argo does not accept"
        report.error("invalid-name", path, message, "use letters, digits, '-' and '_'")


def check_fields(
    items: Iterable[Mapping],
    kind: str,
    path: Path,
    where: str,
    report: Report,
    literal: bool,
    check: Check = check_field,
) -> None:
    """A list of templates, tasks or containers: each has a good name of its own.

    Args:
        items: the list.
        kind: what the things in it are.
        path: where it is.
        where: what it belongs to, to begin a message with.
        report: gets what is wrong.
        literal: whether Argo reads the names as they are written, without filling anything in.
        check: what makes a good name.
    """
    names: set[str] = set()
    for number, item in enumerate(items):
        name = item.get("name", "")
        if not name:
            report.error("missing-name", (*path, number), f"{where}{kind} number {number + 1} has no name", "name it")
            continue
        if literal or not is_computed(name):
            check(name, kind, (*path, number, "name"), where, report)
        if name in names:
            message = f"{where}two {kind}s are named {name!r}"
            report.error("duplicate-name", (*path, number, "name"), message, "rename one of them")
        names.add(name)


def check_ports(ports: Mapping, path: Path, where: str, report: Report, literal: bool) -> None:
    """The parameters and artifacts of some inputs, outputs or arguments; as `check_fields`."""
    for plural, kind in (("parameters", "parameter"), ("artifacts", "artifact")):
        check_fields(ports.get(plural, ()), kind, (*path, plural), where, report, literal, check_port_name)
