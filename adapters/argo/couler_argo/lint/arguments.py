"""What a call passes: checked by itself, and against what the called template needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Literal

from couler_argo.lint.artifacts import has_source
from couler_argo.lint.report import Report, check_ports
from couler_plugins.documents import Mapped, Path

Later = Literal["never", "at submission", "in use"]
ALLOWED = ("configMapKeyRef", "event", "supplied")
FORBIDDEN = ("path", "jsonPath", "parameter", "expression")


class Arguments:
    """The parameters and artifacts that are passed, by name; the first of a name counts."""

    def __init__(self, data: Mapped) -> None:
        self.parameters = firsts(data.get("parameters", ()))
        self.artifacts = firsts(data.get("artifacts", ()))


def firsts(items: Iterable[Mapped]) -> dict[str, Mapped]:
    """The first thing of each name."""
    first: dict[str, Mapped] = {}
    for item in items:
        first.setdefault(item.get("name", ""), item)
    return first


def as_text(value: Any) -> str:
    """A parameter's value as Argo reads it: whatever it is in YAML, it becomes a text."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{Decimal(repr(float(value))):f}".removesuffix(".0")
        case str():
            return value
    return ""


def check_arguments(
    data: Mapped, path: Path, where: str, report: Report, later: Later = "never", needed: Collection[str] = ()
) -> None:
    """The arguments of a call, or of a workflow.

    Args:
        data: the `arguments`.
        path: where they are.
        where: what they belong to, to begin a message with.
        report: gets what is wrong.
        later: whether values can still be given: never, when the workflow is submitted, or by whoever uses it.
        needed: the parameters whose want is said elsewhere.
    """
    check_ports(data, path, where, report, literal=not where)
    for number, item in enumerate(data.get("parameters", ())):
        place = (*path, "parameters", number)
        name = item.get("name", "")
        if "value" not in item and "valueFrom" not in item and name not in needed:
            message = f"{where}parameter {name!r} has no value"
            if later == "never":
                report.error("missing-value", place, message, "give it a value or valueFrom")
            elif later == "at submission":
                report.warning("missing-value", place, message, "give one here or whenever you submit it")
        _check_value_from(item, place, f"{where}parameter {name!r}", report)
        if _check_enum(item, place, f"{where}parameter {name!r}", report, later != "never"):
            return  # Argo looks no further here
    for number, item in enumerate(data.get("artifacts", ())):
        place = (*path, "artifacts", number)
        subject = f"{where}artifact {item.get('name', '')!r}"
        if not item.get("from") and not has_source(item):
            hint = "give it `from`, or a location with a key"
            report.error("missing-source", place, f"{subject} has no source", hint)
        if item.get("from") and item.get("fromExpression"):
            report.error("missing-source", place, f"{subject} has both from and fromExpression", "keep one of them")


def _check_value_from(item: Mapped, path: Path, subject: str, report: Report) -> None:
    source = item.get("valueFrom")
    if source is None:
        return
    wrong = [key for key in FORBIDDEN if source.get(key)]
    if wrong or not any(source.get(key) if key == "event" else key in source for key in ALLOWED):
        message = f"{subject} takes no valueFrom with {wrong[0] if wrong else 'nothing but that'}"
        report.error("value-from", (*path, "valueFrom"), message, "use configMapKeyRef, supplied, event or a value")


def _check_enum(item: Mapped, path: Path, subject: str, report: Report, later: bool) -> bool:
    """Checks a parameter's enum; whether Argo stops there because the value is still to be given."""
    if "enum" not in item:
        return False
    allowed = [as_text(value) for value in item["enum"]]
    if not allowed:
        report.error("enum", (*path, "enum"), f"{subject} has an empty enum", "list the values, or remove it")
    elif "value" not in item:
        if later:
            return True
        if "valueFrom" in item:
            report.error("missing-value", path, f"{subject} has an enum and no value", "give it one of these values")
    elif as_text(item["value"]) not in allowed:
        message = f"{subject} is {as_text(item['value'])!r}, which is not in its enum"
        report.error("enum", (*path, "value"), message, f"use one of {', '.join(allowed)}")
    return False


def check_supply(template: Mapped, arguments: Arguments, path: Path, subject: str, report: Report) -> None:
    """Whether a call passes what a template needs.

    Args:
        template: the one that is called.
        arguments: what is passed.
        path: the place of the call.
        subject: who calls what, to begin a message with.
        report: gets what is missing.
    """
    inputs = template.get("inputs", {})
    names = {item.get("name", "") for item in inputs.get("parameters", ())}
    for item in inputs.get("parameters", ()):
        name = item.get("name", "")
        passed = arguments.parameters.get(name)
        if passed is not None and "value" not in passed and "valueFrom" not in passed:
            if path[-1:] != ("entrypoint",) and path[-1:] != ("onExit",):
                continue  # said where it is passed
            hint = "give it a value in the workflow's arguments"
            report.error("missing-argument", path, f"{subject} gets no value for its parameter {name!r}", hint)
        elif not _has_value(item, passed):
            hint = _hint(name, [key for key in arguments.parameters if key not in names], "parameter", report)
            report.error("missing-argument", path, f"{subject} is not passed its parameter {name!r}", hint)
    names = {item.get("name", "") for item in inputs.get("artifacts", ())}
    for item in inputs.get("artifacts", ()):
        name = item.get("name", "")
        if not item.get("optional") and not has_source(item) and name not in arguments.artifacts:
            hint = _hint(name, [key for key in arguments.artifacts if key not in names], "artifact", report)
            report.error("missing-argument", path, f"{subject} is not passed its artifact {name!r}", hint)


def _has_value(item: Mapped, passed: Mapped | None) -> bool:
    if passed is None:
        return "value" in item or "default" in item or "configMapKeyRef" in item.get("valueFrom", {})
    return "value" in passed or "configMapKeyRef" in passed["valueFrom"]


def _hint(name: str, passed: Collection[str], kind: str, report: Report) -> str:
    """What to do about a missing argument; the names of those that the template does not take may be meant."""
    return report.meant(name, passed, f"pass it, or give the {kind} a default" if kind == "parameter" else "pass it")
