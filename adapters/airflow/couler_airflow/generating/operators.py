"""Operations of other engines that are operators of Airflow's own, and no pods: pauses, approvals, requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from couler_airflow.generating.printing import Call, Node, timedelta_of
from couler_airflow.generating.task import RESULT
from couler_airflow.generating.texts import Scope, Text, constant, data_text, joined, resolve, resolve_data, spelt
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.ir import Operation

Plain = tuple[tuple[str, dict[str, Node]], Mapping[str, str]]
"""The operator with what it is called with, and what others may read of it, by key."""
STATUS = re.compile(r"\s*response\.statusCode\s*==\s*(\d{3})\s*")
CONTAINS = re.compile(r"""\s*response\.body\s+contains\s+(["'])([^"'\\]*)\1\s*""")


def suspended(operation: Operation, scope: Scope, step: str, diagnostics: Diagnostics) -> Plain:
    """A pause, for so many seconds, or until somebody approves.

    Raises:
        Unsupported: it lasts until something else happens.
    """
    fields = resolve_data(operation.native_extra, scope, operation.name)
    data = fields.pop("suspend", None) or {}
    if fields or data.keys() - {"duration"}:
        raise refusal("Operation.kind", operation.name, "is suspended in a way that Airflow does not know")
    if "duration" in data:
        duration = timedelta_of(data_text(data["duration"]) or "")
        if duration is None or operation.outputs:
            raise refusal("Operation.kind", operation.name, "is suspended for a time that only the run knows")
        return ("BashOperator", {"bash_command": f"sleep {duration.keywords['seconds']}"}), {}
    params: dict[str, Node] = {}
    for port in operation.inputs:
        extra = resolve_data(port.native_extra, scope, operation.name)
        texts = [constant(item) for item in extra.get("enum") or []]
        keywords: dict[str, Node] = {"type": "string", **({"enum": texts} if texts else {})}
        if extra.get("description"):
            keywords["description"] = constant(extra["description"])
        default = port.value if port.value is not None else port.default
        own = () if default is None else (constant(resolve(default, scope, step)),)
        params[port.name] = Call("Param", own, keywords)
    if any(output.name not in params or output.kind != "parameter" for output in operation.outputs):
        raise refusal("Operation.kind", operation.name, "is given what it has no parameter for, while it is suspended")
    reason = "somebody approves it in Airflow (3.1 or later); a rejection fails the step"
    diagnostics.note(operation.name, "waits for an approval", reason)
    node = {"subject": f"Approve {step}", "fail_on_reject": True, **({"params": params} if params else {})}
    return ("ApprovalOperator", node), {item.name: f"['params_input'][{item.name!r}]" for item in operation.outputs}


def requested(operation: Operation, scope: Scope, step: str, diagnostics: Diagnostics) -> Plain:
    """A request by HTTP.

    Raises:
        Unsupported: it has more than a method, headers, a body, and a plain condition.
    """
    data = resolve_data(operation.native_extra, scope, operation.name).pop("http", {})
    others = data.keys() - {"url", "method", "headers", "body", "successCondition", "timeoutSeconds"}
    headers = data.get("headers") or []
    if others or operation.outputs or any(header.keys() != {"name", "value"} for header in headers):
        raise refusal("Operation.kind", operation.name, "sends a request that only Argo's agent can send")
    arguments: dict[str, Any] = {"url": _spelt(data.get("url", ()))}
    if data.get("method"):
        arguments["method"] = _spelt(data["method"])
    if headers:
        arguments["headers"] = {constant(header["name"]): _spelt(header["value"]) for header in headers}
    if data.get("body"):
        arguments["body"] = _spelt(data["body"])
    if data.get("timeoutSeconds") is not None:
        arguments["timeout"] = int(data_text(data["timeoutSeconds"]) or "0")
    if data.get("successCondition"):
        text = constant(data["successCondition"]) or ""
        status, contains = STATUS.fullmatch(text), CONTAINS.fullmatch(text)
        if status:
            arguments["status"] = int(status[1])
        elif contains:
            arguments["contains"] = contains[2]
        else:
            raise refusal("Operation.kind", operation.name, "succeeds on a condition that is more than a status")
    diagnostics.note(step, "is sent by a worker of Airflow", "Argo sends requests from an agent of its own")
    return ("request", arguments), {RESULT: ""}


def _spelt(text: Text) -> Node:
    return spelt(joined(text), jinja=True)


PLAIN: Mapping[str, Callable[[Operation, Scope, str, Diagnostics], Plain]] = {"suspend": suspended, "http": requested}
"""How operations of these kinds are written."""
