"""New requests and limits of one container, and the reasons for what stays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.ir import (
    GIBIBYTE,
    MEBIBYTE,
    Container,
    Literal,
    Value,
    cpu_text,
    memory_text,
    parse_quantity,
    references,
    replace,
)
from couler_plugins.rightsizing.attempts import Demand
from couler_plugins.rightsizing.rules import Rule

TEXTS = {"memory": memory_text, "cpu": cpu_text}


class Targets(NamedTuple):
    """What sizes are to be like.

    Attributes:
        resources: those that are changed, of `memory` and `cpu`.
        margin: the share that is added to what is needed.
        change: the least relative change that is written.
        min_samples: the least number of attempts.
        bounds: the least amounts, as in `Rule.bounds`.
        parameters: whether amounts that the run fills in are replaced.
    """

    resources: tuple[str, ...]
    margin: float
    change: float
    min_samples: int
    bounds: dict[str, float]
    parameters: bool


class Sized(NamedTuple):
    """A container with new sizes.

    Attributes:
        container: the container; the same object where it stays as it is.
        now: it with all sizes that are in force then.
        reasons: why sizes stay.
    """

    container: Container
    now: Container
    reasons: tuple[str, ...] = ()


def sized(container: Container, now: Container, demand: Demand, rule: Rule, targets: Targets) -> Sized:
    """Return a container with the sizes that it needs.

    Args:
        container: the container, as it is written.
        now: it with all sizes that are in force.
        demand: what past attempts used.
        rule: what its owner says.
        targets: what sizes are to be like.
    """
    old, reasons, settled = container, [], f"its sizes are right within {targets.change:.0%}"
    for resource in targets.resources:
        new, reason = _changes(resource, now, demand, rule, targets)
        reasons += [reason or settled] if not new else []
        container, now = _with(container, resource, new), _with(now, resource, new)
    return Sized(
        container, now, tuple(dict.fromkeys(reason for reason in reasons if container is old or reason != settled))
    )


def size_text(container: Container, resource: str) -> str:
    """Return what a container asks for and may have: `1Gi`, `1Gi/2Gi`, `250m/none`."""
    request, limit = (dict(pairs).get(resource) for pairs in (container.requests, container.limits))
    texts = [_text(value) for value in (limit if request is None else request, limit)]
    return "/".join(dict.fromkeys(texts))


def _text(value: Value | None) -> str:
    return "none" if value is None else str(value.value) if isinstance(value, Literal) else "run"


def _with(container: Container, resource: str, new: dict[str, Value]) -> Container:
    for field, value in new.items():
        pairs = {**dict(getattr(container, field)), resource: value}
        container = replace(container, **{field: tuple(sorted(pairs.items()))})
    return container


def _changes(
    resource: str, now: Container, demand: Demand, rule: Rule, targets: Targets
) -> tuple[dict[str, Value], str]:
    """Return the new request and limit of a resource, those that change; or why they stay although they are wrong."""
    pairs: dict[str, Value | None] = {
        field: dict(getattr(now, field)).get(resource) for field in ("requests", "limits")
    }
    if not targets.parameters and (reason := next(_filled_in(resource, pairs), "")):
        return {}, reason
    attempts, needed = (
        (demand.memory_attempts, demand.memory) if resource == "memory" else (demand.cpu_attempts, demand.cpu)
    )
    if needed is None:
        unknown = " and ".join(name for name in targets.resources if getattr(demand, name) is None)
        return {}, f"its use of {unknown} was not observed: `couler history fetch --prometheus URL` asks for it"
    if attempts < targets.min_samples:
        return {}, f"fewer than {targets.min_samples} attempts tell its use of {resource}"
    high = rule.bounds.get("max-memory", math.inf)
    if resource == "memory" and (demand.peak or 0) > high:
        return {}, f"past attempts used more than the max-memory of its row, {memory_text(demand.peak or 0)} at most"
    request, limit = (parse_quantity(value.value) if isinstance(value, Literal) else None for value in pairs.values())
    wanted = rounded(resource, needed * (1 + targets.margin), {**targets.bounds, **rule.bounds})
    if rule.keeps_limits:
        wanted, bound = min(wanted, limit if limit is not None else math.inf), limit
    else:
        bound = wanted if resource == "memory" or (limit is not None and wanted > limit) else limit
    starved = resource == "memory" and limit != bound and limit is not None and (demand.peak or 0) >= limit
    near = (_near(limit if request is None else request, wanted, targets), _near(limit, bound, targets))
    if all(near) and not starved:
        return {}, ""
    gets_less = wanted < (request or 0.0) or (bound is not None and bound < (math.inf if limit is None else limit))
    if gets_less and demand.completed < targets.min_samples:
        return {}, f"fewer than {targets.min_samples} attempts did not fail: these tell how much is too little"
    if gets_less and resource == "memory" and demand.unlimited:
        return {}, "an attempt may have been killed for memory, and no record says at which limit"
    after: dict[str, Value] = {}
    if bound is not None and bound != limit:
        after["limits"] = Literal(value=TEXTS[resource](bound))
    if wanted != (bound if request is None and limit is not None else request):
        # Its own limit keeps its spelling: rounded up, the request would be above it.
        own = pairs["limits"] if wanted == limit else None
        after["requests"] = own or Literal(value=TEXTS[resource](wanted))
    return after, ""


def _filled_in(resource: str, pairs: dict[str, Value | None]) -> Iterator[str]:
    """Yield which amounts are not known before the run."""
    for field, value in pairs.items():
        if value is None or (isinstance(value, Literal) and parse_quantity(value.value) is not None):
            continue
        names = sorted({item.name or item.native for item in references(value)})
        what = f"comes from {', '.join(names)}" if names else f"is {_text(value)!r:.60}"
        yield f"its {field.removesuffix('s')} of {resource} {what}, which only the run knows: change it there"


def _near(now: float | None, then: float | None, targets: Targets) -> bool:
    if now is None or then is None:
        return now is then
    return math.isclose(now, then) or abs(then - now) < targets.change * now


def rounded(resource: str, amount: float, bounds: dict[str, float]) -> float:
    """Return an amount within bounds, rounded up to what people would write."""
    low, high = (bounds.get(f"{end}-{resource}") for end in ("min", "max"))
    amount = max(amount, low or 0.0)
    if resource == "memory":
        step = 16 * MEBIBYTE if amount <= GIBIBYTE else (64 if amount <= 8 * GIBIBYTE else 128) * MEBIBYTE
        amount = math.ceil(amount / step) * step
    else:
        step = 10 if amount <= 1 else 50
        amount = math.ceil(round(amount * 1000 / step, 6)) * step / 1000
    unit = MEBIBYTE if resource == "memory" else 0.001  # what texts have: rounded up, they would be above the bound
    return amount if high is None else min(amount, max(math.floor(round(high / unit, 6)), 1) * unit)
