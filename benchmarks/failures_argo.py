"""Retries as Argo decides on them, from a document: policy, backoff, limit and expression, and memory from a patch.

Source: `processNodeRetries`, `buildRetryStrategyLocalScope` and `executeTemplate` in workflow/controller/operator.go,
and util/errors/errors.go, of v4.0.5. Expressions are evaluated by the engine in this process (`couler run --local`); a
test compares that with Argo's own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from benchmarks.failures_replay import MEMORY, Failure
from couler_argo.run.local.evaluating import evaluated, spelled
from couler_argo.run.local.programs import seconds_of
from couler_plugins.ir.quantities import parse_quantity

__all__ = ["ArgoRetries", "Template", "again", "filled", "scope_of"]

NAME = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|(?P<name>\blastRetry\.\w+|\bretries\b)")
TAG = re.compile(r"\{\{=(?P<expression>.*?)\}\}|\{\{(?P<name>.*?)\}\}", re.DOTALL)
TRANSIENT = (
    "etcdserver: leader changed",
    "etcdserver: request timed out",
    "etcdserver: too many requests",
    "Connection closed by foreign host",
    "net/http: TLS handshake timeout",
    "i/o timeout",
    "connection timed out",
    "connection reset by peer",
    "http2: client connection lost",
    "http2: server sent GOAWAY and closed the connection",
    "connect: connection refused",
    "invalid connection",
)
"""Of a message, what the policy OnTransientError looks for."""


class Template(NamedTuple):
    """What a template says of its attempts.

    Attributes:
        strategy: its `retryStrategy`; None for none.
        patch: its `podSpecPatch`; empty for none.
    """

    strategy: Mapping[str, Any] | None = None
    patch: str = ""


class ArgoRetries:
    """Retries of a workflow whose steps call these templates, by the position of the step."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = templates

    def again(self, step: int, failures: Sequence[Failure]) -> tuple[bool, float]:
        """Whether Argo tries again, and how long it waits before it does or does not."""
        strategy = self.templates[step].strategy
        return (False, 0.0) if strategy is None else again(strategy, failures)

    def memory(self, step: int, failures: Sequence[Failure]) -> float:
        """The limit of the main container, as the template's patch leaves it."""
        patch = self.templates[step].patch
        scope = tuple(pair for pair in scope_of(failures, "0") if pair[0] in patch)
        return _memory(patch, scope) if patch else MEMORY


def again(strategy: Mapping[str, Any], failures: Sequence[Failure]) -> tuple[bool, float]:
    """What `processNodeRetries` does after a failed attempt: it waits first, and asks then."""
    count, last = len(failures), failures[-1]
    limit = int(str(strategy["limit"])) if strategy.get("limit") is not None else None
    backoff = strategy.get("backoff")
    wait = 0.0
    if backoff:
        wait = seconds_of(str(backoff["duration"])) * (int(backoff.get("factor") or 0) or 1) ** (count - 1)
        if backoff.get("cap"):
            wait = min(wait, seconds_of(str(backoff["cap"])))
        if backoff.get("maxDuration"):
            longest = seconds_of(str(backoff["maxDuration"]))
            if last.start + last.seconds + wait > longest:
                return False, 0.0
        if limit is None or count > limit:
            wait = 0.0
    if not _by_policy(strategy, last) or (limit is not None and count > limit):
        return False, wait
    expression = strategy.get("expression")
    return not expression or _holds(expression, scope_of(failures, "-1")), wait


def _by_policy(strategy: Mapping[str, Any], last: Failure) -> bool:
    policy = strategy.get("retryPolicy") or ("Always" if strategy.get("expression") else "OnFailure")
    if policy == "OnTransientError":
        return any(text in last.form.message for text in TRANSIENT)
    return {"Always": True, "OnFailure": last.form.status == "Failed", "OnError": last.form.status == "Error"}[policy]


def scope_of(failures: Sequence[Failure], no_code: str) -> tuple[tuple[str, str], ...]:
    """The variables of an expression, which are all texts.

    Args:
        failures: the attempts so far.
        no_code: what the exit code is where there is none: "-1" in an expression of retries, "0" in a template.
    """
    if not failures:
        return tuple({"retries": "0", **_last("0", "0", "", "")}.items())
    form = failures[-1].form
    code = no_code if form.exit_code == "-1" else form.exit_code
    number = len(failures) - 1 if no_code == "-1" else len(failures)
    last = _last(code, str(round(failures[-1].seconds)), form.status, form.message)
    return tuple({"retries": str(number), **last}.items())


def _last(code: str, duration: str, status: str, message: str) -> dict[str, str]:
    values = {"exitCode": code, "duration": duration, "status": status, "message": message}
    return {f"lastRetry.{name}": value for name, value in values.items()}


def _holds(expression: str, scope: tuple[tuple[str, str], ...]) -> bool:
    result = _value(expression, tuple(pair for pair in scope if pair[0] in expression))
    if not isinstance(result, bool):
        raise SystemExit(f"retryStrategy.expression is {result!r}, and neither true nor false: {expression}")
    return result


@functools.lru_cache(maxsize=1 << 16)
def _value(expression: str, scope: tuple[tuple[str, str], ...]) -> Any:
    names = [name for name, _ in scope]
    values = dict(scope)

    def place(match: re.Match[str]) -> str:
        name = match["name"]
        return match[0] if name is None else f"\x00{names.index(name)}\x00"

    return evaluated(NAME.sub(place, expression), [functools.partial(values.__getitem__, name) for name in names])


def filled(patch: str, scope: tuple[tuple[str, str], ...]) -> str:
    """A patch with the values in it that Argo fills in before an attempt."""
    values = dict(scope)

    def value(match: re.Match[str]) -> str:
        if match["expression"] is None:
            return values[match["name"].strip()]
        return spelled(_value(match["expression"], scope))

    return TAG.sub(value, patch)


@functools.lru_cache(maxsize=1 << 16)
def _memory(patch: str, scope: tuple[tuple[str, str], ...]) -> float:
    for container in yaml.safe_load(filled(patch, scope)).get("containers") or ():
        limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
        if container.get("name") == "main" and limit is not None:
            return float(parse_quantity(limit) or MEMORY)
    return MEMORY
